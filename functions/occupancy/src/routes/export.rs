//! Events and history as files.

use std::ops::ControlFlow;

use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, Uri, header};
use axum::response::{IntoResponse, Response};
use parvis_kit::http::{Path, Query};
use parvis_kit::problem::Problem;
use parvis_kit::routes;
use parvis_kit::routes::Routes;
use parvis_parking::{EventKind, PlaceId, SpaceNumber, ZoneId};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use super::events::EventParams;
use super::history::{HistoryParams, HistoryStep};
use crate::cursor::Cursor;
use crate::error::{ApiError, ApiResult, Refusal};
use crate::export::{Cell, Format, Table};
use crate::params::Instant;
use crate::sql::{self, Event};
use crate::state::App;

/// More rows than any file holds; each ends at its own limit before.
const MOST_ROWS: u32 = 1_000_000;

pub(super) fn router() -> Routes<App> {
    Routes::new().routes(routes!(export_csv)).routes(routes!(export_xlsx))
}

/// What the file holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum Content {
    /// Arrivals, departures and lost sensors, newest first.
    #[default]
    Events,
    /// Occupancy step by step, oldest first.
    History,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct ExportParams {
    /// What the file holds; events if absent.
    #[param(inline)]
    content: Option<Content>,
    /// Not before (RFC 3339).
    #[param(value_type = Option<chrono::DateTime<chrono::Utc>>)]
    from: Option<Instant>,
    /// Before (RFC 3339).
    #[param(value_type = Option<chrono::DateTime<chrono::Utc>>)]
    to: Option<Instant>,
    /// Only this zone.
    #[param(value_type = Option<String>)]
    zone: Option<ZoneId>,
    /// Of events: only spaces of this number.
    #[param(value_type = Option<u32>)]
    space: Option<SpaceNumber>,
    /// Of events: only this kind.
    #[serde(rename = "type")]
    #[param(inline)]
    kind: Option<EventKind>,
    /// Of history: the width of a row.
    #[param(inline)]
    step: Option<HistoryStep>,
    /// Of events: where the file before ended; part of its `Link`.
    cursor: Option<String>,
}

/// Events or history as CSV.
///
/// A file that would be too large for one answer ends early, and a `Link` header with `rel="next"` leads to the rest.
#[utoipa::path(
    get,
    path = "/v1/places/{place}/export.csv",
    tag = "History",
    params(("place" = String, Path, description = "Id of the place", example = "default"), ExportParams),
    responses(
        (
            status = 200,
            body = String,
            content_type = "text/csv",
            headers(("content-disposition" = String), ("link" = Option<String>))
        ),
        Refusal
    )
)]
async fn export_csv(
    State(app): State<App>,
    Path(place): Path<PlaceId>,
    Query(params): Query<ExportParams>,
    uri: Uri,
) -> ApiResult<Response> {
    export(&app, &place, params, &uri, Format::Csv).await
}

/// Events or history as a workbook.
///
/// A file that would be too large for one answer ends early, and a `Link` header with `rel="next"` leads to the rest.
#[utoipa::path(
    get,
    path = "/v1/places/{place}/export.xlsx",
    tag = "History",
    params(("place" = String, Path, description = "Id of the place", example = "default"), ExportParams),
    responses(
        (
            status = 200,
            body = Vec<u8>,
            content_type = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
            headers(("content-disposition" = String), ("link" = Option<String>))
        ),
        Refusal
    )
)]
async fn export_xlsx(
    State(app): State<App>,
    Path(place): Path<PlaceId>,
    Query(params): Query<ExportParams>,
    uri: Uri,
) -> ApiResult<Response> {
    export(&app, &place, params, &uri, Format::Xlsx).await
}

