//! One queue on a checked store, with short words for what the tests do to it.

use std::cell::Cell;
use std::time::Duration;

use durable_core::model::{
    CancelCause, CheckpointKind, Clock, Deadline, EmitId, End, EventName, Lease, ManualClock, Millis,
    ParentClosePolicy, Payload, QueueName, StepKey, TaskId, TaskName, Timestamp, Token, WorkerName,
};
use durable_core::store::{
    CancelAnswer, CancelRequest, Checkpoints, ClaimAnswer, ClaimRequest, Effect, EmitAnswer, EmitRequest,
    Ending, EventWrite, Events, EventsRequest, FencedError, HistoryEntry, Inspect, MetWait, NewTask, NewWait,
    ParentLink, PurgeAnswer, PurgeRequest, PutQueueRequest, QueueState, Queues, Rest, RetryAfter, RunEnd,
    Runs, SaveAnswer, SaveItem, SaveRequest, SpawnAnswer, SpawnRequest, StoreError, TaskRequest, TaskView,
    Tasks, TickAnswer, TickRequest, Upkeep, WaitAnswer, WaitItem, WaitRequest, WaitSource,
};
use futures::FutureExt;

use crate::MemoryStore;

/// A queue `q` of tasks `t`, at the time 1,000 to begin with.
pub(super) struct World {
    pub(super) store: MemoryStore,
    pub(super) clock: ManualClock,
    ids: Cell<u128>,
}

/// What the store does is done at once.
pub(super) fn now<T>(future: impl Future<Output = T>) -> T {
    future.now_or_never().expect("the store never waits")
}

pub(super) fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis)
}

pub(super) fn ms(millis: u32) -> Millis {
    Millis::new(millis)
}

pub(super) fn text(text: &str) -> Payload {
    Payload::from_text(text)
}

pub(super) fn value(json: &str) -> End {
    End::Value(text(json))
}

pub(super) fn key(text: &str) -> StepKey {
    StepKey::new(text).unwrap()
}

pub(super) fn name(text: &str) -> TaskName {
    TaskName::new(text).unwrap()
}

pub(super) fn q() -> QueueName {
    QueueName::new("q").unwrap()
}

pub(super) fn lease(millis: u64) -> Lease {
    Lease::new(Duration::from_millis(millis)).unwrap()
}

/// A wait for an event of the same name as its key.
pub(super) fn event(named: &str, deadline: Option<i64>) -> NewWait {
    let source = WaitSource::Event(EventName::new(named).unwrap());
    NewWait { key: key(named), source, deadline: deadline.map(|ms| Deadline::At(at(ms))) }
}

pub(super) fn timer(named: &str, deadline: i64) -> NewWait {
    NewWait { key: key(named), source: WaitSource::Time, deadline: Some(Deadline::At(at(deadline))) }
}

pub(super) fn rest(keys: &[&str], need: u32) -> Rest {
    Rest { keys: keys.iter().map(|text| key(text)).collect(), need }
}

pub(super) fn met(named: &str, end: End, ended_at: i64) -> MetWait {
    MetWait { key: key(named), end, at: at(ended_at) }
}

pub(super) fn complete(token: Token) -> RunEnd {
    RunEnd { token, ending: Ending::Complete { result: text("1") } }
}

pub(super) fn fail(token: Token, retry: RetryAfter) -> RunEnd {
    RunEnd { token, ending: Ending::Fail { failure: text("\"f\""), retry } }
}

pub(super) fn release(token: Token, after: u32) -> RunEnd {
    RunEnd { token, ending: Ending::Release { after: ms(after) } }
}

impl World {
    pub(super) fn new() -> Self {
        let world = Self::unchecked();
        Self { store: world.store.checked(), ..world }
    }

    /// For what takes so many steps that checking each would take too long.
    pub(super) fn unchecked() -> Self {
        let clock = ManualClock::starting_at(at(1_000));
        let store = MemoryStore::with_clock(Clock::Manual(clock.clone()));
        let world = Self { store, clock, ids: Cell::new(0) };
        world.put_queue(QueueState::Open);
        world
    }

    pub(super) fn put_queue(&self, state: QueueState) {
        now(self.store.put_queue(PutQueueRequest::new(q(), state))).unwrap();
    }

    pub(super) fn set(&self, millis: i64) {
        self.clock.set(at(millis));
    }

    /// Ids count up, so that a failing test fails the same way again.
    pub(super) fn fresh<I: std::str::FromStr<Err: std::fmt::Debug>>(&self) -> I {
        self.ids.set(self.ids.get() + 1);
        format!("{:032x}", self.ids.get()).parse().unwrap()
    }

    pub(super) fn new_task(&self) -> NewTask {
        NewTask::new(self.fresh(), name("t"), text("null"))
    }

