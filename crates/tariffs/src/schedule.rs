//! The operating hours of a zone as instants, day by day, across tables and changes of clocks.

use std::collections::VecDeque;

use chrono::{DateTime, Datelike, NaiveDate, Utc};

use crate::book::OperatingHours;
use crate::clock::ClockTime;
use crate::days::DayKind;
use crate::tariffs::{Table, Tariffs};

/// How far ahead operating hours are looked for.
const HORIZON_DAYS: u32 = 400;

/// A time in which a price is due, on one local day of one table.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Run {
    pub start: DateTime<Utc>,
    pub end: DateTime<Utc>,
    pub table: usize,
    pub day: NaiveDate,
}

/// The runs of a zone in order, from an instant on. A day without a table is an error that tells when it begins.
pub(crate) struct Runs<'a> {
    tariffs: &'a Tariffs,
    tables: &'a [usize],
    from: DateTime<Utc>,
    day: NaiveDate,
    days_left: u32,
    pending: VecDeque<Run>,
}

impl<'a> Runs<'a> {
    pub fn new(tariffs: &'a Tariffs, tables: &'a [usize], from: DateTime<Utc>) -> Self {
        let day = tariffs.local_date(from);
        Self { tariffs, tables, from, day, days_left: HORIZON_DAYS, pending: VecDeque::new() }
    }

    fn load(&mut self, day: NaiveDate, table: usize) {
        let zone = self.tariffs.timezone;
        let from = self.from;
        let mut windows = windows_on(&self.tariffs.tables[table], day);
        windows.sort_unstable();
        let runs = windows.into_iter().map(|(start, end)| Run {
            start: start.on(day, zone),
            end: end.on(day, zone),
            table,
            day,
        });
        self.pending.extend(
            runs.filter(|run| run.end > from && run.end > run.start)
                .map(|run| Run { start: run.start.max(from), ..run }),
        );
    }
}

impl Iterator for Runs<'_> {
    type Item = Result<Run, DateTime<Utc>>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(run) = self.pending.pop_front() {
                return Some(Ok(run));
            }
            if self.days_left == 0 {
                return None;
            }
            let day = self.day;
            self.days_left -= 1;
            self.day = day.succ_opt()?;
            match self.tariffs.table_on(self.tables, day) {
                Some(table) => self.load(day, table),
                None => return Some(Err(ClockTime::MIDNIGHT.on(day, self.tariffs.timezone).max(self.from))),
            }
        }
    }
}

/// The parts of a local day in which a price is due: windows that begin on it, and ends of those of the day before.
fn windows_on(table: &Table, day: NaiveDate) -> Vec<(ClockTime, ClockTime)> {
    let today = kind(table, day);
    let yesterday = day.pred_opt().map(|day| kind(table, day));
    day_windows(&table.hours, today, yesterday).map(|(_, window)| window).collect()
}

fn kind(table: &Table, day: NaiveDate) -> DayKind {
    if table.is_holiday(day) { DayKind::HOLIDAY } else { day.weekday().into() }
}

/// As [`windows_on`], by kinds of day; each window with its index in `hours`.
pub(crate) fn day_windows(
    hours: &[OperatingHours],
    today: DayKind,
    yesterday: Option<DayKind>,
) -> impl Iterator<Item = (usize, (ClockTime, ClockTime))> {
    hours.iter().enumerate().flat_map(move |(index, window)| {
        let over_midnight = window.to <= window.from;
        let begins = window.days.contains(today).then(|| {
            let end = if over_midnight { ClockTime::END } else { window.to };
            (index, (window.from, end))
        });
        let ends = yesterday
            .is_some_and(|day| over_midnight && window.to > ClockTime::MIDNIGHT && window.days.contains(day))
            .then_some((index, (ClockTime::MIDNIGHT, window.to)));
        begins.into_iter().chain(ends)
    })
}
