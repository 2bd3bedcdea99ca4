//! The nearest alternatives when a wish is taken: another time, another place, or both, ranked, with the reason.

use chrono::{DateTime, TimeDelta, Timelike, Utc};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

use crate::opening::OpeningHours;
use crate::policy::{Ask, Policy, check};
use crate::resource::Resource;
use crate::{ResourceId, Slot, without};

/// How far before and after the wish another time is looked for.
const HORIZON: TimeDelta = TimeDelta::days(7);

/// A resource with all that says when it can be had.
#[derive(Clone, Copy, Debug)]
pub struct Candidate<'a> {
    /// The resource.
    pub resource: &'a Resource,
    /// Its rules.
    pub policy: &'a Policy,
    /// Its hours.
    pub opening: &'a OpeningHours,
    /// The site's clocks.
    pub zone: Tz,
    /// When it is taken, buffers included; merged, at least over the horizon.
    pub busy: &'a [Slot],
}

impl Candidate<'_> {
    /// Whether so many people can have it at that time: nobody else has it, and its rules allow it.
    #[must_use]
    pub fn can_be_had(&self, slot: Slot, participants: u32, now: DateTime<Utc>) -> bool {
        let Candidate { resource, policy, opening, zone, busy } = *self;
        let (before, after) = padding(policy);
        let needed = slot.widened(before, after);
        let capacity = Some(resource.capacity);
        let ask = Ask { slot, now, participants, capacity, beside: 0, opening, zone, changes: false };
        !resource.closed && !busy.iter().any(|taken| taken.overlaps(&needed)) && check(policy, &ask).is_empty()
    }
}

/// What was wished and could not be had.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    /// The resource; none when only its kind was wished.
    pub resource: Option<&'a Resource>,
    /// When.
    pub slot: Slot,
    /// People who come.
    pub participants: u32,
    /// The present.
    pub now: DateTime<Utc>,
}

/// Why something is suggested.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// The same place, `shift_minutes` away in time.
    SamePlaceOtherTime,
    /// Another place at the wished time.
    OtherPlaceSameTime,
    /// Another place, `shift_minutes` away in time.
    OtherPlaceOtherTime,
}

/// An alternative.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Suggestion {
    /// What.
    pub resource: ResourceId,
    /// When.
    pub slot: Slot,
    /// Why.
    pub reason: Reason,
    /// How much later (or, negative, earlier) than wished.
    pub shift_minutes: i64,
    /// Whether it is on the floor of the wished place.
    pub same_floor: bool,
    /// Features of the wished place that this one lacks.
    pub missing_features: Vec<String>,
    /// How far from the wish; the ranking. 0 would be the wish itself.
    pub distance: u32,
}

/// The `limit` nearest alternatives, nearest first: at most two per resource, one before and one after.
#[must_use]
pub fn suggest(wanted: &Wanted<'_>, candidates: &[Candidate<'_>], limit: usize) -> Vec<Suggestion> {
    let mut all: Vec<Suggestion> = candidates.iter().flat_map(|candidate| alternatives(wanted, candidate)).collect();
    all.sort_by(|a, b| (a.distance, a.slot.start, &a.resource).cmp(&(b.distance, b.slot.start, &b.resource)));
    // A page of one far-away room at many times helps less than several places.
    let mut kept: Vec<Suggestion> = Vec::with_capacity(limit);
    for suggestion in all {
        if kept.len() == limit {
            break;
        }
        if kept.iter().filter(|one| one.resource == suggestion.resource).count() < 2 {
            kept.push(suggestion);
        }
    }
    kept
}

fn alternatives(wanted: &Wanted<'_>, candidate: &Candidate<'_>) -> Vec<Suggestion> {
    let similar = wanted.resource.is_none_or(|resource| resource.kind == candidate.resource.kind);
    if candidate.resource.closed || !similar {
        return Vec::new();
    }
    let starts = nearest_starts(wanted, candidate);
    starts.into_iter().filter_map(|start| suggestion(wanted, candidate, start)).collect()
}

