//! Where and when a place is more likely to be found: other zones, other car parks nearby, another time.

use chrono::{DateTime, TimeDelta, Utc};
use parvis_forecasts::Subject;
use parvis_places::{Location, OpenStatus, Place, PlaceRecord};
use serde::Serialize;
use utoipa::ToSchema;

use crate::views::StepView;

/// Car parks further away are no alternative, in metres.
const NEARBY: f64 = 1500.0;
/// How far from the wished time another one is looked for.
pub const AROUND: TimeDelta = TimeDelta::hours(3);
/// An alternative is told when its chance is better by so much.
const BETTER: f64 = 0.05;
/// Suggestions of one answer.
const MOST: usize = 5;
/// Mean radius of the Earth in metres (IUGG).
const EARTH: f64 = 6_371_008.8;

/// What kind of alternative it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Why {
    /// A zone of the same car park, at the wished time.
    OtherZone,
    /// The same car park at another time.
    OtherTime,
    /// Another car park nearby, at the wished time.
    OtherPlace,
}

/// A place and time with a better chance.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Suggestion {
    /// What kind of alternative it is.
    pub why: Why,
    /// The car park.
    #[schema(example = "default")]
    pub place: String,
    /// Its zone; null for the whole of it.
    pub zone: Option<String>,
    /// The name of the zone or car park.
    pub name: String,
    /// Way from the wished car park as the crow flies, in metres.
    pub distance_metres: u32,
    /// What is expected there then.
    pub step: StepView,
}

/// A place or zone whose forecast is worth a look.
#[derive(Clone, Debug, PartialEq)]
pub struct Candidate {
    /// Its series.
    pub subject: Subject,
    /// What kind of alternative it is.
    pub why: Why,
    /// Its name.
    pub name: String,
    /// Metres away.
    pub distance: f64,
}

/// The distance between two places on the ground, in metres (haversine formula).
#[must_use]
pub fn distance(one: Location, other: Location) -> f64 {
    let (lat, other_lat) = (one.lat().to_radians(), other.lat().to_radians());
    let (north, east) = ((other_lat - lat) / 2.0, (other.lon() - one.lon()).to_radians() / 2.0);
    let half = north.sin().powi(2) + lat.cos() * other_lat.cos() * east.sin().powi(2);
    2.0 * EARTH * half.sqrt().asin()
}

/// What may be an alternative to a car park: itself at another time, its open zones, and the open car parks nearby, nearest first.
#[must_use]
pub fn candidates(wanted: &PlaceRecord, all: &[Place]) -> Vec<Candidate> {
    let id = &wanted.place.id;
    let own = Candidate {
        subject: Subject::Place(id.clone()),
        why: Why::OtherTime,
        name: wanted.place.name.clone(),
        distance: 0.0,
    };
    let zones = wanted.zones.iter().filter(|zone| zone.status == OpenStatus::Open && wanted.zones.len() > 1);
    let zones = zones.map(|zone| Candidate {
        subject: Subject::Zone(id.clone(), zone.id.clone()),
        why: Why::OtherZone,
        name: zone.name.clone(),
        distance: 0.0,
    });
    let others = all.iter().filter(|other| other.id != *id && other.status == OpenStatus::Open);
    let mut others: Vec<Candidate> = others
        .filter_map(|other| {
            let away = distance(wanted.place.location?, other.location?);
            (away <= NEARBY).then(|| Candidate {
                subject: Subject::Place(other.id.clone()),
                why: Why::OtherPlace,
                name: other.name.clone(),
                distance: away,
            })
        })
        .collect();
    others.sort_by(|a, b| a.distance.total_cmp(&b.distance));
    others.truncate(2 * MOST);
    std::iter::once(own).chain(zones).chain(others).collect()
}