    pub(super) fn child(&self, on_close: ParentClosePolicy) -> NewTask {
        let mut child = self.new_task();
        child.parent = Some(ParentLink { join_key: key(&format!("join {}", child.id)), on_close });
        child
    }

    pub(super) fn spawn(&self) -> TaskId {
        let task = self.new_task();
        self.spawn_these(vec![task.clone()]);
        task.id
    }

    pub(super) fn spawn_these(&self, tasks: Vec<NewTask>) -> SpawnAnswer {
        now(self.store.spawn(SpawnRequest::new(q(), tasks))).unwrap()
    }

    pub(super) fn request(&self, max: u32) -> ClaimRequest {
        let worker = WorkerName::new("w").unwrap();
        ClaimRequest::new(q(), self.fresh(), worker, vec![name("t")], max, lease(1_000_000))
    }

    pub(super) fn run(&self, request: &ClaimRequest) -> ClaimAnswer {
        now(self.store.claim(request.clone())).unwrap()
    }

    /// Claims up to `max` tasks for a very long time.
    pub(super) fn claim(&self, max: u32) -> Vec<Token> {
        self.run(&self.request(max)).claims.iter().map(|claim| claim.token).collect()
    }

    /// Spawns a task and claims it.
    pub(super) fn running(&self) -> Token {
        let task = self.spawn();
        let tokens = self.claim(1);
        assert_eq!(tokens.iter().map(|token| token.task).collect::<Vec<_>>(), [task]);
        tokens[0]
    }

    /// Ends a run and takes nothing.
    pub(super) fn end(&self, end: RunEnd) -> Result<durable_core::store::EndAnswer, FencedError> {
        self.run(&self.request(0).ending(vec![end])).ends.remove(0)
    }

    pub(super) fn wait(
        &self,
        token: Token,
        waits: Vec<NewWait>,
        rest: Option<Rest>,
    ) -> Result<WaitAnswer, FencedError> {
        let item = WaitItem { token, waits, rest };
        now(self.store.wait(WaitRequest::new(q(), vec![item]))).unwrap().remove(0)
    }

    /// Suspends a run until `need` of these waits have ended.
    pub(super) fn suspend(&self, token: Token, waits: Vec<NewWait>, need: u32) {
        let keys = waits.iter().map(|wait| wait.key.clone()).collect();
        let answer = self.wait(token, waits, Some(Rest { keys, need })).unwrap();
        assert_eq!(answer, WaitAnswer::Suspended);
    }

    pub(super) fn save(&self, token: Token, named: &str, effect: Effect) -> Result<SaveAnswer, FencedError> {
        let item = SaveItem {
            token,
            key: key(named),
            kind: CheckpointKind::Step,
            payload: text("1"),
            took: ms(3),
            effect,
        };
        now(self.store.save(SaveRequest::new(q(), vec![item]))).unwrap().remove(0)
    }

    pub(super) fn write(&self, named: &str, payload: &str) -> EventWrite {
        let id: EmitId = self.fresh();
        EventWrite { name: EventName::new(named).unwrap(), payload: text(payload), metadata: text("{}"), id }
    }

    pub(super) fn emit(&self, named: &str, payload: &str) -> EmitAnswer {
        now(self.store.emit(EmitRequest::new(q(), self.write(named, payload)))).unwrap()
    }

    pub(super) fn is_waking(&self, named: &str) -> bool {
        let events = now(self.store.events(EventsRequest::new(q(), None))).unwrap().items;
        events.iter().find(|event| event.name.as_str() == named).unwrap().waking
    }

    pub(super) fn tick(&self, limit: u32) -> TickAnswer {
        now(self.store.tick(TickRequest::new(q(), limit))).unwrap()
    }

    pub(super) fn cancel(&self, task: TaskId) -> CancelAnswer {
        let cause = CancelCause::Requested { reason: None };
        now(self.store.cancel(CancelRequest::new(q(), task, cause))).unwrap()
    }

    pub(super) fn purge(&self, request: PurgeRequest) -> Result<PurgeAnswer, StoreError> {
        now(self.store.purge(request))
    }

    pub(super) fn view(&self, task: TaskId) -> TaskView {
        now(self.store.task(TaskRequest::new(q(), task))).unwrap().unwrap().task
    }

    pub(super) fn history(&self, task: TaskId) -> Vec<HistoryEntry> {
        now(self.store.task(TaskRequest::new(q(), task))).unwrap().unwrap().history.items
    }

    /// How a key of a task ended, and when.
    pub(super) fn ended(&self, task: TaskId, named: &str) -> Option<(End, i64)> {
        self.history(task).into_iter().find_map(|entry| match entry {
            HistoryEntry::Checkpoint { checkpoint, aside: false } if checkpoint.key.as_str() == named => {
                Some((checkpoint.end, checkpoint.ended_at.as_millis()))
            }
            _ => None,
        })
    }
}
