//! Wishes to be told: found by their owner and by what they are about.

use chrono::{DateTime, TimeDelta, Utc};
use parvis_notices::Language;
use parvis_notices::address::Address;
use parvis_notices::watch::Watch;
use serde::{Deserialize, Serialize};

use super::{NoticeStore, StoreError, body, readable};

const WATCH: &str = "watch#";
const WISH: &str = "wish";
/// How long a wish waits to be confirmed; its code lapses before.
const KEEP_PENDING: TimeDelta = TimeDelta::days(1);

/// What a visitor wishes for, until the code proves that the address is theirs. Nothing of it counts before, and nothing is left of it when
/// it is never confirmed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pending {
    /// The wish, not confirmed.
    pub watch: Watch,
    /// The address with its code.
    pub address: Address,
    /// The language that was chosen.
    pub language: Option<Language>,
}

fn pending(id: &str) -> String {
    format!("pending#{id}")
}

fn by_person(person: &str) -> String {
    format!("person#{person}")
}

fn by_subject(subject: &str) -> String {
    format!("{WATCH}{subject}")
}

impl NoticeStore {
    /// Stores a watch; events find it when it is confirmed. The one that events find is written last: what is interrupted between is a wish that its owner sees and
    /// can make again.
    ///
    /// # Errors
    /// When the table cannot be written.
    pub async fn put_watch(&self, watch: &Watch) -> Result<(), StoreError> {
        self.write(&by_person(&watch.person), &format!("{WATCH}{}", watch.id), watch, None).await?;
        if watch.confirmed { self.write(&by_subject(&watch.subject), &watch.id, watch, None).await } else { Ok(()) }
    }

    /// Takes a watch away, first where events find it.
    ///
    /// # Errors
    /// When the table cannot be written.
    pub async fn drop_watch(&self, watch: &Watch) -> Result<(), StoreError> {
        self.remove(&by_subject(&watch.subject), &watch.id).await?;
        self.remove(&by_person(&watch.person), &format!("{WATCH}{}", watch.id)).await
    }

    /// The watches of a person that can be read.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn watches_of(&self, person: &str) -> Result<Vec<Watch>, StoreError> {
        Ok(readable(&self.all(&by_person(person), WATCH).await?, body).0)
    }

    /// The watches about a subject of events that can be read.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn watches_about(&self, subject: &str) -> Result<Vec<Watch>, StoreError> {
        Ok(readable(&self.all(&by_subject(subject), "").await?, body).0)
    }

    /// Stores a wish that is to be confirmed.
    ///
    /// # Errors
    /// When the table cannot be written.
    pub async fn put_pending(&self, wish: &Pending, now: DateTime<Utc>) -> Result<(), StoreError> {
        self.write(&pending(&wish.watch.id), WISH, wish, Some(now + KEEP_PENDING)).await
    }

    /// A wish that is to be confirmed.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn pending(&self, id: &str) -> Result<Option<Pending>, StoreError> {
        self.read(&pending(id), WISH).await
    }

    /// Forgets a wish: it is confirmed.
    ///
    /// # Errors
    /// When the table cannot be written.
    pub async fn drop_pending(&self, id: &str) -> Result<(), StoreError> {
        self.remove(&pending(id), WISH).await
    }
}
