//! Revenue, the journal and its exports, for staff.

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Datelike as _, Days, NaiveDate, NaiveTime, TimeDelta, Utc};
use parvis_kit::auth::{Caller, Role};
use parvis_kit::http::{Json, Query};
use parvis_kit::moment::Moment;
use parvis_kit::problem::{FieldError, Problem};
use parvis_kit::routes;
use parvis_kit::routes::Routes;
use parvis_ledger_rules::{Entry, Side, write_csv};
use rust_xlsxwriter::{Format, Workbook, XlsxError};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::error::{ApiResult, Refusal};
use crate::read::{self, BalanceRow, By, RevenueRow, SeriesRow};
use crate::state::App;

/// The most entries in one file: what one answer of the function can hold.
const MOST_ENTRIES: i64 = 9_000;
/// The longest range of revenue.
const LONGEST: TimeDelta = TimeDelta::days(800);

pub(super) fn router() -> Routes<App> {
    Routes::new()
        .routes(routes!(read_revenue))
        .routes(routes!(read_books))
        .routes(routes!(journal_csv))
        .routes(routes!(journal_xlsx))
}

pub(super) fn staff(caller: &Caller) -> Result<(), Problem> {
    caller.require(&[Role::Admin, Role::Manager])
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct RevenueParams {
    /// From: an instant, or a day of the house's calendar. 30 days before `to` without it.
    #[param(value_type = Option<String>, example = "2026-11-01")]
    from: Option<Moment>,
    /// To: an instant, which is not included, or a day, which is. Now without it.
    #[param(value_type = Option<String>, example = "2026-11-30")]
    to: Option<Moment>,
    /// By what it is told apart: `day` (default), `zone`, `class`, `hour`.
    #[serde(default)]
    by: By,
}

/// Revenue, in cents, VAT included.
#[derive(Debug, Serialize, ToSchema)]
pub struct Revenue {
    /// From.
    from: DateTime<Utc>,
    /// To.
    to: DateTime<Utc>,
    /// Row by row.
    rows: Vec<RevenueRow>,
    /// All together.
    total: RevenueRow,
}

/// Revenue and usage.
#[utoipa::path(
    get,
    path = "/v1/parking/revenue",
    tag = "Books",
    security(("login" = [])),
    params(RevenueParams),
    responses((status = 200, body = Revenue), Refusal)
)]
async fn read_revenue(
    State(app): State<App>,
    caller: Caller,
    Query(params): Query<RevenueParams>,
) -> ApiResult<Json<Revenue>> {
    staff(&caller)?;
    let zone = app.house().timezone;
    let to = params.to.map_or_else(|| app.now(), |to| to.end(zone));
    let from = params.from.map_or_else(|| to - TimeDelta::days(30), |from| from.begin(zone));
    if from >= to || to - from > LONGEST {
        return Err(Problem::invalid(vec![FieldError::new("from", "must lie before `to`, at most 800 days")]).into());
    }
    let rows = read::revenue(app.database().pool().await?, from, to, zone, params.by).await?;
    let sum = |of: fn(&RevenueRow) -> i64| rows.iter().map(of).sum();
    let total = RevenueRow {
        key: "total".to_owned(),
        sessions: sum(|row| row.sessions),
        refunds: sum(|row| row.refunds),
        gross: sum(|row| row.gross),
        refunded: sum(|row| row.refunded),
        net: sum(|row| row.net),
        minutes: sum(|row| row.minutes),
    };
    Ok(Json(Revenue { from, to, rows, total }))
}

/// How the books stand.
#[derive(Debug, Serialize, ToSchema)]
pub struct Books {
    /// Whether debits and credits are the same, and no number is missing.
    sound: bool,
    /// Sum of all debits, in cents.
    debit: i64,
    /// Sum of all credits, in cents.
    credit: i64,
    /// The trial balance.
    balances: Vec<BalanceRow>,
    /// The series of numbers.
    series: Vec<SeriesRow>,
}

