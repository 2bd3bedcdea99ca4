//! Which series of bookings there are: the planner cannot ask PostgreSQL.

use parvis_forecasts::{Area, Job, Subject, Survey, subject::COWORKING};

use crate::{
    bookings,
    work::{Trainer, WorkError},
};

/// What a survey found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Surveyed {
    /// Series that are new, and were forecast or have said why not.
    pub new: usize,
    /// Series that are no more.
    pub gone: usize,
}

impl Trainer {
    /// Forecasts the series that are new, and takes those that are no more off the list. The others have jobs of their own.
    ///
    /// # Errors
    /// When a store fails; the survey may be made again, and goes on where it ended.
    pub async fn survey(&self, survey: &Survey) -> Result<Surveyed, WorkError> {
        let Area::Coworking = survey.survey;
        let present = bookings::subjects(self.database.pool().await?, survey.at).await?;
        let known = self.store.entries(COWORKING).await?;
        let mut surveyed = Surveyed::default();
        for entry in known.iter().filter(|entry| !present.contains(&entry.definition.subject)) {
            self.store.withdraw(&entry.definition.subject).await?;
            surveyed.gone += 1;
        }
        let is_known = |subject: &Subject| {
            known.iter().any(|entry| entry.definition.subject == *subject && entry.outcome.is_some())
        };
        for subject in present.iter().filter(|subject| !is_known(subject)) {
            self.work(&Job { subject: subject.clone(), task: survey.task, at: survey.at }).await?;
            surveyed.new += 1;
        }
        Ok(surveyed)
    }
}
