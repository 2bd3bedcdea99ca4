//! Devices that are pushed to.

use axum::extract::State;
use axum::http::StatusCode;
use chrono::{DateTime, Utc};
use parvis_kit::auth::Caller;
use parvis_kit::http::{Json, Path};
use parvis_kit::problem::Problem;
use parvis_kit::routes;
use parvis_kit::routes::Routes;
use parvis_notices::Channel;
use parvis_notices::address::Address;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::mine::room_for_an_address;
use crate::devices::DevicePlatform;
use crate::error::{ApiResult, Refusal, invalid};
use crate::state::App;

pub(super) fn router() -> Routes<App> {
    Routes::new().routes(routes!(list_devices, register_device)).routes(routes!(forget_device))
}

/// Longest name of a device, characters.
const LONGEST_NAME: usize = 60;

/// A device.
#[derive(Debug, Serialize, ToSchema)]
struct DeviceView {
    /// Its id.
    id: String,
    /// What its owner calls it.
    name: Option<String>,
    /// Since when it is pushed to.
    registered_at: Option<DateTime<Utc>>,
}

impl From<&Address> for DeviceView {
    fn from(address: &Address) -> Self {
        Self { id: address.digest(), name: address.name.clone(), registered_at: address.verified_at }
    }
}

/// Devices, and what could be registered.
#[derive(Debug, Serialize, ToSchema)]
struct DeviceList {
    /// The platforms that push is offered to here; none where it is not offered at all.
    platforms: Vec<DevicePlatform>,
    /// The caller's.
    devices: Vec<DeviceView>,
}

/// My devices
#[utoipa::path(
    get,
    path = "/v1/me/devices",
    tag = "Mine",
    security(("login" = [])),
    responses((status = 200, description = "Devices that are pushed to", body = DeviceList), Refusal)
)]
async fn list_devices(State(app): State<App>, caller: Caller) -> ApiResult<Json<DeviceList>> {
    let person = app.store().person(&caller.subject).await?;
    let devices = person.addresses.iter().filter(|address| address.channel == Channel::Push).map(Into::into).collect();
    Ok(Json(DeviceList { platforms: app.devices().offered(), devices }))
}

/// A device, as its app knows it.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct DeviceInput {
    /// Whose messaging it has.
    platform: DevicePlatform,
    /// What the platform's library gave the app.
    #[schema(min_length = 1, max_length = 4096)]
    token: String,
    /// What its owner calls it.
    #[serde(default)]
    #[schema(max_length = 60, example = "Pixel 9")]
    name: Option<String>,
}

/// Push to this device
///
/// To be called by the app at each start: tokens change, and one that was refused is taken up again. A device is the caller's from now
/// on, and nobody else's.
#[utoipa::path(
    post,
    path = "/v1/me/devices",
    tag = "Mine",
    security(("login" = [])),
    request_body = DeviceInput,
    responses((status = 201, description = "It is pushed to", body = DeviceView), Refusal)
)]
async fn register_device(
    State(app): State<App>,
    caller: Caller,
    Json(input): Json<DeviceInput>,
) -> ApiResult<(StatusCode, Json<DeviceView>)> {
    let DeviceInput { platform, token, name } = input;
    if token.is_empty() || token.len() > 4096 || token.chars().any(char::is_control) {
        return Err(invalid("/token", "this is no token of a device"));
    }
    let plain = |name: &String| name.chars().count() <= LONGEST_NAME && !name.chars().any(char::is_control);
    if !name.as_ref().is_none_or(plain) {
        return Err(invalid("/name", format!("one line of at most {LONGEST_NAME} characters")));
    }
    // Before SNS is asked, so that nobody fills the application with endpoints.
    let known = app.store().person(&caller.subject).await?;
    room_for_an_address(&known)?;
    let endpoint = app.devices().endpoint_of(platform, &token).await?;
    take_from_holder(&app, &endpoint, &caller.subject).await?;
    app.store().hold_device(&endpoint, &caller.subject).await?;
    let address = Address { verified_at: Some(app.now()), name, ..Address::new(Channel::Push, &endpoint)? };
    let mut person = app.store().person(&caller.subject).await?;
    person.addresses.retain(|known| known.to != endpoint);
    person.addresses.push(address.clone());
    app.store().save_person(&mut person).await?;
    // It may have been left alone because SNS had turned it off.
    app.store().pardon(&endpoint).await?;
    Ok((StatusCode::CREATED, Json((&address).into())))
}

/// A device that somebody else logs in on is not theirs any more.
async fn take_from_holder(app: &App, endpoint: &str, subject: &str) -> ApiResult<()> {
    let holder = app.store().device_holder(endpoint).await?;
    let Some(other) = holder.filter(|holder| holder != subject) else { return Ok(()) };
    let mut person = app.store().person(&other).await?;
    let before = person.addresses.len();
    person.addresses.retain(|address| address.to != endpoint);
    if person.addresses.len() < before {
        app.store().save_person(&mut person).await?;
    }
    Ok(())
}

/// No more pushes to a device
#[utoipa::path(
    delete,
    path = "/v1/me/devices/{id}",
    tag = "Mine",
    security(("login" = [])),
    params(("id" = String, Path, description = "The device")),
    responses((status = 204, description = "It is forgotten"), Refusal)
)]
async fn forget_device(State(app): State<App>, caller: Caller, Path(id): Path<String>) -> ApiResult<StatusCode> {
    let mut person = app.store().person(&caller.subject).await?;
    let mine = |address: &Address| address.channel == Channel::Push && address.digest() == id;
    let place = person.addresses.iter().position(mine).ok_or_else(|| Problem::not_found("device"))?;
    let device = person.addresses.remove(place);
    // Last where it is found: what fails in between can be asked for again.
    forget(&app, &device.to).await?;
    app.store().save_person(&mut person).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Takes a device away from SNS and from who held it.
pub(super) async fn forget(app: &App, endpoint: &str) -> ApiResult<()> {
    app.devices().forget(endpoint).await?;
    Ok(app.store().release_device(endpoint).await?)
}
