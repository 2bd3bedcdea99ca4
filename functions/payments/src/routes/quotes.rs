//! Quotes: what a stay costs, and why.

use axum::extract::State;
use chrono::{DateTime, SubsecRound as _, Utc};
use chrono_tz::Tz;
use parvis_kit::http::Json;
use parvis_kit::problem::{FieldError, Problem};
use parvis_kit::routes;
use parvis_kit::routes::Routes;
use parvis_money::{Language, Money};
use parvis_parking::ZoneId;
use parvis_parking::plate::Plate;
use parvis_tariffs::{Holder, Qualification, Quote, QuoteRequest};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::error::{ApiResult, Refusal};
use crate::flow::Length;
use crate::state::App;
use crate::views::Vehicle;

pub(super) fn router() -> Routes<App> {
    Routes::new().routes(routes!(quote))
}

/// A question.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct QuoteInput {
    /// Where.
    #[schema(value_type = String, example = "Zone_A")]
    pub zone: ZoneId,
    /// The vehicle.
    #[serde(default)]
    pub vehicle: Vehicle,
    /// The right under which it parks; ignored with a plate, whose rights are looked up.
    #[serde(default)]
    pub qualification: Qualification,
    /// The plate: its permits and its last stay count.
    #[serde(default)]
    #[schema(example = "AB-123-CD")]
    pub plate: Option<String>,
    /// When the stay begins; now without it.
    #[serde(default)]
    pub start: Option<DateTime<Utc>>,
    /// When it ends; or say `minutes`.
    #[serde(default)]
    pub end: Option<DateTime<Utc>>,
    /// How long it lasts; or say `end`.
    #[serde(default)]
    pub minutes: Option<u32>,
}

/// A line of a quote for a person.
#[derive(Debug, Serialize, ToSchema)]
pub struct ExplainedLine {
    /// In French.
    fr: String,
    /// In English.
    en: String,
    /// What it adds.
    amount: Money,
}

/// A quote that explains itself.
#[derive(Debug, Serialize, ToSchema)]
pub struct ExplainedQuote {
    /// The quote.
    quote: Quote,
    /// Its lines as sentences, in their order.
    explained: Vec<ExplainedLine>,
}

impl ExplainedQuote {
    /// A quote with its lines in words.
    #[must_use]
    pub fn new(quote: Quote, timezone: Tz) -> Self {
        let line = |line: &parvis_tariffs::QuoteLine| ExplainedLine {
            fr: line.explain(Language::Fr, timezone),
            en: line.explain(Language::En, timezone),
            amount: line.amount,
        };
        Self { explained: quote.lines.iter().map(line).collect(), quote }
    }
}

/// A plate as a person wrote it.
///
/// # Errors
/// 422 when no plate is left of it.
pub fn plate(text: &str) -> Result<Plate, Problem> {
    Plate::normalise(text)
        .ok_or_else(|| Problem::invalid(vec![FieldError::new("/plate", "1 to 16 letters and digits")]))
}

/// What a stay costs, line by line.
#[utoipa::path(
    post,
    path = "/v1/parking/quotes",
    tag = "Tariffs",
    request_body = QuoteInput,
    responses((status = 200, body = ExplainedQuote), Refusal)
)]
async fn quote(State(app): State<App>, Json(input): Json<QuoteInput>) -> ApiResult<Json<ExplainedQuote>> {
    let now = app.now();
    let book = app.book().await?;
    let start = input.start.unwrap_or(now).trunc_subsecs(0);
    let mut holder = Holder { qualification: input.qualification, ..input.vehicle.holder() };
    let mut previous = None;
    if let Some(text) = &input.plate {
        let hash = plate(text)?.hash(app.plate_key());
        holder.qualification = app.qualification(&hash, &input.zone, now).await?;
        let last = app.store().last_stay(&hash, &input.zone).await?;
        previous = last.map(|(last, _)| last.as_previous());
    }
    let end = Length::of(input.end, input.minutes)?.end(start);
    let request = QuoteRequest { zone: &input.zone, holder, start, end, previous };
    let quote = book.tariffs.quote(&request)?;
    Ok(Json(ExplainedQuote::new(quote, book.tariffs.timezone())))
}
