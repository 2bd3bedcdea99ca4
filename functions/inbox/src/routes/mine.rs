//! One's own notifications, preferences and addresses.

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Redirect};
use parvis_kit::auth::Caller;
use parvis_kit::http::{Json, Path, Query, expected_version, version_etag};
use parvis_kit::problem::Problem;
use parvis_kit::routes;
use parvis_kit::routes::Routes;
use parvis_notices::address::{Address, masked};
use parvis_notices::token::Unsubscribe;
use parvis_notices::{Channel, Person};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::page_size;
use crate::codes::{self, Asker};
use crate::error::{ApiResult, Refusal, invalid};
use crate::state::App;
use crate::views::{AddressView, ChannelName, NoteView, PreferencesInput, PreferencesView};

pub(super) fn router() -> Routes<App> {
    Routes::new()
        .routes(routes!(list_notifications))
        .routes(routes!(read_preferences, put_preferences))
        .routes(routes!(add_address))
        .routes(routes!(verify_address))
        .routes(routes!(remove_address))
        .routes(routes!(unsubscribe))
        .routes(routes!(unsubscribe_at_once, open_unsubscribe))
        .routes(routes!(read_unsubscribe))
}

/// Addresses of one person.
const MOST_ADDRESSES: usize = 10;

/// Which page.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct PageParams {
    /// `next` of the page before.
    before: Option<String>,
    /// How many, 1 to 100.
    #[param(minimum = 1, maximum = 100, default = 30)]
    limit: Option<u16>,
}

/// A page of notifications.
#[derive(Debug, Serialize, ToSchema)]
struct Notifications {
    /// Newest first.
    notifications: Vec<NoteView>,
    /// For `before` of the next page.
    next: Option<String>,
}

/// My notifications
///
/// Everything that was told, whatever the channels, for 90 days.
#[utoipa::path(
    get,
    path = "/v1/me/notifications",
    tag = "Mine",
    security(("login" = [])),
    params(PageParams),
    responses((status = 200, description = "The newest", body = Notifications), Refusal)
)]
async fn list_notifications(
    State(app): State<App>,
    caller: Caller,
    Query(params): Query<PageParams>,
) -> ApiResult<Json<Notifications>> {
    let limit = page_size(params.limit)?;
    let page = app.store().notes(&caller.subject, params.before.as_deref(), i32::from(limit)).await?;
    Ok(Json(Notifications { notifications: page.items.into_iter().map(Into::into).collect(), next: page.next }))
}

/// What a person sees of themselves.
pub(super) async fn preferences(app: &App, person: &Person) -> ApiResult<PreferencesView> {
    let mut addresses = Vec::with_capacity(person.addresses.len());
    for address in &person.addresses {
        addresses.push(AddressView::of(address, app.store().suppression(&address.to, app.now()).await?));
    }
    Ok(PreferencesView::of(person, addresses, app.writer().catalog.categories()))
}

async fn view(app: &App, person: &Person) -> ApiResult<impl IntoResponse + use<>> {
    let view = preferences(app, person).await?;
    Ok(([(header::ETAG, version_etag(person.version))], Json(view)))
}

/// How and where I am told
#[utoipa::path(
    get,
    path = "/v1/me/notification-preferences",
    tag = "Mine",
    security(("login" = [])),
    responses((status = 200, description = "Preferences and addresses", body = PreferencesView), Refusal)
)]
async fn read_preferences(State(app): State<App>, caller: Caller) -> ApiResult<impl IntoResponse> {
    let person = app.store().person(&caller.subject).await?;
    view(&app, &person).await
}

/// Say how I want to be told
///
/// Addresses have routes of their own. With `If-Match` only if nobody has changed them since.
#[utoipa::path(
    put,
    path = "/v1/me/notification-preferences",
    tag = "Mine",
    security(("login" = [])),
    request_body = PreferencesInput,
    responses((status = 200, description = "As they are now", body = PreferencesView), Refusal)
)]
async fn put_preferences(
    State(app): State<App>,
    caller: Caller,
    headers: HeaderMap,
    Json(input): Json<PreferencesInput>,
) -> ApiResult<impl IntoResponse> {
    let mut person = app.store().person(&caller.subject).await?;
    if !expected_version(&headers).admits(Some(person.version).filter(|version| *version > 0)) {
        return Err(Problem::precondition_failed().into());
    }
    let subjects = app.writer().catalog.categories();
    for (field, named) in [("/channels", &input.channels), ("/silenced", &input.silenced)] {
        if let Some(unknown) = named.keys().find(|name| !subjects.contains(&name.as_str())) {
            return Err(invalid(field, format!("there is no subject {unknown}; there are {}", subjects.join(", "))));
        }
    }
    person.preferences = input.read().map_err(|(field, message)| invalid(field, message))?;
    app.store().save_person(&mut person).await?;
    view(&app, &person).await
}

