//! Spawns and emits in the caller's own transaction.

#![allow(clippy::unwrap_used, reason = "a test may fail")]

mod support;

use durable_core::DurableError;
use durable_core::model::{EmitId, EventName, Payload, TaskId, TaskState};
use durable_core::store::{
    EmitRequest, EventWrite, NewTask, SpawnRequest, StoreError, StoreErrorKind, TaskView, WaitSource,
};
use durable_postgres::PostgresStore;
use futures::{FutureExt, StreamExt};
use sqlx::postgres::{PgPool, PgTransaction};

use support::Server;
use support::bench::{Bench, job, keyed};
use support::ears::{NOW, SOON, count, heard_by, next, other, polling, quiet_bench};

/// What a transaction of the application begins by.
const SNAPSHOTS: [&str; 2] = ["begin isolation level repeatable read", "begin isolation level serializable"];

fn spawning(bench: &Bench, tasks: Vec<NewTask>) -> SpawnRequest {
    SpawnRequest::new(bench.queue.clone(), tasks)
}

fn emitting(bench: &Bench, name: &str) -> anyhow::Result<EmitRequest> {
    let event = EventWrite {
        name: EventName::new(name)?,
        payload: Payload::from_text("7"),
        metadata: Payload::from_text("{}"),
        id: EmitId::new(),
    };
    Ok(EmitRequest::new(bench.queue.clone(), event))
}

/// The application's own connections, with the server's settings.
async fn own_pool(bench: &Bench) -> anyhow::Result<PgPool> {
    let pool = PgPool::connect(&Server::get().url_of(&bench.database)).await?;
    sqlx::raw_sql("create table orders (id bigint primary key)").execute(&pool).await?;
    Ok(pool)
}

async fn order(tx: &mut PgTransaction<'_>, id: i64) -> anyhow::Result<()> {
    sqlx::query("insert into orders (id) values ($1)").bind(id).execute(&mut **tx).await?;
    Ok(())
}

async fn orders(pool: &PgPool) -> anyhow::Result<i64> {
    Ok(sqlx::query_scalar("select count(*) from orders").fetch_one(pool).await?)
}

async fn tasks(bench: &Bench) -> anyhow::Result<i64> {
    Ok(sqlx::query_scalar("select count(*) from durable.tasks").fetch_one(bench.store.pool()).await?)
}

async fn end(tx: PgTransaction<'_>, commits: bool) -> anyhow::Result<()> {
    let end = if commits { tx.commit().await } else { tx.rollback().await };
    Ok(end?)
}

/// A task that rests on an event.
async fn resting(bench: &Bench, event: &str) -> anyhow::Result<TaskId> {
    let token = bench.running().await?.token;
    bench.rest(token, "answer", WaitSource::Event(EventName::new(event)?)).await?;
    Ok(token.task)
}

fn is_ready(task: &TaskView) -> bool {
    task.state == TaskState::Pending
}

fn fault(error: DurableError) -> StoreError {
    match error {
        DurableError::Store(fault) => fault,
        error => unreachable!("{error}"),
    }
}

#[tokio::test]
async fn a_commit_brings_both_and_then_tells() -> anyhow::Result<()> {
    let (bench, _) = quiet_bench(4).await?;
    let (pool, other) = (own_pool(&bench).await?, other(&bench).await?);
    let mut own_hints = heard_by(&bench.store, &bench.queue).await;
    let mut hints = heard_by(&other, &bench.queue).await;
    let mut tx = pool.begin().await?;
    order(&mut tx, 1).await?;
    let task = job()?;
    let id = task.id;
    let spawned = bench.store.spawn_in(&mut tx, spawning(&bench, vec![task])).await?;
    assert_eq!((spawned.task, spawned.created), (id, true));
    assert_eq!(bench.claim(1).await?.claims.len(), 0);
    assert_eq!((own_hints.next().now_or_never(), hints.next().now_or_never()), (None, None));
    tx.commit().await?;
    assert_eq!((next(&mut own_hints).await, next(&mut hints).await), (NOW, NOW));
    assert_eq!((orders(&pool).await?, bench.claim_one().await?.token.task), (1, id));
    bench.close().await
}

#[tokio::test]
async fn a_rollback_leaves_nothing_and_tells_nothing() -> anyhow::Result<()> {
    let (bench, mut listener) = quiet_bench(4).await?;
    let pool = own_pool(&bench).await?;
    let waiter = resting(&bench, "paid").await?;
    let before = tasks(&bench).await?;
    // The waiter's own spawn is told.
    tokio::time::timeout(SOON, listener.recv()).await??;
    let mut tx = pool.begin().await?;
    order(&mut tx, 1).await?;
    bench.store.spawn_in(&mut tx, spawning(&bench, vec![job()?])).await?;
    bench.store.emit_in(&mut tx, emitting(&bench, "paid")?).await?;
    tx.rollback().await?;
    assert_eq!(count(&bench, &mut listener).await?, 0);
    assert_eq!((orders(&pool).await?, tasks(&bench).await?), (0, before));
    assert!(!is_ready(&bench.view(waiter).await?));
    bench.emit("paid").await?;
    assert!(is_ready(&bench.view(waiter).await?));
    bench.close().await
}

