//! An event is emitted, or waited for, while purge removes it.

use durable_core::model::{EventName, Millis, TaskState};
use durable_core::store::{PurgeRequest, Upkeep, WaitAnswer, WaitSource};
use sqlx::{Postgres, Row, Transaction};

use crate::stage::{Held, at_once, close};
use crate::support::bench::Bench;

/// A purge that has locked what it is about to remove.
struct Purge(Transaction<'static, Postgres>, Vec<String>);

impl Purge {
    async fn begin(bench: &Bench) -> anyhow::Result<Self> {
        let mut tx = bench.store.pool().begin().await?;
        let locked = sqlx::query(include_str!("../../src/sql/upkeep/purge_events_lock.sql"))
            .bind(bench.queue.as_str())
            .bind(i64::MAX)
            .bind(10_i64)
            .fetch_all(&mut *tx)
            .await?;
        let names: Vec<String> = locked.iter().map(|row| row.try_get("name")).collect::<Result<_, _>>()?;
        assert_eq!(names, ["e"]);
        Ok(Self(tx, names))
    }

    async fn finish(self) -> anyhow::Result<()> {
        let Self(mut tx, names) = self;
        let gone = sqlx::query(include_str!("../../src/sql/upkeep/purge_events.sql"))
            .bind("q")
            .bind(names)
            .bind(0_i64)
            .execute(&mut *tx)
            .await?;
        assert_eq!(gone.rows_affected(), 1);
        Ok(tx.commit().await?)
    }
}

/// Leaves the row of an event that was looked for and is not waited for any more.
async fn leave_placeholder(bench: &Bench) -> anyhow::Result<()> {
    let waiter = bench.running().await?.token;
    bench.rest(waiter, "k", WaitSource::Event(EventName::new("e")?)).await?;
    bench.cancel(waiter.task).await?;
    Ok(())
}

async fn written(bench: &Bench) -> anyhow::Result<bool> {
    let statement =
        "select exists (select 1 from durable.events where name = 'e' and written_at is not null)";
    Ok(sqlx::query_scalar(statement).fetch_one(bench.store.pool()).await?)
}

#[tokio::test]
async fn an_event_that_is_emitted_while_its_row_is_purged_is_written() -> anyhow::Result<()> {
    for is_written in [false, true] {
        let bench = Bench::open(6).await?;
        if is_written {
            bench.emit("e").await?;
        } else {
            leave_placeholder(&bench).await?;
        }
        let purge = Purge::begin(&bench).await?;
        let emitting = tokio::spawn({
            let bench = bench.clone();
            async move { bench.emit("e").await }
        });
        bench.blocked(1).await?;
        purge.finish().await?;
        emitting.await??;
        assert!(written(&bench).await?);
        close(bench).await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_wait_for_an_event_whose_row_is_purged_meanwhile_stands() -> anyhow::Result<()> {
    let bench = Bench::open(6).await?;
    leave_placeholder(&bench).await?;
    let waiter = bench.running().await?.token;
    let purge = Purge::begin(&bench).await?;
    let resting = tokio::spawn({
        let bench = bench.clone();
        async move { bench.rest(waiter, "k", WaitSource::Event(EventName::new("e")?)).await }
    });
    bench.blocked(1).await?;
    purge.finish().await?;
    assert_eq!(resting.await??, WaitAnswer::Suspended);
    bench.emit("e").await?;
    assert_eq!(bench.view(waiter.task).await?.state, TaskState::Pending);
    close(bench).await
}

#[tokio::test]
async fn a_purge_leaves_an_event_that_is_being_written() -> anyhow::Result<()> {
    let bench = Bench::open(6).await?;
    bench.emit("e").await?;
    let held = Held::event(&bench, "e").await?;
    let emitting = tokio::spawn({
        let bench = bench.clone();
        async move { bench.emit("e").await }
    });
    bench.blocked(1).await?;
    let request = PurgeRequest::new(bench.queue.clone(), Vec::new(), Millis::ZERO, 10).with_events();
    let passing = at_once(async { Ok(bench.store.purge(request).await?) }).await?;
    assert_eq!(passing.purged, 0);
    held.let_go().await?;
    emitting.await??;
    assert!(written(&bench).await?);
    close(bench).await
}
