//! The tariff book: reading it, checking another, putting it in force.

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use parvis_kit::auth::{Caller, Role};
use parvis_kit::http::{Json, Query, version_etag};
use parvis_kit::problem::Problem as HttpProblem;
use parvis_kit::routes;
use parvis_kit::routes::Routes;
use parvis_parking::ZoneId;
use parvis_tariffs::{Problem, Severity, read_book};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::zones::{CurveParams, Prices};
use crate::error::{ApiResult, Refusal};
use crate::state::App;
use crate::store::StoreError;

const STAFF: [Role; 2] = [Role::Admin, Role::Manager];

pub(super) fn router() -> Routes<App> {
    Routes::new()
        .routes(routes!(read_tariffs, replace_tariffs))
        .routes(routes!(check_tariffs))
        .routes(routes!(preview_tariffs))
}

/// What is wrong with a tariff book.
#[derive(Debug, Serialize, ToSchema)]
pub struct Findings {
    /// Whether it could be put in force.
    usable: bool,
    /// Errors and warnings, in the order of the file.
    problems: Vec<Problem>,
    /// The zones it is for, if it is usable.
    #[schema(value_type = Vec<String>)]
    zones: Vec<ZoneId>,
}

fn findings(text: &str) -> Findings {
    match read_book(text) {
        Ok((tariffs, problems)) => {
            Findings { usable: true, problems, zones: tariffs.zones().into_iter().cloned().collect() }
        }
        Err(problems) => Findings { usable: false, problems, zones: Vec::new() },
    }
}

/// The tariff book in force, as its readable file (TOML). Its version is the entity tag.
#[utoipa::path(
    get,
    path = "/v1/parking/tariffs",
    tag = "Tariffs",
    responses((status = 200, description = "The file", body = String, content_type = "application/toml"), Refusal)
)]
async fn read_tariffs(State(app): State<App>) -> ApiResult<Response> {
    // Who edits starts from the newest, which an instance that has read another one may not know of for some seconds.
    let newest = app.store().newest_book().await?;
    let (text, version) = newest.ok_or_else(|| HttpProblem::not_found("tariff book"))?;
    let headers = [
        (header::CONTENT_TYPE, header::HeaderValue::from_static("application/toml")),
        (header::ETAG, version_etag(u64::from(version))),
    ];
    Ok((headers, text).into_response())
}

/// Checks a tariff book without putting it in force.
#[utoipa::path(
    post,
    path = "/v1/parking/tariffs/check",
    tag = "Tariffs",
    security(("login" = [])),
    request_body(content = String, content_type = "application/toml"),
    responses((status = 200, body = Findings), Refusal)
)]
async fn check_tariffs(caller: Caller, text: String) -> ApiResult<Json<Findings>> {
    caller.require(&STAFF)?;
    Ok(Json(findings(&text)))
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct PreviewParams {
    /// The zone whose prices are asked for.
    #[param(value_type = String, example = "Zone_A")]
    zone: ZoneId,
}

/// What every length of stay would cost under a tariff book that is not in force, before demand moves it.
#[utoipa::path(
    post,
    path = "/v1/parking/tariffs/preview",
    tag = "Tariffs",
    security(("login" = [])),
    params(PreviewParams, CurveParams),
    request_body(content = String, content_type = "application/toml"),
    responses((status = 200, body = Prices), (status = 422, body = Findings), Refusal)
)]
async fn preview_tariffs(
    State(app): State<App>,
    caller: Caller,
    Query(PreviewParams { zone }): Query<PreviewParams>,
    Query(params): Query<CurveParams>,
    text: String,
) -> ApiResult<Response> {
    caller.require(&STAFF)?;
    match read_book(&text) {
        Ok((tariffs, _)) => Ok(Json(params.curve(&tariffs, &zone, None, app.now())?).into_response()),
        Err(_) => Ok((StatusCode::UNPROCESSABLE_ENTITY, Json(findings(&text))).into_response()),
    }
}

/// Puts a tariff book in force. `If-Match` names the version that it replaces; `If-None-Match: *` the first.
#[utoipa::path(
    put,
    path = "/v1/parking/tariffs",
    tag = "Tariffs",
    security(("login" = [])),
    request_body(content = String, content_type = "application/toml"),
    responses((status = 200, body = Findings), (status = 422, body = Findings), Refusal)
)]
async fn replace_tariffs(
    State(app): State<App>,
    caller: Caller,
    headers: HeaderMap,
    text: String,
) -> ApiResult<Response> {
    caller.require(&STAFF)?;
    let found = findings(&text);
    if found.problems.iter().any(|problem| problem.severity == Severity::Error) {
        return Ok((StatusCode::UNPROCESSABLE_ENTITY, Json(found)).into_response());
    }
    let known = app.store().newest_book().await?.map(|(_, version)| version);
    let expected = headers.get(header::IF_MATCH);
    let matches = match known {
        None => expected.is_none(),
        Some(version) => {
            let expected = expected.ok_or_else(HttpProblem::precondition_required)?;
            *expected == version_etag(u64::from(version))
        }
    };
    if !matches {
        return Err(HttpProblem::precondition_failed().into());
    }
    let version = match app.put_book(&text, known).await {
        Err(StoreError::Conflict) => return Err(HttpProblem::precondition_failed().into()),
        other => other?,
    };
    Ok(([(header::ETAG, version_etag(u64::from(version)))], Json(found)).into_response())
}
