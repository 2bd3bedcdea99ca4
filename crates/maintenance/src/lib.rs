//! Predictive maintenance: what is likely to be wrong or to fail, why, and by when somebody should look. No AWS, no HTTP; time
//! and data are passed in.
//!
//! | module | |
//! |---|---|
//! | [`finding`] | what is found: a probability, the evidence, a suggested date |
//! | [`battery`] | when a battery will be empty, from its past readings |
//! | [`rates`] | a sensor that changes too often (flapping) or too seldom (stuck) beside its neighbours |
//! | [`silence`] | a sensor that is not heard any more |
//! | [`agreement`] | a sensor that disagrees with payments |
//! | [`equipment`] | barriers, terminals: failure by wear |
//! | [`work`] | work orders, their closing, and what feedback says of a kind of finding |

pub mod agreement;
pub mod battery;
pub mod equipment;
pub mod finding;
pub mod rates;
pub mod silence;
mod special;
pub mod work;

pub use finding::{Evidence, Finding, Kind};
pub use work::{Order, Reliability, State, Verdict};
