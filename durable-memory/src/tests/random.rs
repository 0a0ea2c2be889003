//! Random verbs over a handful of tasks, events and keys, with a clock that jumps: whatever they are, no invariant
//! breaks, no task has two live claims, and what was stored stays.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use durable_core::model::{
    CheckpointKind, Deadline, EmitId, End, EndState, EventName, IdempotencyKey, Millis, ParentClosePolicy,
    TaskId, Token,
};
use durable_core::store::{
    CancelAnswer, Checkpoints, ClaimRequest, Effect, EmitAnswer, EmitRequest, EndAnswer, EventWrite, Events,
    ExtendItem, ExtendRequest, FencedError, HistoryEntry, Idempotency, Inspect, LoadRequest, NewWait,
    PurgeRequest, QueueState, Rest, RetryAfter, RetryAnswer, RetryRequest, RunEnd, Runs, SaveAnswer,
    SaveItem, SaveRequest, SpawnAnswer, StoreError, StoreErrorKind, TaskRequest, Tasks, TasksRequest, Upkeep,
    WaitAnswer, WaitItem, WaitRequest, WaitSource,
};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{RngAlgorithm, TestRng, TestRunner};

use super::world::{World, at, complete, fail, key, lease, ms, now, q, release, text};

/// One step. Numbers name things modulo how many there are.
#[derive(Debug, Clone)]
enum Step {
    Clock(i64),
    Queue(u8),
    Spawn { delay: u8, attempts: u8, limits: (u8, u8), priority: i8, key: u8 },
    Claim { max: u8, lease: u8, ends: Vec<(u8, u8)> },
    Extend { token: u8, lease: u8 },
    Wait { token: u8, waits: Vec<(u8, u8, u8)>, rest: Option<(Vec<u8>, u8)> },
    Save { token: u8, key: u8, payload: u8, effect: u8 },
    Emit { event: u8, again: bool, if_absent: bool },
    Cancel(u8),
    Retry { task: u8, attempts: u8, from: Option<u8> },
    Tick(u8),
    Purge { age: u8, limit: u8, events: bool },
}

fn step() -> impl Strategy<Value = Step> {
    let n = any::<u8>;
    let rest = prop::option::weighted(0.7, (vec(n(), 1..4), 1..4_u8));
    prop_oneof![
        4 => (-20..60_i64).prop_map(Step::Clock),
        1 => n().prop_map(Step::Queue),
        4 => (n(), n(), (n(), n()), any::<i8>(), n()).prop_map(|(delay, attempts, limits, priority, key)| {
            Step::Spawn { delay, attempts, limits, priority, key }
        }),
        6 => (0..4_u8, 1..80_u8, vec((n(), n()), 0..3))
            .prop_map(|(max, lease, ends)| Step::Claim { max, lease, ends }),
        1 => (n(), n()).prop_map(|(token, lease)| Step::Extend { token, lease }),
        6 => (n(), vec((n(), n(), n()), 0..4), rest)
            .prop_map(|(token, waits, rest)| Step::Wait { token, waits, rest }),
        4 => (n(), n(), n(), n())
            .prop_map(|(token, key, payload, effect)| Step::Save { token, key, payload, effect }),
        3 => (n(), any::<bool>(), any::<bool>())
            .prop_map(|(event, again, if_absent)| Step::Emit { event, again, if_absent }),
        1 => n().prop_map(Step::Cancel),
        2 => (n(), n(), prop::option::of(n())).prop_map(|(task, attempts, from)| {
            Step::Retry { task, attempts, from }
        }),
        5 => (0..4_u8).prop_map(Step::Tick),
        1 => (n(), 0..4_u8, any::<bool>())
            .prop_map(|(age, limit, events)| Step::Purge { age, limit, events }),
    ]
}

/// What the steps have seen.
struct Seen {
    world: World,
    tasks: Vec<TaskId>,
    tokens: Vec<Token>,
    failed: Vec<TaskId>,
    children: BTreeMap<TaskId, Vec<TaskId>>,
    last_emit: Option<EmitId>,
    histories: BTreeMap<TaskId, Vec<HistoryEntry>>,
    outcomes: BTreeSet<&'static str>,
}

fn pick<T: Clone>(things: &[T], which: u8) -> Option<T> {
    things.get(usize::from(which).checked_rem(things.len())?).cloned()
}

