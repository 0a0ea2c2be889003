//! Checkpoints with their effects, and leases.

use super::*;
use crate::model::{CheckpointKind, ParentClosePolicy, TaskName};
use crate::store::{Effect, ExtendItem, FencedError, NewTask, ParentLink, QueueState, SaveAnswer, SaveItem};
use crate::transition::StoredEnd;

fn step(token: Token, payload: &str) -> SaveItem {
    let payload = json(payload);
    let kind = CheckpointKind::Step;
    SaveItem { token, key: key("step"), kind, payload, took: millis(3), effect: Effect::None }
}

fn new_child() -> NewTask {
    let parent = ParentLink { join_key: key("join"), on_close: ParentClosePolicy::Cancel };
    let task = NewTask::new(TaskId::new(), TaskName::new("child").unwrap(), json("null"));
    NewTask { parent: Some(parent), ..task }
}

fn spawning(token: Token, children: Vec<NewTask>) -> SaveItem {
    SaveItem { kind: CheckpointKind::Spawn, effect: Effect::Spawn(children), ..step(token, "1") }
}

#[test]
fn p1_the_first_write_wins() {
    let task = running();
    let mut records = records(at(10), [task.clone()]);
    let stored = SaveAnswer::Stored { expires_at: at(110) };
    assert_eq!(records.save(QueueState::Open, &step(token(&task), "1")).unwrap(), stored);
    assert_eq!(records.save(QueueState::Open, &step(token(&task), "1")).unwrap(), stored);
    let other = records.save(QueueState::Open, &step(token(&task), "2")).unwrap();
    assert_eq!(other, SaveAnswer::Conflict { stored: value("1") });
    let [checkpoint] = *checkpoints(&records, task.id) else { panic!("one checkpoint") };
    assert_eq!((checkpoint.started_at, checkpoint.ended_at), (at(7), at(10)));
    assert_eq!(checkpoint.worker, task.worker);
    assert_eq!(now_is(&records, &task).checkpoints, 1);
}

#[test]
fn p1_what_a_wait_or_another_run_has_stored_is_kept_as_well() {
    let task = running();
    let mut records = records(at(10), [task.clone()]);
    records.add_slot((task.id, key("step")), Slot::Ended(StoredEnd { end: Ok(End::Timeout), at: at(5) }));
    let answer = records.save(QueueState::Open, &step(token(&task), "1")).unwrap();
    assert_eq!(answer, SaveAnswer::Conflict { stored: End::Timeout });
    assert_untouched(&records);
}

#[test]
fn c6_a_stored_end_that_cannot_be_decoded_is_a_fault_of_its_item() {
    let task = running();
    let mut records = records(at(10), [task.clone()]);
    records.add_slot((task.id, key("step")), Slot::Ended(StoredEnd { end: Err("end_kind"), at: at(5) }));
    let answer = records.save(QueueState::Open, &step(token(&task), "1"));
    assert!(matches!(answer, Err(FencedError::Fault(_))));
    assert_untouched(&records);
}

#[test]
fn c4_nothing_shortens_a_lease() {
    let task = TaskRecord { expires_at: Some(at(500)), ..running() };
    let mut records = records(at(10), [task.clone()]);
    let shorter = ExtendItem { token: token(&task), lease: Lease::stored(20).unwrap() };
    assert_eq!(records.extend(&shorter).unwrap(), at(500));
    let longer = ExtendItem { lease: Lease::stored(800).unwrap(), ..shorter };
    assert_eq!(records.extend(&longer).unwrap(), at(810));
    let stored = records.save(QueueState::Open, &step(token(&task), "1")).unwrap();
    assert_eq!(stored, SaveAnswer::Stored { expires_at: at(810) });
    assert_eq!(now_is(&records, &task).due(), Some(at(810)));
}

