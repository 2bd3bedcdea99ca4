//! How well the spaces with sensors are used, in the metrics of the Curb Data Specification.

use std::collections::{BTreeMap, HashMap};

use axum::extract::State;
use parvis_kit::http::{Json, Path, Query};
use parvis_kit::routes;
use parvis_kit::routes::Routes;
use parvis_parking::{PlaceId, ZoneId};
use serde::Serialize;
use utoipa::ToSchema;

use super::statistics::{Question, RangeParams, Scope};
use crate::error::{ApiResult, Refusal};
use crate::series::{self, Sources, percent, rounded};
use crate::sql::{self, Bucket, Grouping, Signal, Step, ZoneSessions};
use crate::state::App;

pub(super) fn router() -> Routes<App> {
    Routes::new().routes(routes!(turnover_statistics))
}

/// How well the spaces are used.
#[derive(Debug, Serialize, ToSchema)]
pub struct Turnover {
    #[serde(flatten)]
    scope: Scope,
    /// The zones with sensors together.
    #[serde(flatten)]
    all: Usage,
    /// Each zone with sensors.
    zones: Vec<ZoneUsage>,
}

/// The usage of a zone.
#[derive(Debug, Serialize, ToSchema)]
pub struct ZoneUsage {
    /// The zone.
    #[schema(example = "Zone_A")]
    zone: String,
    #[serde(flatten)]
    usage: Usage,
}

/// Usage, in the metrics of the Curb Data Specification.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Usage {
    /// Spaces with a sensor.
    #[schema(example = 8)]
    spaces: usize,
    /// Sessions that ended in the range and whose beginning is known.
    #[schema(example = 137)]
    total_sessions: i64,
    /// Sessions per hour.
    #[schema(example = 5.71)]
    turnover: f64,
    /// Sessions per space and day.
    #[schema(example = 17.13)]
    sessions_per_space_per_day: f64,
    /// Mean dwell time in seconds; null without sessions.
    #[schema(example = 3804.0)]
    average_dwell_time: Option<f64>,
    /// Occupied share of the time in percent; -1 when the sensors were out of reach for most of it.
    #[schema(example = 61.2)]
    occupancy_percent: f64,
}

/// What a [`Usage`] is computed from.
#[derive(Debug, Clone, Copy, Default)]
struct UsageSums {
    spaces: usize,
    sessions: i64,
    dwell_seconds: f64,
    occupied_seconds: f64,
    offline_seconds: f64,
    seconds: f64,
}

impl UsageSums {
    fn usage(self) -> Usage {
        let (spaces, sessions) = (self.spaces as f64, self.sessions as f64);
        let space_seconds = spaces * self.seconds;
        let per = |whole: f64, unit: f64| if whole > 0.0 { rounded(sessions * unit / whole) } else { 0.0 };
        let mostly_offline = space_seconds > 0.0 && self.offline_seconds > space_seconds / 2.0;
        Usage {
            spaces: self.spaces,
            total_sessions: self.sessions,
            turnover: per(self.seconds, 3_600.0),
            sessions_per_space_per_day: per(space_seconds, 86_400.0),
            average_dwell_time: (self.sessions > 0).then(|| rounded(self.dwell_seconds / sessions)),
            occupancy_percent: if mostly_offline { -1.0 } else { percent(self.occupied_seconds, space_seconds) },
        }
    }

    fn add(&mut self, other: Self) {
        self.spaces += other.spaces;
        self.sessions += other.sessions;
        self.dwell_seconds += other.dwell_seconds;
        self.occupied_seconds += other.occupied_seconds;
        self.offline_seconds += other.offline_seconds;
        // All zones of a place are seen over the same stretch.
        self.seconds = self.seconds.max(other.seconds);
    }
}

/// Space-seconds for which the signal held, and seconds, of one zone.
fn held(buckets: &[Bucket], zone: &str) -> (f64, f64) {
    let own = buckets.iter().filter(|bucket| bucket.group == zone);
    own.fold((0.0, 0.0), |(held, all), bucket| (held + bucket.mean * bucket.seconds, all + bucket.seconds))
}

fn usage_by_zone(
    sources: &Sources,
    sessions: Vec<ZoneSessions>,
    occupied: &[Bucket],
    offline: &[Bucket],
) -> BTreeMap<String, UsageSums> {
    let mut sessions: HashMap<String, ZoneSessions> =
        sessions.into_iter().map(|zone| (zone.zone.clone(), zone)).collect();
    let mut zones: BTreeMap<String, UsageSums> = BTreeMap::new();
    for zone in sources.spaces.zones() {
        zones.entry(zone.clone()).or_default().spaces += 1;
    }
    for (zone, sums) in &mut zones {
        if let Some(own) = sessions.remove(zone) {
            sums.sessions = own.sessions;
            sums.dwell_seconds = own.dwell_seconds;
        }
        (sums.occupied_seconds, sums.seconds) = held(occupied, zone);
        sums.offline_seconds = held(offline, zone).0;
    }
    zones
}

/// How well the spaces with sensors are used, in the metrics of the Curb Data Specification.
#[utoipa::path(
    get,
    path = "/v1/places/{place}/statistics/turnover",
    tag = "Statistics",
    params(("place" = String, Path, description = "Id of the place", example = "default"), RangeParams),
    responses((status = 200, body = Turnover), Refusal)
)]
async fn turnover_statistics(
    State(app): State<App>,
    Path(place): Path<PlaceId>,
    Query(params): Query<RangeParams>,
) -> ApiResult<Json<Turnover>> {
    let question = Question::resolve(&app, place, params).await?;
    let (place, spaces) = (question.scope.place.as_str(), &question.sources.spaces);
    let zone = question.scope.zone.as_ref().map(ZoneId::as_str);
    let pool = app.database().pool().await?;
    let zones = match series::known_part(pool, place, &[], question.window).await? {
        Some(known) => {
            let by_zone = |signal| sql::space_series(pool, place, spaces, known, Step::Day, signal, Grouping::ByZone);
            let (sessions, occupied, offline) = tokio::try_join!(
                sql::sessions_by_zone(pool, place, zone, known),
                by_zone(Signal::Occupied),
                by_zone(Signal::Offline),
            )?;
            usage_by_zone(&question.sources, sessions, &occupied, &offline)
        }
        None => usage_by_zone(&question.sources, Vec::new(), &[], &[]),
    };
    let mut all = UsageSums::default();
    for sums in zones.values() {
        all.add(*sums);
    }
    let zones = zones.into_iter().map(|(zone, sums)| ZoneUsage { zone, usage: sums.usage() }).collect();
    Ok(Json(Turnover { scope: question.scope, all: all.usage(), zones }))
}
