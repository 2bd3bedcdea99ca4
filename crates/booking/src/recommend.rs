//! Recommendations from one's own history: places, hours and company, each with its reason.
//!
//! Only the person's own bookings, favourites and preferences are looked at, and of others only where those whom the person
//! often meets will be, if they have agreed to be seen.

use std::collections::BTreeMap;

use chrono::{DateTime, Datelike, NaiveTime, TimeDelta, Timelike, Utc, Weekday};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

use crate::resource::{Kind, Resource};
use crate::suggest::Candidate;
use crate::{ResourceId, SiteId, Slot, to_utc};

/// Half of a habit's weight is gone after so long.
const HALF_LIFE_DAYS: f64 = 60.0;
/// Habits lighter than this are chance.
const LEAST_WEIGHT: f64 = 0.5;

/// A booking of the past.
#[derive(Clone, Debug)]
pub struct PastBooking {
    /// What.
    pub resource: ResourceId,
    /// Of which kind.
    pub kind: Kind,
    /// Where.
    pub site: SiteId,
    /// The site's clocks.
    pub zone: Tz,
    /// When.
    pub slot: Slot,
}

/// What somebody said that they like.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(default, deny_unknown_fields)]
pub struct Preferences {
    /// Whether to recommend anything at all.
    pub recommendations_off: bool,
    /// Whether those who invite me may be told where I will be.
    pub share_presence: bool,
    /// Features that should be there.
    pub features: Vec<String>,
    /// The site I usually go to.
    pub site: Option<SiteId>,
    /// The floor I like.
    pub floor: Option<String>,
    /// Only what a wheelchair gets to.
    pub accessible_only: bool,
}

/// Somebody whom the person often meets will be at a site.
#[derive(Clone, Debug)]
pub struct Company {
    /// Where.
    pub site: SiteId,
    /// When.
    pub slot: Slot,
    /// How often they were at the same site at the same time.
    pub met: u32,
}

/// Why something is recommended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Why {
    /// You were here at this time of the week so often.
    YourHabit {
        /// How often.
        times: u32,
    },
    /// You marked it as a favourite.
    YourFavourite,
    /// It has what you like.
    YourPreferences,
    /// The place of your habit is taken; this one is like it.
    InsteadOf {
        /// The place of the habit.
        resource: ResourceId,
    },
    /// People whom you often meet, and who have agreed to be seen, will be there that day.
    YourCompany {
        /// How many.
        people: u32,
    },
}

/// A recommendation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Recommendation {
    /// What.
    pub resource: ResourceId,
    /// The next time of the habit.
    pub slot: Slot,
    /// Why.
    pub why: Vec<Why>,
    /// The ranking: how heavy the habit is.
    pub weight: f64,
}

#[derive(Default)]
struct Habit {
    weight: f64,
    times: u32,
    minutes: i64,
    last: Option<(Tz, SiteId)>,
}

/// The `limit` best recommendations for the seven days after `now`, best first.
#[must_use]
pub fn recommend(
    history: &[PastBooking],
    favourites: &[ResourceId],
    company: &[Company],
    now: DateTime<Utc>,
    limit: usize,
) -> Vec<Recommendation> {
    let mut found: Vec<Recommendation> = habits(history, now)
        .into_iter()
        .filter(|(_, habit)| habit.weight >= LEAST_WEIGHT)
        .filter_map(|((resource, weekday, start), habit)| {
            let (zone, site) = habit.last.clone()?;
            let slot = next(weekday, start, habit.minutes / i64::from(habit.times.max(1)), zone, now);
            Some(weighed(resource, slot, &site, &habit, favourites, company))
        })
        .collect();
    found.sort_by(|a, b| b.weight.total_cmp(&a.weight).then_with(|| a.slot.cmp(&b.slot)));
    // One time per resource and day is enough.
    let mut kept: Vec<Recommendation> = Vec::new();
    for one in found {
        if kept.len() == limit {
            break;
        }
        if !kept.iter().any(|other| other.slot.overlaps(&one.slot)) {
            kept.push(one);
        }
    }
    kept
}

