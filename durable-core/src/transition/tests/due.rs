//! What is due, in the order of its time.

use super::*;
use crate::model::{CancelCause, EndState, Failure};

/// A task that backs off until then.
fn backing_off(until: Timestamp) -> TaskRecord {
    let state = State::Sleeping(Why::Retry);
    TaskRecord { state, available_at: Some(until), expires_at: None, ..running() }
}

fn ids<const N: usize>(tasks: [&TaskRecord; N]) -> [TaskId; N] {
    tasks.map(|task| task.id)
}

#[test]
fn c5_an_expired_run_costs_an_attempt_and_is_pending_at_once() {
    let task = running();
    let mut records = records(at(130), [task.clone()]);
    let done = records.do_due(&[task.id], 10);
    let next = now_is(&records, &task);
    assert_eq!((next.state, next.attempt, next.available_at), (State::Pending, 2, Some(at(100))));
    assert_eq!((next.expires_at, next.closed), (None, None));
    let [run] = *failed_runs(&records) else { panic!("one run") };
    let worker = task.worker.clone().unwrap();
    assert_eq!(run.failure, Failure::ClaimTimeout { worker, at: at(100) });
    assert_eq!((run.attempt, run.ended_at), (1, at(100)));
    let [expired] = &*done.expired else { panic!("one run") };
    assert_eq!((expired.task, expired.attempt, expired.at), (task.id, 1, at(100)));
    assert_eq!((done.things, records.has_ready()), (1, true));
}

#[test]
fn c5_an_expired_run_of_the_last_attempt_fails_the_task() {
    let task = TaskRecord { attempt: 2, ..running() };
    let mut records = records(at(130), [task.clone()]);
    assert_eq!(records.do_due(&[task.id], 10).expired.len(), 1);
    let ended = now_is(&records, &task);
    let failure = Failure::ClaimTimeout { worker: task.worker.clone().unwrap(), at: at(100) };
    assert_eq!((ended.state, ended.end), (State::Ended(EndState::Failed), Some(End::Failed(failure))));
    assert_eq!((ended.attempt, failed_runs(&records).len()), (2, 1));
}

#[test]
fn c5_a_lease_holds_until_its_last_millisecond() {
    let task = running();
    let mut records = records(at(99), [task.clone()]);
    assert_eq!(records.do_due(&[task.id], 10).things, 0);
    assert_untouched(&records);
}

#[test]
fn c6_a_task_that_cannot_be_decoded_fails_alone() {
    let flawed = TaskRecord { flaw: Some("state"), ..running() };
    let sound = backing_off(at(5));
    let mut records = records(at(10), [flawed.clone(), sound.clone()]);
    let done = records.do_due(&ids([&flawed, &sound]), 10);
    let failure = Failure::Corrupt { what: "state".into() };
    assert_eq!(now_is(&records, &flawed).end, Some(End::Failed(failure)));
    assert_eq!(now_is(&records, &sound).state, State::Pending);
    assert_eq!((done.started, done.things), (1, 2));
}

#[test]
fn t4_a_task_that_never_started_is_cancelled_by_its_pending_limit() {
    let (state, limit_from) = (State::Pending, at(20));
    let new = TaskRecord { state, limit_from, first_started_at: None, expires_at: None, ..running() };
    let task = TaskRecord { max_pending: Some(millis(30)), max_running: Some(millis(5)), ..new };
    assert_eq!(task.due(), Some(at(50)));
    assert_eq!(records(at(49), [task.clone()]).do_due(&[task.id], 10).limited, 0);
    let mut records = records(at(50), [task.clone()]);
    assert_eq!(records.do_due(&[task.id], 10).limited, 1);
    assert_eq!(now_is(&records, &task).end, Some(End::Cancelled(CancelCause::MaxPendingTime)));
}

#[test]
fn t4_the_running_limit_counts_from_the_first_start_whatever_the_task_does() {
    let limits = |task: TaskRecord| TaskRecord {
        max_pending: Some(millis(5)),
        max_running: Some(millis(50)),
        first_started_at: Some(at(10)),
        ..task
    };
    let pending = TaskRecord { state: State::Pending, expires_at: None, ..running() };
    for task in [running(), backing_off(at(500)), resting(1, None), pending].map(limits) {
        assert_eq!(task.due(), Some(at(60)));
        let mut records = records(at(60), [task.clone()]);
        assert_eq!(records.do_due(&[task.id], 10).limited, 1);
        assert_eq!(now_is(&records, &task).end, Some(End::Cancelled(CancelCause::MaxRunningTime)));
    }
}

#[test]
fn t4_at_the_same_moment_a_limit_comes_before_everything_else() {
    let limited = TaskRecord { max_running: Some(millis(100)), ..running() };
    let mut alone = records(at(100), [limited.clone()]);
    let done = alone.do_due(&[limited.id], 10);
    assert_eq!((done.limited, done.expired.len(), done.things), (1, 0, 1));
    let other = running();
    let mut both = records(at(100), [other.clone(), limited.clone()]);
    assert_eq!(both.do_due(&ids([&other, &limited]), 1).limited, 1);
    assert_eq!(now_is(&both, &other).state, State::Running);
}

#[test]
fn t4_what_was_due_before_the_limit_has_happened_before_it() {
    let task = TaskRecord { max_running: Some(millis(120)), ..running() };
    let mut records = records(at(200), [task.clone()]);
    let done = records.do_due(&[task.id], 10);
    assert_eq!((done.expired.len(), done.limited, done.things), (1, 1, 2));
    let ended = now_is(&records, &task);
    assert_eq!((ended.state, ended.attempt), (State::Ended(EndState::Cancelled), 2));
}

