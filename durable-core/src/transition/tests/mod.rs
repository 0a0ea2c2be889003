//! The rules of the contract on records alone: no store, no clock.

mod due;
mod ends;
mod events;
mod life;
mod saves;
mod spawns;
mod waits;

use super::{EventRecord, Parent, Records, Slot, SlotKey, State, TaskRecord, Wait, Why, Written};
use crate::model::{
    CallId, Checkpoint, EmitId, End, EventName, Lease, Millis, Now, Payload, StepKey, TaskId, Timestamp,
    Token, WorkerName,
};
use crate::store::{EventWrite, HistoryEntry, RunView, Verb, WaitSource};

/// So many milliseconds into the test.
fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(1_000_000 + millis)
}

fn json(text: &str) -> Payload {
    Payload::from_text(text)
}

fn value(text: &str) -> End {
    End::Value(json(text))
}

fn key(text: &str) -> StepKey {
    StepKey::new(text).unwrap()
}

fn paid() -> EventName {
    EventName::new("paid").unwrap()
}

/// Records at this moment, with these tasks.
fn records(now: Timestamp, tasks: impl IntoIterator<Item = TaskRecord>) -> Records {
    let mut records = Records::new(Verb::Claim, Now { at: now, up: now });
    for task in tasks {
        records.add_task(task);
    }
    records
}

/// A task that was spawned at 0, is in the first of two attempts, and is held until 100.
fn running() -> TaskRecord {
    TaskRecord {
        id: TaskId::new(),
        depth: 0,
        parent: None,
        max_pending: None,
        max_running: None,
        spawned_at: at(0),
        state: State::Running,
        available_at: Some(at(0)),
        max_attempts: Some(2),
        attempt: 1,
        limit_from: at(0),
        first_started_at: Some(at(0)),
        ended_at: None,
        end: None,
        closing_since: None,
        claims: 3,
        call: Some(CallId::new()),
        worker: Some(WorkerName::new("w").unwrap()),
        lease: Lease::stored(100),
        expires_at: Some(at(100)),
        closed: None,
        need: None,
        rest_due: None,
        last_order: 0,
        checkpoints: 0,
        has_children: false,
        flaw: None,
    }
}

/// A task that rests until so many of its waits have ended.
fn resting(need: u32, rest_due: Option<Timestamp>) -> TaskRecord {
    TaskRecord {
        state: State::Sleeping(Why::Rest),
        available_at: None,
        expires_at: None,
        need: Some(need),
        rest_due,
        ..running()
    }
}

fn child_of(parent: &TaskRecord) -> TaskRecord {
    TaskRecord { depth: 1, parent: Some(Parent { id: parent.id, join_key: key("join") }), ..running() }
}

fn token(task: &TaskRecord) -> Token {
    Token { task: task.id, call: task.call.unwrap(), claim: task.claims }
}

/// A wait that stands since 0, and that its task rests on.
fn rested(task: &TaskRecord, source: WaitSource, deadline: Option<Timestamp>) -> Wait {
    Wait { source, registered_at: at(0), deadline, rests: Some(task.claims) }
}

/// Takes in a wait for `paid`, known to stand for it.
fn stand(records: &mut Records, task: TaskId, text: &str, wait: Wait) {
    records.add_standing(&[paid()], vec![((task, key(text)), wait)], 10, 10);
}

fn written(time: Timestamp, payload: &str) -> EventRecord {
    let written = Written { at: time, id: EmitId::new(), payload: json(payload), metadata: json("{}") };
    EventRecord { name: paid(), written: Some(written), first_unreached: None }
}

fn write(payload: &str) -> EventWrite {
    EventWrite { name: paid(), payload: json(payload), metadata: json("{}"), id: EmitId::new() }
}

/// What was stored for a task.
fn checkpoints(records: &Records, task: TaskId) -> Vec<&Checkpoint> {
    records
        .history()
        .iter()
        .filter(|(owner, _)| *owner == task)
        .filter_map(|(_, entry)| match entry {
            HistoryEntry::Checkpoint { checkpoint, .. } => Some(checkpoint),
            HistoryEntry::Run(_) => None,
        })
        .collect()
}

/// How what was stored for a task ended, and when.
fn ends(records: &Records, task: TaskId) -> Vec<(&str, &End, Timestamp)> {
    let stored = checkpoints(records, task).into_iter();
    stored.map(|stored| (stored.key.as_str(), &stored.end, stored.ended_at)).collect()
}

/// The attempts that failed.
fn failed_runs(records: &Records) -> Vec<&RunView> {
    records
        .history()
        .iter()
        .filter_map(|(_, entry)| match entry {
            HistoryEntry::Run(run) => Some(run),
            HistoryEntry::Checkpoint { .. } => None,
        })
        .collect()
}

fn removed(records: &Records) -> Vec<SlotKey> {
    records.removed_waits().map(|(task, key)| (task, key.clone())).collect()
}

/// The task as a store writes it.
fn now_is(records: &Records, task: &TaskRecord) -> TaskRecord {
    records.task(task.id).unwrap().clone()
}

/// That nothing is to be written.
fn assert_untouched(records: &Records) {
    assert_eq!(records.changed_tasks().count(), 0);
    assert_eq!(records.changed_waits().count(), 0);
    assert_eq!(records.removed_waits().count(), 0);
    assert_eq!(records.changed_events().count(), 0);
    assert!(records.history().is_empty() && records.spawned().is_empty() && !records.has_ready());
}

fn millis(millis: u32) -> Millis {
    Millis::new(millis)
}
