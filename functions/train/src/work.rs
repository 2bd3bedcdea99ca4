//! One job: bring the observations up to date, train or update the model, forecast, store.

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use parvis_forecasting::{
    Fitted, Grid, Options, Series, Step, StepForecast, Unforecastable, VERSION, cold_start::fit_cold, fit,
    series::local_midnight,
};
use parvis_forecasts::{
    Definition, Entry, ForecastStore, Job, Known, Measure, Outcome, Outlook, StoreError, StoredModel, Subject, Task,
    store::days_before,
    subject::{COWORKING, PARKING},
};
use parvis_kit::{
    event_store::{EventStore, EventStoreError},
    postgres::{Database, DatabaseError},
};
use parvis_live::{LiveError, LiveStore};
use parvis_places::{PlacesStore, RegisterError};
use tokio::task::JoinError;

use crate::{heard, renew::floor_to, verify};

/// Days of observations that a training looks at: enough for the time of the year.
pub(crate) const TRAINING_DAYS: u64 = 730;
/// Days that an update looks at. Models look back six half-lives of their level, of 28 days at most.
pub(crate) const UPDATE_DAYS: u64 = 180;
/// How far ahead is forecast.
const HORIZON: TimeDelta = TimeDelta::days(7);
/// What the longest training may take; a job is not begun with less time left.
pub(crate) const LONGEST: Duration = Duration::from_secs(60);
/// Days of the past as of which a new series is forecast.
const CAUGHT_UP_DAYS: u64 = 7;
/// Similar places that are asked to lend their history.
const SIMILAR: usize = 6;

