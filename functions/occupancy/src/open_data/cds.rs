//! Curb events in the shape of the Curb Data Specification (Open Mobility Foundation), Events API 1.0.

use axum::extract::State;
use axum::http::header;
use axum::response::IntoResponse;
use chrono::TimeDelta;
use parvis_kit::http::Query;
use parvis_kit::problem::Problem;
use parvis_kit::routes;
use parvis_kit::routes::Routes;
use parvis_parking::{EventKind, PlaceId, ZoneId};
use parvis_places::PlaceRecord;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::{PointFeature, location_of};
use crate::cursor::Cursor;
use crate::error::{ApiResult, Refusal};
use crate::params::{Instant, Names, Span, window};
use crate::routes::events::{page_size, read_cursor};
use crate::sql::{self, Event, EventFilter};
use crate::state::App;

/// The version of the specification.
const VERSION: &str = "1.0.0";
/// Its media type.
const MEDIA_TYPE: &str = "application/vnd.cds+json;version=1.0";
/// Namespace of the identifiers: our things have names, CDS wants UUIDs, and the same thing must always get the same.
const NAMESPACE: Uuid = Uuid::from_u128(0x6f0d_84e5_7a35_4c1b_9d5e_2f8a_4cb0_e1d7);
const NAMES: Names = Names { from: "start_time", to: "end_time" };
const SPAN: Span = Span { default: TimeDelta::hours(24), longest: TimeDelta::days(31) };
const PAGE: u32 = 500;
const LONGEST_PAGE: u32 = 2000;

pub(super) fn router() -> Routes<App> {
    Routes::new().routes(routes!(cds_events))
}

/// The identifier of a thing by its path, such as `default/Zone_A/3`.
fn identifier(path: &str) -> Uuid {
    Uuid::new_v5(&NAMESPACE, path.as_bytes())
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct CdsParams {
    /// The place; the default place if absent.
    #[param(value_type = Option<String>)]
    place: Option<PlaceId>,
    /// Only this zone.
    #[param(value_type = Option<String>)]
    zone: Option<ZoneId>,
    /// Not before, in milliseconds since 1970. A day before the end if absent.
    start_time: Option<i64>,
    /// Before, in milliseconds since 1970. Now if absent.
    end_time: Option<i64>,
    /// Events on the page.
    #[param(minimum = 1, maximum = 2000, default = 500)]
    limit: Option<u32>,
    /// Where the page before ended; part of `links.next`.
    cursor: Option<String>,
}

/// The envelope of CDS.
#[derive(Debug, Serialize, ToSchema)]
pub struct CdsEvents {
    /// The version of the specification.
    #[schema(example = "1.0.0")]
    version: &'static str,
    /// The place's zone of time.
    #[schema(example = "Europe/Paris")]
    time_zone: String,
    /// Time of the place's newest event, on this page or not, in milliseconds since 1970; of the place's last change
    /// before any event.
    #[schema(example = 1_769_860_800_000_i64)]
    last_updated: i64,
    /// The events.
    data: CdsData,
    /// Where to go on.
    links: CdsLinks,
}

/// The payload of CDS.
#[derive(Debug, Serialize, ToSchema)]
pub struct CdsData {
    /// Curb events, newest first.
    events: Vec<CurbEvent>,
}

/// Paging in the manner of JSON:API.
#[derive(Debug, Serialize, ToSchema)]
pub struct CdsLinks {
    /// The address of the next page; null at the end.
    next: Option<String>,
}

/// A curb event.
#[derive(Debug, Serialize, ToSchema)]
pub struct CurbEvent {
    /// Identity of the event.
    event_id: Uuid,
    /// What happened.
    event_type: EventKind,
    /// Where; null for places that are on no map.
    event_location: Option<PointFeature>,
    /// When, in milliseconds since 1970.
    #[schema(example = 1_769_860_800_000_i64)]
    event_time: i64,
    /// The same here: events are published as soon as they are known, and when a late one became known is not kept.
    #[schema(example = 1_769_860_800_000_i64)]
    event_publication_time: i64,
    /// The place.
    curb_area_ids: Vec<Uuid>,
    /// The zone.
    curb_zone_id: Uuid,
    /// The space.
    curb_space_id: Uuid,
    /// How it is known.
    #[schema(example = "in_ground")]
    data_source_type: &'static str,
    /// The sensor.
    data_source_device_id: Uuid,
    /// Whether the sensor could be heard.
    sensor_status_is_online: bool,
}

fn curb_event(entry: &PlaceRecord, event: &Event) -> CurbEvent {
    let place = entry.place.id.as_str();
    let space = format!("{place}/{}/{}", event.zone, event.space);
    let at = event.at.timestamp_millis();
    CurbEvent {
        event_id: identifier(&format!("{place}/{}", event.id())),
        event_type: event.kind,
        event_location: location_of(entry, &event.zone, event.space),
        event_time: at,
        event_publication_time: at,
        curb_area_ids: vec![identifier(place)],
        curb_zone_id: identifier(&format!("{place}/{}", event.zone)),
        curb_space_id: identifier(&space),
        data_source_type: "in_ground",
        data_source_device_id: identifier(&format!("{space}/sensor")),
        sensor_status_is_online: event.kind != EventKind::CommsLost,
    }
}

/// Curb events of a place, newest first.
#[utoipa::path(
    get,
    path = "/open-data/cds/events",
    tag = "Open data",
    params(CdsParams),
    responses(
        (status = 200, body = CdsEvents, content_type = "application/vnd.cds+json;version=1.0"),
        Refusal
    )
)]
async fn cds_events(State(app): State<App>, Query(params): Query<CdsParams>) -> ApiResult<impl IntoResponse> {
    let entry = app.place(params.place.as_ref().unwrap_or(app.default_place())).await?;
    let limit = page_size(params.limit, PAGE, LONGEST_PAGE)?;
    let timezone = entry.place.timezone;
    let ends = [params.start_time, params.end_time].map(|millis| millis.map(Instant::from_millis));
    let window = window(NAMES, ends, app.now(), timezone, SPAN)?;
    let filter = EventFilter {
        zone: params.zone.as_ref().map(ToString::to_string),
        from: Some(window.from),
        to: Some(window.to),
        after: params.cursor.as_deref().map(read_cursor).transpose()?,
        ..EventFilter::default()
    };
    let place = entry.place.id.as_str();
    let pool = app.database().pool().await?;
    let any = EventFilter::default();
    let (found, newest) =
        tokio::try_join!(sql::events(pool, place, &filter, limit + 1), sql::events(pool, place, &any, 1))?;
    let mut found = found;
    let more = found.len() > limit as usize;
    found.truncate(limit as usize);
    let next = found.last().filter(|_| more).map(|last| {
        let zone = params.zone.as_ref().map_or_else(String::new, |zone| format!("&zone={zone}"));
        format!(
            "/open-data/cds/events?place={place}{zone}&start_time={}&end_time={}&limit={limit}&cursor={}",
            window.from.timestamp_millis(),
            window.to.timestamp_millis(),
            Cursor::after(last).encode()
        )
    });
    let body = CdsEvents {
        version: VERSION,
        time_zone: timezone.name().to_owned(),
        last_updated: newest.first().map_or(entry.place.modified_at, |event| event.at).timestamp_millis(),
        data: CdsData { events: found.iter().map(|event| curb_event(&entry, event)).collect() },
        links: CdsLinks { next },
    };
    Ok(([(header::CONTENT_TYPE, MEDIA_TYPE)], serde_json::to_string(&body).map_err(Problem::internal)?))
}
