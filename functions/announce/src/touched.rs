//! What a batch of images touches, and in which way.
//!
//! What changed is taken record by record, and never as the difference between the first and the last image of a batch: an earlier
//! batch may have told the state in between, since everything told is read anew.

use std::collections::{BTreeMap, BTreeSet};

use aws_lambda_events::dynamodb::EventRecord;
use parvis_kit::telemetry::chain;
use parvis_live::{VersionedBlock, from_image};
use parvis_parking::{Block, PlaceId, SpaceNumber, SpaceState, ZoneId};

/// What changed in a zone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct TouchedZone {
    /// Its totals.
    pub(crate) totals: bool,
    /// These spaces, as a page shows them.
    pub(crate) spaces: BTreeSet<SpaceNumber>,
}

/// What changed in a place.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct TouchedPlace {
    /// The first record of the batch that is about it: from there on the batch comes again when the place fails.
    pub(crate) first_record: usize,
    /// Its zones that changed.
    pub(crate) zones: BTreeMap<ZoneId, TouchedZone>,
    /// Its entry in the register changed: every zone is told anew, and those of `zones` that are gone are taken back.
    pub(crate) registered: bool,
}

impl TouchedPlace {
    /// Whether the totals of some zone changed, or may have.
    pub(crate) fn totals(&self) -> bool {
        self.registered || self.zones.values().any(|zone| zone.totals)
    }
}

/// The places that changed, and how many images could not be read.
pub(crate) fn touched(records: &[EventRecord]) -> (BTreeMap<PlaceId, TouchedPlace>, u64) {
    let mut places: BTreeMap<PlaceId, TouchedPlace> = BTreeMap::new();
    let mut unreadable = 0;
    for (index, record) in records.iter().enumerate().filter(|(_, record)| !record.change.new_image.is_empty()) {
        let VersionedBlock { key, block, .. } = match from_image(&record.change.new_image) {
            Ok(image) => image,
            Err(error) => {
                unreadable += 1;
                tracing::error!(error = %chain(&error), event_id = record.event_id, "an image of the live state cannot be read");
                continue;
            }
        };
        // An old image that cannot be read counts as none: then everything is news, which is harmless.
        let before = from_image(&record.change.old_image).ok().map(|image| image.block);
        let place =
            places.entry(key.place).or_insert_with(|| TouchedPlace { first_record: index, ..TouchedPlace::default() });
        let changes = compare(before.as_ref(), &block);
        if changes != TouchedZone::default() {
            let zone = place.zones.entry(key.zone).or_default();
            zone.totals |= changes.totals;
            zone.spaces.extend(changes.spaces);
        }
    }
    places.retain(|_, place| !place.zones.is_empty());
    (places, unreadable)
}

/// The places whose entries in the register changed, by the keys of the records.
pub(crate) fn registered(records: &[EventRecord]) -> BTreeMap<PlaceId, TouchedPlace> {
    let mut places: BTreeMap<PlaceId, TouchedPlace> = BTreeMap::new();
    for (index, record) in records.iter().enumerate() {
        // Items of another kind may join the table one day.
        let Some((place, zone)) = parvis_places::entry_of(&record.change.keys) else { continue };
        let place = places.entry(place).or_insert_with(|| TouchedPlace {
            first_record: index,
            registered: true,
            ..TouchedPlace::default()
        });
        place.zones.extend(zone.map(|zone| (zone, TouchedZone::default())));
    }
    places
}

/// What changed from one image of a block to the next.
fn compare(before: Option<&Block>, after: &Block) -> TouchedZone {
    let Some(spaces) = after.as_spaces() else {
        return TouchedZone {
            totals: before.is_none_or(|before| before.tally() != after.tally()),
            ..TouchedZone::default()
        };
    };
    let known = before.and_then(Block::as_spaces);
    let mut changes = TouchedZone::default();
    for (number, state) in spaces.spaces() {
        let before = known.and_then(|known| known.get(number));
        // Space by space and not by the block's tally: of two spaces that change places one may be closed.
        changes.totals |= before.is_none_or(|before| before.status() != state.status());
        if before.is_none_or(|before| shown(before) != shown(state)) {
            changes.spaces.insert(number);
        }
    }
    changes
}

/// What of a space's state is worth telling at once. The time of the last sign of life is not: it changes with every message, and
/// pages read it from time to time.
fn shown(state: &SpaceState) -> impl PartialEq + use<> {
    (state.status(), state.since(), state.connectivity(), state.battery())
}
