//! What waits for its moment: reminders, and what quiet hours hold back.
//!
//! What is due lies in buckets of one minute, so that a run reads the few that it has to and never scans. A run that is missed is made
//! up for by the next one, which goes on from the last that was completed.

use chrono::{DateTime, DurationRound as _, TimeDelta, Utc};
use parvis_events::CloudEvent;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::catalog::{Kind, time};
use crate::span::Span;

/// Parts of a bucket: many reminders of one minute are read and written side by side.
pub const SHARDS: u8 = 4;
/// How far back a run looks at most: what is older is of no use any more.
const LONGEST_AGE: TimeDelta = TimeDelta::days(1);
/// Minutes before the last completed run that are read again: what was put into a bucket while it was being read.
const OVERLAP: TimeDelta = TimeDelta::minutes(2);
const MINUTE: TimeDelta = TimeDelta::minutes(1);

/// Something that waits.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Due {
    /// When its moment is.
    pub at: DateTime<Utc>,
    /// What it is.
    pub what: Waiting,
}

/// What waits.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Waiting {
    /// A reminder of a deadline. It counts only while no newer event about its subject has replaced it.
    Reminder {
        /// The event that told the deadline.
        event: CloudEvent,
        /// What is to be said.
        text: String,
        /// How long before the deadline.
        minutes: u32,
    },
    /// What somebody is told when their quiet hours are over. It is written then: what was replaced, unsubscribed from or removed by
    /// that time is not sent.
    Held(Held),
}

/// What somebody was not told in their quiet hours.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Held {
    /// The event.
    pub event: CloudEvent,
    /// What is to be said.
    pub text: String,
    /// How long before its deadline, for a reminder.
    pub minutes: Option<u32>,
    /// The moment that it is about.
    pub said_at: DateTime<Utc>,
    /// To whom.
    pub person: String,
    /// The wish that it follows from; none for whom it concerns.
    pub watch: Option<String>,
}

/// What tells a reminder from the others about its subject, its moment included: the same deadline has the same mark.
#[must_use]
pub fn mark(text: &str, minutes: u32, at: DateTime<Utc>) -> String {
    format!("{text}|{minutes}|{}", at.timestamp_millis())
}

impl Due {
    /// What tells it from everything else that waits.
    #[must_use]
    pub fn id(&self) -> String {
        match &self.what {
            Waiting::Reminder { event, text, minutes } => format!("{}|{text}|{minutes}", event.id),
            Waiting::Held(Held { event, text, minutes, person, watch, .. }) => {
                format!("{}|{text}|{minutes:?}|{person}|{watch:?}", event.id)
            }
        }
    }

    /// Which part of its bucket it lies in.
    #[must_use]
    pub fn shard(&self) -> u8 {
        Sha256::digest(self.id()).first().copied().unwrap_or_default() % SHARDS
    }

    /// The minute whose bucket it goes into when it is written down `now`: never one that may have been read for the last time.
    #[must_use]
    pub fn bucket(&self, now: DateTime<Utc>) -> DateTime<Utc> {
        minute(self.at.max(now))
    }
}

/// Every moment before a deadline of an event: what is said, how many minutes before, and when that is.
fn moments<'a>(kind: &'a Kind, event: &CloudEvent) -> impl Iterator<Item = (&'a str, u32, DateTime<Utc>)> {
    kind.rule.reminders.iter().filter_map(|reminder| Some((reminder, time(&event.data, &reminder.deadline)?))).flat_map(
        |(reminder, deadline)| {
            let moment =
                move |before: &Span| (reminder.say.text.as_str(), before.as_minutes(), deadline - before.delta());
            reminder.before.iter().map(moment)
        },
    )
}

/// The reminders that an event gives: those whose moment is not over when it happens.
#[must_use]
pub fn reminders(kind: &Kind, event: &CloudEvent) -> Vec<Due> {
    let due = |(text, minutes, at): (&str, u32, _)| Due {
        at,
        what: Waiting::Reminder { event: event.clone(), text: text.to_owned(), minutes },
    };
    moments(kind, event).filter(|(.., at)| *at > event.time).map(due).collect()
}

/// The marks of those whose moment was over already. One that an earlier event gave and nobody has told yet still counts: its deadline is
/// the same, and this event gives no other in its place.
#[must_use]
pub fn passed(kind: &Kind, event: &CloudEvent) -> Vec<String> {
    moments(kind, event)
        .filter(|(.., at)| *at <= event.time)
        .map(|(text, minutes, at)| mark(text, minutes, at))
        .collect()
}

/// The minute that a moment lies in.
#[must_use]
pub fn minute(at: DateTime<Utc>) -> DateTime<Utc> {
    at.duration_trunc(MINUTE).unwrap_or(at)
}

