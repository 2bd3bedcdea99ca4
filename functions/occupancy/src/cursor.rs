//! The opaque cursor of event listings.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use parvis_parking::{EventKind, SpaceNumber, ZoneId};

use crate::params::Instant;
use crate::sql::Event;

/// The sort key of the last event of a page; the next page begins after it.
///
/// A key, not an offset: events that arrive while a client is paging neither shift nor repeat what it reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cursor {
    /// Time of the event.
    pub at: DateTime<Utc>,
    /// Its zone.
    pub zone: String,
    /// Its space.
    pub space: i32,
    /// Its kind.
    pub kind: EventKind,
}

impl Cursor {
    /// The cursor after an event.
    #[must_use]
    pub fn after(event: &Event) -> Self {
        Self { at: event.at, zone: event.zone.clone(), space: event.space, kind: event.kind }
    }

    /// The text that a client hands back unchanged.
    #[must_use]
    pub fn encode(&self) -> String {
        let fields = (self.at.timestamp_micros(), &self.zone, self.space, self.kind);
        // Four plain values always serialise.
        URL_SAFE_NO_PAD.encode(serde_json::to_vec(&fields).unwrap_or_default())
    }

    /// Reads back what [`Self::encode`] wrote; `None` for anything else.
    #[must_use]
    pub fn decode(text: &str) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        // Read as what they are, so that no text of a client's own making reaches the database.
        let (at, zone, space, kind): (i64, ZoneId, SpaceNumber, EventKind) = serde_json::from_slice(&bytes).ok()?;
        Some(Self { at: Instant::from_micros(at).get()?, zone: zone.into(), space: space.get().into(), kind })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn any_kind() -> impl Strategy<Value = EventKind> {
        prop_oneof![
            Just(EventKind::ParkStart),
            Just(EventKind::ParkEnd),
            Just(EventKind::CommsLost),
            Just(EventKind::CommsRestored)
        ]
    }

    proptest! {
        #[test]
        fn a_cursor_survives_the_round_trip(
            micros in 0_i64..4_000_000_000_000_000,
            zone in "[A-Za-z0-9][A-Za-z0-9_.-]{0,63}",
            space in 1..10_000_i32,
            kind in any_kind(),
        ) {
            let cursor = Cursor { at: DateTime::from_timestamp_micros(micros).unwrap(), zone, space, kind };
            prop_assert_eq!(Cursor::decode(&cursor.encode()), Some(cursor));
        }

        #[test]
        fn anything_else_is_refused_without_a_panic(text in ".{0,80}") {
            // A random text that happens to be a cursor must at least be one that reads back the same.
            if let Some(cursor) = Cursor::decode(&text) {
                prop_assert_eq!(cursor.encode(), text);
            }
        }
    }

    #[test]
    fn a_cursor_of_a_clients_own_making_is_refused() {
        let encode = |fields: serde_json::Value| URL_SAFE_NO_PAD.encode(fields.to_string());
        let decode = |fields| Cursor::decode(&encode(fields));
        assert!(decode(serde_json::json!([1_769_860_800_000_000_i64, "A", 1, "park_end"])).is_some());
        for fields in [
            serde_json::json!([i64::MIN, "A", 1, "park_end"]),
            serde_json::json!([i64::MAX, "A", 1, "park_end"]),
            serde_json::json!([0, "A\u{0}", 1, "park_end"]),
            serde_json::json!([0, "A", 0, "park_end"]),
            serde_json::json!([0, "A", 1, "park"]),
        ] {
            assert_eq!(decode(fields.clone()), None, "{fields}");
        }
    }
}
