//! Messages that must be kept although they were refused, without the plates in them.

use serde_json::{Map, Value};

use super::{Plate, PlateKey};

/// The field that stands for `plate` in a message without plates.
const HASH: &str = "plate_hash";

/// Fields in which devices do not write plates: what is needed to see why a message was refused, and to send it again. All others go,
/// since a plate may stand under any name, and in any depth.
const HARMLESS: [&str; 9] =
    ["timestamp", "zone", "sensor_id", "status", "sequence", "battery", "confidence", "vehicle_class", "electric"];

/// The payload to keep of a message that speaks of plates: the plate's keyed hash in place of the plate, which
/// [`crate::message::parse`] takes as well. Nothing is left of a payload in which the plate cannot be told from the rest. `None` for a
/// message that does not speak of plates, which may be kept as it is.
#[must_use]
pub fn without_plates(topic: &str, payload: &[u8], key: &PlateKey) -> Option<Vec<u8>> {
    let subject = topic.rsplit('/').next().unwrap_or_default();
    if !speaks_of_plates(subject.as_bytes()) && !speaks_of_plates(payload) {
        return None;
    }
    let Ok(Value::Object(fields)) = serde_json::from_slice(payload) else { return Some(Vec::new()) };
    Some(Value::Object(redacted(&fields, key)).to_string().into_bytes())
}

/// Whether a text names plates, in whatever case.
#[must_use]
pub fn speaks_of_plates(text: &[u8]) -> bool {
    const NAME: &[u8] = b"plate";
    text.windows(NAME.len()).any(|window| window.eq_ignore_ascii_case(NAME))
}

fn redacted(fields: &Map<String, Value>, key: &PlateKey) -> Map<String, Value> {
    let mut kept: Map<String, Value> = fields
        .iter()
        .filter(|(name, value)| HARMLESS.contains(&name.as_str()) && !value.is_object() && !value.is_array())
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    // A message that was redacted before and is refused again keeps its hash.
    let again =
        fields.get(HASH).and_then(Value::as_str).and_then(|hash| super::PlateHash::try_from(hash.to_owned()).ok());
    let plate = fields.get("plate").and_then(Value::as_str).and_then(Plate::normalise);
    if let Some(hash) = plate.map(|plate| plate.hash(key)).or(again) {
        kept.insert(HASH.to_owned(), Value::String(hash.to_string()));
    }
    kept
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    const TOPIC: &str = "parking/Zone_A/gate/plate";

    fn key() -> PlateKey {
        PlateKey::new(b"secret")
    }

    fn redact(topic: &str, payload: &Value) -> Option<Value> {
        let kept = without_plates(topic, payload.to_string().as_bytes(), &key())?;
        Some(serde_json::from_slice(&kept).unwrap())
    }

    #[test]
    fn the_hash_stands_for_the_plate() {
        let hash = Plate::normalise("AA123AA").unwrap().hash(&key());
        let message = json!({"plate": "aa-123-aa", "timestamp": 5, "electric": true, "image": {"text": "AA123AA"}});
        let kept = redact(TOPIC, &message).unwrap();
        assert_eq!(kept, json!({"plate_hash": hash.as_str(), "timestamp": 5, "electric": true}));
        assert_eq!(redact(TOPIC, &kept).unwrap(), kept, "a second refusal changes nothing");
    }

    #[test]
    fn plates_are_found_under_other_topics_and_names() {
        assert_eq!(redact("parking/Zone_A/gate/Plates", &json!({"text": "AA-123-AA"})), Some(json!({})));
        assert_eq!(redact("parking/Zone_A/place_1", &json!({"licencePlate": "AA-123-AA"})), Some(json!({})));
        assert_eq!(without_plates(TOPIC, b"AA-123-AA", &key()), Some(Vec::new()));
        assert_eq!(without_plates("parking/Zone_A/place_1", br#"{"plate":"AA-12"#, &key()), Some(Vec::new()));
    }

    #[test]
    fn other_messages_stay_as_they_are() {
        assert_eq!(redact("parking/Zone_A/place_1", &json!({"status": "what"})), None);
        assert_eq!(without_plates("parking/Zone_A/place_1", b"\xff\xfe", &key()), None);
    }

    proptest! {
        #[test]
        fn no_plate_survives(field in "[a-z_]{1,12}", nested: bool) {
            prop_assume!(!HARMLESS.contains(&field.as_str()));
            let plate = json!("XQ-417-ZK");
            let value = if nested { json!([{ "text": plate }]) } else { plate };
            let payload = json!({ field: value }).to_string();
            let kept = without_plates(TOPIC, payload.as_bytes(), &key()).unwrap();
            prop_assert!(!String::from_utf8(kept).unwrap().contains("417"));
        }
    }
}
