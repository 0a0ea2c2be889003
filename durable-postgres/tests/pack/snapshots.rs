//! Transactions of others that stay open for long.

use std::time::Duration;

use durable_core::model::{CallId, Lease, TaskName, WorkerName};
use durable_core::store::{ClaimRequest, FencedError, Runs};

use crate::support::bench::{Bench, job};

#[tokio::test]
async fn pg_13_an_old_snapshot_elsewhere_hides_no_due_task() -> anyhow::Result<()> {
    let bench = Bench::open(4).await?;
    let mut old = bench.store.pool().begin_with("begin isolation level repeatable read").await?;
    let seen: i64 = sqlx::query_scalar("select count(*) from durable.tasks").fetch_one(&mut *old).await?;
    assert_eq!(seen, 0);
    bench.spawn(vec![job()?]).await?;
    assert_eq!(bench.claim(10).await?.claims.len(), 1);
    old.rollback().await?;
    bench.close().await
}

#[tokio::test]
async fn pg_12_the_time_that_a_verb_waits_for_a_lock_counts() -> anyhow::Result<()> {
    let bench = Bench::open(4).await?;
    bench.spawn(vec![job()?]).await?;
    let (worker, lease) = (WorkerName::new("w")?, Lease::new(Duration::from_secs(1))?);
    let (call, names) = (CallId::new(), vec![TaskName::new("job")?]);
    let request = ClaimRequest::new(bench.queue.clone(), call, worker, names, 1, lease);
    let claim = bench.store.claim(request).await?.claims.remove(0);
    let mut held = bench.store.pool().begin().await?;
    sqlx::query("select 1 from durable.tasks for update").execute(&mut *held).await?;
    let ending = tokio::spawn({
        let (bench, token) = (bench.clone(), claim.token);
        async move { bench.complete(token).await }
    });
    bench.blocked(1).await?;
    let is_over = "select statement_timestamp() > to_timestamp($1 / 1000.0)";
    while !sqlx::query_scalar(is_over)
        .bind(claim.expires_at.as_millis())
        .fetch_one(bench.store.pool())
        .await?
    {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    held.rollback().await?;
    let mut answer = ending.await??;
    assert!(matches!(answer.ends.remove(0), Err(FencedError::ClaimLost)));
    bench.close().await
}