/// Mostly one of the last three: older claims are lost.
fn pick_newest<T: Clone>(things: &[T], which: u8) -> Option<T> {
    let newest = things.get(things.len().saturating_sub(3)..)?;
    pick(if which < 192 { newest } else { things }, which)
}

/// Waits and checkpoints share so few keys that they meet.
fn some_key(which: u8) -> durable_core::model::StepKey {
    key(&format!("k{}", which % 5))
}

fn some_event(which: u8) -> EventName {
    EventName::new(format!("e{}", which % 3)).unwrap()
}

/// No fault but those that the contract knows, and never a broken invariant.
fn allowed<T>(answer: Result<T, StoreError>) -> Option<T> {
    match answer {
        Ok(answer) => Some(answer),
        Err(fault) => {
            assert_ne!(fault.kind, StoreErrorKind::Corrupt, "{fault}");
            None
        }
    }
}

impl Seen {
    fn new() -> Self {
        let world = World::new();
        Self {
            world,
            tasks: vec![],
            tokens: vec![],
            failed: vec![],
            children: BTreeMap::new(),
            last_emit: None,
            histories: BTreeMap::new(),
            outcomes: BTreeSet::new(),
        }
    }

    fn apply(&mut self, step: Step) {
        match step {
            Step::Clock(by) => self.world.clock.set(at(self.world.clock.now().as_millis() + by)),
            Step::Queue(which) => {
                let states = [QueueState::Open, QueueState::Open, QueueState::Paused, QueueState::Sealed];
                self.world.put_queue(pick(&states, which).unwrap());
            }
            Step::Spawn { delay, attempts, limits, priority, key } => {
                self.spawn(delay, attempts, limits, priority, key);
            }
            Step::Claim { max, lease: millis, ends } => self.claim(max, millis, &ends),
            Step::Extend { token, lease: millis } => {
                let Some(token) = pick_newest(&self.tokens, token) else { return };
                let item = ExtendItem { token, lease: lease(u64::from(millis) + 1) };
                let answer =
                    allowed(now(self.world.store.extend(ExtendRequest::new(q(), vec![item])))).unwrap();
                self.saw(match answer.first().unwrap() {
                    Ok(_) => "extend: extended",
                    Err(fenced) => refusal(fenced),
                });
            }
            Step::Wait { token, waits, rest } => self.wait(token, &waits, rest),
            Step::Save { token, key, payload, effect } => self.save(token, key, payload, effect),
            Step::Emit { event, again, if_absent } => self.emit(event, again, if_absent),
            Step::Cancel(task) => {
                let Some(task) = pick(&self.tasks, task) else { return };
                self.saw(match self.world.cancel(task) {
                    CancelAnswer::Cancelled { .. } => "cancel: cancelled",
                    CancelAnswer::Ended { .. } => "cancel: ended",
                    CancelAnswer::NotFound => "cancel: not found",
                });
            }
            Step::Retry { task, attempts, from } => {
                let failed = if task < 192 { &self.failed } else { &self.tasks };
                let Some(task) = pick_newest(failed, task) else { return };
                let request = RetryRequest::new(q(), task, i32::from(attempts % 4), from.map(some_key));
                let answer = allowed(now(self.world.store.retry(request)));
                self.saw(match answer {
                    None => "retry: invalid",
                    Some(RetryAnswer::Reopened) => "retry: reopened",
                    Some(RetryAnswer::Live) => "retry: live",
                    Some(RetryAnswer::Ended(_)) => "retry: ended",
                    Some(RetryAnswer::NotFound) => "retry: not found",
                    Some(RetryAnswer::Closing) => "retry: closing",
                });
            }
            Step::Tick(limit) => {
                let tick = self.world.tick(u32::from(limit));
                let done =
                    [tick.started, tick.woken, tick.limited, u32::try_from(tick.expired.len()).unwrap()];
                let names = ["tick: started", "tick: woken", "tick: limited", "tick: expired"];
                self.outcomes
                    .extend(names.iter().zip(done).filter(|(_, done)| *done > 0).map(|(name, _)| name));
            }
            Step::Purge { age, limit, events } => {
                let states = vec![EndState::Completed, EndState::Failed, EndState::Cancelled];
                let request = PurgeRequest::new(q(), states, ms(u32::from(age)), u32::from(limit));
                let request = if events { request.with_events() } else { request };
                let purged = allowed(now(self.world.store.purge(request))).unwrap();
                if purged.purged > 0 {
                    self.saw("purge: purged");
                }
            }
        }
    }

