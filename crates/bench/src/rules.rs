//! The rules of live occupancy alone: what one message costs before any service is involved.

use std::collections::HashMap;
use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context as _, anyhow};
use chrono::Utc;
use parvis_ingest::envelope::Envelope;
use parvis_parking::{Block, BlockKey, DeviceMessage, PlaceId, Refusal, message};
use parvis_places::{DefaultPlace, Snapshot};

use crate::Settings;
use crate::fleet::Fleet;
use crate::report::{Report, Sample};

/// Messages of one batch, as the template has it.
const BATCH: usize = 1_000;

/// Measures reading, merging and packing.
pub fn measure(settings: &Settings, report: &mut Report) -> anyhow::Result<()> {
    // 96 blocks, all full, and each touched by about ten messages of a batch.
    let fleet = Fleet { prefix: "rules", places: 12, zones: 4, spaces: 64 };
    let rounds = settings.size(200, 3);
    let bodies = bodies(&fleet);
    let register = register(&fleet)?;

    report.section("Rules alone: one processor, no service");
    let (envelopes, time) =
        middle(rounds, BATCH, || bodies.iter().map(|body| Envelope::read(body)).collect::<Vec<_>>());
    report.add("envelope of the rule read", time, "ns/message");
    let envelopes: Vec<_> = envelopes.into_iter().collect::<Result<_, _>>().map_err(refused)?;
    let (messages, time) = middle(rounds, BATCH, || {
        envelopes.iter().map(|envelope| message::parse(&envelope.message(), &register)).collect::<Vec<_>>()
    });
    report.add("message parsed and validated", time, "ns/message");
    let messages: Vec<_> = messages.into_iter().collect::<Result<_, _>>().map_err(refused)?;
    let groups = group(&messages);
    let empty: Vec<_> = groups.iter().map(|(key, messages)| (Block::empty(key.index), messages)).collect();
    let (blocks, time) = middle(rounds, BATCH, || {
        let merge = |(block, messages): &(Block, &Vec<&DeviceMessage>)| {
            let mut block = block.clone();
            block.merge(messages.iter().copied());
            block
        };
        empty.iter().map(merge).collect::<Vec<_>>()
    });
    report.add("message merged into its block", time, "ns/message");
    let (packed, time) = middle(rounds, blocks.len(), || blocks.iter().map(Block::encode).collect::<Vec<_>>());
    report.add("block packed", time, "ns/block");
    let largest = packed.iter().map(Vec::len).max().unwrap_or(0) as f64;
    report.add("largest block", largest, "bytes").note("with its changes; a write unit is 1,024 with keys");
    let keys: Vec<_> = groups.keys().zip(&packed).collect();
    let (_, time) = middle(rounds, blocks.len(), || {
        keys.iter().map(|(key, packed)| Block::decode(key.index, packed)).collect::<Vec<_>>()
    });
    report.add("block unpacked", time, "ns/block");
    Ok(())
}

fn refused(refusal: Refusal) -> anyhow::Error {
    anyhow!("a message of the bench was refused: {refusal:?}")
}

/// The queue's bodies of one batch.
fn bodies(fleet: &Fleet) -> Vec<String> {
    let mut crews = fleet.crews(1);
    let now = Utc::now();
    let sensors = crews.iter_mut().flat_map(|crew| &mut crew.sensors).take(BATCH);
    let body = |sensor: &mut crate::fleet::Sensor| {
        let payload = sensor.report(now.timestamp_millis(), true);
        let topic = sensor.topic().to_owned();
        Envelope { topic, payload, received_at: now, client_id: Some("bench-1".to_owned()) }.to_body()
    };
    sensors.map(body).collect()
}

/// A register that knows the fleet's places and takes every sensor.
fn register(fleet: &Fleet) -> anyhow::Result<Snapshot> {
    let default = |id: &str| -> anyhow::Result<DefaultPlace> {
        let id: PlaceId = id.parse().ok().with_context(|| format!("{id} is no id"))?;
        Ok(DefaultPlace { id, timezone: chrono_tz::Europe::Paris })
    };
    let records = fleet.ids().map(|id| Ok(Arc::new(default(&id)?.record()))).collect::<anyhow::Result<Vec<_>>>()?;
    Ok(Snapshot::new(default("default")?.id, records))
}

fn group(messages: &[DeviceMessage]) -> HashMap<BlockKey, Vec<&DeviceMessage>> {
    let mut groups: HashMap<_, Vec<_>> = HashMap::new();
    for message in messages {
        if let Some(key) = message.block_key() {
            groups.entry(key).or_default().push(message);
        }
    }
    groups
}

/// The result, and the time for one of `count` things, in ns: the middle of many rounds.
fn middle<T>(rounds: usize, count: usize, work: impl Fn() -> T) -> (T, f64) {
    let mut times = Sample::default();
    for _ in 0..rounds {
        let started = Instant::now();
        black_box(work());
        times.push(started.elapsed().as_secs_f64() * 1e9 / count.max(1) as f64);
    }
    (work(), times.median())
}
