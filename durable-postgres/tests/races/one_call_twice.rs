//! A claim comes again while its first attempt is under way.

use durable_core::store::{Claim, Runs};

use crate::stage::{First, Held, close, meet};
use crate::support::bench::{Bench, job};

/// R1: they are answers to one call, and take once.
#[tokio::test]
async fn r1_a_claim_that_comes_again_while_it_is_under_way_takes_once() -> anyhow::Result<()> {
    let bench = Bench::open(6).await?;
    bench.spawn(vec![job()?, job()?, job()?, job()?]).await?;
    let request = bench.claim_request(2)?;
    let again = request.clone();
    // The first has looked, and is about to take.
    let held = Held::writes_of_tasks(&bench).await?;
    let (taken, taken_again) = meet(
        &bench,
        held,
        First::One,
        async move |bench| Ok(bench.store.claim(request).await?.claims),
        async move |bench| Ok(bench.store.claim(again).await?.claims),
    )
    .await?;
    let tokens = |claims: &[Claim]| claims.iter().map(|claim| claim.token).collect::<Vec<_>>();
    assert_eq!(taken.len(), 2);
    assert_eq!(tokens(&taken), tokens(&taken_again));
    assert!(taken.iter().all(|claim| claim.token.claim == 1));
    close(bench).await
}
