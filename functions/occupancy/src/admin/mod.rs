//! Administration of the register: creating, changing and closing places, zones and spaces.
//!
//! Everything is keyed by ids that the client chooses, so every request may be repeated. Changes carry the version that
//! they start from in `If-Match`; a `PUT` that says what is already there changes nothing and needs none.

mod import;
mod input;
mod places;
mod precondition;
mod spaces;
mod zones;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue, header};
use parvis_kit::auth::{Caller, Role};
use parvis_kit::http::version_etag;
use parvis_kit::problem::Problem;
use parvis_kit::routes::Routes;
use parvis_parking::{PlaceId, ZoneId};
use parvis_places::{PlaceRecord, Zone};

use crate::error::{ApiError, ApiResult};
use crate::sql::{self, UsageScope};
use crate::state::App;

/// The routes of administration.
pub fn router() -> Routes<App> {
    Routes::new().merge(places::router()).merge(zones::router()).merge(spaces::router()).merge(import::router())
}

/// A caller who may change the register. As an extractor it answers 401 without a login and 403 without the role.
struct Manager;

impl<S: Send + Sync> FromRequestParts<S> for Manager {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let caller = <Caller as FromRequestParts<S>>::from_request_parts(parts, state).await?;
        caller.require(&[Role::Admin, Role::Manager]).map(|()| Self)
    }
}

/// The header that tells the version of what was written.
fn etag(version: u64) -> [(HeaderName, HeaderValue); 1] {
    [(header::ETAG, version_etag(version))]
}

impl App {
    /// A place as it is in the register at this moment; `None` when it is not registered.
    async fn registered(&self, id: &PlaceId) -> ApiResult<Option<PlaceRecord>> {
        Ok(self.places().store().get(id).await?)
    }

    /// A registered place, to change something in it.
    ///
    /// # Errors
    /// 404 when it is not registered.
    async fn to_change(&self, id: &PlaceId) -> ApiResult<PlaceRecord> {
        Ok(self.registered(id).await?.ok_or_else(|| Problem::not_found("place"))?)
    }

    /// Refuses to delete what was ever used: its history would lose its name.
    ///
    /// # Errors
    /// 409 when the history knows it, 503 when that cannot be asked.
    async fn refuse_used(&self, scope: UsageScope<'_>, live: bool) -> ApiResult<()> {
        if live || sql::has_history(self.database().pool().await?, scope).await? {
            return Err(ApiError::from(Problem::conflict(
                "It has been in use, and its history needs it. Close it instead: set `status` to `closed`, or `closed` of a \
                 space to true.",
            )));
        }
        Ok(())
    }
}

/// A registered zone of a record.
fn zone_of(record: &PlaceRecord, zone: &ZoneId) -> Result<Zone, Problem> {
    record.zone(zone).cloned().ok_or_else(|| Problem::not_found("zone"))
}
