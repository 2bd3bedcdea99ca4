//! Revenue, the journal and its exports, for staff.

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Datelike as _, Days, NaiveDate, NaiveTime, TimeDelta, Utc};
use parvis_kit::auth::{Caller, Role};
use parvis_kit::http::{Json, Query};
use parvis_kit::problem::{FieldError, Problem};
use parvis_kit::routes;
use parvis_kit::routes::Routes;
use parvis_ledger_rules::{Entry, Side, fec_file_name, write_csv, write_fec};
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
        .routes(routes!(fec))
}

fn staff(caller: &Caller) -> Result<(), Problem> {
    caller.require(&[Role::Admin, Role::Manager])
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct RevenueParams {
    /// From; 30 days before `to` without it.
    from: Option<DateTime<Utc>>,
    /// To, not included; now without it.
    to: Option<DateTime<Utc>>,
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
    let to = params.to.unwrap_or_else(|| app.now());
    let from = params.from.unwrap_or(to - TimeDelta::days(30));
    if from >= to || to - from > LONGEST {
        return Err(Problem::invalid(vec![FieldError::new("from", "must lie before `to`, at most 800 days")]).into());
    }
    let rows = read::revenue(app.database().pool().await?, from, to, app.house().timezone, params.by).await?;
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
    /// First day; the first of this month without it.
    from: Option<NaiveDate>,
    /// Last day; today without it.
    to: Option<NaiveDate>,
}

async fn entries_of(app: &App, params: &JournalParams) -> ApiResult<Vec<(Entry, NaiveDate)>> {
    let today = app.date(app.now());
    let from = params.from.or_else(|| today.with_day(1)).unwrap_or(today);
    let after = params.to.unwrap_or(today).checked_add_days(Days::new(1)).unwrap_or(today);
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

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct FecParams {
    /// The year; this one without it.
    year: Option<i32>,
    /// Only this month, 1 to 12, for years with many entries; the file of a year is what the law wants.
    month: Option<u32>,
}

/// The fichier des écritures comptables (LPF, article A47 A-1).
#[utoipa::path(
    get,
    path = "/v1/parking/fec",
    tag = "Books",
    security(("login" = [])),
    params(FecParams),
    responses((status = 200, description = "The file", content_type = "text/plain"), Refusal)
)]
async fn fec(State(app): State<App>, caller: Caller, Query(params): Query<FecParams>) -> ApiResult<Response> {
    staff(&caller)?;
    let year = params.year.unwrap_or_else(|| app.date(app.now()).year());
    let first = NaiveDate::from_ymd_opt(year, params.month.unwrap_or(1), 1);
    let months = chrono::Months::new(if params.month.is_some() { 1 } else { 12 });
    let range = first.and_then(|first| Some((first, first.checked_add_months(months)?)));
    let (from, after) =
        range.ok_or_else(|| Problem::invalid(vec![FieldError::new("year", "a year, and a month of 1 to 12")]))?;
    let entries = limited(read::entries(app.database().pool().await?, from, after, MOST_ENTRIES + 1).await?)?;
    let mut bytes = Vec::new();
    let rows = entries.iter().map(|(entry, validated)| (entry, *validated));
    write_fec(&mut bytes, rows).map_err(Problem::internal)?;
    let closing = after.pred_opt().unwrap_or(after);
    Ok(file("text/plain; charset=utf-8", &fec_file_name(&app.house().seller.siren, closing), bytes))
}
