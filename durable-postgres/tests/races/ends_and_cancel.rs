//! Runs end while the same tasks, or their parent, are cancelled or end as well.

use std::time::Duration;

use durable_core::model::{CancelCause, EndState, Lease, TaskId, TaskState, Token};
use durable_core::store::{CancelAnswer, EndAnswer, ExtendItem, ExtendRequest, FencedError, Runs};

use crate::stage::{BOTH_ORDERS, First, Held, at_once, close, family, meet};
use crate::support::bench::Bench;

/// How many ends of children a task has stored.
async fn joined(bench: &Bench, parent: TaskId) -> anyhow::Result<i64> {
    let statement = "select count(*) from durable.history where task = $1 and kind = 7";
    Ok(sqlx::query_scalar(statement).bind(parent.as_uuid()).fetch_one(bench.store.pool()).await?)
}

#[tokio::test]
async fn children_that_end_while_their_parent_is_cancelled_end_once() -> anyhow::Result<()> {
    for first in BOTH_ORDERS {
        let bench = Bench::open(6).await?;
        let (parent, children) = family(&bench, 3).await?;
        let (task, tokens) = (parent.task, children.clone());
        let held = Held::task(&bench, task).await?;
        let (ended, cancelled) = meet(
            &bench,
            held,
            first,
            async move |bench| bench.complete_all(&tokens).await,
            async move |bench| bench.cancel(task).await,
        )
        .await?;
        assert_eq!(cancelled, CancelAnswer::Cancelled { closing: false }, "{first:?}");
        let (state, ends) = match first {
            First::One => (EndState::Completed, 3),
            First::Other => (EndState::Cancelled, 0),
        };
        for (child, end) in children.iter().zip(&ended.ends) {
            match first {
                First::One => assert!(matches!(end, Ok(EndAnswer::Completed)), "{end:?}"),
                First::Other => assert!(matches!(end, Err(FencedError::Cancelled)), "{end:?}"),
            }
            assert_eq!(bench.view(child.task).await?.state, TaskState::Ended(state));
        }
        assert_eq!(joined(&bench, task).await?, ends, "{first:?}");
        close(bench).await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_child_that_ends_while_its_parent_ends_is_joined_or_cancelled() -> anyhow::Result<()> {
    for first in BOTH_ORDERS {
        let bench = Bench::open(6).await?;
        let (parent, children) = family(&bench, 1).await?;
        let child = children[0];
        let held = Held::task(&bench, parent.task).await?;
        let (mut child_ended, mut parent_ended) = meet(
            &bench,
            held,
            first,
            async move |bench| bench.complete(child).await,
            async move |bench| bench.complete(parent).await,
        )
        .await?;
        parent_ended.ends.remove(0)?;
        let (end, cause) = (child_ended.ends.remove(0), bench.view(child.task).await?.cancelled);
        match first {
            First::One => assert!(matches!((&end, cause), (Ok(EndAnswer::Completed), None)), "{end:?}"),
            First::Other => {
                assert!(matches!(end, Err(FencedError::Cancelled)), "{end:?}");
                assert_eq!(cause, Some(CancelCause::ParentClosed));
            }
        }
        close(bench).await?;
    }
    Ok(())
}

async fn extend(bench: Bench, tokens: [Token; 2]) -> anyhow::Result<Vec<bool>> {
    let lease = Lease::new(Duration::from_secs(90))?;
    let items = tokens.map(|token| ExtendItem { token, lease }).to_vec();
    let answers = bench.store.extend(ExtendRequest::new(bench.queue.clone(), items)).await?;
    Ok(answers.iter().map(Result::is_ok).collect())
}

/// Rows are locked by their ids, however a call lists them: the one that comes second has locked nothing by then.
#[tokio::test]
async fn two_calls_that_list_the_same_tasks_in_opposite_orders_do_not_block_each_other() -> anyhow::Result<()>
{
    for first in BOTH_ORDERS {
        let bench = Bench::open(6).await?;
        let (one, other) = (bench.running().await?.token, bench.running().await?.token);
        let held = Held::task(&bench, one.task).await?;
        let (ended, extended) = meet(
            &bench,
            held,
            first,
            async move |bench| bench.complete_all(&[one, other]).await,
            async move |bench| extend(bench, [other, one]).await,
        )
        .await?;
        assert!(ended.ends.iter().all(Result::is_ok), "{:?}", ended.ends);
        assert_eq!(extended, [first == First::Other; 2]);
        close(bench).await?;
    }
    Ok(())
}

/// Its parent is locked by then: waiting for the child would be against the order in which a third may lock them.
#[tokio::test]
async fn a_cancel_leaves_a_child_that_another_holds_to_tick() -> anyhow::Result<()> {
    let bench = Bench::open(4).await?;
    let (parent, children) = family(&bench, 2).await?;
    let held = Held::task(&bench, children[0].task).await?;
    assert_eq!(at_once(bench.cancel(parent.task)).await?, CancelAnswer::Cancelled { closing: true });
    assert_eq!(bench.view(children[0].task).await?.state, TaskState::Running);
    assert_eq!(bench.view(children[1].task).await?.state, TaskState::Ended(EndState::Cancelled));
    let passing = at_once(bench.tick()).await?;
    assert_eq!((passing.closed, passing.closing_left), (0, 1));
    held.let_go().await?;
    let tick = bench.tick().await?;
    assert_eq!((tick.closed, tick.closing_left), (1, 0));
    assert_eq!(bench.view(children[0].task).await?.state, TaskState::Ended(EndState::Cancelled));
    close(bench).await
}
