//! What is one statement that commits itself, and what leaves it to a transaction.

mod support;

use anyhow::Context;
use durable_core::model::{CheckpointKind, EventName, Millis, Payload, StepKey, TaskId, TaskState, Token};
use durable_core::store::{
    Checkpoints, Effect, Ending, NewWait, RetryAfter, RetryRequest, RunEnd, Runs, SaveAnswer, SaveItem,
    SaveRequest, Tasks, WaitItem, WaitRequest, WaitSource,
};
use durable_postgres::{PostgresOptions, PostgresStore};
use sqlx::{Connection, PgConnection, Row};
use support::Server;
use support::bench::{Bench, job};

async fn save(bench: &Bench, token: Token) -> anyhow::Result<SaveAnswer> {
    let item = SaveItem {
        token,
        key: StepKey::new("step")?,
        kind: CheckpointKind::Step,
        payload: Payload::from_text("7"),
        took: Millis::ZERO,
        effect: Effect::None,
    };
    Ok(bench.store.save(SaveRequest::new(bench.queue.clone(), vec![item])).await?.remove(0)?)
}

/// Completes a run and takes what is pending by the same call.
async fn complete_and_take(bench: &Bench, token: Token) -> anyhow::Result<Option<TaskId>> {
    let ending = Ending::Complete { result: Payload::from_text("1") };
    let request = bench.claim_request(1)?.ending(vec![RunEnd { token, ending }]);
    let mut answer = bench.store.claim(request).await?;
    answer.ends.remove(0)?;
    Ok(answer.claims.pop().map(|claim| claim.token.task))
}

async fn fail(bench: &Bench, token: Token) -> anyhow::Result<()> {
    let ending = Ending::Fail { failure: Payload::from_text("1"), retry: RetryAfter::Never };
    bench
        .store
        .claim(bench.claim_request(0)?.ending(vec![RunEnd { token, ending }]))
        .await?
        .ends
        .remove(0)?;
    Ok(())
}

/// Where a task's row is, and whether the first command of its transaction wrote it.
async fn row(bench: &Bench, task: TaskId) -> anyhow::Result<(String, bool)> {
    let row = sqlx::query("select ctid::text, cmin::text = '0' as first from durable.tasks where id = $1")
        .bind(task.as_uuid())
        .fetch_one(bench.store.pool())
        .await?;
    Ok((row.try_get("ctid")?, row.try_get("first")?))
}

#[tokio::test]
async fn a_spawn_is_one_statement() -> anyhow::Result<()> {
    let mut bench = Bench::open(1).await?;
    bench.store.close().await;
    // Hints would be the last statement.
    let options = PostgresOptions::default().connections(1).listen(false);
    bench.store = PostgresStore::open_with(&Server::get().url_of(&bench.database), options).await?;
    bench.spawn(vec![job()?]).await?;
    let mut beside = PgConnection::connect(Server::get().url()).await?;
    let last: String = sqlx::query_scalar("select query from pg_stat_activity where datname = $1")
        .bind(&bench.database)
        .fetch_one(&mut beside)
        .await?;
    assert!(last.starts_with("-- Inserts tasks"), "no commit follows: {last}");
    bench.close().await
}

#[tokio::test]
async fn a_checkpoint_without_an_effect_is_one_statement() -> anyhow::Result<()> {
    let bench = Bench::open(1).await?;
    let token = bench.running().await?.token;
    save(&bench, token).await?;
    assert!(row(&bench, token.task).await?.1);
    bench.close().await
}

#[tokio::test]
async fn completing_and_taking_is_one_statement() -> anyhow::Result<()> {
    let bench = Bench::open(1).await?;
    let token = bench.running().await?.token;
    bench.spawn(vec![job()?]).await?;
    let next = complete_and_take(&bench, token).await?.context("nothing was taken")?;
    assert!(row(&bench, token.task).await?.1, "the completed one");
    assert!(row(&bench, next).await?.1, "the taken one");
    bench.close().await
}

