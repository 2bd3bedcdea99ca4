//! Alert levels with hysteresis.

use serde::{Deserialize, Serialize};

/// How full a zone or a place is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub enum Level {
    /// Below the first threshold.
    #[default]
    Normal,
    /// At or above the first threshold.
    Busy,
    /// At or above the second threshold.
    Saturated,
}

impl Level {
    /// As events write it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Normal => "normal",
            Self::Busy => "busy",
            Self::Saturated => "saturated",
        }
    }
}

/// The thresholds of a zone or a place, in percent of its spaces.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Unchecked")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Thresholds {
    /// From here on it is busy.
    #[cfg_attr(feature = "schema", schema(minimum = 1, maximum = 100, example = 70))]
    busy: u8,
    /// From here on it is saturated.
    #[cfg_attr(feature = "schema", schema(minimum = 1, maximum = 100, example = 85))]
    saturated: u8,
    /// How far the rate must fall below a threshold before the level is left.
    #[cfg_attr(feature = "schema", schema(minimum = 0, maximum = 99, example = 5))]
    hysteresis: u8,
}

/// Thresholds that contradict each other.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("thresholds must satisfy hysteresis < busy < saturated <= 100")]
pub struct InvalidThresholds;

#[derive(Deserialize)]
struct Unchecked {
    busy: u8,
    saturated: u8,
    hysteresis: u8,
}

impl TryFrom<Unchecked> for Thresholds {
    type Error = InvalidThresholds;

    fn try_from(raw: Unchecked) -> Result<Self, InvalidThresholds> {
        Self::new(raw.busy, raw.saturated, raw.hysteresis)
    }
}

impl Default for Thresholds {
    fn default() -> Self {
        Self { busy: 70, saturated: 85, hysteresis: 5 }
    }
}

impl Thresholds {
    /// Thresholds in percent.
    ///
    /// # Errors
    /// Unless `hysteresis < busy < saturated <= 100`.
    pub fn new(busy: u8, saturated: u8, hysteresis: u8) -> Result<Self, InvalidThresholds> {
        if hysteresis < busy && busy < saturated && saturated <= 100 {
            Ok(Self { busy, saturated, hysteresis })
        } else {
            Err(InvalidThresholds)
        }
    }

    /// From here on it is busy.
    #[must_use]
    pub fn busy(&self) -> u8 {
        self.busy
    }

    /// From here on it is saturated.
    #[must_use]
    pub fn saturated(&self) -> u8 {
        self.saturated
    }

    /// How far the rate must fall below a threshold before the level is left.
    #[must_use]
    pub fn hysteresis(&self) -> u8 {
        self.hysteresis
    }

    /// The threshold, in percent, at which a level begins; 0 for [`Level::Normal`].
    #[must_use]
    pub fn of(&self, level: Level) -> u8 {
        match level {
            Level::Normal => 0,
            Level::Busy => self.busy,
            Level::Saturated => self.saturated,
        }
    }
}

/// The level after a rate (percent) was seen.
///
/// A level is entered at its threshold and left only `hysteresis` points below it, so a rate that trembles around a
/// threshold gives one alert.
#[must_use]
pub fn next_level(current: Level, rate: f64, thresholds: &Thresholds) -> Level {
    let holds = |level: Level| {
        let entry = f64::from(thresholds.of(level));
        let needed = if level <= current { entry - f64::from(thresholds.hysteresis) } else { entry };
        rate >= needed
    };
    [Level::Saturated, Level::Busy].into_iter().find(|level| holds(*level)).unwrap_or(Level::Normal)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn walk(rates: &[f64]) -> Vec<Level> {
        let thresholds = Thresholds::default();
        rates
            .iter()
            .scan(Level::Normal, |level, rate| {
                *level = next_level(*level, *rate, &thresholds);
                Some(*level)
            })
            .collect()
    }

    #[test]
    fn levels_are_entered_at_and_left_below_their_thresholds() {
        use Level::{Busy, Normal, Saturated};
        assert_eq!(
            walk(&[69.99, 70.0, 66.0, 65.0, 64.99, 69.0, 85.0, 80.0, 79.99, 65.0, 64.0, 100.0, 10.0]),
            [Normal, Busy, Busy, Busy, Normal, Normal, Saturated, Saturated, Busy, Busy, Normal, Saturated, Normal]
        );
    }

    #[test]
    fn contradicting_thresholds_are_refused() {
        for (busy, saturated, hysteresis) in [(85, 70, 5), (70, 70, 5), (70, 101, 5), (5, 70, 5)] {
            assert!(Thresholds::new(busy, saturated, hysteresis).is_err());
        }
        assert!(serde_json::from_str::<Thresholds>(r#"{"busy":90,"saturated":80,"hysteresis":5}"#).is_err());
    }

    proptest! {
        #[test]
        fn a_tremble_within_the_hysteresis_changes_the_level_at_most_once(
            centre in 0.0..100.0f64,
            steps in prop::collection::vec(-2.49..2.49f64, 1..40),
        ) {
            let mut levels = walk(&steps.iter().map(|s| centre + s).collect::<Vec<_>>());
            levels.dedup();
            prop_assert!(levels.len() <= 2, "{levels:?}");
        }

        #[test]
        fn a_higher_rate_never_gives_a_lower_level(low in 0.0..100.0f64, more in 0.0..50.0f64) {
            let thresholds = Thresholds::default();
            for current in [Level::Normal, Level::Busy, Level::Saturated] {
                prop_assert!(next_level(current, low, &thresholds) <= next_level(current, low + more, &thresholds));
            }
        }
    }
}
