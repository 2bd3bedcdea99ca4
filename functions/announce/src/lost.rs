//! Sensors that a batch of images shows as newly disconnected, as events.

use aws_lambda_events::dynamodb::EventRecord;
use chrono::{DateTime, Utc};
use parvis_events::sensor::{LOST, SensorLost, sensor_subject};
use parvis_events::{CloudEvent, EventId};
use parvis_live::from_image;
use parvis_parking::Connectivity;

/// The context's name in events.
const SOURCE: &str = "/parvis/announce";

/// The events of a batch. A sensor is lost once per silence: what it was last heard saying makes up the id, so that a batch that comes
/// again tells the same events.
pub(crate) fn events(records: &[EventRecord], now: DateTime<Utc>) -> Vec<CloudEvent<SensorLost>> {
    records.iter().flat_map(|record| of_record(record, now)).collect()
}

fn of_record(record: &EventRecord, now: DateTime<Utc>) -> Vec<CloudEvent<SensorLost>> {
    // Images that cannot be read are logged where places are told.
    let (Ok(after), Ok(before)) = (from_image(&record.change.new_image), from_image(&record.change.old_image)) else {
        return Vec::new();
    };
    let (Some(spaces), Some(known)) = (after.block.as_spaces(), before.block.as_spaces()) else { return Vec::new() };
    let (place, zone) = (after.key.place.to_string(), after.key.zone.to_string());
    let is_new = |number| known.get(number).is_some_and(|state| state.connectivity() != Connectivity::Lost);
    let lost = spaces.spaces().filter(|(number, state)| state.connectivity() == Connectivity::Lost && is_new(*number));
    lost.map(|(number, state)| {
        let (space, seen_at) = (u32::from(number), state.seen_at());
        let data = SensorLost { place: place.clone(), zone: zone.clone(), space, seen_at, at: now };
        let subject = sensor_subject(&place, &zone, space);
        // The time of the event is when it was last heard of: the same at each telling.
        let id = EventId::of_facts(seen_at, &[LOST, &subject]);
        CloudEvent::new(id, SOURCE, LOST, subject, seen_at, data)
    })
    .collect()
}
