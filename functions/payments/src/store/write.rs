//! The transactions.

use aws_sdk_dynamodb::types::{AttributeValue, Delete, Put, TransactWriteItem, Update};
use chrono::{DateTime, TimeDelta, Utc};
use parvis_ledger_rules::{ListedMovement, ParkingMovement};
use parvis_money::Money;
use parvis_rights::SessionState;
use serde::Serialize;
use uuid::Uuid;

use super::PaymentsStore;
use super::error::StoreError;
use super::items::{self, Item, LastStay};
use super::keys::Key;
use crate::events;
use crate::record::{Delay, SessionRecord};

/// How long a movement stands in the list of its day: as far back as the books can be told to look.
pub(super) const LISTED: TimeDelta = TimeDelta::days(100);
/// How long a session stands in the list of what its owner has not paid: longer than anybody asks for.
const UNPAID: TimeDelta = TimeDelta::hours(1);

/// Money that moves within our own table, in the same transaction as the session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Funds {
    /// Whose wallet.
    pub owner: String,
    /// What is added; below zero for what is taken, which must be there.
    pub change: Money,
}

/// A session that is new.
#[derive(Debug)]
pub struct Creation<'a> {
    /// The session.
    pub record: &'a SessionRecord,
    /// The plate's last stay in the zone as it was read, with its revision.
    pub last: Option<(LastStay, u64)>,
    /// What it costs a wallet.
    pub funds: Option<Funds>,
    /// For the books.
    pub movement: Option<ParkingMovement>,
    /// In whose list it stands.
    pub listed_for: &'a str,
    /// Its clear plate, in the table that forgets.
    pub clear_plate: Option<TransactWriteItem>,
}

/// What a step has moved.
#[derive(Debug)]
pub struct Moved {
    /// For the books.
    pub movement: Option<ParkingMovement>,
    /// Into or out of a wallet.
    pub funds: Option<Funds>,
    /// What becomes of the plate in clear, in the table that forgets.
    pub plate: Option<TransactWriteItem>,
    /// When.
    pub at: DateTime<Utc>,
}

impl PaymentsStore {
    /// Writes a new session, unless its id is taken or its plate's last stay in the zone has changed since it was read.
    ///
    /// # Errors
    /// [`StoreError::Conflict`], also when a wallet does not hold enough; others.
    pub async fn create(&self, creation: Creation<'_>) -> Result<(), StoreError> {
        let Creation { record, last, funds, movement, listed_for, clear_plate } = creation;
        let mut parts = vec![self.put(
            items::item(
                Key::session(record.session.id),
                "session",
                record.revision,
                record,
                Self::keep_until(record.end()),
            )?,
            Some("attribute_not_exists(pk)"),
        )?];
        let start = record.session.bounds().map_or(record.created_at, |bounds| bounds.start);
        let entry = Key::of_owner(listed_for, start, record.session.id);
        parts.push(
            self.put(items::item(entry, "listed", 0, &record.session.id, Self::keep_until(record.end()))?, None)?,
        );
        let stay = match &last {
            // An operator's session that arrives after a later one does not hide it.
            Some((later, _)) if later.end > record.end() => later.clone(),
            _ => LastStay {
                session: record.session.id,
                start,
                end: record.end(),
                before: last.as_ref().map(|(last, _)| last.as_previous()),
            },
        };
        parts.push(self.stay(record, &stay, last.map(|(_, revision)| revision))?);
        self.follow(None, record, movement, record.created_at, &mut parts)?;
        self.move_funds(funds.as_ref(), &mut parts)?;
        parts.extend(clear_plate);
        self.transact(parts).await
    }

    /// Writes a session after a step, unless somebody has written it since `before` was read.
    ///
    /// # Errors
    /// [`StoreError::Conflict`], others.
    pub async fn save(
        &self,
        before: &SessionRecord,
        after: &mut SessionRecord,
        Moved { movement, funds, plate, at }: Moved,
    ) -> Result<(), StoreError> {
        after.revision = before.revision + 1;
        after.delay = None;
        let expires = Self::keep_until(after.end());
        let item = items::item(Key::session(after.session.id), "session", after.revision, &*after, expires)?;
        let mut parts = vec![self.put_over(item, before.revision)?];
        self.follow(Some(before), after, movement, at, &mut parts)?;
        self.move_funds(funds.as_ref(), &mut parts)?;
        parts.extend(plate);
        if before.end() != after.end() || before.session.state != after.session.state {
            self.change_stay(before, after, &mut parts).await?;
        }
        self.transact(parts).await
    }

    /// Gives a session its next turn on the work list later, unless somebody has written it since it was read.
    ///
    /// # Errors
    /// [`StoreError::Conflict`], others.
    pub async fn postpone(&self, record: &SessionRecord, now: DateTime<Utc>) -> Result<(), StoreError> {
        let delay = Delay::after(record.delay, now);
        let after = SessionRecord { revision: record.revision + 1, delay: Some(delay), ..record.clone() };
        let expires = Self::keep_until(after.end());
        let item = items::item(Key::session(after.session.id), "session", after.revision, &after, expires)?;
        let mut parts = vec![self.put_over(item, record.revision)?];
        self.follow(Some(record), &after, None, now, &mut parts)?;
        self.transact(parts).await
    }

