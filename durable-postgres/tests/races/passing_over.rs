//! What works on many tasks does not wait for one that another holds.

use std::time::Duration;

use durable_core::model::{EndState, Millis};
use durable_core::store::{PurgeRequest, Upkeep};

use crate::stage::{First, Held, at_once, close, meet, open_with_clock};
use crate::support::bench::{Bench, job};

#[tokio::test]
async fn a_claim_passes_over_what_another_holds() -> anyhow::Result<()> {
    let bench = Bench::open(4).await?;
    let tasks = vec![job()?, job()?];
    let (first, second) = (tasks[0].id, tasks[1].id);
    bench.spawn(tasks).await?;
    let held = Held::task(&bench, first).await?;
    assert_eq!(at_once(bench.claim_one()).await?.token.task, second);
    held.let_go().await?;
    assert_eq!(bench.claim_one().await?.token.task, first);
    close(bench).await
}

/// Two claims have looked at the same candidates, and are about to take.
#[tokio::test]
async fn two_claims_at_the_same_time_take_each_task_once() -> anyhow::Result<()> {
    let bench = Bench::open(6).await?;
    bench.spawn((0..4).map(|_| job()).collect::<anyhow::Result<_>>()?).await?;
    let held = Held::writes_of_tasks(&bench).await?;
    let claim = async |bench: Bench| bench.claim(2).await;
    let (one, other) = meet(&bench, held, First::One, claim, claim).await?;
    let mut taken: Vec<_> = one.claims.iter().chain(&other.claims).map(|claim| claim.token.task).collect();
    taken.sort_unstable();
    taken.dedup();
    assert_eq!(taken.len(), 4);
    close(bench).await
}

/// The first has locked what is due, and is about to write.
#[tokio::test]
async fn two_ticks_at_the_same_time_do_each_thing_once() -> anyhow::Result<()> {
    let (bench, clock) = open_with_clock(6).await?;
    bench.running().await?;
    clock.advance(Duration::from_secs(60));
    let held = Held::writes_of_history(&bench).await?;
    let ticking = tokio::spawn({
        let bench = bench.clone();
        async move { bench.tick().await }
    });
    bench.blocked(1).await?;
    assert_eq!(at_once(bench.tick()).await?.expired.len(), 0, "another does it");
    held.let_go().await?;
    assert_eq!(ticking.await??.expired.len(), 1);
    close(bench).await
}

#[tokio::test]
async fn a_purge_passes_over_what_another_holds() -> anyhow::Result<()> {
    let bench = Bench::open(4).await?;
    let tokens = [bench.running().await?.token, bench.running().await?.token];
    bench.complete_all(&tokens).await?;
    let held = Held::task(&bench, tokens[0].task).await?;
    let request = PurgeRequest::new(bench.queue.clone(), vec![EndState::Completed], Millis::ZERO, 10);
    let passing = at_once(async { Ok(bench.store.purge(request.clone()).await?) }).await?;
    assert_eq!((passing.purged, passing.more), (1, true));
    held.let_go().await?;
    let purge = bench.store.purge(request).await?;
    assert_eq!((purge.purged, purge.more), (1, false));
    close(bench).await
}
