//! A failed task is reopened while it, or its parent, is cancelled, or while it is purged.

use durable_core::model::{EndState, Payload, TaskId, TaskState, Token};
use durable_core::store::{CancelAnswer, Ending, RetryAfter, RetryAnswer, RetryRequest, RunEnd, Runs, Tasks};

use crate::stage::{BOTH_ORDERS, First, Held, close, family, meet};
use crate::support::bench::Bench;

async fn fail(bench: &Bench, token: Token) -> anyhow::Result<()> {
    let ending = Ending::Fail { failure: Payload::from_text("1"), retry: RetryAfter::Never };
    let request = bench.claim_request(0)?.ending(vec![RunEnd { token, ending }]);
    bench.store.claim(request).await?.ends.remove(0)?;
    Ok(())
}

async fn retry(bench: Bench, task: TaskId) -> anyhow::Result<RetryAnswer> {
    Ok(bench.store.retry(RetryRequest::new(bench.queue.clone(), task, 1, None)).await?)
}

#[tokio::test]
async fn a_task_that_is_reopened_while_it_is_cancelled_is_the_one_or_the_other() -> anyhow::Result<()> {
    for first in BOTH_ORDERS {
        let bench = Bench::open(6).await?;
        let token = bench.running().await?.token;
        fail(&bench, token).await?;
        let held = Held::task(&bench, token.task).await?;
        let (retried, cancelled) = meet(
            &bench,
            held,
            first,
            async move |bench| retry(bench, token.task).await,
            async move |bench| bench.cancel(token.task).await,
        )
        .await?;
        assert_eq!(retried, RetryAnswer::Reopened);
        let (answer, state) = match first {
            First::One => (CancelAnswer::Cancelled { closing: false }, TaskState::Ended(EndState::Cancelled)),
            First::Other => {
                (CancelAnswer::Ended { state: EndState::Failed, closing: false }, TaskState::Pending)
            }
        };
        assert_eq!((cancelled, bench.view(token.task).await?.state), (answer, state));
        close(bench).await?;
    }
    Ok(())
}

/// T5: a parent that has ended closes nothing any more, and one that ends afterwards does.
#[tokio::test]
async fn t5_a_child_that_is_reopened_while_its_parent_is_cancelled_is_closed_or_let_alone()
-> anyhow::Result<()> {
    for first in BOTH_ORDERS {
        let bench = Bench::open(6).await?;
        let (parent, children) = family(&bench, 1).await?;
        let child = children[0];
        fail(&bench, child).await?;
        let held = Held::task(&bench, parent.task).await?;
        let (retried, cancelled) = meet(
            &bench,
            held,
            first,
            async move |bench| retry(bench, child.task).await,
            async move |bench| bench.cancel(parent.task).await,
        )
        .await?;
        assert_eq!(retried, RetryAnswer::Reopened);
        assert_eq!(cancelled, CancelAnswer::Cancelled { closing: false });
        let state = match first {
            First::One => TaskState::Ended(EndState::Cancelled),
            First::Other => TaskState::Pending,
        };
        assert_eq!(bench.view(child.task).await?.state, state, "{first:?}");
        close(bench).await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_task_that_is_purged_while_it_is_reopened_is_not_found() -> anyhow::Result<()> {
    let bench = Bench::open(6).await?;
    let token = bench.running().await?.token;
    fail(&bench, token).await?;
    let mut purge = bench.store.pool().begin().await?;
    sqlx::query(include_str!("../../src/sql/upkeep/purge_mark.sql"))
        .bind(bench.queue.as_str())
        .bind(vec![4_i16])
        .bind(i64::MAX)
        .bind(10_i64)
        .execute(&mut *purge)
        .await?;
    let retrying = tokio::spawn(retry(bench.clone(), token.task));
    bench.blocked(1).await?;
    purge.commit().await?;
    assert_eq!(retrying.await??, RetryAnswer::NotFound);
    close(bench).await
}
