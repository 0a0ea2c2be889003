//! What cannot be decoded fails its task alone (rule C6), also when it is a wait that stands beside the task.

mod support;

use durable_core::model::EndState::Failed;
use durable_core::model::{EventName, Failure, TaskId, TaskState};
use durable_core::store::{TickRequest, Upkeep, WaitAnswer, WaitSource};
use support::bench::Bench;

/// Two tasks that rest on `paid`; what is told of the first one's wait is spoilt.
async fn waiters(bench: &Bench, spoil: &'static str) -> anyhow::Result<[TaskId; 2]> {
    let mut tasks = [TaskId::new(), TaskId::new()];
    for task in &mut tasks {
        let token = bench.running().await?.token;
        let rest = bench.rest(token, "event", WaitSource::Event(EventName::new("paid")?)).await?;
        anyhow::ensure!(rest == WaitAnswer::Suspended, "it rests");
        *task = token.task;
    }
    let [spoilt, _] = tasks;
    let spoilt = sqlx::query(spoil).bind(spoilt.as_uuid()).execute(bench.store.pool()).await?;
    anyhow::ensure!(spoilt.rows_affected() == 1, "nothing is spoilt");
    Ok(tasks)
}

#[tokio::test]
async fn c6_a_deadline_of_a_wait_that_cannot_be_decoded_fails_its_task_alone() -> anyhow::Result<()> {
    let bench = Bench::open(2).await?;
    let [spoilt, sound] = waiters(&bench, "update durable.waits set source = 9 where task = $1").await?;
    for due in ["update durable.waits set deadline = 1", "update durable.tasks set rest_due = 1, due = 1"] {
        sqlx::query(due).execute(bench.store.pool()).await?;
    }
    let done = bench.store.tick(TickRequest::new(bench.queue.clone(), 100)).await?;
    assert_eq!((done.woken, done.more), (1, false));
    assert_eq!(bench.view(sound).await?.state, TaskState::Pending);
    let view = bench.view(spoilt).await?;
    assert_eq!(view.state, TaskState::Ended(Failed));
    assert_eq!(view.failure, Some(Failure::Corrupt { what: "source".into() }));
    bench.close().await
}

#[tokio::test]
async fn c6_a_wait_that_cannot_be_decoded_keeps_no_other_from_its_event() -> anyhow::Result<()> {
    let bench = Bench::open(2).await?;
    let [_, sound] = waiters(&bench, "update durable.waits set key = '' where task = $1").await?;
    bench.emit("paid").await?;
    assert_eq!(bench.view(sound).await?.state, TaskState::Pending);
    bench.close().await
}
