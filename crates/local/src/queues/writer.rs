//! The one thread that touches the queues' file.
//!
//! Everything waiting when the thread is free goes into one transaction (group commit), and nobody is answered before it is
//! committed. That is what makes a send durable and 10,000 sends a second cheap: the commit is shared.

use std::{
    sync::{Arc, mpsc},
    thread,
    time::{Duration, Instant},
};

use rusqlite::{Connection, TransactionBehavior};
use tokio::sync::{oneshot, watch};

use super::{
    Error, Result,
    model::{Counts, Receipt},
    store::{Batch, NewMessage, QueueIndex, Store},
};

/// Most commands of one transaction: bounds the wait of the first one.
const GROUP: usize = 2_000;
/// How often expired messages are dropped, if no queue's retention period is shorter.
const EXPIRY: Duration = Duration::from_secs(60);

pub(super) enum Command {
    Send { queue: QueueIndex, messages: Vec<NewMessage>, reply: oneshot::Sender<Result<()>> },
    Receive { queue: QueueIndex, most: usize, visible_again: i64, reply: oneshot::Sender<Result<Batch>> },
    Delete { queue: QueueIndex, receipts: Vec<Receipt>, reply: oneshot::Sender<Result<()>> },
    SetVisibleAt { queue: QueueIndex, changes: Vec<(Receipt, i64)>, reply: oneshot::Sender<Result<Vec<bool>>> },
    Purge { queue: QueueIndex, reply: oneshot::Sender<Result<()>> },
    Counts { queue: QueueIndex, reply: oneshot::Sender<Result<Counts>> },
}

/// Told after each commit that brought messages or made some visible.
pub(super) type Wakers = Arc<Vec<watch::Sender<u64>>>;

/// Starts the thread; it ends when all senders of commands are gone.
pub(super) fn spawn(connection: Connection, store: Store, wakers: Wakers) -> std::io::Result<mpsc::Sender<Command>> {
    let (sender, receiver) = mpsc::channel();
    let writer = Writer { connection, store, wakers };
    thread::Builder::new().name("queues".into()).spawn(move || writer.run(&receiver))?;
    Ok(sender)
}

struct Writer {
    connection: Connection,
    store: Store,
    wakers: Wakers,
}

/// An answer that waits for the commit.
type Answer = Box<dyn FnOnce(Option<&Error>) + Send>;

impl Writer {
    fn run(mut self, commands: &mpsc::Receiver<Command>) {
        let expire_every = self.store.shortest_retention().map_or(EXPIRY, |retention| retention.min(EXPIRY));
        let mut group = Vec::with_capacity(GROUP);
        let mut next_expiry = Instant::now();
        loop {
            // A clock of its own: consumers poll all the time, so the queues are never at rest.
            if next_expiry <= Instant::now() {
                self.expire();
                next_expiry = Instant::now() + expire_every;
            }
            match commands.recv_timeout(next_expiry.saturating_duration_since(Instant::now())) {
                Ok(command) => group.push(command),
                Err(mpsc::RecvTimeoutError::Timeout) => continue,
                Err(mpsc::RecvTimeoutError::Disconnected) => return,
            }
            group.extend(commands.try_iter().take(GROUP - 1));
            self.commit(&mut group);
        }
    }

    fn expire(&self) {
        match self.store.expire(&self.connection, super::now_ms()) {
            Ok(0) => {}
            Ok(dropped) => tracing::info!(dropped, "messages older than their queue's retention period dropped"),
            Err(error) => tracing::error!(%error, "cannot drop expired messages"),
        }
    }

    fn commit(&mut self, group: &mut Vec<Command>) {
        let mut woken = Vec::new();
        let mut answers = Vec::with_capacity(group.len());
        let failure = match self.connection.transaction_with_behavior(TransactionBehavior::Immediate) {
            Ok(transaction) => {
                for command in group.drain(..) {
                    answers.push(apply(&self.store, &transaction, command, &mut woken));
                }
                transaction.commit().err().map(Error::from)
            }
            Err(error) => {
                // Without a transaction nothing was done; the senders' oneshots drop, which tells their callers.
                tracing::error!(%error, "the queues' file cannot be written");
                group.clear();
                return;
            }
        };
        for answer in answers {
            answer(failure.as_ref());
        }
        woken.sort_unstable();
        woken.dedup();
        for queue in woken {
            self.wakers[queue].send_modify(|count| *count += 1);
        }
    }
}

fn apply(store: &Store, connection: &Connection, command: Command, woken: &mut Vec<QueueIndex>) -> Answer {
    match command {
        Command::Send { queue, messages, reply } => {
            woken.push(queue);
            answer(reply, store.insert(connection, queue, &messages))
        }
        Command::Receive { queue, most, visible_again, reply } => {
            let batch = store.receive(connection, queue, most, super::now_ms(), visible_again);
            if let Ok(batch) = &batch {
                woken.extend(&batch.redriven_to);
            }
            answer(reply, batch)
        }
        Command::Delete { queue, receipts, reply } => answer(reply, store.delete(connection, queue, &receipts)),
        Command::SetVisibleAt { queue, changes, reply } => {
            woken.push(queue);
            answer(reply, store.set_visible_at(connection, queue, &changes))
        }
        Command::Purge { queue, reply } => answer(reply, store.purge(connection, queue)),
        Command::Counts { queue, reply } => answer(reply, store.counts(connection, queue, super::now_ms())),
    }
}

/// The caller may have gone away; then nobody is told.
fn answer<T: Send + 'static>(reply: oneshot::Sender<Result<T>>, result: rusqlite::Result<T>) -> Answer {
    Box::new(move |commit_failure| {
        let result = match commit_failure {
            Some(failure) => Err(failure.clone()),
            None => result.map_err(Error::from),
        };
        drop(reply.send(result));
    })
}
