//! Hints: after the commit, to every handle, and never the truth.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may fail")]

mod support;

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use durable_core::model::{IdempotencyKey, Millis, QueueName, TaskId};
use durable_core::store::{
    Hint, HintScope, Hints, Idempotency, PutQueueRequest, QueueState, Queues, Signals, SpawnAnswer,
    SpawnRequest, Tasks,
};
use durable_core::{Durable, Task, TaskContext, TaskResult, WorkerOptions, async_trait};
use durable_postgres::{PostgresOptions, PostgresStore};
use futures::StreamExt;
use sqlx::postgres::PgListener;

use support::Server;
use support::bench::{Bench, job};

const NOW: Hint = Hint::Work { next_due: None };
/// How long what must come may take.
const SOON: Duration = Duration::from_secs(20);
/// Nobody polls in this time.
const NEVER: Duration = Duration::from_secs(600);

async fn next(hints: &mut Hints) -> Hint {
    tokio::time::timeout(SOON, hints.next()).await.expect("a hint in time").expect("an open store")
}

/// Hints of a handle that listens by now.
async fn heard_by(store: &PostgresStore, queue: &QueueName) -> Hints {
    let mut hints = store.hints(queue);
    assert_eq!(next(&mut hints).await, Hint::Missed, "who begins to listen has missed what was before");
    hints
}

/// Another pool on the same database.
async fn other(bench: &Bench) -> anyhow::Result<PostgresStore> {
    Server::get().handle(&bench.database, 2).await
}

async fn polling(bench: &Bench) -> anyhow::Result<PostgresStore> {
    let options = PostgresOptions::default().listen(false);
    Ok(PostgresStore::open_with(&Server::get().url_of(&bench.database), options).await?)
}

/// A bench of which nothing is left to tell, and everything that is sent on the channel from now on.
async fn quiet_bench(connections: u32) -> anyhow::Result<(Bench, PgListener)> {
    let bench = Bench::open(connections).await?;
    let mut listener = PgListener::connect(&Server::get().url_of(&bench.database)).await?;
    // It sends a statement of its own, by which it is none of the store's.
    listener.listen_all(["durable"]).await?;
    // It is sent after what is told of the first queue.
    let last = QueueName::new("last")?;
    bench.store.put_queue(PutQueueRequest::new(last, QueueState::Open)).await?;
    while !tokio::time::timeout(SOON, listener.recv()).await??.payload().ends_with(" last") {}
    Ok((bench, listener))
}

/// How many notifications have come before one that is sent now by hand.
async fn count(bench: &Bench, listener: &mut PgListener) -> anyhow::Result<usize> {
    sqlx::query("select pg_notify('durable', 'the end')").execute(bench.store.pool()).await?;
    let mut count = 0;
    while tokio::time::timeout(SOON, listener.recv()).await??.payload() != "the end" {
        count += 1;
    }
    Ok(count)
}

/// The server's processes that a store listens by.
async fn listening(bench: &Bench) -> anyhow::Result<Vec<i32>> {
    let statement = "select pid from pg_stat_activity where datname = current_database() and query = 'LISTEN \"durable\"'";
    Ok(sqlx::query_scalar(statement).fetch_all(bench.store.pool()).await?)
}

