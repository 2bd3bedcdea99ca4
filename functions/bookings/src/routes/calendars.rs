//! Calendars: feeds per resource and per person, and invitations.

use std::collections::BTreeMap;

use axum::extract::State;
use axum::http::{HeaderName, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use chrono::TimeDelta;
use parvis_booking::ResourceId;
use parvis_booking::calendar::{DOMAIN, Entry, Method, Person, uid, write};
use parvis_booking::life::State as Life;
use parvis_kit::auth::Caller;
use parvis_kit::http::Path;
use parvis_kit::problem::Problem;
use parvis_kit::routes;
use parvis_kit::routes::Routes;
use uuid::Uuid;

use super::resources::find;
use crate::actor::Actor;
use crate::error::{ApiResult, Declined};
use crate::state::App;
use crate::store::bookings::{self, Filter, Record};
use crate::store::{catalog, people};
use crate::views::Given;

/// How far back a feed goes.
const BACK: TimeDelta = TimeDelta::days(31);
/// How far ahead.
const AHEAD: TimeDelta = TimeDelta::days(366);
/// Events of one feed at most.
const MOST: u32 = 2000;

pub(super) fn router() -> Routes<App> {
    Routes::new().routes(routes!(resource_calendar)).routes(routes!(own_calendar)).routes(routes!(invitation))
}

fn calendar(text: String, method: Method) -> Response {
    let media_type = match method {
        Method::Publish => "text/calendar; charset=utf-8",
        Method::Request => "text/calendar; charset=utf-8; method=REQUEST",
        Method::Cancel => "text/calendar; charset=utf-8; method=CANCEL",
    };
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static(media_type)),
        (HeaderName::from_static("x-robots-tag"), HeaderValue::from_static("noindex")),
    ];
    (headers, text).into_response()
}

fn entry(record: &Record, summary: String, location: Option<String>) -> Entry {
    let booking = &record.booking;
    Entry {
        uid: uid(&booking.id.to_string()),
        sequence: booking.version,
        slot: booking.slot,
        summary,
        description: None,
        location,
        tentative: matches!(booking.state, Life::Held | Life::Pending),
        cancelled: !matches!(booking.state, Life::Fulfilled | Life::Noshow) && !booking.state.is_live(),
        organizer: None,
        guests: Vec::new(),
        modified_at: booking.modified_at,
    }
}

/// How the places of a booking are called.
fn names(record: &Record, named: &BTreeMap<ResourceId, Given>) -> String {
    let names = record.booking.resources.iter().filter_map(|id| named.get(id)).map(|given| given.name.as_str());
    names.collect::<Vec<_>>().join(", ")
}

fn filter(app: &App) -> Filter {
    let now = app.now();
    let states = vec![Life::Held, Life::Pending, Life::Booked, Life::Arrived, Life::Fulfilled];
    Filter { from: Some(now - BACK), to: Some(now + AHEAD), states, ..Filter::default() }
}

/// When a resource is taken, as a calendar. It tells nothing about who or why.
#[utoipa::path(
    get, path = "/v1/resources/{resource}/calendar.ics", tag = "Personal",
    params(("resource" = String, Path, description = "Id of the resource")),
    responses((status = 200, body = String, content_type = "text/calendar"), Declined)
)]
async fn resource_calendar(State(app): State<App>, Path(id): Path<ResourceId>) -> ApiResult<Response> {
    let resource = find(&app, &id).await?.resource;
    let filter = Filter { resource: Some(id.to_string()), ..filter(&app) };
    let records = bookings::list(app.store().database().pool().await?, &filter, MOST).await?;
    let entry = |record: &Record| entry(record, "Busy".to_owned(), Some(resource.name.clone()));
    let entries: Vec<Entry> = records.iter().map(entry).collect();
    Ok(calendar(write(&resource.name, Method::Publish, &entries), Method::Publish))
}

/// Somebody's bookings as a calendar; the address is the secret.
#[utoipa::path(
    get, path = "/v1/calendars/{file}", tag = "Personal",
    params(("file" = String, Path, description = "The secret and `.ics`")),
    responses((status = 200, body = String, content_type = "text/calendar"), Declined)
)]
async fn own_calendar(State(app): State<App>, Path(file): Path<String>) -> ApiResult<Response> {
    let pool = app.store().database().pool().await?;
    let secret = file.strip_suffix(".ics").ok_or_else(|| Problem::not_found("calendar"))?;
    let owner = people::by_calendar_secret(pool, secret).await?;
    let owner = owner.ok_or_else(|| Problem::not_found("calendar"))?;
    let records = bookings::list(pool, &Filter { owner: Some(owner), ..filter(&app) }, MOST).await?;
    let named = catalog::named(pool, records.iter().flat_map(|record| &record.booking.resources)).await?;
    let entry = |record: &Record| entry(record, record.booking.title.clone(), Some(names(record, &named)));
    let entries: Vec<Entry> = records.iter().map(entry).collect();
    Ok(calendar(write("Parvis", Method::Publish, &entries), Method::Publish))
}

/// The invitation to a booking, for its guests: a request, or its cancellation once it is given up.
#[utoipa::path(
    get, path = "/v1/bookings/{booking}/invitation.ics", tag = "Personal", security(("login" = [])),
    params(("booking" = Uuid, Path, description = "Id of the booking")),
    responses((status = 200, body = String, content_type = "text/calendar"), Declined)
)]
async fn invitation(State(app): State<App>, caller: Caller, Path(id): Path<Uuid>) -> ApiResult<Response> {
    let record = super::bookings::find(&app, id, &Actor::from(caller)).await?;
    let named = catalog::named(app.store().database().pool().await?, record.booking.resources.iter()).await?;
    let mut entry = entry(&record, record.booking.title.clone(), Some(names(&record, &named)));
    entry.organizer = Some(Person { name: "Parvis".to_owned(), email: format!("noreply@{DOMAIN}") });
    let invited = record
        .booking
        .guests
        .iter()
        .filter_map(|guest| guest.email.clone().map(|email| Person { name: guest.name.clone(), email }));
    entry.guests = invited.collect();
    let method = if entry.cancelled { Method::Cancel } else { Method::Request };
    Ok(calendar(write("Parvis", method, &[entry]), method))
}