/// The trial balance, and whether numbers are missing.
#[utoipa::path(
    get,
    path = "/v1/parking/books",
    tag = "Books",
    security(("login" = [])),
    responses((status = 200, body = Books), Refusal)
)]
async fn read_books(State(app): State<App>, caller: Caller) -> ApiResult<Json<Books>> {
    staff(&caller)?;
    let pool = app.database().pool().await?;
    let (balances, series) = tokio::try_join!(read::balances(pool), read::series(pool))?;
    let debit = balances.iter().map(|row| row.debit).sum();
    let credit = balances.iter().map(|row| row.credit).sum();
    let sound = debit == credit && series.iter().all(|series| series.missing == 0);
    Ok(Json(Books { sound, debit, credit, balances, series }))
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct JournalParams {
    /// First day, or an instant within it; the first of this month without it.
    #[param(value_type = Option<String>, example = "2026-11-01")]
    from: Option<Moment>,
    /// Last day, or an instant within it; today without it.
    #[param(value_type = Option<String>, example = "2026-11-30")]
    to: Option<Moment>,
}

async fn entries_of(app: &App, params: &JournalParams) -> ApiResult<Vec<(Entry, NaiveDate)>> {
    let today = app.date(app.now());
    let day = |moment: Moment| moment.day(app.house().timezone);
    let from = params.from.map(day).or_else(|| today.with_day(1)).unwrap_or(today);
    let after = params.to.map_or(today, day).checked_add_days(Days::new(1)).unwrap_or(today);
    limited(read::entries(app.database().pool().await?, from, after, MOST_ENTRIES + 1).await?)
}

fn limited(entries: Vec<(Entry, NaiveDate)>) -> ApiResult<Vec<(Entry, NaiveDate)>> {
    if i64::try_from(entries.len()).unwrap_or(i64::MAX) > MOST_ENTRIES {
        let problem =
            Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "too-many-entries", "Too many entries for one file");
        return Err(problem.detail(format!("At most {MOST_ENTRIES}; ask for fewer days.")).into());
    }
    Ok(entries)
}

fn file(media_type: &'static str, name: &str, bytes: Vec<u8>) -> Response {
    let disposition = format!("attachment; filename=\"{name}\"");
    let headers = [(header::CONTENT_TYPE, media_type.to_owned()), (header::CONTENT_DISPOSITION, disposition)];
    (headers, bytes).into_response()
}

/// The journal as CSV.
#[utoipa::path(
    get,
    path = "/v1/parking/journal.csv",
    tag = "Books",
    security(("login" = [])),
    params(JournalParams),
    responses((status = 200, description = "The file", content_type = "text/csv"), Refusal)
)]
async fn journal_csv(
    State(app): State<App>,
    caller: Caller,
    Query(params): Query<JournalParams>,
) -> ApiResult<Response> {
    staff(&caller)?;
    let entries = entries_of(&app, &params).await?;
    let mut bytes = Vec::new();
    write_csv(&mut bytes, entries.iter().map(|(entry, _)| entry)).map_err(Problem::internal)?;
    Ok(file("text/csv; charset=utf-8; header=present", "journal.csv", bytes))
}

/// The journal as a workbook.
#[utoipa::path(
    get,
    path = "/v1/parking/journal.xlsx",
    tag = "Books",
    security(("login" = [])),
    params(JournalParams),
    responses((
        status = 200,
        description = "The file",
        content_type = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
    ), Refusal)
)]
async fn journal_xlsx(
    State(app): State<App>,
    caller: Caller,
    Query(params): Query<JournalParams>,
) -> ApiResult<Response> {
    staff(&caller)?;
    let entries = entries_of(&app, &params).await?;
    let bytes = workbook(&entries).map_err(Problem::internal)?;
    Ok(file("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "journal.xlsx", bytes))
}

fn workbook(entries: &[(Entry, NaiveDate)]) -> Result<Vec<u8>, XlsxError> {
    const HEADER: [&str; 8] = ["date", "journal", "piece", "account", "account_label", "label", "debit", "credit"];
    let mut workbook = Workbook::new();
    let (bold, day, amount) =
        (Format::new().set_bold(), Format::new().set_num_format("yyyy-mm-dd"), Format::new().set_num_format("0.00"));
    let sheet = workbook.add_worksheet().set_name("journal")?;
    for (column, title) in (0_u16..).zip(HEADER) {
        sheet.write_string_with_format(0, column, title, &bold)?;
    }
    let lines = entries.iter().flat_map(|(entry, _)| entry.lines().iter().map(move |line| (entry, line)));
    for (row, (entry, line)) in (1_u32..).zip(lines) {
        let midnight = entry.date().and_time(NaiveTime::MIN);
        sheet.write_datetime_with_format(row, 0, midnight, &day)?;
        let texts =
            [entry.journal().code(), &entry.piece().reference, line.account.number.as_str(), &line.account.label];
        for (column, text) in (1_u16..).zip(texts.into_iter().chain([entry.label()])) {
            sheet.write_string(row, column, text)?;
        }
        let column = if line.side == Side::Debit { 6 } else { 7 };
        // A workbook knows no integers of cents; two decimals of a double are exact far beyond any amount here.
        sheet.write_number_with_format(row, column, line.amount.cents as f64 / 100.0, &amount)?;
    }
    workbook.save_to_buffer()
}
