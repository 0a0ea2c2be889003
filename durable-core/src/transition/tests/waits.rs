//! Waits: how one is registered, what it ends with, and what a task rests on.

use super::*;
use crate::model::{CheckpointKind, Deadline, EndState};
use crate::store::{FencedError, MetWait, NewWait, Rest, StoreErrorKind, WaitAnswer, WaitItem};
use crate::transition::{ChildRecord, Closed, StoredEnd};

fn new(text: &str, source: WaitSource, deadline: Option<Deadline>) -> NewWait {
    NewWait { key: key(text), source, deadline }
}

fn event(text: &str) -> NewWait {
    new(text, WaitSource::Event(paid()), None)
}

fn timer(text: &str, after: u32) -> NewWait {
    new(text, WaitSource::Time, Some(Deadline::After(millis(after))))
}

fn item(task: &TaskRecord, waits: Vec<NewWait>) -> WaitItem {
    WaitItem { token: token(task), waits, rest: None }
}

/// An item that rests on so many of its waits.
fn rest(task: &TaskRecord, waits: Vec<NewWait>, need: u32) -> WaitItem {
    let keys = waits.iter().map(|wait| wait.key.clone()).collect();
    WaitItem { token: token(task), waits, rest: Some(Rest { keys, need }) }
}

fn met(text: &str, end: End, time: Timestamp) -> MetWait {
    MetWait { key: key(text), end, at: time }
}

/// The deadlines to write, by key.
fn deadlines(records: &Records) -> Vec<(&str, Option<Timestamp>)> {
    records.changed_waits().map(|(_, key, wait)| (key.as_str(), wait.deadline)).collect()
}

fn kind_of_fault(answer: Result<WaitAnswer, FencedError>) -> StoreErrorKind {
    match answer {
        Err(FencedError::Fault(fault)) => fault.kind,
        other => panic!("a fault, not {other:?}"),
    }
}

#[test]
fn w1_a_deadline_is_fixed_at_the_first_registration() {
    let task = running();
    let mut first = records(at(10), [task.clone()]);
    assert_eq!(first.wait(&item(&task, vec![timer("sleep", 50)])).unwrap(), WaitAnswer::Registered);
    assert_eq!(deadlines(&first), [("sleep", Some(at(60)))]);
    let mut again = records(at(30), [task.clone()]);
    let stored = Wait { rests: None, ..rested(&task, WaitSource::Time, Some(at(60))) };
    again.add_slot((task.id, key("sleep")), Slot::Standing(stored));
    assert_eq!(again.wait(&item(&task, vec![timer("sleep", 50)])).unwrap(), WaitAnswer::Registered);
    assert_untouched(&again);
}

#[test]
fn k2_a_deadline_counts_from_the_next_whole_millisecond() {
    let task = running();
    let mut records = Records::new(Verb::Wait, Now::rounded_down(at(10)));
    records.add_task(task.clone());
    records.wait(&item(&task, vec![timer("sleep", 50)])).unwrap();
    assert_eq!(deadlines(&records), [("sleep", Some(at(61)))]);
}

#[test]
fn w1_an_event_that_exists_ends_a_wait_at_once_even_one_for_no_time() {
    let task = running();
    let mut records = records(at(10), [task.clone()]);
    records.add_event(written(at(5), "7"));
    let poll = new("event", WaitSource::Event(paid()), Some(Deadline::At(at(0))));
    let answer = records.wait(&item(&task, vec![poll])).unwrap();
    assert_eq!(answer, WaitAnswer::Met(vec![met("event", value("7"), at(5))]));
    assert_eq!(records.changed_waits().count() + records.removed_waits().count(), 0);
}

#[test]
fn w1_a_wait_for_no_time_ends_at_once_as_a_timeout() {
    let task = running();
    let mut records = records(at(10), [task.clone()]);
    records.add_event(EventRecord::unwritten(paid()));
    let poll = new("event", WaitSource::Event(paid()), Some(Deadline::After(millis(0))));
    let answer = records.wait(&rest(&task, vec![poll], 1)).unwrap();
    assert_eq!(answer, WaitAnswer::Met(vec![met("event", End::Timeout, at(10))]));
    assert_eq!(now_is(&records, &task).state, State::Running);
}

#[test]
fn w1_a_wait_ends_also_while_its_task_runs() {
    let task = running();
    let mut records = records(at(60), [task.clone()]);
    let wait = Wait { rests: None, ..rested(&task, WaitSource::Time, Some(at(50))) };
    records.add_slot((task.id, key("sleep")), Slot::Standing(wait));
    let answer = records.wait(&item(&task, vec![timer("sleep", 50)])).unwrap();
    assert_eq!(answer, WaitAnswer::Met(vec![met("sleep", End::Timeout, at(50))]));
    assert_eq!(removed(&records), [(task.id, key("sleep"))]);
    let [stored] = *checkpoints(&records, task.id) else { panic!("one checkpoint") };
    assert_eq!((stored.kind, stored.started_at), (CheckpointKind::Timer, at(0)));
}

