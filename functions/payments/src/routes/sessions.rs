//! A driver's sessions.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use parvis_kit::auth::{Caller, Role};
use parvis_kit::http::{Json, Path, Query};
use parvis_kit::problem::Problem;
use parvis_kit::routes;
use parvis_kit::routes::Routes;
use parvis_money::Money;
use parvis_parking::ZoneId;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::quotes::{ExplainedQuote, plate};
use crate::error::{ApiResult, Refusal};
use crate::flow::{Extension, Length, Patience, PayWith, Start};
use crate::record::SessionRecord;
use crate::state::App;
use crate::views::{SessionView, Vehicle};

/// The longest page of a list.
const MOST: i32 = 100;

pub(super) fn router() -> Routes<App> {
    Routes::new()
        .routes(routes!(start_session, list_sessions))
        .routes(routes!(read_session))
        .routes(routes!(quote_extension))
        .routes(routes!(extend_session))
        .routes(routes!(quote_stop))
        .routes(routes!(stop_session))
        .routes(routes!(settle_session))
}

/// A session to be started.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct StartInput {
    /// Made by the client (UUID): the same id starts the same session once.
    id: Uuid,
    /// Where.
    #[schema(value_type = String, example = "Zone_A")]
    zone: ZoneId,
    /// The plate.
    #[schema(example = "AB-123-CD")]
    plate: String,
    /// The vehicle.
    #[serde(default)]
    vehicle: Vehicle,
    /// When it ends; or say `minutes`.
    #[serde(default)]
    end: Option<DateTime<Utc>>,
    /// How long it lasts; or say `end`.
    #[serde(default)]
    minutes: Option<u32>,
    /// The price that the driver has seen, in cents: another one is refused with the new quote.
    #[serde(default)]
    price_cents: Option<i64>,
    /// How the driver pays.
    #[serde(default)]
    pay: PayWith,
}

/// An extension.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ExtendInput {
    /// Made by the client (UUID): the same id extends once.
    id: Uuid,
    /// The new end; or say `minutes`.
    #[serde(default)]
    end: Option<DateTime<Utc>>,
    /// How much longer than now paid; or say `end`.
    #[serde(default)]
    minutes: Option<u32>,
    /// The price that the driver has seen, in cents.
    #[serde(default)]
    price_cents: Option<i64>,
    /// How the driver pays.
    #[serde(default)]
    pay: PayWith,
}

/// A question about an extension.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ExtendQuestion {
    /// The new end; or say `minutes`.
    #[serde(default)]
    end: Option<DateTime<Utc>>,
    /// How much longer than now paid; or say `end`.
    #[serde(default)]
    minutes: Option<u32>,
}

/// What stopping now would give back.
#[derive(Debug, Serialize, ToSchema)]
pub struct StopPreview {
    /// The price of the time used.
    used: Money,
    /// What goes back.
    refund: Money,
}

/// A driver's sessions.
#[derive(Debug, Serialize, ToSchema)]
pub struct SessionList {
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

/// Starts a session. Paid at once when `pay` names a payment method or the wallet; otherwise it is `pending` and `payment`
/// says how the page brings the payment to an end.
#[utoipa::path(
    post,
    path = "/v1/parking/sessions",
    tag = "Sessions",
    security(("login" = [])),
    request_body = StartInput,
    responses((status = 201, body = SessionView), (status = 202, body = SessionView), Refusal)
)]
async fn start_session(State(app): State<App>, caller: Caller, Json(input): Json<StartInput>) -> ApiResult<Response> {
    let start = Start {
        id: input.id,
        zone: input.zone,
        plate: plate(&input.plate)?,
        holder: input.vehicle.holder(),
        length: Length::of(input.end, input.minutes)?,
        price_cents: input.price_cents,
        pay: input.pay,
        owner: caller.subject,
    };
    let record = app.start(&start).await?;
    Ok(answer(&app, record, StatusCode::CREATED).await)
}

/// The caller's sessions, the latest first.
#[utoipa::path(
    get,
    path = "/v1/parking/sessions",
    tag = "Sessions",
    security(("login" = [])),
    params(ListParams),
    responses((status = 200, body = SessionList), Refusal)
)]
async fn list_sessions(
    State(app): State<App>,
    caller: Caller,
    Query(params): Query<ListParams>,
) -> ApiResult<Json<SessionList>> {
    let limit = params.limit.unwrap_or(20).clamp(1, MOST);
    let page = app.store().sessions_of(&caller.subject, limit, params.cursor).await?;
    let records = futures::future::try_join_all(page.ids.iter().map(|id| app.store().session(*id))).await?;
    let views = records.into_iter().flatten().map(|record| view(&app, record));
    Ok(Json(SessionList { sessions: futures::future::join_all(views).await, next_cursor: page.next }))
}

