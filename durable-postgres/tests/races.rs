//! Two verbs meet at a record that a third connection holds: they are let go one after the other, in both orders.

mod support;

use durable_core::model::{EventName, TaskId, TaskState, Token};
use durable_core::store::{WaitAnswer, WaitSource};
use sqlx::{PgConnection, Postgres, Transaction};
use support::bench::Bench;
use tokio::sync::Mutex;

/// Blocked connections are counted over the whole server: one race at a time.
static ONE_AT_A_TIME: Mutex<()> = Mutex::const_new(());

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum First {
    Wait,
    End,
}

/// A parent that runs, and its child, claimed.
async fn family(bench: &Bench) -> anyhow::Result<(Token, TaskId, Token)> {
    let parent = bench.running().await?.token;
    let child = bench.spawn_child(parent).await?;
    Ok((parent, child, bench.claim_one().await?.token))
}

async fn hold_task<'a>(bench: &Bench, task: TaskId) -> anyhow::Result<Transaction<'a, Postgres>> {
    let mut held = bench.store.pool().begin().await?;
    lock(&mut held, "select 1 from durable.tasks where id = $1::uuid for update", &task.to_string()).await?;
    Ok(held)
}

async fn lock(held: &mut PgConnection, statement: &'static str, what: &str) -> anyhow::Result<()> {
    let locked = sqlx::query(statement).bind(what).execute(held).await?;
    anyhow::ensure!(locked.rows_affected() == 1, "there is nothing to hold");
    Ok(())
}

/// The parent rests on its child while the child ends; the one that is named starts first, and so is let go first.
async fn parent_and_child(first: First) -> anyhow::Result<(WaitAnswer, TaskState)> {
    let _guard = ONE_AT_A_TIME.lock().await;
    let bench = Bench::open(6).await?;
    let (parent, child, child_token) = family(&bench).await?;
    let held = hold_task(&bench, parent.task).await?;
    let resting = {
        let bench = bench.clone();
        async move { bench.rest(parent, "join", WaitSource::Child(child)).await }
    };
    let ending = {
        let bench = bench.clone();
        async move { bench.complete(child_token).await }
    };
    let (resting, ending) = if first == First::Wait {
        let resting = tokio::spawn(resting);
        bench.blocked(1).await?;
        let ending = tokio::spawn(ending);
        bench.blocked(2).await?;
        (resting, ending)
    } else {
        let ending = tokio::spawn(ending);
        bench.blocked(1).await?;
        let resting = tokio::spawn(resting);
        bench.blocked(2).await?;
        (resting, ending)
    };
    held.commit().await?;
    let answer = resting.await??;
    ending.await??.ends.remove(0)?;
    let state = bench.view(parent.task).await?.state;
    bench.close().await?;
    Ok((answer, state))
}

#[tokio::test]
async fn a_child_that_ends_after_its_parent_went_to_rest_wakes_it() -> anyhow::Result<()> {
    let (answer, state) = parent_and_child(First::Wait).await?;
    assert_eq!(answer, WaitAnswer::Suspended);
    assert_eq!(state, TaskState::Pending);
    Ok(())
}

#[tokio::test]
async fn a_child_that_ends_before_its_parent_goes_to_rest_is_met_at_once() -> anyhow::Result<()> {
    let (answer, state) = parent_and_child(First::End).await?;
    assert!(matches!(answer, WaitAnswer::Met(_)), "{answer:?}");
    assert_eq!(state, TaskState::Running);
    Ok(())
}

/// A task rests on an event while it is emitted; another task waits already, so that there is a row to hold.
async fn waiter_and_emit(first: First) -> anyhow::Result<(WaitAnswer, TaskState)> {
    let _guard = ONE_AT_A_TIME.lock().await;
    let bench = Bench::open(6).await?;
    let event = EventName::new("e")?;
    let earlier = bench.running().await?.token;
    bench.rest(earlier, "k", WaitSource::Event(event.clone())).await?;
    let waiter = bench.running().await?.token;
    let mut held = bench.store.pool().begin().await?;
    lock(&mut held, "select 1 from durable.events where name = $1 for update", "e").await?;
    let resting = {
        let bench = bench.clone();
        async move { bench.rest(waiter, "k", WaitSource::Event(event)).await }
    };
    let emitting = {
        let bench = bench.clone();
        async move { bench.emit("e").await }
    };
    let (resting, emitting) = if first == First::Wait {
        let resting = tokio::spawn(resting);
        bench.blocked(1).await?;
        let emitting = tokio::spawn(emitting);
        bench.blocked(2).await?;
        (resting, emitting)
    } else {
        let emitting = tokio::spawn(emitting);
        bench.blocked(1).await?;
        let resting = tokio::spawn(resting);
        bench.blocked(2).await?;
        (resting, emitting)
    };
    held.commit().await?;
    let answer = resting.await??;
    emitting.await??;
    assert_eq!(bench.view(earlier.task).await?.state, TaskState::Pending, "the earlier waiter");
    let state = bench.view(waiter.task).await?.state;
    bench.close().await?;
    Ok((answer, state))
}

#[tokio::test]
async fn an_emit_after_its_waiter_went_to_rest_wakes_it() -> anyhow::Result<()> {
    let (answer, state) = waiter_and_emit(First::Wait).await?;
    assert_eq!(answer, WaitAnswer::Suspended);
    assert_eq!(state, TaskState::Pending);
    Ok(())
}

#[tokio::test]
async fn an_emit_before_its_waiter_goes_to_rest_is_met_at_once() -> anyhow::Result<()> {
    let (answer, state) = waiter_and_emit(First::End).await?;
    assert!(matches!(answer, WaitAnswer::Met(_)), "{answer:?}");
    assert_eq!(state, TaskState::Running);
    Ok(())
}

#[tokio::test]
async fn a_claim_passes_over_what_another_holds() -> anyhow::Result<()> {
    let _guard = ONE_AT_A_TIME.lock().await;
    let bench = Bench::open(4).await?;
    let tasks = vec![support::bench::job()?, support::bench::job()?];
    let (first, second) = (tasks[0].id, tasks[1].id);
    bench.spawn(tasks).await?;
    let held = hold_task(&bench, first).await?;
    let claimed = bench.claim_one().await?;
    assert_eq!(claimed.token.task, second);
    held.commit().await?;
    assert_eq!(bench.claim_one().await?.token.task, first);
    bench.close().await
}
