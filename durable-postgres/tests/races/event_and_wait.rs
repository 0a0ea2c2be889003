//! A task goes to rest on an event while that is emitted.

use std::time::Duration;

use durable_core::model::{EventName, TaskState, Token};
use durable_core::store::{WaitAnswer, WaitSource};

use crate::child_and_wait::assert_woken;
use crate::stage::{BOTH_ORDERS, First, Held, at_once, close, meet, open_with_clock};
use crate::support::bench::Bench;

async fn rest(bench: Bench, task: Token) -> anyhow::Result<WaitAnswer> {
    bench.rest(task, "k", WaitSource::Event(EventName::new("e")?)).await
}

/// Another task waits already, so that there is a row to hold.
#[tokio::test]
async fn an_event_that_is_emitted_while_a_task_rests_wakes_it() -> anyhow::Result<()> {
    for first in BOTH_ORDERS {
        let bench = Bench::open(6).await?;
        let earlier = bench.running().await?.token;
        rest(bench.clone(), earlier).await?;
        let waiter = bench.running().await?.token;
        let held = Held::event(&bench, "e").await?;
        let (answer, ()) = meet(
            &bench,
            held,
            first,
            async move |bench| rest(bench, waiter).await,
            async move |bench| bench.emit("e").await,
        )
        .await?;
        assert_eq!(bench.view(earlier.task).await?.state, TaskState::Pending, "the earlier waiter");
        assert_woken(first, &answer, bench.view(waiter.task).await?.state);
        close(bench).await?;
    }
    Ok(())
}

/// The task is held: whoever rests on an event locks it before the task, as an emit does.
#[tokio::test]
async fn an_event_that_is_emitted_while_a_task_rests_on_it_again_blocks_nobody() -> anyhow::Result<()> {
    for first in BOTH_ORDERS {
        let bench = Bench::open(6).await?;
        let waiter = bench.running().await?.token;
        bench.register(waiter, "k", WaitSource::Event(EventName::new("e")?)).await?;
        let held = Held::task(&bench, waiter.task).await?;
        let (answer, ()) = meet(
            &bench,
            held,
            first,
            async move |bench| rest(bench, waiter).await,
            async move |bench| bench.emit("e").await,
        )
        .await?;
        assert_woken(first, &answer, bench.view(waiter.task).await?.state);
        close(bench).await?;
    }
    Ok(())
}

/// The emit knows its waiter, and waits for it.
#[tokio::test]
async fn an_event_that_is_emitted_while_its_waiter_is_cancelled_ends_no_wait_of_an_ended_task()
-> anyhow::Result<()> {
    for first in BOTH_ORDERS {
        let bench = Bench::open(6).await?;
        let waiter = bench.running().await?.token;
        rest(bench.clone(), waiter).await?;
        let held = Held::task(&bench, waiter.task).await?;
        meet(
            &bench,
            held,
            first,
            async move |bench| bench.emit("e").await,
            async move |bench| bench.cancel(waiter.task).await,
        )
        .await?;
        let ended: i64 = sqlx::query_scalar("select count(*) from durable.history where task = $1")
            .bind(waiter.task.as_uuid())
            .fetch_one(bench.store.pool())
            .await?;
        assert_eq!(ended, i64::from(first == First::One), "{first:?}");
        close(bench).await?;
    }
    Ok(())
}

/// Both want to make its row, and wait for a third who may or may not have made it. Who is let go first is open.
#[tokio::test]
async fn an_event_that_nobody_knew_yet_wakes_whoever_rests_meanwhile() -> anyhow::Result<()> {
    for is_made in [true, false] {
        let bench = Bench::open(6).await?;
        let waiter = bench.running().await?.token;
        let held = Held::new_event(&bench, "e").await?;
        let resting = tokio::spawn(rest(bench.clone(), waiter));
        let emitting = tokio::spawn({
            let bench = bench.clone();
            async move { bench.emit("e").await }
        });
        bench.blocked(2).await?;
        if is_made {
            held.let_go().await?;
        } else {
            held.give_up().await?;
        }
        let answer = resting.await??;
        emitting.await??;
        match (&answer, bench.view(waiter.task).await?.state) {
            (WaitAnswer::Suspended, TaskState::Pending) | (WaitAnswer::Met(_), TaskState::Running) => {}
            (answer, state) => panic!("{answer:?}, and the task is {state:?}"),
        }
        close(bench).await?;
    }
    Ok(())
}

/// W2: who has the event decides, and the other finds it decided.
#[tokio::test]
async fn w2_a_deadline_is_left_while_its_event_is_written() -> anyhow::Result<()> {
    let (bench, clock) = open_with_clock(6).await?;
    let waiter = bench.running().await?.token;
    bench.rest_until(waiter, "e", Duration::from_secs(10)).await?;
    clock.advance(Duration::from_secs(10));
    let held = Held::event(&bench, "e").await?;
    let emitting = tokio::spawn({
        let bench = bench.clone();
        async move { bench.emit("e").await }
    });
    bench.blocked(1).await?;
    let passing = at_once(bench.tick()).await?;
    assert_eq!(passing.woken, 0, "the event is being written");
    assert!(passing.more);
    held.let_go().await?;
    emitting.await??;
    assert_eq!(bench.view(waiter.task).await?.state, TaskState::Pending);
    assert_eq!(bench.tick().await?.woken, 0, "it has ended once");
    close(bench).await
}
