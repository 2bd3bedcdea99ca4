//! The schedule: sensors that have fallen silent.

use std::collections::BTreeSet;

use chrono::{DateTime, Duration, Utc};
use futures::{StreamExt, stream};
use parvis_kit::lambda::Failure;
use parvis_kit::metrics::Metrics;
use parvis_kit::telemetry::chain;
use parvis_parking::{Block, PlaceId};
use parvis_places::CachedPlaces;
use serde::Serialize;
use tokio::time::Instant;

use crate::blocks::{BlockWriter, Update, UpdateError};

const CONCURRENT_PLACES: usize = 8;

/// What a look for silent sensors found.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct SilenceReport {
    /// Blocks looked at.
    pub blocks: usize,
    /// Blocks in which sensors were newly marked as disconnected.
    pub written: usize,
}

/// Marks the sensors that were not heard for longer than `limit`.
///
/// Each place is on its own: one whose blocks cannot be read is counted, and holds up no other.
pub(crate) async fn find(
    places: &CachedPlaces,
    writer: &BlockWriter,
    limit: Duration,
    now: DateTime<Utc>,
    deadline: Instant,
    metrics: &mut Metrics,
) -> Result<SilenceReport, Failure> {
    let registered = places.store().list().await.map_err(Failure::retryable)?;
    let mut ids: BTreeSet<PlaceId> = registered.into_iter().map(|place| place.id).collect();
    ids.insert(places.default_place().id.clone());
    let per_place: Vec<(PlaceId, Marked)> = stream::iter(ids)
        .map(|place| async move {
            let marked = mark(writer, &place, limit, now, deadline).await;
            (place, marked)
        })
        .buffer_unordered(CONCURRENT_PLACES)
        .collect()
        .await;

    let mut report = SilenceReport::default();
    let (mut unreadable, mut delayed) = (0, None);
    for (place, marked) in per_place {
        let (blocks, updates) = match marked {
            Ok(marked) => marked,
            Err(error) => {
                tracing::error!(%place, error = %chain(&error), "silent sensors were not looked for");
                if error.is_permanent() {
                    unreadable += 1;
                } else {
                    delayed = Some(error);
                }
                continue;
            }
        };
        report.blocks += blocks;
        report.written += updates.iter().filter(|update| update.written).count();
        let conflicts: u32 = updates.iter().map(|update| update.conflicts).sum();
        metrics.count("Conflicts", conflicts.into(), &[]);
    }
    metrics.count("BlocksWritten", report.written as u64, &[]);
    metrics.count("ImagesUnreadable", unreadable, &[]);
    // The next minute's look finds what this one left.
    delayed.map_or(Ok(report), |error| Err(Failure::retryable(error)))
}

/// How many blocks of a place were looked at, and the updates.
type Marked = Result<(usize, Vec<Update>), UpdateError>;

/// Marks the silent sensors of one place.
async fn mark(writer: &BlockWriter, place: &PlaceId, limit: Duration, now: DateTime<Utc>, deadline: Instant) -> Marked {
    let stored = writer.store().place_blocks(place).await?;
    let blocks = stored.len();
    let mut updates = Vec::new();
    for read in stored {
        updates.push(writer.update_read(read, deadline, |block| mark_block(block, limit, now)).await?);
    }
    Ok((blocks, updates))
}

/// True if a sensor is newly silent.
fn mark_block(block: &mut Block, limit: Duration, now: DateTime<Utc>) -> bool {
    match block {
        Block::Spaces(spaces) => spaces.mark_silent(now, limit) > 0,
        // A counter has no sensors per space; its age shows in its own state.
        Block::Counter(_) => false,
    }
}