/// What can really be had of what was `found`, best first: a place that is taken is replaced by one like it, and what goes against
/// the preferences is left out.
#[must_use]
pub fn available(
    found: Vec<Recommendation>,
    places: &[Candidate<'_>],
    preferences: &Preferences,
    now: DateTime<Utc>,
) -> Vec<Recommendation> {
    let mut kept: Vec<Recommendation> =
        found.into_iter().filter_map(|one| best_place(one, places, preferences, now)).collect();
    kept.sort_by(|a, b| b.weight.total_cmp(&a.weight).then_with(|| a.slot.cmp(&b.slot)));
    kept
}

fn best_place(
    mut found: Recommendation,
    places: &[Candidate<'_>],
    preferences: &Preferences,
    now: DateTime<Utc>,
) -> Option<Recommendation> {
    let usual = places.iter().find(|place| place.resource.id == found.resource)?;
    let allowed = |place: &&Candidate<'_>| !preferences.accessible_only || place.resource.accessible;
    let can_be_had = |place: &&Candidate<'_>| allowed(place) && place.can_be_had(found.slot, 1, now);
    let alike = |place: &&Candidate<'_>| {
        place.resource.kind == usual.resource.kind && place.resource.site == usual.resource.site
    };
    let place = if can_be_had(&usual) {
        usual
    } else {
        let others = places.iter().filter(alike).filter(can_be_had);
        let other = others
            .max_by_key(|place| (liked(place.resource, preferences), nearness(usual.resource, place.resource)))?;
        found.why.push(Why::InsteadOf { resource: usual.resource.id.clone() });
        found.weight *= 0.6;
        other
    };
    let liked = liked(place.resource, preferences);
    if liked > 0 {
        found.why.push(Why::YourPreferences);
        found.weight *= 1.0 + 0.2 * f64::from(liked.min(5));
    }
    found.resource = place.resource.id.clone();
    Some(found)
}

/// How many of somebody's preferences a place meets.
fn liked(resource: &Resource, preferences: &Preferences) -> u32 {
    let features = preferences.features.iter().filter(|feature| resource.features.contains(feature)).count();
    let site = preferences.site.as_ref() == Some(&resource.site);
    let floor = preferences.floor.is_some() && preferences.floor == resource.floor;
    u32::try_from(features).unwrap_or(u32::MAX).saturating_add(u32::from(site) + u32::from(floor))
}

/// How like the usual place another is: the same pool before the same floor.
fn nearness(usual: &Resource, other: &Resource) -> (bool, bool) {
    (usual.pool.is_some() && usual.pool == other.pool, usual.floor == other.floor)
}

fn habits(history: &[PastBooking], now: DateTime<Utc>) -> BTreeMap<(ResourceId, u8, NaiveTime), Habit> {
    let mut habits: BTreeMap<(ResourceId, u8, NaiveTime), Habit> = BTreeMap::new();
    for past in history.iter().filter(|past| past.slot.start < now) {
        let local = past.slot.start.with_timezone(&past.zone);
        // Half past eight and nine o'clock are the same habit as their half hour.
        let half_hour = NaiveTime::from_hms_opt(local.hour(), local.minute() / 30 * 30, 0).unwrap_or_default();
        let weekday = u8::try_from(local.weekday().num_days_from_monday()).unwrap_or_default();
        let habit = habits.entry((past.resource.clone(), weekday, half_hour)).or_default();
        let days = (now - past.slot.start).num_minutes() as f64 / (24.0 * 60.0);
        habit.weight += 0.5_f64.powf(days / HALF_LIFE_DAYS);
        habit.times += 1;
        habit.minutes += past.slot.minutes();
        habit.last = Some((past.zone, past.site.clone()));
    }
    habits
}

fn weighed(
    resource: ResourceId,
    slot: Slot,
    site: &SiteId,
    habit: &Habit,
    favourites: &[ResourceId],
    company: &[Company],
) -> Recommendation {
    let mut why = vec![Why::YourHabit { times: habit.times }];
    let mut weight = habit.weight;
    if favourites.contains(&resource) {
        why.push(Why::YourFavourite);
        weight *= 1.5;
    }
    let there = company.iter().filter(|one| one.site == *site && one.slot.overlaps(&slot)).count();
    if let Some(people) = u32::try_from(there).ok().filter(|people| *people > 0) {
        why.push(Why::YourCompany { people });
        weight *= 1.0 + 0.25 * f64::from(people.min(4));
    }
    Recommendation { resource, slot, why, weight }
}

/// The next `start` on a `weekday`, rounded to quarters of an hour in length.
fn next(weekday: u8, start: NaiveTime, minutes: i64, zone: Tz, now: DateTime<Utc>) -> Slot {
    let weekday = Weekday::try_from(weekday).unwrap_or(Weekday::Mon);
    let length = TimeDelta::minutes(((minutes + 7) / 15 * 15).max(15));
    let mut day = now.with_timezone(&zone).date_naive();
    for _ in 0..8 {
        let at = to_utc(day.and_time(start), zone);
        if day.weekday() == weekday && at > now {
            return Slot::lasting(at, length);
        }
        day = day.succ_opt().unwrap_or(day);
    }
    Slot::lasting(to_utc(day.and_time(start), zone), length)
}

#[cfg(test)]
mod tests {
    use chrono_tz::Europe::Paris;

    use super::*;
    use crate::opening::OpeningHours;
    use crate::policy::Policy;

    fn past(resource: &str, start: &str, minutes: i64) -> PastBooking {
        let start = to_utc(start.parse().unwrap(), Paris);
        PastBooking {
            resource: resource.parse().unwrap(),
            kind: Kind::Desk,
            site: "hq".parse().unwrap(),
            zone: Paris,
            slot: Slot::lasting(start, TimeDelta::minutes(minutes)),
        }
    }

    fn now() -> DateTime<Utc> {
        to_utc("2026-07-13T12:00:00".parse().unwrap(), Paris)
    }

    #[test]
    fn a_weekly_habit_is_recommended_for_its_next_day_with_its_reason() {
        let history = [
            past("desk-1", "2026-06-23T09:00:00", 480),
            past("desk-1", "2026-06-30T09:00:00", 480),
            past("desk-1", "2026-07-07T09:10:00", 470),
            past("desk-2", "2025-03-04T14:00:00", 60),
        ];
        let found = recommend(&history, &["desk-1".parse().unwrap()], &[], now(), 5);
        assert_eq!(found.len(), 1, "once, over a year ago, is no habit");
        assert_eq!(found[0].why, [Why::YourHabit { times: 3 }, Why::YourFavourite]);
        let start = to_utc("2026-07-14T09:00:00".parse().unwrap(), Paris);
        assert_eq!(found[0].slot, Slot::lasting(start, TimeDelta::minutes(480)));
    }

    #[test]
    fn a_taken_place_is_replaced_by_one_like_it_that_meets_the_preferences() {
        let policy = Policy::usual("usual".parse().unwrap());
        let opening = OpeningHours::default();
        let desk = |id: &str, floor: &str, features: &[&str], accessible: bool| -> Resource {
            let json = serde_json::json!({
                "id": id, "site": "hq", "kind": "desk", "name": id, "policy": "usual", "floor": floor,
                "features": features, "accessible": accessible,
            });
            serde_json::from_value(json).unwrap()
        };
        let desks = [
            desk("a", "1", &[], true),
            desk("b", "2", &["monitor"], false),
            desk("c", "1", &[], true),
            desk("d", "2", &[], true),
        ];
        let found = recommend(&[past("a", "2026-07-07T09:00:00", 60)], &[], &[], now(), 5);
        let taken = [found[0].slot];
        let ask = |taken: &[Slot], preferences: &Preferences| -> Vec<(String, Vec<Why>)> {
            let busy = |desk: &Resource| if desk.id.as_str() == "a" { taken } else { &[] };
            let candidate = |resource| Candidate {
                resource,
                policy: &policy,
                opening: &opening,
                zone: Paris,
                busy: busy(resource),
            };
            let candidates: Vec<Candidate<'_>> = desks.iter().map(candidate).collect();
            let told = available(found.clone(), &candidates, preferences, now());
            told.into_iter().map(|one| (one.resource.to_string(), one.why)).collect()
        };
        let habit = Why::YourHabit { times: 1 };
        let instead = Why::InsteadOf { resource: "a".parse().unwrap() };
        assert_eq!(ask(&[], &Preferences::default()), [("a".to_owned(), vec![habit.clone()])]);
        assert_eq!(ask(&taken, &Preferences::default()), [("c".to_owned(), vec![habit.clone(), instead.clone()])]);
        let monitor = Preferences { features: vec!["monitor".to_owned()], ..Preferences::default() };
        let wanted = vec![habit.clone(), instead.clone(), Why::YourPreferences];
        assert_eq!(ask(&taken, &monitor), [("b".to_owned(), wanted)]);
        let wheelchair = Preferences { accessible_only: true, ..monitor };
        assert_eq!(ask(&taken, &wheelchair), [("c".to_owned(), vec![habit, instead])]);
    }

    #[test]
    fn company_makes_a_place_better_only_there_and_then() {
        let history = [past("a", "2026-07-07T09:00:00", 60), past("b", "2026-07-08T09:00:00", 60)];
        let with = |site: &str, day: &str| Company {
            site: site.parse().unwrap(),
            slot: Slot::lasting(to_utc(format!("{day}T08:00:00").parse().unwrap(), Paris), TimeDelta::hours(8)),
            met: 2,
        };
        let company = [with("hq", "2026-07-14"), with("hq", "2026-07-14"), with("elsewhere", "2026-07-15")];
        let found = recommend(&history, &[], &company, now(), 5);
        let order: Vec<&str> = found.iter().map(|one| one.resource.as_str()).collect();
        assert_eq!(order, ["a", "b"]);
        assert!(found[0].why.contains(&Why::YourCompany { people: 2 }));
        assert_eq!(found[1].why, [Why::YourHabit { times: 1 }]);
    }
}
