//! Advice on capacity.

use axum::extract::State;
use chrono::{DateTime, TimeDelta, Utc};
use parvis_booking::{SiteId, resource::Kind as PlaceKind};
use parvis_forecasting::Kind;
use parvis_forecasts::{Definition, ForecastStore, Measure, Outcome, Outlook, StoreError, Subject, subject::COWORKING};
use parvis_kit::{
    auth::Caller,
    http::{Json, Query},
    problem::{FieldError, Problem},
    routes,
    routes::Routes,
};
use parvis_parking::{Level, PlaceId};
use parvis_places::OpenStatus;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::READERS;
use crate::{
    advice::{Advice, Area, Expected, of_car_park, of_site},
    error::{ApiResult, Refusal},
    state::App,
};

pub(super) fn router() -> Routes<App> {
    Routes::new().routes(routes!(list_advice))
}

/// Kinds of places by which the people in a house are counted.
const PEOPLE_SIT_IN: [PlaceKind; 3] = [PlaceKind::Room, PlaceKind::Desk, PlaceKind::Shared];

/// Where.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct AdviceParams {
    /// A car park.
    #[param(value_type = Option<String>, example = "default")]
    place: Option<PlaceId>,
    /// Or a site of bookings.
    #[param(value_type = Option<String>)]
    site: Option<SiteId>,
}

/// What to do with capacity.
#[derive(Debug, Serialize, ToSchema)]
struct AdviceList {
    /// Advice with its evidence.
    advice: Vec<Advice>,
}

/// What to do with capacity in the week to come
///
/// Of a car park: zones that can be closed or should be opened, spaces to convert. Of a site: hours in which to staff the reception. Each
/// with the figures that it rests on; nothing is done by itself.
#[utoipa::path(
    get,
    path = "/v1/advice",
    tag = "Demand",
    security(("login" = [])),
    params(AdviceParams),
    responses((status = 200, description = "Advice, which may be none", body = AdviceList), Refusal)
)]
async fn list_advice(
    State(app): State<App>,
    caller: Caller,
    Query(params): Query<AdviceParams>,
) -> ApiResult<Json<AdviceList>> {
    caller.require(&READERS)?;
    let advice = match (params.place, params.site) {
        (Some(place), None) => car_park(&app, place).await?,
        (None, Some(site)) => reception(&app, &site).await?,
        _ => return Err(Problem::invalid(vec![FieldError::new("place", "give a place or a site")]).into()),
    };
    Ok(Json(AdviceList { advice }))
}

async fn car_park(app: &App, id: PlaceId) -> ApiResult<Vec<Advice>> {
    let record = app.places().get(&id).await?.ok_or_else(|| Problem::not_found("place"))?;
    let now = app.now();
    let Some(place) = area(app.store(), Subject::Place(id.clone()), &record.place.name, true, now).await? else {
        return Ok(Vec::new());
    };
    let mut reads = Vec::new();
    for zone in &record.zones {
        let subject = Subject::Zone(id.clone(), zone.id.clone());
        reads.push(area(app.store(), subject, &zone.name, zone.status == OpenStatus::Open, now));
    }
    // A car park has some dozens of zones at most.
    let zones = futures::future::try_join_all(reads).await?;
    let zones: Vec<Area> = zones.into_iter().flatten().collect();
    let saturated = f64::from(record.thresholds(None).of(Level::Saturated)) / 100.0;
    Ok(of_car_park(&place, &zones, saturated, record.place.timezone))
}

async fn reception(app: &App, site: &SiteId) -> ApiResult<Vec<Advice>> {
    let entries = app.store().entries(&format!("{COWORKING}{site}/")).await?;
    let timezone = entries.first().map_or(chrono_tz::Tz::UTC, |entry| entry.definition.calendar.timezone);
    let now = app.now();
    let mut kinds = Vec::new();
    for entry in &entries {
        // Whoever takes a locker or a parking space is counted where he sits.
        if let Subject::Coworking(_, Measure::Taken(kind)) = &entry.definition.subject
            && PEOPLE_SIT_IN.contains(kind)
        {
            kinds
                .extend(area(app.store(), entry.definition.subject.clone(), &entry.definition.title, true, now).await?);
        }
    }
    Ok(of_site(&kinds, timezone))
}

/// A series with its week ahead; one that is not in service may lack a forecast, others that lack one are left out.
async fn area(
    store: &ForecastStore,
    subject: Subject,
    name: &str,
    open: bool,
    now: DateTime<Utc>,
) -> Result<Option<Area>, StoreError> {
    let (entry, outlook) = tokio::try_join!(store.listed(&subject), store.outlook(&subject))?;
    let Some(entry) = entry else { return Ok(None) };
    let forecast = matches!(entry.outcome, Some(Outcome::Forecast { .. }));
    let outlook = outlook.filter(|_| forecast);
    let ahead = outlook.as_ref().map_or_else(Vec::new, |outlook| ahead(outlook, now));
    let known = outlook.as_ref().and_then(|outlook| known(outlook, now)).unwrap_or((now, now));
    let id = subject.zone().map_or_else(|| subject.to_string(), ToString::to_string);
    let capacity = capacity(&entry.definition);
    Ok((!ahead.is_empty() || !open).then(|| Area { id, name: name.to_owned(), capacity, open, ahead, known }))
}

/// From the first step to come to the end of the last one.
fn known(outlook: &Outlook, now: DateTime<Utc>) -> Option<(DateTime<Utc>, DateTime<Utc>)> {
    let first = outlook.steps.iter().find(|step| step.start >= now)?.start;
    let length = TimeDelta::minutes(i64::from(outlook.definition.step_minutes));
    Some((first, outlook.steps.last()?.start + length))
}

fn capacity(definition: &Definition) -> f64 {
    match definition.kind {
        Kind::Bounded { capacity } => capacity,
        Kind::Count | Kind::Amount => 0.0,
    }
}

fn ahead(outlook: &Outlook, now: DateTime<Utc>) -> Vec<Expected> {
    let quantile = |step: &parvis_forecasting::StepForecast, place: usize| step.quantiles.get(place).copied();
    let steps = outlook.steps.iter().filter(|step| step.open && step.start >= now);
    steps
        .map(|step| Expected {
            at: step.start,
            median: quantile(step, 4).unwrap_or(step.mean),
            most: quantile(step, 8).unwrap_or(step.mean),
        })
        .collect()
}
