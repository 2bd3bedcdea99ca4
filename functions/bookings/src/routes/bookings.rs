//! Making, reading and changing bookings.

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use parvis_booking::Slot;
use parvis_booking::booking::{Guest, PayWith};
use parvis_booking::life::State as Life;
use parvis_booking::resource::Item;
use parvis_kit::auth::Caller;
use parvis_kit::http::{Json, Path, Query, expected_version};
use parvis_kit::problem::Problem;
use parvis_kit::routes;
use parvis_kit::routes::Routes;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::input::words;
use super::suggestions::nearest;
use super::writes::Writer;
use crate::actor::Actor;
use crate::commands::{Book, Change};
use crate::error::{ApiError, ApiResult, Declined, Refused};
use crate::state::App;
use crate::store::bookings::{self, Filter, Record};
use crate::store::catalog::{self, ResourceFilter};
use crate::store::tx::WriteError;
use crate::views::{BookingView, Turn};

/// Bookings of one page.
const PAGE: u32 = 100;
/// Suggestions beside a refusal.
const SUGGESTIONS: usize = 5;

pub(super) fn router() -> Routes<App> {
    Routes::new().routes(routes!(list_bookings, make_booking)).routes(routes!(read_booking, change_booking))
}

pub(super) const fn one() -> u32 {
    1
}

const fn yes() -> bool {
    true
}

/// A new booking.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewBooking {
    /// What is wanted, all or nothing.
    items: Vec<Item>,
    /// When.
    slot: Slot,
    /// What it is about.
    title: String,
    /// People who come, the owner included.
    #[serde(default = "one")]
    participants: u32,
    /// Who is invited.
    #[serde(default)]
    guests: Vec<Guest>,
    /// How it is paid.
    #[serde(default)]
    pay_with: PayWith,
    /// Token of a quote: that price holds.
    #[serde(default)]
    quote: Option<String>,
    /// Only keep the place for some minutes, to be confirmed.
    #[serde(default)]
    hold: bool,
    /// Wait when it is taken.
    #[serde(default)]
    waitlist: bool,
    /// Name the nearest alternatives when it is taken.
    #[serde(default = "yes")]
    #[schema(default = true)]
    suggest: bool,
}

/// The booking with what depends on who looks.
pub(super) async fn view(app: &App, record: Record, actor: &Actor) -> ApiResult<BookingView> {
    let mut views = views(app, vec![record], actor).await?;
    views.pop().ok_or_else(|| Problem::not_found("booking").into())
}

async fn views(app: &App, records: Vec<Record>, actor: &Actor) -> ApiResult<Vec<BookingView>> {
    let pool = app.store().database().pool().await?;
    let named = catalog::named(pool, records.iter().flat_map(|record| &record.booking.resources)).await?;
    let mut views = Vec::with_capacity(records.len());
    for record in records {
        let turn = if record.booking.state == Life::Waitlist {
            let (position, waiting) = bookings::position(pool, &record.booking).await?;
            Some(Turn { position, waiting })
        } else {
            None
        };
        views.push(BookingView::new(record, actor, turn, &named));
    }
    Ok(views)
}

/// Books, holds, or waits.
#[utoipa::path(
    post, path = "/v1/bookings", tag = "Bookings", security(("login" = [])), request_body = NewBooking,
    params(("idempotency-key" = String, Header, description = "New for each booking, repeated with each repetition")),
    responses((status = 201, body = BookingView), Declined)
)]
async fn make_booking(
    State(app): State<App>,
    writer: Writer,
    Json(new): Json<NewBooking>,
) -> ApiResult<(StatusCode, Json<BookingView>)> {
    words(&new.title, new.participants, &new.guests)?;
    let key = writer.key(&new);
    let quote = match &new.quote {
        Some(token) => Some(app.key().verify(token, &writer.actor.subject, app.now()).map_err(Refused::from)?),
        None => None,
    };
    let NewBooking { items, slot, title, participants, guests, pay_with, hold, waitlist, suggest, .. } = new;
    let (id, actor) = (Uuid::now_v7(), writer.actor.clone());
    let pay_with = quote.as_ref().map_or(pay_with, |quote| quote.charge.pay_with);
    let book = Book { id, actor, items, slot, title, participants, guests, pay_with, quote, hold, waitlist };
    match app.execute(Some(&key), &book).await {
        Ok(record) => Ok((StatusCode::CREATED, Json(view(&app, record, &writer.actor).await?))),
        Err(WriteError::Refused(Refused::Taken(_))) if suggest => Err(with_suggestions(&app, &book).await),
        Err(error) => Err(error.into()),
    }
}

