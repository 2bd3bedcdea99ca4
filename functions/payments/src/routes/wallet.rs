//! A driver's wallet, and putting money into it.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use parvis_kit::auth::{Caller, Role};
use parvis_kit::http::{Json, Path};
use parvis_kit::routes;
use parvis_kit::routes::Routes;
use parvis_money::Money;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::error::{ApiResult, Refusal};
use crate::flow::{HandedOut, Patience, PayWith};
use crate::record::{ByHand, ChargeState, PATIENCE, RefundState, TopUp};
use crate::state::App;
use crate::views::{OpenPayment, RefundView};

pub(super) fn router() -> Routes<App> {
    Routes::new()
        .routes(routes!(read_wallet))
        .routes(routes!(pay_back))
        .routes(routes!(top_up))
        .routes(routes!(settle_top_up))
        .routes(routes!(stop_top_up))
        .routes(routes!(give_by_hand))
}

/// A wallet.
#[derive(Debug, Serialize, ToSchema)]
pub struct WalletView {
    /// What it holds.
    balance: Money,
    /// The least that can be put into it at a time.
    least: Money,
}

/// What goes back to its owner.
#[derive(Debug, Serialize, ToSchema)]
pub struct PaidBackView {
    /// What goes back to the cards.
    paid_back: Money,
    /// What the wallet still holds: money of payments that are older than a year.
    balance: Money,
}

/// Money for a wallet.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TopUpInput {
    /// Made by the client (UUID): the same id puts the money in once.
    id: Uuid,
    /// How much, in cents of the tariffs' currency.
    cents: i64,
    /// How the driver pays: by card.
    #[serde(default)]
    pay: PayWith,
}

/// Where a payment into a wallet is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum TopUpState {
    /// It is under way.
    Pending,
    /// The money is in the wallet.
    Paid,
    /// It will never be paid.
    Failed,
}

/// A payment into a wallet.
#[derive(Debug, Serialize, ToSchema)]
pub struct TopUpView {
    /// Its id at this service; not the client's.
    id: Uuid,
    /// Where it is in its life.
    state: TopUpState,
    /// How much.
    amount: Money,
    /// What the page has to bring to an end.
    #[serde(skip_serializing_if = "Option::is_none")]
    payment: Option<OpenPayment>,
    /// What of it goes back to the card that it came from; what is in the wallet again is not.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    refunds: Vec<RefundView>,
    /// Why it failed, in the provider's code.
    #[serde(skip_serializing_if = "Option::is_none")]
    failure: Option<String>,
    /// When it was asked for.
    created_at: DateTime<Utc>,
}

impl From<TopUp> for TopUpView {
    fn from(top_up: TopUp) -> Self {
        let state = match top_up.state {
            ChargeState::Created | ChargeState::Open => TopUpState::Pending,
            ChargeState::Succeeded => TopUpState::Paid,
            ChargeState::Failed => TopUpState::Failed,
        };
        let payment = top_up.is_under_way().then(|| OpenPayment {
            amount: top_up.amount,
            intent: top_up.intent.clone(),
            client_secret: top_up.client_secret.clone(),
            until: top_up.created_at + PATIENCE,
            pays_until: None,
        });
        let refunds = top_up.refunds.iter().filter(|refund| refund.state != RefundState::GivenUp);
        Self {
            id: top_up.id,
            state,
            amount: top_up.amount,
            payment,
            refunds: refunds.map(RefundView::from).collect(),
            failure: top_up.failure,
            created_at: top_up.created_at,
        }
    }
}

/// 202 as long as the payment is under way.
fn answer(top_up: TopUp, status: StatusCode) -> Response {
    let status = if top_up.is_under_way() { StatusCode::ACCEPTED } else { status };
    (status, Json(TopUpView::from(top_up))).into_response()
}

/// What the caller's wallet holds.
#[utoipa::path(
    get,
    path = "/v1/me/wallet",
    tag = "Personal",
    security(("login" = [])),
    responses((status = 200, body = WalletView), Refusal)
)]
async fn read_wallet(State(app): State<App>, caller: Caller) -> ApiResult<Json<WalletView>> {
    let currency = app.book().await?.tariffs.currency();
    let balance = Money::new(app.store().wallet(&caller.subject).await?, currency);
    Ok(Json(WalletView { balance, least: app.provider().least(currency) }))
}

