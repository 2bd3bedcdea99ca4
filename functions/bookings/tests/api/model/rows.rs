//! What the database says, and what must hold of it whatever has happened.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, Utc};
use parvis_booking::life::State;

use super::QUOTA;
use crate::support::{Platform, now};

/// A booking.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Row {
    pub id: String,
    pub owner: String,
    pub state: State,
    /// What was wished.
    pub wish: String,
    /// What was given.
    pub room: Option<String>,
    pub start: DateTime<Utc>,
    pub end: DateTime<Utc>,
    pub version: i32,
}

impl Row {
    /// Whether it keeps others out of `room` at some time from `start` to `end`.
    pub fn blocks(&self, room: &str, start: DateTime<Utc>, end: DateTime<Utc>) -> bool {
        self.state.is_live() && self.room.as_deref() == Some(room) && self.start < end && start < self.end
    }

    /// Whether it counts in its owner's quota: it is live, or was used, or nobody came.
    pub fn counts(&self) -> bool {
        self.state.is_live() || matches!(self.state, State::Fulfilled | State::Noshow)
    }

    fn day(&self) -> NaiveDate {
        self.start.with_timezone(&chrono_tz::Europe::Paris).date_naive()
    }
}

/// How many bookings count for `owner` on the day of `start`.
pub fn used(rows: &[Row], owner: &str, start: DateTime<Utc>) -> usize {
    let day = start.with_timezone(&chrono_tz::Europe::Paris).date_naive();
    rows.iter().filter(|row| row.owner == owner && row.counts() && row.day() == day).count()
}

/// All bookings, first come first.
pub async fn read(platform: &Platform) -> Vec<Row> {
    type Columns = (String, String, String, String, Option<String>, DateTime<Utc>, DateTime<Utc>, i32);
    let rows: Vec<Columns> = sqlx::query_as(
        "SELECT b.id::text, b.owner, b.state, b.items->0->>'resource', r.id, b.starts_at, b.ends_at, b.version
         FROM booking b LEFT JOIN booking_slot s ON s.booking = b.id LEFT JOIN booking_resource r ON r.no = s.resource
         ORDER BY b.created_at, b.id",
    )
    .fetch_all(platform.database.pool().await.unwrap())
    .await
    .unwrap();
    let row = |(id, owner, state, wish, room, start, end, version): Columns| Row {
        id,
        owner,
        state: State::from_name(&state).unwrap(),
        wish,
        room,
        start,
        end,
        version,
    };
    rows.into_iter().map(row).collect()
}

/// What must hold after every step.
pub async fn invariants(platform: &Platform, before: &[Row]) -> Vec<Row> {
    let rows = read(platform).await;
    apart(&rows);
    within_quotas(&rows);
    nobody_overtakes(before, &rows);
    let counted = "SELECT COALESCE(sum(used), 0)::bigint FROM booking_quota_use WHERE key LIKE '%|bookings|%'";
    let counts = rows.iter().filter(|row| row.counts()).count();
    assert_eq!(platform.count(counted).await, i64::try_from(counts).unwrap(), "counted as often as used: {rows:#?}");
    let unpaid = "SELECT count(*) FROM booking WHERE state NOT IN ('waitlist', 'cancelled', 'released')
                  AND (charge->'total'->>'cents')::bigint <> extract(epoch FROM ends_at - starts_at)::bigint / 60 * 10";
    assert_eq!(platform.count(unpaid).await, 0, "no booking without its money");
    let orphans = "SELECT count(*) FROM booking_slot s LEFT JOIN booking b ON b.id = s.booking
                   WHERE b.state IS DISTINCT FROM s.state";
    assert_eq!(platform.count(orphans).await, 0, "a place says what its booking says");
    rows
}

fn apart(rows: &[Row]) {
    let live: Vec<&Row> = rows.iter().filter(|row| row.state.is_live()).collect();
    for (index, one) in live.iter().enumerate() {
        let room = one.room.as_deref().unwrap();
        let other = live[index + 1..].iter().find(|other| other.blocks(room, one.start, one.end));
        assert!(other.is_none(), "{one:?} and {other:?}");
    }
}

fn within_quotas(rows: &[Row]) {
    let mut per_day: BTreeMap<(&str, NaiveDate), usize> = BTreeMap::new();
    for row in rows.iter().filter(|row| row.counts()) {
        *per_day.entry((&row.owner, row.day())).or_default() += 1;
    }
    assert!(per_day.values().all(|count| *count <= QUOTA), "{per_day:?}");
}

/// Of those who wait, nobody gets a place that somebody before them could have had.
fn nobody_overtakes(before: &[Row], rows: &[Row]) {
    let waited = |row: &&Row| before.iter().any(|old| old.id == row.id && old.state == State::Waitlist);
    for offered in rows.iter().filter(|row| row.state == State::Held).filter(waited) {
        let earlier = rows.iter().take_while(|row| row.id != offered.id);
        let to_come = |row: &&Row| row.state == State::Waitlist && row.start > now();
        for waiting in earlier.filter(to_come).filter(|row| row.wish == offered.wish) {
            let others = rows.iter().filter(|row| row.id != offered.id);
            let taken = others.clone().any(|row| row.blocks(&waiting.wish, waiting.start, waiting.end));
            let full = used(rows, &waiting.owner, waiting.start) >= QUOTA;
            let wanted_it = offered.blocks(&waiting.wish, waiting.start, waiting.end);
            assert!(taken || full || !wanted_it, "{offered:?} overtakes {waiting:?}");
        }
    }
}

/// What must hold once the schedule has come by: whoever waits has nothing that could be had, and every change was told.
pub async fn settled(platform: &Platform) {
    let rows = read(platform).await;
    for waiting in rows.iter().filter(|row| row.state == State::Waitlist) {
        let taken = rows.iter().any(|row| row.blocks(&waiting.wish, waiting.start, waiting.end));
        let full = used(&rows, &waiting.owner, waiting.start) >= QUOTA;
        assert!(taken || full, "{waiting:?} waits for what is free");
    }
    assert_eq!(platform.count("SELECT count(*) FROM booking_outbox").await, 0, "everything was told");
    for row in &rows {
        let told = platform.events(&serde_json::json!({ "id": row.id })).await;
        assert_eq!(i32::try_from(told.len()).unwrap(), row.version + 1, "each change once: {row:?} {told:?}");
    }
}
