use serde_json::{Value, json};

use super::*;
use crate::plate::{Plate, PlateKey, without_plates};

/// A register with one open and one closed place, both in Paris.
struct Register {
    default_place: PlaceId,
}

impl Zones for Register {
    fn default_place(&self) -> &PlaceId {
        &self.default_place
    }

    fn timezone(&self, place: &PlaceId) -> Option<Tz> {
        ["default", "closed"].contains(&place.as_str()).then_some(chrono_tz::Europe::Paris)
    }

    fn admit(&self, place: &PlaceId, zone: &ZoneId, space: Option<SpaceNumber>) -> Result<(), RefusalCode> {
        match (place.as_str(), zone.as_str(), space.map(SpaceNumber::get)) {
            ("default", ..) | ("closed", "Zone_A", None | Some(1)) => Ok(()),
            ("closed", "Zone_A", _) => Err(RefusalCode::UnknownSpace),
            _ => Err(RefusalCode::UnknownZone),
        }
    }

    fn capacity(&self, place: &PlaceId, zone: &ZoneId) -> Option<u32> {
        (place.as_str() == "closed" && zone.as_str() == "Zone_A").then_some(50)
    }
}

const RECEIVED: &str = "2026-01-18T10:00:00Z";

fn parse_bytes(topic: &str, payload: &[u8]) -> Result<DeviceMessage, Refusal> {
    let register = Register { default_place: "default".parse().unwrap() };
    let raw = RawMessage { topic, payload, received_at: RECEIVED.parse().unwrap() };
    parse(&raw, &register)
}

fn parse_json(topic: &str, payload: &Value) -> Result<DeviceMessage, RefusalCode> {
    parse_bytes(topic, payload.to_string().as_bytes()).map_err(|refusal| refusal.code)
}

#[test]
fn the_field_projects_message_is_taken_unchanged() {
    let payload = br#"{"sensor_id": 3, "zone": "Zone_A", "status": "occupied",
        "timestamp": "2026-01-18T10:59:58.123456", "confidence": 0.95}"#;
    let message = parse_bytes("parking/Zone_A/place_3", payload).unwrap();
    let expected = SpaceReading {
        place: "default".parse().unwrap(),
        zone: "Zone_A".parse().unwrap(),
        space: "3".parse().unwrap(),
        status: Status::Occupied,
        at: "2026-01-18T09:59:58.123Z".parse().unwrap(),
        sequence: None,
        confidence: Some(95),
        battery: None,
        received_at: RECEIVED.parse().unwrap(),
    };
    assert_eq!(message, DeviceMessage::Space(expected));
    assert_eq!(message.block_key().unwrap().to_string(), "default/Zone_A#0000");
}

#[test]
fn counters_count_in_three_ways() {
    let count = |fields: Value| {
        let mut payload = json!({"timestamp": RECEIVED, "capacity": 239});
        payload.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        match parse_json("parking/main/counter", &payload) {
            Ok(DeviceMessage::Counter(reading)) => Ok((reading.count, reading.capacity)),
            Ok(other) => panic!("{other:?}"),
            Err(code) => Err(code),
        }
    };
    assert_eq!(count(json!({"occupied": 12})), Ok((Count::Occupied(12), 239)));
    assert_eq!(count(json!({"occupied": 12.0})), Ok((Count::Occupied(12), 239)));
    let percent = Percent::new(31.5).unwrap();
    assert_eq!(count(json!({"occupancy_percent": 31.5})), Ok((Count::Percent(percent), 239)));
    assert_eq!(count(json!({"entries": 7, "exits": 3})), Ok((Count::Flow { entries: 7, exits: 3 }, 239)));
    assert_eq!(count(json!({})), Err(RefusalCode::MissingField));
    assert_eq!(count(json!({"entries": 7})), Err(RefusalCode::MissingField));
    assert_eq!(count(json!({"occupied": -1})), Err(RefusalCode::NumberOutOfRange));
    assert_eq!(count(json!({"occupied": 1.5})), Err(RefusalCode::NumberOutOfRange));
    assert_eq!(count(json!({"occupied": "12"})), Err(RefusalCode::BadField));
    assert_eq!(count(json!({"occupancy_percent": 100.1})), Err(RefusalCode::NumberOutOfRange));
}

#[test]
fn the_registers_capacity_comes_first() {
    let payload = json!({"timestamp": RECEIVED, "occupied": 12, "capacity": 239});
    let Ok(DeviceMessage::Counter(reading)) = parse_json("closed/parking/Zone_A/counter", &payload) else {
        panic!("not a counter")
    };
    assert_eq!(reading.capacity, 50);
    let without = json!({"timestamp": RECEIVED, "occupied": 12});
    assert_eq!(parse_json("parking/main/counter", &without), Err(RefusalCode::MissingField));
}

