//! The layer over every handle of a case: it keeps the journal and checks the invariants after each step.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use durable_core::model::{EventName, QueueName, TaskState};
use durable_core::store::{
    EventsRequest, Hints, RestView, Store, StoreError, TaskDetail, TaskRequest, TasksRequest, Verb,
    WaitSource,
};

use crate::expect::Violation;
use crate::harness::{Harness, Namespace};
use crate::journal::{Journal, Pending};
use crate::layer::{Call, Layer};

/// More sleeping tasks than this are not looked at after each step.
const LOOKED_AT: u32 = 64;

/// One case's store: what every handle on it shares.
pub(crate) struct World {
    pub(crate) harness: Arc<dyn Harness>,
    pub(crate) namespace: Namespace,
    pub(crate) journal: Arc<Journal>,
    pub(crate) verbs: Vec<Verb>,
    /// Check the invariants after each step.
    pub(crate) checks: bool,
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
        }
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

    async fn check(&self, queue: Option<&QueueName>) -> Result<(), Violation> {
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
        let pending = self.world.journal.starts(call.verb, &self.handle);
        Ok((call, pending))
    }

    fn hints(&self, hints: Hints) -> Hints {
        drop(self.world.journal.starts(Verb::Hints, &self.handle));
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

/// `W3`: there is never a sleeping task whose rest is met.
///
/// Events are read before the tasks: a wait that stands after its event was seen, and seen as done waking, is
/// one that nobody will end.
async fn no_sleeper_is_met(store: &Arc<dyn Store>, queue: &QueueName) -> Result<(), Violation> {
    let Some(written) = events_done(store, queue).await? else { return Ok(()) };
    let mut request = TasksRequest::new(queue.clone(), None);
    request.state = Some(TaskState::Sleeping);
    request.limit = LOOKED_AT;
    for sleeper in absent_is_none(store.tasks(request).await)?.map_or_else(Vec::new, |page| page.items) {
        let Some(id) = sleeper.rest.as_ref().map(|_| sleeper.id) else { continue };
        if let Some(detail) = store.task(TaskRequest::new(queue.clone(), id)).await? {
            rest_stands(&detail, &written)?;
        }
    }
    Ok(())
}

/// The events whose last write has reached every wait; `None` without the queue.
async fn events_done(
    store: &Arc<dyn Store>,
    queue: &QueueName,
) -> Result<Option<BTreeMap<EventName, bool>>, Violation> {
    let Some(page) = absent_is_none(store.events(EventsRequest::new(queue.clone(), None)).await)? else {
        return Ok(None);
    };
    Ok(Some(page.items.into_iter().map(|event| (event.name, event.waking)).collect()))
}

fn absent_is_none<T>(answer: Result<T, StoreError>) -> Result<Option<T>, StoreError> {
    match answer {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.kind == durable_core::store::StoreErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn rest_stands(detail: &TaskDetail, written: &BTreeMap<EventName, bool>) -> Result<(), Violation> {
    let Some(rest) = &detail.task.rest else { return Ok(()) };
    let standing = detail.waits.iter().filter(|wait| rest.keys.contains(&wait.key));
    let ended: Vec<_> = standing
        .clone()
        .filter(|wait| match &wait.source {
            WaitSource::Event(name) => written.get(name) == Some(&false),
            _ => false,
        })
        .map(|wait| &wait.key)
        .collect();
    let enough = rest.need >= 1 && standing.count() >= rest.need.try_into().unwrap_or(usize::MAX);
    if enough && ended.is_empty() {
        return Ok(());
    }
    let RestView { keys, need } = rest;
    let got = format!(
        "task {} rests with need {need} on {keys:?}, has the waits {:?}, and the events of {ended:?} exist",
        detail.task.id, detail.waits
    );
    Err(Violation::new("a sleeping task", got, "a rest that is not met (W3)"))
}