/// A session of the caller; staff may read any.
#[utoipa::path(
    get,
    path = "/v1/parking/sessions/{id}",
    tag = "Sessions",
    security(("login" = [])),
    params(("id" = Uuid, Path, description = "Id of the session")),
    responses((status = 200, body = SessionView), Refusal)
)]
async fn read_session(State(app): State<App>, caller: Caller, Path(id): Path<Uuid>) -> ApiResult<Json<SessionView>> {
    let record = app.reload(id).await?;
    if record.owner.as_deref() != Some(caller.subject.as_str()) && !caller.is(&[Role::Admin, Role::Manager]) {
        return Err(Problem::not_found("session").into());
    }
    Ok(Json(view(&app, record).await))
}

/// What an extension costs.
#[utoipa::path(
    post,
    path = "/v1/parking/sessions/{id}/extension-quote",
    tag = "Sessions",
    security(("login" = [])),
    params(("id" = Uuid, Path, description = "Id of the session")),
    request_body = ExtendQuestion,
    responses((status = 200, body = ExplainedQuote), Refusal)
)]
async fn quote_extension(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<Uuid>,
    Json(input): Json<ExtendQuestion>,
) -> ApiResult<Json<ExplainedQuote>> {
    let record = own(&app, &caller, id).await?;
    let quote = app.quote_extension(&record, Length::of(input.end, input.minutes)?).await?;
    let timezone = app.book_at(record.book).await?.tariffs.timezone();
    Ok(Json(ExplainedQuote::new(quote, record.session.holder.qualification, timezone)))
}

/// Extends a session.
#[utoipa::path(
    post,
    path = "/v1/parking/sessions/{id}/extend",
    tag = "Sessions",
    security(("login" = [])),
    params(("id" = Uuid, Path, description = "Id of the session")),
    request_body = ExtendInput,
    responses((status = 200, body = SessionView), (status = 202, body = SessionView), Refusal)
)]
async fn extend_session(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<Uuid>,
    Json(input): Json<ExtendInput>,
) -> ApiResult<Response> {
    let record = own(&app, &caller, id).await?;
    let length = Length::of(input.end, input.minutes)?;
    let extension = Extension { id: input.id, length, price_cents: input.price_cents, pay: input.pay };
    let record = app.extend(record, &extension).await?;
    Ok(answer(&app, record, StatusCode::OK).await)
}

/// What stopping now would give back.
#[utoipa::path(
    get,
    path = "/v1/parking/sessions/{id}/stop",
    tag = "Sessions",
    security(("login" = [])),
    params(("id" = Uuid, Path, description = "Id of the session")),
    responses((status = 200, body = StopPreview), Refusal)
)]
async fn quote_stop(State(app): State<App>, caller: Caller, Path(id): Path<Uuid>) -> ApiResult<Json<StopPreview>> {
    let early = app.quote_stop(&own(&app, &caller, id).await?).await?;
    Ok(Json(StopPreview { used: early.used, refund: early.refund }))
}

/// Stops a session now; gives up a pending one. Asking again changes nothing.
#[utoipa::path(
    post,
    path = "/v1/parking/sessions/{id}/stop",
    tag = "Sessions",
    security(("login" = [])),
    params(("id" = Uuid, Path, description = "Id of the session")),
    responses((status = 200, body = SessionView), Refusal)
)]
async fn stop_session(State(app): State<App>, caller: Caller, Path(id): Path<Uuid>) -> ApiResult<Response> {
    let record = own(&app, &caller, id).await?;
    let record = app.stop(record).await?;
    Ok(answer(&app, record, StatusCode::OK).await)
}

/// Looks at the provider how the open payment stands, after the page has confirmed it there.
#[utoipa::path(
    post,
    path = "/v1/parking/sessions/{id}/settle",
    tag = "Sessions",
    security(("login" = [])),
    params(("id" = Uuid, Path, description = "Id of the session")),
    responses((status = 200, body = SessionView), (status = 202, body = SessionView), Refusal)
)]
async fn settle_session(State(app): State<App>, caller: Caller, Path(id): Path<Uuid>) -> ApiResult<Response> {
    let record = own(&app, &caller, id).await?;
    let record = app.bring_forward(record, Patience::Wait).await?;
    Ok(answer(&app, record, StatusCode::OK).await)
}

/// A session of the caller; of others, not even that it exists is told.
async fn own(app: &App, caller: &Caller, id: Uuid) -> ApiResult<SessionRecord> {
    let record = app.reload(id).await?;
    if record.owner.as_deref() == Some(caller.subject.as_str()) {
        return Ok(record);
    }
    Err(Problem::not_found("session").into())
}

/// A session with its plate, while that is kept.
async fn view(app: &App, record: SessionRecord) -> SessionView {
    let plate = app.plates().of(record.session.id, app.now()).await.unwrap_or_else(|error| {
        tracing::warn!(%error, "a session is told without its plate");
        None
    });
    SessionView::new(&record, plate.map(|plate| plate.reveal().to_owned()), app.now())
}

/// 202 as long as a payment is under way.
async fn answer(app: &App, record: SessionRecord, status: StatusCode) -> Response {
    let view = view(app, record).await;
    let status = if view.payment.is_some() { StatusCode::ACCEPTED } else { status };
    (status, Json(view)).into_response()
}
