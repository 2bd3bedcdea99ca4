//! Calendars: feeds per resource and per person, and invitations.

use std::collections::BTreeSet;

use axum::extract::State;
use axum::http::{HeaderName, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use chrono::TimeDelta;
use parvis_booking::ResourceId;
use parvis_booking::booking::{Booking, Guest};
use parvis_booking::calendar::{Entry, Invitation, Method, Person, Word, uid, write};
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
use crate::store::catalog::{self, Signposts};
use crate::store::people;

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
        tentative: uncertain(booking.state),
        cancelled: given_up(booking.state),
        organizer: None,
        guests: Vec::new(),
        modified_at: booking.modified_at,
    }
}

/// The signposts to the places of bookings.
async fn signposts(app: &App, records: &[Record]) -> ApiResult<Signposts> {
    let resources: BTreeSet<_> =
        records.iter().flat_map(|one| &one.booking.resources).map(ResourceId::as_str).collect();
    let sites: BTreeSet<_> = records.iter().map(|one| one.booking.site.as_str()).collect();
    let pool = app.store().database().pool().await?;
    Ok(catalog::signposts(pool, &Vec::from_iter(resources), &Vec::from_iter(sites)).await?)
}

/// Where a booking is.
fn location(record: &Record, signposts: &Signposts) -> String {
    let booking = &record.booking;
    signposts.location(booking.site.as_str(), booking.resources.iter().map(ResourceId::as_str))
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
    let signposts = signposts(&app, &records).await?;
    let entry = |record: &Record| entry(record, record.booking.title.clone(), Some(location(record, &signposts)));
    let entries: Vec<Entry> = records.iter().map(entry).collect();
    Ok(calendar(write("Parvis", Method::Publish, &entries), Method::Publish))
}

/// The invitation to a booking as its guests get it by mail: a request, or its cancellation once it is given up. Where nobody is invited, or
/// no mail is sent, it is an event for one's own calendar.
#[utoipa::path(
    get, path = "/v1/bookings/{booking}/invitation.ics", tag = "Personal", security(("login" = [])),
    params(("booking" = Uuid, Path, description = "Id of the booking")),
    responses((status = 200, body = String, content_type = "text/calendar"), Declined)
)]
async fn invitation(State(app): State<App>, caller: Caller, Path(id): Path<Uuid>) -> ApiResult<Response> {
    let record = super::bookings::find(&app, id, &Actor::from(caller)).await?;
    let signposts = signposts(&app, std::slice::from_ref(&record)).await?;
    let location = location(&record, &signposts);
    let Booking { state, version, slot, title, guests, modified_at, .. } = record.booking;
    let person = |guest: Guest| guest.email.map(|email| Person { name: guest.name, email });
    let invitation = Invitation {
        booking: id.to_string(),
        version,
        slot,
        title,
        location: Some(location),
        from: app.invitations_from().map(str::to_owned),
        guests: guests.into_iter().filter_map(person).collect(),
        at: modified_at,
    };
    let word = if given_up(state) { Word::Off } else { Word::Come { certain: !uncertain(state) } };
    let (method, text) = invitation.say(word);
    Ok(calendar(text, method))
}

/// Not certain yet: held, waiting for approval, or in the waitlist.
const fn uncertain(state: Life) -> bool {
    matches!(state, Life::Held | Life::Pending | Life::Waitlist)
}

/// Whether it did not and will not take place.
const fn given_up(state: Life) -> bool {
    matches!(state, Life::Cancelled | Life::Released)
}
