//! What to do with capacity in the week to come: zones that can be closed or should be opened, spaces to convert, hours to staff a
//! reception. Each with the figures that it rests on; nothing is done by itself.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, Timelike as _, Utc};
use chrono_tz::Tz;
use parvis_forecasting::series::local_midnight;
use serde::Serialize;
use utoipa::ToSchema;

use crate::views::rounded;

/// Without the closed zone the place may be so full, by the upper end of the 95 % band, at most.
const COMFORTABLE: f64 = 0.7;
/// A zone is crowded from this occupancy on ...
const CROWDED: f64 = 0.9;
/// ... in so many of the day's hours.
const OFTEN: f64 = 0.3;
/// A zone is idle when the upper end of its 95 % band never passes this.
const IDLE: f64 = 0.6;
/// The hours of the day that count, local.
const DAY: std::ops::Range<u32> = 7..20;
/// A reception is staffed when so many of the places are expected to be taken.
const BUSY: f64 = 0.5;

/// What is expected of a step: places taken.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Expected {
    /// When it begins.
    pub at: DateTime<Utc>,
    /// As likely more as less.
    pub median: f64,
    /// Upper end of the 95 % band.
    pub most: f64,
}

/// A place, a zone or a kind of place, with its week ahead.
#[derive(Clone, Debug, PartialEq)]
pub struct Area {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Places it has.
    pub capacity: f64,
    /// Whether it is in service.
    pub open: bool,
    /// Its open steps; empty without a forecast.
    pub ahead: Vec<Expected>,
    /// From when and until when it is forecast, closed steps included.
    pub known: (DateTime<Utc>, DateTime<Utc>),
}

impl Area {
    /// Whether the whole of a local day is forecast: of a part of it nobody knows what the rest will need.
    fn knows_all_of(&self, day: NaiveDate, timezone: Tz) -> bool {
        local_midnight(day, timezone) >= self.known.0 && self.knows_the_end_of(day, timezone)
    }

    fn knows_the_end_of(&self, day: NaiveDate, timezone: Tz) -> bool {
        day.succ_opt().is_some_and(|next| local_midnight(next, timezone) <= self.known.1)
    }
}

/// Advice with its evidence.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(tag = "advice", rename_all = "snake_case")]
pub enum Advice {
    /// A zone is not needed on some days.
    CloseZone {
        /// The zone.
        zone: String,
        /// Its name.
        name: String,
        /// Local days, of which all hours are forecast.
        days: Vec<NaiveDate>,
        /// Places taken at most on those days, by the upper end of the 95 % band.
        most_taken: f64,
        /// Places that are left without the zone.
        capacity_left: f64,
    },
    /// A closed zone will be needed.
    OpenZone {
        /// The zone.
        zone: String,
        /// Its name.
        name: String,
        /// From when on.
        from: DateTime<Utc>,
        /// Places expected to be taken then.
        expected: f64,
        /// Places without the zone.
        capacity: f64,
    },
    /// One zone is crowded while another stays half empty: spaces of one could serve the other's demand.
    ConvertSpaces {
        /// The idle zone.
        zone: String,
        /// Its name.
        name: String,
        /// The crowded zone.
        crowded: String,
        /// Its name.
        crowded_name: String,
        /// Share of the day's hours in which that is at 90 % or more, 0 to 1.
        crowded_share: f64,
        /// The highest occupancy of the idle zone, 0 to 1, by the upper end of its 95 % band.
        idle_peak: f64,
    },
    /// Many people are expected.
    StaffReception {
        /// The local day.
        day: NaiveDate,
        /// Local hour from which on half of the places are expected to be taken.
        from_hour: u32,
        /// Local hour until which they are.
        until_hour: u32,
        /// Places taken at the peak.
        expected: f64,
        /// Of so many.
        capacity: f64,
    },
}

/// What to do with the zones of a car park; `saturated` is its threshold, 0 to 1.
#[must_use]
pub fn of_car_park(place: &Area, zones: &[Area], saturated: f64, timezone: Tz) -> Vec<Advice> {
    let mut advice = Vec::new();
    advice.extend(zones.iter().filter(|zone| !zone.open).find_map(|zone| opened(place, zone, saturated)));
    let open: Vec<&Area> = zones.iter().filter(|zone| zone.open).collect();
    if open.len() > 1 && advice.is_empty() {
        // The zone that is spared on most days, of equals the largest.
        let closable = open.iter().filter_map(|zone| closed(place, zone, timezone));
        advice.extend(closable.max_by(|a, b| spared(a).total_cmp(&spared(b))));
    }
    advice.extend(converted(&open, timezone));
    advice
}

fn opened(place: &Area, zone: &Area, saturated: f64) -> Option<Advice> {
    let full = place.ahead.iter().find(|step| step.median >= saturated * place.capacity)?;
    Some(Advice::OpenZone {
        zone: zone.id.clone(),
        name: zone.name.clone(),
        from: full.at,
        expected: rounded(full.median),
        capacity: place.capacity,
    })
}

