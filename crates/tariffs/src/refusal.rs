//! Why there is no quote, in the words of APDS.

use chrono::{DateTime, Utc};
use parvis_money::MoneyError;
use serde::{Deserialize, Serialize};

/// A refusal's code, as APDS names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub enum RefusalReason {
    /// No tariff, not admitted, or no space.
    NoAvailability,
    /// The stay cannot be extended.
    NoExtensionPossible,
    /// Longer than the maximum stay.
    MaxStayReached,
    /// Outside the operating hours.
    OutsideOperatingHours,
    /// Too soon after the last stay.
    NoReturnPeriod,
}

impl RefusalReason {
    /// The code as it serialises.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NoAvailability => "noAvailability",
            Self::NoExtensionPossible => "noExtensionPossible",
            Self::MaxStayReached => "maxStayReached",
            Self::OutsideOperatingHours => "outsideOperatingHours",
            Self::NoReturnPeriod => "noReturnPeriod",
        }
    }
}

/// A refusal with what the driver can do about it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(tag = "reason", rename_all = "camelCase", rename_all_fields = "snake_case")]
pub enum Refusal {
    /// No tariff, not admitted, or no space.
    #[error("{detail}")]
    NoAvailability {
        /// Which of these.
        detail: String,
    },
    /// The stay cannot be extended.
    #[error("{detail}")]
    NoExtensionPossible {
        /// Why.
        detail: String,
    },
    /// Longer than the maximum stay.
    #[error("the maximum stay ends at {latest_end}")]
    MaxStayReached {
        /// The latest end that is possible.
        latest_end: DateTime<Utc>,
    },
    /// Nothing is due in the interval, or the place is closed during it.
    #[error("outside the operating hours")]
    OutsideOperatingHours {
        /// When they begin next.
        opens_at: Option<DateTime<Utc>>,
    },
    /// Too soon after the last stay.
    #[error("the vehicle may not come back before {until}")]
    NoReturnPeriod {
        /// When it may.
        until: DateTime<Utc>,
    },
}

impl Refusal {
    /// The code.
    #[must_use]
    pub fn reason(&self) -> RefusalReason {
        match self {
            Self::NoAvailability { .. } => RefusalReason::NoAvailability,
            Self::NoExtensionPossible { .. } => RefusalReason::NoExtensionPossible,
            Self::MaxStayReached { .. } => RefusalReason::MaxStayReached,
            Self::OutsideOperatingHours { .. } => RefusalReason::OutsideOperatingHours,
            Self::NoReturnPeriod { .. } => RefusalReason::NoReturnPeriod,
        }
    }

    pub(crate) fn no_availability(detail: impl Into<String>) -> Self {
        Self::NoAvailability { detail: detail.into() }
    }

    pub(crate) fn no_extension(detail: impl Into<String>) -> Self {
        Self::NoExtensionPossible { detail: detail.into() }
    }
}

/// Why a question has no price.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum QuoteError {
    /// The tariff says no.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The interval is empty, backwards, or longer than a year.
    #[error("an interval ends after it begins, and within a year")]
    BadInterval,
    /// An amount beyond all bounds, or of another currency.
    #[error(transparent)]
    Money(#[from] MoneyError),
}

impl QuoteError {
    /// The refusal, if the tariff says no.
    #[must_use]
    pub fn refusal(&self) -> Option<&Refusal> {
        match self {
            Self::Refused(refusal) => Some(refusal),
            _ => None,
        }
    }
}
