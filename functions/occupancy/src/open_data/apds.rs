//! Places and supply in the shape of the Alliance for Parking Data Standards (APDS 4, ISO TS 5206-1).

use axum::extract::State;
use chrono::{DateTime, Utc};
use parvis_kit::http::{Json, Query};
use parvis_kit::routes;
use parvis_kit::routes::Routes;
use parvis_parking::Tally;
use parvis_places::{OpenStatus, PlaceRecord, PlaceSummary, ZoneSummary};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::PointFeature;
use crate::error::{ApiResult, Refusal};
use crate::params::{Instant, optional};
use crate::state::App;

/// How often demand is renewed (ISO 8601): at once, told as the finest that consumers of the standard poll with.
const FREQUENCY: &str = "PT1M";
/// Names are in the language in which people entered them, which the register does not know.
const LANGUAGE: &str = "und";

pub(super) fn router() -> Routes<App> {
    Routes::new().routes(routes!(apds_places)).routes(routes!(apds_supply))
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct PlacesParams {
    /// Only places that changed at or after this instant (RFC 3339).
    #[param(value_type = Option<DateTime<Utc>>)]
    modified_since: Option<Instant>,
}

/// A page of the feed. All elements are on one page.
#[derive(Debug, Serialize, ToSchema)]
struct ApdsList<T> {
    meta: ApdsMeta,
    data: Vec<T>,
}

/// About the page.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct ApdsMeta {
    /// When this was compiled, in seconds since 1970.
    #[schema(example = 1_769_860_800)]
    reference_instant: i64,
    /// Elements on the page.
    page_size: usize,
    /// Elements before the page.
    offset: usize,
    /// Elements of all pages.
    total: usize,
}

impl<T> ApdsList<T> {
    fn new(data: Vec<T>, at: DateTime<Utc>) -> Self {
        let meta = ApdsMeta { reference_instant: at.timestamp(), page_size: data.len(), offset: 0, total: data.len() };
        Self { meta, data }
    }
}

/// A text in a language.
#[derive(Debug, Serialize, ToSchema)]
struct LocalText {
    #[schema(example = "und")]
    language: &'static str,
    #[schema(example = "Parking du Parvis")]
    string: String,
}

fn text(string: &str) -> Vec<LocalText> {
    vec![LocalText { language: LANGUAGE, string: string.to_owned() }]
}

/// A reference to a versioned element.
#[derive(Debug, Clone, Serialize, ToSchema)]
struct Reference {
    #[schema(example = "default")]
    id: String,
    #[schema(example = 1)]
    version: u64,
}

/// An element of the hierarchy of places.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct HierarchyElement {
    #[schema(example = "default")]
    id: String,
    #[schema(example = 1)]
    version: u64,
    /// `place` or `identifiedArea`.
    #[serde(rename = "type")]
    #[schema(example = "place")]
    kind: &'static str,
    /// 1 for places, 2 for their zones.
    layer: u8,
    name: Vec<LocalText>,
    #[serde(skip_serializing_if = "Option::is_none")]
    parent: Option<Reference>,
    #[schema(example = "Europe/Paris")]
    time_zone: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    indicative_point_location: Option<PointFeature>,
    characteristics: Characteristics,
}

/// What an element offers.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Characteristics {
    #[schema(example = 24)]
    spaces_total: u32,
    open_to_public: bool,
}

/// The elements of a place: itself and its zones. Ids of zones are made unique by their place's.
fn elements(record: &PlaceRecord, summary: &PlaceSummary) -> Vec<HierarchyElement> {
    let place = &record.place;
    let time_zone = place.timezone.name().to_owned();
    let parent = Reference { id: place.id.to_string(), version: place.version };
    let mut elements = vec![HierarchyElement {
        id: parent.id.clone(),
        version: parent.version,
        kind: "place",
        layer: 1,
        name: text(&place.name),
        parent: None,
        time_zone: time_zone.clone(),
        indicative_point_location: place.location.map(|location| PointFeature::new(location.lat(), location.lon())),
        characteristics: Characteristics {
            spaces_total: summary.tally.total,
            open_to_public: place.status == OpenStatus::Open,
        },
    }];
    elements.extend(summary.zones.iter().map(|summary| {
        let zone = record.zone(&summary.zone);
        HierarchyElement {
            id: zone_id(record, summary),
            version: zone.map_or(0, |zone| zone.version),
            kind: "identifiedArea",
            layer: 2,
            name: text(zone.map_or(summary.zone.as_str(), |zone| &zone.name)),
            parent: Some(parent.clone()),
            time_zone: time_zone.clone(),
            indicative_point_location: None,
            characteristics: Characteristics {
                spaces_total: summary.tally.total,
                open_to_public: record.is_open(&summary.zone),
            },
        }
    }));
    elements
}