#[test]
fn c3_what_is_not_held_stores_and_extends_nothing() {
    let task = running();
    let mut late = records(at(100), [task.clone()]);
    assert!(matches!(late.save(QueueState::Open, &step(token(&task), "1")), Err(FencedError::ClaimLost)));
    let item = ExtendItem { token: token(&task), lease: Lease::stored(20).unwrap() };
    assert!(matches!(late.extend(&item), Err(FencedError::ClaimLost)));
    assert_untouched(&late);
}

#[test]
fn c8_a_refused_item_undoes_no_other() {
    let (held, lost) = (running(), running());
    let mut records = records(at(10), [held.clone(), lost.clone()]);
    let forged = Token { call: CallId::new(), ..token(&lost) };
    assert!(records.save(QueueState::Open, &step(token(&held), "1")).is_ok());
    assert!(records.save(QueueState::Open, &step(forged, "1")).is_err());
    assert_eq!(records.changed_tasks().map(|task| task.id).collect::<Vec<_>>(), [held.id]);
    assert_eq!(records.history().len(), 1);
}

#[test]
fn s1_children_come_with_the_checkpoint_that_spawns_them_and_only_once() {
    let task = TaskRecord { depth: 2, ..running() };
    let item = spawning(token(&task), vec![new_child(), new_child()]);
    let mut records = records(at(10), [task.clone()]);
    for _ in 0..2 {
        assert!(matches!(records.save(QueueState::Paused, &item), Ok(SaveAnswer::Stored { .. })));
    }
    let spawned: Vec<_> = records.spawned().iter().map(|child| (child.parent, child.depth)).collect();
    assert_eq!(spawned, [(task.id, 3), (task.id, 3)]);
    assert!(records.has_ready());
}

#[test]
fn c2_a_sealed_queue_takes_no_children() {
    let task = running();
    let mut records = records(at(10), [task.clone()]);
    let item = spawning(token(&task), vec![new_child()]);
    assert_eq!(records.save(QueueState::Sealed, &item).unwrap(), SaveAnswer::QueueClosed);
    assert_untouched(&records);
    assert!(records.save(QueueState::Sealed, &step(token(&task), "1")).is_ok());
}

#[test]
fn s1_a_child_without_a_join_key_is_invalid() {
    let task = running();
    let mut records = records(at(10), [task.clone()]);
    let orphan = NewTask { parent: None, ..new_child() };
    let answer = records.save(QueueState::Open, &spawning(token(&task), vec![orphan]));
    assert!(matches!(answer, Err(FencedError::Fault(_))));
    assert_untouched(&records);
}

#[test]
fn e2_an_emit_that_comes_with_a_checkpoint_wakes_its_waiters() {
    let (emitter, waiter) = (running(), resting(1, None));
    let mut records = records(at(10), [emitter.clone(), waiter.clone()]);
    records.add_event(EventRecord::unwritten(paid()));
    stand(&mut records, waiter.id, "event", rested(&waiter, WaitSource::Event(paid()), None));
    let emit = SaveItem { effect: Effect::Emit(write("7")), ..step(token(&emitter), "null") };
    assert!(records.save(QueueState::Open, &emit).is_ok());
    assert_eq!(ends(&records, waiter.id), [("event", &value("7"), at(10))]);
    assert_eq!(now_is(&records, &waiter).state, State::Pending);
}

#[test]
fn e1_an_emit_that_comes_with_a_checkpoint_replaces_the_payload_once() {
    let task = running();
    let mut records = records(at(10), [task.clone()]);
    records.add_event(written(at(5), "1"));
    for payload in ["2", "3"] {
        let emit = SaveItem { effect: Effect::Emit(write(payload)), ..step(token(&task), "null") };
        assert!(records.save(QueueState::Open, &emit).is_ok());
    }
    let [event] = *records.changed_events().collect::<Vec<_>>() else { panic!("one event") };
    assert_eq!(event.written.as_ref().unwrap().payload, json("2"));
}