#[tokio::test]
async fn c7_one_run_that_is_over_lets_none_of_the_others_be_completed_twice() -> anyhow::Result<()> {
    let bench = Bench::open(1).await?;
    bench.spawn(vec![job()?, job()?]).await?;
    let (first, second) = (bench.claim_one().await?.token, bench.claim_one().await?.token);
    fail(&bench, first).await?;
    let end = |token| RunEnd { token, ending: Ending::Complete { result: Payload::from_text("1") } };
    let request = bench.claim_request(1)?.ending(vec![end(first), end(second)]);
    let ends = bench.store.claim(request).await?.ends;
    assert!(ends[0].is_err() && ends[1].is_ok(), "{ends:?}");
    assert!(!row(&bench, second.task).await?.1, "by the transaction");
    bench.close().await
}

#[tokio::test]
async fn a_checkpoint_of_a_task_that_another_holds_waits_for_it() -> anyhow::Result<()> {
    let bench = Bench::open(4).await?;
    let token = bench.running().await?.token;
    let mut held = bench.store.pool().begin().await?;
    let lock = "select 1 from durable.tasks where id = $1 for update";
    sqlx::query(lock).bind(token.task.as_uuid()).execute(&mut *held).await?;
    let saving = tokio::spawn({
        let bench = bench.clone();
        async move { save(&bench, token).await }
    });
    bench.blocked(1).await?;
    held.commit().await?;
    assert!(matches!(saving.await??, SaveAnswer::Stored { .. }));
    bench.close().await
}

#[tokio::test]
async fn whoever_registers_a_wait_writes_the_tasks_row() -> anyhow::Result<()> {
    let bench = Bench::open(1).await?;
    let token = bench.running().await?.token;
    let before = row(&bench, token.task).await?;
    let source = WaitSource::Event(EventName::new("e")?);
    let item = WaitItem {
        token,
        waits: vec![NewWait { key: StepKey::new("k")?, source, deadline: None }],
        rest: None,
    };
    bench.store.wait(WaitRequest::new(bench.queue.clone(), vec![item])).await?.remove(0)?;
    assert_ne!(row(&bench, token.task).await?.0, before.0);
    bench.close().await
}

#[tokio::test]
async fn whoever_gives_a_task_a_live_child_writes_its_row() -> anyhow::Result<()> {
    let bench = Bench::open(1).await?;
    let parent = bench.running().await?.token;
    let before = row(&bench, parent.task).await?;
    let child = bench.spawn_child(parent).await?;
    let spawned = row(&bench, parent.task).await?;
    assert_ne!(spawned.0, before.0, "by its spawn");
    fail(&bench, bench.claim_one().await?.token).await?;
    let ended = row(&bench, parent.task).await?;
    bench.store.retry(RetryRequest::new(bench.queue.clone(), child, 1, None)).await?;
    assert_ne!(row(&bench, parent.task).await?.0, ended.0, "by its retry");
    bench.close().await
}

#[tokio::test]
async fn a_task_with_a_live_child_is_not_completed_by_its_row_alone() -> anyhow::Result<()> {
    let bench = Bench::open(1).await?;
    let parent = bench.running().await?.token;
    let child = bench.spawn_child(parent).await?;
    complete_and_take(&bench, parent).await?;
    assert!(matches!(bench.view(child).await?.state, TaskState::Ended(_)), "its parent cancels it");
    bench.close().await
}

#[tokio::test]
async fn t1_the_end_of_a_child_is_written_to_its_parent_also_beside_a_take() -> anyhow::Result<()> {
    let bench = Bench::open(1).await?;
    let parent = bench.running().await?.token;
    bench.spawn_child(parent).await?;
    let child = bench.claim_one().await?.token;
    let before = bench.view(parent.task).await?;
    complete_and_take(&bench, child).await?;
    let stored: i64 = sqlx::query_scalar("select count(*) from durable.history where task = $1 and kind = 7")
        .bind(before.id.as_uuid())
        .fetch_one(bench.store.pool())
        .await?;
    assert_eq!(stored, 1);
    bench.close().await
}
