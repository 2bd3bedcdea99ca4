//! The manager's overview.

use std::collections::BTreeMap;

use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, TimeDelta, Utc};
use parvis_booking::resource::Kind;
use parvis_booking::{ResourceId, SiteId, Slot};
use parvis_kit::auth::Caller;
use parvis_kit::http::{Json, Query};
use parvis_kit::moment::Moment;
use parvis_kit::problem::Problem;
use parvis_kit::routes;
use parvis_kit::routes::Routes;
use parvis_money::{Currency, Money};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::input::{FilterParams, asked, staff};
use crate::error::{ApiResult, Declined};
use crate::state::App;
use crate::store::availability::{self, ResourceTimes};
use crate::store::report::{self, UseRow};

/// The longest range of one overview.
const LONGEST: TimeDelta = TimeDelta::days(366);

pub(super) fn router() -> Routes<App> {
    Routes::new().routes(routes!(read_overview)).routes(routes!(read_overview_csv))
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct ReportParams {
    /// Start of the range: an instant, or a day of the resources' calendar.
    #[param(value_type = String, example = "2026-11-01")]
    from: Moment,
    /// End of the range, at most a year later: an instant, or a day, which is included.
    #[param(value_type = String, example = "2026-11-30")]
    to: Moment,
}

/// What a resource was used for.
#[derive(Debug, Serialize, ToSchema)]
struct ResourceUse {
    /// The resource.
    id: ResourceId,
    /// For people.
    name: String,
    /// Where.
    site: SiteId,
    /// What it is.
    kind: Kind,
    /// Minutes in which it was open.
    open_minutes: i64,
    /// Minutes for which it was booked, buffers left out.
    booked_minutes: i64,
    /// Minutes in which its sensor saw somebody; null without a sensor.
    sensed_minutes: Option<i64>,
    /// Bookings that were used, are on or are to come.
    bookings: i64,
    /// Nobody came.
    no_shows: i64,
    /// Cancelled or given back.
    cancelled: i64,
    /// Booked, less refunded.
    revenue: Money,
}

/// All resources of the overview together.
#[derive(Debug, Default, Serialize, ToSchema)]
struct Totals {
    /// Minutes in which they were open.
    open_minutes: i64,
    /// Minutes for which they were booked, buffers left out.
    booked_minutes: i64,
    /// Minutes in which sensors saw somebody, of those that have one; null when none has.
    sensed_minutes: Option<i64>,
    /// Of the minutes booked, those of resources with a sensor: what `sensed_minutes` compares with.
    booked_with_sensor_minutes: i64,
    /// Bookings that were used, are on or are to come.
    bookings: i64,
    /// Nobody came.
    no_shows: i64,
    /// Cancelled or given back.
    cancelled: i64,
    /// Booked, less refunded, by currency.
    revenue: Vec<Money>,
}

impl Totals {
    fn of(resources: &[ResourceUse]) -> Self {
        let mut totals = Self::default();
        let mut revenue: BTreeMap<&str, Money> = BTreeMap::new();
        for one in resources {
            totals.open_minutes += one.open_minutes;
            totals.booked_minutes += one.booked_minutes;
            if let Some(sensed) = one.sensed_minutes {
                totals.sensed_minutes = Some(totals.sensed_minutes.unwrap_or(0) + sensed);
                totals.booked_with_sensor_minutes += one.booked_minutes;
            }
            totals.bookings += one.bookings;
            totals.no_shows += one.no_shows;
            totals.cancelled += one.cancelled;
            let currency = one.revenue.currency;
            let sum = revenue.entry(currency.code()).or_insert(Money::zero(currency));
            *sum = Money::new(sum.cents + one.revenue.cents, currency);
        }
        totals.revenue = revenue.into_values().collect();
        totals
    }
}

/// Minutes booked in an hour of the local day.
#[derive(Debug, Serialize, ToSchema)]
struct HourUse {
    /// 0 to 23, by the site's clock.
    hour: i32,
    /// All resources together.
    booked_minutes: i64,
}

/// The overview.
#[derive(Debug, Serialize, ToSchema)]
struct Overview {
    /// Start of the range.
    from: DateTime<Utc>,
    /// End of the range.
    to: DateTime<Utc>,
    /// All together.
    totals: Totals,
    /// By id.
    resources: Vec<ResourceUse>,
    /// By hour.
    hours: Vec<HourUse>,
}

fn used(times: &ResourceTimes, rows: &[UseRow], range: Slot) -> ResourceUse {
    let resource = &times.resource;
    let row = rows.iter().find(|row| row.id == resource.id.as_str());
    let count = |of: fn(&UseRow) -> i64| row.map_or(0, of);
    let open: TimeDelta = times.open(range).iter().map(Slot::length).sum();
    let currency = resource.rates.map_or(Currency::Eur, |card| card.currency);
    ResourceUse {
        id: resource.id.clone(),
        name: resource.name.clone(),
        site: resource.site.clone(),
        kind: resource.kind,
        open_minutes: open.num_minutes(),
        booked_minutes: count(|row| row.booked_minutes),
        sensed_minutes: row.and_then(|row| row.sensed_minutes),
        bookings: count(|row| row.bookings),
        no_shows: count(|row| row.no_shows),
        cancelled: count(|row| row.given_up),
        revenue: Money::new(count(|row| row.revenue_cents), currency),
    }
}

async fn overview(app: &App, filter: &FilterParams, params: &ReportParams) -> ApiResult<Overview> {
    let filter = filter.into();
    let range = asked(app, &filter, [params.from, params.to], LONGEST).await?;
    let pool = app.store().database().pool().await?;
    let times = availability::read(pool, &filter, range).await?;
    let ids: Vec<String> = times.iter().map(|times| times.resource.id.to_string()).collect();
    let (rows, hours) = tokio::try_join!(report::by_resource(pool, &ids, range), report::by_hour(pool, &ids, range))?;
    let resources: Vec<ResourceUse> = times.iter().map(|times| used(times, &rows, range)).collect();
    Ok(Overview {
        from: range.start,
        to: range.end,
        totals: Totals::of(&resources),
        resources,
        hours: hours.into_iter().map(|(hour, booked_minutes)| HourUse { hour, booked_minutes }).collect(),
    })
}

/// Use, no-shows and revenue by resource and hour.
#[utoipa::path(
    get, path = "/v1/reports/bookings", tag = "Overview", security(("login" = [])), params(FilterParams, ReportParams),
    responses((status = 200, body = Overview), Declined)
)]
async fn read_overview(
    State(app): State<App>,
    caller: Caller,
    Query(filter): Query<FilterParams>,
    Query(params): Query<ReportParams>,
) -> ApiResult<Json<Overview>> {
    staff(&caller)?;
    Ok(Json(overview(&app, &filter, &params).await?))
}

