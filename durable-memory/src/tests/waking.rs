//! Events that more tasks wait for than one step reaches (rules E1 and E2).

use durable_core::model::{End, EndState, TaskId, TaskState, Token};
use durable_core::store::{
    EmitAnswer, EmitRequest, Events, NewWait, PurgeRequest, Runs, WaitAnswer, WaitItem, WaitRequest,
};

use super::world::{World, event, met, ms, now, q, rest, value};

/// So many tasks that rest on the event `e` alone, in the order in which it reaches them.
fn resting(world: &World, count: usize, wait: impl Fn(usize) -> NewWait) -> Vec<TaskId> {
    world.spawn_these((0..count).map(|_| world.new_task()).collect());
    let tokens = world.claim(1_000);
    assert_eq!(tokens.len(), count);
    let item = |(i, token): (usize, &Token)| WaitItem {
        token: *token,
        waits: vec![wait(i)],
        rest: Some(rest(&["e"], 1)),
    };
    let items: Vec<WaitItem> = tokens.iter().enumerate().map(item).collect();
    for half in items.chunks(500) {
        let answers = now(world.store.wait(WaitRequest::new(q(), half.to_vec()))).unwrap();
        assert!(answers.into_iter().all(|answer| answer.unwrap() == WaitAnswer::Suspended));
    }
    tokens.iter().map(|token| token.task).collect()
}

fn pending(world: &World, tasks: &[TaskId]) -> usize {
    tasks.iter().filter(|task| world.view(**task).state == TaskState::Pending).count()
}

#[test]
fn e2_one_step_reaches_500_and_tick_the_others_with_the_last_payload() {
    let world = World::new();
    let tasks = resting(&world, 510, |_| event("e", None));
    world.set(2_000);
    world.emit("e", "1");
    assert_eq!(pending(&world, &tasks), 500);
    assert!(world.is_waking("e"));

    world.set(3_000);
    let tick = world.tick(4);
    assert_eq!((tick.woken, tick.more, tick.next_due), (4, true, Some(super::world::at(3_000))));
    // The next write goes on where the first one stopped, and ends what it reaches with its own payload.
    world.emit("e", "2");
    assert!(!world.is_waking("e"));
    assert_eq!(pending(&world, &tasks), 510);
    assert_eq!(world.ended(tasks[499], "e"), Some((value("1"), 2_000)));
    assert_eq!(world.ended(tasks[503], "e"), Some((value("1"), 2_000)));
    assert_eq!(world.ended(tasks[504], "e"), Some((value("2"), 2_000)));
}

#[test]
fn e2_a_deadline_counts_against_the_first_write_that_did_not_reach_the_wait() {
    let world = World::new();
    let deadline = |i| match i {
        501 => Some(2_000),
        502 => Some(2_001),
        _ => Some(9_000),
    };
    let tasks = resting(&world, 1_000, |i| event("e", deadline(i)));
    world.set(2_000);
    world.emit("e", "1");
    world.set(2_500);
    world.emit("e", "2");
    assert!(!world.is_waking("e"));
    assert_eq!(world.ended(tasks[501], "e"), Some((End::Timeout, 2_000)));
    assert_eq!(world.ended(tasks[502], "e"), Some((value("2"), 2_000)));
}

#[test]
fn e2_a_deadline_that_comes_while_the_event_is_waking_ends_as_the_write_says() {
    let world = World::new();
    let tasks = resting(&world, 502, |i| match i {
        500 => event("e", Some(2_000)),
        501 => event("e", Some(3_000)),
        _ => event("e", None),
    });
    world.set(2_000);
    world.emit("e", "1");
    assert!(world.is_waking("e"));
    world.set(3_000);
    let tick = world.tick(2);
    assert_eq!(tick.woken, 2);
    assert_eq!(world.ended(tasks[500], "e"), Some((End::Timeout, 2_000)));
    assert_eq!(world.ended(tasks[501], "e"), Some((value("1"), 2_000)));
    assert!(!world.is_waking("e"), "nothing is left to reach");
}

#[test]
fn e2_a_wait_that_comes_while_the_event_is_waking_gets_the_last_write_at_once() {
    let world = World::new();
    let token = world.running();
    resting(&world, 501, |_| event("e", None));
    world.emit("e", "1");
    assert!(world.is_waking("e"));
    world.set(2_000);
    let answer = world.wait(token, vec![event("e", Some(1_000))], None).unwrap();
    assert_eq!(answer, WaitAnswer::Met(vec![met("e", value("1"), 1_000)]));
}

#[test]
fn e2_a_waking_event_is_not_purged() {
    let world = World::new();
    let tasks = resting(&world, 501, |_| event("e", None));
    world.emit("e", "1");
    let purge = || PurgeRequest::new(q(), vec![EndState::Cancelled], ms(0), 10).with_events();
    assert_eq!(world.purge(purge()).unwrap().purged, 0);
    // When the last waiting task ends, nothing is left to wake.
    world.cancel(tasks[500]);
    assert!(!world.is_waking("e"));
    assert_eq!(world.purge(purge()).unwrap().purged, 2);
}

#[test]
fn e1_the_last_write_again_changes_nothing_and_an_older_one_is_a_new_write() {
    let world = World::new();
    let (first, second) = (world.write("e", "1"), world.write("e", "2"));
    let emit = |write: &durable_core::store::EventWrite| {
        now(world.store.emit(EmitRequest::new(q(), write.clone()))).unwrap()
    };
    assert_eq!(emit(&first), EmitAnswer::Written);
    assert_eq!(emit(&first), EmitAnswer::Repeated);
    assert_eq!(emit(&second), EmitAnswer::Written);
    let kept = now(world.store.emit(EmitRequest::new(q(), first.clone()).only_if_absent())).unwrap();
    assert_eq!(kept, EmitAnswer::Kept);
    let repeated = now(world.store.emit(EmitRequest::new(q(), second).only_if_absent())).unwrap();
    assert_eq!(repeated, EmitAnswer::Repeated);
    assert_eq!(emit(&first), EmitAnswer::Written);
}
