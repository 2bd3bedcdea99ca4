//! Device messages: from a topic and bytes to typed values, or a typed refusal.

use std::fmt;

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

use crate::fields::Fields;
use crate::ids::{BlockKey, PlaceId, SpaceNumber, ZoneId};
use crate::plate::SeenPlate;
use crate::refusal::{Refusal, RefusalCode};
use crate::topic::{Subject, Topic};

/// The most spaces that a counter may count; far above the largest car park of the world.
const MAX_CAPACITY: u64 = 1_000_000;

/// The state of a space.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub enum Status {
    /// No vehicle.
    Free,
    /// A vehicle.
    Occupied,
}

impl Status {
    /// As the field protocol writes it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Free => "free",
            Self::Occupied => "occupied",
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Whether a sensor has been heard lately.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub enum Connectivity {
    /// Heard within the configured silence.
    Online,
    /// Silent for longer (CDS: `comms_lost`).
    Lost,
}

/// A percentage from 0 to 100, exact to the hundredth.
///
/// Percent readings keep theirs beside the spaces computed from it: `occupied` of a small car park does not give back
/// the percentage that was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Percent(u16);

impl Percent {
    /// A percentage, rounded to the hundredth; `None` outside 0 to 100.
    #[must_use]
    pub fn new(percent: f64) -> Option<Self> {
        (0.0..=100.0).contains(&percent).then(|| Self((percent * 100.0).round() as u16))
    }

    /// A percentage from its hundredths, such as a stored one; `None` above 10 000.
    #[must_use]
    pub fn from_hundredths(hundredths: u16) -> Option<Self> {
        (hundredths <= 10_000).then_some(Self(hundredths))
    }

    /// In hundredths of a percent, 0 to 10 000.
    #[must_use]
    pub fn hundredths(self) -> u16 {
        self.0
    }

    /// As a number from 0 to 100.
    #[must_use]
    pub fn value(self) -> f64 {
        f64::from(self.0) / 100.0
    }

    /// This share of a number of spaces, rounded to the nearest.
    #[must_use]
    pub fn of(self, capacity: u32) -> u32 {
        // At most `capacity`, so the conversion cannot fail.
        let share = (u64::from(capacity) * u64::from(self.0) + 5_000) / 10_000;
        u32::try_from(share).unwrap_or(capacity)
    }
}

/// The class of a vehicle, as far as a camera tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VehicleClass {
    /// A car or van.
    Car,
    /// A motorcycle, scooter or moped.
    TwoWheeler,
    /// A lorry or bus.
    Heavy,
    /// Anything else.
    Other,
}

impl VehicleClass {
    /// As messages write it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Car => "car",
            Self::TwoWheeler => "two_wheeler",
            Self::Heavy => "heavy",
            Self::Other => "other",
        }
    }

    /// Cameras know many classes; one that we do not is `Other`, not an error.
    fn from_text(text: &str) -> Self {
        match text.to_ascii_lowercase().as_str() {
            "car" => Self::Car,
            "two_wheeler" => Self::TwoWheeler,
            "heavy" => Self::Heavy,
            _ => Self::Other,
        }
    }
}

/// Where a plate was seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Spot {
    /// At a space.
    Space(SpaceNumber),
    /// By a camera.
    Camera(String),
}

impl fmt::Display for Spot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Space(space) => write!(f, "place_{space}"),
            Self::Camera(camera) => f.write_str(camera),
        }
    }
}

/// A message as it arrived.
#[derive(Debug, Clone, Copy)]
pub struct RawMessage<'a> {
    /// The MQTT topic.
    pub topic: &'a str,
    /// The payload, byte for byte.
    pub payload: &'a [u8],
    /// When the broker received it.
    pub received_at: DateTime<Utc>,
}

/// The state of one space, told by its sensor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpaceReading {
    /// The place.
    pub place: PlaceId,
    /// The zone.
    pub zone: ZoneId,
    /// The space.
    pub space: SpaceNumber,
    /// The state.
    pub status: Status,
    /// Device time.
    pub at: DateTime<Utc>,
    /// Orders readings of the same millisecond.
    pub sequence: Option<u64>,
    /// Percent.
    pub confidence: Option<u8>,
    /// Percent.
    pub battery: Option<u8>,
    /// When the broker received it.
    pub received_at: DateTime<Utc>,
}