/// The same by resource as a CSV file.
#[utoipa::path(
    get, path = "/v1/reports/bookings.csv", tag = "Overview", security(("login" = [])), params(FilterParams, ReportParams),
    responses((status = 200, body = String, content_type = "text/csv"), Declined)
)]
async fn read_overview_csv(
    State(app): State<App>,
    caller: Caller,
    Query(filter): Query<FilterParams>,
    Query(params): Query<ReportParams>,
) -> ApiResult<Response> {
    staff(&caller)?;
    let overview = overview(&app, &filter, &params).await?;
    let file = file(&overview).map_err(Problem::internal)?;
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("text/csv; charset=utf-8")),
        (header::CONTENT_DISPOSITION, HeaderValue::from_static("attachment; filename=\"bookings.csv\"")),
    ];
    Ok((headers, file).into_response())
}

fn file(overview: &Overview) -> Result<Vec<u8>, csv::Error> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record([
        "id",
        "name",
        "site",
        "kind",
        "open_minutes",
        "booked_minutes",
        "sensed_minutes",
        "bookings",
        "no_shows",
        "cancelled",
        "revenue",
        "currency",
    ])?;
    for one in &overview.resources {
        writer.write_record([
            one.id.as_str(),
            // A spreadsheet must not take a name for a formula.
            &one.name.replace(['=', '+', '@', '\t', '\r'], " "),
            one.site.as_str(),
            one.kind.as_str(),
            &one.open_minutes.to_string(),
            &one.booked_minutes.to_string(),
            &one.sensed_minutes.map(|minutes| minutes.to_string()).unwrap_or_default(),
            &one.bookings.to_string(),
            &one.no_shows.to_string(),
            &one.cancelled.to_string(),
            &one.revenue.decimal(),
            one.revenue.currency.code(),
        ])?;
    }
    writer.into_inner().map_err(|error| error.into_error().into())
}
