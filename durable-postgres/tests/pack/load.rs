//! The server restarts, or is killed, while workers and clients are busy.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use durable_core::model::{CheckpointKind, Millis, Payload, StepKey, Token};
use durable_core::store::{Checkpoints, Effect, SaveItem, SaveRequest};
use durable_core::{
    Durable, SpawnOptions, Task, TaskContext, TaskId, TaskResult, WorkerOptions, async_trait,
};
use durable_postgres::PostgresOptions;

use crate::support::Server;
use crate::support::bench::{Bench, job};
use crate::{bench_at, database};

const TASKS: u64 = 60;
const STEPS: u64 = 5;

#[derive(Default)]
struct Count;

#[async_trait]
impl Task for Count {
    fn name(&self) -> Cow<'static, str> {
        "count".into()
    }
    type Params = u64;
    type Output = u64;

    async fn run(&self, from: u64, mut ctx: TaskContext, (): ()) -> TaskResult<u64> {
        let mut sum = from;
        for step in 0..STEPS {
            sum = ctx
                .step("add", (sum, step), |(sum, step), _| async move {
                    tokio::time::sleep(Duration::from_millis(10)).await;
                    Ok(sum + step)
                })
                .await?;
        }
        Ok(sum)
    }
}

/// What the server has acknowledged.
#[derive(Debug, Default)]
struct Acknowledged {
    spawned: BTreeSet<String>,
    saved: BTreeSet<String>,
    emitted: BTreeSet<String>,
    /// The longest time between two.
    gap: Duration,
}

/// Spawns, saves and emits until it is told to stop, and keeps what was acknowledged; what is not, it forgets.
async fn write(bench: Bench, token: Token, stop: Arc<AtomicBool>) -> anyhow::Result<Acknowledged> {
    let mut all = Acknowledged::default();
    let mut last = Instant::now();
    for n in 0.. {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        let (task, name) = (job()?, format!("n{n}"));
        let id = task.id.to_string();
        if bench.spawn(vec![task]).await.is_ok() {
            all.gap = all.gap.max(last.elapsed());
            last = Instant::now();
            all.spawned.insert(id);
        }
        if save(&bench, token, &name).await.is_ok() {
            all.saved.insert(name.clone());
        }
        if bench.emit(&name).await.is_ok() {
            all.emitted.insert(name);
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    Ok(all)
}

async fn save(bench: &Bench, token: Token, key: &str) -> anyhow::Result<()> {
    let item = SaveItem {
        token,
        key: StepKey::new(key)?,
        kind: CheckpointKind::Step,
        payload: Payload::from_text("1"),
        took: Millis::ZERO,
        effect: Effect::None,
    };
    bench.store.save(SaveRequest::new(bench.queue.clone(), vec![item])).await?.remove(0)?;
    Ok(())
}

async fn texts(bench: &Bench, statement: &'static str) -> anyhow::Result<BTreeSet<String>> {
    let all: Vec<String> = sqlx::query_scalar(statement).fetch_all(bench.store.pool()).await?;
    Ok(all.into_iter().collect())
}

async fn spawn_all(durable: &Durable) -> anyhow::Result<Vec<TaskId>> {
    let mut tasks = Vec::new();
    for from in 0..TASKS {
        tasks.push(durable.spawn_with::<Count>(from, SpawnOptions::default()).await?.task);
    }
    Ok(tasks)
}

/// Goes on until so many steps of the tasks are stored.
async fn steps_are_stored(bench: &Bench, wanted: i64) -> anyhow::Result<()> {
    loop {
        let stored: i64 =
            sqlx::query_scalar("select count(*) from durable.history h join durable.tasks t on t.queue = h.queue and t.id = h.task \
             where t.name = 'count' and h.key is not null")
                .fetch_one(bench.store.pool())
                .await?;
        if stored >= wanted {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Restarts a server that loses nothing, this often, while it is busy.
async fn survives(order: &'static str, times: i64) -> anyhow::Result<()> {
    let (server, _) = Server::on_a_port("")?;
    let server = Arc::new(server);
    let bench = bench_at(&server.url_of(&database(&server).await?), PostgresOptions::default()).await?;
    let token = bench.running().await?.token;
    let builder = Durable::builder().store(Arc::new(bench.store.clone())).queue_name("q");
    let durable = builder.register::<Count>()?.build()?;
    let tasks = spawn_all(&durable).await?;
    let options = || WorkerOptions {
        concurrency: 8,
        poll_interval: Duration::from_millis(50),
        upkeep_interval: Duration::from_millis(500),
        ..WorkerOptions::default()
    };
    let workers = [durable.start_worker(options()).await?, durable.start_worker(options()).await?];
    let stop = Arc::new(AtomicBool::new(false));
    let writing = tokio::spawn(write(bench.clone(), token, stop.clone()));

    let all = i64::try_from(TASKS * STEPS)?;
    for time in 1..=times {
        steps_are_stored(&bench, all * time / (times + 1)).await?;
        server.tell(order).await?;
        server.tell("start").await?;
    }
    for (task, from) in tasks.iter().zip(0..) {
        let result = durable.wait_for_result(*task, Duration::from_secs(60)).await?;
        assert_eq!(result.output::<u64>()?, from + (0..STEPS).sum::<u64>());
    }
    stop.store(true, Ordering::Relaxed);
    let kept = writing.await??;
    for worker in workers {
        worker.shutdown().await;
    }
    println!("{order}: {} spawns, longest gap {:?}", kept.spawned.len(), kept.gap);
    assert!(texts(&bench, "select id::text from durable.tasks").await?.is_superset(&kept.spawned));
    assert!(
        texts(&bench, "select key from durable.history where key is not null")
            .await?
            .is_superset(&kept.saved)
    );
    assert!(texts(&bench, "select name from durable.events").await?.is_superset(&kept.emitted));
    let broken = texts(&bench, include_str!("../support/invariants.sql")).await?;
    assert_eq!(broken, BTreeSet::new());
    steps_are_stored(&bench, all).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn f2_a_kill_of_the_server_under_load_loses_nothing_that_was_acknowledged() -> anyhow::Result<()> {
    survives("kill", 2).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn f2_an_orderly_restart_under_load_needs_no_restart_of_the_workers() -> anyhow::Result<()> {
    survives("stop", 2).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
#[ignore = "twenty kills take minutes: scripts/long runs it"]
async fn f2_many_kills_under_load_lose_nothing_that_was_acknowledged() -> anyhow::Result<()> {
    survives("kill", 20).await
}
