//! Why a device message was refused.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A stable code per reason; it names the reason in metrics and on the dead-letter queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefusalCode {
    /// The queue's body is not the rule's envelope.
    BadEnvelope,
    /// The payload is not JSON.
    NotJson,
    /// The payload is JSON, but not an object.
    NotAnObject,
    /// The topic does not follow the grammar.
    UnknownTopic,
    /// A required field is absent.
    MissingField,
    /// A field is of another type than expected.
    BadField,
    /// The status is neither `free` nor `occupied`.
    BadStatus,
    /// The timestamp cannot be read, or lies before the year 2000.
    BadTimestamp,
    /// The device's clock is more than five minutes ahead of the receipt.
    ClockAhead,
    /// A number is outside the range that its meaning allows.
    NumberOutOfRange,
    /// The payload names another zone than the topic.
    ZoneMismatch,
    /// The place is not in the register.
    UnknownPlace,
    /// The zone is not in the register and its place does not enrol by itself.
    UnknownZone,
    /// The space is not in the register and its place does not enrol by itself.
    UnknownSpace,
}

impl RefusalCode {
    /// The code as it is written in attributes, dimensions and logs.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::BadEnvelope => "bad_envelope",
            Self::NotJson => "not_json",
            Self::NotAnObject => "not_an_object",
            Self::UnknownTopic => "unknown_topic",
            Self::MissingField => "missing_field",
            Self::BadField => "bad_field",
            Self::BadStatus => "bad_status",
            Self::BadTimestamp => "bad_timestamp",
            Self::ClockAhead => "clock_ahead",
            Self::NumberOutOfRange => "number_out_of_range",
            Self::ZoneMismatch => "zone_mismatch",
            Self::UnknownPlace => "unknown_place",
            Self::UnknownZone => "unknown_zone",
            Self::UnknownSpace => "unknown_space",
        }
    }
}

impl fmt::Display for RefusalCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A refused message: the reason, and a sentence for the person who looks at the dead-letter queue.
///
/// The sentence never repeats a number plate.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {detail}")]
pub struct Refusal {
    /// The reason.
    pub code: RefusalCode,
    /// What exactly is wrong.
    pub detail: String,
}

impl Refusal {
    /// A refusal with its explanation.
    #[must_use]
    pub fn new(code: RefusalCode, detail: impl Into<String>) -> Self {
        Self { code, detail: detail.into() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_written_as_they_serialise() {
        for code in
            [RefusalCode::BadEnvelope, RefusalCode::NotAnObject, RefusalCode::ClockAhead, RefusalCode::UnknownSpace]
        {
            assert_eq!(serde_json::to_value(code).unwrap(), code.as_str());
        }
    }
}
