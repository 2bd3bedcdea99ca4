//! Event ids that sort by time and can be made again from the same facts.

use std::fmt;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use ulid::Ulid;

/// A ULID: sorts by the time of the event, so that the newest events of a subject are the last of its partition.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct EventId(String);

/// Where an event stands among those of its time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Position {
    /// Of the state that the event follows from; its lowest 24 bits count.
    pub version: u64,
    /// Within what follows from that state.
    pub step: u8,
}

/// The first 80 bits of a hash of `facts`.
fn digest(facts: &[&str]) -> u128 {
    let mut hash = Sha256::new();
    for fact in facts {
        // The length keeps ("ab", "c") and ("a", "bc") apart.
        hash.update((fact.len() as u64).to_be_bytes());
        hash.update(fact.as_bytes());
    }
    hash.finalize().iter().take(10).fold(0_u128, |value, byte| (value << 8) | u128::from(*byte))
}

fn millis(time: DateTime<Utc>) -> u64 {
    u64::try_from(time.timestamp_millis()).unwrap_or(0)
}

impl EventId {
    /// The id of the event that follows from `facts`, at `time`.
    ///
    /// The same facts give the same id, so that a writer that is retried after an unknown outcome names the same event.
    #[must_use]
    pub fn of_facts(time: DateTime<Utc>, facts: &[&str]) -> Self {
        Self(Ulid::from_parts(millis(time), digest(facts)).to_string())
    }

    /// The id of an event of which several may follow from the same moment: those of one time sort by `position`.
    ///
    /// The order must follow from the facts as well, so that a repetition makes the same id.
    #[must_use]
    pub fn in_order(time: DateTime<Utc>, position: Position, facts: &[&str]) -> Self {
        // 32 of the 80 random bits remain in front of the hash; 48 are enough to keep apart what shares time and position.
        let order = (u128::from(position.version & 0x00FF_FFFF) << 8) | u128::from(position.step);
        Self(Ulid::from_parts(millis(time), (order << 48) | (digest(facts) >> 32)).to_string())
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<String> for EventId {
    fn from(id: String) -> Self {
        Self(id)
    }
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: i64) -> DateTime<Utc> {
        DateTime::from_timestamp_millis(millis).unwrap()
    }

    #[test]
    fn the_same_facts_give_the_same_id() {
        assert_eq!(EventId::of_facts(at(5), &["a", "b"]), EventId::of_facts(at(5), &["a", "b"]));
        assert_ne!(EventId::of_facts(at(5), &["a", "b"]), EventId::of_facts(at(5), &["ab", ""]));
    }

    #[test]
    fn ids_of_one_time_sort_by_position() {
        let id = |version, step, fact| EventId::in_order(at(5), Position { version, step }, &[fact]);
        let ordered = [id(1, 0, "z"), id(1, 1, "y"), id(1, 255, "x"), id(2, 0, "w"), id(2, 1, "v"), id(70_000, 0, "a")];
        assert!(ordered.is_sorted(), "{ordered:?}");
        assert_eq!(id(1, 1, "y"), id(1, 1, "y"));
        assert_ne!(id(1, 1, "y"), id(1, 1, "z"));
        assert!(id(70_000, 255, "a") < EventId::in_order(at(6), Position::default(), &["a"]));
    }

    #[test]
    fn ids_sort_by_time() {
        let early = EventId::of_facts(at(1_700_000_000_000), &["z"]);
        let late = EventId::of_facts(at(1_700_000_000_001), &["a"]);
        assert!(early < late);
        assert_eq!(early.as_str().len(), 26);
    }
}
