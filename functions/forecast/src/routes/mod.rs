//! The routes, by topic, and the document that describes them.

mod advice;
mod backtests;
mod demand;
mod maintenance;
mod parking;
mod series;

use std::sync::LazyLock;

use axum::{Router, http::HeaderMap, response::Response};
use chrono::{DateTime, TimeDelta, Utc};
use parvis_forecasts::{Entry, Measure, Subject, store::days_before};
use parvis_kit::{
    auth::{Caller, Role},
    http::Asset,
    problem::{FieldError, Problem},
    routes,
    routes::Routes,
};
use serde::Deserialize;
use utoipa::{IntoParams, OpenApi};

use crate::{
    error::ApiResult,
    state::App,
    views::{AccuracyView, ForecastView, earlier},
};

/// What the document says beside the routes.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Parvis forecasts API",
        version = "1.0.0",
        description = "What is to be expected, with bands that hold as often as they say, and how good it was. Forecasts of car \
                       parks are public; series that are fed need a login. Times are RFC 3339 in UTC; errors are problem+json \
                       (RFC 9457).",
        license(name = "Apache-2.0", identifier = "Apache-2.0")
    ),
    components(schemas(Problem)),
    tags(
        (
            name = "Demand",
            description = "What is booked at a site, by kind of place, and what it earns. Reading needs the role agent, manager or admin, \
                           revenue manager or admin."
        ),
        (
            name = "Backtests",
            description = "What forecasts of a live series would have been worth on its past. For agents, managers and administrators."
        ),
        (
            name = "Maintenance",
            description = "Sensors and equipment that are likely to be wrong or to fail, as work orders. For agents, managers and administrators."
        ),
        (name = "Parking", description = "Free places of car parks and zones, up to seven days ahead."),
        (
            name = "Series",
            description = "Series that others feed, such as arrivals at an emergency department. Reading needs the role agent, manager or \
                           admin, feeding manager or admin."
        ),
        (name = "Service", description = "About this API.")
    )
)]
struct Document;

fn described() -> Routes<App> {
    Routes::new()
        .merge(parking::router())
        .merge(demand::router())
        .merge(series::router())
        .merge(backtests::router())
        .merge(advice::router())
        .merge(maintenance::router())
        .routes(routes!(openapi))
}

/// All routes.
pub fn router(app: App) -> Router {
    described().into_router().with_state(app)
}

/// The OpenAPI 3.1 document as JSON.
pub fn document() -> &'static str {
    static DOCUMENT: LazyLock<String> =
        LazyLock::new(|| parvis_kit::api::document(described().describe(Document::openapi()), &["login"]));
    &DOCUMENT
}

/// This document.
#[utoipa::path(
    get,
    path = "/openapi/forecasts.json",
    tag = "Service",
    responses((status = 200, description = "The API in the form of OpenAPI 3.1", content_type = "application/json"))
)]
async fn openapi(headers: HeaderMap) -> Response {
    static DOCUMENT: LazyLock<Asset> = LazyLock::new(|| Asset::new("application/json", document()));
    DOCUMENT.respond(&headers)
}

/// Who may read what is not public.
const READERS: [Role; 3] = [Role::Admin, Role::Manager, Role::Agent];
/// Who may know what is earned, and may change series.
const MANAGERS: [Role; 2] = [Role::Admin, Role::Manager];

/// Goes on only for those who may see a series.
fn may_see(caller: &Caller, subject: &Subject) -> Result<(), Problem> {
    match subject {
        Subject::Coworking(_, Measure::Revenue(_)) => caller.require(&MANAGERS),
        Subject::Coworking(..) | Subject::Fed(_) | Subject::Place(_) | Subject::Zone(..) => caller.require(&READERS),
    }
}

/// Forecasts that are read at the same time.
const READS: usize = 16;
/// The most that is forecast, in hours.
const LONGEST_HOURS: u16 = 168;
/// The most days of accuracy that one answer holds.
const LONGEST_DAYS: u16 = 400;
/// With single points fewer: a day has 96.
const LONGEST_DAYS_OF_POINTS: u16 = 31;

/// How far ahead.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct HorizonParams {
    /// How many hours from now on, 1 to 168.
    #[param(minimum = 1, maximum = 168, default = 24)]
    hours: Option<u16>,
    /// Whether to tell today's forecast too, as it stood when the day began.
    #[serde(default)]
    earlier: bool,
}

/// Which days.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct DaysParams {
    /// How many days back, 1 to 400; with points 1 to 31.
    #[param(minimum = 1, maximum = 400, default = 28)]
    days: Option<u16>,
    /// Whether to tell step by step what was forecast and what came.
    #[serde(default)]
    points: bool,
}

/// A number of a query parameter within its bounds.
fn within(field: &str, value: Option<u16>, default: u16, most: u16) -> Result<u16, Problem> {
    let value = value.unwrap_or(default);
    if (1..=most).contains(&value) {
        return Ok(value);
    }
    Err(Problem::invalid(vec![FieldError::new(field, format!("must be from 1 to {most}"))]))
}

/// A series of the list.
async fn entry(app: &App, subject: &Subject) -> ApiResult<Entry> {
    Ok(app.store().listed(subject).await?.ok_or_else(|| Problem::not_found("series"))?)
}

/// The forecast of the hours from now on, and of those of today that have passed if wanted.
async fn forecast(app: &App, subject: &Subject, params: HorizonParams) -> ApiResult<ForecastView> {
    let hours = within("hours", params.hours, 24, LONGEST_HOURS)?;
    let (entry, outlook) = tokio::try_join!(app.store().listed(subject), app.store().outlook(subject))?;
    let entry = entry.ok_or_else(|| Problem::not_found("series"))?;
    let from: DateTime<Utc> = app.now();
    let mut view = ForecastView::of(&entry, outlook.as_ref(), from, from + TimeDelta::hours(i64::from(hours)));
    if params.earlier && !view.steps.is_empty() {
        let today = from.with_timezone(&entry.definition.calendar.timezone).date_naive();
        let issued = app.store().issued(subject, today).await?;
        view.earlier = issued.map_or_else(Vec::new, |issued| earlier(&entry.definition, &issued, from));
    }
    Ok(view)
}

/// How good the forecasts of the last days were.
async fn accuracy(app: &App, subject: &Subject, days: Option<u16>, points: bool) -> ApiResult<AccuracyView> {
    let most = if points { LONGEST_DAYS_OF_POINTS } else { LONGEST_DAYS };
    let days = within("days", days, 28.min(most), most)?;
    let entry = entry(app, subject).await?;
    let from = days_before(app.now().with_timezone(&entry.definition.calendar.timezone).date_naive(), u64::from(days));
    Ok(AccuracyView::of(&entry, &app.store().scored(subject, from).await?, points))
}
