//! Times as files write them.

use chrono::{DateTime, MappedLocalTime, NaiveDate, NaiveDateTime, NaiveTime, TimeZone as _, Utc};
use chrono_tz::Tz;

/// A time that was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Read {
    /// A moment.
    At(DateTime<Utc>),
    /// A local time that clocks skipped.
    Skipped,
    /// No time.
    Unreadable,
}

const WITH_OFFSET: [&str; 3] = ["%Y-%m-%d %H:%M:%S%.f %:z", "%Y-%m-%d %H:%M %:z", "%Y-%m-%d %H:%M:%S%.f%:z"];
const LOCAL: [&str; 6] = [
    "%Y-%m-%dT%H:%M:%S%.f",
    "%Y-%m-%d %H:%M:%S%.f",
    "%Y-%m-%dT%H:%M",
    "%Y-%m-%d %H:%M",
    "%d/%m/%Y %H:%M:%S",
    "%d/%m/%Y %H:%M",
];
const DATES: [&str; 2] = ["%Y-%m-%d", "%d/%m/%Y"];

/// Reads times of one series, row after row: a local time that comes again while clocks are set back is its second
/// occurrence.
#[derive(Debug)]
pub(crate) struct Reader {
    timezone: Tz,
    last: Option<DateTime<Utc>>,
}

impl Reader {
    pub fn new(timezone: Tz) -> Self {
        Self { timezone, last: None }
    }

    pub fn read(&mut self, text: &str) -> Read {
        let text = text.trim();
        let read =
            with_offset(text).map_or_else(|| local(text).map_or(Read::Unreadable, |naive| self.place(naive)), Read::At);
        if let Read::At(at) = read {
            self.last = Some(at);
        }
        read
    }

    fn place(&self, naive: NaiveDateTime) -> Read {
        match self.timezone.from_local_datetime(&naive) {
            MappedLocalTime::Single(local) => Read::At(local.with_timezone(&Utc)),
            MappedLocalTime::Ambiguous(first, second) => {
                let first = first.with_timezone(&Utc);
                let again = self.last.is_some_and(|last| last >= first);
                Read::At(if again { second.with_timezone(&Utc) } else { first })
            }
            MappedLocalTime::None => Read::Skipped,
        }
    }
}

fn with_offset(text: &str) -> Option<DateTime<Utc>> {
    DateTime::parse_from_rfc3339(text)
        .ok()
        .or_else(|| WITH_OFFSET.iter().find_map(|format| DateTime::parse_from_str(text, format).ok()))
        .map(|at| at.with_timezone(&Utc))
}

pub(crate) fn local(text: &str) -> Option<NaiveDateTime> {
    LOCAL.iter().find_map(|format| NaiveDateTime::parse_from_str(text, format).ok()).or_else(|| {
        let date = DATES.iter().find_map(|format| NaiveDate::parse_from_str(text, format).ok())?;
        Some(date.and_time(NaiveTime::MIN))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_hour_of_a_change_of_clocks_is_told_from_the_first() {
        let mut reader = Reader::new(chrono_tz::Europe::Paris);
        let hours: Vec<_> = ["2026-10-25 01:30", "2026-10-25 02:30", "2026-10-25 02:30", "2026-10-25 03:30"]
            .map(|text| reader.read(text))
            .into_iter()
            .map(|read| if let Read::At(at) = read { at.format("%H:%M").to_string() } else { String::new() })
            .collect();
        assert_eq!(hours, ["23:30", "00:30", "01:30", "02:30"]);
        assert_eq!(reader.read("2026-03-29 02:30"), Read::Skipped);
    }

    #[test]
    fn offsets_and_dates_are_read() {
        let mut reader = Reader::new(chrono_tz::UTC);
        for text in ["2021-09-07 00:00 +08:00", "2021-09-06T16:00:00Z", "2021-09-07T00:00:00+08:00"] {
            assert_eq!(reader.read(text), Read::At("2021-09-06T16:00:00Z".parse().unwrap()), "{text}");
        }
        assert_eq!(reader.read("07/09/2021"), Read::At("2021-09-07T00:00:00Z".parse().unwrap()));
        assert_eq!(reader.read("yesterday"), Read::Unreadable);
    }
}
