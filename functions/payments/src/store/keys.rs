//! Where things are in the table: partition and sort keys.

use chrono::{DateTime, SecondsFormat, Utc};
use parvis_ledger_rules::ListedMovement;
use parvis_parking::ZoneId;
use parvis_parking::plate::PlateHash;
use parvis_rights::{AssignedRight, SeriesId};
use uuid::Uuid;

/// The work list is spread over so many partitions.
pub const SHARDS: u8 = 16;

/// Partition and sort key of an item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// Partition key.
    pub pk: String,
    /// Sort key.
    pub sk: String,
}

impl Key {
    fn new(pk: String, sk: impl Into<String>) -> Self {
        Self { pk, sk: sk.into() }
    }

    /// A session.
    #[must_use]
    pub fn session(id: Uuid) -> Self {
        Self::new(format!("session#{id}"), "session")
    }

    /// A movement of a session's money; in its session's partition, so that the stream tells them in order.
    #[must_use]
    pub fn movement(session: Uuid, id: Uuid) -> Self {
        let (pk, sk) = parvis_ledger_rules::movement_key(session, id);
        Self { pk, sk }
    }

    /// A movement in the list of its day, from which the books see what they have missed.
    #[must_use]
    pub fn listed_movement(listed: &ListedMovement) -> Self {
        let (pk, sk) = listed.key();
        Self { pk, sk }
    }

    /// A right of a plate. Sorted by its end, so that those that hold, and those that ended lately, are one short query. Issuers
    /// keep a permit's id from series to series, so its right of the next series stands beside that of the present one.
    #[must_use]
    pub fn right(right: &AssignedRight) -> Option<Self> {
        let end = right.segments.last()?.end;
        let own = match &right.series {
            Some(series) => format!("right#{}#{}#{series}", stamp(end), right.id),
            None => format!("right#{}#{}", stamp(end), right.id),
        };
        Some(Self::new(plate(&right.plate), own))
    }

    /// The lower bound of rights of a plate that end after an instant.
    #[must_use]
    pub fn rights_after(hash: &PlateHash, after: DateTime<Utc>) -> Self {
        Self::new(plate(hash), format!("right#{}", stamp(after)))
    }

    /// The last stay of a plate in a zone.
    #[must_use]
    pub fn stay(hash: &PlateHash, zone: &ZoneId) -> Self {
        Self::new(plate(hash), format!("stay#{zone}"))
    }

    /// A session in the list of its owner: a driver's subject, or an operator.
    #[must_use]
    pub fn of_owner(owner: &str, start: DateTime<Utc>, id: Uuid) -> Self {
        Self::new(format!("owner#{owner}"), format!("session#{}#{id}", stamp(start)))
    }

    /// A session in the list of those that its owner has not paid.
    #[must_use]
    pub fn unpaid(owner: &str, at: DateTime<Utc>, id: Uuid) -> Self {
        Self::new(format!("owner#{owner}"), format!("unpaid#{}#{id}", stamp(at)))
    }

    /// A payment into a wallet.
    #[must_use]
    pub fn top_up(id: Uuid) -> Self {
        Self::new(format!("topup#{id}"), "topup")
    }

    /// A payment into a wallet in the list of its owner.
    #[must_use]
    pub fn top_up_of(owner: &str, at: DateTime<Utc>, id: Uuid) -> Self {
        Self::new(format!("owner#{owner}"), format!("topup#{}#{id}", stamp(at)))
    }

    /// What was given back of a wallet by hand.
    #[must_use]
    pub fn by_hand(id: Uuid) -> Self {
        Self::new(format!("byhand#{id}"), "byhand")
    }

    /// What was given back of a wallet by hand in the list of its owner.
    #[must_use]
    pub fn by_hand_of(owner: &str, id: Uuid) -> Self {
        Self::new(format!("owner#{owner}"), format!("byhand#{id}"))
    }

    /// A session or a payment into a wallet in the list of what is to be looked at, and when.
    #[must_use]
    pub fn work(due: DateTime<Utc>, id: Uuid) -> Self {
        Self::new(shard(id.as_bytes().last().copied().unwrap_or_default() % SHARDS), format!("{}#{id}", stamp(due)))
    }

    /// The clear plate of a session, in the table that forgets.
    #[must_use]
    pub fn clear_plate(id: Uuid) -> Self {
        Self::new(format!("session#{id}"), "plate")
    }

    /// A version of the tariff book.
    #[must_use]
    pub fn book(version: u32) -> Self {
        Self::new("tariffs".to_owned(), format!("book#{version:010}"))
    }

    /// The demand that is expected in a zone.
    #[must_use]
    pub fn demand(zone: &ZoneId) -> Self {
        Self::new(format!("demand#{zone}"), "demand")
    }

    /// Which series of permits are in force.
    #[must_use]
    pub fn series_register() -> Self {
        Self::new("series".to_owned(), "register")
    }

    /// A permit: one that stands by itself, or as a series has it.
    #[must_use]
    pub fn permit(id: Uuid, series: Option<&SeriesId>) -> Self {
        let own = series.map_or_else(|| "permit".to_owned(), |series| format!("permit#{series}"));
        Self::new(format!("permit#{id}"), own)
    }

    /// An exemption.
    #[must_use]
    pub fn exemption(id: Uuid) -> Self {
        Self::new(format!("exemption#{id}"), "exemption")
    }

    /// A booking of parking spaces.
    #[must_use]
    pub fn booking(id: Uuid) -> Self {
        Self::new(format!("booking#{id}"), "booking")
    }

    /// What is left of a booking of which nothing else is kept.
    #[must_use]
    pub fn left_of_booking(id: Uuid) -> Self {
        Self::new(format!("booking#{id}"), "forgotten")
    }

    /// A booking of parking spaces in the list of its owner.
    #[must_use]
    pub fn booking_of(owner: &str, id: Uuid) -> Self {
        Self::new(format!("owner#{owner}"), format!("booking#{id}"))
    }

    /// A permit in the list of its series.
    #[must_use]
    pub fn of_series(series: &SeriesId, id: Uuid) -> Self {
        Self::new(format!("series#{series}"), format!("permit#{id}"))
    }

    /// How far the comparison with the provider has come.
    #[must_use]
    pub fn comparison() -> Self {
        Self::new("comparison".to_owned(), "place")
    }

    /// A driver's wallet.
    #[must_use]
    pub fn wallet(owner: &str) -> Self {
        Self::new(format!("owner#{owner}"), "wallet")
    }
}

/// A partition of the work list.
#[must_use]
pub fn shard(number: u8) -> String {
    format!("work#{number:02}")
}

/// The partition of a plate.
#[must_use]
pub fn plate(hash: &PlateHash) -> String {
    format!("plate#{}", hash.as_str())
}

/// An instant whose text sorts as time does.
#[must_use]
pub fn stamp(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Millis, true)
}
