//! Sites, policies, pools and plans.

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use parvis_booking::policy::Policy;
use parvis_booking::resource::{Kind, Resource, ResourcePool, Site};
use parvis_booking::{PolicyId, PoolId, SiteId};
use parvis_kit::auth::Caller;
use parvis_kit::http::{Json, Path, expected_version};
use parvis_kit::problem::{FieldError, Problem};
use parvis_kit::routes;
use parvis_kit::routes::Routes;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::input::{faults, staff};
use crate::error::{ApiError, ApiResult, Declined, Refused};
use crate::state::App;
use crate::store::catalog::{self, Condition, Kept, Versioned};
use crate::store::catalog_import::{self, ImportError};
use crate::store::people::Plan;

/// Seats of a pool made at once at most.
const MOST_SEATS: u32 = 1000;

pub(super) fn router() -> Routes<App> {
    Routes::new()
        .routes(routes!(list_sites))
        .routes(routes!(put_site, delete_site))
        .routes(routes!(list_policies))
        .routes(routes!(put_policy, delete_policy))
        .routes(routes!(list_pools))
        .routes(routes!(put_pool, delete_pool))
        .routes(routes!(list_plans))
        .routes(routes!(put_plan, delete_plan))
}

/// The version that the client says it changes.
pub(super) fn expected(headers: &HeaderMap) -> Condition {
    expected_version(headers).into()
}

/// What a failed write means: 422 for a reference to nothing.
pub(super) fn written(result: Result<Option<i64>, sqlx::Error>) -> ApiResult<i64> {
    match result {
        Ok(Some(version)) => Ok(version),
        Ok(None) => Err(Problem::precondition_failed().into()),
        Err(error) if is_foreign_key(&error) => Err(refers_to_nothing(&error).into()),
        Err(error) => Err(error.into()),
    }
}

/// What a deletion means: 404 for nothing, 409 for what is used.
pub(super) fn deleted(result: Result<bool, sqlx::Error>, what: &'static str) -> ApiResult<StatusCode> {
    match result {
        Ok(true) => Ok(StatusCode::NO_CONTENT),
        Ok(false) => Err(Problem::not_found(what).into()),
        Err(error) if is_foreign_key(&error) => {
            Err(Refused::InUse("It is used: close it, or delete first what refers to it.").into())
        }
        Err(error) => Err(error.into()),
    }
}

/// A reference to nothing, at its field: the constraints are called `<table>_<column>_fkey`.
fn refers_to_nothing(error: &sqlx::Error) -> Refused {
    let constraint = match error {
        sqlx::Error::Database(error) => error.constraint().unwrap_or_default(),
        _ => "",
    };
    let what =
        ["site", "policy", "pool", "plan"].into_iter().find(|what| constraint.ends_with(&format!("_{what}_fkey")));
    match what {
        Some(what) => Refused::field(format!("/{what}"), format!("there is no such {what}")),
        None => Refused::field("", "refers to what does not exist"),
    }
}

fn is_foreign_key(error: &sqlx::Error) -> bool {
    matches!(error, sqlx::Error::Database(error) if error.code().as_deref() == Some("23503"))
}

async fn all<T: Kept>(app: &App) -> ApiResult<Vec<Versioned<T>>> {
    let pool = app.store().database().pool().await?;
    Ok(catalog::list::<T>(pool).await?.into_iter().map(|(_, value)| value).collect())
}

/// A document with the id of its address in it.
pub(super) fn identified<T: for<'de> Deserialize<'de>>(id: &str, mut body: Value) -> Result<T, ApiError> {
    if let Some(members) = body.as_object_mut() {
        members.insert("id".to_owned(), id.into());
        // What was read may be sent back; the version of a change is in its If-Match.
        members.remove("version");
    }
    serde_json::from_value(body).map_err(|error| Problem::invalid(vec![FieldError::new("", error.to_string())]).into())
}

/// All sites.
#[derive(Debug, Serialize, ToSchema)]
struct SiteList {
    /// By id.
    sites: Vec<Versioned<Site>>,
}

/// All sites.
#[utoipa::path(get, path = "/v1/sites", tag = "Resources", responses((status = 200, body = SiteList), Declined))]
async fn list_sites(State(app): State<App>) -> ApiResult<Json<SiteList>> {
    Ok(Json(SiteList { sites: all(&app).await? }))
}

