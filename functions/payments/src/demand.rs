//! Expected demand for parking, taken over from the forecasts hour by hour, for the zones whose tariff lets it move prices.
//!
//! A stay is priced by the hour in which it begins. An hour that has begun is changed no more: what is asked twice within it costs the
//! same, and so does what an operator tells of a day later. What is not known moves nothing.

use std::collections::HashMap;

use chrono::{DateTime, TimeDelta, Utc};
use futures::StreamExt as _;
use parvis_forecasting::demand::{ExpectedHour, levelled};
use parvis_forecasts::{ForecastStore, Subject};
use parvis_parking::{PlaceId, ZoneId};
use parvis_tariffs::{ExpectedDemand, Tariffs};
use serde::{Deserialize, Serialize};

use crate::error::ApiResult;
use crate::state::App;
use crate::store::StoreError;

const HOUR: TimeDelta = TimeDelta::hours(1);
/// How far ahead it is taken over: should the schedule fail, no price is moved for longer by what was expected before.
const AHEAD: TimeDelta = TimeDelta::hours(24);
/// How long hours are kept that have begun: operators tell of sessions up to a day later.
const KEPT: TimeDelta = TimeDelta::hours(26);
/// Zones looked at side by side.
const AT_ONCE: usize = 8;

/// What is expected of a zone.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ZoneDemand {
    /// The car park by whose forecasts it is.
    pub place: PlaceId,
    /// The hours of the last and of the coming day of which something is known, by time.
    pub hours: Vec<ExpectedHour>,
}

/// What was taken over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Renewed {
    /// Zones in which demand moves prices.
    pub zones: u64,
    /// Hours ahead of which something is expected, of all of them.
    pub hours: u64,
    /// Zones that could not be renewed now; what was known of them before holds.
    pub failed: u64,
}