/// The buckets that a run at `now` reads, after one that was completed at `last`.
pub fn buckets(last: Option<DateTime<Utc>>, now: DateTime<Utc>) -> impl Iterator<Item = DateTime<Utc>> {
    // A clock that was set back must not make a run look away.
    let from = last.map_or(now, |last| last.min(now)).max(now - LONGEST_AGE);
    let (first, end) = (minute(from) - OVERLAP, minute(now));
    std::iter::successors(Some(first), |at| Some(*at + MINUTE)).take_while(move |at| *at <= end)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use parvis_events::EventId;
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::catalog::Catalog;

    const STARTED: &str = "parvis.parking.session.started";

    fn at(minutes: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_790_000_000 / 60 * 60 + 60 * minutes, 0).unwrap()
    }

    fn session(kind: &str, happened: i64, ends: i64) -> CloudEvent {
        let data = json!({ "session": "s", "owner": "ada", "starts_at": at(0), "ends_at": at(ends) });
        CloudEvent::new(
            EventId::of_facts(at(happened), &[kind]),
            "/parvis/payments",
            kind,
            "session/s",
            at(happened),
            data,
        )
    }

    fn reminded_at(kind: &str, happened: i64, ends: i64) -> Vec<DateTime<Utc>> {
        let catalog = Catalog::load().unwrap();
        reminders(catalog.kind(kind).unwrap(), &session(kind, happened, ends)).iter().map(|due| due.at).collect()
    }

    #[test]
    fn a_session_is_reminded_of_fifteen_and_five_minutes_before_its_end() {
        assert_eq!(reminded_at(STARTED, 0, 30), [at(15), at(25)]);
        assert_eq!(reminded_at(STARTED, 0, 10), [at(5)], "the first moment is over when it begins");
        assert_eq!(reminded_at("parvis.parking.session.extended", 20, 60), [at(45), at(55)]);
        assert!(reminded_at("parvis.parking.session.stopped", 20, 30).is_empty());
    }

    #[test]
    fn a_booking_is_reminded_of_when_one_can_check_in_and_a_hold_before_it_lapses() {
        let catalog = Catalog::load().unwrap();
        let moments = |kind: &str, data: serde_json::Value| -> Vec<(String, i64)> {
            let event = CloudEvent { data, ..session(kind, 0, 0) };
            let due = reminders(catalog.kind(kind).unwrap(), &event);
            let text = |due: &Due| match &due.what {
                Waiting::Reminder { text, .. } => text.clone(),
                Waiting::Held(_) => unreachable!("a reminder"),
            };
            due.iter().map(|due| (text(due), (due.at - at(0)).num_minutes())).collect()
        };
        let slot = json!({ "start": at(120), "end": at(180) });
        let told = moments("parvis.booking.confirmed", json!({ "slot": slot, "check_in_opens_at": at(110) }));
        assert_eq!(told, [("booking.soon".to_owned(), 60), ("booking.check_in".to_owned(), 110)]);
        let told = moments("parvis.booking.changed", json!({ "slot": slot }));
        assert_eq!(told, [("booking.soon".to_owned(), 60)], "nobody has to check in");
        let told = moments("parvis.booking.held", json!({ "slot": slot, "expires_at": at(5) }));
        assert_eq!(told, [("booking.hold_ending".to_owned(), 3)]);
    }

    #[test]
    fn reminders_are_of_use_before_their_deadline_only() {
        for (name, kind) in Catalog::load().unwrap().kinds() {
            for reminder in &kind.rule.reminders {
                // What begins at its moment has no end here that it could be too late for.
                for before in reminder.before.iter().filter(|before| before.as_minutes() > 0) {
                    let useful = reminder.say.useful(Some(before.as_minutes()));
                    assert!(useful < before.delta(), "{name}");
                }
            }
        }
    }

    /// A sandbox that is killed twice, or an SNS that refuses for some minutes, does not lose a reminder of a session that still runs.
    #[test]
    fn a_reminder_of_a_quarter_of_an_hour_is_of_use_for_most_of_it() {
        let catalog = Catalog::load().unwrap();
        let say = catalog.kind(STARTED).unwrap().say("parking.session.ending").unwrap();
        assert_eq!(say.useful(Some(15)), TimeDelta::minutes(10));
        assert_eq!(say.useful(Some(5)), TimeDelta::minutes(4));
    }

    #[test]
    fn what_an_event_finds_over_keeps_its_mark_while_its_deadline_stays() {
        let catalog = Catalog::load().unwrap();
        let kind = catalog.kind("parvis.parking.session.extended").unwrap();
        let marks = |happened, ends| passed(kind, &session("parvis.parking.session.extended", happened, ends));
        assert!(marks(0, 30).is_empty());
        assert_eq!(marks(16, 30), [mark("parking.session.ending", 15, at(15))]);
        assert_eq!(marks(50, 60), [mark("parking.session.ending", 15, at(45))], "another deadline, another mark");
    }

    #[test]
    fn the_first_run_and_one_after_a_long_silence_read_a_bounded_number_of_buckets() {
        assert_eq!(buckets(None, at(10)).collect::<Vec<_>>(), [at(8), at(9), at(10)]);
        assert_eq!(buckets(Some(at(-100_000)), at(10)).count(), 1443);
        assert_eq!(
            buckets(Some(at(500)), at(10)).collect::<Vec<_>>(),
            [at(8), at(9), at(10)],
            "the clock was set back"
        );
    }

    proptest! {
        /// Whatever minutes runs are missed, and whenever something is written down, a run after its moment reads its bucket.
        #[test]
        fn nothing_that_waits_is_passed_over(
            runs in proptest::collection::btree_set(0_i64..2000, 1..60),
            moment in 0_i64..120_000,
            written in 0_i64..120_000,
        ) {
            let second = |seconds: i64| at(0) + TimeDelta::seconds(seconds);
            let due = Due { at: second(moment), what: Waiting::Reminder { event: session(STARTED, 0, 30), text: "t".into(), minutes: 5 } };
            let bucket = due.bucket(second(written));
            let (mut last, mut read) = (None, BTreeSet::new());
            // The first run comes before anything is written down.
            for run in std::iter::once(0).chain(runs.iter().map(|run| run * 60 + 7)) {
                let seen = buckets(last, second(run)).any(|one| one == bucket) && run >= moment && run >= written;
                if seen { read.insert(run); }
                last = Some(second(run));
            }
            let wanted = runs.iter().map(|run| run * 60 + 7).find(|run| *run >= moment && *run >= written);
            if let Some(wanted) = wanted && wanted - moment.max(written) < 86_000 {
                prop_assert!(read.contains(&wanted), "due {moment}, written {written}, run {wanted}");
            }
        }
    }
}