fn zone_id(record: &PlaceRecord, summary: &ZoneSummary) -> String {
    format!("{}/{}", record.place.id, summary.zone)
}

/// The places and zones (APDS place hierarchy).
#[utoipa::path(
    get,
    path = "/open-data/apds/places",
    tag = "Open data",
    params(PlacesParams),
    responses((status = 200, body = ApdsList<HierarchyElement>), Refusal)
)]
async fn apds_places(
    State(app): State<App>,
    Query(params): Query<PlacesParams>,
) -> ApiResult<Json<ApdsList<HierarchyElement>>> {
    let since = optional("modified_since", params.modified_since)?;
    let all = app.every_place(|_, now| (now.record.place.modified_at, elements(&now.record, &now.summary()))).await?;
    let wanted = all.into_iter().filter(|(modified_at, _)| since.is_none_or(|since| *modified_at >= since));
    Ok(Json(ApdsList::new(wanted.flat_map(|(_, elements)| elements).collect(), app.now())))
}

/// Supply and demand of an element.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct SupplyElement {
    #[schema(example = "default")]
    id: String,
    #[schema(example = 1)]
    version: u64,
    hierarchy_element_reference: ElementReference,
}

/// What is offered and used.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct ElementReference {
    element_id: Reference,
    supply: Vec<Supply>,
    demand_table: Vec<DemandTable>,
}

/// What is built.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Supply {
    #[schema(example = "spaceView")]
    supply_view_type: &'static str,
    #[schema(example = 24)]
    supply_quantity: u32,
}

/// What is used.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct DemandTable {
    #[schema(example = "PT1M")]
    frequency: &'static str,
    timestamp: DateTime<Utc>,
    demand_type: Vec<Demand>,
}

/// A count of vehicles.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Demand {
    #[schema(example = "counted")]
    occupancy_calculation: &'static str,
    #[schema(example = 16)]
    count: u32,
    record_date_time: DateTime<Utc>,
}

fn supply_element(
    id: String,
    version: u64,
    tally: Tally,
    updated_at: Option<DateTime<Utc>>,
    at: DateTime<Utc>,
) -> SupplyElement {
    let demand = updated_at.map(|record_date_time| DemandTable {
        frequency: FREQUENCY,
        timestamp: at,
        demand_type: vec![Demand { occupancy_calculation: "counted", count: tally.occupied, record_date_time }],
    });
    SupplyElement {
        id: id.clone(),
        version,
        hierarchy_element_reference: ElementReference {
            element_id: Reference { id, version },
            supply: vec![Supply { supply_view_type: "spaceView", supply_quantity: tally.total }],
            demand_table: demand.into_iter().collect(),
        },
    }
}

/// What every place and zone offers, and how much of it is used now (APDS supply and demand).
#[utoipa::path(
    get,
    path = "/open-data/apds/supply",
    tag = "Open data",
    responses((status = 200, body = ApdsList<SupplyElement>), Refusal)
)]
async fn apds_supply(State(app): State<App>) -> ApiResult<Json<ApdsList<SupplyElement>>> {
    let at = app.now();
    let places = app
        .every_place(move |_, now| {
            let (record, summary) = (&now.record, now.summary());
            let place = &record.place;
            let mut elements =
                vec![supply_element(place.id.to_string(), place.version, summary.tally, summary.updated_at, at)];
            elements.extend(summary.zones.iter().map(|zone| {
                let version = record.zone(&zone.zone).map_or(0, |zone| zone.version);
                // What is closed is not on offer.
                let tally = if record.is_open(&zone.zone) { zone.tally } else { Tally::default() };
                supply_element(zone_id(record, zone), version, tally, zone.updated_at, at)
            }));
            elements
        })
        .await?;
    Ok(Json(ApdsList::new(places.into_iter().flatten().collect(), at)))
}
