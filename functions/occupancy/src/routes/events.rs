//! Arrivals, departures and lost sensors of a place, page by page.

use axum::extract::State;
use chrono::{DateTime, Utc};
use parvis_kit::http::{Json, Path, Query};
use parvis_kit::problem::{FieldError, Problem};
use parvis_kit::routes;
use parvis_kit::routes::Routes;
use parvis_parking::{EventKind, PlaceId, SpaceNumber, ZoneId};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::cursor::Cursor;
use crate::error::{ApiResult, Refusal};
use crate::params::{Instant, optional};
use crate::sql::{self, Event, EventFilter};
use crate::state::App;

/// Events on a page unless the client says otherwise.
const PAGE: u32 = 100;
/// Events on a page at most.
const LONGEST_PAGE: u32 = 1000;

pub(super) fn router() -> Routes<App> {
    Routes::new().routes(routes!(list_events))
}

/// Which events are asked for.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct EventParams {
    /// Events on the page.
    #[param(minimum = 1, maximum = 1000, default = 100)]
    pub limit: Option<u32>,
    /// `next_cursor` of the page before.
    pub cursor: Option<String>,
    /// Only this zone.
    #[param(value_type = Option<String>, example = "Zone_A")]
    pub zone: Option<ZoneId>,
    /// Only spaces of this number.
    #[param(value_type = Option<u32>)]
    pub space: Option<SpaceNumber>,
    /// Only this kind.
    #[serde(rename = "type")]
    #[param(inline)]
    pub kind: Option<EventKind>,
    /// Not before (RFC 3339).
    #[param(value_type = Option<DateTime<Utc>>)]
    pub from: Option<Instant>,
    /// Before (RFC 3339).
    #[param(value_type = Option<DateTime<Utc>>)]
    pub to: Option<Instant>,
}

impl EventParams {
    /// The filter that the parameters describe.
    ///
    /// # Errors
    /// 422 for a cursor that is none of ours, and for instants that cannot be reckoned with.
    pub fn filter(&self) -> Result<EventFilter, Problem> {
        let after = self.cursor.as_deref().map(read_cursor).transpose()?;
        Ok(EventFilter {
            zone: self.zone.as_ref().map(ToString::to_string),
            space: self.space.map(|space| i32::from(space.get())),
            kinds: self.kind.into_iter().collect(),
            from: optional("from", self.from)?,
            to: optional("to", self.to)?,
            after,
        })
    }
}

/// A cursor that a client hands back.
///
/// # Errors
/// 422 when it is none of ours.
pub fn read_cursor(text: &str) -> Result<Cursor, Problem> {
    let wrong = || Problem::invalid(vec![FieldError::new("cursor", "is not a cursor of this listing")]);
    Cursor::decode(text).ok_or_else(wrong)
}

/// The size of a page.
///
/// # Errors
/// 422 outside 1 to `longest`.
pub fn page_size(limit: Option<u32>, default: u32, longest: u32) -> Result<u32, Problem> {
    let limit = limit.unwrap_or(default);
    if (1..=longest).contains(&limit) {
        return Ok(limit);
    }
    Err(Problem::invalid(vec![FieldError::new("limit", format!("must lie between 1 and {longest}"))]))
}

/// A page of events.
#[derive(Debug, Serialize, ToSchema)]
pub struct EventPage {
    /// The events, newest first.
    events: Vec<EventView>,
    /// What to pass as `cursor` for the next page; null at the end.
    next_cursor: Option<String>,
}

/// Something that happened at a space.
#[derive(Debug, Serialize, ToSchema)]
pub struct EventView {
    /// Identity within the place: the same event always has the same.
    #[schema(example = "Zone_A/3/1769860800000/park_end")]
    id: String,
    /// The sensor's time.
    at: DateTime<Utc>,
    /// What happened.
    #[serde(rename = "type")]
    kind: EventKind,
    /// The zone.
    #[schema(example = "Zone_A")]
    zone: String,
    /// The number of the space.
    #[schema(example = 3)]
    space: i32,
    /// How long the vehicle stood, for a `park_end` whose beginning is known.
    #[schema(example = 2730)]
    dwell_seconds: Option<i64>,
}

impl From<Event> for EventView {
    fn from(event: Event) -> Self {
        Self {
            id: event.id(),
            at: event.at,
            kind: event.kind,
            zone: event.zone,
            space: event.space,
            dwell_seconds: event.dwell_seconds,
        }
    }
}

/// Events of a place, newest first.
///
/// Pages are cut by the last event of the page before, so that what happens while a client is paging neither shifts nor
/// repeats.
#[utoipa::path(
    get,
    path = "/v1/places/{place}/events",
    tag = "History",
    params(("place" = String, Path, description = "Id of the place", example = "default"), EventParams),
    responses((status = 200, body = EventPage), Refusal)
)]
async fn list_events(
    State(app): State<App>,
    Path(place): Path<PlaceId>,
    Query(params): Query<EventParams>,
) -> ApiResult<Json<EventPage>> {
    let limit = page_size(params.limit, PAGE, LONGEST_PAGE)?;
    let filter = params.filter()?;
    app.place(&place).await?;
    let pool = app.database().pool().await?;
    // One more than asked tells whether there is a next page.
    let mut events = sql::events(pool, place.as_str(), &filter, limit + 1).await?;
    let more = events.len() > limit as usize;
    events.truncate(limit as usize);
    let next_cursor = events.last().filter(|_| more).map(|last| Cursor::after(last).encode());
    Ok(Json(EventPage { events: events.into_iter().map(EventView::from).collect(), next_cursor }))
}
