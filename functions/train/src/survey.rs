//! Which series of bookings there are: the planner cannot ask PostgreSQL.

use parvis_forecasts::{Area, Job, Subject, Survey, subject::COWORKING};
use tokio::time::Instant;

use crate::{
    bookings,
    work::{LONGEST, Trainer, WorkError},
};

/// What a survey found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Surveyed {
    /// Series that are new, and were forecast or have said why not.
    pub new: usize,
    /// New ones that there was no time for: they are on the list, and have jobs of their own from the next hour on.
    pub put_off: usize,
    /// Series that are no more.
    pub gone: usize,
}

impl Trainer {
    /// Puts the series that are new on the list, forecasts as many of them as there is time for until `deadline`, and takes those that are
    /// no more off the list. The others have jobs of their own.
    ///
    /// # Errors
    /// When a store fails. What is on the list then has its jobs from the next hour on; the survey may be made again for the rest.
    pub async fn survey(&self, survey: &Survey, deadline: Instant) -> Result<Surveyed, WorkError> {
        let Area::Coworking = survey.survey;
        let pool = self.database.pool().await?;
        let present = bookings::subjects(pool, survey.at).await?;
        let known = self.store.entries(COWORKING).await?;
        let mut surveyed = Surveyed::default();
        for entry in known.iter().filter(|entry| !present.contains(&entry.definition.subject)) {
            self.store.withdraw(&entry.definition.subject).await?;
            surveyed.gone += 1;
        }
        let is_known = |subject: &Subject| known.iter().any(|entry| entry.definition.subject == *subject);
        let new: Vec<&Subject> = present.iter().filter(|subject| !is_known(subject)).collect();
        for subject in &new {
            let Subject::Coworking(site, measure) = subject else { continue };
            if let Some(definition) = bookings::definition(pool, site, *measure, survey.at).await? {
                self.store.define(&definition).await?;
            }
        }
        for subject in new {
            if Instant::now() + LONGEST > deadline {
                surveyed.put_off += 1;
                continue;
            }
            self.work(&Job { subject: subject.clone(), task: survey.task, at: survey.at }).await?;
            surveyed.new += 1;
        }
        Ok(surveyed)
    }
}
