//! Tables in time: dates, versions, zones, calendars.

use std::collections::{BTreeMap, HashSet};

use parvis_parking::ZoneId;

use super::Report;
use crate::book::RateTable;
use crate::problem::{Path, ProblemKind};

impl Report<'_> {
    pub(super) fn tables(&mut self) {
        let book = self.book;
        let root = Path::default();
        if book.tables.is_empty() {
            self.error(ProblemKind::Gap, &root.key("tables"), "there is no table");
        }
        for (name, holidays) in &book.calendars {
            for (index, holiday) in holidays.iter().enumerate() {
                self.period(holiday.from, holiday.until, &root.key("calendars").key(name).index(index));
            }
        }
        let mut versions = HashSet::new();
        for (index, table) in book.tables.iter().enumerate() {
            let path = root.key("tables").index(index);
            if !versions.insert((&table.id, table.version)) {
                let message = format!("version {} of {} exists twice", table.version, table.id);
                self.error(ProblemKind::Name, &path.key("version"), message);
            }
            self.table(table, &path);
        }
        self.time_lines();
    }

    fn table(&mut self, table: &RateTable, path: &Path) {
        self.period(Some(table.from), table.until, path);
        if table.zones.is_empty() {
            self.error(ProblemKind::Gap, &path.key("zones"), "the table is for no zone");
        }
        for (index, zone) in table.zones.iter().enumerate() {
            if table.zones[..index].contains(zone) {
                self.error(
                    ProblemKind::Overlap,
                    &path.key("zones").index(index),
                    format!("zone {zone} is named twice"),
                );
            }
        }
        if let Some(name) = &table.calendar
            && !self.book.calendars.contains_key(name)
        {
            self.error(ProblemKind::Name, &path.key("calendar"), format!("there is no calendar {name}"));
        }
        if table.on_street && table.vat_basis_points.basis_points() > 0 {
            let message = "the fee for parking on the street is outside VAT";
            self.error(ProblemKind::Impossible, &path.key("vat_basis_points"), message);
        }
        self.hours(table, path);
        self.modifiers(table, path);
        self.demand(table, path);
        self.rates(table, path);
    }

    /// Per zone: no two tables on one day, and no day without a table between two.
    fn time_lines(&mut self) {
        let mut zones: BTreeMap<&ZoneId, Vec<(usize, &RateTable)>> = BTreeMap::new();
        for (index, table) in self.book.tables.iter().enumerate() {
            // A period that ends before it begins is reported as such.
            if table.until.is_none_or(|until| until > table.from) {
                let named: HashSet<&ZoneId> = table.zones.iter().collect();
                named.into_iter().for_each(|zone| zones.entry(zone).or_default().push((index, table)));
            }
        }
        for (zone, mut tables) in zones {
            tables.sort_by_key(|(_, table)| table.from);
            for pair in tables.windows(2) {
                let [(_, earlier), (index, later)] = pair else { continue };
                self.seam(zone, earlier, later, &Path::default().key("tables").index(*index).key("from"));
            }
        }
    }

    fn seam(&mut self, zone: &ZoneId, earlier: &RateTable, later: &RateTable, path: &Path) {
        let name = |table: &RateTable| format!("{} version {}", table.id, table.version);
        match earlier.until {
            Some(until) if until < later.from => {
                let message = format!(
                    "zone {zone} has no table from {until}, when {} ends, to {}, when {} begins",
                    name(earlier),
                    later.from,
                    name(later)
                );
                self.error(ProblemKind::Gap, path, message);
            }
            Some(until) if until == later.from => {}
            _ => {
                let message = format!("zone {zone} has {} and {} from {} on", name(earlier), name(later), later.from);
                self.error(ProblemKind::Overlap, path, message);
            }
        }
    }
}
