//! Stuck counters as all sandboxes tell them: in the register's table, renewed by whoever finds them old.

use std::sync::{PoisonError, RwLock};
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use parvis_kit::telemetry::chain;
use parvis_places::{Note, PlacesStore, RegisterError};

use crate::sql::StuckCounter;
use crate::stuck_cache::{StuckCounters, by_place};

/// The note's name.
const NAME: &str = "stuck-counters";
/// How long a sandbox tells what it has read: so long two sandboxes may differ.
const TOLD_FOR: Duration = Duration::from_secs(20);
/// How old they may be. Longer than the half hour after which an unused database pauses: a page that stays open must not keep it running.
const RENEWED_AFTER: TimeDelta = TimeDelta::hours(1);

/// The note, as this sandbox last read it.
#[derive(Debug, Default)]
pub struct SharedStuck(RwLock<Option<(Instant, Option<Found>)>>);

/// Stuck counters with the time at which they were looked for.
#[derive(Debug, Clone)]
pub struct Found {
    /// By place.
    pub counters: StuckCounters,
    /// When.
    pub found_at: DateTime<Utc>,
}

impl Found {
    /// Whether they should be looked for again.
    #[must_use]
    pub fn is_old(&self, now: DateTime<Utc>) -> bool {
        self.found_at + RENEWED_AFTER <= now
    }
}

impl SharedStuck {
    /// The counters as last found by anybody. What cannot be read is as good as not there.
    pub async fn read(&self, places: &PlacesStore) -> Option<Found> {
        if let Some((read_at, known)) = self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
            && read_at.elapsed() < TOLD_FOR
        {
            return known;
        }
        let found = match places.note(NAME).await {
            Ok(note) => note.and_then(|note| found(&note)),
            Err(error) => {
                tracing::warn!(error = %chain(&error), "shared findings cannot be read");
                None
            }
        };
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Some((Instant::now(), found.clone()));
        found
    }

    /// Tells the others what was found at `now`, unless somebody has told them something newer.
    pub async fn share(&self, places: &PlacesStore, counters: &StuckCounters, now: DateTime<Utc>) {
        let told = async {
            let known = places.note(NAME).await?;
            if known.as_ref().is_some_and(|note| note.found_at >= now) {
                return Ok(());
            }
            let all: Vec<&StuckCounter> = counters.values().flatten().collect();
            let version = known.map_or(0, |note| note.version) + 1;
            places.put_note(NAME, &Note { text: serde_json::to_string(&all)?, found_at: now, version }).await
        };
        match told.await {
            // Who wrote in between has found the same.
            Ok(()) | Err(RegisterError::VersionConflict) => {}
            Err(error) => tracing::warn!(error = %chain(&error), "findings cannot be shared"),
        }
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

/// A note of another version of the program is as good as none.
fn found(note: &Note) -> Option<Found> {
    let counters: Vec<StuckCounter> = serde_json::from_str(&note.text).ok()?;
    Some(Found { counters: by_place(counters), found_at: note.found_at })
}
