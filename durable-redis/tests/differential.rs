//! The memory store is the specification: both get the same random calls at the same times and must answer alike
//! and hold the same.
//!
//! `DURABLE_SEEDS=100..200` runs other seeds; a failure names its seed.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod support;

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::ops::Range;
use std::time::Duration;

use durable_core::model::{
    CallId, CancelCause, CheckpointKind, Clock, Deadline, EmitId, EndState, EventName, IdempotencyKey,
    ManualClock, Millis, ParentClosePolicy, QueueName, StepKey, TaskId, TaskName, TaskState, Timestamp,
    Token, WorkerName,
};
use durable_core::store::{
    CancelRequest, ClaimRequest, CountsRequest, Effect, EmitRequest, Ending, EventWrite, EventsRequest,
    ExtendItem, ExtendRequest, FencedError, HistoryEntry, Idempotency, LoadRequest, NewTask, NewWait,
    OutcomeRequest, ParentLink, PurgeRequest, PutQueueRequest, QueueState, Rest, RetryAfter, RetryRequest,
    RunEnd, SaveItem, SaveRequest, SpawnRequest, Store, StoreError, TaskRequest, TasksRequest, TickRequest,
    WaitItem, WaitRequest, WaitSource,
};
use durable_memory::MemoryStore;
use support::steps::{json, key, lease, queue, task};

const CALLS: usize = 800;

/// What the answers of a run must have had in them, all together.
const MUST_SEE: &[&str] = &[
    "Spawned { task:",
    "created: false",
    "Conflict { index:",
    "QueueClosed",
    "Completed",
    "Retrying",
    "Released",
    "the claim is lost",
    "the task is cancelled",
    "more: true",
    "Stored",
    "Conflict { stored:",
    "Met(",
    "Registered",
    "Suspended",
    "\"Invalid\"",
    "\"NotFound\"",
    "Written",
    "Kept",
    "Repeated",
    "Cancelled { closing: false",
    "Ended {",
    "Reopened",
    "Ok(Live)",
    "Timeout",
    "ParentClosed",
    "MaxPendingTime",
    "MaxRunningTime",
    "ClaimTimeout",
    "aside: true",
    "RestView",
    "ExpiredRun",
    "kind: Child",
    "kind: Timer",
];

/// xorshift64*: the same numbers for the same seed, for ever.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let mixed = self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33;
        usize::try_from(mixed).unwrap() % bound
    }

    fn one_in(&mut self, bound: usize) -> bool {
        self.below(bound) == 0
    }

    fn of<T: Clone>(&mut self, items: &[T]) -> T {
        items[self.below(items.len())].clone()
    }

    fn millis(&mut self, bound: usize) -> Millis {
        Millis::new(u32::try_from(self.below(bound)).unwrap())
    }
}

/// A fault without what stores may word differently.
fn fault(error: &StoreError) -> String {
    format!("{:?}", error.kind)
}

fn item<T>(answer: Result<T, FencedError>) -> Result<T, String> {
    answer.map_err(|error| match error {
        FencedError::Fault(error) => fault(&error),
        other => other.to_string(),
    })
}

fn batch<T>(
    answers: Result<Vec<Result<T, FencedError>>, StoreError>,
) -> Result<Vec<Result<T, String>>, String> {
    answers.map(|answers| answers.into_iter().map(item).collect()).map_err(|error| fault(&error))
}

fn plain<T>(answer: Result<T, StoreError>) -> Result<T, String> {
    answer.map_err(|error| fault(&error))
}

/// Both stores, the clock, and what the calls so far have left to refer to.
struct Pair {
    spec: MemoryStore,
    redis: durable_redis::RedisStore,
    clock: ManualClock,
    queue: QueueName,
    random: Random,
    tasks: Vec<TaskId>,
    children: Vec<(TaskId, StepKey)>,
    tokens: Vec<Token>,
    log: Vec<String>,
    seen: BTreeSet<&'static str>,
}

macro_rules! both {
    ($pair:expr, $read:expr, $verb:ident, $request:expr) => {{
        let request = $request;
        let (spec, redis) = (&$pair.spec as &dyn Store, &$pair.redis as &dyn Store);
        let (wanted, got) =
            (($read)(spec.$verb(request.clone()).await), ($read)(redis.$verb(request.clone()).await));
        $pair.log.push(format!("{request:?} -> {wanted:?}"));
        $pair.same(stringify!($verb), &wanted, &got);
        $pair.see(&format!("{wanted:?}"));
        wanted
    }};
}

