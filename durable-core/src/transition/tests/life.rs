//! What becomes of a task by itself, and how it is kept.

use super::*;
use crate::model::{EndState, Failure, QueueName, TaskName};
use crate::store::{ClaimRequest, Hint, NewTask, Outcome, RetryAnswer};
use crate::transition::Closed;

fn new() -> NewTask {
    NewTask::new(TaskId::new(), TaskName::new("task").unwrap(), json("null"))
}

fn now(millis: i64) -> Now {
    Now::rounded_down(at(millis))
}

fn call() -> ClaimRequest {
    let (queue, worker) = (QueueName::new("q").unwrap(), WorkerName::new("w").unwrap());
    ClaimRequest::new(queue, CallId::new(), worker, Vec::new(), 1, Lease::stored(10).unwrap())
}

fn failed() -> TaskRecord {
    let end = Some(End::Failed(Failure::Reported(json("{}"))));
    TaskRecord { state: State::Ended(EndState::Failed), end, ended_at: Some(at(5)), ..running() }
}

#[test]
fn a_task_is_ready_at_once_or_after_its_delay_and_never_early() {
    let ready = TaskRecord::spawned(&new(), None, 0, now(7));
    assert_eq!((ready.state, ready.available_at, ready.attempt), (State::Pending, Some(at(7)), 1));
    let delayed = TaskRecord::spawned(&NewTask { delay: Millis::new(5), ..new() }, None, 0, now(7));
    assert_eq!((delayed.state, delayed.due()), (State::Sleeping(Why::Start), Some(at(13))));
}

#[test]
fn c3_each_claim_has_a_token_of_its_own_and_the_first_sets_the_start() {
    let (task, call) = (new(), call());
    let mut record = TaskRecord::spawned(&task, None, 0, now(0));
    assert_eq!(record.held(task.clone(), at(0)), None);
    record.claim(&call, now(3));
    let first = record.held(task.clone(), at(3)).unwrap();
    assert_eq!((first.token.call, first.token.claim, first.expires_at), (call.call, 1, at(13)));
    record.closed = Some(Closed::Wait);
    record.claim(&call, now(4));
    assert_eq!(record.held(task, at(4)).unwrap().token.claim, 2);
    assert_eq!((record.first_started_at, record.closed), (Some(at(3)), None));
}

#[test]
fn t5_only_what_has_failed_and_closes_nothing_is_reopened() {
    let completed = TaskRecord { state: State::Ended(EndState::Completed), ..running() };
    let closing = TaskRecord { closing_since: Some(at(5)), ..failed() };
    let answers = [running(), completed, closing].map(|mut task| task.reopen(1, now(9)));
    let refused = [RetryAnswer::Live, RetryAnswer::Ended(EndState::Completed), RetryAnswer::Closing];
    assert_eq!(answers, refused);
    let mut task = failed();
    assert_eq!(task.reopen(3, now(9)), RetryAnswer::Reopened);
    assert_eq!((task.attempt, task.max_attempts, task.available_at), (2, Some(5), Some(at(9))));
    assert_eq!((task.outcome(), task.first_started_at, task.limit_from), (Ok(Outcome::Live), None, at(9)));
}

#[test]
fn ready_tasks_are_those_that_a_claim_would_find() {
    let limited = TaskRecord { max_running: Millis::stored(50), ..running() };
    let pending = TaskRecord { state: State::Pending, expires_at: None, ..limited.clone() };
    let last = TaskRecord { attempt: 2, ..running() };
    let gain = |task: &TaskRecord, millis, due| task.gain(now(millis), due);
    assert_eq!([gain(&running(), 99, 0), gain(&running(), 100, 0), gain(&last, 100, 0)], [0, 1, 0]);
    assert_eq!([gain(&limited, 100, 0), gain(&pending, 49, 0), gain(&pending, 50, 0)], [0, 0, -1]);
    assert_eq!([gain(&resting(2, None), 9, 1), gain(&resting(2, None), 9, 2)], [0, 1]);
}

#[test]
fn hints_tell_of_work_now_of_work_to_come_and_of_ends() {
    let (mut one, mut other) = (running(), running());
    (one.id, other.id) = (TaskId::new(), TaskId::new());
    let ids = (one.id, other.id);
    let mut records = records(at(1), [one, other]);
    records.release(ids.0, Millis::new(10));
    records.complete(ids.1, json("1"));
    let told: Vec<Hint> = records.hints().collect();
    assert_eq!(told, [Hint::Work { next_due: Some(at(11)) }, Hint::Ended(ids.1)]);
}

#[test]
fn a_record_kept_by_serde_is_the_same_record() {
    let mut task = TaskRecord { closed: Some(Closed::Fail(Some(at(9)))), ..failed() };
    task.parent = Some(Parent { id: TaskId::new(), join_key: key("a") });
    let text = serde_json::to_string(&task).unwrap();
    let again: TaskRecord = serde_json::from_str(&text).unwrap();
    assert_eq!(format!("{again:?}"), format!("{task:?}"));
    assert_eq!(again.end, task.end);
}

#[test]
fn n2_a_payload_kept_by_serde_is_its_text() {
    let odd = json(r#"{"a":1e2,"a":-0.0,"b":18446744073709551615}"#);
    let text = serde_json::to_string(&odd).unwrap();
    assert_eq!(serde_json::from_str::<String>(&text).unwrap(), odd.as_str());
    assert_eq!(serde_json::from_str::<Payload>(&text).unwrap(), odd);
}

#[test]
fn n1_what_is_no_name_is_not_read_as_one() {
    assert!(serde_json::from_str::<EventName>("\"paid\"").is_ok());
    assert!(serde_json::from_str::<EventName>("\"\"").is_err());
    assert!(serde_json::from_str::<StepKey>(r#""a\u0000b""#).is_err());
    assert!(serde_json::from_str::<Lease>("0").is_err());
}