/// The nearest start at or before the wished one, and the nearest at or after it.
fn nearest_starts(wanted: &Wanted<'_>, candidate: &Candidate<'_>) -> Vec<DateTime<Utc>> {
    let length = wanted.slot.length();
    let (before, after) = padding(candidate.policy);
    let range = wanted.slot.widened(HORIZON, HORIZON);
    let open = if candidate.policy.spans_closed_hours {
        vec![range]
    } else {
        candidate.opening.open_within(range, candidate.zone)
    };
    let (mut earlier, mut later) = (None, None);
    for window in without(&open, candidate.busy) {
        // The buffers must be free of other bookings, but may lie outside of opening hours.
        let touches = |end: DateTime<Utc>| candidate.busy.iter().any(|busy| busy.start == end || busy.end == end);
        let first = if touches(window.start) { window.start + before } else { window.start };
        let last = if touches(window.end) { window.end - after - length } else { window.end - length };
        let first = aligned_up(first.max(wanted.now), candidate);
        if first > last {
            continue;
        }
        if first <= wanted.slot.start {
            earlier = Some(aligned_down(last.min(wanted.slot.start), candidate).max(first));
        }
        if last >= wanted.slot.start && later.is_none() {
            later = Some(aligned_up(first.max(wanted.slot.start), candidate)).filter(|start| *start <= last);
        }
    }
    let mut starts: Vec<_> = earlier.into_iter().chain(later).collect();
    starts.dedup();
    starts
}

fn padding(policy: &Policy) -> (TimeDelta, TimeDelta) {
    let (before, after) = policy.padding();
    (TimeDelta::minutes(i64::from(before)), TimeDelta::minutes(i64::from(after)))
}

/// Seconds since the last multiple of the policy's increment on the local clock.
fn past_grid(at: DateTime<Utc>, candidate: &Candidate<'_>) -> (TimeDelta, TimeDelta) {
    let step = i64::from(candidate.policy.increment_minutes.max(1)) * 60;
    let local = at.with_timezone(&candidate.zone).time();
    let past = i64::from(local.num_seconds_from_midnight()) % step;
    (TimeDelta::seconds(past) + TimeDelta::nanoseconds(i64::from(local.nanosecond())), TimeDelta::seconds(step))
}

fn aligned_down(at: DateTime<Utc>, candidate: &Candidate<'_>) -> DateTime<Utc> {
    at - past_grid(at, candidate).0
}

fn aligned_up(at: DateTime<Utc>, candidate: &Candidate<'_>) -> DateTime<Utc> {
    let (past, step) = past_grid(at, candidate);
    if past.is_zero() { at } else { at - past + step }
}

fn suggestion(wanted: &Wanted<'_>, candidate: &Candidate<'_>, start: DateTime<Utc>) -> Option<Suggestion> {
    let resource = candidate.resource;
    let slot = Slot::lasting(start, wanted.slot.length());
    if !candidate.can_be_had(slot, wanted.participants, wanted.now) {
        return None;
    }
    let shift_minutes = (slot.start - wanted.slot.start).num_minutes();
    let same_place = wanted.resource.is_some_and(|wished| wished.id == resource.id);
    let reason = match (same_place, shift_minutes) {
        (true, 0) => return None,
        (true, _) => Reason::SamePlaceOtherTime,
        (false, 0) => Reason::OtherPlaceSameTime,
        (false, _) => Reason::OtherPlaceOtherTime,
    };
    let missing_features = missing(wanted.resource, resource);
    Some(Suggestion {
        resource: resource.id.clone(),
        slot,
        reason,
        shift_minutes,
        same_floor: wanted.resource.is_none_or(|wished| same_floor(wished, resource)),
        distance: distance(wanted, resource, shift_minutes, missing_features.len()),
        missing_features,
    })
}

fn missing(wished: Option<&Resource>, other: &Resource) -> Vec<String> {
    let Some(wished) = wished else { return Vec::new() };
    wished.features.iter().filter(|feature| !other.features.contains(feature)).cloned().collect()
}

fn same_floor(wished: &Resource, other: &Resource) -> bool {
    wished.site == other.site && wished.floor == other.floor
}

