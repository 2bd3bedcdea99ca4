//! Subscriptions and credits of people, and what they are told of a subscription.

use chrono::{DateTime, Utc};
use parvis_events::pass::{ENDED, PassChanged, STARTED, pass_subject};
use parvis_events::{CloudEvent, EventId};
use serde_json::Value;
use sqlx::PgConnection;

use crate::error::Refused;
use crate::events::SOURCE;
use crate::store::catalog_import::Imported;
use crate::store::people::{self, Pass};
use crate::store::tx::{Command, Tx, WriteError};

/// Sets somebody's subscription or credits; what is `None` stays.
#[derive(Clone, Debug)]
pub struct SetMember {
    /// The login's subject.
    pub subject: String,
    /// Id of the subscription.
    pub plan: Option<Option<String>>,
    /// Its end.
    pub until: Option<Option<DateTime<Utc>>>,
    /// Credits.
    pub credits: Option<u32>,
}

impl Command for SetMember {
    type Prepared = ();
    type Answer = ();

    async fn prepare(&self, _: &mut PgConnection, _: DateTime<Utc>) -> Result<(), WriteError> {
        Ok(())
    }

    async fn run(&self, (): &(), tx: &mut Tx<'_>, now: DateTime<Utc>) -> Result<(), WriteError> {
        if let Some(Some(plan)) = &self.plan
            && !people::has_plan(tx.sql(), plan).await?
        {
            return Err(Refused::NotFound("plan").into());
        }
        self.set(tx, now).await
    }
}

impl SetMember {
    async fn set(&self, tx: &mut Tx<'_>, now: DateTime<Utc>) -> Result<(), WriteError> {
        let before = people::pass(tx.sql(), &self.subject).await?;
        people::set_member(tx.sql(), self).await?;
        let after = people::pass(tx.sql(), &self.subject).await?;
        if let Some(event) = event(&self.subject, before, after, now) {
            tx.emit(event);
        }
        Ok(())
    }
}

/// Sets the subscriptions and credits of many, whose plans are there; all or none.
#[derive(Clone, Debug)]
pub struct SetMembers {
    /// Each person once.
    pub members: Vec<SetMember>,
}

impl Command for SetMembers {
    type Prepared = ();
    type Answer = Imported;

    async fn prepare(&self, _: &mut PgConnection, _: DateTime<Utc>) -> Result<(), WriteError> {
        Ok(())
    }

    async fn run(&self, (): &(), tx: &mut Tx<'_>, now: DateTime<Utc>) -> Result<Imported, WriteError> {
        let mut imported = Imported::default();
        // In one order, so that two imports at once wait for each other instead of each for the other.
        let mut members: Vec<&SetMember> = self.members.iter().collect();
        members.sort_by(|a, b| a.subject.cmp(&b.subject));
        for member in members {
            let before = people::holder(tx.sql(), &member.subject).await?;
            member.set(tx, now).await?;
            let after = people::holder(tx.sql(), &member.subject).await?;
            match (before.is_some(), before == after) {
                (_, true) => imported.unchanged += 1,
                (true, false) => imported.changed += 1,
                (false, false) => imported.created += 1,
            }
        }
        Ok(imported)
    }
}

/// What the holder hears of it: nothing when nothing has changed for them.
fn event(subject: &str, before: Option<Pass>, after: Option<Pass>, now: DateTime<Utc>) -> Option<CloudEvent<Value>> {
    let in_force = |pass: &Pass| pass.until.is_none_or(|until| until > now);
    let (had, has) = (before.filter(in_force), after.filter(in_force));
    let (kind, pass) = match (had, has) {
        (had, Some(has)) if had.as_ref() != Some(&has) => (STARTED, has),
        (Some(had), None) => (ENDED, had),
        _ => return None,
    };
    let id = EventId::of_facts(now, &[kind, subject, &pass.plan]);
    let data = PassChanged {
        pass: pass.plan,
        owner: subject.to_owned(),
        title: pass.name,
        valid_from: now,
        valid_until: pass.until,
    };
    // Plain strings and times always serialise.
    let data = serde_json::to_value(data).unwrap_or_default();
    Some(CloudEvent::new(id, SOURCE, kind, pass_subject(subject), now, data))
}