impl Pair {
    async fn new(seed: u64) -> Self {
        let clock = ManualClock::starting_at(Timestamp::from_millis(1_700_000_000_000));
        let redis = support::store(&format!("diff{seed}:"), Clock::Manual(clock.clone())).await;
        let spec = MemoryStore::with_clock(Clock::Manual(clock.clone()));
        Self {
            spec,
            redis,
            clock,
            queue: queue("q"),
            random: Random(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1),
            tasks: Vec::new(),
            children: Vec::new(),
            tokens: Vec::new(),
            log: Vec::new(),
            seen: BTreeSet::new(),
        }
    }

    /// Takes note of what an answer has, so that no kind of answer is missed without notice.
    fn see(&mut self, answer: &str) {
        self.seen.extend(MUST_SEE.iter().filter(|word| answer.contains(**word)));
    }

    fn same<T: PartialEq + Debug>(&self, what: &str, wanted: &T, got: &T) {
        let last = self.log.iter().rev().take(12).rev().cloned().collect::<Vec<_>>().join("\n");
        assert!(wanted == got, "{what}\nwanted {wanted:#?}\ngot {got:#?}\nafter\n{last}");
    }

    fn step(&mut self) -> StepKey {
        let number = self.random.below(8);
        key(&format!("step{number}"))
    }

    fn event_name(&mut self) -> EventName {
        EventName::new(self.random.of(&["e", "f", "g"])).unwrap()
    }

    fn token(&mut self) -> Option<Token> {
        // Mostly a new one, so that most calls pass the fence.
        let recent = if self.random.one_in(5) { self.tokens.len() } else { self.tokens.len().min(4) };
        let tokens = self.tokens[self.tokens.len() - recent..].to_vec();
        (!tokens.is_empty()).then(|| self.random.of(&tokens))
    }

    fn task(&mut self) -> Option<TaskId> {
        let tasks = self.tasks.clone();
        (!tasks.is_empty()).then(|| self.random.of(&tasks))
    }

    fn new_task(&mut self) -> NewTask {
        let name = self.random.of(&["a", "b"]);
        let mut new = task(name);
        let random = &mut self.random;
        new.priority = random.of(&[0, 0, -5, 7]);
        new.max_attempts = random.of(&[None, Some(1), Some(2)]);
        new.delay = random.of(&[Millis::ZERO, Millis::ZERO, Millis::new(30)]);
        new.max_pending = random.of(&[None, None, Some(Millis::new(60))]);
        new.max_running = random.of(&[None, None, Some(Millis::new(90))]);
        new
    }

    async fn put_queue(&mut self) {
        let state =
            self.random.of(&[QueueState::Open, QueueState::Open, QueueState::Paused, QueueState::Sealed]);
        both!(self, plain, put_queue, PutQueueRequest::new(self.queue.clone(), state)).unwrap();
    }

    async fn spawn(&mut self) {
        let mut tasks = Vec::new();
        for _ in 0..=self.random.below(3) {
            let mut new = self.new_task();
            if self.random.one_in(4) {
                let (idem, print) = (self.random.of(&["i", "j"]), self.random.of(&["x", "x", "x", "y"]));
                let key = IdempotencyKey::new(idem).unwrap();
                new.idempotency = Some(Idempotency { key, fingerprint: print.to_owned() });
            }
            tasks.push(new);
        }
        self.tasks.extend(tasks.iter().map(|task| task.id));
        let _ = both!(self, plain, spawn, SpawnRequest::new(self.queue.clone(), tasks));
    }

    fn ending(&mut self) -> Ending {
        let wait = self.random.of(&[Millis::ZERO, Millis::new(15)]);
        match self.random.below(4) {
            0 => Ending::Fail { failure: json("\"f\""), retry: RetryAfter::Never },
            1 => Ending::Fail { failure: json("\"r\""), retry: RetryAfter::After(wait) },
            2 => Ending::Release { after: wait },
            _ => Ending::Complete { result: json("\"done\"") },
        }
    }

    async fn claim(&mut self) {
        let mut ends = Vec::new();
        for _ in 0..self.random.below(3) {
            if let Some(token) = self.token() {
                ends.push(RunEnd { token, ending: self.ending() });
            }
        }
        let names: Vec<TaskName> = ["a", "b"].map(|name| TaskName::new(name).unwrap()).to_vec();
        let kept = self.random.of(&[0..2, 0..2, 0..1, 1..2, 0..0]);
        let max = u32::try_from(self.random.below(4)).unwrap();
        let worker = WorkerName::new(self.random.of(&["w", "v"])).unwrap();
        let lease = lease(20 + self.random.below(60) as u64);
        // Now and then a call that was made before.
        let call = match self.token() {
            Some(token) if self.random.one_in(6) => token.call,
            _ => CallId::new(),
        };
        let mut request =
            ClaimRequest::new(self.queue.clone(), call, worker, names[kept].to_vec(), max, lease);
        request.repeat = self.random.one_in(8);
        let read = |answer: Result<durable_core::store::ClaimAnswer, StoreError>| {
            plain(answer).map(|answer| {
                let ends: Vec<_> = answer.ends.into_iter().map(item).collect();
                (ends, answer.claims, answer.more, answer.now, answer.next_due)
            })
        };
        if let Ok(answer) = both!(self, read, claim, request.ending(ends)) {
            self.tokens.extend(answer.1.iter().map(|claim| claim.token));
        }
    }

