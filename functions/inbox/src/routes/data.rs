//! What is stored of somebody: told as a whole, and forgotten.

use axum::extract::State;
use axum::http::StatusCode;
use parvis_kit::auth::Caller;
use parvis_kit::http::Json;
use parvis_kit::routes;
use parvis_kit::routes::Routes;
use parvis_notices::Channel;
use serde::Serialize;
use utoipa::ToSchema;

use super::devices;
use crate::error::{ApiResult, Refusal};
use crate::state::App;
use crate::views::{NoteView, PreferencesView, WatchView};

pub(super) fn router() -> Routes<App> {
    Routes::new().routes(routes!(export_data, forget_data))
}

/// Notifications that are read at a time.
const PAGE: i32 = 500;

/// Everything that notifications store of somebody, besides the lines of the log, which tell no whole address and end after 90 days.
#[derive(Debug, Serialize, ToSchema)]
struct NotificationData {
    /// How one wants to be told, and where.
    preferences: PreferencesView,
    /// What one was told in the last 90 days, newest first.
    notifications: Vec<NoteView>,
    /// Subscriptions to alerts.
    subscriptions: Vec<WatchView>,
}

/// What is stored of me
#[utoipa::path(
    get,
    path = "/v1/me/notification-data",
    tag = "Mine",
    security(("login" = [])),
    responses((status = 200, description = "All of it", body = NotificationData), Refusal)
)]
async fn export_data(State(app): State<App>, caller: Caller) -> ApiResult<Json<NotificationData>> {
    let person = app.store().person(&caller.subject).await?;
    let preferences = super::mine::preferences(&app, &person).await?;
    let subscriptions = app.store().watches_of(&caller.subject).await?.iter().map(Into::into).collect();
    let (mut notifications, mut before) = (Vec::new(), None);
    loop {
        let page = app.store().notes(&caller.subject, before.as_deref(), PAGE).await?;
        notifications.extend(page.items.into_iter().map(NoteView::from));
        before = page.next;
        if before.is_none() {
            return Ok(Json(NotificationData { preferences, notifications, subscriptions }));
        }
    }
}

/// Forget what is stored of me
///
/// Preferences, addresses, devices, subscriptions and the list. Messages about what one does from then on go their usual way: into a new list.
#[utoipa::path(
    delete,
    path = "/v1/me/notification-data",
    tag = "Mine",
    security(("login" = [])),
    responses((status = 204, description = "It is forgotten"), Refusal)
)]
async fn forget_data(State(app): State<App>, caller: Caller) -> ApiResult<StatusCode> {
    let person = app.store().person(&caller.subject).await?;
    for device in person.addresses.iter().filter(|address| address.channel == Channel::Push) {
        devices::forget(&app, &device.to).await?;
    }
    app.store().forget(&caller.subject).await?;
    Ok(StatusCode::NO_CONTENT)
}
