//! Random sequences of calls. The first of each choice's things is the simplest: shrinking goes there.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::{Just, Strategy, any};
use proptest::prop_oneof;
use proptest::sample::select;

use super::op::{
    Call, Claim, Effect, Emit, End, Ended, Ending, Event, Extend, Held, Job, Key, Name, Names, On, Op, Queue,
    Rest, Save, Source, Task, Until, Wait, Waits,
};

/// A strategy whose choices may move to another thread.
pub(super) trait Random<T>: Strategy<Value = T, Tree: Send> + Send + Sync {}

impl<T, S: Strategy<Value = T, Tree: Send> + Send + Sync> Random<T> for S {}

/// Sequences of calls.
///
/// They come in chapters, so that shrinking drops many at once before it drops each.
pub(super) fn sequence() -> impl Random<Vec<Call>> {
    let phrase = prop_oneof![40 => call().prop_map(|call| vec![call]), 1 => retried()];
    let chapter = vec(phrase, 1..=32).prop_map(|phrases| phrases.concat());
    vec(chapter, 1..=10).prop_map(|chapters| chapters.concat())
}

/// Sequences with a queue that is sealed and then dropped.
pub(super) fn closed_sequence() -> impl Random<Vec<Call>> {
    (calls(), sealed(), calls(), without_a_queue(), calls())
        .prop_map(|(one, sealed, two, dropped, three)| [one, sealed, two, dropped, three].concat())
}

/// Sequences with more children than one step cancels: their parent is cancelled, or it fails.
pub(super) fn many_children_sequence(fails: bool) -> impl Random<Vec<Call>> {
    (calls(), many_children(fails), calls()).prop_map(|(one, crowd, two)| [one, crowd, two].concat())
}

/// Sequences with more waits than one step ends.
pub(super) fn many_waits_sequence() -> impl Random<Vec<Call>> {
    (calls(), many_waits(), calls()).prop_map(|(one, crowd, two)| [one, crowd, two].concat())
}

fn calls() -> impl Random<Vec<Call>> {
    vec(call(), 0..=12)
}

/// Yes so often.
fn odds(probability: f64) -> impl Random<bool> {
    proptest::bool::weighted(probability)
}

fn call() -> impl Random<Call> {
    (on(), op()).prop_map(|(on, op)| Call { on, op })
}

fn on() -> impl Random<On> {
    prop_oneof![
        24 => Just(On::A),
        24 => Just(On::B),
        1 => Just(On::New),
        3 => Just(On::AThenB),
        3 => Just(On::BThenA),
    ]
}

fn op() -> impl Random<Op> {
    prop_oneof![
        8 => clock(),
        6 => spawn(),
        10 => claim().prop_map(Op::Claim),
        10 => vec(save(), 1..=3).prop_map(Op::Save),
        12 => vec(waits(), 1..=3).prop_map(Op::Wait),
        6 => (emit(), odds(0.25))
            .prop_map(|(event, only_if_absent)| Op::Emit { event, only_if_absent }),
        5 => (0..6_u8).prop_map(Op::Again),
        4 => tick(),
        22 => prop_oneof![
            6 => vec((mostly_stale(), 10..70_u8).prop_map(|(claim, lease)| Extend { claim, lease }), 1..=2)
                .prop_map(Op::Extend),
            6 => (mostly_stale(), 0..2_u8, 1..3_u8).prop_map(|(claim, after, limit)| Op::Load { claim, after, limit }),
            4 => cancel(),
            5 => prop_oneof![task(), ended()].prop_map(Op::Outcome),
            7 => retry(),
            2 => purge(),
            2 => prop_oneof![6 => Just(Queue::Open), 1 => Just(Queue::Paused)].prop_map(Op::Put),
        ],
    ]
}

fn clock() -> impl Random<Op> {
    prop_oneof![
        6 => (0..25_u8).prop_map(Op::Later),
        5 => (any::<u8>(), select(vec![0, -1, 1])).prop_map(|(which, beside)| Op::Due { which, beside }),
        1 => (0..25_u8).prop_map(Op::Earlier),
    ]
}

fn name() -> impl Random<Name> {
    prop_oneof![3 => Just(Name::A), 1 => Just(Name::B)]
}

fn job() -> impl Random<Job> {
    let key = (name(), odds(0.25)).prop_map(|(name, other_params)| Key { name, other_params });
    let limits = (option::weighted(0.3, 1..70_u8), option::weighted(0.3, 1..99_u8));
    (
        (0..4_u8, name(), select(vec![0, 0, -5, 7])),
        (option::weighted(0.7, 1..3_u8), prop_oneof![3 => Just(0), 1 => 1..40_u8]),
        limits,
        (option::weighted(0.25, key), odds(0.3)),
    )
        .prop_map(|((group, name, priority), (attempts, delay), limits, (key, abandoned))| Job {
            group,
            name,
            priority,
            attempts,
            delay,
            max_pending: limits.0,
            max_running: limits.1,
            key,
            abandoned,
        })
}

