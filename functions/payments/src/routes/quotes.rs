//! Quotes: what a stay costs, and why.

use axum::extract::State;
use chrono::{DateTime, SubsecRound as _, Utc};
use chrono_tz::Tz;
use parvis_kit::auth::Caller;
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
    Routes::new().routes(routes!(quote)).routes(routes!(quote_session))
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
    /// The right under which it parks.
    #[serde(default)]
    pub qualification: Qualification,
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

/// A question about a plate.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SessionQuestion {
    /// Where.
    #[schema(value_type = String, example = "Zone_A")]
    zone: ZoneId,
    /// The plate.
    #[schema(example = "AB-123-CD")]
    plate: String,
    /// The vehicle.
    #[serde(default)]
    vehicle: Vehicle,
    /// When it ends; or say `minutes`.
    #[serde(default)]
    end: Option<DateTime<Utc>>,
    /// How long it lasts; or say `end`.
    #[serde(default)]
    minutes: Option<u32>,
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
    /// The right under which it was made: that of the plate, where one was named.
    qualification: Qualification,
    /// Its lines as sentences, in their order.
    explained: Vec<ExplainedLine>,
}

impl ExplainedQuote {
    /// A quote with its lines in words.
    #[must_use]
    pub fn new(quote: Quote, qualification: Qualification, timezone: Tz) -> Self {
        let line = |line: &parvis_tariffs::QuoteLine| ExplainedLine {
            fr: line.explain(Language::Fr, timezone),
            en: line.explain(Language::En, timezone),
            amount: line.amount,
        };
        Self { explained: quote.lines.iter().map(line).collect(), quote, qualification }
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

/// What a stay costs, line by line, for any vehicle of a kind.
#[utoipa::path(
    post,
    path = "/v1/parking/quotes",
    tag = "Tariffs",
    request_body = QuoteInput,
    responses((status = 200, body = ExplainedQuote), Refusal)
)]
async fn quote(State(app): State<App>, Json(input): Json<QuoteInput>) -> ApiResult<Json<ExplainedQuote>> {
    let book = app.book().await?;
    let start = input.start.unwrap_or_else(|| app.now()).trunc_subsecs(0);
    let holder = Holder { qualification: input.qualification, ..input.vehicle.holder() };
    let end = Length::of(input.end, input.minutes)?.end(start);
    let demand = app.expected(&book.tariffs, &input.zone, start).await?;
    let request = QuoteRequest { zone: &input.zone, holder, start, end, previous: None, demand };
    let quote = book.tariffs.quote(&request)?;
    Ok(Json(ExplainedQuote::new(quote, holder.qualification, book.tariffs.timezone())))
}

/// What a session that the caller starts now would cost. The permits of the plate count, as they will when it is started; its last
/// stay counts if it was the caller's, since when others come and go is nobody's business.
#[utoipa::path(
    post,
    path = "/v1/parking/session-quotes",
    tag = "Sessions",
    security(("login" = [])),
    request_body = SessionQuestion,
    responses((status = 200, body = ExplainedQuote), Refusal)
)]
async fn quote_session(
    State(app): State<App>,
    caller: Caller,
    Json(input): Json<SessionQuestion>,
) -> ApiResult<Json<ExplainedQuote>> {
    let (book, now) = (app.book().await?, app.now());
    let hash = plate(&input.plate)?.hash(app.plate_key());
    let qualification = app.qualification(&hash, &input.zone, now).await?;
    let holder = Holder { qualification, ..input.vehicle.holder() };
    let last = app.store().last_stay(&hash, &input.zone).await?.map(|(last, _)| last);
    let own = app.is_own(last.as_ref(), &caller.subject).await?;
    let previous = last.filter(|_| own).map(|last| last.as_previous());
    let start = now.trunc_subsecs(0);
    let end = Length::of(input.end, input.minutes)?.end(start);
    let demand = app.expected(&book.tariffs, &input.zone, start).await?;
    let quote = book.tariffs.quote(&QuoteRequest { zone: &input.zone, holder, start, end, previous, demand })?;
    Ok(Json(ExplainedQuote::new(quote, qualification, book.tariffs.timezone())))
}