/// Makes or changes a site.
#[utoipa::path(
    put, path = "/v1/sites/{site}", tag = "Resources", security(("login" = [])), request_body = Site,
    params(("site" = String, Path, description = "Id of the site")),
    responses((status = 200, body = Versioned<Site>), Declined)
)]
async fn put_site(
    State(app): State<App>,
    caller: Caller,
    headers: HeaderMap,
    Path(site): Path<SiteId>,
    Json(body): Json<Value>,
) -> ApiResult<Json<Versioned<Site>>> {
    staff(&caller)?;
    let value: Site = identified(site.as_str(), body)?;
    faults(value.opening.faults())?;
    let pool = app.store().database().pool().await?;
    let version = written(catalog::put(pool, site.as_str(), &value, &expected(&headers)).await)?;
    Ok(Json(Versioned { value, version }))
}

/// Deletes a site without resources.
#[utoipa::path(
    delete, path = "/v1/sites/{site}", tag = "Resources", security(("login" = [])),
    params(("site" = String, Path, description = "Id of the site")),
    responses((status = 204, description = "Deleted"), Declined)
)]
async fn delete_site(State(app): State<App>, caller: Caller, Path(site): Path<SiteId>) -> ApiResult<StatusCode> {
    staff(&caller)?;
    deleted(catalog::delete::<Site>(app.store().database().pool().await?, site.as_str()).await, "site")
}

/// All policies.
#[derive(Debug, Serialize, ToSchema)]
struct PolicyList {
    /// By id.
    policies: Vec<Versioned<Policy>>,
}

/// All policies.
#[utoipa::path(get, path = "/v1/policies", tag = "Resources", responses((status = 200, body = PolicyList), Declined))]
async fn list_policies(State(app): State<App>) -> ApiResult<Json<PolicyList>> {
    Ok(Json(PolicyList { policies: all(&app).await? }))
}

/// Makes or changes a policy. Bookings made before keep the rules under which they were made.
#[utoipa::path(
    put, path = "/v1/policies/{policy}", tag = "Resources", security(("login" = [])), request_body = Policy,
    params(("policy" = String, Path, description = "Id of the policy")),
    responses((status = 200, body = Versioned<Policy>), Declined)
)]
async fn put_policy(
    State(app): State<App>,
    caller: Caller,
    headers: HeaderMap,
    Path(policy): Path<PolicyId>,
    Json(body): Json<Value>,
) -> ApiResult<Json<Versioned<Policy>>> {
    staff(&caller)?;
    let value: Policy = identified(policy.as_str(), body)?;
    faults(value.faults())?;
    let pool = app.store().database().pool().await?;
    let version = written(catalog::put_policy(pool, &value, &expected(&headers)).await)?;
    Ok(Json(Versioned { value, version }))
}

/// Deletes a policy that no resource has.
#[utoipa::path(
    delete, path = "/v1/policies/{policy}", tag = "Resources", security(("login" = [])),
    params(("policy" = String, Path, description = "Id of the policy")),
    responses((status = 204, description = "Deleted"), Declined)
)]
async fn delete_policy(State(app): State<App>, caller: Caller, Path(policy): Path<PolicyId>) -> ApiResult<StatusCode> {
    staff(&caller)?;
    deleted(catalog::delete::<Policy>(app.store().database().pool().await?, policy.as_str()).await, "policy")
}

/// All pools.
#[derive(Debug, Serialize, ToSchema)]
struct PoolList {
    /// By id.
    pools: Vec<Versioned<ResourcePool>>,
}

/// All pools.
#[utoipa::path(get, path = "/v1/pools", tag = "Resources", responses((status = 200, body = PoolList), Declined))]
async fn list_pools(State(app): State<App>) -> ApiResult<Json<PoolList>> {
    Ok(Json(PoolList { pools: all(&app).await? }))
}

/// Seats or pieces to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Seats {
    /// How many: `<pool>-1` to `<pool>-<count>`.
    count: u32,
    /// What they are like: a resource without id, site, kind, name and pool.
    #[schema(value_type = Object)]
    like: Value,
}

/// A pool.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct PoolInput {
    /// Where it is.
    site: SiteId,
    /// For people.
    name: String,
    /// What its members are.
    kind: Kind,
    /// Members to be made with it; those that are there stay.
    seats: Option<Seats>,
}

impl PoolInput {
    fn members(&self, id: &PoolId) -> Result<Vec<Resource>, ApiError> {
        let Some(Seats { count, like }) = &self.seats else { return Ok(Vec::new()) };
        if !(1..=MOST_SEATS).contains(count) || !like.is_object() {
            return Err(Refused::field("/seats", format!("count must be 1 to {MOST_SEATS}, like an object")).into());
        }
        (1..=*count)
            .map(|number| {
                let mut member = like.clone();
                member["site"] = self.site.as_str().into();
                member["kind"] = self.kind.as_str().into();
                member["pool"] = id.as_str().into();
                member["name"] = format!("{} {number}", self.name).into();
                let member: Resource = identified(&format!("{id}-{number}"), member)?;
                faults(member.faults())?;
                Ok(member)
            })
            .collect()
    }
}