fn spawn() -> impl Random<Op> {
    vec(job(), 1..=3).prop_map(Op::Spawn)
}

/// A quarter of the claims that are used is mostly stale.
fn held() -> impl Random<Held> {
    held_or_stale(3)
}

/// Of those that read or extend it is half.
fn mostly_stale() -> impl Random<Held> {
    held_or_stale(1)
}

fn held_or_stale(holds: u32) -> impl Random<Held> {
    let stale = prop_oneof![any::<u8>().prop_map(Held::Last), any::<u8>().prop_map(Held::Any)];
    prop_oneof![holds => (0..4_u8).prop_map(Held::Live), 1 => stale]
}

fn claim() -> impl Random<Claim> {
    let ending = prop_oneof![
        2 => Just(Ending::Complete),
        2 => Just(Ending::FailForGood),
        1 => select(vec![0, 15]).prop_map(Ending::Retry),
        1 => select(vec![0, 15]).prop_map(Ending::Release),
    ];
    let end = (held(), ending).prop_map(|(claim, ending)| End { claim, ending });
    let names = prop_oneof![
        6 => Just(Names::Both), 1 => Just(Names::A), 1 => Just(Names::B), 1 => Just(Names::None),
    ];
    (vec(end, 0..=2), names, select(vec![1_u8, 0, 2, 3]), any::<bool>(), 20..80_u16, odds(0.1)).prop_map(
        |(ends, names, max, other_worker, lease, repeat)| Claim {
            ends,
            names,
            max,
            other_worker,
            lease,
            repeat,
        },
    )
}

fn emit() -> impl Random<Emit> {
    let event = prop_oneof![2 => Just(Event::E), 1 => Just(Event::F), 1 => Just(Event::G)];
    (event, 0..3_u8).prop_map(|(event, payload)| Emit { event, payload })
}

fn children() -> impl Random<Effect> {
    vec(job(), 1..=2).prop_map(Effect::Spawn)
}

fn save() -> impl Random<Save> {
    let effect = prop_oneof![3 => Just(Effect::None), 1 => children(), 1 => emit().prop_map(Effect::Emit)];
    (held(), 0..8_u8, 1..3_u8, 0..5_u8, effect).prop_map(|(claim, key, payload, took, effect)| Save {
        claim,
        key,
        payload,
        took,
        effect,
    })
}

fn waits() -> impl Random<Waits> {
    let under_its_key = odds(0.9);
    let source = prop_oneof![
        3 => emit().prop_map(|emit| Source::Event(emit.event)),
        3 => (0..3_u8, under_its_key).prop_map(|(which, under_its_key)| Source::Child { which, under_its_key }),
    ];
    let time = prop_oneof![
        8 => (0..40_u8).prop_map(Until::After), 8 => (0..40_u8).prop_map(Until::At), 1 => Just(Until::Never),
    ];
    let until = prop_oneof![
        1 => Just(Until::Never), 1 => (0..40_u8).prop_map(Until::After), 1 => (0..40_u8).prop_map(Until::At),
    ];
    let wait = prop_oneof![
        6 => (0..8_u8, source, until).prop_map(|(key, source, until)| Wait { key, source, until }),
        1 => (0..8_u8, time).prop_map(|(key, until)| Wait { key, source: Source::Time, until }),
    ];
    let rest = (option::weighted(0.2, 0..8_u8), 0..4_u8).prop_map(|(one_more, need)| Rest { one_more, need });
    (held(), vec(wait, 0..=3), option::weighted(0.6, rest)).prop_map(|(claim, waits, rest)| Waits {
        claim,
        on: waits,
        rest,
    })
}

fn tick() -> impl Random<Op> {
    select(vec![1_000, 1, 2, 3]).prop_map(|limit| Op::Tick { limit })
}

/// Mostly one of the last few: older ones have ended.
fn task() -> impl Random<Task> {
    prop_oneof![2 => 0..4_u8, 1 => any::<u8>()].prop_map(Task::Any)
}

fn ended() -> impl Random<Task> {
    any::<u8>().prop_map(Task::Ended)
}

fn cancel() -> impl Random<Op> {
    let task = prop_oneof![3 => task(), 1 => ended(), 1 => any::<u8>().prop_map(Task::Parent)];
    (task, any::<bool>()).prop_map(|(task, says_why)| Op::Cancel { task, says_why })
}

fn retry() -> impl Random<Op> {
    let task = prop_oneof![2 => any::<u8>().prop_map(Task::Failed), 1 => ended(), 1 => task()];
    (task, select(vec![1, 1, 1, 2, 2, 0]), option::weighted(0.5, 0..8_u8))
        .prop_map(|(task, attempts, from)| Op::Retry { task, attempts, from })
}

