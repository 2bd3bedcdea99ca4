//! Series.

use axum::extract::State;
use axum::http::StatusCode;
use chrono::{NaiveDateTime, NaiveTime};
use parvis_booking::booking::{Guest, PayWith};
use parvis_booking::recurrence::Recurrence;
use parvis_booking::resource::Item;
use parvis_kit::auth::Caller;
use parvis_kit::http::{Json, Path};
use parvis_kit::problem::Problem;
use parvis_kit::routes;
use parvis_kit::routes::Routes;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::input::words;
use super::writes::Writer;
use crate::actor::Actor;
use crate::commands::{BookSeries, CancelSeries, ChangeSeries, Mode, SeriesAnswer};
use crate::error::{ApiResult, Declined};
use crate::state::App;
use crate::store::series::{self, SeriesDetails};
use crate::views::OccurrenceView;

pub(super) fn router() -> Routes<App> {
    Routes::new()
        .routes(routes!(make_series))
        .routes(routes!(read_series, change_series))
        .routes(routes!(cancel_series))
}

/// A new series.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewSeries {
    /// When.
    recurrence: Recurrence,
    /// What is wanted each time, all or nothing.
    items: Vec<Item>,
    /// What it is about.
    title: String,
    /// People who come.
    #[serde(default = "super::bookings::one")]
    participants: u32,
    /// Who is invited.
    #[serde(default)]
    guests: Vec<Guest>,
    /// How it is paid.
    #[serde(default)]
    pay_with: PayWith,
    /// What happens when some occurrences cannot be had.
    #[serde(default)]
    mode: Mode,
    /// Only tell what would happen.
    #[serde(default)]
    dry_run: bool,
}

/// A series after a write.
#[derive(Debug, Serialize, ToSchema)]
struct SeriesResult {
    /// Its id; null after a dry run.
    id: Option<Uuid>,
    /// Its occurrences.
    occurrences: Vec<OccurrenceView>,
}

impl From<SeriesAnswer> for SeriesResult {
    fn from(SeriesAnswer { id, occurrences }: SeriesAnswer) -> Self {
        Self { id, occurrences }
    }
}

/// Books a series: everything that is free, or all or nothing. With `dry_run`, tells the conflicts and writes nothing.
#[utoipa::path(
    post, path = "/v1/series", tag = "Bookings", security(("login" = [])), request_body = NewSeries,
    params(("idempotency-key" = String, Header, description = "New for each series, repeated with each repetition")),
    responses((status = 200, body = SeriesResult, description = "Dry run"), (status = 201, body = SeriesResult), Declined)
)]
async fn make_series(
    State(app): State<App>,
    writer: Writer,
    Json(new): Json<NewSeries>,
) -> ApiResult<(StatusCode, Json<SeriesResult>)> {
    words(&new.title, new.participants, &new.guests)?;
    let key = writer.key(&new);
    let NewSeries { recurrence, items, title, participants, guests, pay_with, mode, dry_run } = new;
    let details = SeriesDetails { recurrence, items, title, participants, guests, pay_with };
    let command = BookSeries { id: Uuid::now_v7(), actor: writer.actor, details, mode, dry_run };
    let key = (!dry_run).then_some(&key);
    let answer = app.execute(key, &command).await?;
    let status = if dry_run { StatusCode::OK } else { StatusCode::CREATED };
    Ok((status, Json(answer.into())))
}

/// A series.
#[derive(Debug, Serialize, ToSchema)]
struct SeriesView {
    /// Its id.
    id: Uuid,
    /// When.
    recurrence: Recurrence,
    /// What.
    items: Vec<Item>,
    /// What it is about.
    title: String,
    /// People who come.
    participants: u32,
    /// Who is invited.
    guests: Vec<Guest>,
}

/// A series; its bookings are listed by `/v1/bookings?series=`.
#[utoipa::path(
    get, path = "/v1/series/{series}", tag = "Bookings", security(("login" = [])),
    params(("series" = Uuid, Path, description = "Id of the series")),
    responses((status = 200, body = SeriesView), Declined)
)]
async fn read_series(State(app): State<App>, caller: Caller, Path(id): Path<Uuid>) -> ApiResult<Json<SeriesView>> {
    let actor = Actor::from(caller);
    let record = series::read(app.store().database().pool().await?, id, false).await?;
    let sees = record.filter(|record| record.owner == actor.subject || actor.is_on_site());
    let record = sees.ok_or_else(|| Problem::not_found("series"))?;
    let SeriesDetails { recurrence, items, title, participants, guests, .. } = record.details;
    Ok(Json(SeriesView { id, recurrence, items, title, participants, guests }))
}

/// A change of an occurrence and all that follow; what is left out stays.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct SeriesChange {
    /// The first occurrence that changes, by the local start that the rule gives it; the next to come when left out.
    from: Option<NaiveDateTime>,
    /// Local time of the start.
    #[schema(value_type = Option<String>, example = "10:00:00")]
    local_time: Option<NaiveTime>,
    /// Length.
    minutes: Option<u32>,
    /// What it is about.
    title: Option<String>,
    /// What.
    items: Option<Vec<Item>>,
}

/// Changes this and the following occurrences, all of them or nothing. One occurrence alone is changed as a booking. Those that are so
/// already get no new version.
#[utoipa::path(
    patch, path = "/v1/series/{series}", tag = "Bookings", security(("login" = [])), request_body = SeriesChange,
    params(
        ("series" = Uuid, Path, description = "Id of the series"),
        ("idempotency-key" = String, Header, description = "New for each change, repeated with each repetition")
    ),
    responses((status = 200, body = SeriesResult), Declined)
)]
async fn change_series(
    State(app): State<App>,
    writer: Writer,
    Path(id): Path<Uuid>,
    Json(change): Json<SeriesChange>,
) -> ApiResult<Json<SeriesResult>> {
    words(change.title.as_deref().unwrap_or("-"), 1, &[])?;
    let key = writer.key(&change);
    let SeriesChange { from, local_time, minutes, title, items } = change;
    let command = ChangeSeries { id, actor: writer.actor, from, local_time, minutes, title, items };
    Ok(Json(app.execute(Some(&key), &command).await?.into()))
}

/// From where a series is cancelled.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct SeriesEnd {
    /// The first occurrence to go; the next to come when left out.
    from: Option<NaiveDateTime>,
}

/// Cancels this and the following occurrences.
#[utoipa::path(
    post, path = "/v1/series/{series}/cancel", tag = "Bookings", security(("login" = [])), request_body = SeriesEnd,
    params(
        ("series" = Uuid, Path, description = "Id of the series"),
        ("idempotency-key" = String, Header, description = "New for each, repeated with each repetition")
    ),
    responses((status = 200, body = SeriesResult), Declined)
)]
async fn cancel_series(
    State(app): State<App>,
    writer: Writer,
    Path(id): Path<Uuid>,
    Json(end): Json<SeriesEnd>,
) -> ApiResult<Json<SeriesResult>> {
    let key = writer.key(&end);
    let command = CancelSeries { id, actor: writer.actor, from: end.from };
    Ok(Json(app.execute(Some(&key), &command).await?.into()))
}
