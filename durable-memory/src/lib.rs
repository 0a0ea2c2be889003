//! The in-memory store of `durable`: the executable specification of the Store contract.
//!
//! It is written to be read. All data are plain maps ([`state`], [`task`], [`index`]); every verb is one pure,
//! synchronous function over them in the file of its role, named as in the trait; what several verbs do alike exists
//! once, in [`moves`], [`fence`], [`due`] and [`spread`]. [`check`] states every invariant. [`MemoryStore`] adds the
//! lock, the clock and the hints, and nothing else.
//!
//! # Contract
//!
//! It keeps all rules of the contract and promises no durability: what is stored goes with the last handle.

#![allow(rustdoc::private_intra_doc_links, reason = "readers of this crate read its source")]

mod batch;
mod check;
mod checkpoints;
mod due;
mod events;
mod fence;
mod history;
mod index;
mod inspect;
mod moves;
mod page;
mod queues;
mod roles;
mod runs;
mod signals;
mod size;
mod spawn;
mod spread;
mod state;
mod task;
mod tasks;
#[cfg(test)]
mod tests;
mod upkeep;

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use durable_core::model::{Clock, Now, QueueName};
use durable_core::store::{HintHub, StoreError, StoreErrorKind, Verb};

use crate::signals::hints;
use crate::state::State;

/// A store in this process's memory. A clone is another handle on the same data.
#[derive(Clone)]
pub struct MemoryStore {
    state: Arc<Mutex<State>>,
    clock: Clock,
    hub: HintHub,
    checked: bool,
}

impl MemoryStore {
    /// An empty store with the system's clock.
    pub fn new() -> Self {
        Self::with_clock(Clock::Own)
    }

    /// An empty store with a clock of the caller's.
    pub fn with_clock(clock: Clock) -> Self {
        Self { state: Arc::default(), clock, hub: HintHub::new(), checked: false }
    }

    /// The same store, which checks all its invariants after every verb: slow, for tests. A verb that broke one
    /// answers with a fault of kind `Corrupt`.
    pub fn checked(self) -> Self {
        Self { checked: true, ..self }
    }

    /// Checks all invariants.
    ///
    /// # Errors
    ///
    /// The first that does not hold, in words.
    pub fn check(&self) -> Result<(), String> {
        self.lock().check()
    }

    /// Runs one verb on a queue: under the lock, with one reading of the clock; its hints go out after that.
    fn run<T, E: From<StoreError>>(
        &self,
        verb: Verb,
        queue: &QueueName,
        apply: impl FnOnce(&mut State, Now) -> Result<T, E>,
    ) -> Result<T, E> {
        let (answer, told) = {
            let mut state = self.lock();
            let now = Now::read(&self.clock);
            let next_due = |state: &State| state.queues.get(queue).and_then(|queue| queue.next_due(now.at));
            let before = next_due(&state);
            let answer = apply(&mut state, now);
            let after = next_due(&state);
            let news = state.queues.get_mut(queue).map(|queue| std::mem::take(&mut queue.news));
            let answer = if self.checked { sound(&state, verb).and(answer) } else { answer };
            (answer, news.map(|news| (news, before, after)))
        };
        if let Some((news, before, after)) = told.filter(|_| self.hub.is_heard()) {
            for hint in hints(news, before, after) {
                self.hub.tell(queue.clone(), hint);
            }
        }
        answer
    }

    /// A verb that panicked has poisoned the lock; the data are still the best there are.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Turns a broken invariant into a fault of the verb that broke it.
fn sound<E: From<StoreError>>(state: &State, verb: Verb) -> Result<(), E> {
    state.check().map_err(|broken| {
        let mut fault = StoreError::new(StoreErrorKind::Corrupt, verb, broken);
        fault.may_have_happened = true;
        fault.into()
    })
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self::new()
    }
}

/// Shows no record: names and payloads are the user's.
impl fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let queues = self.lock().queues.len();
        f.debug_struct("MemoryStore")
            .field("queues", &queues)
            .field("checked", &self.checked)
            .finish_non_exhaustive()
    }
}
