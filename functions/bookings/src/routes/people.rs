//! What belongs to the caller: preferences, favourites, recommendations, the link of the calendar.

use axum::extract::State;
use axum::http::StatusCode;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use parvis_booking::recommend::{Preferences, Recommendation, available, recommend};
use parvis_booking::{ResourceId, Slot};
use parvis_kit::auth::Caller;
use parvis_kit::http::{Json, Path};
use parvis_kit::problem::Problem;
use parvis_kit::routes;
use parvis_kit::routes::Routes;
use rand::Rng as _;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::input::staff;
use crate::commands::SetMember;
use crate::error::{ApiResult, Declined};
use crate::state::App;
use crate::store::availability::{self, ResourceTimes};
use crate::store::catalog::ResourceFilter;
use crate::store::people::Holder;
use crate::store::{counts, people};

/// Recommendations told at most.
const RECOMMENDATIONS: usize = 5;
/// How far ahead places are looked at: the next occurrence of a weekly habit, and the day that it may last.
const AHEAD: chrono::TimeDelta = chrono::TimeDelta::days(9);

pub(super) fn router() -> Routes<App> {
    Routes::new()
        .routes(routes!(read_profile))
        .routes(routes!(put_preferences))
        .routes(routes!(mark_favourite, unmark_favourite))
        .routes(routes!(read_recommendations))
        .routes(routes!(make_link, remove_link))
        .routes(routes!(list_members))
        .routes(routes!(put_member))
}

/// A subscription that somebody has.
#[derive(Debug, Serialize, ToSchema)]
struct OwnPlan {
    /// Its id.
    id: String,
    /// For people.
    name: String,
    /// Minutes of this month that it still includes.
    included_minutes_left: i64,
}

/// What the function knows of the caller.
#[derive(Debug, Serialize, ToSchema)]
struct Profile {
    /// What they like.
    preferences: Preferences,
    /// What they have marked.
    favourites: Vec<ResourceId>,
    /// Credits left.
    credits: u32,
    /// Their subscription.
    plan: Option<OwnPlan>,
}

/// What the function knows of the caller.
#[utoipa::path(
    get, path = "/v1/me/bookings-profile", tag = "Personal", security(("login" = [])),
    responses((status = 200, body = Profile), Declined)
)]
async fn read_profile(State(app): State<App>, caller: Caller) -> ApiResult<Json<Profile>> {
    let pool = app.store().database().pool().await?;
    let (preferences, favourites, member) = tokio::try_join!(
        people::preferences(pool, &caller.subject),
        people::favourites(pool, &caller.subject),
        people::member(pool, &caller.subject, app.now())
    )?;
    let plan = match member.plan {
        Some((id, plan)) => {
            // The month of UTC: which site's month counts is known only for a booking.
            let key = people::included_key(&caller.subject, app.now(), Tz::UTC);
            let used = counts::used(&mut *pool.acquire().await?, &key).await?;
            Some(OwnPlan {
                id,
                name: plan.name,
                included_minutes_left: (i64::from(plan.included_minutes) - used).max(0),
            })
        }
        None => None,
    };
    Ok(Json(Profile { preferences, favourites, credits: member.credits, plan }))
}

/// Sets what the caller likes; `recommendations_off` turns recommendations off.
#[utoipa::path(
    put, path = "/v1/me/preferences", tag = "Personal", security(("login" = [])), request_body = Preferences,
    responses((status = 200, body = Preferences), Declined)
)]
async fn put_preferences(
    State(app): State<App>,
    caller: Caller,
    Json(preferences): Json<Preferences>,
) -> ApiResult<Json<Preferences>> {
    people::set_preferences(app.store().database().pool().await?, &caller.subject, &preferences).await?;
    Ok(Json(preferences))
}

async fn mark(app: &App, caller: &Caller, resource: &ResourceId, wanted: bool) -> ApiResult<StatusCode> {
    let known = people::mark(app.store().database().pool().await?, &caller.subject, resource, wanted).await?;
    if known { Ok(StatusCode::NO_CONTENT) } else { Err(Problem::not_found("resource").into()) }
}

/// Marks a favourite.
#[utoipa::path(
    put, path = "/v1/me/favourites/{resource}", tag = "Personal", security(("login" = [])),
    params(("resource" = String, Path, description = "Id of the resource")),
    responses((status = 204, description = "Marked"), Declined)
)]
async fn mark_favourite(State(app): State<App>, caller: Caller, Path(id): Path<ResourceId>) -> ApiResult<StatusCode> {
    mark(&app, &caller, &id, true).await
}

/// Takes the mark off.
#[utoipa::path(
    delete, path = "/v1/me/favourites/{resource}", tag = "Personal", security(("login" = [])),
    params(("resource" = String, Path, description = "Id of the resource")),
    responses((status = 204, description = "No favourite any more"), Declined)
)]
async fn unmark_favourite(State(app): State<App>, caller: Caller, Path(id): Path<ResourceId>) -> ApiResult<StatusCode> {
    mark(&app, &caller, &id, false).await
}