async fn export(app: &App, place: &PlaceId, params: ExportParams, uri: &Uri, format: Format) -> ApiResult<Response> {
    let content = params.content.unwrap_or_default();
    let (body, next) = match content {
        Content::Events => events(app, place, params, format).await?,
        Content::History => (history(app, place, params, format).await?, None),
    };
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(format.media_type()));
    let name = if content == Content::Events { "events" } else { "history" };
    let day = app.now().format("%Y-%m-%d");
    // Ids of places hold nothing that would need quoting.
    let disposition = format!("attachment; filename=\"{place}-{name}-{day}.{}\"", format.extension());
    headers.insert(header::CONTENT_DISPOSITION, HeaderValue::try_from(disposition).map_err(Problem::internal)?);
    if let Some(cursor) = next {
        let link = format!("<{}>; rel=\"next\"", with_cursor(uri, &cursor));
        headers.insert(header::LINK, HeaderValue::try_from(link).map_err(Problem::internal)?);
    }
    Ok((headers, body).into_response())
}

/// The address of the request with another cursor.
fn with_cursor(uri: &Uri, cursor: &Cursor) -> String {
    let others =
        uri.query().unwrap_or_default().split('&').filter(|pair| !pair.is_empty() && !pair.starts_with("cursor="));
    let query: Vec<&str> = others.collect();
    let separator = if query.is_empty() { "" } else { "&" };
    format!("{}?{}{separator}cursor={}", uri.path(), query.join("&"), cursor.encode())
}

/// The events, row by row from the database into the file, and where the next file begins if this one was cut.
async fn events(
    app: &App,
    place: &PlaceId,
    params: ExportParams,
    format: Format,
) -> ApiResult<(Vec<u8>, Option<Cursor>)> {
    app.place(place).await?;
    let ExportParams { from, to, zone, space, kind, cursor, .. } = params;
    let filter = EventParams { limit: None, cursor, zone, space, kind, from, to }.filter()?;
    let mut table = Table::new(format, "events", &["at", "place", "zone", "space", "type", "dwell_seconds"])?;
    let mut last: Option<Event> = None;
    let mut cut = false;
    let pool = app.database().pool().await?;
    sql::for_each_event(pool, place.as_str(), &filter, MOST_ROWS, |event| {
        if table.is_full() {
            cut = true;
            return Ok::<_, ApiError>(ControlFlow::Break(()));
        }
        table.row(&[
            Cell::Time(event.at),
            Cell::Text(place.as_str()),
            Cell::Text(&event.zone),
            Cell::Integer(i64::from(event.space)),
            Cell::Text(event.kind.as_str()),
            event.dwell_seconds.map_or(Cell::Empty, Cell::Integer),
        ])?;
        last = Some(event);
        Ok(ControlFlow::Continue(()))
    })
    .await?;
    Ok((table.finish()?, last.filter(|_| cut).as_ref().map(Cursor::after)))
}

/// The points of the history. Their number is bounded by the range that a step allows.
async fn history(app: &App, place: &PlaceId, params: ExportParams, format: Format) -> ApiResult<Vec<u8>> {
    let ExportParams { from, to, zone, step, .. } = params;
    let params = HistoryParams { step, from, to, zone };
    let asked = params.resolve(app, place).await?;
    let points = asked.points(app, params.zone.as_ref()).await?;
    let zone = params.zone.as_ref().map_or(Cell::Empty, |zone| Cell::Text(zone.as_str()));
    let mut table = Table::new(format, "history", &["at", "place", "zone", "occupied", "total", "rate"])?;
    for point in points {
        let (at, place) = (Cell::Time(point.at), Cell::Text(place.as_str()));
        let [occupied, total, rate] = [point.occupied, point.total, point.rate].map(Cell::Decimal);
        table.row(&[at, place, zone, occupied, total, rate])?;
    }
    Ok(table.finish()?)
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;

    #[test]
    fn the_next_file_is_asked_like_this_one() {
        let cursor = Cursor { at: DateTime::UNIX_EPOCH, zone: "A".into(), space: 1, kind: EventKind::ParkEnd };
        let encoded = cursor.encode();
        for (uri, expected) in [
            ("/v1/places/p/export.csv", format!("/v1/places/p/export.csv?cursor={encoded}")),
            ("/v1/places/p/export.csv?zone=A&cursor=old", format!("/v1/places/p/export.csv?zone=A&cursor={encoded}")),
        ] {
            assert_eq!(with_cursor(&Uri::from_static(uri), &cursor), expected);
        }
    }
}
