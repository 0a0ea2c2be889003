//! Transactions of others that stay open for long.

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