/// Whether somebody may have one more address.
pub(super) fn room_for_an_address(person: &Person) -> ApiResult<()> {
    if person.addresses.len() < MOST_ADDRESSES {
        return Ok(());
    }
    Err(Problem::conflict(format!("At most {MOST_ADDRESSES} addresses and devices; remove one first.")).into())
}

/// An address.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct AddressInput {
    /// How.
    channel: ChannelName,
    /// Number or mailbox. Devices are registered at `/v1/me/devices`.
    #[schema(example = "+33612345678")]
    to: String,
}

/// Add an address
///
/// A code is sent there; nothing else is until it is given. Asking again sends a new code, once a minute and five times a day; so it does for
/// an address that is proven but where nobody was found, once a day.
#[utoipa::path(
    post,
    path = "/v1/me/notification-preferences/addresses",
    tag = "Mine",
    security(("login" = [])),
    request_body = AddressInput,
    responses((status = 202, description = "A code is on its way", body = PreferencesView), Refusal)
)]
async fn add_address(
    State(app): State<App>,
    caller: Caller,
    Json(input): Json<AddressInput>,
) -> ApiResult<impl IntoResponse> {
    let mut person = app.store().person(&caller.subject).await?;
    if input.channel == ChannelName::Push {
        return Err(invalid("/channel", "the app of a device registers it at /v1/me/devices"));
    }
    let wanted = Address::new(input.channel.into(), &input.to)?;
    let (code, now) = (app.code(), app.now());
    let left_alone = app.store().suppression(&wanted.to, now).await?.is_some();
    let same = |address: &Address| address.channel == wanted.channel && address.to == wanted.to;
    let place = person.addresses.iter().position(same);
    if place.is_none() {
        room_for_an_address(&person)?;
    }
    let mut address = place.map_or(wanted, |place| person.addresses.swap_remove(place));
    if address.verified_at.is_some() && !left_alone {
        return Err(invalid("/to", "this address is proven already"));
    }
    codes::allow(&app, &address, Asker::Login(&caller.subject)).await?;
    address.send_code(&code, now);
    person.addresses.push(address.clone());
    app.store().save_person(&mut person).await?;
    codes::send(&app, &person, &address, &code).await?;
    Ok((StatusCode::ACCEPTED, view(&app, &person).await?))
}

/// The code of an address.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct CodeInput {
    /// How.
    channel: ChannelName,
    /// The address.
    to: String,
    /// Six digits.
    #[schema(example = "123456")]
    code: String,
}

/// Prove an address
#[utoipa::path(
    post,
    path = "/v1/me/notification-preferences/addresses/verify",
    tag = "Mine",
    security(("login" = [])),
    request_body = CodeInput,
    responses((status = 200, description = "It is proven", body = PreferencesView), Refusal)
)]
async fn verify_address(
    State(app): State<App>,
    caller: Caller,
    Json(input): Json<CodeInput>,
) -> ApiResult<impl IntoResponse> {
    let mut person = app.store().person(&caller.subject).await?;
    let channel = Channel::from(input.channel);
    let wanted = Address::new(channel, &input.to)?;
    let found = person.addresses.iter_mut().find(|one| one.channel == channel && one.to == wanted.to);
    let address = found.ok_or_else(|| Problem::not_found("address"))?;
    codes::try_of_login(&app, &caller.subject).await?;
    let verified = address.verify(&input.code, app.now());
    if verified.is_ok() {
        // Before the code is used up: what is interrupted between can be done again.
        app.store().pardon(&wanted.to).await?;
    }
    // Tries that failed are stored as well.
    app.store().save_person(&mut person).await?;
    verified?;
    view(&app, &person).await
}

/// Remove an address
#[utoipa::path(
    delete,
    path = "/v1/me/notification-preferences/addresses/{channel}/{to}",
    tag = "Mine",
    security(("login" = [])),
    params(("channel" = ChannelName, Path, description = "How"), ("to" = String, Path, description = "The address")),
    responses((status = 200, description = "What is left", body = PreferencesView), Refusal)
)]
async fn remove_address(
    State(app): State<App>,
    caller: Caller,
    Path((channel, to)): Path<(ChannelName, String)>,
) -> ApiResult<impl IntoResponse> {
    let mut person = app.store().person(&caller.subject).await?;
    let before = person.addresses.len();
    if channel == ChannelName::Push {
        return Err(invalid("channel", "devices are removed at /v1/me/devices"));
    }
    person.addresses.retain(|address| address.channel != Channel::from(channel) || address.to != to);
    if person.addresses.len() == before {
        return Err(Problem::not_found("address").into());
    }
    app.store().save_person(&mut person).await?;
    view(&app, &person).await
}

