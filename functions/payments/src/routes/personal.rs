//! A person's own data: all of it by one call, and its erasure by another.

use axum::extract::State;
use axum::http::StatusCode;
use chrono::{DateTime, Utc};
use parvis_kit::auth::Caller;
use parvis_kit::http::Json;
use parvis_kit::problem::Problem;
use parvis_kit::routes;
use parvis_kit::routes::Routes;
use parvis_ledger_rules::{KeptMovement, ParkingMovementKind, Payer, WalletMovementKind};
use parvis_money::{Money, MoneyError};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::bookings::BookingPlate;
use super::wallet::TopUpView;
use crate::error::{ApiResult, Refusal};
use crate::record::Source;
use crate::state::App;
use crate::views::SessionView;

pub(super) fn router() -> Routes<App> {
    Routes::new().routes(routes!(export_data, erase_data))
}

/// What is known of a person's parking; receipts are told by `/v1/parking/receipts`.
#[derive(Debug, Serialize, ToSchema)]
pub struct PersonalData {
    /// The person, as the issuer names it.
    subject: String,
    /// What the wallet holds, in cents.
    wallet_cents: i64,
    /// The payments into the wallet, with what went back of each.
    top_ups: Vec<TopUpView>,
    /// What went into the wallet and out of it, the oldest first.
    wallet_movements: Vec<WalletMovementView>,
    /// The sessions, the latest first.
    sessions: Vec<SessionView>,
    /// The bookings of parking spaces.
    bookings: Vec<BookingPlate>,
}

/// Why money went into a wallet or out of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum WalletReason {
    /// It was paid in.
    TopUp,
    /// It went back to the card.
    PaidBack,
    /// The bank has returned what went back.
    Returned,
    /// It was given back by hand.
    ByHand,
    /// Parking was paid.
    Parking,
    /// Parking was given back.
    ParkingRefund,
}

/// Money that went into a wallet or out of it.
#[derive(Debug, Serialize, ToSchema)]
pub struct WalletMovementView {
    /// When.
    at: DateTime<Utc>,
    /// Why.
    reason: WalletReason,
    /// How much; below zero when it went out.
    amount: Money,
    /// The session or the payment that it is of.
    of: Uuid,
}

impl WalletMovementView {
    /// A movement of a session or payment; `None` when it does not touch the wallet.
    fn new(of: Uuid, movement: &KeptMovement) -> Result<Option<Self>, MoneyError> {
        let (reason, amount, goes_in) = match movement {
            KeptMovement::Wallet(moved) => match moved.kind {
                WalletMovementKind::TopUp => (WalletReason::TopUp, moved.amount, true),
                WalletMovementKind::PayBack => (WalletReason::PaidBack, moved.amount, false),
                WalletMovementKind::Returned => (WalletReason::Returned, moved.amount, true),
                WalletMovementKind::ByHand => (WalletReason::ByHand, moved.amount, false),
            },
            KeptMovement::Parking(moved) if !matches!(moved.payer, Payer::Wallet { .. }) => return Ok(None),
            KeptMovement::Parking(moved) => match moved.kind {
                ParkingMovementKind::Sale => (WalletReason::Parking, moved.gross, false),
                ParkingMovementKind::Refund { .. } => (WalletReason::ParkingRefund, moved.gross, true),
            },
        };
        let amount = if goes_in { amount } else { amount.checked_neg()? };
        Ok(Some(Self { at: movement.at(), reason, amount, of }))
    }
}

/// What went into a wallet and out of it, by these sessions and payments.
async fn wallet_movements(app: &App, of: impl Iterator<Item = Uuid>) -> ApiResult<Vec<WalletMovementView>> {
    let mut told = Vec::new();
    for id in of {
        for movement in app.store().movements_of(id).await? {
            told.extend(WalletMovementView::new(id, &movement).map_err(Problem::internal)?);
        }
    }
    told.sort_by_key(|movement| movement.at);
    Ok(told)
}

/// The caller's sessions, booked spaces, and wallet with all that went through it. Receipts are told by `/v1/parking/receipts`.
#[utoipa::path(
    get,
    path = "/v1/me/parking-data",
    tag = "Personal",
    security(("login" = [])),
    responses((status = 200, body = PersonalData), Refusal)
)]
async fn export_data(State(app): State<App>, caller: Caller) -> ApiResult<Json<PersonalData>> {
    let (mut sessions, mut moved) = (Vec::new(), Vec::new());
    for record in app.all_sessions_of(&caller.subject).await? {
        if record.charges.iter().any(|charge| matches!(charge.source, Source::Wallet { .. })) {
            moved.push(record.session.id);
        }
        let plate = app.plates().of(record.session.id, app.now()).await?;
        sessions.push(SessionView::new(&record, plate.map(|plate| plate.reveal().to_owned()), app.now()));
    }
    let wallet_cents = app.store().wallet(&caller.subject).await?;
    let top_ups = app.store().top_ups_of(&caller.subject, DateTime::UNIX_EPOCH).await?;
    let by_hand = app.store().by_hand_of(&caller.subject).await?;
    moved.extend(top_ups.iter().map(|top_up| top_up.id).chain(by_hand.iter().map(|given| given.id)));
    let wallet_movements = wallet_movements(&app, moved.into_iter()).await?;
    let top_ups = top_ups.into_iter().map(TopUpView::from).collect();
    let bookings = app.store().bookings_of(&caller.subject).await?;
    let bookings = bookings.into_iter().map(|(booking, _)| BookingPlate::new(booking, app.now())).collect();
    Ok(Json(PersonalData { subject: caller.subject, wallet_cents, top_ups, wallet_movements, sessions, bookings }))
}

/// Erases what ties the caller to sessions that are over: the plates in clear, and the caller's subject on sessions, payments and
/// movements; bookings of parking spaces lose their plates and are forgotten. What the law has the books keep stays there: receipts,
/// under the subject.
#[utoipa::path(
    delete,
    path = "/v1/me/parking-data",
    tag = "Personal",
    security(("login" = [])),
    responses((status = 204, description = "Erased"), Refusal)
)]
async fn erase_data(State(app): State<App>, caller: Caller) -> ApiResult<StatusCode> {
    app.erase(&caller.subject).await?;
    Ok(StatusCode::NO_CONTENT)
}