#[tokio::test]
async fn where_nobody_listens_a_transaction_tells_nothing() -> anyhow::Result<()> {
    let (bench, mut listener) = quiet_bench(4).await?;
    let polling = polling(&bench).await?;
    let mut tx = polling.pool().begin().await?;
    polling.spawn_in(&mut tx, spawning(&bench, vec![job()?])).await?;
    tx.commit().await?;
    assert_eq!(count(&bench, &mut listener).await?, 0);
    bench.close().await
}

#[tokio::test]
async fn a_refused_batch_leaves_nothing_and_the_transaction_goes_on() -> anyhow::Result<()> {
    let (bench, mut listener) = quiet_bench(4).await?;
    let pool = own_pool(&bench).await?;
    let mut tx = pool.begin().await?;
    bench.store.spawn_in(&mut tx, spawning(&bench, vec![keyed("k", "a")?])).await?;
    order(&mut tx, 1).await?;
    // The first request is as large as one may be, and of the second a part is new.
    let many = (0..1_000).map(|_| job()).collect::<anyhow::Result<Vec<_>>>()?;
    let requests = vec![spawning(&bench, many), spawning(&bench, vec![job()?, keyed("k", "b")?])];
    let refused = bench.store.spawn_many_in(&mut tx, requests.clone()).await.unwrap_err();
    assert!(matches!(&refused, DurableError::IdempotencyConflict { key, .. } if key == "k"), "{refused}");
    order(&mut tx, 2).await?;
    tx.commit().await?;
    assert_eq!((orders(&pool).await?, tasks(&bench).await?), (2, 1));
    assert_eq!(count(&bench, &mut listener).await?, 1);

    let mut tx = pool.begin().await?;
    let requests = requests.into_iter().take(1).chain([spawning(&bench, vec![keyed("k", "a")?])]).collect();
    let spawned = bench.store.spawn_many_in(&mut tx, requests).await?;
    tx.commit().await?;
    assert_eq!(spawned.iter().filter(|spawned| spawned.created).count(), 1_000);
    assert_eq!((spawned.len(), tasks(&bench).await?), (1_001, 1_001));
    bench.close().await
}

#[tokio::test]
async fn what_is_no_single_task_and_what_has_no_queue_is_refused() -> anyhow::Result<()> {
    let bench = Bench::open(4).await?;
    let mut tx = bench.store.pool().begin().await?;
    for tasks in [vec![], vec![job()?, job()?]] {
        let refused = bench.store.spawn_in(&mut tx, spawning(&bench, tasks)).await.unwrap_err();
        assert!(matches!(refused, DurableError::Invalid(_)), "{refused}");
    }
    let nowhere = SpawnRequest::new("nowhere".parse()?, vec![job()?]);
    let refused = fault(bench.store.spawn_in(&mut tx, nowhere).await.unwrap_err());
    assert_eq!(refused.kind, StoreErrorKind::NotFound);
    bench.store.spawn_in(&mut tx, spawning(&bench, vec![job()?])).await?;
    tx.commit().await?;
    assert_eq!(tasks(&bench).await?, 1);
    bench.close().await
}

#[tokio::test]
async fn an_emit_wakes_at_the_commit_and_not_before() -> anyhow::Result<()> {
    let (bench, _) = quiet_bench(4).await?;
    let waiter = resting(&bench, "paid").await?;
    let other = other(&bench).await?;
    let mut hints = heard_by(&other, &bench.queue).await;
    let mut tx = bench.store.pool().begin().await?;
    bench.store.emit_in(&mut tx, emitting(&bench, "paid")?).await?;
    assert!(!is_ready(&bench.view(waiter).await?));
    tx.commit().await?;
    assert_eq!(next(&mut hints).await, NOW);
    assert!(is_ready(&bench.view(waiter).await?));
    bench.close().await
}

/// An emit is held open while a run comes to rest on its event, and is then committed or rolled back.
async fn rest_during_emit(commits: bool) -> anyhow::Result<()> {
    let bench = Bench::open(4).await?;
    let token = bench.running().await?.token;
    let mut tx = bench.store.pool().begin().await?;
    bench.store.emit_in(&mut tx, emitting(&bench, "paid")?).await?;
    let rest = tokio::spawn({
        let bench = bench.clone();
        async move { bench.rest(token, "answer", WaitSource::Event(EventName::new("paid")?)).await }
    });
    bench.blocked(1).await?;
    end(tx, commits).await?;
    rest.await??;
    let state = bench.view(token.task).await?.state;
    assert_eq!(state == TaskState::Sleeping, !commits, "{state:?}");
    if !commits {
        bench.emit("paid").await?;
        assert!(is_ready(&bench.view(token.task).await?));
    }
    bench.close().await
}

