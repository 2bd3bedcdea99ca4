//! Opening hours: a week, and the days that are not like it.

use chrono::{Datelike, Days, NaiveDate, NaiveDateTime, NaiveTime, Weekday};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

use crate::{Slot, local_day, merged, to_utc};

/// A span of a local day. `until` 00:00 is the end of the day; an `until` before `from` is on the next day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct DaySpan {
    /// Local time of opening.
    #[cfg_attr(feature = "schema", schema(value_type = String, example = "08:00:00"))]
    pub from: NaiveTime,
    /// Local time of closing.
    #[cfg_attr(feature = "schema", schema(value_type = String, example = "19:00:00"))]
    pub until: NaiveTime,
}

impl DaySpan {
    /// From midnight to midnight.
    pub const WHOLE_DAY: Self = Self { from: NaiveTime::MIN, until: NaiveTime::MIN };

    /// The span on `day`. Its length is that of the clock on the wall: over a clock change the span is as long in hours as the
    /// day makes it.
    fn on(self, day: NaiveDate, zone: Tz) -> Option<Slot> {
        let closes = if self.until <= self.from { day.checked_add_days(Days::new(1))? } else { day };
        Slot::new(to_utc(day.and_time(self.from), zone), to_utc(closes.and_time(self.until), zone)).ok()
    }
}

/// A span on some days of the week.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct WeeklySpan {
    /// The days, as `mon`, `tue` and so on.
    #[cfg_attr(feature = "schema", schema(value_type = Vec<String>, example = json!(["Mon", "Tue"])))]
    pub days: Vec<Weekday>,
    /// The span on each of them.
    #[serde(flatten)]
    pub span: DaySpan,
}

/// Days that are not like the week: a holiday, a fair, works.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Exception {
    /// First day.
    pub from: NaiveDate,
    /// Last day.
    pub to: NaiveDate,
    /// Open then; empty for closed.
    #[serde(default)]
    pub spans: Vec<DaySpan>,
    /// Whether it comes back every year on the same dates (14 July, 25 December).
    #[serde(default)]
    pub yearly: bool,
    /// Why, for people.
    #[serde(default)]
    pub reason: Option<String>,
}

impl Exception {
    fn holds_on(&self, day: NaiveDate) -> bool {
        if !self.yearly {
            return (self.from..=self.to).contains(&day);
        }
        let of_year = |day: NaiveDate| (day.month(), day.day());
        let (from, to, day) = (of_year(self.from), of_year(self.to), of_year(day));
        // Over the turn of the year (24 December to 2 January) the range wraps around.
        if from <= to { (from..=to).contains(&day) } else { day >= from || day <= to }
    }
}

/// When something can be used, by the clocks of its site.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct OpeningHours {
    /// The usual week.
    pub weekly: Vec<WeeklySpan>,
    /// Days that differ; the first that holds counts.
    #[serde(default)]
    pub exceptions: Vec<Exception>,
}

impl Default for OpeningHours {
    /// Always.
    fn default() -> Self {
        use Weekday::{Fri, Mon, Sat, Sun, Thu, Tue, Wed};
        let days = vec![Mon, Tue, Wed, Thu, Fri, Sat, Sun];
        Self { weekly: vec![WeeklySpan { days, span: DaySpan::WHOLE_DAY }], exceptions: Vec::new() }
    }
}

impl OpeningHours {
    /// The spans that begin on `day`.
    fn spans_of(&self, day: NaiveDate, zone: Tz) -> Vec<Slot> {
        if let Some(exception) = self.exceptions.iter().find(|exception| exception.holds_on(day)) {
            return exception.spans.iter().filter_map(|span| span.on(day, zone)).collect();
        }
        let spans = self.weekly.iter().filter(|weekly| weekly.days.contains(&day.weekday()));
        spans.filter_map(|weekly| weekly.span.on(day, zone)).collect()
    }

    /// When it is open within `range`, in order; spans that touch are one.
    #[must_use]
    pub fn open_within(&self, range: Slot, zone: Tz) -> Vec<Slot> {
        let last = range.end.with_timezone(&zone).date_naive();
        // A span may have begun on the day before.
        let first = range.start.with_timezone(&zone).date_naive();
        let mut day = first.checked_sub_days(Days::new(1)).unwrap_or(first);
        let mut open = Vec::new();
        while day <= last {
            open.extend(self.spans_of(day, zone));
            let Some(next) = day.checked_add_days(Days::new(1)) else { break };
            day = next;
        }
        merged(open).into_iter().filter_map(|span| span.common(&range)).collect()
    }

    /// Whether it is open during all of `slot`.
    #[must_use]
    pub fn covers(&self, slot: Slot, zone: Tz) -> bool {
        self.open_within(slot, zone).first() == Some(&slot)
    }

    /// Whether it is open at both ends of `slot`: a desk rented for a week stays taken at night.
    #[must_use]
    pub fn covers_ends(&self, slot: Slot, zone: Tz) -> bool {
        let second = chrono::TimeDelta::seconds(1);
        let (first, last) = (Slot::lasting(slot.start, second), Slot::lasting(slot.end - second, second));
        self.covers(first, zone) && self.covers(last, zone)
    }

    /// Whether it is a local day with no opening at all, and why.
    #[must_use]
    pub fn closed_on(&self, day: NaiveDate, zone: Tz) -> bool {
        self.open_within(local_day(day, zone), zone).is_empty()
    }

