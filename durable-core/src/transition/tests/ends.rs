//! Ends of runs and tasks.

use super::*;
use crate::model::{CancelCause, CheckpointKind, EndState, Failure};
use crate::store::{EndAnswer, Ending, FencedError, RetryAfter, RunEnd};
use crate::transition::{Closed, StoredEnd};

fn complete(token: Token, result: &str) -> RunEnd {
    RunEnd { token, ending: Ending::Complete { result: json(result) } }
}

fn fail(token: Token, retry: RetryAfter) -> RunEnd {
    RunEnd { token, ending: Ending::Fail { failure: json(r#""no""#), retry } }
}

fn release(token: Token, after: u32) -> RunEnd {
    RunEnd { token, ending: Ending::Release { after: millis(after) } }
}

fn retry(after: u32) -> RetryAfter {
    RetryAfter::After(millis(after))
}

#[test]
fn c3_no_token_but_the_newest_ends_a_run() {
    let task = running();
    let newest = token(&task);
    let others = [
        Token { call: CallId::new(), ..newest },
        Token { claim: newest.claim - 1, ..newest },
        Token { claim: newest.claim + 1, ..newest },
        Token { task: TaskId::new(), ..newest },
    ];
    for other in others {
        let mut records = records(at(1), [task.clone()]);
        assert!(matches!(records.end_run(&complete(other, "1")), Err(FencedError::ClaimLost)));
        assert_untouched(&records);
    }
    assert!(records(at(1), [task]).end_run(&complete(newest, "1")).is_ok());
}

#[test]
fn c3_a_claim_is_lost_at_the_moment_when_its_lease_ends() {
    let task = running();
    let end = complete(token(&task), "1");
    assert!(records(at(99), [task.clone()]).end_run(&end).is_ok());
    let mut late = records(at(100), [task]);
    assert!(matches!(late.end_run(&end), Err(FencedError::ClaimLost)));
    assert_untouched(&late);
}

#[test]
fn c3_only_the_token_that_was_newest_is_told_of_the_cancellation() {
    let task = running();
    let mut records = records(at(1), [task.clone()]);
    records.cancel(task.id, CancelCause::ParentClosed);
    let newest = token(&task);
    assert!(matches!(records.end_run(&complete(newest, "1")), Err(FencedError::Cancelled)));
    let older = Token { claim: newest.claim - 1, ..newest };
    assert!(matches!(records.end_run(&complete(older, "1")), Err(FencedError::ClaimLost)));
}

#[test]
fn t3_the_first_end_is_the_one_that_counts() {
    let task = running();
    let mut records = records(at(1), [task.clone()]);
    assert_eq!(records.end_run(&complete(token(&task), "1")).unwrap(), EndAnswer::Completed);
    assert!(matches!(records.end_run(&fail(token(&task), RetryAfter::Never)), Err(FencedError::ClaimLost)));
    let ended = now_is(&records, &task);
    assert_eq!((ended.state, ended.end), (State::Ended(EndState::Completed), Some(value("1"))));
    assert_eq!((ended.expires_at, ended.ended_at), (None, Some(at(1))));
}

#[test]
fn c7_a_repeated_end_gets_its_answer_again_late_and_whatever_its_content() {
    let task = running();
    let own = token(&task);
    let repeats = [
        (complete(own, "1"), complete(own, "2"), EndAnswer::Completed),
        (fail(own, RetryAfter::Never), fail(own, retry(5)), EndAnswer::Failed),
        (fail(own, retry(50)), fail(own, RetryAfter::Never), EndAnswer::Retrying { due: at(60) }),
        (release(own, 50), release(own, 7), EndAnswer::Released { due: at(60) }),
        (release(own, 0), release(own, 7), EndAnswer::Released { due: at(10) }),
    ];
    for (first, repeat, answer) in repeats {
        let mut records_then = records(at(10), [task.clone()]);
        assert_eq!(records_then.end_run(&first).unwrap(), answer);
        let mut later = records(at(1_000), [now_is(&records_then, &task)]);
        assert_eq!(later.end_run(&repeat).unwrap(), answer);
        assert_untouched(&later);
    }
}

#[test]
fn c7_another_way_to_end_a_closed_claim_is_lost() {
    let task = running();
    let mut records = records(at(10), [task.clone()]);
    records.end_run(&release(token(&task), 5)).unwrap();
    for end in [complete(token(&task), "1"), fail(token(&task), retry(5))] {
        assert!(matches!(records.end_run(&end), Err(FencedError::ClaimLost)));
    }
}

#[test]
fn c7_a_repeat_is_lost_once_the_task_is_claimed_again() {
    let task = running();
    let closed = TaskRecord { closed: Some(Closed::Release(at(10))), state: State::Pending, ..task.clone() };
    let again = TaskRecord { claims: task.claims + 1, call: Some(CallId::new()), closed: None, ..running() };
    let again = TaskRecord { id: task.id, ..again };
    assert!(records(at(10), [closed]).end_run(&release(token(&task), 0)).is_ok());
    let lost = records(at(10), [again]).end_run(&release(token(&task), 0));
    assert!(matches!(lost, Err(FencedError::ClaimLost)));
}

#[test]
fn c6_a_task_that_cannot_be_decoded_is_refused_alone() {
    let (flawed, sound) = (running(), running());
    let mut records = records(at(1), [flawed.clone(), sound.clone()]);
    records.add_flaw(flawed.id, "wait");
    assert!(matches!(records.end_run(&complete(token(&flawed), "1")), Err(FencedError::Fault(_))));
    assert_untouched(&records);
    assert!(records.end_run(&complete(token(&sound), "1")).is_ok());
}

#[test]
fn k2_a_delay_starts_with_the_next_whole_millisecond() {
    let task = running();
    let mut records = Records::new(Verb::Claim, Now::rounded_down(at(10)));
    records.add_task(task.clone());
    let answer = records.end_run(&release(token(&task), 5)).unwrap();
    assert_eq!(answer, EndAnswer::Released { due: at(16) });
    assert_eq!(now_is(&records, &task).due(), Some(at(16)));
}

#[test]
fn a_failed_attempt_is_followed_by_the_next_and_keeps_where_it_failed() {
    let task = TaskRecord { last_order: 4, ..running() };
    let mut records = records(at(10), [task.clone()]);
    records.end_run(&fail(token(&task), retry(5))).unwrap();
    let next = now_is(&records, &task);
    assert_eq!((next.state, next.attempt), (State::Sleeping(Why::Retry), 2));
    assert_eq!((next.due(), next.expires_at), (Some(at(15)), None));
    let [run] = *failed_runs(&records) else { panic!("one run") };
    assert_eq!((run.order, run.attempt, run.ended_at), (5, 1, at(10)));
}

#[test]
fn t1_an_end_is_written_to_the_parent_in_the_same_step() {
    let parent = running();
    let child = TaskRecord { spawned_at: at(7), ..child_of(&parent) };
    let mut records = records(at(10), [parent.clone(), child.clone()]);
    assert_eq!(records.join_keys([child.id]), [(parent.id, key("join"))]);
    records.end_run(&complete(token(&child), "1")).unwrap();
    let [stored] = *checkpoints(&records, parent.id) else { panic!("one checkpoint") };
    assert_eq!((stored.key.as_str(), stored.kind), ("join", CheckpointKind::Child));
    assert_eq!((&stored.end, stored.started_at, stored.ended_at), (&value("1"), at(7), at(10)));
    assert_eq!((stored.order, now_is(&records, &parent).checkpoints), (1, 1));
}

type EndChild = fn(&mut Records, &TaskRecord);

#[test]
fn t1_every_way_to_end_reaches_the_parent_and_wakes_it() {
    let parent = resting(1, None);
    let child = child_of(&parent);
    let join = Slot::Standing(rested(&parent, WaitSource::Child(child.id), None));
    let failure = Failure::Corrupt { what: "name".into() };
    let ends_of: [(EndChild, End); 3] = [
        (|records, child| drop(records.end_run(&complete(token(child), "1"))), value("1")),
        (
            |records, child| records.cancel(child.id, CancelCause::MaxRunningTime),
            End::Cancelled(CancelCause::MaxRunningTime),
        ),
        (|records, child| records.fail_corrupt(child.id, "name"), End::Failed(failure)),
    ];
    for (end_child, end) in ends_of {
        let mut records = records(at(10), [parent.clone(), child.clone()]);
        records.add_slot((parent.id, key("join")), join.clone());
        end_child(&mut records, &child);
        assert_eq!(ends(&records, parent.id), [("join", &end, at(10))]);
        assert_eq!(now_is(&records, &parent).state, State::Pending);
        assert_eq!(removed(&records), [(parent.id, key("join"))]);
    }
}

#[test]
fn t1_a_parent_that_has_ended_is_told_nothing() {
    let parent = TaskRecord { state: State::Ended(EndState::Completed), ..running() };
    let child = child_of(&parent);
    let mut records = records(at(10), [parent.clone(), child.clone()]);
    records.end_run(&complete(token(&child), "1")).unwrap();
    assert!(checkpoints(&records, parent.id).is_empty());
    assert_eq!(records.changed_tasks().map(|task| task.id).collect::<Vec<_>>(), [child.id]);
}

#[test]
fn p1_an_end_that_the_parent_has_already_is_not_written_over() {
    let parent = running();
    let child = child_of(&parent);
    let mut records = records(at(10), [parent.clone(), child.clone()]);
    let stored = StoredEnd { end: Ok(End::Timeout), at: at(5) };
    records.add_slot((parent.id, key("join")), Slot::Ended(stored));
    records.end_run(&complete(token(&child), "1")).unwrap();
    assert!(checkpoints(&records, parent.id).is_empty());
}

#[test]
fn w2_a_join_whose_deadline_has_come_is_a_timeout_though_the_child_ends() {
    let parent = resting(1, Some(at(10)));
    let child = child_of(&parent);
    let mut records = records(at(10), [parent.clone(), child.clone()]);
    let join = rested(&parent, WaitSource::Child(child.id), Some(at(10)));
    records.add_slot((parent.id, key("join")), Slot::Standing(join));
    records.end_run(&complete(token(&child), "1")).unwrap();
    assert_eq!(ends(&records, parent.id), [("join", &End::Timeout, at(10))]);
}

#[test]
fn t2_an_end_with_live_children_is_a_mark() {
    let task = TaskRecord { has_children: true, ..running() };
    let mut records = records(at(10), [task.clone(), running()]);
    records.cancel(task.id, CancelCause::Requested { reason: None });
    assert_eq!(now_is(&records, &task).closing_since, Some(at(10)));
    assert_eq!(records.take_closing(), [task.id]);
    assert!(records.take_closing().is_empty());
}

#[test]
fn w1_the_waits_of_a_task_go_when_it_ends_for_good() {
    let task = resting(1, Some(at(50)));
    let mut records = records(at(10), [task.clone()]);
    let wait = rested(&task, WaitSource::Time, Some(at(50)));
    records.add_slot((task.id, key("sleep")), Slot::Standing(wait));
    records.cancel(task.id, CancelCause::ParentClosed);
    assert_eq!(removed(&records), [(task.id, key("sleep"))]);
    assert_eq!(records.ended_tasks(), [task.id]);
    let ended = now_is(&records, &task);
    assert_eq!((ended.need, ended.rest_due, ended.due()), (None, None, None));
}
