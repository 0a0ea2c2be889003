//! A store and the oracle side by side: both get the same calls, and what they answer is compared at once.

use std::fmt::Debug;
use std::sync::Arc;

use durable_core::model::{Clock, ManualClock, QueueName, Timestamp};
use durable_core::store::{PutQueueRequest, QueueState, Store, Verb};
use durable_memory::MemoryStore;

use super::coverage::{Coverage, Outcomes};
use super::report::Names;
use super::shown::{Answer, Shown};
use super::tape::Tape;
use super::things::Things;
use crate::checked::World;
use crate::expect::Violation;
use crate::harness::{Harness, Namespace};
use crate::journal::Journal;
use crate::snapshot::Snapshot;

/// What the clock shows at first.
const START: Timestamp = Timestamp::from_millis(1_000_000);

/// Both stores, their clock, and what the calls so far have left.
pub(super) struct Pair {
    world: World,
    handles: [Arc<dyn Store>; 2],
    oracle: Arc<dyn Store>,
    pub(super) clock: ManualClock,
    pub(super) queue: QueueName,
    /// The choices of the call that is being made.
    pub(super) tape: Tape,
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
        for handle in $pair.handles_of_this_call() {
            let wanted = Answer::shown($pair.oracle().$verb(request.clone()).await);
            let got = Answer::shown(handle.$verb(request.clone()).await);
            $pair.compare(stringify!($verb), &request, &wanted, got)?;
            first = first.or(Some(wanted));
        }
        first.ok_or_else(|| Violation::new(stringify!($verb), "no call", "a call"))?
    }};
}
pub(super) use both;

impl Pair {
    /// Opens two handles on a new namespace, with an open queue.
    pub(super) async fn open(harness: Arc<dyn Harness>, logs: bool) -> Result<Self, Violation> {
        let clock = ManualClock::starting_at(START);
        let namespace = Namespace::new();
        let mut handles = Vec::new();
        for _ in 0..2 {
            let opened = harness.open(&namespace, Clock::Manual(clock.clone())).await;
            handles.push(opened.map_err(|error| Violation::new("open", format!("{error:#}"), "a handle"))?);
        }
        let handles =
            handles.try_into().map_err(|_| Violation::new("open", "another number", "two handles"))?;
        let world = World {
            verbs: Verb::ALL.to_vec(),
            harness,
            namespace,
            journal: Arc::new(Journal::default()),
            checks: false,
            seed: 0,
        };
        let oracle = Arc::new(MemoryStore::with_clock(Clock::Manual(clock.clone())));
        let queue = QueueName::new("q")?;
        let mut pair = Self {
            world,
            handles,
            oracle,
            clock,
            queue,
            tape: Tape::default(),
            things: Things::default(),
            coverage: Coverage::default(),
            log: logs.then(Vec::new),
        };
        both!(pair, put_queue, PutQueueRequest::new(pair.queue.clone(), QueueState::Open))
            .map_err(unexpected)?;
        Ok(pair)
    }

    /// The oracle, also to look up what a call can refer to.
    pub(super) fn oracle(&self) -> Arc<dyn Store> {
        self.oracle.clone()
    }

    /// The handles that get this call: mostly one of the two, now and then one and then the other.
    pub(super) fn handles_of_this_call(&mut self) -> Vec<Arc<dyn Store>> {
        let [a, b] = self.handles.clone();
        match self.tape.below(16) {
            14 => vec![a, b],
            15 => vec![b, a],
            odd if odd % 2 == 1 => vec![b],
            _ => vec![a],
        }
    }

    /// Compares what both answered.
    pub(super) fn compare<T: Shown + Outcomes>(
        &mut self,
        verb: &'static str,
        request: &dyn Debug,
        wanted: &T,
        mut got: T,
    ) -> Result<(), Violation> {
        self.note(|| format!("{request:?}\n        {wanted:?}"));
        self.coverage.see(verb, wanted);
        got.adopt(wanted, self.clock.now());
        if got == *wanted {
            return Ok(());
        }
        Err(Violation::new(format!("the answer of {verb}"), format!("{got:#?}"), format!("{wanted:#?}")))
    }

    /// Compares everything that inspection shows, and asks the harness for broken invariants.
    pub(super) async fn compare_all(&mut self) -> Result<(), Violation> {
        let [handle, _] = &self.handles;
        let wanted = Snapshot::read(&*self.oracle, &self.world, &self.queue).await?;
        let mut got = Snapshot::read(&**handle, &self.world, &self.queue).await?;
        self.coverage.see("snapshot", &wanted);
        got.adopt(&wanted, self.clock.now());
        if let Some((part, got, wanted)) = wanted.difference(&got) {
            return Err(Violation::new(format!("what inspection shows: {part}"), got, wanted));
        }
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
        let names = Names::of(&self.things);
        let short = |text: &str| names.shorten(text);
        Violation::new(short(&violation.what), short(&violation.got), short(&violation.wanted))
    }

    /// Removes what the store has.
    pub(super) async fn destroy(self) -> Result<(), Violation> {
        let Self { handles, world, .. } = self;
        drop(handles);
        let destroyed = world.harness.destroy(&world.namespace).await;
        destroyed.map_err(|error| Violation::new("destroy", format!("{error:#}"), "nothing left"))
    }
}

/// A fault where none can be.
pub(super) fn unexpected(fault: impl Debug) -> Violation {
    Violation::new("a call that has to work", format!("{fault:?}"), "no fault")
}
