//! Subscriptions to alerts: "tell me when the car park has places".

use axum::extract::State;
use axum::http::StatusCode;
use parvis_kit::auth::Caller;
use parvis_kit::http::{Json, Path};
use parvis_kit::problem::Problem;
use parvis_kit::routes;
use parvis_kit::routes::Routes;
use parvis_notices::address::Address;
use parvis_notices::limits::Charge;
use parvis_notices::person::VISITOR;
use parvis_notices::watch::{ALERTS, Watch, When};
use parvis_notices::{Channel, Person};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::send_code;
use crate::error::{ApiResult, Refusal, invalid};
use crate::state::App;
use crate::views::{ChannelName, LanguageName, WatchView, WhenName};

pub(super) fn router() -> Routes<App> {
    Routes::new()
        .routes(routes!(list_subscriptions, subscribe))
        .routes(routes!(subscribe_visitor))
        .routes(routes!(confirm))
        .routes(routes!(end_subscription))
}

/// Subscriptions of one person.
const MOST_WATCHES: usize = 50;
/// Codes a day for one visitor's address, and for all visitors: an open route must not send without bound.
const CODES_PER_VISITOR: u32 = 5;
const CODES_OF_ALL: u32 = 500;

/// Subscriptions to alerts.
#[derive(Debug, Serialize, ToSchema)]
struct Subscriptions {
    /// Oldest first.
    subscriptions: Vec<WatchView>,
}

/// My subscriptions to alerts
#[utoipa::path(
    get,
    path = "/v1/alert-subscriptions",
    tag = "Alerts",
    security(("login" = [])),
    responses((status = 200, description = "My subscriptions", body = Subscriptions), Refusal)
)]
async fn list_subscriptions(State(app): State<App>, caller: Caller) -> ApiResult<Json<Subscriptions>> {
    let watches = app.store().watches_of(&caller.subject).await?;
    Ok(Json(Subscriptions { subscriptions: watches.iter().map(Into::into).collect() }))
}

/// Of what, and when.
#[derive(Debug, Deserialize, ToSchema)]
struct Wish {
    /// Which car park.
    #[schema(example = "default")]
    place: String,
    /// Which zone; the whole car park when absent.
    #[serde(default)]
    zone: Option<String>,
    /// When.
    when: WhenName,
}

/// A wish to be told.
#[derive(Debug, Deserialize, ToSchema)]
struct SubscriptionInput {
    /// Of what, and when.
    #[serde(flatten)]
    wish: Wish,
    /// How: at the proven addresses of these channels.
    channels: Vec<ChannelName>,
}

/// A visitor's wish to be told.
#[derive(Debug, Deserialize, ToSchema)]
struct VisitorInput {
    /// Of what, and when.
    #[serde(flatten)]
    wish: Wish,
    /// `sms` or `email`.
    channel: ChannelName,
    /// Number or mailbox.
    #[schema(example = "ada@example.org")]
    to: String,
    /// Language of texts; the deployment's when absent.
    #[serde(default)]
    language: Option<LanguageName>,
}

/// An id as registers of places have them.
fn checked(field: &str, id: &str) -> ApiResult<()> {
    let fits = |c: char| c.is_ascii_alphanumeric() || "_.-".contains(c);
    let good = (1..=64).contains(&id.len()) && id.chars().all(fits);
    if good { Ok(()) } else { Err(invalid(field, "this is no id")) }
}

impl Wish {
    fn watch(
        &self,
        id: String,
        person: String,
        channels: Vec<Channel>,
        confirmed: bool,
        app: &App,
    ) -> ApiResult<Watch> {
        checked("/place", &self.place)?;
        self.zone.as_deref().map_or(Ok(()), |zone| checked("/zone", zone))?;
        let when = When::from(self.when);
        let filter = when.filter(&self.place, self.zone.as_deref());
        let subject = filter.subjects.into_iter().next().unwrap_or_default();
        let (place, zone) = (self.place.clone(), self.zone.clone());
        Ok(Watch { id, person, subject, place, zone, when, channels, confirmed, created_at: app.now() })
    }
}

/// Be told of a car park or zone
///
/// By the channels named, at one's proven addresses.
#[utoipa::path(
    post,
    path = "/v1/alert-subscriptions",
    tag = "Alerts",
    security(("login" = [])),
    request_body = SubscriptionInput,
    responses((status = 201, description = "It counts from now on", body = WatchView), Refusal)
)]
async fn subscribe(
    State(app): State<App>,
    caller: Caller,
    Json(input): Json<SubscriptionInput>,
) -> ApiResult<(StatusCode, Json<WatchView>)> {
    if input.channels.is_empty() {
        return Err(invalid("/channels", "name at least one channel"));
    }
    let channels = input.channels.iter().copied().map(Channel::from).collect();
    room_for_one_more(&app, &caller.subject).await?;
    let watch = input.wish.watch(app.id(), caller.subject, channels, true, &app)?;
    // What a link has silenced is wished for again: the wish counts from now on.
    let mut person = app.store().person(&watch.person).await?;
    if person.preferences.hear_again(ALERTS, &watch.channels) {
        app.store().save_person(&mut person).await?;
    }
    app.store().put_watch(&watch).await?;
    Ok((StatusCode::CREATED, Json((&watch).into())))
}

