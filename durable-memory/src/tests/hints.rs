//! Hints go out after each verb, to those who listen to the queue.

use durable_core::model::QueueName;
use durable_core::store::{Hint, Hints, PutQueueRequest, QueueState, Queues, Signals, SpawnRequest, Tasks};
use futures::{FutureExt, StreamExt};

use super::world::{World, at, complete, event, ms, now, q};

const READY: Hint = Hint::Work { next_due: None };

fn due(millis: i64) -> Hint {
    Hint::Work { next_due: Some(at(millis)) }
}

fn told(hints: &mut Hints) -> Vec<Hint> {
    std::iter::from_fn(|| hints.next().now_or_never().flatten()).collect()
}

#[test]
fn a_queue_tells_of_work_of_earlier_dues_and_of_ends() {
    let world = World::new();
    let mut hints = world.store.hints(&q());
    let token = world.running();
    assert_eq!(told(&mut hints), [READY, due(1_001_000)]);

    let mut late = world.new_task();
    late.delay = ms(10);
    world.spawn_these(vec![late.clone()]);
    assert_eq!(told(&mut hints), [due(1_010)]);
    late.id = world.fresh();
    late.delay = ms(20);
    world.spawn_these(vec![late]);
    assert_eq!(told(&mut hints), [], "nothing is due earlier than before");

    world.end(complete(token)).unwrap();
    assert_eq!(told(&mut hints), [Hint::Ended(token.task)]);
}

#[test]
fn a_wake_is_work() {
    let world = World::new();
    let token = world.running();
    world.suspend(token, vec![event("a", None)], 1);
    let mut hints = world.store.hints(&q());
    world.emit("b", "1");
    assert_eq!(told(&mut hints), []);
    world.emit("a", "1");
    assert_eq!(told(&mut hints), [READY]);
}

#[test]
fn a_queue_that_opens_with_ready_tasks_has_work() {
    let world = World::new();
    world.put_queue(QueueState::Paused);
    world.spawn();
    let mut hints = world.store.hints(&q());
    world.put_queue(QueueState::Open);
    assert_eq!(told(&mut hints), [READY]);
}

#[test]
fn another_queue_is_not_heard() {
    let world = World::new();
    let mut hints = world.store.hints(&q());
    let other = QueueName::new("other").unwrap();
    now(world.store.put_queue(PutQueueRequest::new(other.clone(), QueueState::Open))).unwrap();
    now(world.store.spawn(SpawnRequest::new(other, vec![world.new_task()]))).unwrap();
    assert_eq!(told(&mut hints), []);
}

#[test]
fn who_missed_something_is_told_so() {
    let world = World::unchecked();
    let mut hints = world.store.hints(&q());
    for millis in (0..5_000).rev() {
        let mut task = world.new_task();
        task.delay = ms(millis + 1);
        world.spawn_these(vec![task]);
    }
    let told = told(&mut hints);
    assert_eq!(told.first(), Some(&Hint::Missed));
    assert_eq!(told.last(), Some(&due(1_001)));
    assert!(told.len() < 5_000);
}

#[test]
fn the_stream_ends_with_the_last_handle() {
    let World { store, .. } = World::new();
    let mut hints = store.hints(&q());
    let other = store.clone();
    drop(store);
    assert_eq!(hints.next().now_or_never(), None);
    drop(other);
    assert_eq!(hints.next().now_or_never(), Some(None));
}
