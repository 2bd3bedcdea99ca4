//! What the handlers share: stores, the provider, the tariffs and the clock.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use chrono::{DateTime, SubsecRound as _, TimeDelta, Utc};
use parvis_kit::problem::Problem;
use parvis_parking::ZoneId;
use parvis_parking::plate::PlateKey;
use parvis_tariffs::{Tariffs, read_book};

use crate::error::ApiResult;
use crate::provider::Provider;
use crate::store::{Key, ParkedPlates, PaymentsStore, StoreError};

/// How old the tariff book of a sandbox may be.
const BOOK_TTL: Duration = Duration::from_secs(10);
/// Books that a sandbox keeps: those of sessions that run are few.
const BOOKS: usize = 8;

/// What the function works with.
#[derive(Clone, Debug)]
pub struct Parts {
    /// Sessions, rights, payments.
    pub store: PaymentsStore,
    /// Clear plates.
    pub plates: ParkedPlates,
    /// The payment provider.
    pub provider: Arc<dyn Provider>,
    /// The key of plate hashes.
    pub plate_key: PlateKey,
    /// The settings.
    pub settings: Settings,
}

/// The settings.
#[derive(Clone, Debug)]
pub struct Settings {
    /// With what pages address the provider; public.
    pub publishable_key: String,
    /// With what the provider signs its messages.
    pub webhook_secret: String,
    /// How long a clear plate is kept after its session's end.
    pub plate_retention: TimeDelta,
}

/// The clock.
pub type Clock = Arc<dyn Fn() -> DateTime<Utc> + Send + Sync>;

/// A checked tariff book with its version.
#[derive(Debug)]
pub struct Book {
    /// The tariffs.
    pub tariffs: Tariffs,
    /// Its version.
    pub version: u32,
    /// Its text.
    pub text: String,
}

/// The state of the application; cheap to clone.
#[derive(Clone)]
pub struct App(Arc<Inner>);

struct Inner {
    parts: Parts,
    clock: Clock,
    books: Mutex<Books>,
}

/// Tariff books that were read; a version never changes.
#[derive(Default)]
struct Books {
    newest: Option<(Instant, u32)>,
    by_version: BTreeMap<u32, Arc<Book>>,
}

impl fmt::Debug for App {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("App").field("parts", &self.0.parts).finish_non_exhaustive()
    }
}

impl App {
    /// An application over its parts. `clock` tells the present time.
    #[must_use]
    pub fn new(parts: Parts, clock: Clock) -> Self {
        Self(Arc::new(Inner { parts, clock, books: Mutex::default() }))
    }

    /// The present time, in whole milliseconds, as everything that is stored.
    #[must_use]
    pub fn now(&self) -> DateTime<Utc> {
        (self.0.clock)().trunc_subsecs(3)
    }

    /// Sessions, rights, payments.
    #[must_use]
    pub fn store(&self) -> &PaymentsStore {
        &self.0.parts.store
    }

    /// Clear plates.
    #[must_use]
    pub fn plates(&self) -> &ParkedPlates {
        &self.0.parts.plates
    }

    /// The payment provider.
    #[must_use]
    pub fn provider(&self) -> &dyn Provider {
        &*self.0.parts.provider
    }

    /// The key of plate hashes.
    #[must_use]
    pub fn plate_key(&self) -> &PlateKey {
        &self.0.parts.plate_key
    }

    /// The settings.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.0.parts.settings
    }

    /// The tariffs in force, some seconds old at most.
    ///
    /// # Errors
    /// 404 before the first book, 503 when the table is away.
    pub async fn book(&self) -> ApiResult<Arc<Book>> {
        if let Some(book) = self.fresh_book() {
            return Ok(book);
        }
        let newest = self.store().newest_book().await?;
        let (text, version) = newest.ok_or_else(|| Problem::not_found("tariff book"))?;
        let book = self.keep_book(text, version)?;
        self.books().newest = Some((Instant::now(), version));
        Ok(book)
    }

    /// Which of these zones have no tariff, by their places in the list: parking knows zones by their tariffs.
    ///
    /// # Errors
    /// As [`App::book`].
    pub async fn unknown_zones(&self, zones: &[ZoneId]) -> ApiResult<Vec<usize>> {
        let unknown = |book: &Book| {
            let known = book.tariffs.zones();
            zones.iter().enumerate().filter(|(_, zone)| !known.contains(zone)).map(|(place, _)| place).collect()
        };
        let missed: Vec<usize> = unknown(&*self.book().await?);
        if missed.is_empty() {
            return Ok(missed);
        }
        // A book with them may have come into force since this one was read.
        self.books().newest = None;
        Ok(unknown(&*self.book().await?))
    }

    /// The tariffs of a version, in force or not any more.
    ///
    /// # Errors
    /// 503 when the table is away.
    pub async fn book_at(&self, version: u32) -> ApiResult<Arc<Book>> {
        let kept = self.books().by_version.get(&version).cloned();
        if let Some(book) = kept {
            return Ok(book);
        }
        let found = self.store().read::<String>(Key::book(version)).await?;
        let (text, _) = found.ok_or_else(|| Problem::internal(format!("tariff book {version} is not there")))?;
        self.keep_book(text, version)
    }

    fn keep_book(&self, text: String, version: u32) -> ApiResult<Arc<Book>> {
        let (tariffs, _) = read_book(&text).map_err(|problems| {
            let first = problems.first().map(ToString::to_string).unwrap_or_default();
            Problem::internal(format!("tariff book {version}: {first}"))
        })?;
        let book = Arc::new(Book { tariffs, version, text });
        let mut books = self.books();
        books.by_version.insert(version, book.clone());
        while books.by_version.len() > BOOKS {
            books.by_version.pop_first();
        }
        Ok(book)
    }

    fn fresh_book(&self) -> Option<Arc<Book>> {
        let books = self.books();
        let (_, version) = books.newest.filter(|(read_at, _)| read_at.elapsed() < BOOK_TTL)?;
        books.by_version.get(&version).cloned()
    }

    fn books(&self) -> MutexGuard<'_, Books> {
        self.0.books.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts a book in force in place of the version `known`; the new version.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when somebody else was faster.
    pub async fn put_book(&self, text: &str, known: Option<u32>) -> Result<u32, StoreError> {
        let version = known.unwrap_or(0) + 1;
        self.store().put_value(Key::book(version), "tariffs", &text, None, None).await?;
        self.books().newest = None;
        Ok(version)
    }
}