/// A job that was not done.
#[derive(Debug, thiserror::Error)]
pub enum WorkError {
    /// The history cannot be read.
    #[error("the history cannot be read")]
    Database(#[from] DatabaseError),
    /// The forecasts cannot be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The register cannot be read.
    #[error(transparent)]
    Register(#[from] RegisterError),
    /// The live state cannot be read.
    #[error(transparent)]
    Live(#[from] LiveError),
    /// An alert cannot be written.
    #[error(transparent)]
    Event(#[from] EventStoreError),
    /// A training broke off.
    #[error("a training broke off")]
    Training(#[from] JoinError),
}

/// What came of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Done {
    /// A model was trained.
    Trained,
    /// A model took note of what is new.
    Updated,
    /// The series cannot be forecast; the reason is kept.
    Refused,
    /// It had been done before, or a later one has.
    Already,
    /// There is no such series any more.
    Gone,
    /// Its forecasts were tested on its past.
    Tested,
}

/// Does jobs; cheap to clone.
#[derive(Debug, Clone)]
pub struct Trainer {
    /// The register of places.
    pub places: PlacesStore,
    /// Observations, models and forecasts.
    pub store: ForecastStore,
    /// The live state of sensors.
    pub live: LiveStore,
    /// Where alerts go.
    pub events: EventStore,
    /// The history.
    pub database: Database,
    /// At or below so many percent a battery gets an order at once.
    pub battery_floor: f64,
}

/// What a series looks like at the time of a job.
pub(crate) struct Present {
    definition: Definition,
    pub(crate) series: Series,
}

impl Trainer {
    /// Does a job. The same job again changes nothing.
    ///
    /// # Errors
    /// When a store fails; nothing wrong is stored then, and the job may be done again.
    pub async fn work(&self, job: &Job) -> Result<Done, WorkError> {
        let entry = self.store.listed(&job.subject).await?;
        if entry.as_ref().is_some_and(|entry| is_done(job, entry)) {
            return Ok(Done::Already);
        }
        let Some(definition) = self.renew(job, entry.as_ref().and_then(|entry| entry.outcome.as_ref())).await? else {
            self.store.withdraw(&job.subject).await?;
            return Ok(Done::Gone);
        };
        let never = !matches!(entry.and_then(|entry| entry.outcome), Some(Outcome::Forecast { .. }));
        if never && job.task == Task::CatchUp {
            for (at, task) in midnights(job.at, definition.calendar.timezone).into_iter().zip(catching_up()) {
                let past = Job { subject: job.subject.clone(), task, at };
                self.forecast_as_of(&past, definition.clone(), true).await?;
            }
            return self.forecast_as_of(&Job { task: Task::Train, ..job.clone() }, definition, false).await;
        }
        self.forecast_as_of(job, definition, false).await
    }

    /// Forecasts a series as it was known at the job's moment; `reconstructed` if the moment is past.
    async fn forecast_as_of(&self, job: &Job, definition: Definition, reconstructed: bool) -> Result<Done, WorkError> {
        let stored = self.usable_model(job, &definition).await?;
        let trained = stored.is_none();
        let model = match stored {
            Some(model) => self.update(job, definition.clone(), model).await?,
            None => self.train(job, definition.clone()).await?,
        };
        let model = match model {
            Ok(model) => model,
            Err(reason) => {
                let outcome = Outcome::Refused { at: floor_to(job.at, definition.step_minutes), reason };
                self.store.conclude(&job.subject, &outcome).await?;
                return Ok(Done::Refused);
            }
        };
        self.publish(job, &model, trained, reconstructed).await?;
        Ok(if trained { Done::Trained } else { Done::Updated })
    }

    /// The stored model, if the job is an update and the model is of this program and of the series as it is now.
    async fn usable_model(&self, job: &Job, definition: &Definition) -> Result<Option<StoredModel>, WorkError> {
        if job.task == Task::Train {
            return Ok(None);
        }
        let usable = |model: &StoredModel| {
            // A place that borrowed from others is tried by itself every time.
            !model.borrowed && model.fitted.version() == VERSION && model.definition == *definition
        };
        Ok(self.store.model(&job.subject).await?.filter(usable))
    }

    async fn update(
        &self,
        job: &Job,
        definition: Definition,
        mut model: StoredModel,
    ) -> Result<Result<StoredModel, Unforecastable>, WorkError> {
        let present = self.present(&job.subject, definition, job.at, Some(model.grid_start)).await?;
        let present = match present {
            Ok(present) => present,
            Err(reason) => return Ok(Err(reason)),
        };
        let options = options(&present.definition);
        let updated =
            tokio::task::spawn_blocking(move || model.fitted.update(&present.series, &options).map(|()| model));
        Ok(updated.await?)
    }

    async fn train(&self, job: &Job, definition: Definition) -> Result<Result<StoredModel, Unforecastable>, WorkError> {
        let own = match self.present(&job.subject, definition.clone(), job.at, None).await? {
            Ok(present) => {
                let grid_start = present.series.grid().at(0);
                let options = options(&definition);
                let calendar = definition.calendar.clone();
                let fitted = tokio::task::spawn_blocking(move || fit(&present.series, &calendar, &options)).await?;
                fitted.map(|fitted| (grid_start, fitted, false))
            }
            Err(reason) => Err(reason),
        };
        let found = match own {
            Err(reason @ (Unforecastable::Empty | Unforecastable::TooShort { .. })) => {
                self.borrow(job, &definition).await?.map(|(start, fitted)| (start, fitted, true)).ok_or(reason)
            }
            own => own,
        };
        Ok(found.map(|(grid_start, fitted, borrowed)| StoredModel {
            trained_at: job.at,
            grid_start,
            definition,
            borrowed,
            fitted,
        }))
    }

    /// Trains on similar places: the zones of the same car park, other car parks, the same kind of place at other sites.
    async fn borrow(&self, job: &Job, definition: &Definition) -> Result<Option<(DateTime<Utc>, Fitted)>, WorkError> {
        let prefix = match &job.subject {
            Subject::Zone(place, _) => format!("{PARKING}{place}/"),
            Subject::Place(_) => PARKING.to_owned(),
            Subject::Coworking(_, Measure::Taken(_)) => COWORKING.to_owned(),
            Subject::Coworking(_, Measure::Revenue(_)) | Subject::Fed(_) => return Ok(None),
        };
        let alike = |subject: &Subject| *subject != job.subject && is_like(subject, &job.subject);
        let mut similar = Vec::new();
        for entry in self.store.entries(&prefix).await? {
            if similar.len() < SIMILAR && alike(&entry.definition.subject) && has_own_forecast(entry.outcome.as_ref()) {
                let subject = entry.definition.subject.clone();
                similar.extend(self.present(&subject, entry.definition, job.at, None).await?.ok());
            }
        }
        let (definition, options) = (definition.clone(), options(definition));
        let fitted = tokio::task::spawn_blocking(move || {
            let series: Vec<&Series> = similar.iter().map(|present| &present.series).collect();
            let start = series.iter().map(|one| one.grid().at(0)).min();
            fit_cold(&series, definition.kind, &definition.calendar, &options)
                .ok()
                .and_then(|fitted| Some((start?, fitted)))
        });
        Ok(fitted.await?)
    }

    /// The series as it is known at a moment, on the grid that begins at `start`, or with its first observation.
    pub(crate) async fn present(
        &self,
        subject: &Subject,
        definition: Definition,
        at: DateTime<Utc>,
        start: Option<DateTime<Utc>>,
    ) -> Result<Result<Present, Unforecastable>, WorkError> {
        let days = if start.is_some() { UPDATE_DAYS } else { TRAINING_DAYS };
        let days = self.store.observations(subject, days_before(at.date_naive(), days)).await?;
        let mut observations: Vec<_> = days.iter().flat_map(parvis_forecasts::Day::observations).collect();
        let Some(start) = start.or(observations.first().map(|first| first.at)) else {
            return Ok(Err(Unforecastable::Empty));
        };
        let timezone = definition.calendar.timezone;
        let grid = Grid::new(start, Step::Minutes(definition.step_minutes), timezone);
        if let Some(heard) = self.silent_since(subject).await? {
            heard::until(&mut observations, &grid, heard);
        }
        let steps = usize::try_from(grid.index(at)).unwrap_or(0);
        let mut values = vec![None; steps];
        for observation in observations {
            let place = usize::try_from(grid.index(observation.at)).ok();
            if let Some(value) = place.and_then(|place| values.get_mut(place)) {
                // A capacity may have become smaller since.
                *value = Some(definition.kind.clamp(observation.value));
            }
        }
        Ok(Series::new(grid, definition.kind, &values).map(|series| Present { definition, series }))
    }

    /// Stores what a job gave, the outcome last: a job that is cut off before it is done again.
    async fn publish(
        &self,
        job: &Job,
        model: &StoredModel,
        trained: bool,
        reconstructed: bool,
    ) -> Result<(), WorkError> {
        if trained {
            self.store.put_model(&job.subject, model).await?;
        }
        let forecast = model.fitted.forecast(options(&model.definition).horizon);
        let outlook = Arc::new(Outlook {
            definition: model.definition.clone(),
            origin: forecast.origin,
            trained_at: model.trained_at,
            model_version: model.fitted.version(),
            span: model.fitted.span(),
            borrowed: model.borrowed,
            known: known(model, &job.subject, forecast.origin),
            rehearsed: model.fitted.rehearsed().to_vec(),
            steps: forecast.steps.into_iter().map(rounded).collect(),
            explanation: forecast.explanation,
        });
        self.store.put_outlook(&outlook).await?;
        if !reconstructed && self.warn(&outlook).await? {
            tracing::info!(subject = %job.subject, "saturation is expected");
        }
        let (scale, expected) = (model.fitted.scale(), model.fitted.expected_error());
        let drift = verify::keep_and_score(&self.store, &outlook, scale, expected, reconstructed);
        let outcome = Outcome::Forecast {
            origin: outlook.origin,
            trained_at: model.trained_at,
            borrowed: model.borrowed,
            known: outlook.known,
            expected_error: model.fitted.expected_error(),
            drift: drift.await?,
        };
        Ok(self.store.conclude(&job.subject, &outcome).await?)
    }
}

/// The midnights of the last week before a moment, oldest first.
fn midnights(at: DateTime<Utc>, timezone: Tz) -> Vec<DateTime<Utc>> {
    let today = at.with_timezone(&timezone).date_naive();
    (1..=CAUGHT_UP_DAYS).rev().map(|back| local_midnight(days_before(today, back), timezone)).collect()
}

/// One training, and the updates that follow it.
fn catching_up() -> impl Iterator<Item = Task> {
    std::iter::once(Task::Train).chain(std::iter::repeat(Task::Update))
}

/// Whether one series may lend its history to the other: a whole car park to another, a zone to a zone, a kind of place to the same.
fn is_like(one: &Subject, other: &Subject) -> bool {
    match (one, other) {
        (Subject::Place(_), Subject::Place(_)) | (Subject::Zone(..), Subject::Zone(..)) => true,
        (Subject::Coworking(_, one), Subject::Coworking(_, other)) => one == other,
        _ => false,
    }
}

/// Days for which a forecast that rests on similar places stands.
const BORROWED_DAYS: TimeDelta = TimeDelta::days(1);
/// A series that others feed has not fallen silent within this time: they may do so once a day.
const FED_WITHIN: TimeDelta = TimeDelta::hours(26);

/// Whether a job, or a later one of its kind, has been done.
fn is_done(job: &Job, entry: &Entry) -> bool {
    match entry.outcome {
        Some(Outcome::Forecast { origin, trained_at, borrowed, .. }) => match job.task {
            Task::Train => trained_at >= job.at,
            // Similar places are asked once a day: nothing of the place itself is in such a forecast.
            Task::Update | Task::CatchUp if borrowed => trained_at + BORROWED_DAYS > job.at,
            Task::Update | Task::CatchUp => origin >= floor_to(job.at, entry.definition.step_minutes),
        },
        // A reason not to forecast may be gone a moment later: new observations, a new definition.
        Some(Outcome::Refused { .. }) | None => false,
    }
}

/// Until when the series was observed at `at`; what is lent by others says nothing of it.
fn known(model: &StoredModel, subject: &Subject, at: DateTime<Utc>) -> Option<Known> {
    let own = (!model.borrowed).then_some(&model.fitted);
    own.map(|fitted| {
        let until = fitted.known_until();
        // What others feed may come once a day, for the day before.
        let awaited = matches!(subject, Subject::Fed(_)) && at - until <= FED_WITHIN;
        Known { until, silent: fitted.is_silent() && !awaited }
    })
}

/// To the thousandth: more is noise, and takes space.
fn rounded(step: StepForecast) -> StepForecast {
    let round = |value: f64| (value * 1000.0).round() / 1000.0;
    StepForecast {
        mean: round(step.mean),
        quantiles: step.quantiles.into_iter().map(round).collect(),
        chance_below_capacity: step.chance_below_capacity.map(|chance| (chance * 1e6).round() / 1e6),
        ..step
    }
}

fn has_own_forecast(outcome: Option<&Outcome>) -> bool {
    matches!(outcome, Some(Outcome::Forecast { borrowed: false, .. }))
}

fn options(definition: &Definition) -> Options {
    let per_day = 24 * 60 / usize::from(definition.step_minutes.max(1));
    Options::new(HORIZON.num_days() as usize * per_day, per_day)
}
