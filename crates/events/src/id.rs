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

impl EventId {
    /// The id of the event that follows from `facts`, at `time`.
    ///
    /// The same facts give the same id, so that a writer that is retried after an unknown outcome names the same event.
    #[must_use]
    pub fn of_facts(time: DateTime<Utc>, facts: &[&str]) -> Self {
        let mut hash = Sha256::new();
        for fact in facts {
            // The length keeps ("ab", "c") and ("a", "bc") apart.
            hash.update((fact.len() as u64).to_be_bytes());
            hash.update(fact.as_bytes());
        }
        let digest = hash.finalize();
        let random = digest.iter().take(10).fold(0_u128, |value, byte| (value << 8) | u128::from(*byte));
        let millis = u64::try_from(time.timestamp_millis()).unwrap_or(0);
        Self(Ulid::from_parts(millis, random).to_string())
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
    fn ids_sort_by_time() {
        let early = EventId::of_facts(at(1_700_000_000_000), &["z"]);
        let late = EventId::of_facts(at(1_700_000_000_001), &["a"]);
        assert!(early < late);
        assert_eq!(early.as_str().len(), 26);
    }
}
