//! Requests with few words.
#![allow(dead_code, unreachable_pub, missing_docs, reason = "each test binary uses a part of it")]

use std::time::Duration;

use durable_core::model::{
    CallId, CheckpointKind, Deadline, EmitId, EventName, Lease, Millis, Payload, QueueName, StepKey, TaskId,
    TaskName, Token, WorkerName,
};
use durable_core::store::{
    Claim, ClaimAnswer, ClaimRequest, Effect, EmitRequest, Ending, EventWrite, NewTask, NewWait, Rest,
    RunEnd, SaveItem, SpawnRequest, Store, WaitItem, WaitSource,
};

pub fn queue(name: &str) -> QueueName {
    QueueName::new(name).unwrap()
}

pub fn key(text: &str) -> StepKey {
    StepKey::new(text).unwrap()
}

pub fn json(text: &str) -> Payload {
    Payload::from_text(text)
}

pub fn lease(millis: u64) -> Lease {
    Lease::new(Duration::from_millis(millis)).unwrap()
}

pub fn task(name: &str) -> NewTask {
    NewTask::new(TaskId::new(), TaskName::new(name).unwrap(), json("null"))
}

/// The task with something changed.
pub fn with(mut task: NewTask, change: impl FnOnce(&mut NewTask)) -> NewTask {
    change(&mut task);
    task
}

pub fn delayed(name: &str, millis: u32) -> NewTask {
    with(task(name), |task| task.delay = Millis::new(millis))
}

pub async fn spawn(store: &dyn Store, queue: &QueueName, tasks: Vec<NewTask>) {
    for batch in tasks.chunks(1_000) {
        store.spawn(SpawnRequest::new(queue.clone(), batch.to_vec())).await.unwrap();
    }
}

pub fn claim_request(queue: &QueueName, name: &str, max: u32) -> ClaimRequest {
    let names = vec![TaskName::new(name).unwrap()];
    let worker = WorkerName::new("w").unwrap();
    ClaimRequest::new(queue.clone(), CallId::new(), worker, names, max, lease(60_000))
}

pub async fn claim(store: &dyn Store, queue: &QueueName, name: &str, max: u32) -> Vec<Claim> {
    store.claim(claim_request(queue, name, max)).await.unwrap().claims
}

pub async fn complete(store: &dyn Store, queue: &QueueName, tokens: &[Token]) -> ClaimAnswer {
    let ending = |token: &Token| RunEnd { token: *token, ending: Ending::Complete { result: json("1") } };
    let request = claim_request(queue, "nothing", 0).ending(tokens.iter().map(ending).collect());
    store.claim(request).await.unwrap()
}

pub fn event(name: &str) -> EventWrite {
    EventWrite {
        name: EventName::new(name).unwrap(),
        payload: json("{\"e\":1}"),
        metadata: json("{}"),
        id: EmitId::new(),
    }
}

pub fn emit(queue: &QueueName, name: &str) -> EmitRequest {
    EmitRequest::new(queue.clone(), event(name))
}

pub fn save(token: Token, step: &str, effect: Effect) -> SaveItem {
    SaveItem {
        token,
        key: key(step),
        kind: CheckpointKind::Step,
        payload: json("1"),
        took: Millis::ZERO,
        effect,
    }
}

/// A wait for an event that the run rests on.
pub fn rest_on_event(token: Token, step: &str, event: &str) -> WaitItem {
    let source = WaitSource::Event(EventName::new(event).unwrap());
    rest_on(token, vec![NewWait { key: key(step), source, deadline: None }])
}

/// A timer that the run rests on.
pub fn rest_on_time(token: Token, step: &str, millis: u32) -> WaitItem {
    let deadline = Some(Deadline::After(Millis::new(millis)));
    rest_on(token, vec![NewWait { key: key(step), source: WaitSource::Time, deadline }])
}

/// Waits of which the run rests on one.
pub fn rest_on(token: Token, waits: Vec<NewWait>) -> WaitItem {
    let keys = waits.iter().map(|wait| wait.key.clone()).collect();
    WaitItem { token, waits, rest: Some(Rest { keys, need: 1 }) }
}
