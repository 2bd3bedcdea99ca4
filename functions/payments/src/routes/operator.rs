//! The operator API: other apps that sell parking here.

use axum::extract::State;
use axum::http::StatusCode;
use chrono::{DateTime, Utc};
use parvis_kit::auth::Machine;
use parvis_kit::http::{Json, Path, Query};
use parvis_kit::problem::Problem;
use parvis_kit::routes;
use parvis_kit::routes::Routes;
use parvis_parking::ZoneId;
use parvis_rights::SessionSource;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::quotes::plate;
use crate::error::{ApiResult, Refusal};
use crate::flow::{Length, Sold, SoldMore};
use crate::record::SessionRecord;
use crate::state::App;
use crate::views::{SessionView, Vehicle};

/// The scope of selling parking.
const SCOPE: &str = "parvis/park";

pub(super) fn router() -> Routes<App> {
    Routes::new()
        .routes(routes!(sell, list_sold))
        .routes(routes!(read_sold))
        .routes(routes!(extend_sold))
        .routes(routes!(stop_sold))
}

/// A session that an operator has sold.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SoldInput {
    /// Made by the operator (UUID): the same id is the same session.
    id: Uuid,
    /// Where.
    #[schema(value_type = String, example = "Zone_B")]
    zone: ZoneId,
    /// The plate.
    plate: String,
    /// The vehicle.
    #[serde(default)]
    vehicle: Vehicle,
    /// When it began; at most 24 hours ago, for sessions sold without a connection. Now without it.
    #[serde(default)]
    start: Option<DateTime<Utc>>,
    /// When it ends; or say `minutes`.
    #[serde(default)]
    end: Option<DateTime<Utc>>,
    /// How long it lasts; or say `end`.
    #[serde(default)]
    minutes: Option<u32>,
    /// What the customer has paid, in cents; another price than the tariff's is refused.
    #[serde(default)]
    price_cents: Option<i64>,
    /// The operator's receipt.
    receipt: String,
}

/// An extension.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SoldExtension {
    /// Made by the operator (UUID).
    id: Uuid,
    /// The new end; or say `minutes`.
    #[serde(default)]
    end: Option<DateTime<Utc>>,
    /// How much longer; or say `end`.
    #[serde(default)]
    minutes: Option<u32>,
    /// When it was sold; at most 24 hours ago, for extensions sold without a connection. Now without it.
    #[serde(default)]
    at: Option<DateTime<Utc>>,
    /// What the customer has paid, in cents.
    #[serde(default)]
    price_cents: Option<i64>,
}

/// An operator's sessions.
#[derive(Debug, Serialize, ToSchema)]
pub struct SoldList {
    /// The latest first.
    sessions: Vec<SessionView>,
    /// For `cursor`, when there are more.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct ListParams {
    /// `next_cursor` of the page before.
    cursor: Option<String>,
    /// 1 to 100; 20 without it.
    limit: Option<i32>,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct StopParams {
    /// When the driver left; at most 24 hours ago, for what was stopped without a connection. Now without it.
    at: Option<DateTime<Utc>>,
}

fn view(app: &App, record: &SessionRecord) -> Json<SessionView> {
    Json(SessionView::new(record, None, app.now()))
}

/// A session of this operator; of others, not even that it exists is told.
async fn own(app: &App, machine: &Machine, id: Uuid) -> ApiResult<SessionRecord> {
    machine.require(SCOPE)?;
    let record = app.reload(id).await?;
    match &record.session.source {
        SessionSource::Operator { operator, .. } if *operator == machine.client => Ok(record),
        _ => Err(Problem::not_found("session").into()),
    }
}

/// Tells a session that was sold; the right is there with the answer.
#[utoipa::path(
    post,
    path = "/v1/operator/sessions",
    tag = "Operators",
    security(("operator" = ["parvis/park"])),
    request_body = SoldInput,
    responses((status = 201, body = SessionView), Refusal)
)]
async fn sell(
    State(app): State<App>,
    machine: Machine,
    Json(input): Json<SoldInput>,
) -> ApiResult<(StatusCode, Json<SessionView>)> {
    machine.require(SCOPE)?;
    let sold = Sold {
        id: input.id,
        zone: input.zone,
        plate: plate(&input.plate)?,
        holder: input.vehicle.holder(),
        start: input.start,
        length: Length::of(input.end, input.minutes)?,
        price_cents: input.price_cents,
        receipt: input.receipt,
        operator: machine.client,
    };
    let record = app.sold(&sold).await?;
    Ok((StatusCode::CREATED, view(&app, &record)))
}

/// The operator's sessions, the latest first.
#[utoipa::path(
    get,
    path = "/v1/operator/sessions",
    tag = "Operators",
    security(("operator" = ["parvis/park"])),
    params(ListParams),
    responses((status = 200, body = SoldList), Refusal)
)]
async fn list_sold(
    State(app): State<App>,
    machine: Machine,
    Query(params): Query<ListParams>,
) -> ApiResult<Json<SoldList>> {
    machine.require(SCOPE)?;
    let limit = params.limit.unwrap_or(20).clamp(1, 100);
    let page = app.store().sessions_of(&machine.client, limit, params.cursor).await?;
    let records = futures::future::try_join_all(page.ids.iter().map(|id| app.store().session(*id))).await?;
    let sessions = records.iter().flatten().map(|record| SessionView::new(record, None, app.now())).collect();
    Ok(Json(SoldList { sessions, next_cursor: page.next }))
}

/// A session of the operator.
#[utoipa::path(
    get,
    path = "/v1/operator/sessions/{id}",
    tag = "Operators",
    security(("operator" = ["parvis/park"])),
    params(("id" = Uuid, Path, description = "Id of the session")),
    responses((status = 200, body = SessionView), Refusal)
)]
async fn read_sold(State(app): State<App>, machine: Machine, Path(id): Path<Uuid>) -> ApiResult<Json<SessionView>> {
    Ok(view(&app, &own(&app, &machine, id).await?))
}

/// Extends a session that the operator has sold. Steps that are told late are told in their order.
#[utoipa::path(
    post,
    path = "/v1/operator/sessions/{id}/extend",
    tag = "Operators",
    security(("operator" = ["parvis/park"])),
    params(("id" = Uuid, Path, description = "Id of the session")),
    request_body = SoldExtension,
    responses((status = 200, body = SessionView), Refusal)
)]
async fn extend_sold(
    State(app): State<App>,
    machine: Machine,
    Path(id): Path<Uuid>,
    Json(input): Json<SoldExtension>,
) -> ApiResult<Json<SessionView>> {
    let record = own(&app, &machine, id).await?;
    let SoldExtension { id, end, minutes, at, price_cents } = input;
    let more = SoldMore { id, length: Length::of(end, minutes)?, at, price_cents, operator: machine.client };
    Ok(view(&app, &app.extend_sold(record, &more).await?))
}

/// Stops a session that the operator has sold; what the tariff gives back comes off the operator's invoice.
#[utoipa::path(
    post,
    path = "/v1/operator/sessions/{id}/stop",
    tag = "Operators",
    security(("operator" = ["parvis/park"])),
    params(("id" = Uuid, Path, description = "Id of the session"), StopParams),
    responses((status = 200, body = SessionView), Refusal)
)]
async fn stop_sold(
    State(app): State<App>,
    machine: Machine,
    Path(id): Path<Uuid>,
    Query(StopParams { at }): Query<StopParams>,
) -> ApiResult<Json<SessionView>> {
    let record = own(&app, &machine, id).await?;
    Ok(view(&app, &app.stop_sold(record, at).await?))
}
