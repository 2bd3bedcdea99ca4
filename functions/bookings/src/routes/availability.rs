//! What is free, and what is taken.

use axum::extract::State;
use chrono::{DateTime, TimeDelta, Utc};
use parvis_booking::resource::{Kind, PlanPosition};
use parvis_booking::{PoolId, ResourceId, SiteId, Slot};
use parvis_kit::http::{Json, Query};
use parvis_kit::moment::Moment;
use parvis_kit::problem::{FieldError, Problem};
use parvis_kit::routes;
use parvis_kit::routes::Routes;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::input::{FilterParams, asked, list};
use crate::error::{ApiResult, Declined};
use crate::state::App;
use crate::store::availability::{self, Busy, ResourceTimes};
use crate::store::catalog::ResourceFilter;

/// The longest range of one answer.
const LONGEST: TimeDelta = TimeDelta::days(92);

pub(super) fn router() -> Routes<App> {
    Routes::new().routes(routes!(read_availability)).routes(routes!(read_free_busy))
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct RangeParams {
    /// Start of the range: an instant, or a day of the resources' calendar.
    #[param(value_type = String, example = "2026-11-22")]
    from: Moment,
    /// End of the range, at most 92 days later: an instant, or a day, which is included.
    #[param(value_type = String, example = "2026-11-22")]
    to: Moment,
    /// Only resources with a free stretch of so many minutes.
    minutes: Option<u32>,
}

/// A resource and when it can be had.
#[derive(Debug, Serialize, ToSchema)]
struct ResourceAvailability {
    /// The resource.
    id: ResourceId,
    /// For people.
    name: String,
    /// What it is.
    kind: Kind,
    /// Where it is.
    site: SiteId,
    /// IANA zone of the site.
    #[schema(example = "Europe/Paris")]
    timezone: String,
    /// Floor.
    floor: Option<String>,
    /// Part of the floor.
    section: Option<String>,
    /// People it is made for.
    capacity: u32,
    /// What it has.
    features: Vec<String>,
    /// Whether a wheelchair gets there.
    accessible: bool,
    /// Its pool.
    pool: Option<PoolId>,
    /// Where it is drawn.
    plan: Option<PlanPosition>,
    /// When it is open.
    open: Vec<Slot>,
    /// When it is taken, buffers included.
    busy: Vec<Busy>,
    /// When it is open and not taken.
    free: Vec<Slot>,
}

impl ResourceAvailability {
    fn new(times: ResourceTimes, range: Slot) -> Self {
        let open = times.open(range);
        let free = times.free(&open);
        let ResourceTimes { resource, zone, busy, .. } = times;
        Self {
            id: resource.id,
            name: resource.name,
            kind: resource.kind,
            site: resource.site,
            timezone: zone.name().to_owned(),
            floor: resource.floor,
            section: resource.section,
            capacity: resource.capacity,
            features: resource.features,
            accessible: resource.accessible,
            pool: resource.pool,
            plan: resource.plan,
            open,
            busy,
            free,
        }
    }
}

/// What is free.
#[derive(Debug, Serialize, ToSchema)]
struct Availability {
    /// Start of the range.
    from: DateTime<Utc>,
    /// End of the range.
    to: DateTime<Utc>,
    /// By id.
    resources: Vec<ResourceAvailability>,
}

/// When the resources that fit a filter are free.
#[utoipa::path(
    get, path = "/v1/availability", tag = "Availability", params(FilterParams, RangeParams),
    responses((status = 200, body = Availability), Declined)
)]
async fn read_availability(
    State(app): State<App>,
    Query(filter): Query<FilterParams>,
    Query(params): Query<RangeParams>,
) -> ApiResult<Json<Availability>> {
    let filter = (&filter).into();
    let range = asked(&app, &filter, [params.from, params.to], LONGEST).await?;
    let all = availability::read(app.store().database().pool().await?, &filter, range).await?;
    let wanted = params.minutes.map(|minutes| TimeDelta::minutes(i64::from(minutes)));
    let fits =
        |one: &ResourceAvailability| wanted.is_none_or(|wanted| one.free.iter().any(|free| free.length() >= wanted));
    let resources = all.into_iter().map(|times| ResourceAvailability::new(times, range)).filter(fits).collect();
    Ok(Json(Availability { from: range.start, to: range.end, resources }))
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct FreeBusyParams {
    /// The resources, between commas.
    resource: String,
    /// Start of the range: an instant, or a day of the resources' calendar.
    #[param(value_type = String, example = "2026-11-22")]
    from: Moment,
    /// End of the range, at most 92 days later: an instant, or a day, which is included.
    #[param(value_type = String, example = "2026-11-22")]
    to: Moment,
}

/// When a resource is taken.
#[derive(Debug, Serialize, ToSchema)]
struct ResourceBusy {
    /// The resource.
    id: ResourceId,
    /// When it is taken, buffers included.
    busy: Vec<Busy>,
}

/// When resources are taken.
#[derive(Debug, Serialize, ToSchema)]
struct FreeBusy {
    /// By id.
    resources: Vec<ResourceBusy>,
}

/// When resources are taken; nothing about who or why.
#[utoipa::path(
    get, path = "/v1/free-busy", tag = "Availability", params(FreeBusyParams),
    responses((status = 200, body = FreeBusy), Declined)
)]
async fn read_free_busy(State(app): State<App>, Query(params): Query<FreeBusyParams>) -> ApiResult<Json<FreeBusy>> {
    let ids = list(Some(&params.resource));
    if ids.is_empty() {
        return Err(Problem::invalid(vec![FieldError::new("resource", "name at least one")]).into());
    }
    let filter = ResourceFilter { ids, ..ResourceFilter::default() };
    let range = asked(&app, &filter, [params.from, params.to], LONGEST).await?;
    let all = availability::read(app.store().database().pool().await?, &filter, range).await?;
    let resources = all.into_iter().map(|times| ResourceBusy { id: times.resource.id, busy: times.busy }).collect();
    Ok(Json(FreeBusy { resources }))
}
