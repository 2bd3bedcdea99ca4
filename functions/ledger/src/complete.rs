//! Looking for movements that the books have missed: those that a stream could not bring, or that were refused then.

use chrono::{Days, NaiveDate, TimeDelta};
use parvis_kit::lambda::Failure;
use parvis_kit::metrics::Metrics;
use parvis_kit::telemetry::chain;
use parvis_ledger_rules::{KeptMovement, ListedMovement, ParkingMovementKind, Posted};
use serde::{Deserialize, Serialize};

use crate::FUNCTION;
use crate::movements::{Place, ReadError};
use crate::post::PostError;
use crate::read;
use crate::state::App;

/// What is younger than this is still on its way.
const ON_ITS_WAY: TimeDelta = TimeDelta::minutes(10);

/// What a run has found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Completion {
    /// Movements in the lists.
    pub listed: u64,
    /// Of these, those that were missing in the books, and are there now.
    pub posted: u64,
    /// Those that are missing still: the log says why.
    pub refused: u64,
}

/// Why the books cannot be completed now.
#[derive(Debug, thiserror::Error)]
pub enum CompletionError {
    /// The movements cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The database failed.
    #[error(transparent)]
    Post(#[from] PostError),
}

/// Completes the books, and says what it has done.
///
/// # Errors
/// When the table or the database is away; the next run does the same.
pub async fn run(app: &App, days: u64) -> Result<Completion, Failure> {
    let done = app.complete(days).await.map_err(|error| Failure::retryable(chain(&error).to_string()))?;
    let mut metrics = Metrics::new(FUNCTION);
    metrics.count("MovementsMissed", done.posted + done.refused, &[]).count("MovementsPosted", done.posted, &[]);
    // The same alarm as for those that the stream brings: as long as one is missing, somebody has to look.
    metrics.count("MovementsRefused", done.refused, &[]);
    Ok(done)
}

impl App {
    /// Posts the movements of today and of so many days before that are missing in the books. May be repeated.
    ///
    /// # Errors
    /// [`CompletionError`]; a movement that is refused for good does not hold up the others.
    pub async fn complete(&self, days: u64) -> Result<Completion, CompletionError> {
        let today = self.now().date_naive();
        let mut done = Completion::default();
        for day in (0..=days).rev().filter_map(|back| today.checked_sub_days(Days::new(back))) {
            self.complete_day(day, &mut done).await?;
        }
        Ok(done)
    }

    async fn complete_day(&self, day: NaiveDate, done: &mut Completion) -> Result<(), CompletionError> {
        let mut place = Some(Place::default());
        while let Some(here) = place {
            let (mut listed, next) = self.movements().listed(day, here).await?;
            listed.retain(|movement| movement.at < self.now() - ON_ITS_WAY);
            done.listed += listed.len() as u64;
            for missing in self.missing(listed).await? {
                match self.take_up(missing).await {
                    Ok(posted) => done.posted += posted,
                    Err(CompletionError::Post(error)) if !error.is_transient() => {
                        tracing::error!(error = %chain(&error), movement = %missing.movement, "a movement has no place in the books");
                        done.refused += 1;
                    }
                    Err(CompletionError::Read(error @ ReadError::Shape(_))) => {
                        tracing::error!(error = %chain(&error), movement = %missing.movement, "a movement cannot be read");
                        done.refused += 1;
                    }
                    Err(error) => return Err(error),
                }
            }
            place = next;
        }
        Ok(())
    }

    async fn missing(&self, listed: Vec<ListedMovement>) -> Result<Vec<ListedMovement>, PostError> {
        if listed.is_empty() {
            return Ok(listed);
        }
        let ids: Vec<_> = listed.iter().map(|movement| movement.movement).collect();
        let known = read::known(self.database().pool().await?, &ids).await?;
        Ok(listed.into_iter().filter(|movement| !known.contains(&movement.movement)).collect())
    }

    /// Posts a movement that is missing, and before it the sale that it gives back, which may be missing as well. How many were.
    async fn take_up(&self, missing: ListedMovement) -> Result<u64, CompletionError> {
        let movement = self.kept(missing).await?;
        let mut posted = 0;
        if let KeptMovement::Parking(refund) = &movement
            && let ParkingMovementKind::Refund { sale } = refund.kind
        {
            let sale = self.kept(ListedMovement { movement: sale, ..missing }).await?;
            posted += self.post_missing(&sale).await?;
        }
        Ok(posted + self.post_missing(&movement).await?)
    }

    async fn post_missing(&self, movement: &KeptMovement) -> Result<u64, PostError> {
        let is_new = self.post_kept(movement).await? == Posted::New;
        if is_new {
            tracing::warn!(movement = %movement.id(), at = %movement.at(), "a movement was missing in the books");
        }
        Ok(u64::from(is_new))
    }

    async fn kept(&self, listed: ListedMovement) -> Result<KeptMovement, CompletionError> {
        let found = self.movements().movement(listed.session, listed.movement).await?;
        let gone = || ReadError::Shape(format!("movement {} is listed and not there", listed.movement).into());
        Ok(found.ok_or_else(gone)?)
    }
}
