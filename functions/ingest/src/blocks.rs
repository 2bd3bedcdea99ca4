//! Writing blocks of live state: cached, conditional, retried.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use parvis_live::{LiveError, LiveStore, PutOutcome, VersionedBlock};
use parvis_parking::{Block, BlockKey};
use tokio::time::{Instant, sleep, timeout_at};

const FIRST_PAUSE: Duration = Duration::from_millis(25);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// Blocks kept per sandbox, about 1 KB each.
const CACHED_BLOCKS: usize = 4096;

/// A block that could not be written; what was to be written must come again.
#[derive(Debug, thiserror::Error)]
pub(crate) enum UpdateError {
    /// The table failed, for good or until the time was up.
    #[error("the live state could not be read or written")]
    Live(#[from] LiveError),
    /// Others were faster, or the table too slow, until the time was up.
    #[error("no write succeeded in time, after {conflicts} conflicts")]
    OutOfTime {
        /// Writes that failed because somebody else had written.
        conflicts: u32,
    },
}

impl UpdateError {
    /// Whether another attempt would fail in the same way.
    pub(crate) fn is_permanent(&self) -> bool {
        matches!(self, Self::Live(error) if !error.is_transient())
    }
}

/// What an update did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Update {
    pub(crate) written: bool,
    pub(crate) conflicts: u32,
}

/// Changes blocks under the condition that nobody else changed them in between.
#[derive(Debug, Clone)]
pub(crate) struct BlockWriter {
    store: LiveStore,
    cache: Arc<Mutex<Cache>>,
}

/// Blocks as this sandbox last wrote or read them, packed: a tenth of their size in memory.
type Cache = HashMap<BlockKey, (u64, Vec<u8>)>;

impl BlockWriter {
    pub(crate) fn new(store: LiveStore) -> Self {
        Self { store, cache: Arc::default() }
    }

    pub(crate) fn store(&self) -> &LiveStore {
        &self.store
    }

    /// Applies `change` to a block and writes it if `change` says that there is something to write.
    ///
    /// `change` sees the block as this sandbox last knew it, which saves the read; if somebody else has written since, the
    /// write fails, brings the block as it is now, and `change` is applied to that. It may therefore be called several
    /// times, each time on a block without its earlier effects.
    ///
    /// `change` must find nothing to do on a newer block if it finds nothing on an older one. Merging is so: what is known
    /// stays known or becomes too old.
    pub(crate) async fn update(
        &self,
        key: &BlockKey,
        deadline: Instant,
        change: impl FnMut(&mut Block) -> bool,
    ) -> Result<Update, UpdateError> {
        self.update_known(key, self.cached(key), deadline, change).await
    }

    /// The same from a block that was just read, for a `change` that an outdated block could mislead.
    pub(crate) async fn update_read(
        &self,
        read: VersionedBlock,
        deadline: Instant,
        change: impl FnMut(&mut Block) -> bool,
    ) -> Result<Update, UpdateError> {
        let key = read.key.clone();
        self.update_known(&key, Some(Some(read)), deadline, change).await
    }

    async fn update_known(
        &self,
        key: &BlockKey,
        mut known: Option<Option<VersionedBlock>>,
        deadline: Instant,
        mut change: impl FnMut(&mut Block) -> bool,
    ) -> Result<Update, UpdateError> {
        let mut conflicts = 0;
        for round in 0.. {
            let attempt = timeout_at(deadline, self.attempt(key, known.take(), &mut change)).await;
            let error = match attempt {
                Ok(Ok(Attempt::Unchanged)) => return Ok(Update { written: false, conflicts }),
                Ok(Ok(Attempt::Written)) => return Ok(Update { written: true, conflicts }),
                Ok(Ok(Attempt::Conflict(current))) => {
                    conflicts += 1;
                    known = Some(current);
                    UpdateError::OutOfTime { conflicts }
                }
                Ok(Err(error)) if error.is_transient() => error.into(),
                Ok(Err(error)) => return Err(error.into()),
                Err(_) => return Err(UpdateError::OutOfTime { conflicts }),
            };
            // After the first conflict there is nothing to wait for: the block as it is now came with it. Two sandboxes that
            // work off a backlog conflict on nearly every block, and would wait more than they write.
            let pause = if conflicts == 1 && round == 0 { Duration::ZERO } else { pause(round) };
            if Instant::now() + pause >= deadline {
                return Err(error);
            }
            sleep(pause).await;
        }
        Err(UpdateError::OutOfTime { conflicts })
    }

    async fn attempt(
        &self,
        key: &BlockKey,
        known: Option<Option<VersionedBlock>>,
        change: &mut impl FnMut(&mut Block) -> bool,
    ) -> Result<Attempt, LiveError> {
        let current = match known {
            Some(current) => current,
            None => self.store.get(key).await?,
        };
        let (version, mut block) = match current {
            Some(current) => (Some(current.version), current.block),
            None => (None, Block::empty(key.index)),
        };
        if !change(&mut block) {
            return Ok(Attempt::Unchanged);
        }
        // Whatever the outcome, and an error leaves it open: what was known is outdated.
        self.forget(key);
        Ok(match self.store.put_if(key, version, &block).await? {
            PutOutcome::Written(version) => {
                self.remember(key, version, &block);
                Attempt::Written
            }
            PutOutcome::Conflict(current) => Attempt::Conflict(current.map(|current| *current)),
        })
    }

    /// The cached block, in the shape of an answer of the table; `None` if the table must be asked.
    fn cached(&self, key: &BlockKey) -> Option<Option<VersionedBlock>> {
        let cache = self.cache.lock().unwrap_or_else(PoisonError::into_inner);
        let (version, packed) = cache.get(key)?;
        let block = Block::decode(key.index, packed).ok()?;
        Some(Some(VersionedBlock { key: key.clone(), version: *version, block }))
    }

    fn remember(&self, key: &BlockKey, version: u64, block: &Block) {
        let mut cache = self.cache.lock().unwrap_or_else(PoisonError::into_inner);
        // A sandbox that sees more blocks than fit sees them too rarely for a cleverer eviction to pay.
        if cache.len() >= CACHED_BLOCKS {
            cache.clear();
        }
        cache.insert(key.clone(), (version, block.encode()));
    }

    fn forget(&self, key: &BlockKey) {
        self.cache.lock().unwrap_or_else(PoisonError::into_inner).remove(key);
    }
}

enum Attempt {
    Unchanged,
    Written,
    Conflict(Option<VersionedBlock>),
}

/// Exponential, with full jitter: sandboxes that collided once should not do so again.
fn pause(round: u32) -> Duration {
    let longest = FIRST_PAUSE.saturating_mul(1 << round.min(16)).min(LONGEST_PAUSE);
    longest.mul_f64(rand::random())
}
