//! The questions asked of the history in PostgreSQL.
//!
//! The tables belong to the `history` function (`infra/migrations`); this function only reads them. Every statement is
//! bounded by a place, and by a range of time or a row limit, so that the partitions that do not matter are pruned and
//! no request can ask for a full scan.

mod counters;
mod events;
mod findings;
mod series;
mod sessions;
mod usage;

pub use counters::{CountedBucket, Reading, counter_series, latest_readings_before, readings};
pub use events::{Event, EventFilter, events, for_each_event};
pub use findings::{
    ActiveZone, QuietZone, StuckCounter, StuckCounterRule, StuckSpaceRule, stuck_counters, zone_activity,
};
pub use series::{Bucket, Grouping, Signal, SpaceSet, Step, Window, space_series};
pub use sessions::{DwellStatistics, QUANTILES, ZoneSessions, dwell, sessions_by_zone};
pub use usage::{UsageScope, first_record, has_history};