fn closed(place: &Area, zone: &Area, timezone: Tz) -> Option<Advice> {
    let left = place.capacity - zone.capacity;
    let mut days: BTreeMap<NaiveDate, f64> = BTreeMap::new();
    for step in &place.ahead {
        let most = days.entry(step.at.with_timezone(&timezone).date_naive()).or_default();
        *most = most.max(step.most);
    }
    days.retain(|day, most| *most <= COMFORTABLE * left && place.knows_all_of(*day, timezone));
    let most_taken = days.values().copied().fold(0.0, f64::max);
    (!days.is_empty() && left > 0.0).then(|| Advice::CloseZone {
        zone: zone.id.clone(),
        name: zone.name.clone(),
        days: days.into_keys().collect(),
        most_taken: rounded(most_taken),
        capacity_left: left,
    })
}

fn spared(advice: &Advice) -> f64 {
    match advice {
        // Days count first; a large zone leaves little.
        Advice::CloseZone { days, capacity_left, .. } => days.len() as f64 + 1.0 / (1.0 + capacity_left),
        _ => 0.0,
    }
}

fn converted(zones: &[&Area], timezone: Tz) -> Option<Advice> {
    let by_day = |zone: &Area| -> Vec<Expected> {
        let of_day = |step: &&Expected| DAY.contains(&step.at.with_timezone(&timezone).hour());
        zone.ahead.iter().filter(of_day).copied().collect()
    };
    let crowded_share = |zone: &Area| {
        let steps = by_day(zone);
        let crowded = steps.iter().filter(|step| step.median >= CROWDED * zone.capacity).count();
        crowded as f64 / steps.len().max(1) as f64
    };
    let peak = |zone: &Area| by_day(zone).iter().map(|step| step.most).fold(0.0, f64::max) / zone.capacity.max(1e-9);
    let known = || zones.iter().filter(|zone| !zone.ahead.is_empty() && zone.capacity > 0.0);
    let crowded = known().map(|zone| (crowded_share(zone), zone)).max_by(|a, b| a.0.total_cmp(&b.0))?;
    let idle = known().map(|zone| (peak(zone), zone)).min_by(|a, b| a.0.total_cmp(&b.0))?;
    (crowded.0 >= OFTEN && idle.0 <= IDLE).then(|| Advice::ConvertSpaces {
        zone: idle.1.id.clone(),
        name: idle.1.name.clone(),
        crowded: crowded.1.id.clone(),
        crowded_name: crowded.1.name.clone(),
        crowded_share: rounded(crowded.0),
        idle_peak: rounded(idle.0),
    })
}

