//! Why a series cannot be forecast.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// The reason that is shown in place of a forecast.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, thiserror::Error)]
#[serde(tag = "reason", rename_all = "snake_case")]
pub enum Unforecastable {
    /// No value at all.
    #[error("cannot be forecast because it has no observation")]
    Empty,
    /// Less than a week, so that weekdays are unknown.
    #[error("cannot be forecast because it covers {days:.1} days; a week is the least, or similar places")]
    TooShort {
        /// From the first to the last observation.
        days: f64,
    },
    /// Too many gaps.
    #[error("cannot be forecast because only {share:.0} % of its last weeks was observed", share = share * 100.0)]
    TooSparse {
        /// Share of the open steps that were observed, 0 to 1.
        share: f64,
    },
    /// The source has been silent for too long.
    #[error("cannot be forecast because nothing was observed since {since}")]
    Silent {
        /// The last observation.
        since: DateTime<Utc>,
    },
    /// The source repeats one value, although it used to move.
    #[error("cannot be forecast because its source has been stuck at {value} since {since}")]
    Stuck {
        /// The first of the equal values.
        since: DateTime<Utc>,
        /// The value that is repeated.
        value: f64,
    },
    /// A value that cannot be: negative, or above capacity.
    #[error("cannot be forecast because it holds {value} at {at}, outside of what it measures")]
    OutOfRange {
        /// When.
        at: DateTime<Utc>,
        /// What.
        value: f64,
    },
    /// No similar place has enough history to lend.
    #[error("cannot be forecast because no similar place has enough history")]
    NothingSimilar,
}
