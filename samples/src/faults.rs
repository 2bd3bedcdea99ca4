//! What goes wrong with sensors in the field, so that a demo or a test meets it too.

use rand::Rng;

/// The condition of one sensor for a whole run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Condition {
    /// Reports every change.
    Healthy,
    /// Repeats its first state for ever.
    Stuck,
    /// Falls silent some time after the start.
    Silent,
    /// Reports a short false change now and then.
    Flapping,
}

/// Shares of faulty sensors and messages.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FaultRates {
    /// Share of sensors that are not healthy (a third each stuck, silent and flapping).
    pub sensors: f64,
    /// Share of messages delivered twice.
    pub duplicates: f64,
    /// Share of messages that are not valid.
    pub malformed: f64,
}

impl FaultRates {
    /// A fleet without faults.
    pub const NONE: Self = Self { sensors: 0.0, duplicates: 0.0, malformed: 0.0 };

    /// Draws a sensor's condition.
    pub fn draw(&self, rng: &mut impl Rng) -> Condition {
        if !rng.random_bool(self.sensors.clamp(0.0, 1.0)) {
            return Condition::Healthy;
        }
        match rng.random_range(0..3) {
            0 => Condition::Stuck,
            1 => Condition::Silent,
            _ => Condition::Flapping,
        }
    }
}
