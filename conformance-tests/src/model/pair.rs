//! A store and the oracle side by side: both get the same calls, and what they answer is compared at once.

use std::fmt::Debug;
use std::sync::Arc;

use durable_core::model::{Clock, ManualClock, QueueName, TaskId, Timestamp};
use durable_core::store::{PutQueueRequest, QueueState, Store, StoreError, TaskView, TasksRequest};
use durable_memory::MemoryStore;

use super::coverage::{Coverage, Outcomes};
use super::op::On;
use super::picks::Things;
use super::shown::{Answer, Shown};
use super::text::Names;
use crate::checked::{Checked, World};
use crate::expect::Violation;
use crate::layer::Layered;
use crate::snapshot::Snapshot;

/// What the clock shows at first.
const START: Timestamp = Timestamp::from_millis(1_000_000);

/// A handle and its name.
type Handle = (&'static str, Arc<dyn Store>);

/// Both stores, their clock, and what the calls so far have left.
pub(super) struct Pair {
    world: Arc<World>,
    handles: [Handle; 2],
    /// The handles that get the call that is made.
    called: Vec<Handle>,
    oracle: Arc<dyn Store>,
    pub(super) clock: ManualClock,
    pub(super) queue: QueueName,
    pub(super) things: Things,
    pub(super) coverage: Coverage,
    /// The calls so far, when somebody is to read them.
    log: Option<Vec<String>>,
}

/// Makes a call on both sides, perhaps twice, and gives the first answer; another answer of the store ends it.
macro_rules! both {
    ($pair:expr, $verb:ident, $request:expr) => {{
        let request = $request;
        let mut first = None;
        for (name, handle) in $pair.called() {
            let wanted = Answer::shown($pair.oracle().$verb(request.clone()).await);
            let got = Answer::shown(handle.$verb(request.clone()).await);
            $pair.compare((name, stringify!($verb)), &request, &wanted, got)?;
            first = first.or(Some(wanted));
        }
        first.ok_or_else(|| Violation::new(stringify!($verb), "no call", "a call"))?
    }};
}
pub(super) use both;

impl Pair {
    /// Opens two handles on the world's namespace, with an open queue.
    pub(super) async fn open(world: Arc<World>, logs: bool) -> Result<Self, Violation> {
        let clock = ManualClock::starting_at(START);
        let a = open(&world, "a", &clock).await?;
        let b = open(&world, "b", &clock).await?;
        let mut pair = Self {
            world,
            called: vec![a.clone()],
            handles: [a, b],
            oracle: Arc::new(MemoryStore::with_clock(Clock::Manual(clock.clone()))),
            clock,
            queue: QueueName::new("q")?,
            things: Things::default(),
            coverage: Coverage::default(),
            log: None,
        };
        both!(pair, put_queue, PutQueueRequest::new(pair.queue.clone(), QueueState::Open))
            .map_err(|fault| Violation::new("a call that has to work", format!("{fault:?}"), "no fault"))?;
        pair.log = logs.then(Vec::new);
        Ok(pair)
    }

    /// The oracle, also to look up what a call can refer to.
    pub(super) fn oracle(&self) -> Arc<dyn Store> {
        self.oracle.clone()
    }

    pub(super) fn called(&self) -> Vec<(&'static str, Arc<dyn Store>)> {
        self.called.clone()
    }

    pub(super) fn is_crowded(&self) -> bool {
        self.things.many_children || self.things.many_waits
    }

    /// Gets ready for a call on these handles.
    pub(super) async fn begins(&mut self, on: On) -> Result<(), Violation> {
        let [a, b] = self.handles.clone();
        self.called = match on {
            On::A => vec![a],
            On::B => vec![b],
            On::AThenB => vec![a, b],
            On::BThenA => vec![b, a],
            On::New => vec![open(&self.world, "new", &self.clock).await?],
        };
        self.things.views = self.views().await;
        Ok(())
    }

    /// The tasks that there are; none without the queue.
    pub(super) async fn views(&self) -> Vec<TaskView> {
        let answer = self.oracle.tasks(TasksRequest::new(self.queue.clone(), None)).await;
        answer.map_or_else(|_: StoreError| Vec::new(), |page| page.items)
    }

    /// Notes in which state the task is that a call meets.
    pub(super) fn meets(&mut self, verb: &'static str, task: TaskId) {
        let state = self.things.state(task);
        self.coverage.meet(verb, state);
    }

    /// Compares what both answered.
    pub(super) fn compare<T: Shown + Outcomes>(
        &mut self,
        (handle, verb): (&str, &'static str),
        request: &dyn Debug,
        wanted: &T,
        mut got: T,
    ) -> Result<(), Violation> {
        self.note(|| format!("{handle}.{verb} {request:?} → {wanted:?}"));
        self.coverage.see(verb, wanted);
        got.adopt(wanted, self.clock.now());
        if got == *wanted {
            return Ok(());
        }
        Err(Violation::new(format!("the answer of {verb}"), format!("{got:?}"), format!("{wanted:?}")))
    }

    /// Compares everything that inspection shows, and asks the harness for broken invariants.
    pub(super) async fn compare_all(&mut self) -> Result<(), Violation> {
        let [_, (_, handle)] = &self.handles;
        let wanted = Snapshot::read(&*self.oracle, &self.world, &self.queue).await?;
        let mut got = Snapshot::read(&**handle, &self.world, &self.queue).await?;
        self.coverage.see("snapshot", &wanted);
        got.adopt(&wanted, self.clock.now());
        if let Some((part, got, wanted)) = wanted.difference(&got) {
            return Err(Violation::new(format!("what inspection shows: {part}"), got, wanted));
        }
        self.check().await
    }

    /// Asks the harness for broken invariants.
    pub(super) async fn check(&self) -> Result<(), Violation> {
        let checked = self.world.harness.check(&self.world.namespace).await;
        checked.map_err(|broken| Violation::new("the store's own invariants", broken, "all of them hold"))
    }

    /// Adds a line to what somebody reads.
    pub(super) fn note(&mut self, line: impl FnOnce() -> String) {
        if let Some(log) = &mut self.log {
            log.push(line());
        }
    }

    /// Takes what somebody reads, with short names for ids.
    pub(super) fn take_log(&mut self) -> Vec<String> {
        let names = Names::of(&self.things);
        let log = self.log.take().unwrap_or_default();
        log.iter().map(|line| names.shorten(line)).collect()
    }

    /// What a failure says, with short names for ids.
    pub(super) fn shorten(&self, violation: &Violation) -> Violation {
        Names::of(&self.things).shorten_all(violation)
    }
}

async fn open(world: &Arc<World>, name: &'static str, clock: &ManualClock) -> Result<Handle, Violation> {
    let opened = world.harness.open(&world.namespace, Clock::Manual(clock.clone())).await;
    let plain = opened.map_err(|error| Violation::new("open", format!("{error:#}"), "a handle"))?;
    let layer = Checked::new(world.clone(), name.to_owned(), plain.clone());
    Ok((name, Arc::new(Layered::new(plain, layer))))
}