async fn until_listening(bench: &Bench, processes: usize) -> anyhow::Result<()> {
    let look = async {
        while listening(bench).await?.len() != processes {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        Ok(())
    };
    tokio::time::timeout(SOON, look).await?
}

#[tokio::test]
async fn mt_11_another_pool_hears_of_work_now_of_work_to_come_and_of_ends() -> anyhow::Result<()> {
    let (bench, _) = quiet_bench(2).await?;
    let other = other(&bench).await?;
    assert_eq!(other.capabilities().hints, HintScope::Everywhere);
    let mut hints = heard_by(&other, &bench.queue).await;

    let mut late = job()?;
    (late.delay, late.max_pending) = (Millis::new(60_000), Some(Millis::new(30_000)));
    let id = late.id;
    bench.spawn(vec![late]).await?;
    let spawned_at = bench.view(id).await?.spawned_at;
    let due = spawned_at.after(Millis::new(30_000));
    assert_eq!(next(&mut hints).await, Hint::Work { next_due: Some(due) });

    let token = bench.running().await?.token;
    assert_eq!(next(&mut hints).await, NOW);
    bench.complete(token).await?;
    assert_eq!(next(&mut hints).await, Hint::Ended(token.task));
    bench.close().await
}

#[tokio::test]
async fn the_handles_of_one_pool_hear_once() -> anyhow::Result<()> {
    let (bench, _) = quiet_bench(2).await?;
    let mut hints = heard_by(&bench.store.clone(), &bench.queue).await;
    bench.spawn(vec![job()?]).await?;
    // What is sent last comes back last.
    sqlx::query("select pg_sleep(0.05), pg_notify('durable', $1)")
        .bind(format!("{} {} q", uuid::Uuid::nil().simple(), TaskId::new().as_uuid().simple()))
        .execute(bench.store.pool())
        .await?;
    assert_eq!(next(&mut hints).await, NOW);
    assert!(matches!(next(&mut hints).await, Hint::Ended(_)));
    bench.close().await
}

#[tokio::test]
async fn nothing_is_told_before_the_commit() -> anyhow::Result<()> {
    let (bench, mut listener) = quiet_bench(4).await?;
    let mut hints = heard_by(&bench.store, &bench.queue).await;
    // Every commit that has written a task waits for whoever holds lock 7.
    sqlx::raw_sql(
        "create function hold() returns trigger language plpgsql as
         'begin perform pg_advisory_xact_lock(7); return null; end';
         create constraint trigger held after insert on durable.tasks
         deferrable initially deferred for each row execute function hold()",
    )
    .execute(bench.store.pool())
    .await?;
    let mut holder = bench.store.pool().begin().await?;
    sqlx::query("select pg_advisory_xact_lock(7)").execute(&mut *holder).await?;
    let spawn = tokio::spawn({
        let bench = bench.clone();
        async move { bench.spawn(vec![job()?]).await }
    });
    bench.blocked(1).await?;
    assert_eq!(count(&bench, &mut listener).await?, 0);
    assert!(futures::FutureExt::now_or_never(hints.next()).is_none());
    holder.commit().await?;
    spawn.await??;
    assert_eq!(next(&mut hints).await, NOW);
    tokio::time::timeout(SOON, listener.recv()).await??;
    bench.close().await
}

#[tokio::test]
async fn what_is_rolled_back_is_not_told() -> anyhow::Result<()> {
    let (bench, _) = quiet_bench(2).await?;
    let keyed = |fingerprint: &str| -> anyhow::Result<_> {
        let mut task = job()?;
        let fingerprint = fingerprint.to_owned();
        task.idempotency = Some(Idempotency { key: IdempotencyKey::new("k")?, fingerprint });
        Ok(task)
    };
    bench.spawn(vec![keyed("a")?]).await?;
    let other = other(&bench).await?;
    let mut hints = heard_by(&other, &bench.queue).await;
    let refused = SpawnRequest::new(bench.queue.clone(), vec![job()?, keyed("b")?]);
    let answer = bench.store.spawn(refused).await?;
    assert!(!matches!(answer, SpawnAnswer::Spawned(_)), "{answer:?}");
    let token = bench.claim_one().await?.token;
    bench.complete(token).await?;
    assert_eq!(next(&mut hints).await, Hint::Ended(token.task));
    bench.close().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_thousand_spawns_are_told_at_most_once_in_a_millisecond() -> anyhow::Result<()> {
    let (bench, mut listener) = quiet_bench(16).await?;
    let start = std::time::Instant::now();
    let spawns = (0..1_000).map(|_| bench.spawn(vec![job().unwrap()]));
    let done: Vec<_> = futures::stream::iter(spawns).buffer_unordered(100).collect().await;
    assert!(done.iter().all(Result::is_ok));
    let millis = start.elapsed().as_millis();
    let told = count(&bench, &mut listener).await?;
    assert!(
        told > 0 && told < 800 && u128::try_from(told)? <= millis,
        "{told} for 1,000 spawns in {millis} ms"
    );
    bench.close().await
}

#[tokio::test]
async fn a_lost_connection_comes_back_and_says_that_something_was_missed() -> anyhow::Result<()> {
    let (bench, _) = quiet_bench(2).await?;
    let other = other(&bench).await?;
    let mut hints = heard_by(&other, &bench.queue).await;
    for pid in listening(&bench).await? {
        sqlx::query("select pg_terminate_backend($1)").bind(pid).execute(bench.store.pool()).await?;
    }
    assert_eq!(next(&mut hints).await, Hint::Missed);
    bench.spawn(vec![job()?]).await?;
    assert_eq!(next(&mut hints).await, NOW);
    assert_eq!(listening(&bench).await?.len(), 1);
    bench.close().await
}

#[tokio::test]
async fn pg_11_what_others_send_is_passed_over() -> anyhow::Result<()> {
    let (bench, _) = quiet_bench(2).await?;
    let mut hints = heard_by(&bench.store, &bench.queue).await;
    for foreign in [String::new(), "q".to_owned(), "x".repeat(7_999), " , \u{2028} q".to_owned()] {
        sqlx::query("select pg_notify('durable', $1)").bind(foreign).execute(bench.store.pool()).await?;
    }
    let other = other(&bench).await?;
    other.spawn(SpawnRequest::new(bench.queue.clone(), vec![job()?])).await?;
    assert_eq!(next(&mut hints).await, NOW);
    bench.close().await
}

#[tokio::test]
async fn nobody_listens_until_somebody_asks_and_again_once_the_store_is_closed() -> anyhow::Result<()> {
    let (bench, _) = quiet_bench(2).await?;
    bench.running().await?;
    assert_eq!(listening(&bench).await?.len(), 0);
    let closed = other(&bench).await?;
    let mut first = heard_by(&closed, &bench.queue).await;
    let mut second = closed.hints(&bench.queue);
    assert_eq!(listening(&bench).await?.len(), 1);
    closed.close().await;
    assert_eq!((first.next().await, second.next().await), (None, None));
    assert_eq!(closed.hints(&bench.queue).next().await, None);
    until_listening(&bench, 0).await?;

    let dropped = other(&bench).await?;
    let (kept, mut hints) = (dropped.clone(), heard_by(&dropped, &bench.queue).await);
    drop(dropped);
    assert!(futures::FutureExt::now_or_never(hints.next()).is_none());
    drop(kept);
    assert_eq!(hints.next().await, None);
    until_listening(&bench, 0).await?;
    bench.close().await
}

#[tokio::test]
async fn a_pool_that_outlives_its_store_is_not_listened_for() -> anyhow::Result<()> {
    let (bench, _) = quiet_bench(2).await?;
    let store = PostgresStore::with_pool(bench.store.pool().clone(), PostgresOptions::default()).await?;
    let mut hints = heard_by(&store, &bench.queue).await;
    drop(store);
    assert_eq!(hints.next().await, None);
    until_listening(&bench, 0).await?;
    bench.close().await
}

/// A task that does nothing.
#[derive(Debug, Default)]
struct Job;

#[async_trait]
impl Task for Job {
    fn name(&self) -> Cow<'static, str> {
        "job".into()
    }
    type Params = ();
    type Output = ();

    async fn run(&self, (): (), _: TaskContext, (): ()) -> TaskResult<()> {
        Ok(())
    }
}

fn durable(store: &PostgresStore) -> anyhow::Result<Durable> {
    Ok(Durable::builder().store(Arc::new(store.clone())).queue_name("q").register::<Job>()?.build()?)
}

#[tokio::test]
async fn a_worker_that_never_polls_is_woken() -> anyhow::Result<()> {
    let (bench, _) = quiet_bench(2).await?;
    let other = other(&bench).await?;
    let (working, asking) = (durable(&bench.store)?, durable(&other)?);
    let options = WorkerOptions { poll_interval: NEVER, ..WorkerOptions::default() };
    let worker = working.start_worker(options).await?;
    until_listening(&bench, 1).await?;
    let spawned = asking.spawn::<Job>(()).await?;
    tokio::time::timeout(SOON, asking.wait_for_result(spawned, SOON)).await??;
    worker.shutdown().await;
    bench.close().await
}

#[tokio::test]
async fn cl_38_without_hints_everything_is_done_by_polling() -> anyhow::Result<()> {
    let (bench, mut listener) = quiet_bench(2).await?;
    let quiet = polling(&bench).await?;
    assert_eq!(quiet.capabilities().hints, HintScope::None);
    let options = WorkerOptions { poll_interval: Duration::from_millis(20), ..WorkerOptions::default() };
    let durable = durable(&quiet)?;
    let worker = durable.start_worker(options).await?;
    let spawned = durable.spawn::<Job>(()).await?;
    durable.wait_for_result(spawned, SOON).await?;
    worker.shutdown().await;
    assert_eq!(count(&bench, &mut listener).await?, 0);
    drop(listener);
    until_listening(&bench, 0).await?;
    bench.close().await
}