/// The refusal with the nearest alternatives to the first item.
async fn with_suggestions(app: &App, book: &Book) -> ApiError {
    let item = book.items.first();
    let pool = match item {
        Some(Item::Pool(pool)) => Some(pool.to_string()),
        _ => None,
    };
    // Of several places of a pool each takes its share of the people.
    let alike = item.map_or(0, |item| book.items.iter().filter(|other| *other == item).count());
    let people = book.participants.div_ceil(u32::try_from(alike).unwrap_or(1).max(1));
    let filter = ResourceFilter { pool, ..ResourceFilter::default() };
    match nearest(app, item, filter, book.slot, people, SUGGESTIONS).await {
        Ok(suggestions) => Refused::Taken(suggestions).into(),
        Err(error) => error,
    }
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct ListParams {
    /// Ending after.
    from: Option<DateTime<Utc>>,
    /// Starting before.
    to: Option<DateTime<Utc>>,
    /// In this state.
    state: Option<Life>,
    /// With this resource.
    resource: Option<String>,
    /// At this site.
    site: Option<String>,
    /// Of this series.
    series: Option<Uuid>,
    /// Whose; for staff.
    owner: Option<String>,
    /// Everybody's; for staff.
    all: Option<bool>,
    /// From the answer before.
    cursor: Option<String>,
}

/// A page of bookings.
#[derive(Debug, Serialize, ToSchema)]
struct BookingList {
    /// By start.
    bookings: Vec<BookingView>,
    /// Where the next page begins; null on the last.
    next_cursor: Option<String>,
}

fn decode(cursor: &str) -> Option<(DateTime<Utc>, Uuid)> {
    let (micros, id): (i64, Uuid) = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(cursor).ok()?).ok()?;
    Some((DateTime::from_timestamp_micros(micros)?, id))
}

fn encode(record: &Record) -> String {
    let at = (record.booking.slot.start.timestamp_micros(), record.booking.id);
    URL_SAFE_NO_PAD.encode(serde_json::to_vec(&at).unwrap_or_default())
}

/// The caller's bookings, or, for staff, anybody's.
#[utoipa::path(
    get, path = "/v1/bookings", tag = "Bookings", security(("login" = [])), params(ListParams),
    responses((status = 200, body = BookingList), Declined)
)]
async fn list_bookings(
    State(app): State<App>,
    caller: Caller,
    Query(params): Query<ListParams>,
) -> ApiResult<Json<BookingList>> {
    let actor = Actor::from(caller);
    let others = params.all.unwrap_or(false) || params.owner.as_ref().is_some_and(|owner| *owner != actor.subject);
    if others && !actor.is_staff() {
        return Err(Problem::forbidden().into());
    }
    let after = match &params.cursor {
        Some(cursor) => Some(decode(cursor).ok_or_else(|| Problem::bad_request("The cursor is not one of ours."))?),
        None => None,
    };
    let owner =
        if params.all.unwrap_or(false) { params.owner } else { Some(params.owner.unwrap_or(actor.subject.clone())) };
    let filter = Filter {
        owner,
        from: params.from,
        to: params.to,
        states: params.state.into_iter().collect(),
        resource: params.resource,
        site: params.site,
        series: params.series,
        after,
    };
    let pool = app.store().database().pool().await?;
    let mut records = bookings::list(pool, &filter, PAGE + 1).await?;
    let more = records.len() > PAGE as usize;
    records.truncate(PAGE as usize);
    let next_cursor = records.last().filter(|_| more).map(encode);
    let bookings = views(&app, records, &actor).await?;
    Ok(Json(BookingList { bookings, next_cursor }))
}

/// The booking, if it is the caller's business.
pub(super) async fn find(app: &App, id: Uuid, actor: &Actor) -> ApiResult<Record> {
    let record = bookings::read(app.store().database().pool().await?, id).await?;
    let sees = |record: &Record| record.booking.owner == actor.subject || actor.is_on_site();
    record.filter(sees).ok_or_else(|| Problem::not_found("booking").into())
}

/// A booking.
#[utoipa::path(
    get, path = "/v1/bookings/{booking}", tag = "Bookings", security(("login" = [])),
    params(("booking" = Uuid, Path, description = "Id of the booking")),
    responses((status = 200, body = BookingView), Declined)
)]
async fn read_booking(State(app): State<App>, caller: Caller, Path(id): Path<Uuid>) -> ApiResult<Json<BookingView>> {
    let actor = Actor::from(caller);
    let record = find(&app, id, &actor).await?;
    Ok(Json(view(&app, record, &actor).await?))
}

/// A change; what is left out stays.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct BookingChange {
    /// When.
    slot: Option<Slot>,
    /// What.
    items: Option<Vec<Item>>,
    /// What it is about.
    title: Option<String>,
    /// People who come.
    participants: Option<u32>,
    /// Who is invited.
    guests: Option<Vec<Guest>>,
}

/// Changes a booking, or leaves it as it was when the new time or place cannot be had. A change that changes nothing is no new
/// version, and nobody is told.
#[utoipa::path(
    patch, path = "/v1/bookings/{booking}", tag = "Bookings", security(("login" = [])), request_body = BookingChange,
    params(
        ("booking" = Uuid, Path, description = "Id of the booking"),
        ("idempotency-key" = String, Header, description = "New for each change, repeated with each repetition")
    ),
    responses((status = 200, body = BookingView), Declined)
)]
async fn change_booking(
    State(app): State<App>,
    writer: Writer,
    headers: HeaderMap,
    Path(id): Path<Uuid>,
    Json(change): Json<BookingChange>,
) -> ApiResult<Json<BookingView>> {
    words(
        change.title.as_deref().unwrap_or("-"),
        change.participants.unwrap_or(1),
        change.guests.as_deref().unwrap_or(&[]),
    )?;
    let expected = expected_version(&headers);
    let key = writer.key(&change);
    let BookingChange { slot, items, title, participants, guests } = change;
    let command = Change { id, actor: writer.actor.clone(), expected, slot, items, title, participants, guests };
    let record = app.execute(Some(&key), &command).await?;
    Ok(Json(view(&app, record, &writer.actor).await?))
}
