//! Forecasts with their measured accuracy. No AWS, no HTTP; time and data are passed in.
//!
//! [`fit`] trains a [`Series`] with a [`Calendar`] and gives a [`Fitted`], which is stored and
//! [forecasts](Fitted::forecast), or says as an [`Unforecastable`] why not; [`backtest`] tells how good that would have
//! been. [`regularise`] makes a series from irregular observations.
//!
//! | module | |
//! |---|---|
//! | [`series`] | values on a regular grid, gaps, stuck stretches |
//! | [`calendar`] | local time, public and school holidays, opening hours, closures |
//! | [`cold_start`] | a place without history, from similar ones |
//! | [`demand`] | levels of expected demand, by which prices move |
//! | [`drift`] | when forecasts become worse than they were |
//! | [`lifetime`] | remaining life of equipment: Weibull with censoring |

mod backtest;
pub mod calendar;
mod calibration;
pub mod cold_start;
mod counts;
pub mod demand;
pub mod drift;
mod error;
mod explanation;
mod fitted;
mod law;
pub mod lifetime;
mod metrics;
mod models;
mod prepared;
mod prior;
mod selection;
pub mod series;

pub use backtest::{Backtest, Plan, Point, backtest};
pub use calendar::{Calendar, Known};
pub use error::Unforecastable;
pub use explanation::{Explanation, Fact};
pub use fitted::{Fitted, Forecast, Options, PROBABILITIES, Rehearsed, StepForecast, VERSION, candidates, fit};
pub use metrics::{Accuracy, seasonal_scale};
pub use models::{Model, StructuralConfig};
pub use series::{Grid, Kind, Observation, Series, Step, regularise};