    fn spawn(&mut self, delay: u8, attempts: u8, limits: (u8, u8), priority: i8, key: u8) {
        let mut task = self.world.new_task();
        task.delay = ms(u32::from(delay % 3) * 10);
        task.max_attempts = (!attempts.is_multiple_of(4)).then_some(i32::from(attempts % 4));
        let limit = |n: u8| (n < 128).then(|| ms(u32::from(n) + 1));
        (task.max_pending, task.max_running) = (limit(limits.0), limit(limits.1));
        task.priority = i16::from(priority);
        task.idempotency = (key < 64).then(|| Idempotency {
            key: IdempotencyKey::new(format!("i{}", key % 3)).unwrap(),
            fingerprint: format!("f{}", key % 2),
        });
        self.tasks.push(task.id);
        let answer = self.world.spawn_these(vec![task]);
        self.saw(match answer {
            SpawnAnswer::Spawned(spawned) if spawned[0].created => "spawn: created",
            SpawnAnswer::Spawned(_) => "spawn: there already",
            SpawnAnswer::Conflict { .. } => "spawn: conflict",
            SpawnAnswer::QueueClosed => "spawn: closed",
        });
    }

    fn saw(&mut self, outcome: &'static str) {
        self.outcomes.insert(outcome);
    }

    fn claim(&mut self, max: u8, millis: u8, ends: &[(u8, u8)]) {
        let end =
            |(token, how): &(u8, u8)| pick_newest(&self.tokens, *token).map(|token| end_of(token, *how));
        let mut call = self.world.request(u32::from(max)).ending(ends.iter().filter_map(end).collect());
        call.lease = lease(u64::from(millis));
        let answer = allowed(now(self.world.store.claim(call.clone()))).unwrap();
        self.tokens.extend(answer.claims.iter().map(|claim| claim.token));
        self.repeat(&call, &answer.ends, &answer.claims);
        let failed = |end: &Result<EndAnswer, FencedError>| matches!(end, Ok(EndAnswer::Failed));
        let ended = call.ends.iter().zip(&answer.ends).filter(|(_, end)| failed(end));
        self.failed.extend(ended.map(|(run, _)| run.token.task));
        self.outcomes.extend(answer.ends.iter().map(|end| match end {
            Ok(EndAnswer::Completed) => "end: completed",
            Ok(EndAnswer::Failed) => "end: failed",
            Ok(EndAnswer::Retrying { .. }) => "end: retrying",
            Ok(EndAnswer::Released { .. }) => "end: released",
            Err(fenced) => refusal(fenced),
        }));
        if answer.claims.len() > 1 {
            self.saw("claim: several");
        }
    }

    /// The same call again holds the same tasks, and its ends are answered as before.
    fn repeat(
        &self,
        call: &ClaimRequest,
        ends: &[Result<EndAnswer, FencedError>],
        claims: &[durable_core::store::Claim],
    ) {
        let again = allowed(now(self.world.store.claim(call.clone().repeated()))).unwrap();
        assert_eq!(again.claims, claims);
        for ((run, first), second) in call.ends.iter().zip(ends).zip(&again.ends) {
            let reclaimed = claims.iter().any(|claim| claim.token.task == run.token.task);
            if let (Ok(first), false) = (first, reclaimed) {
                assert_eq!(second.as_ref().ok(), Some(first));
            }
        }
    }

    fn wait(&mut self, token: u8, waits: &[(u8, u8, u8)], rest: Option<(Vec<u8>, u8)>) {
        let Some(token) = pick_newest(&self.tokens, token) else { return };
        let waits = waits
            .iter()
            .map(|(which, source, deadline)| self.new_wait(token.task, *which, *source, *deadline));
        let waits: Vec<NewWait> = waits.collect();
        let rest = rest.map(|(keys, need)| {
            let mut keys: Vec<_> = keys.into_iter().map(some_key).collect();
            keys.extend(waits.iter().map(|wait| wait.key.clone()));
            Rest { keys, need: u32::from(need) }
        });
        let item = WaitItem { token, waits, rest };
        let answers = allowed(now(self.world.store.wait(WaitRequest::new(q(), vec![item])))).unwrap();
        self.saw(match answers.first().unwrap() {
            Ok(WaitAnswer::Met(_)) => "wait: met",
            Ok(WaitAnswer::Registered) => "wait: registered",
            Ok(WaitAnswer::Suspended) => "wait: suspended",
            Err(fenced) => refusal(fenced),
        });
    }

