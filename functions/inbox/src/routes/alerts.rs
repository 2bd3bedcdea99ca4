//! Subscriptions to alerts: "tell me when the car park has places".

use axum::extract::State;
use axum::http::StatusCode;
use parvis_kit::auth::{Caller, Network};
use parvis_kit::http::{Json, Path};
use parvis_kit::problem::Problem;
use parvis_kit::routes;
use parvis_kit::routes::Routes;
use parvis_mailroom::Pending;
use parvis_notices::address::Address;
use parvis_notices::person::VISITOR;
use parvis_notices::watch::{ALERTS, Watch, When};
use parvis_notices::{Channel, Person};
use parvis_parking::{PlaceId, ZoneId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::codes::{self, Asker};
use crate::error::{ApiResult, Refusal, invalid};
use crate::once::RequestKey;
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

/// A wish to be told.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct SubscriptionInput {
    /// Which car park.
    #[schema(example = "default")]
    place: String,
    /// Which zone; the whole car park when absent.
    #[serde(default)]
    zone: Option<String>,
    /// When.
    when: WhenName,
    /// How: at the proven addresses of these channels.
    channels: Vec<ChannelName>,
}

/// A visitor's wish to be told.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct VisitorInput {
    /// Which car park.
    #[schema(example = "default")]
    place: String,
    /// Which zone; the whole car park when absent.
    #[serde(default)]
    zone: Option<String>,
    /// When.
    when: WhenName,
    /// `sms` or `email`.
    channel: ChannelName,
    /// Number or mailbox.
    #[schema(example = "ada@example.org")]
    to: String,
    /// Language of texts; the deployment's when absent.
    #[serde(default)]
    language: Option<LanguageName>,
}

/// Of what, and when.
struct Wish<'a> {
    place: &'a str,
    zone: Option<&'a str>,
    when: WhenName,
}

impl Wish<'_> {
    /// What is wished for, if there is such a place.
    async fn watch(
        self,
        id: String,
        person: String,
        channels: Vec<Channel>,
        confirmed: bool,
        app: &App,
    ) -> ApiResult<Watch> {
        let place: Option<PlaceId> = self.place.parse().ok();
        let found = match &place {
            Some(place) => app.places().get(place).await?,
            None => None,
        };
        let record = found.ok_or_else(|| invalid("/place", "there is no such place"))?;
        if let Some(zone) = self.zone {
            let zone: Option<ZoneId> = zone.parse().ok();
            let known = zone.is_some_and(|zone| record.admit(&zone, None).is_ok());
            known.then_some(()).ok_or_else(|| invalid("/zone", "there is no such zone"))?;
        }
        let when = When::from(self.when);
        let filter = when.filter(self.place, self.zone);
        let subject = filter.subjects.into_iter().next().unwrap_or_default();
        let (place, zone) = (self.place.to_owned(), self.zone.map(str::to_owned));
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
    params(("idempotency-key" = Option<String>, Header, description = "New for each wish, repeated with each repetition")),
    request_body = SubscriptionInput,
    responses((status = 201, description = "It counts from now on", body = WatchView), Refusal)
)]
async fn subscribe(
    State(app): State<App>,
    caller: Caller,
    key: RequestKey,
    Json(input): Json<SubscriptionInput>,
) -> ApiResult<(StatusCode, Json<WatchView>)> {
    let made = key.once(&app, &caller.subject, &input, subscribe_login(&app, &caller.subject, &input)).await?;
    Ok((StatusCode::CREATED, Json(made)))
}

async fn subscribe_login(app: &App, subject: &str, input: &SubscriptionInput) -> ApiResult<WatchView> {
    if input.channels.is_empty() {
        return Err(invalid("/channels", "name at least one channel"));
    }
    let channels = input.channels.iter().copied().map(Channel::from).collect();
    room_for_one_more(app, subject).await?;
    let wish = Wish { place: &input.place, zone: input.zone.as_deref(), when: input.when };
    let watch = wish.watch(app.id(), subject.to_owned(), channels, true, app).await?;
    // What a link has silenced is wished for again: the wish counts from now on.
    let mut person = app.store().person(&watch.person).await?;
    if person.preferences.hear_again(ALERTS, &watch.channels) {
        app.store().save_person(&mut person).await?;
    }
    app.store().put_watch(&watch).await?;
    Ok((&watch).into())
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
/// At the address given, once it is confirmed with the code that is sent there. An address gets a code once a minute, five times a day. What
/// is not confirmed is forgotten after a day.
#[utoipa::path(
    post,
    path = "/v1/alert-subscriptions/visitors",
    tag = "Alerts",
    params(("idempotency-key" = Option<String>, Header, description = "New for each wish, repeated with each repetition: no second code")),
    request_body = VisitorInput,
    responses((status = 202, description = "It counts when it is confirmed with the code", body = WatchView), Refusal)
)]
async fn subscribe_visitor(
    State(app): State<App>,
    network: Network,
    key: RequestKey,
    Json(input): Json<VisitorInput>,
) -> ApiResult<(StatusCode, Json<WatchView>)> {
    if input.channel == ChannelName::Push {
        return Err(invalid("/channel", "sms or email"));
    }
    let channel = Channel::from(input.channel);
    let address = Address::new(channel, &input.to)?;
    // A visitor is known by the address alone: the same one is the same visitor.
    let subject = format!("{VISITOR}{}", address.digest());
    let asked = key.once(&app, &subject, &input, send_wish(&app, &network, address, &subject, &input)).await?;
    Ok((StatusCode::ACCEPTED, Json(asked)))
}

/// Keeps a visitor's wish and sends the code that confirms it.
async fn send_wish(
    app: &App,
    network: &Network,
    mut address: Address,
    subject: &str,
    input: &VisitorInput,
) -> ApiResult<WatchView> {
    // Ids of a visitor's subscriptions start with the digest of the address.
    let id = format!("{}.{}", address.digest(), app.id());
    let wish = Wish { place: &input.place, zone: input.zone.as_deref(), when: input.when };
    let watch = wish.watch(id, subject.to_owned(), vec![address.channel], false, app).await?;
    room_for_one_more(app, subject).await?;
    codes::allow(app, &address, Asker::Visitor(network)).await?;
    let (code, language) = (app.code(), input.language.map(Into::into));
    address.send_code(&code, app.now());
    // Nothing of it touches the visitor before it is confirmed: anybody can write anybody's address.
    let pending = Pending { watch, address, language };
    app.store().put_pending(&pending, app.now()).await?;
    let mut reader = Person::new(subject);
    reader.preferences.language = language;
    codes::send(app, &reader, &pending.address, &code).await?;
    Ok((&pending.watch).into())
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
    let pending = app.store().pending(&id).await?.ok_or_else(|| Problem::not_found("subscription"))?;
    let Pending { mut watch, mut address, language } = pending;
    codes::try_of_wish(&app, &id, watch.created_at).await?;
    address.verify(&input.code, app.now())?;
    room_for_one_more(&app, &watch.person).await?;
    // The code holds until all of it is done: what is interrupted can be confirmed again.
    watch.confirmed = true;
    app.store().put_watch(&watch).await?;
    app.store().pardon(&address.to).await?;
    let mut person = app.store().person(&watch.person).await?;
    person.addresses = vec![address];
    person.preferences.language = language.or(person.preferences.language);
    // What an unsubscribe link has silenced is wished for again.
    person.preferences.hear_again(ALERTS, &watch.channels);
    app.store().save_person(&mut person).await?;
    app.store().drop_pending(&id).await?;
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