/// Gives back what the caller's wallet holds, to the cards that it came from, of the newest payments first. It is off the wallet with the
/// answer; banks take some days.
#[utoipa::path(
    post,
    path = "/v1/me/wallet/pay-back",
    tag = "Personal",
    security(("login" = [])),
    responses((status = 200, body = PaidBackView), Refusal)
)]
async fn pay_back(State(app): State<App>, caller: Caller) -> ApiResult<Json<PaidBackView>> {
    let currency = app.book().await?.tariffs.currency();
    let paid_back = Money::new(app.pay_back(&caller.subject).await?, currency);
    let balance = Money::new(app.store().wallet(&caller.subject).await?, currency);
    Ok(Json(PaidBackView { paid_back, balance }))
}

/// Puts money into the caller's wallet. Paid at once when `pay` names a payment method; otherwise `payment` says how the page brings
/// the payment to an end, and `settle` looks at it.
#[utoipa::path(
    post,
    path = "/v1/me/wallet/top-ups",
    tag = "Personal",
    security(("login" = [])),
    request_body = TopUpInput,
    responses((status = 201, body = TopUpView), (status = 202, body = TopUpView), Refusal)
)]
async fn top_up(State(app): State<App>, caller: Caller, Json(input): Json<TopUpInput>) -> ApiResult<Response> {
    let amount = Money::new(input.cents, app.book().await?.tariffs.currency());
    Ok(answer(app.top_up(&caller.subject, input.id, amount, &input.pay).await?, StatusCode::CREATED))
}

/// Looks at the provider how a payment into the wallet stands, after the page has confirmed it there.
#[utoipa::path(
    post,
    path = "/v1/me/wallet/top-ups/{id}/settle",
    tag = "Personal",
    security(("login" = [])),
    params(("id" = Uuid, Path, description = "Id of the payment")),
    responses((status = 200, body = TopUpView), (status = 202, body = TopUpView), Refusal)
)]
async fn settle_top_up(State(app): State<App>, caller: Caller, Path(id): Path<Uuid>) -> ApiResult<Response> {
    let known = app.own_top_up(&caller.subject, id).await?;
    Ok(answer(app.bring_top_up_forward(known, Patience::Wait).await?, StatusCode::OK))
}

/// Gives a payment into the wallet up that is not paid yet. One that was paid just before is paid.
#[utoipa::path(
    post,
    path = "/v1/me/wallet/top-ups/{id}/stop",
    tag = "Personal",
    security(("login" = [])),
    params(("id" = Uuid, Path, description = "Id of the payment")),
    responses((status = 200, body = TopUpView), Refusal)
)]
async fn stop_top_up(State(app): State<App>, caller: Caller, Path(id): Path<Uuid>) -> ApiResult<Response> {
    let known = app.own_top_up(&caller.subject, id).await?;
    Ok(answer(app.bring_top_up_forward(known, Patience::GiveUp).await?, StatusCode::OK))
}

/// Money of a wallet that was given back by hand.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ByHandInput {
    /// Made by the client (UUID): the same id takes it off once.
    id: Uuid,
    /// Whose wallet: the subject of the login.
    owner: String,
    /// How much, in cents of the tariffs' currency.
    cents: i64,
    /// Why, and how: one line, without names.
    #[schema(example = "Carte expirée, virement SEPA 2026-118")]
    reason: String,
}

/// What was given back by hand.
#[derive(Debug, Serialize, ToSchema)]
pub struct ByHandView {
    /// Its id at this service, under which the books have it; not the client's.
    id: Uuid,
    /// How much.
    amount: Money,
    /// Why, and how.
    reason: String,
    /// When it was taken off the wallet.
    at: DateTime<Utc>,
}

impl From<ByHand> for ByHandView {
    fn from(ByHand { id, amount, reason, at, .. }: ByHand) -> Self {
        Self { id, amount, reason, at }
    }
}

/// Takes money off a wallet that was given back to its owner by hand, such as by a transfer: for what no card takes back any more, as of
/// payments that are older than a year. The books have it against the bank account, and who has done it and why is kept.
#[utoipa::path(
    post,
    path = "/v1/parking/wallet-payments",
    tag = "Wallets",
    security(("login" = [])),
    request_body = ByHandInput,
    responses((status = 200, body = ByHandView), Refusal)
)]
async fn give_by_hand(
    State(app): State<App>,
    caller: Caller,
    Json(input): Json<ByHandInput>,
) -> ApiResult<Json<ByHandView>> {
    caller.require(&[Role::Admin])?;
    let amount = Money::new(input.cents, app.book().await?.tariffs.currency());
    let ByHandInput { id, owner, reason, .. } = input;
    let told = HandedOut { id, owner, amount, reason, by: caller.subject };
    Ok(Json(app.give_by_hand(told).await?.into()))
}
