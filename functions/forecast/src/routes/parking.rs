//! Free places of car parks and zones.

use axum::extract::State;
use chrono::{DateTime, TimeDelta, Utc};
use parvis_forecasts::{Subject, subject::PARKING};
use parvis_kit::{
    http::{Json, Path, Query},
    problem::{FieldError, Problem},
};
use parvis_parking::{PlaceId, ZoneId};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{DaysParams, HorizonParams, LONGEST_HOURS};
use crate::{
    error::{ApiResult, Refusal},
    state::App,
    views::{AccuracyView, Arrival, ForecastView, SeriesView},
};

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list_forecasts))
        .routes(routes!(read_forecast))
        .routes(routes!(read_arrival))
        .routes(routes!(read_accuracy))
}

/// All series of car parks.
#[derive(Debug, Serialize, ToSchema)]
struct Series {
    /// By id.
    series: Vec<SeriesView>,
}

/// Which car park.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct ListParams {
    /// Only the series of this car park.
    #[param(value_type = Option<String>, example = "default")]
    place: Option<PlaceId>,
}

/// Which series are forecast
///
/// With the state of each: since when, how well on held-back weeks, or why not.
#[utoipa::path(
    get,
    path = "/v1/forecasts",
    tag = "Parking",
    params(ListParams),
    responses((status = 200, description = "The series of car parks and zones", body = Series), Refusal)
)]
async fn list_forecasts(State(app): State<App>, Query(params): Query<ListParams>) -> ApiResult<Json<Series>> {
    let entries = app.store().entries(PARKING).await?;
    let wanted = |subject: &Subject| params.place.as_ref().is_none_or(|place| subject.place() == Some(place));
    let of = entries.iter().filter(|entry| wanted(&entry.definition.subject));
    Ok(Json(Series { series: of.map(SeriesView::from).collect() }))
}

/// Which part of the car park.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct ZoneParams {
    /// Only this zone; the whole car park if absent.
    #[param(value_type = Option<String>, example = "Zone_A")]
    zone: Option<ZoneId>,
}

/// Free places to come
///
/// Quarter by quarter of an hour, with bands and the chance of finding a place, and in words why. When the series cannot be
/// forecast, `refusal` says why and `steps` is empty.
#[utoipa::path(
    get,
    path = "/v1/forecasts/{place}",
    tag = "Parking",
    params(("place" = String, Path, description = "The car park", example = "default"), ZoneParams, HorizonParams),
    responses((status = 200, description = "The forecast, or why there is none", body = ForecastView), Refusal)
)]
async fn read_forecast(
    State(app): State<App>,
    Path(place): Path<PlaceId>,
    Query(part): Query<ZoneParams>,
    Query(params): Query<HorizonParams>,
) -> ApiResult<Json<ForecastView>> {
    let subject = Subject::parking(place, part.zone);
    Ok(Json(super::forecast(&app, &subject, params).await?))
}

/// Which arrival.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct ArrivalParams {
    /// Only this zone; the whole car park if absent.
    #[param(value_type = Option<String>, example = "Zone_A")]
    zone: Option<ZoneId>,
    /// When one arrives (RFC 3339), from now to seven days ahead.
    at: DateTime<Utc>,
}

/// The chance of finding a place on arrival
///
/// And, within three hours of the wish, a time with a better chance, if there is one.
#[utoipa::path(
    get,
    path = "/v1/forecasts/{place}/arrival",
    tag = "Parking",
    params(("place" = String, Path, description = "The car park", example = "default"), ArrivalParams),
    responses((status = 200, description = "The chance, or why it is not known", body = Arrival), Refusal)
)]
async fn read_arrival(
    State(app): State<App>,
    Path(place): Path<PlaceId>,
    Query(params): Query<ArrivalParams>,
) -> ApiResult<Json<Arrival>> {
    let (at, now) = (params.at, app.now());
    // A page that asks for "now" may be a moment late.
    if at < now - TimeDelta::minutes(15) || at > now + TimeDelta::hours(i64::from(LONGEST_HOURS)) {
        let message = "must lie between now and seven days ahead";
        return Err(Problem::invalid(vec![FieldError::new("at", message)]).into());
    }
    let subject = Subject::parking(place, params.zone);
    let (entry, outlook) = tokio::try_join!(app.store().listed(&subject), app.store().outlook(&subject))?;
    let entry = entry.ok_or_else(|| Problem::not_found("series"))?;
    Ok(Json(Arrival::of(&entry, outlook.as_ref(), at, now)))
}

/// How good forecasts were
///
/// Day by day, the forecast as it stood before the day against what came.
#[utoipa::path(
    get,
    path = "/v1/forecasts/{place}/accuracy",
    tag = "Parking",
    params(("place" = String, Path, description = "The car park", example = "default"), ZoneParams, DaysParams),
    responses((status = 200, description = "Errors and coverage", body = AccuracyView), Refusal)
)]
async fn read_accuracy(
    State(app): State<App>,
    Path(place): Path<PlaceId>,
    Query(part): Query<ZoneParams>,
    Query(params): Query<DaysParams>,
) -> ApiResult<Json<AccuracyView>> {
    let subject = Subject::parking(place, part.zone);
    Ok(Json(super::accuracy(&app, &subject, params.days, params.points).await?))
}
