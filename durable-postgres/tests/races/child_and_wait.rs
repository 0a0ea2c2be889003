//! A parent goes to rest on its child while that ends.

use durable_core::model::{EndState, Millis, TaskState};
use durable_core::store::{PurgeRequest, Upkeep, WaitAnswer, WaitSource};

use crate::stage::{BOTH_ORDERS, First, Held, at_once, close, family, meet};
use crate::support::bench::Bench;

/// Whoever comes second sees what the first has done.
pub(crate) fn assert_woken(first: First, answer: &WaitAnswer, parent: TaskState) {
    match first {
        First::One => assert_eq!((answer, parent), (&WaitAnswer::Suspended, TaskState::Pending)),
        First::Other => {
            assert!(matches!(answer, WaitAnswer::Met(_)), "{answer:?}");
            assert_eq!(parent, TaskState::Running);
        }
    }
}

#[tokio::test]
async fn a_child_that_ends_while_its_parent_rests_wakes_it() -> anyhow::Result<()> {
    for first in BOTH_ORDERS {
        let bench = Bench::open(6).await?;
        let (parent, children) = family(&bench, 1).await?;
        let child = children[0];
        let held = Held::task(&bench, parent.task).await?;
        let (answer, mut ended) = meet(
            &bench,
            held,
            first,
            async move |bench| bench.rest(parent, "join 0", WaitSource::Child(child.task)).await,
            async move |bench| bench.complete(child).await,
        )
        .await?;
        ended.ends.remove(0)?;
        assert_woken(first, &answer, bench.view(parent.task).await?.state);
        close(bench).await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_child_that_is_cancelled_while_its_parent_rests_wakes_it() -> anyhow::Result<()> {
    for first in BOTH_ORDERS {
        let bench = Bench::open(6).await?;
        let (parent, children) = family(&bench, 1).await?;
        let child = children[0].task;
        let held = Held::task(&bench, parent.task).await?;
        let (answer, _) = meet(
            &bench,
            held,
            first,
            async move |bench| bench.rest(parent, "join 0", WaitSource::Child(child)).await,
            async move |bench| bench.cancel(child).await,
        )
        .await?;
        assert_woken(first, &answer, bench.view(parent.task).await?.state);
        close(bench).await?;
    }
    Ok(())
}

/// Several children end in one call while their parent rests on all of them.
#[tokio::test]
async fn children_that_end_together_while_their_parent_rests_wake_it() -> anyhow::Result<()> {
    for first in BOTH_ORDERS {
        let bench = Bench::open(6).await?;
        let (parent, children) = family(&bench, 3).await?;
        let ids: Vec<_> = children.iter().map(|child| child.task).collect();
        let held = Held::task(&bench, parent.task).await?;
        let (answer, ended) = meet(
            &bench,
            held,
            first,
            async move |bench| bench.rest_on_children(parent, &ids).await,
            async move |bench| bench.complete_all(&children).await,
        )
        .await?;
        assert!(ended.ends.iter().all(Result::is_ok), "{:?}", ended.ends);
        assert_woken(first, &answer, bench.view(parent.task).await?.state);
        close(bench).await?;
    }
    Ok(())
}

/// Its end is the parent's own record by then.
#[tokio::test]
async fn a_child_that_is_purged_while_its_parent_goes_to_rest_is_met() -> anyhow::Result<()> {
    let bench = Bench::open(6).await?;
    let (parent, children) = family(&bench, 1).await?;
    let child = children[0];
    bench.complete(child).await?.ends.remove(0)?;
    let held = Held::task(&bench, parent.task).await?;
    let resting = tokio::spawn({
        let bench = bench.clone();
        async move { bench.rest(parent, "join 0", WaitSource::Child(child.task)).await }
    });
    bench.blocked(1).await?;
    let request = PurgeRequest::new(bench.queue.clone(), vec![EndState::Completed], Millis::ZERO, 10);
    let purge = at_once(async { Ok(bench.store.purge(request).await?) }).await?;
    assert_eq!(purge.purged, 1);
    held.let_go().await?;
    let answer = resting.await??;
    assert!(matches!(answer, WaitAnswer::Met(_)), "{answer:?}");
    close(bench).await
}
