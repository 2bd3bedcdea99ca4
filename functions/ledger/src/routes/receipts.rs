//! A driver's receipts and credit notes.

use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use parvis_documents::{Sheet, html, pdf};
use parvis_kit::auth::{Caller, Role};
use parvis_kit::http::{Json, Path, Query};
use parvis_kit::problem::Problem;
use parvis_kit::routes;
use parvis_kit::routes::Routes;
use parvis_ledger_rules::Document;
use parvis_money::Language;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::error::{ApiResult, Refusal};
use crate::read::{self, ReceiptRow};
use crate::state::App;

/// The longest list.
const MOST: i64 = 500;

pub(super) fn router() -> Routes<App> {
    Routes::new()
        .routes(routes!(list_receipts))
        .routes(routes!(read_receipt))
        .routes(routes!(read_pdf))
        .routes(routes!(read_html))
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct ListParams {
    /// Only those of this session.
    session: Option<Uuid>,
}

/// A driver's documents.
#[derive(Debug, Serialize, ToSchema)]
pub struct ReceiptList {
    /// The latest first.
    receipts: Vec<ReceiptRow>,
}

#[derive(Debug, Default, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum Lang {
    #[default]
    Fr,
    En,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct DocumentParams {
    /// `fr` (default) or `en`.
    #[serde(default)]
    lang: Lang,
}

impl DocumentParams {
    fn language(&self) -> Language {
        match self.lang {
            Lang::Fr => Language::Fr,
            Lang::En => Language::En,
        }
    }
}

/// The caller's receipts and credit notes.
#[utoipa::path(
    get,
    path = "/v1/parking/receipts",
    tag = "Receipts",
    security(("login" = [])),
    params(ListParams),
    responses((status = 200, body = ReceiptList), Refusal)
)]
async fn list_receipts(
    State(app): State<App>,
    caller: Caller,
    Query(params): Query<ListParams>,
) -> ApiResult<Json<ReceiptList>> {
    let pool = app.database().pool().await?;
    let receipts = read::receipts(pool, &caller.subject, params.session, MOST).await?;
    Ok(Json(ReceiptList { receipts }))
}

/// A document as data.
#[utoipa::path(
    get,
    path = "/v1/parking/receipts/{number}",
    tag = "Receipts",
    security(("login" = [])),
    params(("number" = String, Path, description = "Number of the document", example = "R-2026-000001")),
    responses((status = 200, body = Value), Refusal)
)]
async fn read_receipt(State(app): State<App>, caller: Caller, Path(number): Path<String>) -> ApiResult<Json<Value>> {
    Ok(Json(serde_json::to_value(own(&app, &caller, &number).await?)?))
}

/// A document as PDF (PDF/A-2b).
#[utoipa::path(
    get,
    path = "/v1/parking/receipts/{number}/document.pdf",
    tag = "Receipts",
    security(("login" = [])),
    params(("number" = String, Path, description = "Number of the document"), DocumentParams),
    responses((status = 200, description = "The file", content_type = "application/pdf"), Refusal)
)]
async fn read_pdf(
    State(app): State<App>,
    caller: Caller,
    Path(number): Path<String>,
    Query(params): Query<DocumentParams>,
) -> ApiResult<Response> {
    let document = own(&app, &caller, &number).await?;
    let file = pdf::render(&Sheet::new(&document, params.language()))?;
    let name = format!("attachment; filename=\"{}.pdf\"", document.number());
    let headers = [(header::CONTENT_TYPE, "application/pdf".to_owned()), (header::CONTENT_DISPOSITION, name)];
    Ok((headers, file).into_response())
}

/// A document as a page.
#[utoipa::path(
    get,
    path = "/v1/parking/receipts/{number}/document.html",
    tag = "Receipts",
    security(("login" = [])),
    params(("number" = String, Path, description = "Number of the document"), DocumentParams),
    responses((status = 200, description = "The page", content_type = "text/html"), Refusal)
)]
async fn read_html(
    State(app): State<App>,
    caller: Caller,
    Path(number): Path<String>,
    Query(params): Query<DocumentParams>,
) -> ApiResult<Response> {
    let document = own(&app, &caller, &number).await?;
    let page = html::render(&Sheet::new(&document, params.language()))?;
    Ok(([(header::CONTENT_TYPE, "text/html; charset=utf-8")], page).into_response())
}

/// A document of the caller; staff may read any. Of others, not even that it exists is told.
async fn own(app: &App, caller: &Caller, number: &str) -> ApiResult<Document> {
    let found = read::document(app.database().pool().await?, number).await?;
    let (document, owner) = found.ok_or_else(|| Problem::not_found("document"))?;
    if owner.as_deref() != Some(caller.subject.as_str()) && !caller.is(&[Role::Admin, Role::Manager]) {
        return Err(Problem::not_found("document").into());
    }
    Ok(document)
}