    /// The right, the work list, the books and the event follow the session.
    fn follow(
        &self,
        before: Option<&SessionRecord>,
        after: &SessionRecord,
        movement: Option<ParkingMovement>,
        at: DateTime<Utc>,
        parts: &mut Vec<TransactWriteItem>,
    ) -> Result<(), StoreError> {
        if let Some(event) = events::of(before, after, self.told.timezone, at) {
            parts.push(self.told.events.put_in_transaction(&event)?);
        }
        let (old, new) = (before.and_then(|record| record.session.right()), after.session.right());
        if old != new {
            let (old_key, new_key) = (old.as_ref().and_then(Key::right), new.as_ref().and_then(Key::right));
            if let Some(key) = old_key.filter(|key| Some(key) != new_key.as_ref()) {
                parts.push(self.delete(key)?);
            }
            if let (Some(right), Some(key)) = (new, new_key) {
                parts.push(self.put(items::item(key, "right", 0, &right, Self::keep_until(after.end()))?, None)?);
            }
        }
        let id = after.session.id;
        let (old, new) = (before.and_then(unpaid), unpaid(after));
        if old != new {
            if let Some(key) = old {
                parts.push(self.delete(key)?);
            }
            if let Some(key) = new {
                let forgotten = Some(after.created_at + UNPAID);
                parts.push(self.put(items::item(key, "unpaid", 0, &id, forgotten)?, None)?);
            }
        }
        self.work_follows(id, before.and_then(SessionRecord::due), after.due(), parts)?;
        if let Some(movement) = movement {
            let item =
                items::item(Key::movement(id, movement.id), "movement", 0, &movement, Self::keep_until(after.end()))?;
            // A movement is never written over: the books have taken it.
            parts.push(self.put(item, Some("attribute_not_exists(pk)"))?);
            let listed = ListedMovement::of(&movement);
            let forgotten = Some(movement.at + LISTED);
            parts.push(self.put(items::item(Key::listed_movement(&listed), "moved", 0, &listed, forgotten)?, None)?);
        }
        Ok(())
    }

    /// The entry in the work list follows what it is for.
    pub(super) fn work_follows(
        &self,
        id: Uuid,
        old: Option<DateTime<Utc>>,
        new: Option<DateTime<Utc>>,
        parts: &mut Vec<TransactWriteItem>,
    ) -> Result<(), StoreError> {
        if old == new {
            return Ok(());
        }
        if let Some(due) = old {
            parts.push(self.delete(Key::work(due, id))?);
        }
        if let Some(due) = new {
            parts.push(self.put(items::item(Key::work(due, id), "work", 0, &id, None)?, None)?);
        }
        Ok(())
    }

    /// The plate's last stay follows the session. One that was never paid leaves what was before.
    ///
    /// A session that grows is written on the condition of the stay even where the stay is another session's, so that nobody
    /// begins where it grows.
    async fn change_stay(
        &self,
        before: &SessionRecord,
        after: &SessionRecord,
        parts: &mut Vec<TransactWriteItem>,
    ) -> Result<(), StoreError> {
        let session = &after.session;
        let Some((stay, revision)) = self.last_stay(&session.plate, &session.zone).await? else { return Ok(()) };
        let key = Key::stay(&session.plate, &session.zone);
        let own = stay.session == session.id;
        let grows = before.end() < after.end();
        let stay = match (session.state, &stay.before) {
            (SessionState::Failed, None) if own => {
                parts.push(self.delete_at(key, revision)?);
                return Ok(());
            }
            (SessionState::Failed, Some(previous)) if own => {
                LastStay { start: previous.start, end: previous.end, before: None, ..stay }
            }
            _ if own => LastStay { end: after.end(), ..stay },
            _ if !grows => return Ok(()),
            _ if stay.overlaps(before.end(), after.end()) => return Err(StoreError::Conflict),
            _ if stay.end > after.end() => stay,
            // What never came to be, or was stopped before it began, is forgotten.
            _ => {
                let start = session.bounds().map_or(after.created_at, |bounds| bounds.start);
                LastStay { session: session.id, start, end: after.end(), before: None }
            }
        };
        parts.push(self.stay(after, &stay, Some(revision))?);
        Ok(())
    }

    fn stay(
        &self,
        record: &SessionRecord,
        stay: &LastStay,
        known: Option<u64>,
    ) -> Result<TransactWriteItem, StoreError> {
        let key = Key::stay(&record.session.plate, &record.session.zone);
        let revision = known.map_or(1, |known| known + 1);
        let item = items::item(key, "stay", revision, stay, Self::keep_until(stay.end))?;
        match known {
            Some(known) => self.put_over(item, known),
            None => self.put(item, Some("attribute_not_exists(pk)")),
        }
    }