    /// What is wrong with the hours, as pairs of field and message.
    #[must_use]
    pub fn faults(&self) -> Vec<(&'static str, String)> {
        let mut faults = Vec::new();
        if self.exceptions.iter().any(|exception| !exception.yearly && exception.to < exception.from) {
            faults.push(("/opening/exceptions", "`to` must not be before `from`".to_owned()));
        }
        if self.weekly.len() > 50 || self.exceptions.len() > 400 {
            faults.push(("/opening", "at most 50 weekly spans and 400 exceptions".to_owned()));
        }
        faults
    }

    /// Whether `local` is within a weekly span; used for peak hours, which know no exceptions.
    #[must_use]
    pub fn weekly_contains(weekly: &[WeeklySpan], local: NaiveDateTime) -> bool {
        let (day, time) = (local.weekday(), local.time());
        weekly.iter().any(|WeeklySpan { days, span }| {
            if span.until > span.from {
                days.contains(&day) && span.from <= time && time < span.until
            } else {
                (days.contains(&day) && time >= span.from) || (days.contains(&day.pred()) && time < span.until)
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, TimeDelta, Utc};
    use chrono_tz::Europe::Paris;

    use super::*;

    fn time(text: &str) -> NaiveTime {
        format!("{text}:00").parse().unwrap()
    }

    fn span(from: &str, until: &str) -> DaySpan {
        DaySpan { from: time(from), until: time(until) }
    }

    fn weekdays(from: &str, until: &str) -> OpeningHours {
        use Weekday::{Fri, Mon, Thu, Tue, Wed};
        let weekly = vec![WeeklySpan { days: vec![Mon, Tue, Wed, Thu, Fri], span: span(from, until) }];
        OpeningHours { weekly, exceptions: Vec::new() }
    }

    fn paris(from: &str, until: &str) -> Slot {
        let at = |text: &str| to_utc(format!("{text}:00").parse().unwrap(), Paris);
        Slot::new(at(from), at(until)).unwrap()
    }

    #[test]
    fn the_week_and_its_exceptions() {
        let mut hours = weekdays("08:00", "19:00");
        hours.exceptions = vec![
            Exception {
                from: "2020-07-14".parse().unwrap(),
                to: "2020-07-14".parse().unwrap(),
                spans: vec![],
                yearly: true,
                reason: Some("Fête nationale".to_owned()),
            },
            Exception {
                from: "2026-07-18".parse().unwrap(),
                to: "2026-07-18".parse().unwrap(),
                spans: vec![span("10:00", "12:00")],
                yearly: false,
                reason: None,
            },
        ];
        assert!(hours.covers(paris("2026-07-13T08:00", "2026-07-13T19:00"), Paris));
        assert!(!hours.covers(paris("2026-07-13T18:30", "2026-07-13T19:30"), Paris));
        assert!(!hours.covers(paris("2026-07-14T10:00", "2026-07-14T11:00"), Paris), "a holiday, every year");
        assert!(hours.covers(paris("2026-07-18T10:00", "2026-07-18T12:00"), Paris), "an open Saturday");
        assert!(hours.closed_on("2026-07-19".parse().unwrap(), Paris));
    }

    #[test]
    fn nights_go_on_into_the_next_day() {
        let hours = weekdays("22:00", "06:00");
        assert!(hours.covers(paris("2026-07-13T23:00", "2026-07-14T05:00"), Paris));
        assert!(hours.covers(paris("2026-07-18T00:00", "2026-07-18T06:00"), Paris), "Friday's night ends on Saturday");
        assert!(!hours.covers(paris("2026-07-18T22:00", "2026-07-18T23:00"), Paris));
    }

    #[test]
    fn always_open_has_no_seams_and_is_as_long_as_the_clock_change_makes_it() {
        let always = OpeningHours::default();
        let weekend = paris("2026-10-24T00:00", "2026-10-27T00:00");
        assert_eq!(always.open_within(weekend, Paris), [weekend]);
        assert_eq!(weekend.length(), TimeDelta::hours(73));
    }

    #[test]
    fn a_week_of_use_needs_only_its_ends_open() {
        let hours = weekdays("08:00", "19:00");
        let week = paris("2026-07-06T09:00", "2026-07-10T18:00");
        assert!(!hours.covers(week, Paris));
        assert!(hours.covers_ends(week, Paris));
    }

    #[test]
    fn peak_hours_are_local() {
        let peak = weekdays("17:00", "19:00").weekly;
        let local = |utc: &str| utc.parse::<DateTime<Utc>>().unwrap().with_timezone(&Paris).naive_local();
        assert!(OpeningHours::weekly_contains(&peak, local("2026-07-13T15:30:00Z")), "17:30 in summer");
        assert!(!OpeningHours::weekly_contains(&peak, local("2026-01-12T15:30:00Z")), "16:30 in winter");
    }

    #[test]
    fn a_holiday_season_wraps_around_the_year() {
        let season = Exception {
            from: "2025-12-24".parse().unwrap(),
            to: "2026-01-02".parse().unwrap(),
            spans: vec![],
            yearly: true,
            reason: None,
        };
        let holds = |day: &str| season.holds_on(day.parse().unwrap());
        assert!(holds("2027-12-31") && holds("2028-01-01") && !holds("2028-01-03") && !holds("2027-06-01"));
    }
}
