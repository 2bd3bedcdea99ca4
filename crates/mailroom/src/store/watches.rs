//! Wishes to be told: found by their owner and by what they are about.

use parvis_notices::watch::Watch;

use super::{NoticeStore, StoreError, body};

const WATCH: &str = "watch#";

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

    /// The watches of a person.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn watches_of(&self, person: &str) -> Result<Vec<Watch>, StoreError> {
        self.all(&by_person(person), WATCH).await?.iter().map(body).collect()
    }

    /// The watches about a subject of events.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn watches_about(&self, subject: &str) -> Result<Vec<Watch>, StoreError> {
        self.all(&by_subject(subject), "").await?.iter().map(body).collect()
    }
}
