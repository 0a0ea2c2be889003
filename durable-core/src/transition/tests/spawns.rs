//! New tasks, all or none.

use super::*;
use crate::model::{IdempotencyKey, TaskName};
use crate::store::{Idempotency, NewTask, QueueState, SpawnAnswer, Spawned};
use crate::transition::{Existing, decide_spawn};

fn new() -> NewTask {
    NewTask::new(TaskId::new(), TaskName::new("task").unwrap(), json("null"))
}

fn own(fingerprint: &str) -> Idempotency {
    Idempotency { key: IdempotencyKey::new("order-1").unwrap(), fingerprint: fingerprint.to_owned() }
}

fn keyed(fingerprint: &str) -> NewTask {
    NewTask { idempotency: Some(own(fingerprint)), ..new() }
}

fn spawned(tasks: &[(TaskId, bool)]) -> SpawnAnswer {
    SpawnAnswer::Spawned(
        tasks.iter().map(|(task, created)| Spawned { task: *task, created: *created }).collect(),
    )
}

#[test]
fn s1_the_same_id_is_the_same_task() {
    let (old, new) = (new(), new());
    let existing = [Existing { id: old.id, idempotency: None }];
    let answer = decide_spawn(&[old.clone(), new.clone(), new.clone()], &existing, QueueState::Open);
    assert_eq!(answer, spawned(&[(old.id, false), (new.id, true), (new.id, false)]));
}

#[test]
fn s1_the_same_key_with_the_same_params_is_the_first_task() {
    let (first, second, third) = (TaskId::new(), keyed("a"), keyed("a"));
    let existing = [Existing { id: first, idempotency: Some(own("a")) }];
    let answer = decide_spawn(std::slice::from_ref(&second), &existing, QueueState::Open);
    assert_eq!(answer, spawned(&[(first, false)]));
    let within = decide_spawn(&[second.clone(), third], &[], QueueState::Open);
    assert_eq!(within, spawned(&[(second.id, true), (second.id, false)]));
}

#[test]
fn s3_a_key_with_other_params_refuses_the_whole_batch() {
    let first = TaskId::new();
    let existing = [Existing { id: first, idempotency: Some(own("a")) }];
    let answer = decide_spawn(&[new(), keyed("b")], &existing, QueueState::Open);
    assert_eq!(answer, SpawnAnswer::Conflict { index: 1, existing: first });
}

#[test]
fn c7_a_sealed_queue_refuses_what_is_new_and_knows_what_is_there() {
    let old = new();
    let existing = [Existing { id: old.id, idempotency: None }];
    let repeat = decide_spawn(std::slice::from_ref(&old), &existing, QueueState::Sealed);
    assert_eq!(repeat, spawned(&[(old.id, false)]));
    assert_eq!(decide_spawn(&[old, new()], &existing, QueueState::Sealed), SpawnAnswer::QueueClosed);
}
