//! How zones are called: documents say names, not ids.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use parvis_kit::telemetry::chain;
use parvis_places::{PlaceRecord, PlacesStore, RegisterError};

/// How old names may be.
const TTL: Duration = Duration::from_secs(60);

type Names = Arc<BTreeMap<String, String>>;

/// The names of zones, from the register of places; cheap to clone.
#[derive(Clone, Debug)]
pub struct ZoneNames {
    register: PlacesStore,
    known: Arc<Mutex<Option<(Instant, Names)>>>,
}

impl ZoneNames {
    /// The names in a register.
    #[must_use]
    pub fn new(register: PlacesStore) -> Self {
        Self { register, known: Arc::default() }
    }

    /// The name of a zone, with its place's. Its id, when no place has it, when several do, or when the register is away: the books go on.
    pub async fn name(&self, zone: &str) -> String {
        let names = match self.names().await {
            Ok(names) => names,
            Err(error) => {
                tracing::warn!(error = %chain(&error), zone, "a document says the zone's id: the register of places cannot be read");
                return zone.to_owned();
            }
        };
        names.get(zone).cloned().unwrap_or_else(|| zone.to_owned())
    }

    async fn names(&self) -> Result<Names, RegisterError> {
        let known = || self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let before = known().clone();
        if let Some((_, names)) = before.as_ref().filter(|(read_at, _)| read_at.elapsed() < TTL) {
            return Ok(names.clone());
        }
        match self.register.list_records().await {
            Ok(places) => {
                let names = Arc::new(names_in(&places));
                *known() = Some((Instant::now(), names.clone()));
                Ok(names)
            }
            // Old names are better than none.
            Err(error) => before.map(|(_, names)| names).ok_or(error),
        }
    }
}

fn names_in(places: &[PlaceRecord]) -> BTreeMap<String, String> {
    let mut names: BTreeMap<String, Option<String>> = BTreeMap::new();
    for place in places {
        for zone in &place.zones {
            let name = format!("{}, {}", place.place.name, zone.name);
            // Which of several places with such a zone is meant, no movement says.
            names.entry(zone.id.to_string()).and_modify(|name| *name = None).or_insert(Some(name));
        }
    }
    names.into_iter().filter_map(|(zone, name)| Some((zone, name?))).collect()
}
