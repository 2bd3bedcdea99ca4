//! Identifiers of places, zones, spaces and blocks, validated where they enter.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Number of spaces that one block of live state holds.
pub const BLOCK_SPACES: u16 = 32;

/// A text that is not a valid identifier.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidId {
    /// A place or zone id outside `[A-Za-z0-9][A-Za-z0-9_.-]{0,63}`, or the reserved word `parking`.
    #[error(
        "`{0}` is not an id: 1 to 64 letters, digits, `_`, `.` or `-`, beginning with a letter or digit, and not `parking`"
    )]
    Text(String),
    /// A space number outside 1 to 9999.
    #[error("`{0}` is not a space number from 1 to 9999")]
    Number(String),
    /// A sort key that is not `<zone>#<nnnn>` or `<zone>#counter`.
    #[error("`{0}` is not the key of a block")]
    Block(String),
}

/// True for `[A-Za-z0-9][A-Za-z0-9_.-]{0,63}` except the reserved word.
///
/// `parking` is reserved because it is what tells a topic with a place prefix from one without.
fn is_id(text: &str) -> bool {
    let bytes = text.as_bytes();
    (1..=64).contains(&bytes.len())
        && bytes[0].is_ascii_alphanumeric()
        && bytes.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-'))
        && text != "parking"
}

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        #[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
        #[cfg_attr(feature = "schema", schema(pattern = "^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$"))]
        pub struct $name(String);

        impl $name {
            /// The id as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl std::borrow::Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                if is_id(text) {
                    Ok(Self(text.to_owned()))
                } else {
                    Err(InvalidId::Text(text.to_owned()))
                }
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidId;

            fn try_from(text: String) -> Result<Self, InvalidId> {
                if is_id(&text) { Ok(Self(text)) } else { Err(InvalidId::Text(text)) }
            }
        }

        impl TryFrom<&str> for $name {
            type Error = InvalidId;

            fn try_from(text: &str) -> Result<Self, InvalidId> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> String {
                id.0
            }
        }
    };
}

text_id! {
    /// A car park or a site (APDS: Place).
    PlaceId
}

text_id! {
    /// A zone of a place (APDS: IdentifiedArea).
    ZoneId
}

/// The number of a space (bay) within its zone, from 1 to 9999; the field protocol's `place_<n>`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "u32", into = "u32")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "schema", schema(minimum = 1, maximum = 9999))]
pub struct SpaceNumber(u16);

impl SpaceNumber {
    /// The highest number.
    pub const MAX: u16 = 9999;

    /// The number itself.
    #[must_use]
    pub fn get(self) -> u16 {
        self.0
    }

    /// The block which holds this space.
    #[must_use]
    pub fn block(self) -> u16 {
        (self.0 - 1) / BLOCK_SPACES
    }

    /// The position within its block, from 0 to 31.
    #[must_use]
    pub fn slot(self) -> u8 {
        // The remainder is below 32.
        ((self.0 - 1) % BLOCK_SPACES) as u8
    }

    /// The number of a block's slot; `None` past [`SpaceNumber::MAX`].
    #[must_use]
    pub fn at(block: u16, slot: u8) -> Option<Self> {
        let number = u32::from(block) * u32::from(BLOCK_SPACES) + u32::from(slot) + 1;
        Self::try_from(number).ok()
    }
}

impl fmt::Display for SpaceNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl TryFrom<u32> for SpaceNumber {
    type Error = InvalidId;

    fn try_from(number: u32) -> Result<Self, InvalidId> {
        u16::try_from(number)
            .ok()
            .filter(|n| (1..=Self::MAX).contains(n))
            .map(Self)
            .ok_or_else(|| InvalidId::Number(number.to_string()))
    }
}

impl From<SpaceNumber> for u32 {
    fn from(number: SpaceNumber) -> u32 {
        number.0.into()
    }
}