    fn new_wait(&self, task: TaskId, which: u8, source: u8, deadline: u8) -> NewWait {
        let key = some_key(which);
        let fixed = match deadline % 4 {
            0 => None,
            1 => Some(Deadline::At(at(1_000 + i64::from(deadline)))),
            _ => Some(Deadline::After(ms(u32::from(deadline) / 4))),
        };
        let children = self.children.get(&task).unwrap_or(&self.tasks);
        match (source % 5, pick_newest(children, source / 5)) {
            (0, _) => {
                let deadline = Some(fixed.unwrap_or(Deadline::After(Millis::ZERO)));
                NewWait { key, source: WaitSource::Time, deadline }
            }
            (1 | 2, Some(child)) => {
                let key = super::world::key(&format!("join {child}"));
                NewWait { key, source: WaitSource::Child(child), deadline: fixed }
            }
            _ => NewWait { key, source: WaitSource::Event(some_event(source / 4)), deadline: fixed },
        }
    }

    fn save(&mut self, token: u8, which: u8, payload: u8, effect: u8) {
        let Some(token) = pick_newest(&self.tokens, token) else { return };
        let effect = match effect % 6 {
            0 | 2 => {
                let policies =
                    [ParentClosePolicy::Cancel, ParentClosePolicy::Cancel, ParentClosePolicy::Abandon];
                let child = self.world.child(pick(&policies, effect / 6).unwrap());
                self.tasks.push(child.id);
                self.children.entry(token.task).or_default().push(child.id);
                Effect::Spawn(vec![child])
            }
            1 => Effect::Emit(self.write(effect / 6, false)),
            _ => Effect::None,
        };
        let item = SaveItem {
            token,
            key: some_key(which),
            kind: CheckpointKind::Step,
            payload: text(&format!("{}", payload % 2)),
            took: Millis::ZERO,
            effect,
        };
        let answers = allowed(now(self.world.store.save(SaveRequest::new(q(), vec![item])))).unwrap();
        self.saw(match answers.first().unwrap() {
            Ok(SaveAnswer::Stored { .. }) => "save: stored",
            Ok(SaveAnswer::Conflict { .. }) => "save: conflict",
            Ok(SaveAnswer::QueueClosed) => "save: closed",
            Err(fenced) => refusal(fenced),
        });
    }

    fn write(&mut self, event: u8, again: bool) -> EventWrite {
        let id = self.last_emit.filter(|_| again).unwrap_or_else(|| self.world.fresh());
        self.last_emit = Some(id);
        EventWrite { name: some_event(event), payload: text("1"), metadata: text("{}"), id }
    }

    fn emit(&mut self, event: u8, again: bool, if_absent: bool) {
        let request = EmitRequest::new(q(), self.write(event, again));
        let request = if if_absent { request.only_if_absent() } else { request };
        self.saw(match allowed(now(self.world.store.emit(request))).unwrap() {
            EmitAnswer::Written => "emit: written",
            EmitAnswer::Kept => "emit: kept",
            EmitAnswer::Repeated => "emit: repeated",
        });
    }

    /// What must hold after every step, seen from outside.
    fn look(&mut self) {
        assert_eq!(self.world.store.check(), Ok(()));
        let live = |token: &&Token| {
            let request = LoadRequest::new(q(), **token, 0, 1);
            now(self.world.store.load(request)).is_ok()
        };
        let live: Vec<TaskId> = self.tokens.iter().filter(live).map(|token| token.task).collect();
        let mut tasks = live.clone();
        tasks.sort_unstable();
        tasks.dedup();
        assert_eq!(live.len(), tasks.len(), "a task has two live claims");
        let fresh: BTreeSet<_> = self.tokens.iter().collect();
        assert_eq!(fresh.len(), self.tokens.len(), "a token was given twice");
        self.look_at_histories();
    }

    /// A history only grows, and a checkpoint in it only changes by being set aside.
    fn look_at_histories(&mut self) {
        for task in &self.tasks {
            let Some(detail) = now(self.world.store.task(TaskRequest::new(q(), *task))).unwrap() else {
                self.histories.remove(task);
                continue;
            };
            let history = detail.history.items;
            self.outcomes.extend(history.iter().map(kind));
            let before = self.histories.insert(*task, history.clone()).unwrap_or_default();
            assert!(before.len() <= history.len());
            for (before, after) in before.iter().zip(&history) {
                assert!(before == after || *after == set_aside(before.clone()), "{before:?} is {after:?}");
            }
        }
    }

