//! Free places of car parks and zones.

use axum::{extract::State, http::header, response::IntoResponse};
use chrono::{DateTime, TimeDelta, Utc};
use futures::{StreamExt as _, TryStreamExt as _};
use parvis_forecasts::{Outcome, Outlook, StoreError, Subject, subject::PARKING};
use parvis_kit::{
    http::{Json, Path, Query},
    problem::{FieldError, Problem},
    routes,
    routes::Routes,
};
use parvis_parking::{PlaceId, ZoneId};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{DaysParams, HorizonParams, LONGEST_HOURS, READS};
use crate::{
    error::{ApiResult, Refusal},
    state::App,
    suggest::{self, AROUND, Suggestion},
    views::{AccuracyView, Arrival, ForecastView, SeriesView, steps},
};

pub(super) fn router() -> Routes<App> {
    Routes::new()
        .routes(routes!(list_forecasts))
        .routes(routes!(read_forecast))
        .routes(routes!(read_arrival))
        .routes(routes!(list_suggestions))
        .routes(routes!(read_accuracy))
}

/// Suggestions rest on forecasts of every hour: the same question need not be asked again within two minutes.
const KEPT: &str = "public, max-age=120";

/// All series of car parks.
#[derive(Debug, Serialize, ToSchema)]
struct ParkingSeries {
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
    responses((status = 200, description = "The series of car parks and zones", body = ParkingSeries), Refusal)
)]
async fn list_forecasts(State(app): State<App>, Query(params): Query<ListParams>) -> ApiResult<Json<ParkingSeries>> {
    let entries = app.store().entries(PARKING).await?;
    let wanted = |subject: &Subject| params.place.as_ref().is_none_or(|place| subject.place() == Some(place));
    let of = entries.iter().filter(|entry| wanted(&entry.definition.subject));
    Ok(Json(ParkingSeries { series: of.map(SeriesView::from).collect() }))
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
    let (at, now) = (arrival(params.at, app.now())?, app.now());
    let subject = Subject::parking(place, params.zone);
    let (entry, outlook) = tokio::try_join!(app.store().listed(&subject), app.store().outlook(&subject))?;
    let entry = entry.ok_or_else(|| Problem::not_found("series"))?;
    Ok(Json(Arrival::of(&entry, outlook.as_ref(), at, now)))
}

/// Places and times with a better chance.
#[derive(Debug, Serialize, ToSchema)]
struct Suggestions {
    /// The best first; empty when the wish is as good as any.
    suggestions: Vec<Suggestion>,
}

/// When one would like to arrive.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct WishParams {
    /// When one arrives (RFC 3339), from now to seven days ahead.
    at: DateTime<Utc>,
}

/// Where and when a place is more likely
///
/// Zones of the car park, the car park at another time within three hours, open car parks within 1.5 km: those with a chance better by
/// five hundredths at least.
#[utoipa::path(
    get,
    path = "/v1/forecasts/{place}/suggestions",
    tag = "Parking",
    params(("place" = String, Path, description = "The car park", example = "default"), WishParams),
    responses((status = 200, description = "Better places and times", body = Suggestions), Refusal)
)]
async fn list_suggestions(
    State(app): State<App>,
    Path(place): Path<PlaceId>,
    Query(params): Query<WishParams>,
) -> ApiResult<impl IntoResponse> {
    let (at, now) = (arrival(params.at, app.now())?, app.now());
    let wanted = app.places().get(&place).await?.ok_or_else(|| Problem::not_found("place"))?;
    let candidates = suggest::candidates(&wanted, &app.listing().await?);
    let reads = candidates.into_iter().map(|candidate| {
        let store = app.store();
        async move {
            let entry = store.listed(&candidate.subject).await?;
            // A week of quantiles is only read where it is a forecast.
            let outlook = match entry.and_then(|entry| entry.outcome) {
                Some(Outcome::Forecast { .. }) => store.outlook(&candidate.subject).await?,
                Some(Outcome::Refused { .. }) | None => None,
            };
            let around = |outlook: &Outlook| steps(outlook, at - AROUND, at + AROUND);
            Ok::<_, StoreError>((candidate, outlook.as_ref().map_or_else(Vec::new, around)))
        }
    });
    let found = futures::stream::iter(reads).buffered(READS).try_collect().await?;
    let suggestions = Suggestions { suggestions: suggest::best(found, at, now) };
    Ok(([(header::CACHE_CONTROL, KEPT)], Json(suggestions)))
}

/// A time of arrival that can be forecast.
fn arrival(at: DateTime<Utc>, now: DateTime<Utc>) -> Result<DateTime<Utc>, Problem> {
    // A page that asks for "now" may be a moment late.
    if at < now - TimeDelta::minutes(15) || at > now + TimeDelta::hours(i64::from(LONGEST_HOURS)) {
        let message = "must lie between now and seven days ahead";
        return Err(Problem::invalid(vec![FieldError::new("at", message)]));
    }
    Ok(at)
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