    pub(super) fn move_funds(
        &self,
        funds: Option<&Funds>,
        parts: &mut Vec<TransactWriteItem>,
    ) -> Result<(), StoreError> {
        let Some(Funds { owner, change }) = funds else { return Ok(()) };
        let key = Key::wallet(owner);
        let update = Update::builder()
            .table_name(&self.table)
            .key("pk", AttributeValue::S(key.pk))
            .key("sk", AttributeValue::S(key.sk))
            .update_expression("ADD cents :change SET currency = :currency, kind = :kind")
            .expression_attribute_values(":change", AttributeValue::N(change.cents.to_string()))
            .expression_attribute_values(":currency", AttributeValue::S(change.currency.code().to_owned()))
            .expression_attribute_values(":kind", AttributeValue::S("wallet".to_owned()));
        let update = if change.is_negative() {
            update
                .condition_expression("cents >= :least AND currency = :currency")
                .expression_attribute_values(":least", AttributeValue::N((-change.cents).to_string()))
        } else {
            // Cents of two currencies do not add up.
            update
                .condition_expression("attribute_not_exists(cents) OR cents = :nothing OR currency = :currency")
                .expression_attribute_values(":nothing", AttributeValue::N("0".to_owned()))
        };
        parts.push(TransactWriteItem::builder().update(update.build()?).build());
        Ok(())
    }

    /// A put, on a condition without values.
    pub(super) fn put(&self, item: Item, condition: Option<&str>) -> Result<TransactWriteItem, StoreError> {
        let put = Put::builder().table_name(&self.table).set_item(Some(item));
        let put = put.set_condition_expression(condition.map(str::to_owned)).build()?;
        Ok(TransactWriteItem::builder().put(put).build())
    }

    /// A put over an item of a known revision.
    pub(super) fn put_over(&self, item: Item, revision: u64) -> Result<TransactWriteItem, StoreError> {
        let put = Put::builder()
            .table_name(&self.table)
            .set_item(Some(item))
            .condition_expression("revision = :known")
            .expression_attribute_values(":known", AttributeValue::N(revision.to_string()))
            .build()?;
        Ok(TransactWriteItem::builder().put(put).build())
    }

    pub(super) fn delete(&self, key: Key) -> Result<TransactWriteItem, StoreError> {
        let delete = Delete::builder().table_name(&self.table).key("pk", AttributeValue::S(key.pk));
        let delete = delete.key("sk", AttributeValue::S(key.sk)).build()?;
        Ok(TransactWriteItem::builder().delete(delete).build())
    }

    pub(super) fn delete_at(&self, key: Key, revision: u64) -> Result<TransactWriteItem, StoreError> {
        let delete = Delete::builder()
            .table_name(&self.table)
            .key("pk", AttributeValue::S(key.pk))
            .key("sk", AttributeValue::S(key.sk))
            .condition_expression("revision = :known")
            .expression_attribute_values(":known", AttributeValue::N(revision.to_string()))
            .build()?;
        Ok(TransactWriteItem::builder().delete(delete).build())
    }

    pub(super) async fn transact(&self, parts: Vec<TransactWriteItem>) -> Result<(), StoreError> {
        let write = self.client.transact_write_items().set_transact_items(Some(parts));
        write.send().await.map(drop).map_err(StoreError::transaction)
    }

    /// Puts a value of a small kind, over the revision that was read; the table forgets it at `expires_at`.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when it was changed since.
    pub(crate) async fn put_value<T: Serialize>(
        &self,
        key: Key,
        kind: &str,
        value: &T,
        known: Option<u64>,
        expires_at: Option<DateTime<Utc>>,
    ) -> Result<(), StoreError> {
        let item = items::item(key, kind, known.map_or(1, |known| known + 1), value, expires_at)?;
        let part = match known {
            Some(known) => self.put_over(item, known)?,
            None => self.put(item, Some("attribute_not_exists(pk)"))?,
        };
        self.transact(vec![part]).await
    }

    /// What a wallet holds, in minor units.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn wallet(&self, owner: &str) -> Result<i64, StoreError> {
        let key = Key::wallet(owner);
        let get = self.client.get_item().table_name(&self.table).consistent_read(true);
        let get = get.key("pk", AttributeValue::S(key.pk)).key("sk", AttributeValue::S(key.sk));
        let item = get.send().await.map_err(StoreError::call)?.item.unwrap_or_default();
        Ok(item.get("cents").and_then(|cents| cents.as_n().ok()).and_then(|cents| cents.parse().ok()).unwrap_or(0))
    }
}

/// Where a driver's session is listed as not paid, as long as it is not.
fn unpaid(record: &SessionRecord) -> Option<Key> {
    let unpaid = matches!(record.session.state, SessionState::Pending | SessionState::Failed);
    let owner = record.owner.as_deref().filter(|_| unpaid)?;
    Some(Key::unpaid(owner, record.created_at, record.session.id))
}