/// The token of a link.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct TokenInput {
    /// As it stands in the link.
    token: String,
}

/// What one is no longer written to about.
#[derive(Debug, Serialize, ToSchema)]
struct Unsubscribed {
    /// The subject of preferences.
    subject_name: String,
    /// The channel that is silent now.
    channel: ChannelName,
}

/// Get no more of these messages
///
/// With the link of a message, without a login. Preferences bring them back; the subscriptions of a visitor end.
#[utoipa::path(
    post,
    path = "/v1/unsubscribe",
    tag = "Mine",
    request_body = TokenInput,
    responses((status = 200, description = "No more of them", body = Unsubscribed), Refusal)
)]
async fn unsubscribe(State(app): State<App>, Json(input): Json<TokenInput>) -> ApiResult<Json<Unsubscribed>> {
    Ok(Json(end(&app, &input.token).await?))
}

fn read_token(app: &App, token: &str) -> ApiResult<Unsubscribe> {
    app.writer().house.links.read(token).ok_or_else(|| invalid("/token", "this link is not one of ours"))
}

/// What a link would end.
#[derive(Debug, Serialize, ToSchema)]
struct Ending {
    /// The subject of preferences.
    subject_name: String,
    /// The channel that would be silent.
    channel: ChannelName,
    /// Whether it is a visitor's: then the subscriptions end, and nothing brings them back.
    visitor: bool,
    /// Enough of the address to recognise it; absent where there is none or there are several.
    to: Option<String>,
}

/// What the link of a message would end
///
/// For the page that asks before it ends anything; asking ends nothing.
#[utoipa::path(
    get,
    path = "/v1/unsubscribe/{token}/about",
    tag = "Mine",
    params(("token" = String, Path, description = "As it stands in the link")),
    responses((status = 200, description = "What it would end", body = Ending), Refusal)
)]
async fn read_unsubscribe(State(app): State<App>, Path(token): Path<String>) -> ApiResult<Json<Ending>> {
    let what = read_token(&app, &token)?;
    let person = app.store().person(&what.person).await?;
    let proven: Vec<&Address> =
        person.addresses.iter().filter(|one| one.channel == what.channel && one.verified_at.is_some()).collect();
    let to = if let [only] = proven.as_slice() { Some(masked(&only.to)) } else { None };
    let visitor = person.is_visitor();
    Ok(Json(Ending { subject_name: what.category, channel: what.channel.into(), visitor, to }))
}

/// Silences what a token stands for. A visitor has no page where it could be brought back, and nothing but subscriptions to alerts:
/// these end.
async fn end(app: &App, token: &str) -> ApiResult<Unsubscribed> {
    let what = read_token(app, token)?;
    let mut person = app.store().person(&what.person).await?;
    person.preferences.silence(&what.category, what.channel);
    app.store().save_person(&mut person).await?;
    if person.is_visitor() {
        for watch in app.store().watches_of(&person.subject).await? {
            app.store().drop_watch(&watch).await?;
        }
    }
    Ok(Unsubscribed { subject_name: what.category, channel: what.channel.into() })
}

/// Get no more of these messages, said by the reader's program
///
/// The address in `List-Unsubscribe` (RFC 8058). The form that comes with it says nothing that the token does not.
#[utoipa::path(
    post,
    path = "/v1/unsubscribe/{token}",
    tag = "Mine",
    params(("token" = String, Path, description = "As it stands in the link")),
    responses((status = 200, description = "No more of them", body = Unsubscribed), Refusal)
)]
async fn unsubscribe_at_once(State(app): State<App>, Path(token): Path<String>) -> ApiResult<Json<Unsubscribed>> {
    Ok(Json(end(&app, &token).await?))
}

/// The page that asks before it ends anything
///
/// For programs that open the address of `List-Unsubscribe` instead of posting to it: reading a link must not end anything.
#[utoipa::path(
    get,
    path = "/v1/unsubscribe/{token}",
    tag = "Mine",
    params(("token" = String, Path, description = "As it stands in the link")),
    responses((status = 303, description = "The page"), Refusal)
)]
async fn open_unsubscribe(State(app): State<App>, Path(token): Path<String>) -> ApiResult<Redirect> {
    let page = app.writer().unsubscribe_page(&token).ok_or_else(|| Problem::not_found("page"))?;
    Ok(Redirect::to(&page))
}
