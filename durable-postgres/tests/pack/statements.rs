//! Prepared statements that the server does not know any more, or that do not fit its tables.

use crate::fill;
use crate::support::bench::{Bench, job};

/// A pool that is larger than a verb has attempts, in which every session has every statement of these verbs.
async fn prepared() -> anyhow::Result<Bench> {
    let bench = Bench::open(8).await?;
    fill(&bench).await?;
    for _ in 0..16 {
        round(&bench).await?;
    }
    Ok(bench)
}

async fn round(bench: &Bench) -> anyhow::Result<()> {
    bench.spawn(vec![job()?]).await?;
    let token = bench.claim_one().await?.token;
    bench.view(token.task).await?;
    bench.complete(token).await?;
    Ok(())
}

#[tokio::test]
async fn pg_2_a_cached_plan_of_another_type_costs_nothing() -> anyhow::Result<()> {
    let bench = prepared().await?;
    let change = "alter table durable.tasks alter column name type varchar(999)";
    sqlx::raw_sql(change).execute(bench.store.pool()).await?;
    for _ in 0..16 {
        round(&bench).await?;
    }
    bench.close().await
}

#[tokio::test]
async fn pg_2_statements_that_are_gone_cost_nothing() -> anyhow::Result<()> {
    let bench = prepared().await?;
    let mut all = Vec::new();
    for _ in 0..8 {
        let mut connection = bench.store.pool().acquire().await?;
        sqlx::raw_sql("deallocate all").execute(&mut *connection).await?;
        all.push(connection);
    }
    drop(all);
    for _ in 0..16 {
        round(&bench).await?;
    }
    bench.close().await
}

#[tokio::test]
async fn pg_2_columns_that_a_later_release_adds_cost_nothing() -> anyhow::Result<()> {
    let bench = prepared().await?;
    let change =
        "alter table durable.tasks add column later text; alter table durable.history add column later int";
    sqlx::raw_sql(change).execute(bench.store.pool()).await?;
    for _ in 0..16 {
        round(&bench).await?;
    }
    bench.close().await
}

#[tokio::test]
async fn pg_9_no_identifier_is_as_long_as_one_that_was_cut() -> anyhow::Result<()> {
    let bench = Bench::open(1).await?;
    let longest: i32 = sqlx::query_scalar(
        "select max(length(name)) from (
             select relname::text from pg_class where relnamespace = 'durable'::regnamespace
             union all select conname::text from pg_constraint where connamespace = 'durable'::regnamespace
             union all select attname::text from pg_attribute a join pg_class c on c.oid = a.attrelid
                 where c.relnamespace = 'durable'::regnamespace
         ) as names (name)",
    )
    .fetch_one(bench.store.pool())
    .await?;
    assert!((1..63).contains(&longest), "{longest}");
    bench.close().await
}