fn purge() -> impl Random<Op> {
    let states = prop_oneof![3 => Just(Ended::All), 1 => Just(Ended::Completed), 1 => Just(Ended::Others)];
    (states, 0..60_u16, select(vec![1_000, 1, 2]), any::<bool>())
        .prop_map(|(states, age, limit, events)| Op::Purge { states, age, limit, events })
}

/// The calls one after another, each on a handle of its own choice.
fn on_any<const N: usize>(ops: [Op; N]) -> impl Random<Vec<Call>> {
    vec(on(), N).prop_map(move |handles| {
        let ops = ops.clone().into_iter();
        handles.into_iter().zip(ops).map(|(on, op)| Call { on, op }).collect()
    })
}

/// Handed out for long.
fn claim_one() -> Op {
    Op::Claim(Claim { max: 1, lease: 1_000, ..Claim::default() })
}

/// A run that fails for good, and what asks for it before and after a retry.
fn retried() -> impl Random<Vec<Call>> {
    (option::of(0..8_u8), 1..3_u8).prop_flat_map(|(from, attempts)| {
        let end = End { claim: Held::Live(0), ending: Ending::FailForGood };
        on_any([
            Op::Claim(Claim { ends: vec![end], lease: 1, ..Claim::default() }),
            Op::Outcome(Task::Failed(0)),
            Op::Retry { task: Task::Failed(0), attempts, from },
            Op::Again(1),
        ])
    })
}

/// A claim that holds, and a queue that is sealed meanwhile.
fn sealed() -> impl Random<Vec<Call>> {
    (job(), children(), spawn()).prop_flat_map(|(job, effect, spawn)| {
        let save = Save { claim: Held::Live(0), key: 0, payload: 1, took: 0, effect };
        on_any([
            Op::Spawn(vec![Job { delay: 0, ..job }]),
            claim_one(),
            Op::Put(Queue::Sealed),
            spawn,
            Op::Save(vec![save]),
            Op::Put(Queue::Open),
        ])
    })
}

fn without_a_queue() -> impl Random<Vec<Call>> {
    let of_clients = (task(), spawn(), emit(), tick(), purge());
    let of_workers = (claim(), save(), waits());
    (of_clients, of_workers).prop_flat_map(|(clients, (claim, save, wait))| {
        let (task, spawn, event, tick, purge) = clients;
        let stale = Held::Any(0);
        on_any([
            spawn.clone(),
            Op::Drop { emptied: false },
            Op::Drop { emptied: true },
            Op::Drop { emptied: false },
            Op::Cancel { task, says_why: false },
            Op::Retry { task, attempts: 1, from: None },
            Op::Outcome(task),
            spawn,
            Op::Claim(claim),
            Op::Save(vec![Save { claim: stale, ..save }]),
            Op::Wait(vec![Waits { claim: stale, ..wait }]),
            Op::Extend(vec![Extend { claim: stale, lease: 9 }]),
            Op::Load { claim: stale, after: 0, limit: 9 },
            Op::Emit { event, only_if_absent: false },
            tick,
            purge,
            Op::Put(Queue::Open),
        ])
    })
}

/// More children than one step cancels, and what meets the mark that is left.
fn many_children(fails: bool) -> impl Random<Vec<Call>> {
    (0..80_u8).prop_flat_map(move |more| {
        let end = End { claim: Held::Live(0), ending: Ending::FailForGood };
        let cancel = Op::Cancel { task: Task::Parent(0), says_why: false };
        let fail = Op::Claim(Claim { ends: vec![end], lease: 20, ..Claim::default() });
        on_any([
            Op::Put(Queue::Open),
            Op::Spawn(vec![Job { priority: 9, ..Job::default() }]),
            claim_one(),
            Op::ManyChildren { claim: Held::Live(0), more },
            if fails { fail } else { cancel.clone() },
            cancel,
            Op::Retry { task: Task::Parent(0), attempts: 1, from: None },
            Op::Tick { limit: 1 },
        ])
    })
}

/// More waits than one step ends, and an event that is written again meanwhile.
fn many_waits() -> impl Random<Vec<Call>> {
    (0..80_u8, select(vec![1_000, 1, 30])).prop_flat_map(|(more, limit)| {
        let emit = |payload| {
            let event = Emit { event: Event::Crowd, payload };
            Op::Emit { event, only_if_absent: false }
        };
        on_any([
            Op::Put(Queue::Open),
            Op::Spawn(vec![Job { priority: 9, ..Job::default() }]),
            claim_one(),
            Op::ManyWaits { claim: Held::Live(0), more },
            emit(1),
            Op::Look,
            Op::Tick { limit },
            emit(2),
            Op::Look,
            Op::Tick { limit: 1_000 },
        ])
    })
}
