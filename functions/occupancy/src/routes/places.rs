//! Places, zones and spaces, and their current state.

use std::collections::BTreeMap;

use axum::extract::State;
use chrono::{DateTime, Utc};
use parvis_kit::http::{Json, Path, Query};
use parvis_kit::problem::Problem;
use parvis_kit::routes;
use parvis_kit::routes::Routes;
use parvis_parking::{PlaceId, SpaceState, ZoneId};
use parvis_places::Space;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::current::PlaceNow;
use crate::error::{ApiResult, Refusal};
use crate::findings;
use crate::state::App;
use crate::stuck_cache::StuckCounters;
use crate::views::{PlaceView, SpaceView, ZoneView};

pub(super) fn router() -> Routes<App> {
    Routes::new()
        .routes(routes!(list_places))
        .routes(routes!(read_place))
        .routes(routes!(read_zone))
        .routes(routes!(list_spaces))
}

/// All places.
#[derive(Debug, Serialize, ToSchema)]
pub struct PlaceList {
    /// By id.
    places: Vec<PlaceView>,
}

/// How many findings a place has: what its live state shows, and the stuck counters as last found. `None` when those
/// cannot be told.
fn count_findings(app: &App, place: &PlaceNow, stuck: Option<&StuckCounters>) -> Option<usize> {
    let stuck = findings::counters_of(place, stuck?).len();
    Some(stuck + findings::of_live(place, app.rules(), app.now()).len())
}

fn view(app: &App, place: &PlaceNow, stuck: Option<&StuckCounters>) -> PlaceView {
    PlaceView::new(&place.record, &place.summary(), count_findings(app, place, stuck))
}

/// The default place takes sensors before it is registered; until then, and until one has reported, there is nothing to
/// list.
fn is_known(place: &PlaceNow) -> bool {
    place.record.place.version > 0 || !place.blocks.is_empty()
}

/// All places with their current state.
#[utoipa::path(
    get,
    path = "/v1/places",
    tag = "Current state",
    responses((status = 200, body = PlaceList), Refusal)
)]
async fn list_places(State(app): State<App>) -> ApiResult<Json<PlaceList>> {
    let stuck = app.last_known_stuck_counters();
    let places = app.every_place(move |app, place| is_known(&place).then(|| view(app, &place, stuck.as_ref()))).await?;
    Ok(Json(PlaceList { places: places.into_iter().flatten().collect() }))
}

/// A place with its current state.
#[utoipa::path(
    get,
    path = "/v1/places/{place}",
    tag = "Current state",
    params(("place" = String, Path, description = "Id of the place", example = "default")),
    responses((status = 200, body = PlaceView), Refusal)
)]
async fn read_place(State(app): State<App>, Path(place): Path<PlaceId>) -> ApiResult<Json<PlaceView>> {
    let record = app.place(&place).await?;
    let now = app.now_of(record).await?;
    Ok(Json(view(&app, &now, app.last_known_stuck_counters().as_ref())))
}

/// A zone with its current state.
#[utoipa::path(
    get,
    path = "/v1/places/{place}/zones/{zone}",
    tag = "Current state",
    params(
        ("place" = String, Path, description = "Id of the place", example = "default"),
        ("zone" = String, Path, description = "Id of the zone", example = "Zone_A")
    ),
    responses((status = 200, body = ZoneView), Refusal)
)]
async fn read_zone(State(app): State<App>, Path((place, zone)): Path<(PlaceId, ZoneId)>) -> ApiResult<Json<ZoneView>> {
    let record = app.place(&place).await?;
    let now = app.now_of(record).await?;
    let summary = now.summary();
    let summary = summary.zones.iter().find(|summary| summary.zone == zone);
    let summary = summary.ok_or_else(|| Problem::not_found("zone"))?;
    Ok(Json(ZoneView::new(&now.record, summary)))
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct SpaceParams {
    /// Only this zone.
    #[param(value_type = Option<String>, example = "Zone_A")]
    zone: Option<ZoneId>,
}

/// The spaces of a place.
#[derive(Debug, Serialize, ToSchema)]
pub struct SpaceList {
    /// The place.
    #[schema(value_type = String, example = "default")]
    place: PlaceId,
    /// When the latest news of the place was heard; when it was last changed, before any. The same state always has the
    /// same time, so that a conditional request finds it unchanged.
    at: DateTime<Utc>,
    /// By zone and number: those of the register and those that report.
    spaces: Vec<SpaceView>,
}

/// The register and the live state of the spaces, joined by zone and number.
fn joined(now: &PlaceNow, only: Option<&ZoneId>) -> Vec<SpaceView> {
    let wanted = |zone: &ZoneId| only.is_none_or(|only| only == zone);
    let mut spaces: BTreeMap<_, (Option<&Space>, Option<&SpaceState>)> = BTreeMap::new();
    for zone in now.record.zones.iter().filter(|zone| wanted(&zone.id)) {
        for space in &zone.spaces {
            spaces.entry((&zone.id, space.number)).or_default().0 = Some(space);
        }
    }
    for (zone, number, state) in now.reporting().filter(|(zone, _, _)| wanted(zone)) {
        spaces.entry((zone, number)).or_default().1 = Some(state);
    }
    spaces.into_iter().map(|((zone, number), (space, state))| SpaceView::new(zone, number, space, state)).collect()
}

/// Every space of a place with its current state.
#[utoipa::path(
    get,
    path = "/v1/places/{place}/spaces",
    tag = "Current state",
    params(("place" = String, Path, description = "Id of the place", example = "default"), SpaceParams),
    responses((status = 200, body = SpaceList), Refusal)
)]
async fn list_spaces(
    State(app): State<App>,
    Path(place): Path<PlaceId>,
    Query(params): Query<SpaceParams>,
) -> ApiResult<Json<SpaceList>> {
    let record = app.place(&place).await?;
    let now = app.now_of(record).await?;
    let known =
        |zone: &ZoneId| now.record.zone(zone).is_some() || now.blocks.iter().any(|block| block.key.zone == *zone);
    if params.zone.as_ref().is_some_and(|zone| !known(zone)) {
        return Err(Problem::not_found("zone").into());
    }
    let at = now.summary().updated_at.unwrap_or(now.record.place.modified_at);
    Ok(Json(SpaceList { place, at, spaces: joined(&now, params.zone.as_ref()) }))
}