/// When to staff the reception of a site: stretches of hours in which half of the places of all `kinds` are expected to be taken.
#[must_use]
pub fn of_site(kinds: &[Area], timezone: Tz) -> Vec<Advice> {
    let capacity: f64 = kinds.iter().map(|kind| kind.capacity).sum();
    let mut hours: BTreeMap<DateTime<Utc>, f64> = BTreeMap::new();
    for step in kinds.iter().flat_map(|kind| &kind.ahead) {
        *hours.entry(step.at).or_default() += step.median;
    }
    let mut stretches: Vec<(NaiveDate, std::ops::Range<u32>, f64)> = Vec::new();
    for (at, taken) in hours.into_iter().filter(|(_, taken)| capacity > 0.0 && *taken >= BUSY * capacity) {
        let local = at.with_timezone(&timezone);
        let (day, hour) = (local.date_naive(), local.hour());
        if !kinds.iter().all(|kind| kind.knows_the_end_of(day, timezone)) {
            continue;
        }
        match stretches.last_mut().filter(|(last, hours, _)| *last == day && hours.end == hour) {
            Some((_, hours, most)) => {
                hours.end = hour + 1;
                *most = most.max(taken);
            }
            None => stretches.push((day, hour..hour + 1, taken)),
        }
    }
    let staffed = |(day, hours, expected): (_, std::ops::Range<u32>, f64)| Advice::StaffReception {
        day,
        from_hour: hours.start,
        until_hour: hours.end,
        expected: rounded(expected),
        capacity,
    };
    stretches.into_iter().map(staffed).collect()
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;

    /// A week by hours from midnight on: `by_day` taken from 8 to 18 o'clock (UTC), `by_night` otherwise, 5 more at most.
    fn area(id: &str, capacity: f64, open: bool, by_day: f64, by_night: f64) -> Area {
        week(id, capacity, open, "2026-03-16T00:00:00Z", |hour| if (8..18).contains(&hour) { by_day } else { by_night })
    }

    fn week(id: &str, capacity: f64, open: bool, from: &str, taken: impl Fn(u32) -> f64) -> Area {
        let start: DateTime<Utc> = from.parse().unwrap();
        let step = |hour: i64| {
            let at = start + TimeDelta::hours(hour);
            let median = taken(at.hour());
            Expected { at, median, most: median + 5.0 }
        };
        let known = (start, start + TimeDelta::days(7));
        Area { id: id.into(), name: id.to_uppercase(), capacity, open, ahead: (0..7 * 24).map(step).collect(), known }
    }

    #[test]
    fn a_zone_that_is_not_needed_can_be_closed_and_one_that_is_should_be_opened() {
        let zones = [area("a", 100.0, true, 40.0, 5.0), area("b", 60.0, true, 20.0, 5.0)];
        let quiet = of_car_park(&area("p", 160.0, true, 60.0, 10.0), &zones, 0.85, Tz::UTC);
        // 65 at most: more than 70 % of the 60 that are left without A, less than of the 100 without B.
        let Advice::CloseZone { zone, days, most_taken, capacity_left, .. } = &quiet[0] else { panic!("{quiet:?}") };
        assert_eq!((zone.as_str(), days.len(), *most_taken, *capacity_left), ("b", 7, 65.0, 100.0));
        let zones = [area("a", 100.0, true, 90.0, 5.0), area("b", 60.0, false, 0.0, 0.0)];
        let full = of_car_park(&area("p", 100.0, true, 90.0, 5.0), &zones, 0.85, Tz::UTC);
        let Advice::OpenZone { zone, from, .. } = &full[0] else { panic!("{full:?}") };
        assert_eq!((zone.as_str(), from.hour()), ("b", 8));
    }

    #[test]
    fn a_day_of_which_only_some_hours_are_known_closes_no_zone() {
        let zones = [area("a", 100.0, true, 40.0, 5.0), area("b", 60.0, true, 20.0, 5.0)];
        // Full at ten every day: of the last one only the quiet hours before seven are forecast, of today those from seven on.
        let full = |hour: u32| if hour == 10 { 150.0 } else { 10.0 };
        let place = week("p", 160.0, true, "2026-03-16T07:00:00Z", full);
        assert_eq!(of_car_park(&place, &zones, 0.99, Tz::UTC), []);
        // Late in the evening today is quiet, which says nothing of tomorrow; six whole days are.
        let place = week("p", 160.0, true, "2026-03-16T23:00:00Z", |_| 10.0);
        let advice = of_car_park(&place, &zones, 0.99, Tz::UTC);
        let Advice::CloseZone { days, .. } = &advice[0] else { panic!("{advice:?}") };
        let told: Vec<String> = days.iter().map(ToString::to_string).collect();
        assert_eq!(told.len(), 6, "{told:?}");
        assert_eq!((told[0].as_str(), told[5].as_str()), ("2026-03-17", "2026-03-22"));
        // A local day begins and ends on other hours of UTC, and one of 23 hours is whole too: 29 March in Paris.
        let place = week("p", 160.0, true, "2026-03-27T23:00:00Z", |_| 10.0);
        let advice = of_car_park(&place, &zones, 0.99, chrono_tz::Europe::Paris);
        let Advice::CloseZone { days, .. } = &advice[0] else { panic!("{advice:?}") };
        assert_eq!(days.len(), 7, "{days:?}");
    }

    #[test]
    fn spaces_of_an_idle_zone_can_serve_a_crowded_one() {
        let zones = [area("a", 100.0, true, 95.0, 5.0), area("b", 60.0, true, 10.0, 1.0)];
        let advice = of_car_park(&area("p", 160.0, true, 120.0, 10.0), &zones, 0.85, Tz::UTC);
        let Some(Advice::ConvertSpaces { zone, crowded, crowded_share, idle_peak, .. }) = advice.last() else {
            panic!("{advice:?}")
        };
        assert_eq!((zone.as_str(), crowded.as_str(), *idle_peak), ("b", "a", 0.25));
        assert!((*crowded_share - 10.0 / 13.0).abs() < 0.001);
    }

    #[test]
    fn a_reception_is_staffed_when_many_are_there() {
        let kinds = [area("desk", 20.0, true, 12.0, 0.0), area("room", 4.0, true, 1.0, 0.0)];
        let advice = of_site(&kinds, Tz::UTC);
        assert_eq!(advice.len(), 7);
        let Advice::StaffReception { from_hour, until_hour, expected, capacity, .. } = advice[0] else { panic!() };
        assert_eq!((from_hour, until_hour, expected, capacity), (8, 18, 13.0, 24.0));
        assert_eq!(of_site(&[], Tz::UTC), []);
        // Between two stretches nobody need be there; of the last day nobody knows how long.
        let twice = |hour: u32| if [9, 17].contains(&hour) { 15.0 } else { 0.0 };
        let advice = of_site(&[week("desk", 20.0, true, "2026-03-16T10:00:00Z", twice)], Tz::UTC);
        let hours = |one: &Advice| match one {
            Advice::StaffReception { day, from_hour, until_hour, .. } => (day.to_string(), *from_hour..*until_hour),
            _ => panic!("{one:?}"),
        };
        let told: Vec<_> = advice.iter().map(hours).collect();
        assert_eq!(
            (told.len(), &told[0], &told[1]),
            (13, &("2026-03-16".into(), 17..18), &("2026-03-17".into(), 9..10))
        );
        assert_eq!(told[12], ("2026-03-22".into(), 17..18));
    }
}
