//! Values as CloudFormation takes them: numbers and booleans may be text, a list of one may be its item.

use std::fmt;

use serde::{Deserialize, Deserializer, de::Error as _};

/// A whole number, which CloudFormation also takes as text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Int<T = u32>(pub T);

impl<'de, T: TryFrom<i64>> Deserialize<'de> for Int<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let scalar = Scalar::deserialize(deserializer)?;
        let number = scalar.to_string().parse::<i64>().ok().and_then(|number| T::try_from(number).ok());
        number.map(Self).ok_or_else(|| D::Error::custom(format!("{scalar} is not a whole number in range")))
    }
}

/// `true` or `false`, which CloudFormation also takes as text.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Flag(pub bool);

impl<'de> Deserialize<'de> for Flag {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let scalar = Scalar::deserialize(deserializer)?;
        scalar
            .to_string()
            .parse()
            .map(Self)
            .map_err(|_| D::Error::custom(format!("{scalar} is neither true nor false")))
    }
}

/// Text, number or boolean, written as CloudFormation writes it into an environment variable.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub enum Scalar {
    Flag(bool),
    Number(serde_json::Number),
    Text(String),
}

impl fmt::Display for Scalar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(flag) => flag.fmt(f),
            Self::Number(number) => number.fmt(f),
            Self::Text(text) => f.write_str(text),
        }
    }
}

/// One value, or a list of them.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub enum OneOrMany<T> {
    One(T),
    Many(Vec<T>),
}

impl<T> OneOrMany<T> {
    pub fn into_vec(self) -> Vec<T> {
        match self {
            Self::One(one) => vec![one],
            Self::Many(many) => many,
        }
    }
}
