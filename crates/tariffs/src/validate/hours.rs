//! Operating hours.

use std::collections::BTreeSet;

use super::Report;
use crate::book::RateTable;
use crate::days::DayKind;
use crate::problem::{Path, ProblemKind};
use crate::schedule::day_windows;

impl Report<'_> {
    pub(super) fn hours(&mut self, table: &RateTable, path: &Path) {
        let path = path.key("hours");
        if table.hours.is_empty() {
            self.error(ProblemKind::Gap, &path, "there are no operating hours: nothing would ever be charged");
        }
        for (index, window) in table.hours.iter().enumerate() {
            if window.from == window.to || window.from == crate::ClockTime::END {
                let message =
                    format!("the window from {} to {} is empty; a whole day is 00:00 to 24:00", window.from, window.to);
                self.error(ProblemKind::Impossible, &path.index(index), message);
            }
            if window.days.names_holidays() && table.calendar.is_none() && window.days != crate::DaySet::DAILY {
                self.no_effect(&path.index(index).key("days"), "names holidays, but the table has no calendar");
            }
        }
        self.overlapping_hours(table, &path);
    }

    /// Every kind of day after every kind of day: windows that run over midnight meet those of the next day.
    fn overlapping_hours(&mut self, table: &RateTable, path: &Path) {
        let mut reported = BTreeSet::new();
        for today in DayKind::all().filter(|day| table.calendar.is_some() || *day != DayKind::HOLIDAY) {
            for yesterday in DayKind::all() {
                let mut windows: Vec<_> = day_windows(&table.hours, today, Some(yesterday)).collect();
                windows.sort_by_key(|(index, window)| (*window, *index));
                for pair in windows.windows(2) {
                    let [(first, (_, end)), (second, (start, _))] = pair else { continue };
                    let (low, high) = (*first.min(second), *first.max(second));
                    if start < end && reported.insert((low, high)) {
                        let message = format!("overlaps hours[{low}] on {today} from {start} to {end}");
                        self.error(ProblemKind::Overlap, &path.index(high), message);
                    }
                }
            }
        }
    }
}
