//! The server's own time limits and deadlocks.

use std::time::Duration;

use durable_core::model::{Millis, TaskId};
use durable_core::store::{Ending, RunEnd, Runs, StoreErrorKind};
use durable_postgres::PostgresOptions;
use sqlx::{PgConnection, Postgres, Transaction};

use crate::commits::behind_a_proxy;
use crate::support::Server;
use crate::support::bench::{Bench, job};
use crate::support::proxy::Plan;
use crate::{assert_undone, bench_at, database, fault};

/// A store whose sessions have this set, in a database of its own.
async fn with(setting: &str) -> anyhow::Result<Bench> {
    let server = Server::get();
    let url = server.url_of(&database(server).await?);
    bench_at(&format!("{url}&options[{setting}"), PostgresOptions::default()).await
}

/// Another session of the database, without the limit.
async fn outside(bench: &Bench) -> anyhow::Result<Transaction<'static, Postgres>> {
    let mut outside = bench.store.pool().begin().await?;
    sqlx::raw_sql(
        "set local statement_timeout = 0; set local lock_timeout = 0; set local deadlock_timeout = '60s'",
    )
    .execute(&mut *outside)
    .await?;
    Ok(outside)
}

async fn hold_task(session: &mut PgConnection, task: TaskId) -> anyhow::Result<()> {
    sqlx::query("select 1 from durable.tasks where id = $1::uuid for update")
        .bind(task.to_string())
        .execute(session)
        .await?;
    Ok(())
}

async fn hold_tasks(session: &mut PgConnection) -> anyhow::Result<()> {
    sqlx::query("lock table durable.tasks in access exclusive mode").execute(session).await?;
    Ok(())
}

#[tokio::test]
async fn pg_5_a_statement_timeout_is_unavailable_and_leaves_nothing_half_done() -> anyhow::Result<()> {
    let bench = with("statement_timeout]=100").await?;
    let mut outside = outside(&bench).await?;
    hold_tasks(&mut outside).await?;
    let cancelled = fault(bench.spawn(vec![job()?]).await);
    assert_undone(&cancelled);
    assert!(cancelled.context.contains("cancelled"), "{cancelled}");
    outside.rollback().await?;
    assert_eq!(bench.claim(10).await?.claims.len(), 0);
    Ok(())
}

#[tokio::test]
async fn pg_5_a_lock_timeout_is_unavailable_after_the_last_attempt() -> anyhow::Result<()> {
    let bench = with("lock_timeout]=20").await?;
    let mut outside = outside(&bench).await?;
    hold_tasks(&mut outside).await?;
    let refused = fault(bench.spawn(vec![job()?]).await);
    assert_undone(&refused);
    assert!(refused.context.contains("lock"), "{refused}");
    outside.rollback().await?;
    assert_eq!(bench.claim(10).await?.claims.len(), 0);
    Ok(())
}

#[tokio::test]
async fn pg_1_a_lock_that_is_granted_to_a_later_attempt_costs_the_caller_nothing() -> anyhow::Result<()> {
    let bench = with("lock_timeout]=1000").await?;
    let mut outside = outside(&bench).await?;
    hold_tasks(&mut outside).await?;
    let spawning = tokio::spawn({
        let bench = bench.clone();
        async move { bench.spawn(vec![job()?]).await }
    });
    let look = async {
        let first = waits_since(&bench, None).await?;
        waits_since(&bench, Some(first)).await
    };
    tokio::time::timeout(Duration::from_secs(20), look).await??;
    outside.rollback().await?;
    spawning.await??;
    assert_eq!(bench.claim(10).await?.claims.len(), 1);
    Ok(())
}

/// When the transaction that waits for a lock began, as soon as it is another than this one.
async fn waits_since(bench: &Bench, but: Option<String>) -> anyhow::Result<String> {
    loop {
        let begun: Option<String> = sqlx::query_scalar(
            "select xact_start::text from pg_stat_activity \
             where datname = current_database() and wait_event_type = 'Lock'",
        )
        .fetch_optional(bench.store.pool())
        .await?;
        match begun {
            Some(begun) if but.as_ref() != Some(&begun) => return Ok(begun),
            _ => tokio::task::yield_now().await,
        }
    }
}

#[tokio::test]
async fn pg_1_a_verb_that_a_deadlock_ends_is_begun_again() -> anyhow::Result<()> {
    let bench = with("deadlock_timeout]=1000").await?;
    let (first, second) = (bench.running().await?.token, bench.running().await?.token);
    let (low, high) = (first.task.min(second.task), first.task.max(second.task));
    let mut outside = outside(&bench).await?;
    hold_task(&mut outside, high).await?;
    // It takes both in the order of their ids, and waits for the second.
    let ending = tokio::spawn({
        let bench = bench.clone();
        async move {
            let end = |token| RunEnd { token, ending: Ending::Release { after: Millis::ZERO } };
            let request = bench.claim_request(0)?.ending(vec![end(first), end(second)]);
            anyhow::Ok(bench.store.claim(request).await?)
        }
    });
    bench.blocked(1).await?;
    hold_task(&mut outside, low).await?;
    outside.rollback().await?;
    assert!(ending.await??.ends.iter().all(Result::is_ok));
    Ok(())
}

#[tokio::test]
async fn pg_5_a_session_that_the_server_ends_before_its_commit_leaves_nothing() -> anyhow::Result<()> {
    let limit = "&options[idle_in_transaction_session_timeout]=200";
    let (bench, proxy) = behind_a_proxy(limit, PostgresOptions::default()).await?;
    proxy.set(Plan::HoldCommit);
    let ended = fault(bench.spawn(vec![job()?, job()?]).await);
    // Nobody can tell from the answer that the commit was never read.
    assert_eq!((ended.kind, ended.may_have_happened), (StoreErrorKind::Unavailable, true), "{ended:?}");
    assert!(ended.context.contains("idle"), "{ended}");
    assert_eq!(bench.claim(10).await?.claims.len(), 0);
    Ok(())
}
