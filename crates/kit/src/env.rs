//! Configuration from the environment, as the template sets it.

use std::{fmt, str::FromStr};

/// A setting that is missing or cannot be read; the function does not start.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EnvError {
    /// The variable is not set, or empty.
    #[error("the environment variable {0} is not set")]
    Missing(&'static str),
    /// The variable does not have the form it should.
    #[error("the environment variable {name} cannot be read: {reason}")]
    Invalid {
        /// Name of the variable.
        name: &'static str,
        /// Why it cannot be read.
        reason: String,
    },
}

/// The value of a variable that must be set.
///
/// # Errors
/// When it is missing or empty.
pub fn required(name: &'static str) -> Result<String, EnvError> {
    optional(name).ok_or(EnvError::Missing(name))
}

/// The value of a variable, if it is set and not empty.
#[must_use]
pub fn optional(name: &'static str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// The value of a variable read as `T`, or `default` when it is not set.
///
/// # Errors
/// When it is set to something that is not a `T`.
pub fn parsed<T>(name: &'static str, default: T) -> Result<T, EnvError>
where
    T: FromStr,
    T::Err: fmt::Display,
{
    optional(name).map_or(Ok(default), |value| parse(name, &value))
}

/// The value of a variable that must be set, read as `T`.
///
/// # Errors
/// When it is missing or not a `T`.
pub fn required_parsed<T>(name: &'static str) -> Result<T, EnvError>
where
    T: FromStr,
    T::Err: fmt::Display,
{
    parse(name, &required(name)?)
}

fn parse<T>(name: &'static str, value: &str) -> Result<T, EnvError>
where
    T: FromStr,
    T::Err: fmt::Display,
{
    value.parse().map_err(|error: T::Err| EnvError::Invalid { name, reason: error.to_string() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_variable_is_named() {
        assert_eq!(required("PARVIS_SURELY_NOT_SET"), Err(EnvError::Missing("PARVIS_SURELY_NOT_SET")));
        assert_eq!(parsed("PARVIS_SURELY_NOT_SET", 7), Ok(7));
    }

    #[test]
    fn a_value_of_the_wrong_form_is_refused() {
        let refused = parse::<u32>("COMMS_LOST_AFTER_SECONDS", "soon").unwrap_err();
        assert!(refused.to_string().contains("COMMS_LOST_AFTER_SECONDS"), "{refused}");
    }
}
