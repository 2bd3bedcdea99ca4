//! What is found.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// What is the matter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A battery runs out.
    Battery,
    /// A sensor is not heard any more.
    Silent,
    /// A sensor changes far more often than its neighbours.
    Flapping,
    /// A sensor changes far more seldom than its neighbours.
    Stuck,
    /// A sensor does not see the vehicles that have paid.
    Disagreement,
    /// Equipment is about to fail by wear.
    Wear,
}

impl Kind {
    /// The kind's name, as it is serialised.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Battery => "battery",
            Self::Silent => "silent",
            Self::Flapping => "flapping",
            Self::Stuck => "stuck",
            Self::Disagreement => "disagreement",
            Self::Wear => "wear",
        }
    }
}

/// Something that is likely to be wrong, or to fail.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    /// What.
    pub kind: Kind,
    /// How likely it is true, 0 to 1, as far as the evidence says.
    pub probability: f64,
    /// What it rests on.
    pub evidence: Evidence,
    /// By when somebody should look.
    pub by: DateTime<Utc>,
}

/// What a finding rests on.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(tag = "evidence", rename_all = "snake_case")]
pub enum Evidence {
    /// Of a battery.
    Battery {
        /// Its last reading in percent.
        percent: f64,
        /// Percent that it loses in a day.
        per_day: f64,
        /// The earliest and the latest day on which it is empty, with 80 % probability, in days from the last reading; none of the latter
        /// if it may last for ever.
        empty_in_days: (f64, Option<f64>),
        /// Readings looked at.
        readings: usize,
    },
    /// Of a battery that is nearly empty, whatever its trend.
    LowBattery {
        /// Its last reading in percent.
        percent: f64,
        /// At or below so many percent a battery is nearly empty.
        floor: f64,
    },
    /// Of a sensor that is not heard any more.
    Silence {
        /// Since when.
        since: DateTime<Utc>,
        /// For how many hours.
        hours: f64,
    },
    /// Of a sensor that changes too often or too seldom.
    Rate {
        /// Its changes.
        changes: u32,
        /// Changes expected of it, by those of its neighbours.
        expected: f64,
        /// Neighbours looked at.
        neighbours: usize,
    },
    /// Of a sensor that disagrees with payments.
    Payments {
        /// Paid stays that it did not see.
        missed: u32,
        /// Paid stays.
        paid: u32,
        /// Share of paid stays that its neighbours miss.
        usual: f64,
    },
    /// Of equipment.
    Wear {
        /// Its age, in the unit of the lives (hours, cycles).
        age: f64,
        /// The remaining life that it outlives with 50 %.
        median_left: f64,
        /// Failures from which that is known.
        failures: usize,
    },
}
