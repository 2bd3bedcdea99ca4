//! Resources one by one.

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use parvis_booking::ResourceId;
use parvis_booking::resource::Resource;
use parvis_kit::auth::Caller;
use parvis_kit::http::{Json, Path, Query};
use parvis_kit::problem::Problem;
use parvis_kit::routes;
use parvis_kit::routes::Routes;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::catalog::{deleted, expected, identified, written};
use super::input::{FilterParams, faults, staff};
use crate::error::{ApiResult, Declined, Refused};
use crate::state::App;
use crate::store::catalog::{self, ResourceFilter, ResourceView};

pub(super) fn router() -> Routes<App> {
    Routes::new()
        .routes(routes!(list_resources))
        .routes(routes!(read_resource, put_resource, delete_resource))
        .routes(routes!(read_code))
}

/// Resources.
#[derive(Debug, Serialize, ToSchema)]
struct ResourceList {
    /// By id.
    resources: Vec<ResourceView>,
}

/// The resource `id`.
pub(super) async fn find(app: &App, id: &ResourceId) -> ApiResult<ResourceView> {
    let filter = ResourceFilter { ids: vec![id.to_string()], ..ResourceFilter::default() };
    let mut found = catalog::resources(app.store().database().pool().await?, &filter).await?;
    found.pop().ok_or_else(|| Problem::not_found("resource").into())
}

/// Resources that fit a filter.
#[utoipa::path(
    get, path = "/v1/resources", tag = "Resources", params(FilterParams),
    responses((status = 200, body = ResourceList), Declined)
)]
async fn list_resources(State(app): State<App>, Query(params): Query<FilterParams>) -> ApiResult<Json<ResourceList>> {
    let resources = catalog::resources(app.store().database().pool().await?, &(&params).into()).await?;
    Ok(Json(ResourceList { resources }))
}

/// A resource.
#[utoipa::path(
    get, path = "/v1/resources/{resource}", tag = "Resources",
    params(("resource" = String, Path, description = "Id of the resource")),
    responses((status = 200, body = ResourceView), Declined)
)]
async fn read_resource(State(app): State<App>, Path(id): Path<ResourceId>) -> ApiResult<Json<ResourceView>> {
    Ok(Json(find(&app, &id).await?))
}

/// Makes or changes a resource.
#[utoipa::path(
    put, path = "/v1/resources/{resource}", tag = "Resources", security(("login" = [])), request_body = Resource,
    params(("resource" = String, Path, description = "Id of the resource")),
    responses((status = 200, body = ResourceView), Declined)
)]
async fn put_resource(
    State(app): State<App>,
    caller: Caller,
    headers: HeaderMap,
    Path(id): Path<ResourceId>,
    Json(mut body): Json<Value>,
) -> ApiResult<Json<ResourceView>> {
    staff(&caller)?;
    if body.get("id").is_some_and(|given| *given != id.as_str()) {
        return Err(Refused::field("/id", "must be that of the address").into());
    }
    if let Some(members) = body.as_object_mut() {
        // Told with a resource, but its site's.
        members.remove("timezone");
    }
    let resource: Resource = identified(id.as_str(), body)?;
    faults(resource.faults())?;
    let pool = app.store().database().pool().await?;
    written(catalog::put_resource(pool, &resource, &expected(&headers), app.now()).await)?;
    Ok(Json(find(&app, &id).await?))
}

/// Deletes a resource that was never booked; others are closed (`closed: true`).
#[utoipa::path(
    delete, path = "/v1/resources/{resource}", tag = "Resources", security(("login" = [])),
    params(("resource" = String, Path, description = "Id of the resource")),
    responses((status = 204, description = "Deleted"), Declined)
)]
async fn delete_resource(State(app): State<App>, caller: Caller, Path(id): Path<ResourceId>) -> ApiResult<StatusCode> {
    staff(&caller)?;
    deleted(catalog::delete_resource(app.store().database().pool().await?, id.as_str()).await, "resource")
}

/// The code for the door.
#[derive(Debug, Serialize, ToSchema)]
struct DoorCode {
    /// The code.
    code: String,
    /// Page to put into the QR code, below the web application's address.
    #[schema(example = "/check-in?resource=room-1&code=b1nJ0KQm3v0r0m1S")]
    path: String,
}

/// The code that hangs on the door, for check-ins by QR code.
#[utoipa::path(
    get, path = "/v1/resources/{resource}/check-in-code", tag = "Resources", security(("login" = [])),
    params(("resource" = String, Path, description = "Id of the resource")),
    responses((status = 200, body = DoorCode), Declined)
)]
async fn read_code(State(app): State<App>, caller: Caller, Path(id): Path<ResourceId>) -> ApiResult<Json<DoorCode>> {
    staff(&caller)?;
    find(&app, &id).await?;
    let code = app.key().door_code(id.as_str());
    // Ids and codes consist of characters that need no escape.
    Ok(Json(DoorCode { path: format!("/check-in?resource={id}&code={code}"), code }))
}
