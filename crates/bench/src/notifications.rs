//! Reminders on the platform: ten thousand that become due in one minute, from their buckets to the phones.

use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use chrono::{TimeDelta, Utc};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use parvis_events::{CloudEvent, EventId};
use parvis_mailroom::NoticeStore;
use parvis_notices::address::Address;
use parvis_notices::due::reminders;
use parvis_notices::{Catalog, Channel, Person};
use serde_json::json;

use crate::Settings;
use crate::platform::Platform;
use crate::report::{Report, Target};

const STARTED: &str = "parvis.parking.session.started";
/// Writes at the same time while the table is filled.
const WRITES: usize = 64;
/// How long it may take at most.
const PATIENCE: Duration = Duration::from_secs(600);

/// Measures from the run of the schedule to the last SMS.
pub async fn measure(settings: &Settings, report: &mut Report) -> anyhow::Result<()> {
    let number = settings.size(10_000, 50);
    let platform = Platform::start(&[("SmsPartsPerDay", "1000000")]).await?;
    let stack = platform.stack();
    let table = stack.template().tables.get("NotifyTable").context("the table of notifications")?.name.clone();
    let store = NoticeStore::new(stack.dynamodb_client(), table);
    fill(&store, number).await?;
    report.section(format!("Notifications: {number} reminders due in one minute"));
    let (function, event) = ("NotifyFunction", json!({ "task": "remind" }));
    let started = Instant::now();
    let notify = stack.host().find(function).context("the function of reminders")?;
    // As the schedule does it: a run that has not found the time for all is followed by the next.
    let mut told = 0;
    while told < number as u64 {
        let answer: serde_json::Value =
            serde_json::from_slice(&stack.host().invoke(&notify, event.to_string()).await?)?;
        told += answer["told"].as_u64().unwrap_or_default();
        if started.elapsed() > PATIENCE {
            bail!("{told} of {number} reminders told: {answer}");
        }
    }
    report.add("read, written and posted", started.elapsed().as_secs_f64(), "s");
    sent(&platform, number).await?;
    report
        .add("sent", started.elapsed().as_secs_f64(), "s")
        .target(Target::Below(60.0))
        .note("to the last SMS in the outbox");
    for context in ["notify", "deliver"] {
        let (peak, _) = platform.peak_memory(context);
        report.add(format!("memory at the peak: {context}"), peak, "MB").target(Target::Below(256.0));
    }
    platform.stop().await;
    Ok(())
}

/// As many people, each with a phone and a session whose first reminder has just become due.
async fn fill(store: &NoticeStore, number: usize) -> anyhow::Result<()> {
    let now = Utc::now();
    let (start, ends) = (now - TimeDelta::seconds(905), now + TimeDelta::seconds(895));
    let catalog = Catalog::load()?;
    let kind = catalog.kind(STARTED).context("sessions have a schema")?;
    let one = |n: usize| async move {
        let mut address = Address::new(Channel::Sms, &format!("+3363{n:07}"))?;
        address.verified_at = Some(now);
        let mut person = Person { addresses: vec![address], ..Person::new(format!("person-{n}")) };
        store.save_person(&mut person).await?;
        let data = json!({ "session": n.to_string(), "owner": person.subject, "starts_at": start, "ends_at": ends });
        let id = EventId::of_facts(start, &[&n.to_string()]);
        let event = CloudEvent::new(id, "/parvis/payments", STARTED, format!("session/{n}"), start, data);
        for due in reminders(kind, &event) {
            store.await_moment(&due, now).await?;
        }
        store.supersede(&event.subject, &event.id, &[], now).await?;
        anyhow::Ok(())
    };
    let writes = (0..number).map(one).collect::<Vec<_>>();
    stream::iter(writes).buffer_unordered(WRITES).try_collect::<()>().await
}

/// Waits until as many SMS lie in the outbox, each to another phone.
async fn sent(platform: &Platform, number: usize) -> anyhow::Result<()> {
    use parvis_local::sns::outbox::{Filter, Kind};
    let started = Instant::now();
    let filter = Filter { kind: Some(Kind::Sms), limit: Some(u32::try_from(number)? * 2), ..Filter::default() };
    loop {
        let last = platform.stack().sns().outbox().last();
        if usize::try_from(last)? >= number {
            let entries = platform.stack().sns().outbox().list(filter).await?;
            let phones: std::collections::BTreeSet<_> = entries.iter().map(|entry| &entry.to).collect();
            if phones.len() >= number {
                return Ok(());
            }
        }
        if started.elapsed() > PATIENCE {
            bail!("{last} of {number} SMS were sent");
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}