impl FromStr for SpaceNumber {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        // `u32::from_str` also takes a sign, which a number in a topic or a path must not have.
        if text.bytes().all(|b| b.is_ascii_digit())
            && let Ok(number) = text.parse::<u32>()
        {
            return Self::try_from(number);
        }
        Err(InvalidId::Number(text.to_owned()))
    }
}

/// Which part of a zone's live state a block holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum BlockIndex {
    /// Spaces `32 * n + 1` to `32 * n + 32`.
    Spaces(u16),
    /// The zone's counter.
    Counter,
}

/// The address of a block of live state.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BlockKey {
    /// The place; partition key, so that one stream shard delivers all blocks of a place in order.
    pub place: PlaceId,
    /// The zone.
    pub zone: ZoneId,
    /// The part of the zone.
    pub index: BlockIndex,
}

impl BlockKey {
    /// The key of the block that holds a space.
    #[must_use]
    pub fn of_space(place: PlaceId, zone: ZoneId, space: SpaceNumber) -> Self {
        Self { place, zone, index: BlockIndex::Spaces(space.block()) }
    }

    /// The key of a zone's counter.
    #[must_use]
    pub fn of_counter(place: PlaceId, zone: ZoneId) -> Self {
        Self { place, zone, index: BlockIndex::Counter }
    }

    /// The sort key: `<zone>#<nnnn>` or `<zone>#counter`.
    #[must_use]
    pub fn sort_key(&self) -> String {
        match self.index {
            BlockIndex::Spaces(index) => format!("{}#{index:04}", self.zone),
            BlockIndex::Counter => format!("{}#counter", self.zone),
        }
    }

    /// Reads a key back from its two parts.
    ///
    /// # Errors
    /// [`InvalidId`] when either part was not written by this version of the program.
    pub fn parse(place: &str, sort_key: &str) -> Result<Self, InvalidId> {
        let invalid = || InvalidId::Block(sort_key.to_owned());
        let (zone, index) = sort_key.split_once('#').ok_or_else(invalid)?;
        let index = if index == "counter" {
            BlockIndex::Counter
        } else if index.len() == 4 && index.bytes().all(|b| b.is_ascii_digit()) {
            BlockIndex::Spaces(index.parse().map_err(|_| invalid())?)
        } else {
            return Err(invalid());
        };
        Ok(Self { place: place.parse()?, zone: zone.parse()?, index })
    }
}

impl fmt::Display for BlockKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.place, self.sort_key())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_follow_the_grammar() {
        for good in ["default", "Zone_A", "9", "a.b-c_d", &"x".repeat(64)] {
            assert!(good.parse::<PlaceId>().is_ok(), "{good}");
        }
        for bad in ["", "parking", "_a", "-a", "a/b", "a#b", "é", "a b", &"x".repeat(65)] {
            assert!(bad.parse::<ZoneId>().is_err(), "{bad}");
        }
    }

    #[test]
    fn space_numbers_know_their_block() {
        let number = |n: u32| SpaceNumber::try_from(n).unwrap();
        assert_eq!((number(1).block(), number(1).slot()), (0, 0));
        assert_eq!((number(32).block(), number(32).slot()), (0, 31));
        assert_eq!((number(33).block(), number(33).slot()), (1, 0));
        for n in 1..=9999 {
            assert_eq!(SpaceNumber::at(number(n).block(), number(n).slot()), Some(number(n)));
        }
        for bad in ["0", "10000", "+1", "-1", "", "1.0", "99999999999"] {
            assert!(bad.parse::<SpaceNumber>().is_err(), "{bad}");
        }
        assert_eq!("007".parse::<SpaceNumber>().unwrap().get(), 7);
    }

    #[test]
    fn block_keys_round_trip() {
        for sort_key in ["Zone_A#0000", "b.2#0312", "Zone_A#counter"] {
            assert_eq!(BlockKey::parse("p", sort_key).unwrap().sort_key(), sort_key);
        }
        for bad in ["Zone_A", "Zone_A#1", "#0001", "Zone_A#+001", "Zone_A#00001"] {
            assert!(BlockKey::parse("p", bad).is_err(), "{bad}");
        }
    }
}
