//! Work orders: what is likely to be wrong or to fail, and what became of it.

use axum::extract::State;
use chrono::{DateTime, TimeDelta, Utc};
use parvis_forecasting::lifetime::Life;
use parvis_forecasts::{PastLife, StoredOrder, Thing};
use parvis_kit::{
    auth::Caller,
    http::{Json, Path, Query},
    problem::{FieldError, Problem},
    routes,
    routes::Routes,
};
use parvis_maintenance::{Evidence, Kind, State as OrderState, Verdict, work::Step};
use parvis_parking::PlaceId;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{MANAGERS, READERS};
use crate::{
    error::{ApiError, ApiResult, Refusal},
    state::App,
};

pub(super) fn router() -> Routes<App> {
    Routes::new().routes(routes!(list_orders)).routes(routes!(step_order)).routes(routes!(note_life))
}

/// How often a step is tried when others write the same order.
const ATTEMPTS: usize = 5;
/// The farthest date of a plan.
const AHEAD: TimeDelta = TimeDelta::days(366);

/// A work order.
#[derive(Debug, Serialize, ToSchema)]
struct OrderView {
    /// Its id.
    #[schema(example = "sensor:default:Zone_A:3:battery")]
    id: String,
    /// What it is about: a sensor with place, zone and number, or equipment with site and resource.
    #[schema(value_type = Object)]
    about: Thing,
    /// The thing's name, for people.
    title: String,
    /// What was found: battery, silent, flapping, stuck, disagreement or wear.
    #[schema(value_type = String, example = "battery")]
    kind: Kind,
    /// How likely it is true, 0 to 1, in the light of what became of others of its kind.
    #[schema(example = 0.87)]
    probability: f64,
    /// What it rests on; which fields there are depends on the kind.
    #[schema(value_type = Object)]
    evidence: Evidence,
    /// By when somebody should look.
    by: DateTime<Utc>,
    /// Where it stands: `proposed`, `planned` with `on`, `closed` with `verdict`, or `dismissed`.
    #[schema(value_type = Object)]
    status: OrderState,
    /// When it was last changed.
    changed_at: DateTime<Utc>,
}

impl From<StoredOrder> for OrderView {
    fn from(stored: StoredOrder) -> Self {
        let id = stored.id();
        let StoredOrder { thing, title, order, .. } = stored;
        Self {
            id,
            about: thing,
            title,
            kind: order.finding.kind,
            probability: order.finding.probability,
            evidence: order.finding.evidence,
            by: order.finding.by,
            status: order.state,
            changed_at: order.changed_at,
        }
    }
}

/// How often findings of a kind were right.
#[derive(Debug, Serialize, ToSchema)]
struct KindView {
    /// The kind.
    kind: String,
    /// Findings that somebody has looked at.
    looked_at: u32,
    /// Those of them that were right.
    confirmed: u32,
}

/// What inspections look at.
#[derive(Debug, Serialize, ToSchema)]
struct WatchedView {
    /// The car park whose sensors they are; null of the equipment that is booked.
    place: Option<String>,
    /// Sensors, or pieces of equipment.
    #[schema(example = 40)]
    things: u32,
    /// Those of which something can be foretold: batteries with a trend, pieces of groups with enough failures.
    foretold: u32,
    /// Those that tell too little yet: batteries that have been read for less than a week, pieces of groups with fewer than three
    /// failures.
    too_little: u32,
    /// From when on the first of those can be foretold; null if time alone does not help.
    from: Option<DateTime<Utc>>,
    /// When it was last looked.
    at: DateTime<Utc>,
}

/// What was not looked at for so long is not watched any more.
const WATCHED: TimeDelta = TimeDelta::days(3);

/// The board.
#[derive(Debug, Serialize, ToSchema)]
struct Orders {
    /// The most urgent first.
    orders: Vec<OrderView>,
    /// What feedback says of the kinds of findings.
    reliability: Vec<KindView>,
    /// What is watched, place by place; empty until the first inspection.
    watched: Vec<WatchedView>,
}

/// Which orders.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct OrderParams {
    /// Only those about the sensors of this car park.
    #[param(value_type = Option<String>, example = "default")]
    place: Option<PlaceId>,
}

/// The work orders
///
/// Found by the nightly inspection, each with a probability, its evidence and a date.
#[utoipa::path(
    get,
    path = "/v1/maintenance",
    tag = "Maintenance",
    security(("login" = [])),
    params(OrderParams),
    responses((status = 200, description = "The orders, the most urgent first", body = Orders), Refusal)
)]
async fn list_orders(
    State(app): State<App>,
    caller: Caller,
    Query(params): Query<OrderParams>,
) -> ApiResult<Json<Orders>> {
    caller.require(&READERS)?;
    let prefix = params.place.as_ref().map_or_else(String::new, Thing::of_place);
    let (mut orders, reliability, watched) =
        tokio::try_join!(app.store().orders(&prefix), app.store().reliability(), app.store().watched())?;
    let now = app.now();
    let wanted = |place: &Option<PlaceId>| params.place.is_none() || *place == params.place;
    let watched = watched.into_iter().filter(|(place, watched)| wanted(place) && watched.at + WATCHED > now);
    orders.sort_by_key(|one| (!one.order.is_open(), one.order.finding.by));
    let kind = |(kind, counts): (String, parvis_maintenance::Reliability)| KindView {
        kind,
        looked_at: counts.looked_at,
        confirmed: counts.confirmed,
    };
    Ok(Json(Orders {
        orders: orders.into_iter().map(OrderView::from).collect(),
        reliability: reliability.into_iter().filter(|(_, counts)| counts.looked_at > 0).map(kind).collect(),
        watched: watched
            .map(|(place, watched)| WatchedView {
                place: place.map(|place| place.to_string()),
                things: watched.things,
                foretold: watched.foretold,
                too_little: watched.too_little,
                from: watched.from,
                at: watched.at,
            })
            .collect(),
    }))
}

