//! Random verbs over a handful of tasks, events and keys, with a clock that jumps: whatever they are, no invariant
//! breaks, no task has two live claims, and what was stored stays.

use std::collections::BTreeMap;

use durable_core::model::{
    CheckpointKind, Deadline, EmitId, EndState, EventName, IdempotencyKey, Millis, ParentClosePolicy,
    QueueName, TaskId, Token,
};
use durable_core::store::{
    Checkpoints, ClaimRequest, Effect, EmitRequest, EndAnswer, EventWrite, Events, ExtendItem, ExtendRequest,
    FencedError, HistoryEntry, Idempotency, Inspect, LoadRequest, NewWait, PurgeRequest, QueueState, Rest,
    RetryAfter, RetryRequest, RunEnd, Runs, SaveItem, SaveRequest, StoreError, StoreErrorKind, TaskRequest,
    Tasks, TasksRequest, Upkeep, WaitItem, WaitRequest, WaitSource,
};
use proptest::collection::vec;
use proptest::prelude::*;

use super::world::{World, at, complete, fail, key, lease, ms, name, now, q, release, text};

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
        3 => (0..4_u8).prop_map(Step::Tick),
        1 => (n(), 0..4_u8, any::<bool>())
            .prop_map(|(age, limit, events)| Step::Purge { age, limit, events }),
    ]
}

/// What the steps have seen.
struct Seen {
    world: World,
    tasks: Vec<TaskId>,
    tokens: Vec<Token>,
    last_emit: Option<EmitId>,
    histories: BTreeMap<TaskId, Vec<HistoryEntry>>,
}

fn pick<T: Clone>(things: &[T], which: u8) -> Option<T> {
    things.get(usize::from(which).checked_rem(things.len())?).cloned()
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
        Self { world, tasks: vec![], tokens: vec![], last_emit: None, histories: BTreeMap::new() }
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
                let Some(token) = pick(&self.tokens, token) else { return };
                let item = ExtendItem { token, lease: lease(u64::from(millis) + 1) };
                allowed(now(self.world.store.extend(ExtendRequest::new(q(), vec![item]))));
            }
            Step::Wait { token, waits, rest } => self.wait(token, &waits, rest),
            Step::Save { token, key, payload, effect } => self.save(token, key, payload, effect),
            Step::Emit { event, again, if_absent } => self.emit(event, again, if_absent),
            Step::Cancel(task) => {
                if let Some(task) = pick(&self.tasks, task) {
                    self.world.cancel(task);
                }
            }
            Step::Retry { task, attempts, from } => {
                let Some(task) = pick(&self.tasks, task) else { return };
                let request = RetryRequest::new(q(), task, i32::from(attempts % 3), from.map(some_key));
                allowed(now(self.world.store.retry(request)));
            }
            Step::Tick(limit) => {
                self.world.tick(u32::from(limit));
            }
            Step::Purge { age, limit, events } => {
                let states = vec![EndState::Completed, EndState::Failed, EndState::Cancelled];
                let request = PurgeRequest::new(q(), states, ms(u32::from(age)), u32::from(limit));
                let request = if events { request.with_events() } else { request };
                allowed(now(self.world.store.purge(request)));
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
        self.world.spawn_these(vec![task]);
    }

    fn claim(&mut self, max: u8, millis: u8, ends: &[(u8, u8)]) {
        let end = |(token, how): &(u8, u8)| pick(&self.tokens, *token).map(|token| end_of(token, *how));
        let mut call = self.world.request(u32::from(max)).ending(ends.iter().filter_map(end).collect());
        call.lease = lease(u64::from(millis));
        let answer = allowed(now(self.world.store.claim(call.clone()))).unwrap();
        self.tokens.extend(answer.claims.iter().map(|claim| claim.token));
        self.repeat(&call, &answer.ends, &answer.claims);
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
        let Some(token) = pick(&self.tokens, token) else { return };
        let waits = waits.iter().map(|(which, source, deadline)| self.new_wait(*which, *source, *deadline));
        let waits: Vec<NewWait> = waits.collect();
        let rest = rest.map(|(keys, need)| {
            let mut keys: Vec<_> = keys.into_iter().map(some_key).collect();
            keys.extend(waits.iter().map(|wait| wait.key.clone()));
            Rest { keys, need: u32::from(need) }
        });
        let item = WaitItem { token, waits, rest };
        let answers = allowed(now(self.world.store.wait(WaitRequest::new(q(), vec![item])))).unwrap();
        if let Err(FencedError::Fault(fault)) = answers.first().unwrap() {
            assert_ne!(fault.kind, StoreErrorKind::Corrupt, "{fault}");
        }
    }

    fn new_wait(&self, which: u8, source: u8, deadline: u8) -> NewWait {
        let key = some_key(which);
        let fixed = match deadline % 4 {
            0 => None,
            1 => Some(Deadline::At(at(1_000 + i64::from(deadline)))),
            _ => Some(Deadline::After(ms(u32::from(deadline) / 4))),
        };
        match (source % 4, pick(&self.tasks, source / 4)) {
            (0, _) => {
                let deadline = Some(fixed.unwrap_or(Deadline::After(Millis::ZERO)));
                NewWait { key, source: WaitSource::Time, deadline }
            }
            (1, Some(child)) => {
                let key = super::world::key(&format!("join {child}"));
                NewWait { key, source: WaitSource::Child(child), deadline: fixed }
            }
            _ => NewWait { key, source: WaitSource::Event(some_event(source / 4)), deadline: fixed },
        }
    }

    fn save(&mut self, token: u8, which: u8, payload: u8, effect: u8) {
        let Some(token) = pick(&self.tokens, token) else { return };
        let effect = match effect % 6 {
            0 => {
                let policies =
                    [ParentClosePolicy::Cancel, ParentClosePolicy::Cancel, ParentClosePolicy::Abandon];
                let child = self.world.child(pick(&policies, effect / 6).unwrap());
                self.tasks.push(child.id);
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
        allowed(now(self.world.store.save(SaveRequest::new(q(), vec![item]))));
    }

    fn write(&mut self, event: u8, again: bool) -> EventWrite {
        let id = self.last_emit.filter(|_| again).unwrap_or_else(|| self.world.fresh());
        self.last_emit = Some(id);
        EventWrite { name: some_event(event), payload: text("1"), metadata: text("{}"), id }
    }

    fn emit(&mut self, event: u8, again: bool, if_absent: bool) {
        let request = EmitRequest::new(q(), self.write(event, again));
        let request = if if_absent { request.only_if_absent() } else { request };
        allowed(now(self.world.store.emit(request)));
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
        let fresh: std::collections::BTreeSet<_> = self.tokens.iter().collect();
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

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_steps_break_an_invariant(steps in vec(step(), 1..80)) {
        let mut seen = Seen::new();
        for step in steps {
            seen.apply(step);
            seen.look();
        }
        seen.settle();
    }
}
