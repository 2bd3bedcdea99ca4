//! What is booked at a site, and what it earns.

use axum::extract::State;
use parvis_booking::SiteId;
use parvis_forecasts::{Measure, Subject, subject::COWORKING};
use parvis_kit::{
    auth::Caller,
    http::{Json, Path, Query},
    problem::Problem,
    routes,
    routes::Routes,
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{DaysParams, HorizonParams, READERS, may_see};
use crate::{
    error::{ApiResult, Refusal},
    state::App,
    views::{AccuracyView, ForecastView, SeriesView},
};

pub(super) fn router() -> Routes<App> {
    Routes::new().routes(routes!(list_demand)).routes(routes!(read_demand)).routes(routes!(read_demand_accuracy))
}

/// The series of sites.
#[derive(Debug, Serialize, ToSchema)]
struct Demand {
    /// By id.
    series: Vec<SeriesView>,
}

/// Which site.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct ListParams {
    /// Only the series of this site.
    #[param(value_type = Option<String>, example = "parvis")]
    site: Option<SiteId>,
}

/// Which series of bookings are forecast
///
/// Places taken at once by kind of place, and revenue by currency, which only managers and administrators see.
#[utoipa::path(
    get,
    path = "/v1/demand",
    tag = "Demand",
    security(("login" = [])),
    params(ListParams),
    responses((status = 200, description = "The series of sites", body = Demand), Refusal)
)]
async fn list_demand(
    State(app): State<App>,
    caller: Caller,
    Query(params): Query<ListParams>,
) -> ApiResult<Json<Demand>> {
    caller.require(&READERS)?;
    let entries = app.store().entries(COWORKING).await?;
    let wanted = |subject: &Subject| {
        let of_site =
            matches!(subject, Subject::Coworking(site, _) if params.site.as_ref().is_none_or(|one| one == site));
        of_site && may_see(&caller, subject).is_ok()
    };
    let of = entries.iter().filter(|entry| wanted(&entry.definition.subject));
    Ok(Json(Demand { series: of.map(SeriesView::from).collect() }))
}

fn subject(site: SiteId, measure: &str) -> Result<Subject, Problem> {
    let measure: Measure = measure.parse().map_err(|_| Problem::not_found("series"))?;
    Ok(Subject::Coworking(site, measure))
}

/// Demand to come
///
/// Places of a kind that are taken at once, or revenue, hour by hour.
#[utoipa::path(
    get,
    path = "/v1/demand/{site}/{measure}",
    tag = "Demand",
    security(("login" = [])),
    params(
        ("site" = String, Path, description = "The site", example = "parvis"),
        ("measure" = String, Path, description = "room, desk, shared, parking, equipment, or revenue-EUR", example = "desk"),
        HorizonParams
    ),
    responses((status = 200, description = "The forecast, or why there is none", body = ForecastView), Refusal)
)]
async fn read_demand(
    State(app): State<App>,
    caller: Caller,
    Path((site, measure)): Path<(SiteId, String)>,
    Query(params): Query<HorizonParams>,
) -> ApiResult<Json<ForecastView>> {
    let subject = subject(site, &measure)?;
    may_see(&caller, &subject)?;
    Ok(Json(super::forecast(&app, &subject, params).await?))
}

/// How good the forecasts of demand were
#[utoipa::path(
    get,
    path = "/v1/demand/{site}/{measure}/accuracy",
    tag = "Demand",
    security(("login" = [])),
    params(
        ("site" = String, Path, description = "The site", example = "parvis"),
        ("measure" = String, Path, description = "room, desk, shared, parking, equipment, or revenue-EUR", example = "desk"),
        DaysParams
    ),
    responses((status = 200, description = "Errors and coverage", body = AccuracyView), Refusal)
)]
async fn read_demand_accuracy(
    State(app): State<App>,
    caller: Caller,
    Path((site, measure)): Path<(SiteId, String)>,
    Query(params): Query<DaysParams>,
) -> ApiResult<Json<AccuracyView>> {
    let subject = subject(site, &measure)?;
    may_see(&caller, &subject)?;
    Ok(Json(super::accuracy(&app, &subject, params.days, params.points).await?))
}
