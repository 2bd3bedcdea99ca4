//! Subscriptions and credits of many people from a CSV file.

use std::collections::{BTreeMap, BTreeSet};

use axum::body::Bytes;
use axum::extract::State;
use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use parvis_booking::resource::Site;
use parvis_kit::auth::Caller;
use parvis_kit::http::Json;
use parvis_kit::moment::Moment;
use parvis_kit::problem::{FieldError, Problem};
use parvis_kit::routes;
use parvis_kit::routes::Routes;
use parvis_kit::table::{self, Row};

use super::input::{file_faults, staff};
use crate::commands::{SetMember, SetMembers};
use crate::error::{ApiResult, Declined};
use crate::state::App;
use crate::store::catalog;
use crate::store::catalog_import::Imported;
use crate::store::people::Plan;

/// Rows of one file at most: each person is told what becomes of their subscription.
const MOST_ROWS: usize = 1000;
/// The columns of a file, in any order.
const COLUMNS: [&str; 4] = ["subject", "plan", "plan_until", "credits"];
/// Bytes of a subject at most.
const LONGEST_SUBJECT: usize = 128;

pub(super) fn router() -> Routes<App> {
    Routes::new().routes(routes!(import_members))
}

/// What there is for rows to refer to.
struct Known {
    plans: BTreeSet<String>,
    /// The clocks of all sites; `None` when they differ.
    zone: Option<Tz>,
}

impl Known {
    /// The end of a subscription: an instant, or its last day where all sites have the same clocks.
    fn until(&self, text: &str) -> Result<DateTime<Utc>, &'static str> {
        let moment: Moment =
            text.parse().map_err(|_| "a date like 2026-12-31, or an instant like 2026-12-31T23:00:00Z")?;
        match (moment, self.zone) {
            (Moment::At(instant), _) => Ok(instant),
            (day, Some(zone)) => Ok(day.end(zone)),
            (_, None) => Err("an instant like 2026-12-31T23:00:00Z: the sites have several time zones"),
        }
    }

    fn member(&self, row: &Row, errors: &mut Vec<FieldError>) -> Option<SetMember> {
        let before = errors.len();
        let subject = row.text("subject").filter(|subject| subject.len() <= LONGEST_SUBJECT);
        if subject.is_none() {
            errors.push(row.wrong("subject", format!("1 to {LONGEST_SUBJECT} bytes")));
        }
        let plan = row.text("plan");
        if let Some(plan) = plan.filter(|plan| !self.plans.contains(*plan)) {
            errors.push(row.wrong("plan", format!("there is no plan {plan}")));
        }
        let until = row.text("plan_until").map(|text| self.until(text)).transpose();
        let until = until.unwrap_or_else(|message| {
            errors.push(row.wrong("plan_until", message));
            None
        });
        let credits: Option<i32> = row.text("credits").map_or(Some(0), |text| text.parse().ok().filter(|n| *n >= 0));
        if credits.is_none() {
            errors.push(row.wrong("credits", "a whole number from 0"));
        }
        if errors.len() > before {
            return None;
        }
        Some(SetMember {
            subject: subject?.to_owned(),
            plan: plan.map(|plan| Some(plan.to_owned())),
            until: until.map(Some),
            credits: row.text("credits").and(credits).and_then(|credits| u32::try_from(credits).ok()),
        })
    }

    /// What the rows of a file set, or everything that is wrong with them.
    fn members(&self, rows: &[Row]) -> Result<Vec<SetMember>, Problem> {
        let (mut members, mut errors) = (Vec::new(), Vec::new());
        let mut lines: BTreeMap<&str, u64> = BTreeMap::new();
        for row in rows {
            members.extend(self.member(row, &mut errors));
            if let Some(line) = row.text("subject").and_then(|subject| lines.insert(subject, row.line)) {
                errors.push(row.wrong("subject", format!("is on line {line} already")));
            }
        }
        if errors.is_empty() { Ok(members) } else { Err(file_faults(errors)) }
    }
}

/// Sets the subscriptions and credits of many people from a CSV file: all of it or, with any error, nothing. Who gets a subscription is
/// told, as when one is set by hand.
///
/// Columns, between commas or semicolons: subject (of the login), and plan, plan_until (an instant, or the last day), credits. An empty
/// field leaves what there is: a file takes nothing away.
#[utoipa::path(
    post, path = "/v1/members/import", tag = "Overview", security(("login" = [])),
    request_body(content = String, content_type = "text/csv"),
    responses((status = 200, body = Imported), Declined)
)]
async fn import_members(State(app): State<App>, caller: Caller, body: Bytes) -> ApiResult<Json<Imported>> {
    staff(&caller)?;
    let rows = table::read(&body, &COLUMNS, &["subject"])?;
    if rows.is_empty() || rows.len() > MOST_ROWS {
        return Err(file_faults(vec![FieldError::new("line 1", format!("1 to {MOST_ROWS} rows"))]).into());
    }
    let pool = app.store().database().pool().await?;
    let plans = catalog::list::<Plan>(pool).await?.into_iter().map(|(id, _)| id).collect();
    let zones: BTreeSet<&'static str> =
        catalog::list::<Site>(pool).await?.into_iter().map(|(_, site)| site.value.timezone.name()).collect();
    let zone = zones.first().filter(|_| zones.len() == 1).and_then(|zone| zone.parse().ok());
    let members = Known { plans, zone }.members(&rows)?;
    Ok(Json(app.execute(None, &SetMembers { members }).await?))
}
