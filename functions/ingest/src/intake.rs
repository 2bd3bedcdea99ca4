//! From the records of a batch to typed messages and refusals.

use std::time::Duration;

use parvis_parking::topic::Topic;
use parvis_parking::{DeviceMessage, PlaceId, Refusal, RefusalCode, message};
use parvis_places::{CachedPlaces, RegisterError, Snapshot};

use crate::envelope::Envelope;
use crate::record::Record;

/// Before a message is refused because the register does not know its place, zone or space, the register is read again
/// unless it was read within this time: the entry may have been made a moment ago.
const CERTAIN_WITHIN: Duration = Duration::from_secs(1);

/// Reads every record on its own: one bad body is one refusal.
///
/// # Errors
/// When the register cannot be read; nothing is decided then.
pub(crate) async fn read(
    records: &[Record],
    places: &CachedPlaces,
) -> Result<Vec<Result<DeviceMessage, Refusal>>, RegisterError> {
    let envelopes: Vec<_> = records.iter().map(|record| Envelope::read(record.body.as_deref().unwrap_or(""))).collect();
    let named = envelopes.iter().flatten().filter_map(|envelope| place_of(envelope, places)).collect();
    let snapshot = places.snapshot(named).await?;
    let mut outcomes: Vec<_> = envelopes.iter().map(|envelope| parse(envelope, &snapshot)).collect();

    let doubtful: Vec<usize> = (0..outcomes.len()).filter(|index| is_doubtful(&outcomes[*index])).collect();
    if !doubtful.is_empty() {
        let named = doubtful.iter().filter_map(|index| place_of(envelopes[*index].as_ref().ok()?, places)).collect();
        let certain = places.snapshot_within(named, CERTAIN_WITHIN).await?;
        for index in doubtful {
            outcomes[index] = parse(&envelopes[index], &certain);
        }
    }
    Ok(outcomes)
}

fn parse(envelope: &Result<Envelope, Refusal>, register: &Snapshot) -> Result<DeviceMessage, Refusal> {
    match envelope {
        Ok(envelope) => message::parse(&envelope.message(), register),
        Err(refusal) => Err(refusal.clone()),
    }
}

fn place_of(envelope: &Envelope, places: &CachedPlaces) -> Option<PlaceId> {
    let topic = Topic::parse(&envelope.topic, &places.default_place().id).ok()?;
    Some(topic.place)
}

fn is_doubtful(outcome: &Result<DeviceMessage, Refusal>) -> bool {
    use RefusalCode::{UnknownPlace, UnknownSpace, UnknownZone};
    matches!(outcome, Err(refusal) if matches!(refusal.code, UnknownPlace | UnknownZone | UnknownSpace))
}
