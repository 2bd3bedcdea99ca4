//! The fichier des écritures comptables (LPF, article A47 A-1), in parts that one answer can hold.

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use chrono::{Datelike as _, Months, NaiveDate};
use parvis_kit::auth::Caller;
use parvis_kit::http::Query;
use parvis_kit::problem::{FieldError, Problem};
use parvis_kit::routes;
use parvis_kit::routes::Routes;
use parvis_ledger_rules::{FecError, FecWriter, fec_file_name};
use serde::Deserialize;
use utoipa::IntoParams;

use super::books::staff;
use crate::error::{ApiResult, Refusal};
use crate::read::{self, NumberedEntry, YearPart};
use crate::state::App;

/// The most entries of a part: what one answer of the function can hold.
const MOST_ENTRIES: i64 = 9_000;

pub(super) fn router() -> Routes<App> {
    Routes::new().routes(routes!(fec))
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct FecParams {
    /// The year; this one without it.
    year: Option<i32>,
    /// Only this month, 1 to 12; entries have the numbers that they have in the file of the year, which is what the law wants.
    month: Option<u32>,
    /// The part after this place: from the header `link` of the part before it.
    #[serde(default)]
    after: i64,
    /// Asks for parts of so many entries, 9000 at most. Without it a longer file is refused rather than cut off.
    limit: Option<i64>,
}

impl FecParams {
    fn part(&self, this_year: i32) -> Option<YearPart> {
        let year = NaiveDate::from_ymd_opt(self.year.unwrap_or(this_year), 1, 1)?;
        let from = NaiveDate::from_ymd_opt(year.year(), self.month.unwrap_or(1), 1)?;
        let before = from.checked_add_months(Months::new(if self.month.is_some() { 1 } else { 12 }))?;
        Some(YearPart { year, from, before, after: self.after })
    }
}

/// The fichier des écritures comptables (LPF, article A47 A-1).
///
/// A long file comes in parts (`limit`): as long as there is a header `link` with `rel="next"`, what it leads to is to be put behind. The
/// numbers of entries go on from part to part and from month to month, without a gap in the year.
#[utoipa::path(
    get,
    path = "/v1/parking/fec",
    tag = "Books",
    security(("login" = [])),
    params(FecParams),
    responses((
        status = 200,
        description = "The file, or a part of it",
        content_type = "text/plain",
        headers(("link" = String, description = "Where the next part is, with `rel=\"next\"`"))
    ), Refusal)
)]
async fn fec(State(app): State<App>, caller: Caller, Query(params): Query<FecParams>) -> ApiResult<Response> {
    staff(&caller)?;
    let part = params
        .part(app.date(app.now()).year())
        .ok_or_else(|| Problem::invalid(vec![FieldError::new("year", "a year, and a month of 1 to 12")]))?;
    let most = params.limit.unwrap_or(MOST_ENTRIES).clamp(1, MOST_ENTRIES);
    let mut entries = read::numbered(app.database().pool().await?, part, most + 1).await?;
    let more = entries.len() > usize::try_from(most).unwrap_or(usize::MAX);
    if more && params.limit.is_none() {
        // Who does not know of parts must not take the first of them for the file.
        let problem =
            Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "too-many-entries", "Too many entries for one answer");
        return Err(problem.detail(format!("Ask for parts with `limit={MOST_ENTRIES}`, and follow `link`.")).into());
    }
    if more {
        entries.pop();
    }
    let bytes = written(&entries, part.after == 0).map_err(Problem::internal)?;
    let closing = part.before.pred_opt().unwrap_or(part.before);
    let name = fec_file_name(&app.house().seller.siren, closing);
    let headers = [
        (header::CONTENT_TYPE, "text/plain; charset=utf-8".to_owned()),
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\"")),
    ];
    let link = entries.last().filter(|_| more).map(|last| {
        let month = params.month.map(|month| format!("&month={month}")).unwrap_or_default();
        let year = part.year.year();
        let next = format!("</v1/parking/fec?year={year}{month}&after={}&limit={most}>; rel=\"next\"", last.position);
        [(header::LINK, next)]
    });
    Ok(match link {
        Some(link) => (headers, link, bytes).into_response(),
        None => (headers, bytes).into_response(),
    })
}

fn written(entries: &[NumberedEntry], first: bool) -> Result<Vec<u8>, FecError> {
    let mut bytes = Vec::new();
    let mut writer = if first { FecWriter::begin(&mut bytes)? } else { FecWriter::go_on(&mut bytes) };
    for entry in entries {
        writer.write(&entry.entry, entry.validated)?;
    }
    writer.finish()?;
    Ok(bytes)
}