/// What a counter tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Count {
    /// The number of vehicles inside.
    Occupied(u32),
    /// The share of the capacity in use.
    Percent(Percent),
    /// Vehicles counted in and out since the counters were last at zero.
    Flow {
        /// Vehicles in.
        entries: u64,
        /// Vehicles out.
        exits: u64,
    },
}

/// A reading of a zone's counter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CounterReading {
    /// The place.
    pub place: PlaceId,
    /// The zone.
    pub zone: ZoneId,
    /// Device time.
    pub at: DateTime<Utc>,
    /// The count.
    pub count: Count,
    /// Spaces of the zone: the register's number if it has one, else the message's.
    pub capacity: u32,
    /// When the broker received it.
    pub received_at: DateTime<Utc>,
}

/// A sign of life of a space's sensor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heartbeat {
    /// The place.
    pub place: PlaceId,
    /// The zone.
    pub zone: ZoneId,
    /// The space.
    pub space: SpaceNumber,
    /// Device time.
    pub at: DateTime<Utc>,
    /// Percent.
    pub battery: Option<u8>,
    /// When the broker received it.
    pub received_at: DateTime<Utc>,
}

/// A plate seen at a space or by a camera.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlateObservation {
    /// The place.
    pub place: PlaceId,
    /// The zone.
    pub zone: ZoneId,
    /// The space or camera.
    pub spot: Spot,
    /// Device time.
    pub at: DateTime<Utc>,
    /// The plate; it does not show itself in logs.
    pub plate: SeenPlate,
    /// The class, if the camera tells.
    pub vehicle_class: Option<VehicleClass>,
    /// Whether the vehicle is electric, if the camera tells.
    pub electric: Option<bool>,
    /// Percent.
    pub confidence: Option<u8>,
    /// When the broker received it.
    pub received_at: DateTime<Utc>,
}

/// A valid device message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DeviceMessage {
    /// The state of a space.
    Space(SpaceReading),
    /// A counter's reading.
    Counter(CounterReading),
    /// A sign of life.
    Heartbeat(Heartbeat),
    /// A plate seen.
    Plate(PlateObservation),
}

impl DeviceMessage {
    /// What orders messages: device time, then the sequence.
    #[must_use]
    pub fn order(&self) -> (DateTime<Utc>, Option<u64>) {
        match self {
            Self::Space(reading) => (reading.at, reading.sequence),
            Self::Counter(reading) => (reading.at, None),
            Self::Heartbeat(heartbeat) => (heartbeat.at, None),
            Self::Plate(observation) => (observation.at, None),
        }
    }

    /// The block that this message changes; `None` for a plate, which has no live state.
    #[must_use]
    pub fn block_key(&self) -> Option<BlockKey> {
        match self {
            Self::Space(r) => Some(BlockKey::of_space(r.place.clone(), r.zone.clone(), r.space)),
            Self::Heartbeat(h) => Some(BlockKey::of_space(h.place.clone(), h.zone.clone(), h.space)),
            Self::Counter(r) => Some(BlockKey::of_counter(r.place.clone(), r.zone.clone())),
            Self::Plate(_) => None,
        }
    }
}

/// What parsing needs to know of the register of places.
pub trait Zones {
    /// The place of topics without a place prefix.
    fn default_place(&self) -> &PlaceId;

    /// The zone in which the place's naive timestamps are read; `None` for a place that is not in the register.
    fn timezone(&self, place: &PlaceId) -> Option<Tz>;

    /// Whether the place takes messages of this zone and, if given, space.
    ///
    /// # Errors
    /// [`RefusalCode::UnknownZone`] or [`RefusalCode::UnknownSpace`].
    fn admit(&self, place: &PlaceId, zone: &ZoneId, space: Option<SpaceNumber>) -> Result<(), RefusalCode>;

    /// The zone's registered capacity.
    fn capacity(&self, place: &PlaceId, zone: &ZoneId) -> Option<u32>;
}

