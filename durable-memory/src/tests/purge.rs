//! Purge, and the garbage it leaves for the next call (rule U3).

use durable_core::model::{EndState, IdempotencyKey, TaskId, Timestamp};
use durable_core::store::{
    DropQueueAnswer, DropQueueRequest, Effect, Idempotency, Inspect, Outcome, OutcomeRequest, PurgeAnswer,
    PurgeRequest, QueueState, Queues, SpawnAnswer, Spawned, TaskRequest, Tasks,
};

use super::world::{World, complete, ms, now, q};

fn completed(age: u32, limit: u32) -> PurgeRequest {
    PurgeRequest::new(q(), vec![EndState::Completed], ms(age), limit)
}

/// A task that completed at this moment with so many checkpoints.
fn ended(world: &World, moment: i64, checkpoints: usize) -> TaskId {
    world.set(moment);
    let token = world.running();
    for i in 0..checkpoints {
        world.save(token, &format!("s{i}"), Effect::None).unwrap();
    }
    world.end(complete(token)).unwrap();
    token.task
}

fn outcome(world: &World, task: TaskId) -> Outcome {
    now(world.store.outcome(OutcomeRequest::new(q(), task))).unwrap()
}

#[test]
fn u3_what_does_not_fit_is_garbage_and_not_found_from_the_first_call_on() {
    let world = World::new();
    let old = ended(&world, 1_000, 5);
    let young = ended(&world, 1_001, 0);
    assert_eq!(world.purge(completed(0, 3)).unwrap(), PurgeAnswer { purged: 1, more: true });
    assert_eq!(outcome(&world, old), Outcome::NotFound);
    assert!(now(world.store.task(TaskRequest::new(q(), old))).unwrap().is_none());

    assert_eq!(world.purge(completed(0, 2)).unwrap(), PurgeAnswer { purged: 0, more: true });
    assert_ne!(outcome(&world, young), Outcome::NotFound, "garbage is removed first");
    assert_eq!(world.purge(completed(0, 2)).unwrap(), PurgeAnswer { purged: 1, more: false });
}

#[test]
fn u3_a_queue_with_garbage_is_not_empty() {
    let world = World::new();
    ended(&world, 1_000, 2);
    world.purge(completed(0, 2)).unwrap();
    world.put_queue(QueueState::Sealed);
    let drop = || now(world.store.drop_queue(DropQueueRequest::new(q()))).unwrap();
    assert_eq!(drop(), DropQueueAnswer::NotEmpty);
    world.purge(completed(0, 2)).unwrap();
    assert_eq!(drop(), DropQueueAnswer::Dropped);
}

#[test]
fn u3_only_what_is_old_enough_goes_the_oldest_first() {
    let world = World::new();
    let (old, young) = (ended(&world, 1_000, 0), ended(&world, 1_050, 0));
    world.set(1_099);
    assert_eq!(world.purge(completed(100, 10)).unwrap(), PurgeAnswer { purged: 0, more: false });
    world.set(1_100);
    assert_eq!(world.purge(completed(100, 10)).unwrap(), PurgeAnswer { purged: 1, more: false });
    assert_eq!(outcome(&world, old), Outcome::NotFound);
    world.set(1_150);
    assert_eq!(world.purge(completed(100, 1)).unwrap(), PurgeAnswer { purged: 1, more: false });
    assert_eq!(outcome(&world, young), Outcome::NotFound);
}

#[test]
fn u3_an_event_ages_from_its_last_write() {
    let world = World::new();
    world.emit("a", "1");
    world.set(1_050);
    world.emit("a", "2");
    world.set(1_149);
    assert_eq!(world.purge(completed(100, 10).with_events()).unwrap().purged, 0);
    world.set(Timestamp::MAX.as_millis());
    assert_eq!(world.purge(completed(100, 10)).unwrap().purged, 0, "events were not asked for");
    assert_eq!(world.purge(completed(100, 10).with_events()).unwrap().purged, 1);
}

#[test]
fn s1_an_idempotency_key_is_free_again_after_the_purge() {
    let world = World::new();
    let spawn = || {
        let mut task = world.new_task();
        let key = IdempotencyKey::new("k").unwrap();
        task.idempotency = Some(Idempotency { key, fingerprint: "f".into() });
        match world.spawn_these(vec![task]) {
            SpawnAnswer::Spawned(spawned) => spawned[0],
            other => panic!("{other:?}"),
        }
    };
    let first = spawn();
    world.end(complete(world.claim(1)[0])).unwrap();
    assert_eq!(spawn(), Spawned { created: false, ..first });
    world.purge(completed(0, 10)).unwrap();
    assert!(spawn().created);
}