#[test]
fn t4_a_limit_waits_for_its_time_although_a_wait_of_the_task_has_ended_before() {
    let parent = TaskRecord { max_running: Some(millis(60)), ..resting(1, Some(at(10))) };
    let child = |join_key: &str, limit| TaskRecord {
        state: State::Pending,
        parent: Some(Parent { id: parent.id, join_key: key(join_key) }),
        max_pending: Some(millis(limit)),
        first_started_at: None,
        expires_at: None,
        ..child_of(&parent)
    };
    let (first, second) = (child("first", 10), child("second", 30));
    let mut records = records(at(100), [parent.clone(), first.clone(), second.clone()]);
    let wait = rested(&parent, WaitSource::Child(first.id), Some(at(10)));
    records.add_slot((parent.id, key("first")), Slot::Standing(wait));
    assert_eq!(records.do_due(&ids([&parent, &first, &second]), 10).limited, 3);
    let of_second = ends(&records, parent.id).into_iter().any(|(key, ..)| key == "second");
    assert!(of_second, "the parent was live until 60, and the child ended at 30");
}

#[test]
fn u1_the_earliest_comes_first_and_no_more_than_asked_for() {
    let (late, early) = (backing_off(at(9)), backing_off(at(3)));
    let mut records = records(at(10), [late.clone(), early.clone()]);
    let done = records.do_due(&ids([&late, &early]), 1);
    assert_eq!((done.started, done.things), (1, 1));
    assert_eq!(now_is(&records, &early).state, State::Pending);
    assert_eq!(now_is(&records, &early).available_at, Some(at(3)));
    assert_eq!(now_is(&records, &late).state, State::Sleeping(Why::Retry));
}

#[test]
fn w3_deadlines_end_in_their_order_until_the_need_is_met() {
    let task = resting(2, Some(at(3)));
    let mut records = records(at(10), [task.clone()]);
    for (text, deadline) in [("a", at(9)), ("b", at(5)), ("c", at(3)), ("d", at(11))] {
        let wait = rested(&task, WaitSource::Time, Some(deadline));
        records.add_slot((task.id, key(text)), Slot::Standing(wait));
    }
    let done = records.do_due(&[task.id], 10);
    let timeout = End::Timeout;
    assert_eq!(ends(&records, task.id), [("c", &timeout, at(3)), ("b", &timeout, at(5))]);
    assert_eq!((done.woken, now_is(&records, &task).state), (2, State::Pending));
    assert_eq!(records.stale_rests().count(), 0);
}

#[test]
fn w3_only_deadlines_that_a_task_rests_on_are_worked_off() {
    let task = resting(1, Some(at(5)));
    let mut records = records(at(10), [task.clone()]);
    for (text, rests) in [("past", Some(task.claims - 1)), ("present", Some(task.claims)), ("none", None)] {
        let wait = Wait { rests, ..rested(&task, WaitSource::Time, Some(at(5))) };
        records.add_slot((task.id, key(text)), Slot::Standing(wait));
    }
    assert_eq!(records.do_due(&[task.id], 10).woken, 1);
    assert_eq!(ends(&records, task.id), [("present", &End::Timeout, at(5))]);
}

#[test]
fn w3_an_event_that_another_is_writing_leaves_its_waits_for_later() {
    let task = resting(1, Some(at(5)));
    let wait = Slot::Standing(rested(&task, WaitSource::Event(paid()), Some(at(5))));
    let mut loud = records(at(10), [task.clone()]);
    loud.add_slot((task.id, key("event")), wait.clone());
    assert_eq!(loud.do_due(&[task.id], 10).things, 0);
    assert_untouched(&loud);
    let mut quiet = records(at(10), [task.clone()]);
    quiet.add_slot((task.id, key("event")), wait);
    quiet.add_event(EventRecord::unwritten(paid()));
    assert_eq!(quiet.do_due(&[task.id], 10).woken, 1);
    assert_eq!(ends(&quiet, task.id), [("event", &End::Timeout, at(5))]);
}

#[test]
fn e2_a_wait_that_an_emit_has_missed_gets_its_value_when_its_time_comes() {
    let task = resting(1, Some(at(25)));
    let mut records = records(at(30), [task.clone()]);
    let wait = rested(&task, WaitSource::Event(paid()), Some(at(25)));
    records.add_slot((task.id, key("event")), Slot::Standing(wait));
    records.add_event(EventRecord { first_unreached: Some(at(20)), ..written(at(20), "7") });
    assert_eq!(records.do_due(&[task.id], 10).woken, 1);
    assert_eq!(ends(&records, task.id), [("event", &value("7"), at(20))]);
}

#[test]
fn t1_what_would_end_waits_while_another_holds_the_parent() {
    let parent = running();
    let last = TaskRecord { attempt: 2, ..child_of(&parent) };
    let limited = TaskRecord { max_running: Some(millis(50)), ..child_of(&parent) };
    let flawed = TaskRecord { flaw: Some("state"), ..child_of(&parent) };
    let next = child_of(&parent);
    let mut records = records(at(100), [&last, &limited, &flawed, &next].map(Clone::clone));
    records.add_held_task(parent);
    let done = records.do_due(&ids([&last, &limited, &flawed, &next]), 10);
    assert_eq!((done.things, done.expired.len()), (1, 1));
    assert_eq!(records.changed_tasks().map(|task| task.id).collect::<Vec<_>>(), [next.id]);
    assert_eq!(now_is(&records, &next).state, State::Pending);
}

#[test]
fn t1_a_task_whose_parent_is_gone_ends_all_the_same() {
    let orphan = TaskRecord { attempt: 2, ..child_of(&running()) };
    let mut records = records(at(100), [orphan.clone()]);
    assert_eq!(records.do_due(&[orphan.id], 10).things, 1);
    assert!(!now_is(&records, &orphan).is_live());
}