#[tokio::test]
async fn a_wait_that_meets_an_open_emit_is_not_lost() -> anyhow::Result<()> {
    rest_during_emit(true).await
}

#[tokio::test]
async fn a_wait_that_meets_an_emit_that_is_rolled_back_stands() -> anyhow::Result<()> {
    rest_during_emit(false).await
}

#[tokio::test]
async fn pg_3_an_emit_from_an_old_snapshot_is_refused() -> anyhow::Result<()> {
    for begin in SNAPSHOTS {
        let bench = Bench::open(4).await?;
        // The event is there to be locked.
        resting(&bench, "paid").await?;
        let mut tx = bench.store.pool().begin_with(begin).await?;
        // The snapshot is taken, and has not the wait that comes now.
        sqlx::query("select count(*) from durable.waits").execute(&mut *tx).await?;
        let waiter = resting(&bench, "paid").await?;
        let refused = fault(bench.store.emit_in(&mut tx, emitting(&bench, "paid")?).await.unwrap_err());
        assert_eq!((refused.kind, refused.may_have_happened), (StoreErrorKind::Unsupported, false));
        // The transaction goes on.
        sqlx::query("select 1").execute(&mut *tx).await?;
        tx.commit().await?;
        bench.emit("paid").await?;
        assert!(is_ready(&bench.view(waiter).await?));
        bench.close().await?;
    }
    Ok(())
}

/// Spawns a key in a transaction whose snapshot is older than another spawn of the key.
async fn late_spawn(store: &PostgresStore, bench: &Bench, begin: &'static str) -> Result<bool, DurableError> {
    let mut tx = store.pool().begin_with(begin).await.unwrap();
    sqlx::query("select count(*) from durable.tasks").execute(&mut *tx).await.unwrap();
    bench.spawn(vec![keyed(begin, "a").unwrap()]).await.unwrap();
    let spawned = store.spawn_in(&mut tx, spawning(bench, vec![keyed(begin, "a").unwrap()])).await?;
    tx.commit().await.unwrap();
    Ok(spawned.created)
}

#[tokio::test]
async fn pg_3_a_spawn_is_right_or_an_error_in_every_isolation() -> anyhow::Result<()> {
    let bench = Bench::open(4).await?;
    assert!(!late_spawn(&bench.store, &bench, "begin isolation level read committed").await?);
    for begin in SNAPSHOTS {
        let fault = fault(late_spawn(&bench.store, &bench, begin).await.unwrap_err());
        assert_eq!((fault.kind, fault.may_have_happened), (StoreErrorKind::Unavailable, false));
        let source = std::error::Error::source(&fault).unwrap().to_string();
        assert!(source.contains("40001"), "{source}");
    }
    assert_eq!(tasks(&bench).await?, 3);
    for begin in SNAPSHOTS {
        let mut tx = bench.store.pool().begin_with(begin).await?;
        bench.store.spawn_in(&mut tx, spawning(&bench, vec![job()?])).await?;
        tx.commit().await?;
    }
    assert_eq!(tasks(&bench).await?, 5);
    bench.close().await
}

#[tokio::test]
async fn a_spawn_waits_for_an_open_transaction_with_its_key() -> anyhow::Result<()> {
    for commits in [true, false] {
        let bench = Bench::open(4).await?;
        let mut tx = bench.store.pool().begin().await?;
        bench.store.spawn_in(&mut tx, spawning(&bench, vec![keyed("k", "a")?])).await?;
        let spawn = tokio::spawn({
            let bench = bench.clone();
            async move { bench.spawn(vec![keyed("k", "a")?]).await }
        });
        bench.blocked(1).await?;
        end(tx, commits).await?;
        spawn.await??;
        assert_eq!(tasks(&bench).await?, 1);
        bench.close().await?;
    }
    Ok(())
}

#[tokio::test]
async fn the_settings_of_the_transaction_stay_as_they_are() -> anyhow::Result<()> {
    let bench = Bench::open(4).await?;
    let pool = own_pool(&bench).await?;
    let mut tx = pool.begin().await?;
    let settings = "select string_agg(name || '=' || setting, ' ' order by name) from pg_settings";
    let before: String = sqlx::query_scalar(settings).fetch_one(&mut *tx).await?;
    bench.store.spawn_in(&mut tx, spawning(&bench, vec![job()?])).await?;
    bench.store.emit_in(&mut tx, emitting(&bench, "paid")?).await?;
    let after: String = sqlx::query_scalar(settings).fetch_one(&mut *tx).await?;
    assert_eq!(before, after);
    bench.close().await
}