/// Recommendations.
#[derive(Debug, Serialize, ToSchema)]
struct Recommendations {
    /// Best first; none when they are turned off.
    recommendations: Vec<Recommendation>,
}

/// Places and hours from the caller's own history and preferences that can be had, with the reason for each.
#[utoipa::path(
    get, path = "/v1/me/recommendations", tag = "Personal", security(("login" = [])),
    responses((status = 200, body = Recommendations), Declined)
)]
async fn read_recommendations(State(app): State<App>, caller: Caller) -> ApiResult<Json<Recommendations>> {
    let pool = app.store().database().pool().await?;
    let preferences = people::preferences(pool, &caller.subject).await?;
    if preferences.recommendations_off {
        return Ok(Json(Recommendations { recommendations: Vec::new() }));
    }
    let now = app.now();
    let (history, favourites, company) = tokio::try_join!(
        people::history(pool, &caller.subject, now),
        people::favourites(pool, &caller.subject),
        people::company(pool, &caller.subject, now)
    )?;
    let found = recommend(&history, &favourites, &company, now, RECOMMENDATIONS);
    if found.is_empty() {
        return Ok(Json(Recommendations { recommendations: found }));
    }
    // Any place of the same kind may stand in for one that is taken.
    let week = Slot::lasting(now, AHEAD);
    let all = availability::read(pool, &ResourceFilter::default(), week).await?;
    let taken: Vec<_> = all.iter().map(ResourceTimes::taken).collect();
    let places: Vec<_> = all.iter().zip(&taken).map(|(times, busy)| times.candidate(busy)).collect();
    Ok(Json(Recommendations { recommendations: available(found, &places, &preferences, now) }))
}

/// Where the calendar is.
#[derive(Debug, Serialize, ToSchema)]
struct CalendarLink {
    /// Below the API's address. Whoever knows it can read the calendar.
    path: String,
}

/// Makes the secret link of the caller's calendar, or replaces it: an older link ends then. It is told once.
#[utoipa::path(
    post, path = "/v1/me/calendar-link", tag = "Personal", security(("login" = [])),
    responses((status = 201, body = CalendarLink), Declined)
)]
async fn make_link(State(app): State<App>, caller: Caller) -> ApiResult<(StatusCode, Json<CalendarLink>)> {
    let secret = URL_SAFE_NO_PAD.encode(rand::rng().random::<[u8; 24]>());
    people::set_calendar_secret(app.store().database().pool().await?, &caller.subject, Some(&secret)).await?;
    Ok((StatusCode::CREATED, Json(CalendarLink { path: format!("/v1/calendars/{secret}.ics") })))
}

/// Ends the link of the caller's calendar.
#[utoipa::path(
    delete, path = "/v1/me/calendar-link", tag = "Personal", security(("login" = [])),
    responses((status = 204, description = "No link any more"), Declined)
)]
async fn remove_link(State(app): State<App>, caller: Caller) -> ApiResult<StatusCode> {
    people::set_calendar_secret(app.store().database().pool().await?, &caller.subject, None).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// People with a subscription or credits.
#[derive(Debug, Serialize, ToSchema)]
struct MemberList {
    /// By subject.
    members: Vec<Holder>,
}

/// People with a subscription or credits, by the subjects of their logins: no name and no address is kept here. The first 10,000 of them.
#[utoipa::path(
    get, path = "/v1/members", tag = "Overview", security(("login" = [])),
    responses((status = 200, body = MemberList), Declined)
)]
async fn list_members(State(app): State<App>, caller: Caller) -> ApiResult<Json<MemberList>> {
    staff(&caller)?;
    Ok(Json(MemberList { members: people::holders(app.store().database().pool().await?).await? }))
}

/// What somebody has paid before; what is left out stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct MemberInput {
    /// Id of the subscription; null takes it away.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>)]
    plan: Option<Option<String>>,
    /// When the subscription ends; null for without end. It counts for bookings that start before.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<DateTime<Utc>>)]
    plan_until: Option<Option<DateTime<Utc>>>,
    /// Credits.
    credits: Option<u32>,
}

/// A field that is there, even with null.
fn present<'de, D: serde::Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Option<Option<T>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

/// Sets somebody's subscription or credits. Who gets a subscription, or loses it, is told, and reminded of its end.
#[utoipa::path(
    put, path = "/v1/members/{subject}", tag = "Overview", security(("login" = [])), request_body = MemberInput,
    params(("subject" = String, Path, description = "The login's subject")),
    responses((status = 204, description = "Set"), Declined)
)]
async fn put_member(
    State(app): State<App>,
    caller: Caller,
    Path(subject): Path<String>,
    Json(input): Json<MemberInput>,
) -> ApiResult<StatusCode> {
    staff(&caller)?;
    let MemberInput { plan, plan_until: until, credits } = input;
    app.execute(None, &SetMember { subject, plan, until, credits }).await?;
    Ok(StatusCode::NO_CONTENT)
}
