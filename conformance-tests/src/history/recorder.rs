//! The recorder: one order for all invocations and answers, and a clock that stands still during calls.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use durable_core::model::{ManualClock, QueueName, Timestamp};
use durable_core::store::Store;
use tokio::sync::{RwLock, RwLockReadGuard};

use super::client::Client;
use super::data::{Action, FORM, History, Operation};
use super::last::last;
use crate::expect::Violation;

/// Records what its clients do.
#[derive(Debug)]
pub struct Recorder {
    log: Mutex<Log>,
    /// Calls hold it for reading, a move of the clock for writing. A store that takes a manual clock's time from the
    /// caller would otherwise do an old call at a new time, and no check could tell whose fault that is.
    still: RwLock<()>,
    clock: Option<ManualClock>,
}

#[derive(Debug, Default)]
struct Log {
    /// The next place in the order.
    next: u64,
    operations: Vec<Operation>,
}

impl Recorder {
    /// Records over a store with a manual clock, which only [`Recorder::advance`] may move.
    pub fn with_clock(clock: ManualClock) -> Arc<Self> {
        Arc::new(Self { log: Mutex::default(), still: RwLock::default(), clock: Some(clock) })
    }

    /// Records over a store with its own clock: what depends on the time of single calls is not checked then.
    pub fn without_clock() -> Arc<Self> {
        Arc::new(Self { log: Mutex::default(), still: RwLock::default(), clock: None })
    }

    /// A client of the recorder's that calls `store`, which the history calls `handle`.
    pub fn client(
        self: &Arc<Self>,
        name: impl Into<String>,
        handle: impl Into<String>,
        store: Arc<dyn Store>,
        queue: QueueName,
    ) -> Client {
        Client::new(self.clone(), name.into(), handle.into(), store, queue)
    }

    /// Moves the manual clock, when no call is under way.
    pub async fn advance(&self, by: Duration) {
        let _moving = self.still.write().await;
        if let Some(clock) = &self.clock {
            clock.advance(by);
        }
    }

    /// How many calls there were.
    pub fn calls(&self) -> usize {
        self.log().operations.len()
    }

    /// Everything so far, with what `store` shows of `queues` now.
    ///
    /// # Errors
    ///
    /// When the store cannot be read.
    pub async fn history(
        &self,
        case: &str,
        seed: u64,
        (name, store): (&str, &dyn Store),
        queues: &[QueueName],
    ) -> Result<History, Violation> {
        let mut shown = Vec::new();
        for queue in queues {
            shown.extend(last(store, queue).await?);
        }
        let operations = self.log().operations.clone();
        let (case, store) = (case.to_owned(), name.to_owned());
        Ok(History { form: FORM, store, case, seed, operations, last: shown })
    }

    fn log(&self) -> MutexGuard<'_, Log> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Holds the clock still.
    pub(super) async fn holds_still(&self) -> RwLockReadGuard<'_, ()> {
        self.still.read().await
    }

    /// What a call sees of the store's time while the clock is held.
    pub(super) fn time(&self) -> Option<Timestamp> {
        self.clock.as_ref().map(ManualClock::now)
    }

    /// Notes an invocation; gives its number.
    pub(super) fn invoked(&self, make: impl FnOnce(u64) -> Operation) -> usize {
        let mut log = self.log();
        let place = log.next;
        log.next += 1;
        log.operations.push(make(place));
        log.operations.len() - 1
    }

    /// Notes the answer of a call.
    pub(super) fn returned(&self, number: usize, answer: impl FnOnce(&mut Action)) {
        let mut log = self.log();
        let place = log.next;
        log.next += 1;
        if let Some(operation) = log.operations.get_mut(number) {
            operation.returned = Some(place);
            answer(&mut operation.action);
        }
    }
}
