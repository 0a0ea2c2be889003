//! A parent goes to rest on its child while a tick ends that. A tick waits for nobody: what another holds, it leaves.

use std::time::Duration;

use durable_core::model::{Lease, ManualClock, Millis, TaskState, Token};
use durable_core::store::{ExtendItem, ExtendRequest, NewTask, Runs, TickAnswer, WaitAnswer, WaitSource};

use crate::child_and_wait::assert_woken;
use crate::stage::{BOTH_ORDERS, First, Held, at_once, close, meet, open_with_clock};
use crate::support::bench::{Bench, job};

/// What a tick ends a child for.
#[derive(Debug, Clone, Copy)]
enum By {
    /// Its only attempt's lease has run out.
    Lease,
    /// It has run for too long.
    Limit,
}

const BOTH_CAUSES: [By; 2] = [By::Lease, By::Limit];

impl By {
    fn task(self) -> anyhow::Result<NewTask> {
        let mut task = job()?;
        match self {
            Self::Lease => task.max_attempts = Some(1),
            Self::Limit => task.max_running = Some(Millis::new(50_000)),
        }
        Ok(task)
    }

    fn count(self, tick: &TickAnswer) -> usize {
        match self {
            Self::Lease => tick.expired.len(),
            Self::Limit => usize::try_from(tick.limited).unwrap_or(usize::MAX),
        }
    }
}

/// A parent with a long lease, and its child, whose time has come.
async fn family(bench: &Bench, clock: &ManualClock, by: By) -> anyhow::Result<(Token, Token)> {
    let parent = bench.running().await?.token;
    let item = ExtendItem { token: parent, lease: Lease::new(Duration::from_secs(3_600))? };
    bench.store.extend(ExtendRequest::new(bench.queue.clone(), vec![item])).await?.remove(0)?;
    bench.spawn_as_child(parent, "join", by.task()?).await?;
    let child = bench.claim_one().await?.token;
    clock.advance(Duration::from_secs(60));
    Ok((parent, child))
}

async fn rest(bench: Bench, parent: Token, child: Token) -> anyhow::Result<WaitAnswer> {
    bench.rest(parent, "join", WaitSource::Child(child.task)).await
}

#[tokio::test]
async fn a_child_that_a_tick_ends_while_its_parent_rests_wakes_it() -> anyhow::Result<()> {
    for by in BOTH_CAUSES {
        for first in BOTH_ORDERS {
            let (bench, clock) = open_with_clock(6).await?;
            let (parent, child) = family(&bench, &clock, by).await?;
            let answer = match first {
                First::One => rest_then_tick(&bench, by, parent, child).await?,
                First::Other => tick_then_rest(&bench, by, parent, child).await?,
            };
            assert!(matches!(bench.view(child.task).await?.state, TaskState::Ended(_)), "{by:?}");
            assert_woken(first, &answer, bench.view(parent.task).await?.state);
            close(bench).await?;
        }
    }
    Ok(())
}

/// The parent is held: the tick leaves its child, and the next one finds the parent at rest.
async fn rest_then_tick(bench: &Bench, by: By, parent: Token, child: Token) -> anyhow::Result<WaitAnswer> {
    let held = Held::task(bench, parent.task).await?;
    let resting = tokio::spawn(rest(bench.clone(), parent, child));
    bench.blocked(1).await?;
    let passing = at_once(bench.tick()).await?;
    assert_eq!(by.count(&passing), 0, "{by:?}: the child of a parent that another holds");
    assert!(passing.more, "{by:?}: it is due still");
    held.let_go().await?;
    let answer = resting.await??;
    assert_eq!(by.count(&bench.tick().await?), 1, "{by:?}");
    Ok(answer)
}

/// The tick has both rows and is about to write.
async fn tick_then_rest(bench: &Bench, by: By, parent: Token, child: Token) -> anyhow::Result<WaitAnswer> {
    let held = Held::writes_of_history(bench).await?;
    let (answer, tick) = meet(
        bench,
        held,
        First::Other,
        async move |bench| rest(bench, parent, child).await,
        async move |bench| bench.tick().await,
    )
    .await?;
    assert_eq!(by.count(&tick), 1, "{by:?}");
    Ok(answer)
}
