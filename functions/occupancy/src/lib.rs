//! The read API of parking occupancy and the administration of places.
//!
//! | module | for |
//! |---|---|
//! | [`routes`] | the public routes of `/v1` by topic, and the OpenAPI document |
//! | [`admin`] | changing the register, importing files |
//! | [`open_data`] | feeds in the shapes of APDS and CDS |
//! | [`field`] | the routes of the smart-parking field project |
//! | [`current`], [`series`], [`statistics`], [`findings`] | what is told: now, over time, usually, what is broken |
//! | [`shared_stuck`] | the same for all sandboxes |
//! | [`stuck_cache`] | the one finding that needs the database, kept so that nobody waits for it |
//! | [`sql`] | the questions asked of the history |
//! | [`export`] | tables as CSV and XLSX |

pub mod admin;
pub mod config;
pub mod current;
pub mod cursor;
pub mod error;
pub mod export;
pub mod field;
pub mod findings;
pub mod open_data;
pub mod params;
pub mod routes;
pub mod series;
pub mod shared_stuck;
pub mod sql;
pub mod state;
pub mod statistics;
pub mod stuck_cache;
pub mod views;

/// Runs the function until the Lambda service ends the sandbox.
///
/// # Errors
/// When the configuration is incomplete or the Runtime API fails.
pub async fn run() -> Result<(), lambda_runtime::Error> {
    parvis_kit::telemetry::init();
    let app = config::app_from_env().await?;
    // No connection to the database yet: the current state needs none, and one would wake a server that is paused.
    parvis_kit::http::run_http(routes::router(app)).await
}
