//! Zones with a tariff, and the price curve.

use axum::extract::State;
use chrono::{DateTime, Utc};
use parvis_kit::http::{Json, Path, Query};
use parvis_kit::problem::{FieldError, Problem};
use parvis_kit::routes;
use parvis_kit::routes::Routes;
use parvis_money::Money;
use parvis_parking::ZoneId;
use parvis_tariffs::{CritAir, ExpectedDemand, Holder, PricePoint, Qualification, Tariffs, VehicleClass};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::error::{ApiResult, Refusal};
use crate::state::App;

/// The most points of a curve.
const MOST_POINTS: u32 = 500;

pub(super) fn router() -> Routes<App> {
    Routes::new().routes(routes!(list_zones)).routes(routes!(read_prices))
}

/// The zones where parking is sold.
#[derive(Debug, Serialize, ToSchema)]
pub struct ZoneList {
    /// By id; names and positions are those of the register of places.
    #[schema(value_type = Vec<String>)]
    zones: Vec<ZoneId>,
    /// The currency of all prices.
    currency: parvis_money::Currency,
    /// The IANA zone of local times.
    timezone: String,
    /// The version of the tariff book.
    book: u32,
    /// The least that can be paid by card; from a wallet anything can.
    least_charge: Money,
    /// With what pages address the payment provider.
    publishable_key: String,
    /// The present time.
    now: DateTime<Utc>,
}

/// The zones where parking is sold.
#[utoipa::path(get, path = "/v1/parking/zones", tag = "Tariffs", responses((status = 200, body = ZoneList), Refusal))]
async fn list_zones(State(app): State<App>) -> ApiResult<Json<ZoneList>> {
    let book = app.book().await?;
    Ok(Json(ZoneList {
        zones: book.tariffs.zones().into_iter().cloned().collect(),
        currency: book.tariffs.currency(),
        timezone: book.tariffs.timezone().name().to_owned(),
        least_charge: app.provider().least(book.tariffs.currency()),
        book: book.version,
        publishable_key: app.settings().publishable_key.clone(),
        now: app.now(),
    }))
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct CurveParams {
    /// The class of vehicle.
    #[serde(default)]
    class: VehicleClass,
    /// Electric or hydrogen.
    #[serde(default)]
    electric: bool,
    /// Crit'Air sticker.
    critair: Option<CritAir>,
    /// The right under which it parks.
    #[serde(default)]
    qualification: Qualification,
    /// When the stay begins; now without it.
    start: Option<DateTime<Utc>>,
    /// At most so many points, 1 to 500; 60 without it.
    points: Option<u32>,
}

/// A price curve.
#[derive(Debug, Serialize, ToSchema)]
pub struct Prices {
    /// When the stay begins.
    start: DateTime<Utc>,
    /// The latest end that the tariff allows.
    latest_end: DateTime<Utc>,
    /// By duration.
    points: Vec<PricePoint>,
}

impl CurveParams {
    /// When the stay begins: `now` unless the question says otherwise.
    pub(super) fn start(&self, now: DateTime<Utc>) -> DateTime<Utc> {
        self.start.unwrap_or(now)
    }

    /// The curve under some tariffs, with the demand that is expected when it begins.
    pub(super) fn curve(
        self,
        tariffs: &Tariffs,
        zone: &ZoneId,
        demand: Option<ExpectedDemand>,
        now: DateTime<Utc>,
    ) -> ApiResult<Prices> {
        let most = self.points.unwrap_or(60);
        if !(1..=MOST_POINTS).contains(&most) {
            return Err(Problem::invalid(vec![FieldError::new("points", "1 to 500")]).into());
        }
        let start = self.start(now);
        let Self { class, electric, critair, qualification, .. } = self;
        let holder = Holder { class, electric, critair, qualification };
        let latest_end = tariffs.latest_end(zone, &holder, start)?;
        Ok(Prices { start, latest_end, points: tariffs.price_points(zone, &holder, start, demand, most)? })
    }
}

/// What every length of stay costs.
#[utoipa::path(
    get,
    path = "/v1/parking/zones/{zone}/prices",
    tag = "Tariffs",
    params(("zone" = String, Path, description = "Id of the zone", example = "Zone_A"), CurveParams),
    responses((status = 200, body = Prices), Refusal)
)]
async fn read_prices(
    State(app): State<App>,
    Path(zone): Path<ZoneId>,
    Query(params): Query<CurveParams>,
) -> ApiResult<Json<Prices>> {
    let (book, now) = (app.book().await?, app.now());
    let demand = app.expected(&book.tariffs, &zone, params.start(now)).await?;
    Ok(Json(params.curve(&book.tariffs, &zone, demand, now)?))
}
