//! The nearest alternatives to a wish.

use axum::extract::State;
use chrono::{DateTime, TimeDelta, Utc};
use parvis_booking::resource::{Item, Kind};
use parvis_booking::suggest::{Suggestion, Wanted, suggest};
use parvis_booking::{PoolId, ResourceId, Slot};
use parvis_kit::http::{Json, Query};
use parvis_kit::problem::{FieldError, Problem};
use parvis_kit::routes;
use parvis_kit::routes::Routes;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::input::range;
use crate::error::{ApiResult, Declined};
use crate::state::App;
use crate::store::availability::{self, ResourceTimes};
use crate::store::catalog::ResourceFilter;

/// Suggestions unless the client says otherwise.
const USUAL: usize = 5;
/// Suggestions at most.
const MOST: usize = 20;
/// How far around the wish the busy times are read: a week to look in, and buffers.
const AROUND: TimeDelta = TimeDelta::days(8);

pub(super) fn router() -> Routes<App> {
    Routes::new().routes(routes!(read_suggestions))
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct SuggestionParams {
    /// The resource that was wished.
    resource: Option<ResourceId>,
    /// The pool that was wished.
    pool: Option<PoolId>,
    /// The kind that was wished, when neither a resource nor a pool was.
    kind: Option<Kind>,
    /// Only at this site.
    site: Option<String>,
    /// Start of the wish.
    start: DateTime<Utc>,
    /// End of the wish.
    end: DateTime<Utc>,
    /// People who come.
    #[param(default = 1)]
    participants: Option<u32>,
    /// How many suggestions.
    #[param(minimum = 1, maximum = 20, default = 5)]
    limit: Option<usize>,
}

/// Alternatives.
#[derive(Debug, Serialize, ToSchema)]
struct Suggestions {
    /// Nearest first.
    suggestions: Vec<Suggestion>,
}

/// The nearest alternatives for a wish for one thing.
pub(super) async fn nearest(
    app: &App,
    item: Option<&Item>,
    filter: ResourceFilter,
    slot: Slot,
    participants: u32,
    limit: usize,
) -> ApiResult<Vec<Suggestion>> {
    let around = slot.widened(AROUND, AROUND);
    let pool = app.store().database().pool().await?;
    let mut filter = filter;
    if let Some(Item::Resource(id)) = item {
        // Of the same kind as what was wished, wherever it is.
        let ids = vec![id.to_string()];
        let wished = availability::read(pool, &ResourceFilter { ids, ..ResourceFilter::default() }, slot).await?;
        let wished = wished.first().ok_or_else(|| Problem::not_found("resource"))?;
        filter.kind = Some(wished.resource.kind);
    }
    let all = availability::read(pool, &filter, around).await?;
    let taken: Vec<_> = all.iter().map(ResourceTimes::taken).collect();
    let candidates: Vec<_> = all.iter().zip(&taken).map(|(times, busy)| times.candidate(busy)).collect();
    let resource = match item {
        Some(Item::Resource(id)) => all.iter().map(|times| &times.resource).find(|one| one.id == *id),
        _ => None,
    };
    Ok(suggest(&Wanted { resource, slot, participants, now: app.now() }, &candidates, limit))
}

/// The nearest alternatives when a wish is taken, with the reason for each.
#[utoipa::path(
    get, path = "/v1/suggestions", tag = "Availability", params(SuggestionParams),
    responses((status = 200, body = Suggestions), Declined)
)]
async fn read_suggestions(
    State(app): State<App>,
    Query(params): Query<SuggestionParams>,
) -> ApiResult<Json<Suggestions>> {
    let slot = range(params.start, params.end, TimeDelta::days(31))?;
    let item = params.resource.map(Item::Resource);
    if item.is_none() && params.pool.is_none() && params.kind.is_none() {
        return Err(Problem::invalid(vec![FieldError::new("resource", "name a resource, a pool or a kind")]).into());
    }
    let filter = ResourceFilter {
        site: params.site,
        kind: params.kind,
        pool: params.pool.map(String::from),
        ..ResourceFilter::default()
    };
    let limit = params.limit.unwrap_or(USUAL).clamp(1, MOST);
    let participants = params.participants.unwrap_or(1);
    let suggestions = nearest(&app, item.as_ref(), filter, slot, participants, limit).await?;
    Ok(Json(Suggestions { suggestions }))
}
