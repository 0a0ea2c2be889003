//! Prints what a claim costs behind a backlog, and what the other verbs cost.
//!
//! `cargo run --release -p durable-postgres --example claim_cost` starts a throwaway server without fsync: compare the
//! ratios, not the figures. With `DURABLE_TEST_POSTGRES_URL` it measures that server.

#[path = "../tests/support/mod.rs"]
mod support;

use std::time::{Duration, Instant};

use durable_core::model::{CheckpointKind, Millis, Payload, StepKey};
use durable_core::store::{Checkpoints, Effect, Ending, RunEnd, Runs, SaveItem, SaveRequest};
use support::bench::{Bench, job};

/// How many claims are measured; the middle one counts.
const ROUNDS: usize = 200;
/// How many tasks one claim takes.
const BATCH: u32 = 10;

/// The median time of a call that ends a batch and takes the next.
async fn claim_time(bench: &Bench, batch: u32) -> anyhow::Result<Duration> {
    let tasks = (0..batch * u32::try_from(ROUNDS + 1)?).map(|_| job()).collect::<anyhow::Result<Vec<_>>>()?;
    for chunk in tasks.chunks(1_000) {
        bench.spawn(chunk.to_vec()).await?;
    }
    let (mut times, mut ends) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let request = bench.claim_request(batch)?.ending(std::mem::take(&mut ends));
        let start = Instant::now();
        let answer = bench.store.claim(request).await?;
        times.push(start.elapsed());
        for ended in answer.ends {
            ended?;
        }
        let end = |token| RunEnd { token, ending: Ending::Complete { result: Payload::from_text("1") } };
        ends.extend(answer.claims.into_iter().map(|claim| end(claim.token)));
        anyhow::ensure!(ends.len() == usize::try_from(batch)?, "a claim took {}", ends.len());
    }
    times.sort_unstable();
    times.get(ROUNDS / 2).copied().ok_or_else(|| anyhow::anyhow!("no rounds"))
}

async fn behind(backlog: i32, analysed: bool) -> anyhow::Result<Duration> {
    let bench = Bench::open(2).await?;
    sqlx::query(include_str!("../tests/support/fill.sql")).bind(backlog).execute(bench.store.pool()).await?;
    if analysed {
        sqlx::raw_sql("analyze durable.tasks").execute(bench.store.pool()).await?;
    }
    let time = claim_time(&bench, BATCH).await?;
    bench.close().await?;
    Ok(time)
}

/// Checkpoints per second, one at a time and ten in one call.
async fn saves(bench: &Bench, together: usize) -> anyhow::Result<f64> {
    let token = bench.running().await?.token;
    let start = Instant::now();
    for round in 0..ROUNDS {
        let item = |n: usize| -> anyhow::Result<SaveItem> {
            Ok(SaveItem {
                token,
                key: StepKey::new(format!("{round}-{n}"))?,
                kind: CheckpointKind::Step,
                payload: Payload::from_text("1"),
                took: Millis::ZERO,
                effect: Effect::None,
            })
        };
        let items = (0..together).map(item).collect::<anyhow::Result<Vec<_>>>()?;
        bench.store.save(SaveRequest::new(bench.queue.clone(), items)).await?;
    }
    bench.complete(token).await?;
    Ok(per_second(ROUNDS * together, start.elapsed()))
}

#[expect(clippy::cast_precision_loss, reason = "small counts")]
fn per_second(count: usize, time: Duration) -> f64 {
    count as f64 / time.as_secs_f64()
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let least = behind(1_000, false).await?;
    println!(
        "{BATCH} ended and {BATCH} taken in one call, behind 1,000 sleepers, 1,000 of a foreign name and 1,000 ended:"
    );
    println!("      1,000 of each, not analysed  {least:>10.2?}  1.00");
    for (backlog, analysed) in
        [(1_000, true), (100_000, false), (100_000, true), (1_000_000, false), (1_000_000, true)]
    {
        let time = behind(backlog, analysed).await?;
        let said = if analysed { "analysed" } else { "not analysed" };
        println!(
            "{backlog:>11} of each, {said:<12}  {time:>10.2?}  {:.2}",
            time.as_secs_f64() / least.as_secs_f64()
        );
    }
    let bench = Bench::open(2).await?;
    let (one, fifty) = (claim_time(&bench, 1).await?, claim_time(&bench, 50).await?);
    println!("1 ended and 1 taken: {one:.2?}; 50 and 50: {fifty:.2?}, {:.0} tasks/s", per_second(50, fifty));
    println!("checkpoints/s: {:.0}, ten at a time {:.0}", saves(&bench, 1).await?, saves(&bench, 10).await?);
    let start = Instant::now();
    for _ in 0..ROUNDS {
        bench.spawn(vec![job()?]).await?;
    }
    let single = per_second(ROUNDS, start.elapsed());
    let start = Instant::now();
    for _ in 0..ROUNDS / 10 {
        bench.spawn((0..100).map(|_| job()).collect::<anyhow::Result<Vec<_>>>()?).await?;
    }
    println!("spawns/s: {single:.0}, a hundred at a time {:.0}", per_second(ROUNDS * 10, start.elapsed()));
    bench.close().await
}