/// What is wrong with seats that refer to nothing: they are all alike.
fn unlike(error: ImportError) -> ApiError {
    match error {
        ImportError::Missing(missing) => {
            let first = missing.first().map(|one| (format!("/seats/like/{}", one.what), one.message()));
            let (field, message) = first.unwrap_or_default();
            Refused::field(field, message).into()
        }
        ImportError::Database(error) => error.into(),
    }
}

/// Makes or changes a pool, with its seats if they are given.
#[utoipa::path(
    put, path = "/v1/pools/{pool}", tag = "Resources", security(("login" = [])), request_body = PoolInput,
    params(("pool" = String, Path, description = "Id of the pool")),
    responses((status = 200, body = Versioned<ResourcePool>), Declined)
)]
async fn put_pool(
    State(app): State<App>,
    caller: Caller,
    headers: HeaderMap,
    Path(id): Path<PoolId>,
    Json(input): Json<PoolInput>,
) -> ApiResult<Json<Versioned<ResourcePool>>> {
    staff(&caller)?;
    let members = input.members(&id)?;
    let value = ResourcePool { id: id.clone(), site: input.site, name: input.name, kind: input.kind };
    let pool = app.store().database().pool().await?;
    let version = written(catalog::put_pool(pool, &value, &expected(&headers)).await)?;
    catalog_import::import(pool, &members, app.now()).await.map_err(unlike)?;
    Ok(Json(Versioned { value, version }))
}

/// Deletes a pool without members.
#[utoipa::path(
    delete, path = "/v1/pools/{pool}", tag = "Resources", security(("login" = [])),
    params(("pool" = String, Path, description = "Id of the pool")),
    responses((status = 204, description = "Deleted"), Declined)
)]
async fn delete_pool(State(app): State<App>, caller: Caller, Path(pool): Path<PoolId>) -> ApiResult<StatusCode> {
    staff(&caller)?;
    deleted(catalog::delete::<ResourcePool>(app.store().database().pool().await?, pool.as_str()).await, "pool")
}

/// A subscription with its id.
#[derive(Debug, Serialize, ToSchema)]
struct PlanView {
    /// Its id.
    id: String,
    /// What it is.
    #[serde(flatten)]
    plan: Versioned<Plan>,
}

/// All subscriptions.
#[derive(Debug, Serialize, ToSchema)]
struct PlanList {
    /// By id.
    plans: Vec<PlanView>,
}

/// All subscriptions.
#[utoipa::path(get, path = "/v1/plans", tag = "Resources", responses((status = 200, body = PlanList), Declined))]
async fn list_plans(State(app): State<App>) -> ApiResult<Json<PlanList>> {
    let all = catalog::list::<Plan>(app.store().database().pool().await?).await?;
    Ok(Json(PlanList { plans: all.into_iter().map(|(id, plan)| PlanView { id, plan }).collect() }))
}

/// Makes or changes a subscription.
#[utoipa::path(
    put, path = "/v1/plans/{plan}", tag = "Resources", security(("login" = [])), request_body = Plan,
    params(("plan" = String, Path, description = "Id of the subscription")),
    responses((status = 200, body = PlanView), Declined)
)]
async fn put_plan(
    State(app): State<App>,
    caller: Caller,
    headers: HeaderMap,
    Path(id): Path<PolicyId>,
    Json(value): Json<Plan>,
) -> ApiResult<Json<PlanView>> {
    staff(&caller)?;
    let pool = app.store().database().pool().await?;
    let version = written(catalog::put(pool, id.as_str(), &value, &expected(&headers)).await)?;
    Ok(Json(PlanView { id: id.to_string(), plan: Versioned { value, version } }))
}

/// Deletes a subscription that nobody has.
#[utoipa::path(
    delete, path = "/v1/plans/{plan}", tag = "Resources", security(("login" = [])),
    params(("plan" = String, Path, description = "Id of the subscription")),
    responses((status = 204, description = "Deleted"), Declined)
)]
async fn delete_plan(State(app): State<App>, caller: Caller, Path(id): Path<PolicyId>) -> ApiResult<StatusCode> {
    staff(&caller)?;
    deleted(catalog::delete::<Plan>(app.store().database().pool().await?, id.as_str()).await, "plan")
}