#[test]
fn w1_a_timer_without_a_deadline_is_invalid() {
    let task = running();
    let mut records = records(at(10), [task.clone()]);
    let answer = records.wait(&item(&task, vec![event("event"), new("sleep", WaitSource::Time, None)]));
    assert_eq!(kind_of_fault(answer), StoreErrorKind::Invalid);
    assert_untouched(&records);
}

#[test]
fn t1_a_child_that_has_ended_is_joined_at_once() {
    let task = running();
    let child = TaskId::new();
    let mut records = records(at(10), [task.clone()]);
    let parent = Some(Parent { id: task.id, join_key: key("join") });
    let ended = ChildRecord { parent, spawned_at: at(1), end: Some((value("1"), at(8))) };
    records.add_child(child, ended);
    let answer = records.wait(&rest(&task, vec![new("join", WaitSource::Child(child), None)], 1)).unwrap();
    assert_eq!(answer, WaitAnswer::Met(vec![met("join", value("1"), at(8))]));
}

#[test]
fn t1_nobody_joins_a_child_that_is_not_his_under_this_key() {
    let task = running();
    let child = TaskId::new();
    let parents = [
        None,
        Some(Parent { id: TaskId::new(), join_key: key("join") }),
        Some(Parent { id: task.id, join_key: key("other") }),
    ];
    for parent in parents {
        let mut records = records(at(10), [task.clone()]);
        records.add_child(child, ChildRecord { parent, spawned_at: at(1), end: None });
        let answer = records.wait(&item(&task, vec![new("join", WaitSource::Child(child), None)]));
        assert_eq!(kind_of_fault(answer), StoreErrorKind::NotFound);
        assert_untouched(&records);
    }
}

#[test]
fn w2_at_its_deadline_a_wait_is_a_timeout_even_if_the_event_comes_before_anybody_looks() {
    for (now, end, time) in
        [(at(49), value("7"), at(49)), (at(50), End::Timeout, at(50)), (at(70), End::Timeout, at(50))]
    {
        let task = resting(1, Some(at(50)));
        let mut records = records(now, [task.clone()]);
        records.add_event(EventRecord::unwritten(paid()));
        stand(&mut records, task.id, "event", rested(&task, WaitSource::Event(paid()), Some(at(50))));
        records.emit(&write("7"), false);
        assert_eq!(ends(&records, task.id), [("event", &end, time)]);
        assert_eq!(now_is(&records, &task).state, State::Pending);
    }
}

#[test]
fn w2_null_is_a_value() {
    let task = running();
    let mut records = records(at(10), [task.clone()]);
    records.add_event(written(at(5), "null"));
    let answer = records.wait(&item(&task, vec![event("event")])).unwrap();
    assert_eq!(answer, WaitAnswer::Met(vec![met("event", value("null"), at(5))]));
}

#[test]
fn w2_a_wait_ends_once() {
    let task = running();
    let mut records = records(at(60), [task.clone()]);
    records.add_event(written(at(55), "7"));
    let stored = StoredEnd { end: Ok(End::Timeout), at: at(50) };
    records.add_slot((task.id, key("event")), Slot::Ended(stored));
    let answer = records.wait(&item(&task, vec![event("event")])).unwrap();
    assert_eq!(answer, WaitAnswer::Met(vec![met("event", End::Timeout, at(50))]));
    assert_untouched(&records);
}

#[test]
fn w3_a_rest_that_is_met_already_keeps_the_claim() {
    let task = running();
    let mut records = records(at(10), [task.clone()]);
    records.add_event(written(at(5), "7"));
    let answer = records.wait(&rest(&task, vec![event("event"), timer("sleep", 50)], 1)).unwrap();
    assert_eq!(answer, WaitAnswer::Met(vec![met("event", value("7"), at(5))]));
    let task = now_is(&records, &task);
    assert_eq!((task.state, task.closed, task.expires_at), (State::Running, None, Some(at(100))));
    assert_eq!(deadlines(&records), [("sleep", Some(at(60)))]);
}

#[test]
fn w3_a_task_rests_on_what_is_left_of_its_need() {
    let task = running();
    let mut records = records(at(10), [task.clone()]);
    records.add_event(written(at(5), "7"));
    let waits = vec![event("event"), timer("late", 50), timer("early", 30)];
    assert_eq!(records.wait(&rest(&task, waits, 3)).unwrap(), WaitAnswer::Suspended);
    let task = now_is(&records, &task);
    assert_eq!((task.need, task.rest_due, task.due()), (Some(2), Some(at(40)), Some(at(40))));
    assert!(records.changed_waits().all(|(.., wait)| wait.rests == Some(task.claims)));
}

