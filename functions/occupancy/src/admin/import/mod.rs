//! Importing places and spaces from CSV or GeoJSON.

mod csv;
mod geojson;
mod plan;
mod rows;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use parvis_kit::http::Json;
use parvis_kit::problem::{FieldError, Problem};
use parvis_kit::routes;
use parvis_kit::routes::Routes;

pub use self::plan::ImportResult;
use self::rows::RawRow;
use super::Manager;
use crate::error::{ApiResult, Refusal};
use crate::state::App;

/// Rows of a file at most; a request is 6 MB at most anyway.
const MOST_ROWS: usize = 50_000;
/// Errors told at most: a file in the wrong format has one per row.
const MOST_ERRORS: usize = 200;

pub(super) fn router() -> Routes<App> {
    Routes::new().routes(routes!(import_places))
}

fn read(headers: &HeaderMap, body: &[u8]) -> Result<Vec<RawRow>, Problem> {
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    match content_type.split(';').next().unwrap_or_default().trim() {
        "text/csv" => csv::read(body),
        "application/geo+json" => geojson::read(body),
        _ => Err(Problem::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "unsupported-media-type",
            "The file must be CSV or GeoJSON",
        )
        .detail("Send Content-Type: text/csv or application/geo+json.")),
    }
}

fn refused(mut errors: Vec<FieldError>) -> Problem {
    let all = errors.len();
    errors.truncate(MOST_ERRORS);
    Problem::invalid(errors).detail(format!("The file has {all} errors. Nothing was imported."))
}

/// Imports places and spaces.
///
/// CSV has a header line and one of two forms: spaces (`place,zone,number,label,kind,lat,lon,x,y,sensor_id`) or counted
/// car parks (`place,name,lat,lon,capacity,timezone`, which become a place with one counted zone `main`). GeoJSON is a
/// FeatureCollection of points whose properties have these names. What exists is changed, what is new is created,
/// nothing is deleted, and a repeated import changes nothing. A file with any error is refused as a whole, with a list
/// of what is wrong where.
#[utoipa::path(
    post,
    path = "/v1/places/import",
    tag = "Administration",
    request_body(content(
        (
            String = "text/csv",
            example = json!("place,name,lat,lon,capacity,timezone\ncorum,Corum,43.6138,3.8822,480,Europe/Paris\n")
        ),
        (Object = "application/geo+json")
    )),
    responses((status = 200, body = ImportResult), Refusal),
    security(("login" = []))
)]
async fn import_places(
    State(app): State<App>,
    _: Manager,
    headers: HeaderMap,
    body: Bytes,
) -> ApiResult<Json<ImportResult>> {
    let raw = read(&headers, &body)?;
    if raw.len() > MOST_ROWS {
        return Err(Problem::bad_request(format!("A file has at most {MOST_ROWS} rows.")).into());
    }
    let rows = rows::typed(raw).map_err(refused)?;
    let plan = app.plan(rows).await?.map_err(refused)?;
    Ok(Json(app.carry_out(plan).await?))
}