/// What who looked has found.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum VerdictInput {
    /// It was wrong, or about to fail, and is mended or replaced.
    Confirmed,
    /// Something else was wrong.
    Other,
    /// Nothing was wrong.
    NothingWrong,
}

/// What is done to an order.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(tag = "step", rename_all = "snake_case", deny_unknown_fields)]
enum StepInput {
    /// Somebody will look.
    Plan {
        /// When.
        on: DateTime<Utc>,
    },
    /// Somebody has looked.
    Close {
        /// What came of it.
        verdict: VerdictInput,
    },
    /// Nobody will look.
    Dismiss,
    /// Take it up again.
    Reopen,
}

impl StepInput {
    fn read(self, now: DateTime<Utc>) -> Result<Step, Problem> {
        Ok(match self {
            Self::Plan { on } if on < now - TimeDelta::days(1) || on > now + AHEAD => {
                return Err(Problem::invalid(vec![FieldError::new("/on", "must lie within the year to come")]));
            }
            Self::Plan { on } => Step::Plan(on),
            Self::Close { verdict: VerdictInput::Confirmed } => Step::Close(Verdict::Confirmed),
            Self::Close { verdict: VerdictInput::Other } => Step::Close(Verdict::Other),
            Self::Close { verdict: VerdictInput::NothingWrong } => Step::Close(Verdict::NothingWrong),
            Self::Dismiss => Step::Dismiss,
            Self::Reopen => Step::Reopen,
        })
    }
}

/// Plan, close, dismiss or reopen an order
///
/// What is closed teaches: how often findings of its kind are right, and, of equipment, how long such a thing lives. Reopened, it has
/// taught nothing.
#[utoipa::path(
    post,
    path = "/v1/maintenance/{id}/steps",
    tag = "Maintenance",
    security(("login" = [])),
    params(("id" = String, Path, description = "The order", example = "sensor:default:Zone_A:3:battery")),
    request_body = StepInput,
    responses((status = 200, description = "The order after the step", body = OrderView), Refusal)
)]
async fn step_order(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
    Json(input): Json<StepInput>,
) -> ApiResult<Json<OrderView>> {
    caller.require(&READERS)?;
    let now = app.now();
    let step = input.read(now)?;
    for _ in 0..ATTEMPTS {
        let before = app.store().order(&id).await?.ok_or_else(|| Problem::not_found("order"))?;
        let mut stored = before.clone();
        stored.order.apply(step, now).map_err(|refused| Problem::conflict(refused.to_string()))?;
        if app.store().put_step(&before, &stored).await? {
            return Ok(Json(stored.into()));
        }
    }
    Err(ApiError::from(Problem::conflict("others keep changing this order")))
}

/// How long a piece of equipment lived.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct LifeInput {
    /// Pieces that live alike: the pool, or the resource itself.
    #[schema(example = "projectors")]
    group: String,
    /// The piece.
    #[schema(example = "projector-3")]
    resource: String,
    /// Hours of use until then.
    #[schema(example = 1850.0)]
    hours: f64,
    /// Whether it failed; otherwise it was overhauled or replaced for another reason.
    failed: bool,
    /// When.
    ended_at: DateTime<Utc>,
}

/// Note how long a piece of equipment lived
///
/// Lives known from before, or ended without a finding: three failures are the least from which the remaining life of others is told.
#[utoipa::path(
    post,
    path = "/v1/maintenance/lives",
    tag = "Maintenance",
    security(("login" = [])),
    request_body = LifeInput,
    responses((status = 204, description = "Noted"), Refusal)
)]
async fn note_life(
    State(app): State<App>,
    caller: Caller,
    Json(input): Json<LifeInput>,
) -> ApiResult<axum::http::StatusCode> {
    caller.require(&MANAGERS)?;
    let mut errors = Vec::new();
    for (field, id) in [("/group", &input.group), ("/resource", &input.resource)] {
        // Ids of bookings follow the rule of ids of places.
        if id.parse::<PlaceId>().is_err() {
            errors.push(FieldError::new(field, "must be an id"));
        }
    }
    if !(input.hours > 0.0 && input.hours < 1e6) {
        errors.push(FieldError::new("/hours", "must be above 0"));
    }
    if input.ended_at > app.now() {
        errors.push(FieldError::new("/ended_at", "must not lie ahead"));
    }
    if !errors.is_empty() {
        return Err(Problem::invalid(errors).into());
    }
    let life = PastLife { life: Life { age: input.hours, failed: input.failed }, ended_at: input.ended_at };
    app.store().put_life(&input.group, &input.resource, &life).await?;
    Ok(axum::http::StatusCode::NO_CONTENT)
}