#[test]
fn heartbeats_and_plates() {
    let heartbeat = json!({"timestamp": 1_768_730_400_000_i64, "battery": 87.4, "sequence": 3});
    let Ok(DeviceMessage::Heartbeat(heartbeat)) = parse_json("parking/Zone_A/place_40/heartbeat", &heartbeat) else {
        panic!("not a heartbeat")
    };
    assert_eq!((heartbeat.space.get(), heartbeat.battery), (40, Some(87)));

    let plate = json!({"timestamp": RECEIVED, "plate": "aa-123-aa", "vehicle_class": "two_wheeler", "electric": true});
    let Ok(DeviceMessage::Plate(seen)) = parse_json("parking/Zone_A/gate/plate", &plate) else { panic!("not a plate") };
    assert_eq!(seen.plate, SeenPlate::Clear(Plate::normalise("AA123AA").unwrap()));
    assert_eq!(seen.vehicle_class, Some(VehicleClass::TwoWheeler));
    assert_eq!(seen.electric, Some(true));
    assert_eq!(seen.spot, Spot::Camera("gate".into()));
    assert!(!format!("{seen:?}").contains("123"), "a plate must not reach a log");
}

#[test]
fn a_refused_plate_comes_again_as_its_hash() {
    let key = PlateKey::new(b"secret");
    let plate = json!({"timestamp": RECEIVED, "plate": "aa-123-aa", "vehicle_class": "car", "confidence": 0.9});
    let again = without_plates("parking/Zone_A/gate/plate", plate.to_string().as_bytes(), &key).unwrap();
    let again: Value = serde_json::from_slice(&again).unwrap();
    let (first, second) =
        (parse_json("parking/Zone_A/gate/plate", &plate), parse_json("parking/Zone_A/gate/plate", &again));
    let (Ok(DeviceMessage::Plate(first)), Ok(DeviceMessage::Plate(second))) = (first, second) else {
        panic!("not plates")
    };
    assert_eq!(first.plate.hash(&key), second.plate.hash(&key));
    assert_eq!(PlateObservation { plate: first.plate.clone(), ..second }, first);
    let forged = parse_json("parking/Zone_A/gate/plate", &json!({"timestamp": RECEIVED, "plate_hash": "AA123AA"}));
    assert_eq!(forged.unwrap_err(), RefusalCode::BadField);
}

#[test]
fn each_fault_has_its_code() {
    let good = json!({"sensor_id": 1, "zone": "Zone_A", "status": "free", "timestamp": RECEIVED, "confidence": 0.9});
    let with = |name: &str, value: Value| {
        let mut payload = good.clone();
        payload[name] = value;
        parse_json("parking/Zone_A/place_1", &payload).map(|_| ())
    };
    assert_eq!(with("sensor_id", json!("s-1")), Ok(()));
    assert_eq!(with("status", json!("OCCUPIED")), Ok(()));
    assert_eq!(with("battery", json!(null)), Ok(()));
    for (name, value, code) in [
        ("status", json!("parked"), RefusalCode::BadStatus),
        ("status", json!(1), RefusalCode::BadStatus),
        ("status", json!(null), RefusalCode::MissingField),
        ("timestamp", json!(null), RefusalCode::MissingField),
        ("timestamp", json!("soon"), RefusalCode::BadTimestamp),
        ("timestamp", json!([1]), RefusalCode::BadTimestamp),
        ("timestamp", json!("2026-01-18T10:05:01Z"), RefusalCode::ClockAhead),
        ("confidence", json!(95), RefusalCode::NumberOutOfRange),
        ("confidence", json!("high"), RefusalCode::BadField),
        ("battery", json!(-1), RefusalCode::NumberOutOfRange),
        ("sequence", json!(-1), RefusalCode::NumberOutOfRange),
        ("zone", json!("Zone_B"), RefusalCode::ZoneMismatch),
        ("zone", json!(7), RefusalCode::BadField),
    ] {
        assert_eq!(with(name, value.clone()), Err(code), "{name}: {value}");
    }
    let code = |topic: &str, payload: &str| parse_bytes(topic, payload.as_bytes()).unwrap_err().code;
    assert_eq!(code("parking/Zone_A/place_1", "{\"status\": NaN}"), RefusalCode::NotJson);
    assert_eq!(code("parking/Zone_A/place_1", ""), RefusalCode::NotJson);
    assert_eq!(code("parking/Zone_A/place_1", "[1]"), RefusalCode::NotAnObject);
    assert_eq!(code("parking/Zone_A/lamp", "{}"), RefusalCode::UnknownTopic);
    assert_eq!(code("nowhere/parking/Zone_A/place_1", "{}"), RefusalCode::UnknownPlace);
    assert_eq!(code("closed/parking/Zone_B/place_1", "{}"), RefusalCode::UnknownZone);
    assert_eq!(code("closed/parking/Zone_A/place_2", "{}"), RefusalCode::UnknownSpace);
}

#[test]
fn a_percentage_survives_exactly() {
    for hundredths in 0..=10_000 {
        let percent = Percent::from_hundredths(hundredths).unwrap();
        assert_eq!(Percent::new(percent.value()), Some(percent));
        assert!(percent.of(239) <= 239);
    }
    assert_eq!(Percent::from_hundredths(10_001), None);
    assert_eq!(Percent::new(31.0).unwrap().of(239), 74);
}
