//! Who wants to hear of something: of a car park, a zone, anything that events are about.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use parvis_events::CloudEvent;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::catalog::field;
use crate::person::Channel;

/// The subject of preferences that wishes are about.
pub const ALERTS: &str = "alerts";

/// Which events.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Filter {
    /// Types; one that ends with a dot stands for all that start with it. Without any no event is among them.
    pub types: Vec<String>,
    /// What the event is about (`place/default`). Empty for all.
    pub subjects: Vec<String>,
    /// Values of fields of the data, by path; null wants the field to be absent.
    pub fields: BTreeMap<String, Value>,
}

impl Filter {
    /// Whether events of a type can be among them.
    #[must_use]
    pub fn takes_type(&self, kind: &str) -> bool {
        self.types.iter().any(|wanted| wanted == kind || (wanted.ends_with('.') && kind.starts_with(wanted)))
    }

    /// Whether an event is among them.
    #[must_use]
    pub fn takes(&self, event: &CloudEvent) -> bool {
        let value = |(path, wanted): (&String, &Value)| match field(&event.data, path) {
            None => wanted.is_null(),
            Some(found) => found == wanted,
        };
        self.takes_type(&event.kind)
            && (self.subjects.is_empty() || self.subjects.contains(&event.subject))
            && self.fields.iter().all(value)
    }
}

/// What people can wish to be told of a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum When {
    /// It has crossed the lower threshold (70 % unless the place says otherwise).
    Busy,
    /// It has crossed the upper threshold (85 %).
    Saturated,
    /// It is no longer saturated: there are places again.
    HasPlaces,
}

impl When {
    /// The events of a place, or of one of its zones, that this means.
    #[must_use]
    pub fn filter(self, place: &str, zone: Option<&str>) -> Filter {
        let (kind, level) = match self {
            Self::Busy => (parvis_events::alert::RAISED, "busy"),
            Self::Saturated => (parvis_events::alert::RAISED, "saturated"),
            Self::HasPlaces => (parvis_events::alert::CLEARED, "saturated"),
        };
        Filter {
            types: vec![kind.to_owned()],
            subjects: vec![parvis_events::place_subject(place)],
            fields: BTreeMap::from([
                ("zone".to_owned(), zone.map_or(Value::Null, Value::from)),
                ("level".to_owned(), Value::from(level)),
            ]),
        }
    }
}

/// A wish to be told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Watch {
    /// Its id.
    pub id: String,
    /// Whose: the subject of a login, or the id of a visitor.
    pub person: String,
    /// What about, as events name it: watches are found by it.
    pub subject: String,
    /// Which car park.
    pub place: String,
    /// Which zone; the whole car park when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zone: Option<String>,
    /// When.
    pub when: When,
    /// How.
    pub channels: Vec<Channel>,
    /// Whether it counts: that of a visitor does from the moment that its address is proven.
    pub confirmed: bool,
    /// Since when.
    pub created_at: DateTime<Utc>,
}

impl Watch {
    /// Whether an event is what is waited for.
    #[must_use]
    pub fn takes(&self, event: &CloudEvent) -> bool {
        self.when.filter(&self.place, self.zone.as_deref()).takes(event)
    }
}

#[cfg(test)]
mod tests {
    use parvis_events::EventId;
    use serde_json::json;

    use super::*;

    fn event(kind: &str, data: Value) -> CloudEvent {
        let at = DateTime::from_timestamp(1_790_000_000, 0).unwrap();
        CloudEvent::new(EventId::of_facts(at, &["1"]), "/parvis/announce", kind, "place/gare", at, data)
    }

    #[test]
    fn a_watch_of_the_whole_place_is_not_one_of_its_zones() {
        let raised =
            |zone: Value, level: &str| event(parvis_events::alert::RAISED, json!({ "zone": zone, "level": level }));
        let whole = When::Saturated.filter("gare", None);
        assert!(whole.takes(&raised(Value::Null, "saturated")));
        assert!(!whole.takes(&raised("A".into(), "saturated")));
        assert!(!whole.takes(&raised(Value::Null, "busy")));
        assert!(When::Busy.filter("gare", Some("A")).takes(&raised("A".into(), "busy")));
        assert!(!When::Busy.filter("port", None).takes(&raised(Value::Null, "busy")));
        assert!(!When::HasPlaces.filter("gare", None).takes(&raised(Value::Null, "saturated")));
        let cleared = event(parvis_events::alert::CLEARED, json!({ "level": "saturated" }));
        assert!(When::HasPlaces.filter("gare", None).takes(&cleared));
    }

    #[test]
    fn what_can_be_wished_for_is_told_under_the_subject_of_wishes() {
        let catalog = crate::Catalog::load().unwrap();
        for when in [When::Busy, When::Saturated, When::HasPlaces] {
            for kind in when.filter("gare", None).types {
                assert_eq!(catalog.kind(&kind).unwrap().rule.category, ALERTS);
            }
        }
    }

    #[test]
    fn types_may_be_beginnings() {
        let filter = |kind: &str| Filter { types: vec![kind.to_owned()], ..Filter::default() };
        let event = event("parvis.booking.confirmed", json!({}));
        assert!(!Filter::default().takes(&event), "what is not named is not told");
        assert!(filter("parvis.booking.").takes(&event));
        assert!(filter("parvis.booking.confirmed").takes(&event));
        assert!(!filter("parvis.booking").takes(&event) && !filter("parvis.parking.").takes(&event));
    }
}
