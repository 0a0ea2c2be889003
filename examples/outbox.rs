//! An outbox without a table for it: a row and its task are written by one transaction, both or neither.
//!
//! `cargo run --features postgres --example outbox -- --store postgres://…`, or with `DATABASE_URL` set. It makes a table
//! `outbox_orders`.

use std::{borrow::Cow, time::Duration};

use anyhow::{Context, ensure};
use durable::postgres::sqlx::{self, PgPool};
use durable::{
    Durable, DurableError, PostgresStore, SpawnOptions, StepState, Task, TaskContext, TaskResult,
    WorkerOptions, async_trait,
};

/// Waits until an order is paid, and ships it.
#[derive(Default)]
struct Ship;

#[async_trait]
impl Task<PgPool> for Ship {
    fn name(&self) -> Cow<'static, str> {
        "ship".into()
    }
    /// The order's number.
    type Params = i64;
    type Output = String;

    async fn run(&self, order: i64, mut ctx: TaskContext<PgPool>, _: PgPool) -> TaskResult<String> {
        // It was spawned with the row, so the row is there.
        let item: String = ctx.step("read", order, read).await?;
        let () = ctx.await_event(&format!("paid:{order}"), None).await?;
        Ok(format!("{item} is shipped"))
    }
}

async fn read(order: i64, step: StepState<PgPool>) -> anyhow::Result<String> {
    let query = sqlx::query_scalar("select item from outbox_orders where id = $1").bind(order);
    Ok(query.fetch_one(&step.state).await?)
}

const INSERT: &str = "insert into outbox_orders (item) values ($1) returning id";
const PAY: &str = "update outbox_orders set paid = true where id = $1";

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let store = PostgresStore::open(&url()?).await?;
    // Any pool on the same database will do.
    let pool = store.pool().clone();
    sqlx::raw_sql(
        "create table if not exists outbox_orders
         (id bigint generated always as identity primary key, item text not null, paid boolean not null default false)",
    )
    .execute(&pool)
    .await?;
    let durable = Durable::builder()
        .store(std::sync::Arc::new(store.clone()))
        .queue_name("outbox")
        .register::<Ship>()?
        .build_with_state(pool.clone())?;
    durable.create_queue().await?;
    let worker = durable.start_worker(WorkerOptions::default()).await?;

    // The row and the task come with the commit.
    let mut tx = pool.begin().await?;
    let order: i64 = sqlx::query_scalar(INSERT).bind("a kettle").fetch_one(&mut *tx).await?;
    let request = durable.prepare::<Ship>(&order, &SpawnOptions::default())?;
    let task = store.spawn_in(&mut tx, request).await?.task;
    tx.commit().await?;
    println!("a kettle is ordered");

    // Or neither does.
    let mut tx = pool.begin().await?;
    let refused: i64 = sqlx::query_scalar(INSERT).bind("a second kettle").fetch_one(&mut *tx).await?;
    let request = durable.prepare::<Ship>(&refused, &SpawnOptions::default())?;
    let never = store.spawn_in(&mut tx, request).await?.task;
    tx.rollback().await?;
    let rows: i64 = sqlx::query_scalar("select count(*) from outbox_orders where id = $1")
        .bind(refused)
        .fetch_one(&pool)
        .await?;
    ensure!(rows == 0, "the row of a transaction that was rolled back");
    let found = durable.get_task_result(never).await;
    ensure!(matches!(found, Err(DurableError::TaskNotFound { .. })), "its task: {found:?}");
    println!("a second kettle is not, and has no task");

    // The payment and its event, rolled back and then committed.
    for commits in [false, true] {
        let mut tx = pool.begin().await?;
        sqlx::query(PAY).bind(order).execute(&mut *tx).await?;
        store.emit_in(&mut tx, durable.prepare_event(&format!("paid:{order}"), &())?).await?;
        if commits {
            tx.commit().await?;
            println!("the kettle is paid");
        } else {
            tx.rollback().await?;
            let waits = durable.wait_for_result(task, Duration::from_millis(300)).await;
            ensure!(matches!(waits, Err(DurableError::WaitTimeout { .. })), "shipped unpaid: {waits:?}");
            println!("the kettle is not paid, and waits");
        }
    }
    let result = durable.wait_for_result(task, Duration::from_secs(10)).await?;
    println!("{}", result.output::<String>()?);
    worker.shutdown().await;
    store.close().await;
    Ok(())
}

/// Where the orders are.
fn url() -> anyhow::Result<String> {
    let mut args = std::env::args().skip(1);
    match (args.next().as_deref(), args.next()) {
        (Some("--store"), Some(url)) => Ok(url),
        (None, _) => std::env::var("DATABASE_URL").context("say --store postgres://… or set DATABASE_URL"),
        _ => anyhow::bail!("the only argument is --store postgres://…"),
    }
}
