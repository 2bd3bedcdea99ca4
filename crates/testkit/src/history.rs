//! History as the read API tells it, compared with the truth.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, bail};
use chrono::{DateTime, Utc};
use serde_json::Value;

use crate::devices::Reading;
use crate::http::Api;

/// Rows of one page.
const PAGE: usize = 1000;

/// A change of a space as history tells it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Transition {
    /// Zone id.
    pub zone: String,
    /// Space number.
    pub space: u32,
    /// Device time.
    pub at: DateTime<Utc>,
    /// `park_start` or `park_end`.
    pub kind: String,
    /// Whole seconds for which a vehicle that leaves has stood there.
    pub dwell_seconds: Option<i64>,
}

/// What history must hold of these readings, whatever the order in which they were sent and however often.
///
/// A space begins free, and only a change counts.
#[must_use]
pub fn transitions_of<'a>(readings: impl IntoIterator<Item = &'a Reading>) -> BTreeSet<Transition> {
    let mut by_space: BTreeMap<(&str, u32), BTreeMap<DateTime<Utc>, bool>> = BTreeMap::new();
    for Reading { zone, space, occupied, at } in readings {
        by_space.entry((zone, *space)).or_default().insert(*at, *occupied);
    }
    let mut truth = BTreeSet::new();
    for ((zone, space), readings) in by_space {
        let mut arrival: Option<DateTime<Utc>> = None;
        for (at, occupied) in readings {
            let (kind, dwell_seconds) = match (arrival, occupied) {
                (None, true) => ("park_start", None),
                (Some(since), false) => ("park_end", Some((at - since).num_seconds())),
                (Some(_), true) | (None, false) => continue,
            };
            arrival = occupied.then_some(at);
            truth.insert(Transition { zone: zone.to_owned(), space, at, kind: kind.to_owned(), dwell_seconds });
        }
    }
    truth
}

impl Api {
    /// Whether the history of `place` is exactly `truth`, each change once.
    ///
    /// # Errors
    /// Says what is missing, false or told twice.
    pub async fn history_equals(&self, place: &str, truth: &BTreeSet<Transition>) -> anyhow::Result<()> {
        let (mut seen, mut rows, mut cursor) = (BTreeSet::new(), 0, String::new());
        loop {
            let body = self.get(&format!("/v1/places/{place}/events?limit={PAGE}{cursor}")).await?;
            for event in body["events"].as_array().into_iter().flatten() {
                rows += 1;
                seen.insert(transition(event)?);
            }
            match body["next_cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => break,
            }
        }
        if let Some(missing) = truth.difference(&seen).next() {
            bail!("{place}: {} of {} transitions, missing e.g. {missing:?}", seen.len(), truth.len());
        }
        if let Some(extra) = seen.difference(truth).next() {
            bail!("{place}: not true: {extra:?}");
        }
        if rows == truth.len() { Ok(()) } else { bail!("{place}: {rows} rows for {} transitions", truth.len()) }
    }
}

fn transition(event: &Value) -> anyhow::Result<Transition> {
    let text = |name: &str| event[name].as_str().map(str::to_owned).with_context(|| format!("{name} of {event}"));
    let space = event["space"].as_u64().and_then(|space| space.try_into().ok());
    Ok(Transition {
        zone: text("zone")?,
        space: space.with_context(|| format!("space of {event}"))?,
        at: serde_json::from_value(event["at"].clone())?,
        kind: text("type")?,
        dwell_seconds: event["dwell_seconds"].as_i64(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_changes_count_and_every_stay_is_measured() {
        let at = |seconds: i64| DateTime::from_timestamp(1_767_225_600 + seconds, 0).unwrap();
        let reading = |seconds, occupied| Reading { zone: "A".into(), space: 1, occupied, at: at(seconds) };
        // Out of order, and one of them twice.
        let readings = [reading(90, false), reading(0, false), reading(30, true), reading(60, true), reading(30, true)];
        let truth: Vec<_> = transitions_of(&readings).into_iter().collect();
        let told: Vec<_> = truth.iter().map(|t| (t.at, t.kind.as_str(), t.dwell_seconds)).collect();
        assert_eq!(told, [(at(30), "park_start", None), (at(90), "park_end", Some(60))]);
    }
}