/// The best of the candidates, each with the steps that are forecast of it, for who wants to arrive at `at`; times are not before `now`.
#[must_use]
pub fn best(found: Vec<(Candidate, Vec<StepView>)>, at: DateTime<Utc>, now: DateTime<Utc>) -> Vec<Suggestion> {
    let chance = |step: &StepView| step.chance_of_place.unwrap_or(0.0);
    let at_wish = |steps: &[StepView]| steps.iter().rev().find(|step| step.at <= at && step.open).cloned();
    let own = found.iter().find(|(one, _)| one.why == Why::OtherTime).and_then(|(_, steps)| at_wish(steps));
    let needed = own.as_ref().map_or(0.0, chance) + BETTER;
    let mut all: Vec<Suggestion> = found
        .into_iter()
        .filter_map(|(candidate, steps)| {
            let step = match candidate.why {
                Why::OtherZone | Why::OtherPlace => at_wish(&steps)?,
                Why::OtherTime => nearest_better(&steps, at, now, needed)?,
            };
            (chance(&step) >= needed).then(|| Suggestion {
                why: candidate.why,
                place: candidate.subject.place().map(ToString::to_string).unwrap_or_default(),
                zone: candidate.subject.zone().map(ToString::to_string),
                name: candidate.name,
                // At most some kilometres.
                distance_metres: candidate.distance.round() as u32,
                step,
            })
        })
        .collect();
    all.sort_by(|a, b| {
        let by_chance = chance(&b.step).total_cmp(&chance(&a.step));
        by_chance.then(a.distance_metres.cmp(&b.distance_metres)).then(a.why.cmp(&b.why)).then(a.name.cmp(&b.name))
    });
    all.truncate(MOST);
    all
}

/// The nearest time with a chance that is as good as it gets around the wish, within a hundredth.
fn nearest_better(steps: &[StepView], at: DateTime<Utc>, now: DateTime<Utc>, needed: f64) -> Option<StepView> {
    let chance = |step: &&StepView| step.chance_of_place.unwrap_or(0.0);
    let around = || steps.iter().filter(|step| step.open && step.at >= now && (step.at - at).abs() <= AROUND);
    let most = around().map(|step| chance(&step)).fold(0.0, f64::max);
    let good = around().filter(|step| chance(step) >= needed.max(most - 0.01));
    good.min_by_key(|step| (step.at - at).abs()).cloned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::views::Band;

    fn at(quarter: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::minutes(15 * quarter)
    }

    fn steps(chances: &[f64]) -> Vec<StepView> {
        let band = Band { low: 0.0, high: 1.0 };
        let step = |(quarter, chance): (i64, &f64)| StepView {
            at: at(quarter),
            open: true,
            mean: 1.0,
            median: 1.0,
            band_50: band,
            band_80: band,
            band_95: band,
            chance_of_place: Some(*chance),
        };
        (0..).zip(chances).map(step).collect()
    }

    fn candidate(subject: &str, why: Why, distance: f64) -> Candidate {
        Candidate { subject: subject.parse().unwrap(), why, name: subject.to_owned(), distance }
    }

    #[test]
    fn the_best_chance_comes_first_and_the_nearer_of_equals() {
        let found = vec![
            (candidate("parking/a", Why::OtherTime, 0.0), steps(&[0.5, 0.5, 0.5, 0.9])),
            (candidate("parking/a/z", Why::OtherZone, 0.0), steps(&[0.1, 0.1, 0.54, 0.1])),
            (candidate("parking/far", Why::OtherPlace, 900.0), steps(&[0.1, 0.1, 0.95])),
            (candidate("parking/near", Why::OtherPlace, 300.0), steps(&[0.1, 0.1, 0.95])),
        ];
        let told = best(found, at(2), at(0));
        let names: Vec<(&str, i64)> =
            told.iter().map(|one| (&one.name[..], (one.step.at - at(0)).num_minutes() / 15)).collect();
        // The zone is not better by enough.
        assert_eq!(names, [("parking/near", 2), ("parking/far", 2), ("parking/a", 3)]);
    }

    #[test]
    fn where_it_is_good_already_nothing_is_suggested_and_the_past_never() {
        let good = vec![(candidate("parking/a", Why::OtherTime, 0.0), steps(&[0.99, 0.97, 1.0]))];
        assert_eq!(best(good, at(1), at(0)), []);
        let past = vec![(candidate("parking/a", Why::OtherTime, 0.0), steps(&[1.0, 0.2, 0.2]))];
        assert_eq!(best(past, at(1), at(1)), []);
    }

    #[test]
    fn distances_are_those_on_the_ground() {
        let location = |lat, lon| Location::new(lat, lon).unwrap();
        // Place de la Comédie and Gare Saint-Roch in Montpellier.
        let away = distance(location(43.6085, 3.8795), location(43.6045, 3.8805));
        assert!((away - 452.0).abs() < 5.0, "{away}");
    }
}