/// Reads a message.
///
/// # Errors
/// A [`Refusal`] that names what is wrong; the message can never be accepted as it is.
pub fn parse(raw: &RawMessage<'_>, zones: &impl Zones) -> Result<DeviceMessage, Refusal> {
    let topic = Topic::parse(raw.topic, zones.default_place())?;
    let timezone = zones.timezone(&topic.place).ok_or_else(|| {
        Refusal::new(RefusalCode::UnknownPlace, format!("place `{}` is not in the register", topic.place))
    })?;
    zones.admit(&topic.place, &topic.zone, topic.subject.space()).map_err(|code| not_admitted(code, &topic))?;

    let fields = Fields::parse(raw.payload)?;
    if let Some(zone) = fields.text("zone")?
        && zone != topic.zone.as_str()
    {
        return Err(Refusal::new(
            RefusalCode::ZoneMismatch,
            format!("the topic names zone `{}`, the payload another", topic.zone),
        ));
    }
    let at = fields.timestamp(timezone, raw.received_at)?;
    let head = Head { at, received_at: raw.received_at, fields };
    match topic.subject {
        Subject::Space(space) => head.space(topic.place, topic.zone, space).map(DeviceMessage::Space),
        Subject::Heartbeat(space) => head.heartbeat(topic.place, topic.zone, space).map(DeviceMessage::Heartbeat),
        Subject::Counter => {
            let registered = zones.capacity(&topic.place, &topic.zone);
            head.counter(topic.place, topic.zone, registered).map(DeviceMessage::Counter)
        }
        Subject::Plate(spot) => head.plate(topic.place, topic.zone, spot).map(DeviceMessage::Plate),
    }
}

fn not_admitted(code: RefusalCode, topic: &Topic) -> Refusal {
    let detail = match topic.subject.space() {
        Some(space) if code == RefusalCode::UnknownSpace => {
            format!("space {space} of zone `{}` is not in the register", topic.zone)
        }
        _ => format!("zone `{}` of place `{}` is not in the register", topic.zone, topic.place),
    };
    Refusal::new(code, detail)
}

/// What every kind of message has, and the fields that remain to be read.
struct Head {
    at: DateTime<Utc>,
    received_at: DateTime<Utc>,
    fields: Fields,
}

impl Head {
    fn space(self, place: PlaceId, zone: ZoneId, space: SpaceNumber) -> Result<SpaceReading, Refusal> {
        let status = match self.fields.required("status")?.as_str() {
            Some(text) if text.eq_ignore_ascii_case("free") => Status::Free,
            Some(text) if text.eq_ignore_ascii_case("occupied") => Status::Occupied,
            _ => {
                return Err(Refusal::new(RefusalCode::BadStatus, "`status` is neither `free` nor `occupied`"));
            }
        };
        Ok(SpaceReading {
            place,
            zone,
            space,
            status,
            at: self.at,
            sequence: self.fields.sequence()?,
            confidence: self.fields.confidence()?,
            battery: self.fields.battery()?,
            received_at: self.received_at,
        })
    }

    fn heartbeat(self, place: PlaceId, zone: ZoneId, space: SpaceNumber) -> Result<Heartbeat, Refusal> {
        Ok(Heartbeat {
            place,
            zone,
            space,
            at: self.at,
            battery: self.fields.battery()?,
            received_at: self.received_at,
        })
    }

    fn counter(self, place: PlaceId, zone: ZoneId, registered: Option<u32>) -> Result<CounterReading, Refusal> {
        let sent = self.fields.whole("capacity", MAX_CAPACITY)?.map(to_spaces);
        let capacity = registered.or(sent).ok_or_else(|| {
            Refusal::new(RefusalCode::MissingField, "`capacity` is neither in the message nor in the register")
        })?;
        Ok(CounterReading { place, zone, at: self.at, count: self.count()?, capacity, received_at: self.received_at })
    }

    fn count(&self) -> Result<Count, Refusal> {
        if let Some(occupied) = self.fields.whole("occupied", MAX_CAPACITY)? {
            return Ok(Count::Occupied(to_spaces(occupied)));
        }
        if let Some(percent) = self.fields.percent("occupancy_percent")? {
            return Ok(Count::Percent(percent));
        }
        match (self.fields.cumulative("entries")?, self.fields.cumulative("exits")?) {
            (Some(entries), Some(exits)) => Ok(Count::Flow { entries, exits }),
            _ => Err(Refusal::new(
                RefusalCode::MissingField,
                "`occupied`, `occupancy_percent`, or both `entries` and `exits` are required",
            )),
        }
    }

    fn plate(self, place: PlaceId, zone: ZoneId, spot: Spot) -> Result<PlateObservation, Refusal> {
        Ok(PlateObservation {
            place,
            zone,
            spot,
            at: self.at,
            plate: self.fields.plate()?,
            vehicle_class: self.fields.text("vehicle_class")?.map(VehicleClass::from_text),
            electric: self.fields.flag("electric")?,
            confidence: self.fields.confidence()?,
            received_at: self.received_at,
        })
    }
}

/// A number that was checked against [`MAX_CAPACITY`].
fn to_spaces(number: u64) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests;
