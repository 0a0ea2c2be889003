//! The layer over every handle of a case: it keeps the journal and checks the invariants after each step.

use std::fmt;
use std::sync::Arc;

use durable_core::model::QueueName;
use durable_core::store::{Hints, Store, StoreError, Verb};

use crate::expect::Violation;
use crate::harness::{Harness, Namespace};
use crate::invariants::no_sleeper_is_met;
use crate::journal::{Journal, Pending};
use crate::layer::{Call, Layer};

/// One case's store: what every handle on it shares.
pub(crate) struct World {
    pub(crate) harness: Arc<dyn Harness>,
    pub(crate) namespace: Namespace,
    pub(crate) journal: Arc<Journal>,
    pub(crate) verbs: Vec<Verb>,
    /// Check the invariants after each step.
    pub(crate) checks: bool,
    /// What is left to chance comes from it.
    pub(crate) seed: u64,
}

impl World {
    /// Another namespace of the same store, in the same journal.
    pub(crate) fn elsewhere(&self) -> Self {
        let namespace = Namespace::new();
        self.journal.opens(&namespace);
        Self {
            harness: self.harness.clone(),
            namespace,
            journal: self.journal.clone(),
            verbs: self.verbs.clone(),
            checks: self.checks,
            seed: self.seed,
        }
    }

    /// A world of a store that no case asks for.
    pub(crate) fn alone(harness: Arc<dyn Harness>) -> Self {
        let (verbs, journal) = (harness.verbs(), Arc::new(Journal::default()));
        Self { harness, namespace: Namespace::new(), journal, verbs, checks: false, seed: 0 }
    }

    /// Removes what another namespace has before the case ends.
    pub(crate) async fn remove(&self) -> anyhow::Result<()> {
        self.harness.destroy(&self.namespace).await?;
        self.journal.closes(&self.namespace);
        Ok(())
    }

    /// The store has all of these verbs.
    pub(crate) fn has(&self, verbs: &[Verb]) -> bool {
        verbs.iter().all(|verb| self.verbs.contains(verb))
    }
}

/// The layer over one handle.
pub(crate) struct Checked {
    world: Arc<World>,
    handle: String,
    plain: Arc<dyn Store>,
}

impl Checked {
    /// Watches `plain`, which the report calls `handle`.
    pub(crate) fn new(world: Arc<World>, handle: String, plain: Arc<dyn Store>) -> Self {
        Self { world, handle, plain }
    }

    /// Checks the store's own invariants, and those that every store shows of a queue.
    pub(crate) async fn check(&self, queue: Option<&QueueName>) -> Result<(), Violation> {
        if let Err(broken) = self.world.harness.check(&self.world.namespace).await {
            return Err(Violation::new("the store's own invariants", broken, "all of them hold"));
        }
        match queue {
            Some(queue) if self.world.has(&[Verb::Tasks, Verb::Task, Verb::Events]) => {
                no_sleeper_is_met(&self.plain, queue).await
            }
            _ => Ok(()),
        }
    }
}

impl fmt::Debug for Checked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Checked").field("handle", &self.handle).finish_non_exhaustive()
    }
}

impl Layer for Checked {
    type Ticket = (Call, Pending);

    async fn before(&self, call: Call) -> Result<Self::Ticket, StoreError> {
        // A store in memory never waits: without this, a case that spins could not be ended.
        tokio::task::consume_budget().await;
        let pending = self.world.journal.starts(call.verb, &self.handle, &call.said);
        Ok((call, pending))
    }

    fn hints(&self, hints: Hints) -> Hints {
        drop(self.world.journal.starts(Verb::Hints, &self.handle, ""));
        hints
    }

    async fn after(&self, (call, pending): Self::Ticket) -> Result<(), StoreError> {
        drop(pending);
        if self.world.checks
            && let Err(violation) = self.check(call.queue.as_ref()).await
        {
            let what = format!("{} (after {}.{})", violation.what, self.handle, call.verb);
            self.world.journal.breaks(Violation { what, ..violation });
        }
        Ok(())
    }
}