    async fn save(&mut self) {
        let Some(token) = self.token() else { return };
        let effect = match self.random.below(4) {
            0 => {
                let count = 1 + self.random.below(2);
                Effect::Spawn((0..count).map(|_| self.new_child(token)).collect())
            }
            1 => Effect::Emit(self.write()),
            _ => Effect::None,
        };
        let payload = json(self.random.of(&["1", "1", "2"]));
        let item = SaveItem {
            token,
            key: self.step(),
            kind: CheckpointKind::Step,
            payload,
            took: Millis::new(3),
            effect,
        };
        let _ = both!(self, batch, save, SaveRequest::new(self.queue.clone(), vec![item]));
    }

    fn new_child(&mut self, parent: Token) -> NewTask {
        let mut child = self.new_task();
        let join_key = key(&format!("join{}", self.children.len()));
        let on_close = self.random.of(&[
            ParentClosePolicy::Cancel,
            ParentClosePolicy::Cancel,
            ParentClosePolicy::Abandon,
        ]);
        child.parent = Some(ParentLink { join_key: join_key.clone(), on_close });
        self.tasks.push(child.id);
        self.children.push((parent.task, join_key));
        child
    }

    fn write(&mut self) -> EventWrite {
        let payload = json(self.random.of(&["10", "20", "null"]));
        EventWrite { name: self.event_name(), payload, metadata: json("{}"), id: EmitId::new() }
    }

    async fn new_wait(&mut self, token: Token) -> NewWait {
        let deadline = match self.random.below(3) {
            0 => None,
            1 => Some(Deadline::After(self.random.millis(40))),
            _ => Some(Deadline::At(self.clock.now().after(self.random.millis(40)))),
        };
        let of_task = TasksRequest::new(self.queue.clone(), None);
        let all = (&self.spec as &dyn Store).tasks(of_task).await.unwrap().items;
        let own: Vec<TaskId> =
            all.iter().filter(|view| view.parent == Some(token.task)).map(|view| view.id).collect();
        let joins: Vec<StepKey> = self
            .children
            .iter()
            .filter(|(parent, _)| *parent == token.task)
            .map(|(_, key)| key.clone())
            .collect();
        match self.random.below(6) {
            0 | 5 => NewWait { key: self.step(), source: WaitSource::Time, deadline },
            1 | 2 if !own.is_empty() => {
                let source = WaitSource::Child(self.random.of(&own));
                NewWait { key: self.random.of(&joins), source, deadline }
            }
            _ => NewWait { key: self.step(), source: WaitSource::Event(self.event_name()), deadline },
        }
    }

    async fn wait(&mut self) {
        let Some(token) = self.token() else { return };
        let mut waits = Vec::new();
        for _ in 0..self.random.below(4) {
            waits.push(self.new_wait(token).await);
        }
        let rest = self.random.one_in(2).then(|| {
            let mut keys: Vec<StepKey> = waits.iter().map(|wait| wait.key.clone()).collect();
            if self.random.one_in(3) {
                keys.push(self.step());
            }
            let need = u32::try_from(self.random.below(keys.len().max(1)) + 1).unwrap();
            Rest { keys, need }
        });
        let items = vec![WaitItem { token, waits, rest }];
        let _ = both!(self, batch, wait, WaitRequest::new(self.queue.clone(), items));
    }

    async fn emit(&mut self) {
        let mut request = EmitRequest::new(self.queue.clone(), self.write());
        request.only_if_absent = self.random.one_in(4);
        both!(self, plain, emit, request.clone()).unwrap();
        if self.random.one_in(4) {
            both!(self, plain, emit, request).unwrap();
        }
    }

    async fn tick(&mut self) {
        let limit = self.random.of(&[1, 2, 3, 1_000]);
        both!(self, plain, tick, TickRequest::new(self.queue.clone(), limit)).unwrap();
    }