/// Minutes of shift, and what else counts as so many minutes: people would rather change the floor than wait an hour, and rather
/// wait a day than cross town or lose the wheelchair access that they asked for.
fn distance(wanted: &Wanted<'_>, other: &Resource, shift: i64, missing_features: usize) -> u32 {
    const OTHER_FLOOR: u64 = 20;
    const OTHER_SITE: u64 = 24 * 60;
    const FEATURE: u64 = 45;
    const ACCESS: u64 = 2 * 24 * 60;
    const EMPTY_SEAT: u64 = 2;
    let mut distance = shift.unsigned_abs() + FEATURE * missing_features as u64;
    distance += u64::from(other.capacity.saturating_sub(wanted.participants.max(1))).min(30) * EMPTY_SEAT;
    if let Some(wished) = wanted.resource.filter(|wished| wished.id != other.id) {
        distance += 1;
        if wished.site != other.site {
            distance += OTHER_SITE;
        } else if !same_floor(wished, other) {
            distance += OTHER_FLOOR;
        }
        if wished.accessible && !other.accessible {
            distance += ACCESS;
        }
    }
    u32::try_from(distance).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use chrono_tz::Europe::Paris;

    use super::*;
    use crate::{merged, to_utc};

    fn paris(text: &str) -> DateTime<Utc> {
        to_utc(format!("2026-07-13T{text}:00").parse().unwrap(), Paris)
    }

    fn slot(from: &str, until: &str) -> Slot {
        Slot::new(paris(from), paris(until)).unwrap()
    }

    fn room(id: &str, floor: &str, capacity: u32) -> Resource {
        serde_json::from_value(serde_json::json!({
            "id": id, "site": "hq", "kind": "room", "name": id, "policy": "rooms", "floor": floor, "capacity": capacity,
            "features": ["screen"],
        }))
        .unwrap()
    }

    struct House {
        rooms: Vec<Resource>,
        busy: Vec<Vec<Slot>>,
        policy: Policy,
        opening: OpeningHours,
    }

    impl House {
        fn ask(&self, slot: Slot, limit: usize) -> Vec<(String, i64, Reason)> {
            let candidates: Vec<_> = self
                .rooms
                .iter()
                .zip(&self.busy)
                .map(|(resource, busy)| Candidate {
                    resource,
                    policy: &self.policy,
                    opening: &self.opening,
                    zone: Paris,
                    busy,
                })
                .collect();
            let wanted = Wanted { resource: self.rooms.first(), slot, participants: 4, now: paris("08:00") };
            suggest(&wanted, &candidates, limit)
                .into_iter()
                .map(|one| (one.resource.to_string(), one.shift_minutes, one.reason))
                .collect()
        }
    }

    fn house() -> House {
        House {
            rooms: vec![room("a", "1", 4), room("b", "1", 4), room("c", "2", 12)],
            busy: vec![merged(vec![slot("10:00", "11:00")]), merged(vec![slot("10:30", "12:00")]), vec![]],
            policy: Policy { buffer_after_minutes: 15, ..Policy::usual("rooms".parse().unwrap()) },
            opening: OpeningHours::default(),
        }
    }

    #[test]
    fn the_nearest_comes_first_with_its_reason() {
        let found = house().ask(slot("10:00", "11:00"), 4);
        let expected = [
            // The other floor at the wished time: 20 for the stairs, 16 for the empty seats.
            ("c", 0, Reason::OtherPlaceSameTime),
            // Its quarter of an hour after must be free too, so 09:15 and not 09:30.
            ("b", -45, Reason::OtherPlaceOtherTime),
            ("a", 60, Reason::SamePlaceOtherTime),
            ("a", -75, Reason::SamePlaceOtherTime),
        ];
        assert_eq!(found, expected.map(|(id, shift, reason)| (id.to_owned(), shift, reason)));
    }

    #[test]
    fn nothing_suggested_is_taken_closed_or_past() {
        use chrono::Weekday::{Fri, Mon, Thu, Tue, Wed};
        let mut house = house();
        let span = crate::opening::DaySpan { from: "09:00:00".parse().unwrap(), until: "12:00:00".parse().unwrap() };
        let weekly = vec![crate::opening::WeeklySpan { days: vec![Mon, Tue, Wed, Thu, Fri], span }];
        house.opening = OpeningHours { weekly, exceptions: vec![] };
        house.rooms.truncate(1);
        let found = house.ask(slot("10:00", "11:00"), 5);
        let shifts: Vec<i64> = found.iter().map(|one| one.1).collect();
        assert_eq!(shifts, [60], "after; before only 09:00 to 10:00 without its buffer, and the past is past");
    }
}
