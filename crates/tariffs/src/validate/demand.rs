//! Bounds of what demand may make of prices: never more than the table says, unless the book says that the law allows it.

use super::Report;
use super::rates::HIGHEST_PERCENT;
use crate::book::RateTable;
use crate::demand::WHOLE;
use crate::problem::{Path, ProblemKind};

impl Report<'_> {
    /// The limit that the book itself gives.
    pub(super) fn law(&mut self) {
        let Some(highest) = self.book.law.highest_demand_percent else { return };
        let path = Path::default().key("law").key("highest_demand_percent");
        if !(WHOLE..=HIGHEST_PERCENT).contains(&highest) {
            let message = format!("{highest} % is not between {WHOLE} % and {HIGHEST_PERCENT} %");
            self.error(ProblemKind::Impossible, &path, message);
        }
        let raises = |table: &RateTable| table.demand.as_ref().is_some_and(|rule| rule.cap_percent > WHOLE);
        if !self.book.tables.iter().any(raises) {
            self.no_effect(&path, "no table lets demand raise its prices");
        }
    }

    pub(super) fn demand(&mut self, table: &RateTable, path: &Path) {
        let Some(rule) = &table.demand else { return };
        let path = path.key("demand");
        let (floor, cap) = (rule.floor_percent, rule.cap_percent);
        if !(1..=WHOLE).contains(&floor) {
            let message = format!("a floor of {floor} % is not between 1 % and {WHOLE} %");
            self.error(ProblemKind::Impossible, &path.key("floor_percent"), message);
        }
        self.demand_cap(table, cap, &path.key("cap_percent"));
        if (floor, cap) == (WHOLE, WHOLE) {
            self.no_effect(&path, format!("from {WHOLE} % to {WHOLE} % demand moves no price"));
        }
    }

    fn demand_cap(&mut self, table: &RateTable, cap: u32, path: &Path) {
        let highest = self.book.law.highest_demand_percent.unwrap_or(WHOLE);
        let message = if cap < WHOLE {
            format!("under a cap of {cap} % nobody ever pays what the table says; lower its prices instead")
        } else if cap > WHOLE && table.on_street {
            // Otherwise a stay could cost more than the FPS, which is the price of the longest stay at most.
            format!("on the street demand may lower prices only, to {WHOLE} % at most (CGCT L.2333-87)")
        } else if cap > highest {
            format!("a cap of {cap} % is above the legal rate, {highest} % of the table (law.highest_demand_percent)")
        } else {
            return;
        };
        self.error(ProblemKind::Impossible, path, message);
    }
}
