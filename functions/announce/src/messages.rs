//! The messages to devices and pages.

use chrono::{DateTime, SubsecRound, Utc};
use chrono_tz::Tz;
use parvis_live::VersionedBlock;
use parvis_parking::{Connectivity, PlaceId, SpaceNumber, SpaceState, Tally, ZoneId};
use parvis_places::{PlaceSummary, ZoneSummary};
use serde::{Serialize, Serializer};

use crate::{
    publish::Message,
    touched::{TouchedPlace, TouchedZone},
};

/// Topic of the default place's summary in the field protocol.
const FIELD_SUMMARY: &str = "parking/summary";
/// Spaces in one live update at most: AWS IoT takes 128 KB, and a space is about 200 bytes.
const SPACES_PER_MESSAGE: usize = 400;

/// Topic of a place's summary.
pub(crate) fn place_topic(place: &PlaceId) -> String {
    format!("summary/{place}")
}

/// Topic of a zone's summary.
pub(crate) fn zone_topic(place: &PlaceId, zone: &ZoneId) -> String {
    format!("summary/{place}/{zone}")
}

/// The summary as the field protocol has it, to the key.
#[derive(Debug, Serialize)]
struct FieldSummary {
    total_places: u32,
    occupied: u32,
    free: u32,
    occupancy_rate: f64,
    /// Local time without an offset, as the protocol has it everywhere.
    timestamp: String,
}

/// The summary of a place or zone.
#[derive(Clone, Debug, Serialize)]
struct Summary<'a> {
    place: &'a PlaceId,
    #[serde(skip_serializing_if = "Option::is_none")]
    zone: Option<&'a ZoneId>,
    total_places: u32,
    occupied: u32,
    free: u32,
    unknown: u32,
    occupancy_rate: f64,
    timestamp: DateTime<Utc>,
}

/// A live update of a zone: only the spaces that changed.
#[derive(Debug, Serialize)]
struct LiveUpdate<'a> {
    place: &'a PlaceId,
    zone: &'a ZoneId,
    version: u64,
    at: DateTime<Utc>,
    spaces: &'a [LiveSpace],
    summary: &'a Summary<'a>,
}

/// A space in a live update.
#[derive(Debug, Serialize)]
struct LiveSpace {
    number: SpaceNumber,
    #[serde(serialize_with = "status")]
    status: Option<parvis_parking::Status>,
    since: Option<DateTime<Utc>>,
    seen_at: DateTime<Utc>,
    /// 0 to 1, as devices send it.
    confidence: Option<f64>,
    /// Percent.
    battery: Option<u8>,
    connectivity: Connectivity,
}

fn status<S: Serializer>(status: &Option<parvis_parking::Status>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(status.map_or("unknown", parvis_parking::Status::as_str))
}

impl LiveSpace {
    fn new(number: SpaceNumber, state: &SpaceState) -> Self {
        Self {
            number,
            status: state.status(),
            since: state.since(),
            seen_at: state.seen_at(),
            confidence: state.confidence().map(|percent| f64::from(percent) / 100.0),
            battery: state.battery(),
            connectivity: state.connectivity(),
        }
    }
}

/// What is known of a place at one moment.
pub(crate) struct View<'a> {
    pub(crate) place: &'a PlaceId,
    pub(crate) timezone: Tz,
    /// Whether this is the place of `parking/summary`.
    pub(crate) is_default: bool,
    pub(crate) blocks: &'a [VersionedBlock],
    pub(crate) summary: &'a PlaceSummary,
    pub(crate) now: DateTime<Utc>,
}

impl View<'_> {
    /// The messages that tell what was touched.
    ///
    /// # Errors
    /// When a payload cannot be written as JSON.
    pub(crate) fn messages(&self, touched: &TouchedPlace) -> Result<Vec<Message>, serde_json::Error> {
        let mut messages = Vec::new();
        if touched.totals() {
            let summary = self.summary_of(None, self.summary.tally, self.summary.updated_at);
            messages.push(Message::json(place_topic(self.place), true, &summary)?);
            if self.is_default {
                messages.push(Message::json(FIELD_SUMMARY.to_owned(), true, &self.field_summary())?);
            }
        }
        let gone = touched.zones.keys().filter(|zone| touched.registered && self.zone(zone).is_none());
        messages.extend(gone.map(|zone| Message::cleared(zone_topic(self.place, zone))));
        let unchanged = TouchedZone::default();
        for ZoneSummary { zone, tally, updated_at, .. } in &self.summary.zones {
            let changed = touched.zones.get(zone).unwrap_or(&unchanged);
            let summary = self.summary_of(Some(zone), *tally, *updated_at);
            if changed.totals || touched.registered {
                messages.push(Message::json(zone_topic(self.place, zone), true, &summary)?);
            }
            let spaces = self.spaces(zone, |number| changed.spaces.contains(&number));
            for spaces in spaces.chunks(SPACES_PER_MESSAGE) {
                let version = self.version(zone);
                let update = LiveUpdate { place: self.place, zone, version, at: self.now, spaces, summary: &summary };
                messages.push(Message::json(format!("live/{}/{zone}", self.place), false, &update)?);
            }
        }
        Ok(messages)
    }

    fn zone(&self, zone: &ZoneId) -> Option<&ZoneSummary> {
        self.summary.zones.iter().find(|found| found.zone == *zone)
    }

    fn summary_of<'s>(
        &'s self,
        zone: Option<&'s ZoneId>,
        tally: Tally,
        updated_at: Option<DateTime<Utc>>,
    ) -> Summary<'s> {
        Summary {
            place: self.place,
            zone,
            total_places: tally.total,
            occupied: tally.occupied,
            free: tally.free,
            unknown: tally.unknown,
            occupancy_rate: tally.rate(),
            timestamp: updated_at.unwrap_or(self.now),
        }
    }

    fn field_summary(&self) -> FieldSummary {
        let tally = self.summary.tally;
        let at = self.summary.updated_at.unwrap_or(self.now).trunc_subsecs(6);
        FieldSummary {
            total_places: tally.total,
            occupied: tally.occupied,
            free: tally.free,
            occupancy_rate: tally.rate(),
            timestamp: at.with_timezone(&self.timezone).format("%Y-%m-%dT%H:%M:%S%.6f").to_string(),
        }
    }

    /// The version of a zone: how often its blocks were written, all together. It only grows.
    fn version(&self, zone: &ZoneId) -> u64 {
        self.blocks.iter().filter(|block| block.key.zone == *zone).map(|block| block.version).sum()
    }

    fn spaces(&self, zone: &ZoneId, wanted: impl Fn(SpaceNumber) -> bool) -> Vec<LiveSpace> {
        self.blocks
            .iter()
            .filter(|block| block.key.zone == *zone)
            .filter_map(|block| block.block.as_spaces())
            .flat_map(|block| block.spaces())
            .filter(|(number, _)| wanted(*number))
            .map(|(number, state)| LiveSpace::new(number, state))
            .collect()
    }
}
