//! Ids that people choose and that appear in addresses and MQTT topics.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Longest id, so that an id fits a topic level and a column of a CSV file without surprise.
const LONGEST: usize = 64;

/// A text that cannot be an id.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not an id: 1 to 64 letters, digits, `_`, `.` or `-`, starting with a letter or digit")]
pub struct InvalidId(String);

fn valid(text: &str) -> bool {
    text.len() <= LONGEST
        && text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-'))
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[cfg_attr(feature = "schema", derive(utoipa::ToSchema), schema(value_type = String))]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// The id as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                if valid(text) { Ok(Self(text.to_owned())) } else { Err(InvalidId(text.to_owned())) }
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidId;

            fn try_from(text: String) -> Result<Self, InvalidId> {
                if valid(&text) { Ok(Self(text)) } else { Err(InvalidId(text)) }
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

id!(
    /// A building or campus: what has an address and a time zone.
    SiteId
);
id!(
    /// Something that can be booked.
    ResourceId
);
id!(
    /// Resources of which anyone will do: "any desk on floor 2", "one of three projectors".
    PoolId
);
id!(
    /// A set of rules.
    PolicyId
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_fit_addresses_and_topics() {
        assert!("desk-2.14_b".parse::<ResourceId>().is_ok());
        for wrong in ["", "-a", "a b", "a/b", "salle é", "+", &"a".repeat(65)] {
            assert!(wrong.parse::<ResourceId>().is_err(), "{wrong}");
        }
    }
}
