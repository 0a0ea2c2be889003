//! The workloads.

use std::sync::Arc;
use std::time::{Duration, Instant};

use durable::{Durable, RunEnding, RunObserver, SpawnOptions, TaskId, WorkerOptions};
use tokio::sync::Semaphore;

use crate::tasks::{Empty, Steps};
use crate::timed;

/// How long a result may take.
const LONGEST: Duration = Duration::from_secs(60);
/// How long a worker is left alone until it sleeps.
const SETTLE: Duration = Duration::from_millis(5);

type Rate = anyhow::Result<(usize, Duration)>;

/// Spawns one by one, by so many clients at once.
pub(crate) async fn spawn(durable: &Durable, clients: usize, count: usize) -> Rate {
    let each = count / clients;
    let took = timed(async {
        let clients = (0..clients).map(|_| {
            let durable = durable.clone();
            tokio::spawn(async move {
                for _ in 0..each {
                    durable.spawn::<Empty>(()).await?;
                }
                anyhow::Ok(())
            })
        });
        for client in clients.collect::<Vec<_>>() {
            client.await??;
        }
        Ok(())
    });
    Ok((each * clients, took.await?))
}

/// Spawns by the hundred.
pub(crate) async fn spawn_many(durable: &Durable, count: usize) -> Rate {
    Ok((count, timed(fill(durable, count)).await?))
}

async fn fill(durable: &Durable, count: usize) -> anyhow::Result<()> {
    for _ in 0..count / 100 {
        let batch = (0..100).map(|_| ((), SpawnOptions::default())).collect();
        durable.spawn_many::<Empty>(batch).await?;
    }
    Ok(())
}

/// Runs tasks that do nothing.
pub(crate) async fn empty(durable: &Durable, slots: usize, count: usize) -> Rate {
    fill(durable, count).await?;
    let took = timed(drain(durable, slots, count));
    Ok((count, took.await?))
}

/// Runs tasks of so many steps.
pub(crate) async fn steps(durable: &Durable, slots: usize, tasks: usize, steps: usize) -> Rate {
    let batch = (0..tasks).map(|_| ((steps, None), SpawnOptions::default())).collect();
    durable.spawn_many::<Steps>(batch).await?;
    let took = timed(drain(durable, slots, tasks));
    Ok((tasks * steps, took.await?))
}

/// Works until so many tasks are completed.
async fn drain(durable: &Durable, slots: usize, count: usize) -> anyhow::Result<()> {
    let completed = Arc::new(Semaphore::new(0));
    let count = u32::try_from(count)?;
    let counted = completed.clone();
    let on_run = RunObserver::new(move |run| {
        if run.ending == RunEnding::Completed {
            counted.add_permits(1);
        }
    });
    let options = WorkerOptions { concurrency: slots, on_run: Some(on_run), ..Default::default() };
    let worker = durable.start_worker(options).await?;
    completed.acquire_many(count).await?.forget();
    worker.shutdown().await;
    Ok(())
}

/// Starts a worker.
pub(crate) async fn start(durable: &Durable, slots: usize) -> anyhow::Result<durable::Worker> {
    Ok(durable.start_worker(WorkerOptions { concurrency: slots, ..Default::default() }).await?)
}

/// From a spawn to its task's end, with an idle worker.
pub(crate) async fn starts(durable: &Durable, count: usize) -> anyhow::Result<Vec<Duration>> {
    let worker = start(durable, 10).await?;
    let mut took = Vec::new();
    for _ in 0..count {
        tokio::time::sleep(SETTLE).await;
        let begun = Instant::now();
        let task = durable.spawn::<Empty>(()).await?;
        durable.wait_for_result(task, LONGEST).await?;
        took.push(begun.elapsed());
    }
    worker.shutdown().await;
    Ok(took)
}

/// From an emit to the end of the task that was suspended for it.
pub(crate) async fn resumes(durable: &Durable, count: usize) -> anyhow::Result<Vec<Duration>> {
    let worker = start(durable, 10).await?;
    let mut took = Vec::new();
    for number in 0..count {
        let event = format!("event-{number}");
        let task: TaskId = durable.spawn::<Steps>((0, Some(event.clone()))).await?;
        tokio::time::sleep(SETTLE * 4).await;
        let begun = Instant::now();
        durable.emit_event(&event, &()).await?;
        durable.wait_for_result(task, LONGEST).await?;
        took.push(begun.elapsed());
    }
    worker.shutdown().await;
    Ok(took)
}
