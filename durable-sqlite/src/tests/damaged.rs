//! What a record that cannot be decoded does to others.

use std::time::Duration;

use durable_core::model::{
    CallId, EmitId, EventName, Lease, Payload, StepKey, TaskId, TaskName, Token, WorkerName,
};
use durable_core::store::{
    ClaimRequest, CountsRequest, EmitRequest, EventWrite, Events, Inspect, NewTask, NewWait, PutQueueRequest,
    QueueState, Queues, Rest, Runs, SpawnRequest, TaskView, Tasks, TasksRequest, TickRequest, Upkeep,
    WaitItem, WaitRequest, WaitSource,
};

use super::world::{World, execute, queue};
use crate::SqliteStore;

const NAME: &str = "job";

/// Spawns and claims so many tasks.
async fn running(store: &SqliteStore, number: u32) -> Vec<Token> {
    let name = TaskName::new(NAME).unwrap();
    store.put_queue(PutQueueRequest::new(queue("q"), QueueState::Open)).await.unwrap();
    let task = |_| NewTask::new(TaskId::new(), name.clone(), Payload::from_text("null"));
    store.spawn(SpawnRequest::new(queue("q"), (0..number).map(task).collect())).await.unwrap();
    let (worker, lease) = (WorkerName::new("w").unwrap(), Lease::new(Duration::from_secs(60)).unwrap());
    let request = ClaimRequest::new(queue("q"), CallId::new(), worker, vec![name.clone()], number, lease);
    store.claim(request).await.unwrap().claims.into_iter().map(|claim| claim.token).collect()
}

/// Rests on an event.
fn resting(token: &Token) -> WaitItem {
    let key = StepKey::new("$awaitEvent:paid").unwrap();
    let source = WaitSource::Event(EventName::new("paid").unwrap());
    let waits = vec![NewWait { key: key.clone(), source, deadline: None }];
    WaitItem { token: *token, waits, rest: Some(Rest { keys: vec![key], need: 1 }) }
}

#[tokio::test]
async fn w3_a_wait_that_cannot_be_decoded_costs_no_other_its_wake_up() {
    let world = World::new();
    let store = world.open().await;
    // One more than an emit looks at, and one more than that.
    for tokens in running(&store, 502).await.chunks(251) {
        let items = tokens.iter().map(resting).collect();
        store.wait(WaitRequest::new(queue("q"), items)).await.unwrap();
    }
    let damage = "update durable_waits set source = 99 where task = (select min(task) from durable_waits)";
    execute(&mut world.connect().await, damage).await;
    let (name, payload) = (EventName::new("paid").unwrap(), Payload::from_text("1"));
    let event = EventWrite { name, metadata: payload.clone(), payload, id: EmitId::new() };
    store.emit(EmitRequest::new(queue("q"), event)).await.unwrap();
    for _ in 0..3 {
        store.tick(TickRequest::new(queue("q"), 1_000)).await.unwrap();
    }
    let counts = store.counts(CountsRequest::new(queue("q"))).await.unwrap();
    assert_eq!((counts.pending, counts.sleeping), (501, 1));
}

#[tokio::test]
async fn c6_a_wait_that_cannot_be_decoded_hides_no_other_task() {
    let world = World::new();
    let store = world.open().await;
    let items = running(&store, 3).await.iter().map(resting).collect();
    store.wait(WaitRequest::new(queue("q"), items)).await.unwrap();
    let damage = "update durable_waits set source = 99 where task = (select min(task) from durable_waits)";
    execute(&mut world.connect().await, damage).await;
    let page = store.tasks(TasksRequest::new(queue("q"), None)).await.unwrap();
    let keys = |task: &TaskView| task.rest.as_ref().map_or(0, |rest| rest.keys.len());
    assert_eq!(page.items.iter().map(keys).collect::<Vec<_>>(), [1, 1, 1]);
}
