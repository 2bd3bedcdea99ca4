//! People: profiles, the lists of their notifications, addresses that are not written to.

use chrono::{DateTime, TimeDelta, Utc};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use parvis_notices::Person;
use parvis_notices::compose::Note;
use serde::{Deserialize, Serialize};

use super::{NoticeStore, StoreError, body, moment, sort_key};

const PROFILE: &str = "profile";
const NOTE: &str = "note#";
const REASON: &str = "reason";
/// How long notifications stand in a person's list.
const KEEP_NOTES: TimeDelta = TimeDelta::days(90);
/// Removals at the same time when somebody is forgotten.
const REMOVALS: usize = 16;
/// A mailbox that did not exist may do so later.
const KEEP_SUPPRESSED: TimeDelta = TimeDelta::days(180);

/// A page of a list, newest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<T> {
    /// What is on it.
    pub items: Vec<T>,
    /// Where the next one begins.
    pub next: Option<String>,
}

/// Why nothing reaches an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unreachable {
    /// There was nobody: a code may try whether there is somebody again.
    Nobody,
    /// Whoever is there has said that they do not want to be written to.
    Unwanted,
}

/// An address that is not written to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Suppression {
    /// Why, for programs.
    pub why: Unreachable,
    /// Why, for the log.
    pub reason: String,
    /// Since when.
    pub since: DateTime<Utc>,
}

fn of(person: &str) -> String {
    format!("person#{person}")
}

/// What SES tells of a mailbox may be written otherwise than we did: the case of letters says nothing here.
fn suppressed(address: &str) -> String {
    let address = if address.contains('@') { address.to_lowercase() } else { address.to_owned() };
    format!("suppressed#{address}")
}

impl NoticeStore {
    /// What is known of somebody; a person of version 0 when nothing is.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn person(&self, subject: &str) -> Result<Person, StoreError> {
        Ok(self.read(&of(subject), PROFILE).await?.unwrap_or_else(|| Person::new(subject)))
    }

    /// Stores somebody as the next version.
    ///
    /// # Errors
    /// [`StoreError::Changed`] when somebody else has stored the person since, or when the table cannot be written.
    pub async fn save_person(&self, person: &mut Person) -> Result<(), StoreError> {
        let next = Person { version: person.version + 1, ..person.clone() };
        self.write_version(&of(&next.subject), PROFILE, &next, next.version).await?;
        *person = next;
        Ok(())
    }

    /// Forgets somebody: what they wished to hear of first, where events find it, then all else.
    ///
    /// # Errors
    /// When the table cannot be read or written; what is left then goes the next time.
    pub async fn forget(&self, person: &str) -> Result<(), StoreError> {
        for watch in self.watches_of(person).await? {
            self.drop_watch(&watch).await?;
        }
        let pk = of(person);
        let items = self.all(&pk, "").await?;
        let removals: Vec<_> = items.iter().filter_map(sort_key).map(|sk| self.remove(&pk, sk)).collect();
        stream::iter(removals).buffer_unordered(REMOVALS).try_collect().await
    }

    /// Puts a notification into its person's list; the same again changes nothing.
    ///
    /// # Errors
    /// When the table cannot be written.
    pub async fn put_note(&self, note: &Note) -> Result<(), StoreError> {
        let sk = format!("{NOTE}{}#{}", moment(note.at), note.id);
        self.write(&of(&note.person), &sk, note, Some(note.at + KEEP_NOTES)).await
    }

    /// Somebody's notifications, newest first.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn notes(&self, person: &str, before: Option<&str>, limit: i32) -> Result<Page<Note>, StoreError> {
        let before = before.map(|before| format!("{NOTE}{before}"));
        let items = self.newest(&of(person), NOTE, before.as_deref(), limit).await?;
        let full = items.len() >= usize::try_from(limit).unwrap_or_default();
        let next = items.last().filter(|_| full).and_then(|item| sort_key(item)?.strip_prefix(NOTE).map(str::to_owned));
        Ok(Page { items: items.iter().map(body).collect::<Result<_, _>>()?, next })
    }

    /// Why an address is not written to; `None` when it is.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn suppression(&self, address: &str, now: DateTime<Utc>) -> Result<Option<Suppression>, StoreError> {
        let found: Option<Suppression> = self.read(&suppressed(address), REASON).await?;
        Ok(found.filter(|one| now - one.since < KEEP_SUPPRESSED))
    }

    /// Writes to an address no more.
    ///
    /// # Errors
    /// When the table cannot be written.
    pub async fn suppress(
        &self,
        address: &str,
        why: Unreachable,
        reason: &str,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let record = Suppression { why, reason: reason.to_owned(), since: now };
        self.write(&suppressed(address), REASON, &record, Some(now + KEEP_SUPPRESSED)).await
    }

    /// Writes to an address again: its owner has proven it.
    ///
    /// # Errors
    /// When the table cannot be written.
    pub async fn pardon(&self, address: &str) -> Result<(), StoreError> {
        self.remove(&suppressed(address), REASON).await
    }
}