async fn room_for_one_more(app: &App, person: &str) -> ApiResult<()> {
    let watches = app.store().watches_of(person).await?;
    if watches.len() >= MOST_WATCHES {
        return Err(Problem::conflict(format!("At most {MOST_WATCHES} subscriptions; end one first.")).into());
    }
    Ok(())
}

/// Be told of a car park or zone, without a login
///
/// At the address given, once it is confirmed with the code that is sent there. An address gets a code once a minute, five times a day.
#[utoipa::path(
    post,
    path = "/v1/alert-subscriptions/visitors",
    tag = "Alerts",
    request_body = VisitorInput,
    responses((status = 202, description = "It counts when it is confirmed with the code", body = WatchView), Refusal)
)]
async fn subscribe_visitor(
    State(app): State<App>,
    Json(input): Json<VisitorInput>,
) -> ApiResult<(StatusCode, Json<WatchView>)> {
    if input.channel == ChannelName::Push {
        return Err(invalid("/channel", "sms or email"));
    }
    let channel = Channel::from(input.channel);
    let mut address = Address::new(channel, &input.to)?;
    // A visitor is known by the address alone: the same one is the same visitor. Ids of their subscriptions start with its digest.
    let subject = format!("{VISITOR}{}", address.digest());
    let id = format!("{}.{}", address.digest(), app.id());
    let watch = input.wish.watch(id, subject.clone(), vec![channel], false, &app)?;
    room_for_one_more(&app, &subject).await?;
    let mut person = app.store().person(&subject).await?;
    let known = person.addresses.pop();
    let now = app.now();
    if known.as_ref().is_some_and(|known| !known.may_be_sent_a_code(now)) {
        return Err(invalid("/to", "a code was sent a moment ago; wait a minute"));
    }
    count_code(&app, &subject).await?;
    let code = app.code();
    address.verified_at = known.and_then(|known| known.verified_at);
    address.send_code(&code, now);
    person.addresses = vec![address.clone()];
    person.preferences.language = input.language.map(Into::into).or(person.preferences.language);
    app.store().save_person(&mut person).await?;
    app.store().put_watch(&watch).await?;
    send_code(&app, &person, &address, &code).await?;
    Ok((StatusCode::ACCEPTED, Json((&watch).into())))
}

async fn count_code(app: &App, visitor: &str) -> ApiResult<()> {
    let limits = [(format!("codes {visitor}"), CODES_PER_VISITOR), ("codes of visitors".to_owned(), CODES_OF_ALL)];
    for (counter, most) in limits {
        if !app.store().spend(&Charge { counter, amount: 1, most }, app.now()).await? {
            let title = "Too many codes were sent today";
            return Err(Problem::new(StatusCode::TOO_MANY_REQUESTS, "too-many-codes", title).into());
        }
    }
    Ok(())
}

/// The code that was sent.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ConfirmInput {
    /// Six digits.
    #[schema(example = "123456")]
    code: String,
}

/// Confirm a subscription with the code that was sent
#[utoipa::path(
    post,
    path = "/v1/alert-subscriptions/{id}/confirm",
    tag = "Alerts",
    params(("id" = String, Path, description = "The subscription")),
    request_body = ConfirmInput,
    responses((status = 200, description = "It counts from now on", body = WatchView), Refusal)
)]
async fn confirm(
    State(app): State<App>,
    Path(id): Path<String>,
    Json(input): Json<ConfirmInput>,
) -> ApiResult<Json<WatchView>> {
    let (visitor, _) = id.split_once('.').ok_or_else(|| Problem::not_found("subscription"))?;
    let mut person: Person = app.store().person(&format!("{VISITOR}{visitor}")).await?;
    let watches = app.store().watches_of(&person.subject).await?;
    let mut watch =
        watches.into_iter().find(|watch| watch.id == id).ok_or_else(|| Problem::not_found("subscription"))?;
    let address = person.addresses.first_mut().ok_or_else(|| Problem::not_found("subscription"))?;
    let (to, verified) = (address.to.clone(), address.verify(&input.code, app.now()));
    app.store().save_person(&mut person).await?;
    verified?;
    app.store().pardon(&to).await?;
    // What an unsubscribe link has silenced is wished for again.
    person.preferences.hear_again(ALERTS, &watch.channels);
    app.store().save_person(&mut person).await?;
    watch.confirmed = true;
    app.store().put_watch(&watch).await?;
    Ok(Json((&watch).into()))
}

/// End a subscription
#[utoipa::path(
    delete,
    path = "/v1/alert-subscriptions/{id}",
    tag = "Alerts",
    security(("login" = [])),
    params(("id" = String, Path, description = "The subscription")),
    responses((status = 204, description = "It is ended"), Refusal)
)]
async fn end_subscription(State(app): State<App>, caller: Caller, Path(id): Path<String>) -> ApiResult<StatusCode> {
    let watches = app.store().watches_of(&caller.subject).await?;
    let watch = watches.iter().find(|watch| watch.id == id).ok_or_else(|| Problem::not_found("subscription"))?;
    app.store().drop_watch(watch).await?;
    Ok(StatusCode::NO_CONTENT)
}