    async fn client(&mut self) {
        let Some(task) = self.task() else { return };
        match self.random.below(4) {
            0 => {
                let cause = CancelCause::Requested { reason: self.random.of(&[None, Some(String::new())]) };
                let _ = both!(self, plain, cancel, CancelRequest::new(self.queue.clone(), task, cause));
            }
            1 | 2 => {
                let mut failed = TasksRequest::new(self.queue.clone(), None);
                failed.state = Some(TaskState::Ended(EndState::Failed));
                let failed = (&self.spec as &dyn Store).tasks(failed).await.unwrap().items;
                let task = if failed.is_empty() { task } else { self.random.of(&failed).id };
                let from = self.stored_step(task).await;
                let _ = both!(self, plain, retry, RetryRequest::new(self.queue.clone(), task, 1, from));
            }
            _ => {
                let _ = both!(self, plain, outcome, OutcomeRequest::new(self.queue.clone(), task));
            }
        }
    }

    /// A step that the task has stored, or any other, or none.
    async fn stored_step(&mut self, task: TaskId) -> Option<StepKey> {
        let request = TaskRequest::new(self.queue.clone(), task);
        let detail = (&self.spec as &dyn Store).task(request).await.unwrap()?;
        let steps = detail.history.items.iter().filter_map(|entry| match entry {
            HistoryEntry::Checkpoint { checkpoint, .. } => Some(checkpoint.key.clone()),
            HistoryEntry::Run(_) => None,
        });
        let mut steps: Vec<StepKey> = steps.collect();
        steps.push(self.step());
        (!self.random.one_in(4)).then(|| self.random.of(&steps))
    }

    async fn holder(&mut self) {
        let Some(token) = self.token() else { return };
        if self.random.one_in(2) {
            let items = vec![ExtendItem { token, lease: lease(10 + self.random.below(60) as u64) }];
            let _ = both!(self, batch, extend, ExtendRequest::new(self.queue.clone(), items));
        } else {
            let after = self.random.below(3) as u64;
            let limit = 1 + u32::try_from(self.random.below(3)).unwrap();
            let _ = both!(self, item, load, LoadRequest::new(self.queue.clone(), token, after, limit));
        }
    }

    async fn purge(&mut self) {
        let states = vec![EndState::Completed, EndState::Failed, EndState::Cancelled];
        let mut request = PurgeRequest::new(self.queue.clone(), states, self.random.millis(300), 1_000);
        request.events = self.random.one_in(2);
        both!(self, plain, purge, request).unwrap();
    }

    async fn call(&mut self) {
        match self.random.below(20) {
            0 if self.random.one_in(6) => self.put_queue().await,
            1 | 2 => self.spawn().await,
            3..=5 => self.claim().await,
            6..=8 => self.save().await,
            9..=12 => self.wait().await,
            13 => self.emit().await,
            14 => self.tick().await,
            15 | 16 => self.client().await,
            17 => self.holder().await,
            18 if self.random.one_in(6) => self.purge().await,
            _ => self.clock.advance(Duration::from_millis(self.random.below(25) as u64)),
        }
    }

    /// Everything that inspection shows.
    async fn compare(&mut self) {
        let view = both!(self, plain, tasks, TasksRequest::new(self.queue.clone(), None)).unwrap();
        for task in view.items {
            both!(self, plain, task, TaskRequest::new(self.queue.clone(), task.id)).unwrap();
        }
        both!(self, plain, events, EventsRequest::new(self.queue.clone(), None)).unwrap();
        both!(self, plain, counts, CountsRequest::new(self.queue.clone())).unwrap();
    }
}

fn seeds() -> Range<u64> {
    let Ok(text) = std::env::var("DURABLE_SEEDS") else { return 0..4 };
    let (first, last) = text.split_once("..").expect("DURABLE_SEEDS is first..last");
    first.parse().unwrap()..last.parse().unwrap()
}

#[tokio::test]
async fn redis_answers_as_the_memory_store_does() {
    let mut connection = support::connect();
    let mut seen = BTreeSet::new();
    for seed in seeds() {
        println!("seed {seed}");
        let mut pair = Pair::new(seed).await;
        pair.queue = queue("q");
        both!(pair, plain, put_queue, PutQueueRequest::new(pair.queue.clone(), QueueState::Open)).unwrap();
        for number in 0..CALLS {
            pair.call().await;
            // Every answer is compared at once, what is stored every fourth time.
            if number % 4 != 0 {
                continue;
            }
            // What inspection shows is no call to report.
            let before = pair.log.len();
            pair.compare().await;
            pair.log.truncate(before);
            let problems = support::check::problems(&mut connection, &format!("diff{seed}:")).unwrap();
            pair.same("invariants", &Vec::new(), &problems);
        }
        support::remove(&mut connection, &format!("diff{seed}:"));
        seen.append(&mut pair.seen);
    }
    let missed: Vec<_> = MUST_SEE.iter().filter(|word| !seen.contains(*word)).collect();
    assert!(missed.is_empty(), "no answer had {missed:?}: the calls are too tame");
}
