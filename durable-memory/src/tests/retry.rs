//! Retrying from a checkpoint on (rule T5), and spawning in batches (rules S1 and S3).

use durable_core::model::{IdempotencyKey, ParentClosePolicy, StepKey, Token};
use durable_core::store::{
    Checkpoints, Effect, HistoryEntry, Idempotency, LoadRequest, NewTask, RetryAfter, RetryAnswer,
    RetryRequest, SpawnAnswer, Spawned, StoreError, StoreErrorKind, Tasks,
};

use super::world::{World, complete, fail, key, now, q};

fn retry(world: &World, token: Token, from: &str) -> Result<RetryAnswer, StoreError> {
    now(world.store.retry(RetryRequest::new(q(), token.task, 1, Some(key(from)))))
}

/// The keys that a run loads, one to a page.
fn loaded(world: &World, token: Token) -> Vec<StepKey> {
    let (mut keys, mut after, mut more) = (vec![], 0, true);
    while more {
        let page = now(world.store.load(LoadRequest::new(q(), token, after, 1))).unwrap();
        after = page.checkpoints[0].order;
        more = page.more;
        keys.extend(page.checkpoints.into_iter().map(|checkpoint| checkpoint.key));
    }
    keys
}

#[test]
fn t5_what_its_own_runs_stored_from_a_key_on_is_set_aside_and_ends_of_children_stay() {
    let world = World::new();
    let token = world.running();
    let child = world.child(ParentClosePolicy::Abandon);
    let join = child.parent.clone().unwrap().join_key;
    world.save(token, "a", Effect::None).unwrap();
    world.save(token, "b", Effect::Spawn(vec![child])).unwrap();
    world.end(complete(world.claim(1)[0])).unwrap();
    world.save(token, "c", Effect::None).unwrap();
    world.end(fail(token, RetryAfter::Never)).unwrap();
    assert_eq!(retry(&world, token, "b").unwrap(), RetryAnswer::Reopened);

    let again = world.claim(1)[0];
    assert_eq!(loaded(&world, again), [key("a"), join.clone()]);
    world.save(again, "b", Effect::None).unwrap();
    assert_eq!(loaded(&world, again), [key("a"), join, key("b")]);
    let aside = |entry: &HistoryEntry| matches!(entry, HistoryEntry::Checkpoint { aside: true, .. });
    let history: Vec<bool> = world.history(token.task).iter().map(aside).collect();
    assert_eq!(history, [false, true, false, true, false, false]);
}

#[test]
fn t5_a_key_that_is_not_loaded_is_no_place_to_start_from() {
    let world = World::new();
    let token = world.running();
    world.save(token, "a", Effect::None).unwrap();
    world.end(fail(token, RetryAfter::Never)).unwrap();
    assert_eq!(retry(&world, token, "x").unwrap_err().kind, StoreErrorKind::Invalid);
    retry(&world, token, "a").unwrap();
    world.end(fail(world.claim(1)[0], RetryAfter::Never)).unwrap();
    assert_eq!(retry(&world, token, "a").unwrap_err().kind, StoreErrorKind::Invalid, "it was set aside");
}

fn with_key(world: &World, fingerprint: &str) -> NewTask {
    let mut task = world.new_task();
    let key = IdempotencyKey::new("k").unwrap();
    task.idempotency = Some(Idempotency { key, fingerprint: fingerprint.into() });
    task
}

#[test]
fn s1_within_a_batch_the_first_task_counts() {
    let world = World::new();
    let (first, second) = (with_key(&world, "f"), with_key(&world, "f"));
    let spawned = |created| Spawned { task: first.id, created };
    let answer = world.spawn_these(vec![first.clone(), second, first.clone()]);
    assert_eq!(answer, SpawnAnswer::Spawned(vec![spawned(true), spawned(false), spawned(false)]));
    let plain = world.new_task();
    let answer = world.spawn_these(vec![plain.clone(), plain.clone()]);
    let spawned = |created| Spawned { task: plain.id, created };
    assert_eq!(answer, SpawnAnswer::Spawned(vec![spawned(true), spawned(false)]));
}

#[test]
fn s3_a_conflict_anywhere_in_a_batch_spawns_nothing() {
    let world = World::new();
    let (first, second) = (with_key(&world, "f"), with_key(&world, "g"));
    let answer = world.spawn_these(vec![world.new_task(), first.clone(), second]);
    assert_eq!(answer, SpawnAnswer::Conflict { index: 2, existing: first.id });
    assert!(world.claim(10).is_empty());
}
