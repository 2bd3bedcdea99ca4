//! Invoices to operators, and what was paid of them, for staff.

use axum::extract::State;
use axum::http::StatusCode;
use chrono::NaiveDate;
use parvis_kit::auth::Caller;
use parvis_kit::http::{Json, Path};
use parvis_kit::problem::{FieldError, Problem};
use parvis_kit::routes;
use parvis_kit::routes::Routes;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::books::staff;
use crate::error::{ApiError, ApiResult, Refusal};
use crate::invoices::{InvoiceRow, Payment, SettleError};
use crate::post::PostError;
use crate::state::App;

/// The longest list.
const MOST: i64 = 500;

pub(super) fn router() -> Routes<App> {
    Routes::new().routes(routes!(list_invoices)).routes(routes!(settle_invoice))
}

/// Invoices.
#[derive(Debug, Serialize, ToSchema)]
pub struct InvoiceList {
    /// The latest first, at most 500.
    invoices: Vec<InvoiceRow>,
}

/// The monthly invoices to operators. Their documents are where receipts are.
#[utoipa::path(
    get,
    path = "/v1/parking/invoices",
    tag = "Books",
    security(("login" = [])),
    responses((status = 200, body = InvoiceList), Refusal)
)]
async fn list_invoices(State(app): State<App>, caller: Caller) -> ApiResult<Json<InvoiceList>> {
    staff(&caller)?;
    Ok(Json(InvoiceList { invoices: app.invoices(MOST).await? }))
}

/// Money that came for an invoice.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PaymentInput {
    /// Made by the client, so that a repeated request records it once.
    id: Uuid,
    /// When it came.
    on: NaiveDate,
    /// How much, in cents.
    cents: i64,
}

/// Records that an invoice was paid, all or in part.
#[utoipa::path(
    post,
    path = "/v1/parking/invoices/{number}/payments",
    tag = "Books",
    security(("login" = [])),
    params(("number" = String, Path, description = "Number of the invoice", example = "F-2026-000001")),
    request_body = PaymentInput,
    responses((status = 200, body = InvoiceRow), Refusal)
)]
async fn settle_invoice(
    State(app): State<App>,
    caller: Caller,
    Path(number): Path<String>,
    Json(input): Json<PaymentInput>,
) -> ApiResult<Json<InvoiceRow>> {
    staff(&caller)?;
    if input.cents <= 0 {
        return Err(Problem::invalid(vec![FieldError::new("/cents", "more than nothing")]).into());
    }
    if input.on > app.date(app.now()) {
        return Err(Problem::invalid(vec![FieldError::new("/on", "not in the future")]).into());
    }
    let payment = Payment { id: input.id, on: input.on, cents: input.cents };
    Ok(Json(app.settle(&number, payment).await?))
}

impl From<PostError> for ApiError {
    fn from(error: PostError) -> Self {
        match error {
            PostError::Database(error) => error.into(),
            other => Problem::internal(other).into(),
        }
    }
}

impl From<SettleError> for ApiError {
    fn from(error: SettleError) -> Self {
        match error {
            SettleError::Unknown => Problem::not_found("invoice").into(),
            SettleError::TooMuch { open } => {
                let problem = Problem::new(StatusCode::CONFLICT, "more-than-open", "More than is open of the invoice");
                problem.detail(error.to_string()).member("open", open).into()
            }
            SettleError::OtherPayment => Problem::conflict(error.to_string()).into(),
            SettleError::Post(error) => error.into(),
        }
    }
}
