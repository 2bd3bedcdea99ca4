//! What waits for its moment, in buckets of minutes.

use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::AttributeValue;
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use parvis_events::EventId;
use parvis_notices::due::Due;

use super::{EXPIRES, Item, NoticeStore, StoreError, body, moment, readable, seconds, sort_key, text};

const CURRENT: &str = "current";
const EVENT: &str = "event";
const PASSED: &str = "passed";
/// What was not sent by then is forgotten.
const KEEP: TimeDelta = TimeDelta::days(2);
/// How long the newest event of a subject is remembered: a permit's reminders come a year later.
const KEEP_CURRENT: TimeDelta = TimeDelta::days(800);

/// An entry of a bucket and its key.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    pk: String,
    sk: String,
    /// What waits.
    pub due: Due,
}

/// A part of a bucket.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Bucket {
    /// What waits in it.
    pub entries: Vec<Entry>,
    /// How much more there is that cannot be read.
    pub unreadable: u64,
}

/// What counts for a subject.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// The newest event that tells of its deadlines.
    pub event: String,
    /// The marks of the moments that were over when it happened ([`parvis_notices::due::passed`]).
    pub passed: Vec<String>,
}

fn bucket(minute: DateTime<Utc>, shard: u8) -> String {
    format!("due#{}#{shard}", minute.to_rfc3339_opts(SecondsFormat::Secs, true))
}

fn reminders(subject: &str) -> String {
    format!("reminders#{subject}")
}

impl NoticeStore {
    /// Puts something into the bucket of its moment; the same again changes nothing.
    ///
    /// # Errors
    /// When the table cannot be written.
    pub async fn await_moment(&self, due: &Due, now: DateTime<Utc>) -> Result<(), StoreError> {
        let (minute, sk) = (due.bucket(now), format!("{}#{}", moment(due.at), due.id()));
        self.write(&bucket(minute, due.shard()), &sk, due, Some(minute + KEEP)).await
    }

    /// What waits in a part of a bucket.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn waiting(&self, minute: DateTime<Utc>, shard: u8) -> Result<Bucket, StoreError> {
        let pk = bucket(minute, shard);
        let entry = |item: &Item| {
            let sk = sort_key(item).ok_or(StoreError::Missing("sk"))?.to_owned();
            Ok(Entry { pk: pk.clone(), sk, due: body(item)? })
        };
        let (entries, unreadable) = readable(&self.all(&pk, "").await?, entry);
        Ok(Bucket { entries, unreadable })
    }

    /// Takes an entry out of its bucket: it is done.
    ///
    /// # Errors
    /// When the table cannot be written; it is then found again, and doing it again changes nothing.
    pub async fn settle(&self, entry: &Entry) -> Result<(), StoreError> {
        self.remove(&entry.pk, &entry.sk).await
    }

    /// From now on only the reminders of this event count for its subject, and those with the marks of what had passed when it happened,
    /// unless a newer one is known. Ids sort by time.
    ///
    /// # Errors
    /// When the table cannot be written.
    pub async fn supersede(
        &self,
        subject: &str,
        event: &EventId,
        passed: &[String],
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let update = self.client.update_item().table_name(&self.table);
        let update = update.key("pk", text(reminders(subject))).key("sk", text(CURRENT));
        let update = update.update_expression("SET #event = :event, #passed = :passed, #expires = :expires");
        let update = update.condition_expression("attribute_not_exists(#event) OR #event < :event");
        let update = update.expression_attribute_names("#event", EVENT).expression_attribute_names("#expires", EXPIRES);
        let update = update.expression_attribute_names("#passed", PASSED);
        let update = update.expression_attribute_values(":event", text(event.as_str()));
        let passed = AttributeValue::L(passed.iter().map(text).collect());
        let update = update.expression_attribute_values(":passed", passed);
        match update.expression_attribute_values(":expires", seconds(now + KEEP_CURRENT)).send().await {
            Ok(_) => Ok(()),
            Err(error)
                if error.as_service_error().is_some_and(UpdateItemError::is_conditional_check_failed_exception) =>
            {
                Ok(())
            }
            Err(error) => Err(Box::new(error).into()),
        }
    }

    /// What counts for a subject; nothing is known of one whose events never told a deadline.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn standing(&self, subject: &str) -> Result<Option<Standing>, StoreError> {
        let get = self.client.get_item().table_name(&self.table);
        let get = get.key("pk", text(reminders(subject))).key("sk", text(CURRENT)).consistent_read(true);
        let Some(item) = get.send().await.map_err(Box::new)?.item else { return Ok(None) };
        let event = item.get(EVENT).and_then(|event| event.as_s().ok()).ok_or(StoreError::Missing(EVENT))?.clone();
        let passed = item.get(PASSED).and_then(|marks| marks.as_l().ok()).into_iter().flatten();
        Ok(Some(Standing { event, passed: passed.filter_map(|mark| mark.as_s().ok().cloned()).collect() }))
    }

    /// When the last completed run of reminders was.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn last_run(&self) -> Result<Option<DateTime<Utc>>, StoreError> {
        self.read("runs", "last").await
    }

    /// Notes that a run is completed.
    ///
    /// # Errors
    /// When the table cannot be written.
    pub async fn complete_run(&self, at: DateTime<Utc>) -> Result<(), StoreError> {
        self.write("runs", "last", &at, None).await
    }
}