    /// Far later every mark is worked off, and what still sleeps rests on what has no time.
    fn settle(&self) {
        self.world.clock.set(at(9_000_000));
        while self.world.tick(2).more {
            assert_eq!(self.world.store.check(), Ok(()));
        }
        for view in now(self.world.store.tasks(TasksRequest::new(q(), None))).unwrap().items {
            assert!(!view.closing);
            assert!(view.due.is_none(), "{view:?} is due");
        }
    }
}

fn refusal(fenced: &FencedError) -> &'static str {
    match fenced {
        FencedError::ClaimLost => "fence: lost",
        FencedError::Cancelled => "fence: cancelled",
        FencedError::Fault(fault) => {
            assert_ne!(fault.kind, StoreErrorKind::Corrupt, "{fault}");
            "fence: fault"
        }
    }
}

/// What stands in a history and how: the ends of waits have happened, too.
fn kind(entry: &HistoryEntry) -> &'static str {
    match entry {
        HistoryEntry::Run(_) => "history: run",
        HistoryEntry::Checkpoint { aside: true, .. } => "history: aside",
        HistoryEntry::Checkpoint { checkpoint, .. } => match (checkpoint.kind, &checkpoint.end) {
            (CheckpointKind::Event, End::Value(_)) => "history: event",
            (CheckpointKind::Event, _) => "history: event timed out",
            (CheckpointKind::Child, End::Timeout) => "history: child timed out",
            (CheckpointKind::Child, End::Value(_)) => "history: child completed",
            (CheckpointKind::Child, End::Failed(_)) => "history: child failed",
            (CheckpointKind::Child, End::Cancelled(_)) => "history: child cancelled",
            (CheckpointKind::Timer, _) => "history: timer",
            _ => "history: step",
        },
    }
}

fn set_aside(entry: HistoryEntry) -> HistoryEntry {
    match entry {
        HistoryEntry::Checkpoint { checkpoint, .. } => HistoryEntry::Checkpoint { checkpoint, aside: true },
        run @ HistoryEntry::Run(_) => run,
    }
}

fn end_of(token: Token, how: u8) -> RunEnd {
    match how % 6 {
        0 | 1 => complete(token),
        2 => fail(token, RetryAfter::Never),
        3 => fail(token, RetryAfter::After(ms(u32::from(how / 6)))),
        4 => fail(token, RetryAfter::After(Millis::ZERO)),
        _ => release(token, u32::from(how / 6) % 3),
    }
}

/// Each of these must have happened, or the steps prove less than they say.
const OUTCOMES: [&str; 45] = [
    "cancel: cancelled",
    "cancel: ended",
    "cancel: not found",
    "claim: several",
    "emit: kept",
    "emit: repeated",
    "emit: written",
    "end: completed",
    "end: failed",
    "end: released",
    "end: retrying",
    "extend: extended",
    "fence: cancelled",
    "fence: fault",
    "fence: lost",
    "history: aside",
    "history: child cancelled",
    "history: child completed",
    "history: child failed",
    "history: child timed out",
    "history: event",
    "history: event timed out",
    "history: run",
    "history: step",
    "history: timer",
    "purge: purged",
    "retry: ended",
    "retry: invalid",
    "retry: live",
    "retry: not found",
    "retry: reopened",
    "save: closed",
    "save: conflict",
    "save: stored",
    "spawn: closed",
    "spawn: conflict",
    "spawn: created",
    "spawn: there already",
    "tick: expired",
    "tick: limited",
    "tick: started",
    "tick: woken",
    "wait: met",
    "wait: registered",
    "wait: suspended",
];

#[test]
fn no_steps_break_an_invariant() {
    let config = ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() };
    let outcomes = RefCell::new(BTreeSet::new());
    let run = |steps: Vec<Step>| {
        let mut seen = Seen::new();
        for step in steps {
            seen.apply(step);
            seen.look();
        }
        seen.settle();
        outcomes.borrow_mut().extend(seen.outcomes);
        Ok(())
    };
    // The same steps each time: what has happened below is certain, and a failure comes again.
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    TestRunner::new_with_rng(config, rng).run(&vec(step(), 1..120), run).unwrap();
    let missed: Vec<_> = OUTCOMES.iter().filter(|outcome| !outcomes.borrow().contains(*outcome)).collect();
    assert!(missed.is_empty(), "never seen: {missed:?}");
}
