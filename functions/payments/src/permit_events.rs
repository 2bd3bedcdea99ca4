//! What the holder of a permit is to hear of it, in the transaction that writes it.

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use parvis_events::parking_permit::{ENDED, PermitChanged, READY, permit_subject};
use parvis_events::{CloudEvent, EventId, Position};
use parvis_rights::Permit;

/// The context's name in events.
const SOURCE: &str = "/parvis/payments";

/// The events of a permit that was `before` and is `after` since `now`. Permits without a login have nobody to tell. Those of a series
/// hold from the moment that the series is put in force, in one write for all of them: they tell nothing.
#[must_use]
pub fn of(before: Option<&Permit>, after: &Permit, timezone: Tz, now: DateTime<Utc>) -> Vec<CloudEvent<PermitChanged>> {
    if after.series.is_some() {
        return Vec::new();
    }
    let holder = |permit: &Permit| permit.owner.clone().filter(|_| permit.end > now);
    let (had, has) = (before.and_then(holder), holder(after));
    let told = |permit: &Permit| (permit.start, permit.end, permit.zones.clone(), permit.title.clone());
    let same = had == has && before.map(told) == Some(told(after));
    let ended = before.zip(had.filter(|had| has.as_ref() != Some(had)));
    let ready = has.filter(|_| !same).map(|owner| (after, owner));
    // Of both the second one counts: it says which reminders there are.
    let events = [(ENDED, 0, ended), (READY, 1, ready)].into_iter();
    events
        .filter_map(|(kind, step, told)| {
            let (permit, owner) = told?;
            let id = permit.id.to_string();
            let position = Position { version: after.version.into(), step };
            let event = EventId::in_order(now, position, &[kind, &id]);
            let data = data(permit, owner, timezone, after.version);
            Some(CloudEvent::new(event, SOURCE, kind, permit_subject(&id), now, data))
        })
        .collect()
}

fn data(permit: &Permit, owner: String, timezone: Tz, version: u32) -> PermitChanged {
    PermitChanged {
        permit: permit.id.to_string(),
        owner,
        title: permit.title.clone(),
        zones: permit.zones.iter().map(ToString::to_string).collect(),
        valid_from: permit.start,
        valid_until: permit.end,
        timezone: timezone.name().to_owned(),
        version,
    }
}