#[test]
fn w3_a_rest_that_could_never_be_met_is_invalid() {
    let task = running();
    let unknown = Rest { keys: vec![key("sleep"), key("unknown")], need: 1 };
    let unknown = WaitItem { rest: Some(unknown), ..item(&task, vec![timer("sleep", 5)]) };
    let twice = Rest { keys: vec![key("sleep"), key("sleep")], need: 2 };
    let twice = WaitItem { rest: Some(twice), ..item(&task, vec![timer("sleep", 5)]) };
    for rest in
        [rest(&task, vec![timer("sleep", 5)], 0), rest(&task, vec![timer("sleep", 5)], 2), unknown, twice]
    {
        let mut records = records(at(10), [task.clone()]);
        assert_eq!(kind_of_fault(records.wait(&rest)), StoreErrorKind::Invalid);
        assert_untouched(&records);
    }
}

#[test]
fn w3_only_what_a_task_rests_on_makes_it_pending() {
    let task = resting(1, None);
    let others = [None, Some(task.claims - 1)];
    for rests in others {
        let mut records = records(at(10), [task.clone()]);
        records.add_event(EventRecord::unwritten(paid()));
        let wait = Wait { rests, ..rested(&task, WaitSource::Event(paid()), None) };
        stand(&mut records, task.id, "event", wait);
        records.emit(&write("7"), false);
        assert_eq!(ends(&records, task.id), [("event", &value("7"), at(10))]);
        assert!(now_is(&records, &task).is_resting() && !records.has_ready());
    }
}

#[test]
fn w3_the_last_of_the_needed_waits_makes_the_task_pending() {
    let task = resting(2, None);
    let mut records = records(at(10), [task.clone()]);
    records.add_event(EventRecord::unwritten(paid()));
    for text in ["a", "b"] {
        assert!(now_is(&records, &task).is_resting());
        stand(&mut records, task.id, text, rested(&task, WaitSource::Event(paid()), None));
        records.emit(&write("7"), false);
    }
    let task = now_is(&records, &task);
    assert_eq!((task.state, task.need), (State::Pending, None));
    assert_eq!((task.available_at, task.attempt), (Some(at(10)), 1));
}

#[test]
fn w3_a_task_that_loses_its_earliest_deadline_looks_for_the_next() {
    let task = resting(2, Some(at(50)));
    let deadlines = [(Some(at(50)), 1), (Some(at(80)), 0), (None, 0)];
    for (deadline, stale) in deadlines {
        let mut records = records(at(10), [task.clone()]);
        records.add_event(EventRecord::unwritten(paid()));
        stand(&mut records, task.id, "event", rested(&task, WaitSource::Event(paid()), deadline));
        records.emit(&write("7"), false);
        assert_eq!(records.stale_rests().count(), stale, "{deadline:?}");
    }
}

#[test]
fn w3_a_wake_revives_no_task_that_has_ended() {
    let task = TaskRecord { state: State::Ended(EndState::Cancelled), ..resting(1, None) };
    let mut records = records(at(10), [task.clone()]);
    records.add_event(EventRecord::unwritten(paid()));
    stand(&mut records, task.id, "event", rested(&task, WaitSource::Event(paid()), None));
    records.emit(&write("7"), false);
    assert!(!now_is(&records, &task).is_live());
}

#[test]
fn w4_a_suspended_task_holds_no_lease() {
    let task = running();
    let mut records = records(at(10), [task.clone()]);
    assert_eq!(records.wait(&rest(&task, vec![timer("sleep", 50)], 1)).unwrap(), WaitAnswer::Suspended);
    let rests = now_is(&records, &task);
    assert_eq!((rests.state, rests.expires_at), (State::Sleeping(Why::Rest), None));
    assert_eq!((rests.holder(), rests.closed), (None, Some(Closed::Wait)));
    assert_eq!(rests.claims, task.claims);
}

#[test]
fn c7_a_repeated_rest_is_suspended_again_until_the_task_is_claimed_anew() {
    let task = running();
    let suspend = rest(&task, vec![timer("sleep", 50)], 1);
    let mut first = records(at(10), [task.clone()]);
    first.wait(&suspend).unwrap();
    let woken = TaskRecord { state: State::Pending, need: None, ..now_is(&first, &task) };
    let mut later = records(at(1_000), [woken.clone()]);
    assert_eq!(later.wait(&suspend).unwrap(), WaitAnswer::Suspended);
    assert_untouched(&later);
    let anew = TaskRecord { claims: task.claims + 1, closed: None, ..woken };
    assert!(matches!(records(at(1_000), [anew]).wait(&suspend), Err(FencedError::ClaimLost)));
}

#[test]
fn c3_what_is_not_held_registers_nothing() {
    let task = running();
    let mut late = records(at(100), [task.clone()]);
    assert!(matches!(late.wait(&item(&task, vec![timer("sleep", 5)])), Err(FencedError::ClaimLost)));
    assert_untouched(&late);
}

#[test]
fn w3_an_event_that_nobody_has_read_makes_the_verb_begin_again() {
    let task = running();
    let mut records = records(at(10), [task.clone()]);
    records.wait(&item(&task, vec![event("event")])).unwrap();
    assert!(records.is_stale());
}
