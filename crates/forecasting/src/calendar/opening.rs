//! Weekly opening hours and closures.

use chrono::{NaiveDate, NaiveTime, Weekday};
use serde::{Deserialize, Serialize};

/// Opening hours of a week, in local time.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpeningHours(Vec<Span>);

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Span {
    weekday: Weekday,
    opens: NaiveTime,
    /// Excluded; equal to `opens` for the whole day.
    closes: NaiveTime,
}

impl OpeningHours {
    /// Closed all week.
    #[must_use]
    pub fn closed() -> Self {
        Self::default()
    }

    /// Adds a span. One that ends at or before its start lasts until the end of the day.
    #[must_use]
    pub fn open(mut self, weekday: Weekday, opens: NaiveTime, closes: NaiveTime) -> Self {
        self.0.push(Span { weekday, opens, closes });
        self
    }

    /// Whether a local moment of the week lies within the hours.
    #[must_use]
    pub fn contains(&self, weekday: Weekday, time: NaiveTime) -> bool {
        self.0.iter().any(|span| {
            span.weekday == weekday && span.opens <= time && (time < span.closes || span.closes <= span.opens)
        })
    }
}

/// Days on which a place is closed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Closure {
    /// The first closed day.
    pub first: NaiveDate,
    /// The last closed day.
    pub last: NaiveDate,
}

impl Closure {
    /// Whether a local day is one of them.
    #[must_use]
    pub fn contains(&self, day: NaiveDate) -> bool {
        self.first <= day && day <= self.last
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hours_end_before_they_close() {
        let at = |hour| NaiveTime::from_hms_opt(hour, 0, 0).unwrap();
        let hours = OpeningHours::closed().open(Weekday::Mon, at(8), at(17)).open(Weekday::Fri, at(20), at(0));
        assert!(hours.contains(Weekday::Mon, at(8)) && !hours.contains(Weekday::Mon, at(17)));
        assert!(hours.contains(Weekday::Fri, at(23)) && !hours.contains(Weekday::Sat, at(0)));
    }
}
