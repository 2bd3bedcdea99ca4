//! People: profiles, the lists of their notifications, addresses that are not written to.

use aws_sdk_dynamodb::operation::put_item::PutItemError;
use chrono::{DateTime, TimeDelta, Utc};
use parvis_notices::Person;
use parvis_notices::compose::Note;
use serde::{Deserialize, Serialize};

use super::{BODY, NoticeStore, StoreError, body, moment, number, sort_key, text};

const PROFILE: &str = "profile";
const NOTE: &str = "note#";
const REASON: &str = "reason";
const VERSION: &str = "version";
/// How long notifications stand in a person's list.
const KEEP_NOTES: TimeDelta = TimeDelta::days(90);
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

/// Why an address is not written to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Suppressed {
    reason: String,
    since: DateTime<Utc>,
}

fn of(person: &str) -> String {
    format!("person#{person}")
}

fn suppressed(address: &str) -> String {
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
        let put = self.client.put_item().table_name(&self.table);
        let put = put.item("pk", text(of(&next.subject))).item("sk", text(PROFILE));
        let put = put.item(BODY, text(serde_json::to_string(&next)?)).item(VERSION, number(next.version));
        let put = put.condition_expression("attribute_not_exists(pk) OR version = :before");
        match put.expression_attribute_values(":before", number(person.version)).send().await {
            Ok(_) => {
                *person = next;
                Ok(())
            }
            Err(error) if error.as_service_error().is_some_and(PutItemError::is_conditional_check_failed_exception) => {
                Err(StoreError::Changed)
            }
            Err(error) => Err(Box::new(error).into()),
        }
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
    pub async fn suppression(&self, address: &str, now: DateTime<Utc>) -> Result<Option<String>, StoreError> {
        let found: Option<Suppressed> = self.read(&suppressed(address), REASON).await?;
        Ok(found.filter(|one| now - one.since < KEEP_SUPPRESSED).map(|one| one.reason))
    }

    /// Writes to an address no more.
    ///
    /// # Errors
    /// When the table cannot be written.
    pub async fn suppress(&self, address: &str, reason: &str, now: DateTime<Utc>) -> Result<(), StoreError> {
        let record = Suppressed { reason: reason.to_owned(), since: now };
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