/// Why a zone could not be renewed.
#[derive(Debug, thiserror::Error)]
enum Unrenewed {
    /// The forecasts cannot be read.
    #[error(transparent)]
    Forecasts(#[from] parvis_forecasts::StoreError),
    /// Our own table cannot be read or written.
    #[error(transparent)]
    Payments(#[from] StoreError),
}

impl ZoneDemand {
    /// What is expected when a stay begins at `start`.
    fn at(&self, start: DateTime<Utc>) -> Option<ExpectedDemand> {
        let hour = self.hours.iter().find(|hour| hour.at <= start && start < hour.at + HOUR)?;
        // A share, which is far from the limits of the type.
        let taken_percent = hour.percent.round().clamp(0.0, 100.0) as u32;
        Some(ExpectedDemand { factor_percent: hour.level.percent(), taken_percent })
    }

    /// With what is expected now of hours to come, each at the level that follows from the one it had.
    fn renewed(&self, expected: &[(DateTime<Utc>, f64)], now: DateTime<Utc>) -> Self {
        let before: HashMap<_, _> = self.hours.iter().map(|hour| (hour.at, hour.level)).collect();
        let begun = self.hours.iter().copied().filter(|hour| hour.at <= now && hour.at > now - KEPT);
        let ahead: Vec<_> = expected.iter().copied().filter(|(at, _)| *at > now && *at <= now + AHEAD).collect();
        Self { place: self.place.clone(), hours: begun.chain(levelled(&before, &ahead)).collect() }
    }
}

impl App {
    /// The demand that is expected when a stay begins in a zone, if the tariff lets it move the price and something is known of it.
    ///
    /// # Errors
    /// 503 when the table is away.
    pub async fn expected(
        &self,
        tariffs: &Tariffs,
        zone: &ZoneId,
        start: DateTime<Utc>,
    ) -> ApiResult<Option<ExpectedDemand>> {
        let Some(place) = tariffs.demand_place(zone, start) else { return Ok(None) };
        let known = self.store().demand(zone).await?;
        Ok(known.filter(|(known, _)| known.place == *place).and_then(|(known, _)| known.at(start)))
    }

    /// Takes over what is expected now.
    ///
    /// # Errors
    /// When the tariffs cannot be read. A zone that fails does not hold up the others.
    pub async fn renew_demand(&self, forecasts: &ForecastStore) -> ApiResult<Renewed> {
        if self.store().newest_book().await?.is_none() {
            return Ok(Renewed::default());
        }
        let (book, now) = (self.book().await?, self.now());
        let zones = book.tariffs.zones_with_demand(now, now + AHEAD);
        let zones: Vec<_> = zones.into_iter().map(|(zone, place)| (zone.clone(), place.clone())).collect();
        let mut renewed = Renewed { zones: zones.len() as u64, ..Renewed::default() };
        let zones = zones.into_iter().map(|(zone, place)| self.renew_zone(forecasts, zone, place, now));
        let mut results = futures::stream::iter(zones).buffer_unordered(AT_ONCE);
        while let Some(result) = results.next().await {
            match result {
                Ok(hours) => renewed.hours += hours,
                Err(error) => {
                    renewed.failed += 1;
                    tracing::warn!(?error, "expected demand of a zone is taken over later");
                }
            }
        }
        Ok(renewed)
    }

    /// How many hours ahead of a zone are known now.
    async fn renew_zone(
        &self,
        forecasts: &ForecastStore,
        zone: ZoneId,
        place: PlaceId,
        now: DateTime<Utc>,
    ) -> Result<u64, Unrenewed> {
        let expected = forecasts.expected_demand(&Subject::Zone(place.clone(), zone.clone()), now).await?;
        let found = self.store().demand(&zone).await?;
        let revision = found.as_ref().map(|(_, revision)| *revision);
        let before = found.map(|(before, _)| before).filter(|before| before.place == place);
        let before = before.unwrap_or(ZoneDemand { place, hours: Vec::new() });
        let after = before.renewed(&expected, now);
        let ahead = after.hours.iter().filter(|hour| hour.at > now).count() as u64;
        match self.store().put_demand(&zone, &after, revision, now + AHEAD + KEPT).await {
            // Another run was faster, and has read the same forecasts.
            Ok(()) | Err(StoreError::Conflict) => Ok(ahead),
            Err(error) => Err(error.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use parvis_forecasting::demand::DemandLevel::{self, High, Low, Peak, Usual};
    use proptest::prelude::*;

    use super::*;

    fn at(minutes: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::minutes(minutes)
    }

    fn nothing() -> ZoneDemand {
        ZoneDemand { place: "town".parse().unwrap(), hours: Vec::new() }
    }

    fn levels(demand: &ZoneDemand) -> Vec<(i64, DemandLevel)> {
        demand.hours.iter().map(|hour| ((hour.at - DateTime::UNIX_EPOCH).num_hours(), hour.level)).collect()
    }

    #[test]
    fn hours_to_come_follow_the_forecast_and_those_begun_stay() {
        let first = nothing().renewed(&[(at(0), 90.0), (at(60), 20.0), (at(120), 72.0), (at(180), 90.0)], at(20));
        assert_eq!(levels(&first), [(1, Low), (2, High), (3, Peak)], "the first has begun before it was known");
        // The second has begun; the third holds its level within the hysteresis; the fourth leaves it.
        let second = first.renewed(&[(at(60), 90.0), (at(120), 66.0), (at(180), 50.0)], at(80));
        assert_eq!(levels(&second), [(1, Low), (2, High), (3, Usual)]);
        // Without a forecast what has begun is all that is known.
        assert_eq!(levels(&second.renewed(&[], at(140))), [(1, Low), (2, High)]);
        let day = 24 * 60;
        assert_eq!(levels(&second.renewed(&[(at(3 * day), 90.0)], at(day + 90))), [(1, Low), (2, High), (3, Usual)]);
        assert_eq!(levels(&second.renewed(&[], at(day + 180))), [(2, High), (3, Usual)]);
    }

    #[test]
    fn a_stay_is_priced_by_the_hour_in_which_it_begins() {
        let demand = nothing().renewed(&[(at(60), 20.4), (at(120), 96.0)], at(0));
        let percents = |minutes| demand.at(at(minutes)).map(|found| (found.factor_percent, found.taken_percent));
        assert_eq!(percents(59), None);
        assert_eq!((percents(60), percents(119)), (Some((85, 20)), Some((85, 20))));
        assert_eq!((percents(120), percents(180)), (Some((130, 96)), None));
    }

    proptest! {
        /// Whatever forecasts say later: a stay that has begun keeps its price, as long as anybody may ask for it.
        #[test]
        fn what_has_begun_is_never_changed(
            runs in prop::collection::vec((1..180i64, prop::collection::vec(0.0..110.0_f64, 30)), 1..30),
        ) {
            let (mut demand, mut now) = (nothing(), 0);
            for (pause, percents) in runs {
                let first = now - now % 60;
                let expected: Vec<_> = (first..).step_by(60).map(at).zip(percents).collect();
                let after = demand.renewed(&expected, at(now));
                for minute in (now - 24 * 60..=now).step_by(10) {
                    prop_assert_eq!(after.at(at(minute)), demand.at(at(minute)));
                }
                prop_assert!(after.hours.is_sorted_by_key(|hour| hour.at));
                (demand, now) = (after, now + pause);
            }
        }
    }
}
