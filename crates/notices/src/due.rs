//! What waits for its moment: reminders, and letters that quiet hours hold back.
//!
//! What is due lies in buckets of one minute, so that a run reads the few that it has to and never scans. A run that is missed is made
//! up for by the next one, which goes on from the last that was completed.

use chrono::{DateTime, DurationRound as _, TimeDelta, Utc};
use parvis_events::CloudEvent;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::catalog::{Kind, time};
use crate::letter::Letter;

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
    /// A letter that was written in quiet hours.
    Letter {
        /// The letter.
        letter: Letter,
    },
}

impl Due {
    /// What tells it from everything else that waits.
    #[must_use]
    pub fn id(&self) -> String {
        match &self.what {
            Waiting::Reminder { event, text, minutes } => format!("{}|{text}|{minutes}", event.id),
            Waiting::Letter { letter } => letter.key.clone(),
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

/// The reminders that an event gives: those whose moment is not over when it happens.
#[must_use]
pub fn reminders(kind: &Kind, event: &CloudEvent) -> Vec<Due> {
    let mut due = Vec::new();
    for reminder in &kind.rule.reminders {
        let Some(deadline) = time(&event.data, &reminder.deadline) else { continue };
        for before in &reminder.before {
            let at = deadline - before.delta();
            if at > event.time {
                let (text, minutes) = (reminder.say.text.clone(), before.as_minutes());
                due.push(Due { at, what: Waiting::Reminder { event: event.clone(), text, minutes } });
            }
        }
    }
    due
}

/// The minute that a moment lies in.
#[must_use]
pub fn minute(at: DateTime<Utc>) -> DateTime<Utc> {
    at.duration_trunc(MINUTE).unwrap_or(at)
}

/// The buckets that a run at `now` reads, after one that was completed at `last`.
pub fn buckets(last: Option<DateTime<Utc>>, now: DateTime<Utc>) -> impl Iterator<Item = DateTime<Utc>> {
    // A run that was told a time ahead must not make the next ones look away.
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
    use crate::span::Span;

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

    fn moments(kind: &str, happened: i64, ends: i64) -> Vec<DateTime<Utc>> {
        let catalog = Catalog::load().unwrap();
        reminders(catalog.kind(kind).unwrap(), &session(kind, happened, ends)).iter().map(|due| due.at).collect()
    }

    #[test]
    fn a_session_is_reminded_of_fifteen_and_five_minutes_before_its_end() {
        assert_eq!(moments(STARTED, 0, 30), [at(15), at(25)]);
        assert_eq!(moments(STARTED, 0, 10), [at(5)], "the first moment is over when it begins");
        assert_eq!(moments("parvis.parking.session.extended", 20, 60), [at(45), at(55)]);
        assert!(moments("parvis.parking.session.stopped", 20, 30).is_empty());
    }

    #[test]
    fn a_booking_is_reminded_of_when_one_can_check_in_and_a_hold_before_it_lapses() {
        let catalog = Catalog::load().unwrap();
        let moments = |kind: &str, data: serde_json::Value| -> Vec<(String, i64)> {
            let event = CloudEvent { data, ..session(kind, 0, 0) };
            let due = reminders(catalog.kind(kind).unwrap(), &event);
            let text = |due: &Due| match &due.what {
                Waiting::Reminder { text, .. } => text.clone(),
                Waiting::Letter { .. } => unreachable!("a reminder"),
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
                let late = |before: &&Span| before.as_minutes() > 0 && reminder.say.useful > **before;
                assert_eq!(reminder.before.iter().find(late), None, "{name}");
            }
        }
    }

    #[test]
    fn the_first_run_and_one_after_a_long_silence_read_a_bounded_number_of_buckets() {
        assert_eq!(buckets(None, at(10)).collect::<Vec<_>>(), [at(8), at(9), at(10)]);
        assert_eq!(buckets(Some(at(-100_000)), at(10)).count(), 1443);
        assert_eq!(
            buckets(Some(at(500)), at(10)).collect::<Vec<_>>(),
            [at(8), at(9), at(10)],
            "a run was told a time ahead"
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
