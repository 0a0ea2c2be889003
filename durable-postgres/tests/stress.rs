//! Everything at once: no deadlock, no lost wake-up, and the invariants hold.

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::Context;
use durable_core::model::{CancelCause, Payload, TaskId};
use durable_core::store::{
    CancelRequest, Claim, Ending, FencedError, RetryAfter, RunEnd, Runs, Tasks, TickRequest, Upkeep,
    WaitSource,
};
use support::Server;
use support::bench::{Bench, job};

/// How many rounds each of the actors does.
const ROUNDS: u64 = 60;

/// Numbers that look random and are the same in every run.
#[derive(Debug, Clone, Default)]
struct Dice {
    rolled: Arc<AtomicU64>,
    /// How many events were emitted.
    events: Arc<AtomicU64>,
}

impl Dice {
    fn roll(&self, sides: u64) -> u64 {
        let n = self.rolled.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed);
        let n = (n ^ (n >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        (n ^ (n >> 27)) % sides
    }
}

async fn worker(bench: Bench, dice: Dice) -> anyhow::Result<()> {
    let mut ends: Vec<RunEnd> = Vec::new();
    for _ in 0..ROUNDS {
        let request = bench.claim_request(8)?.ending(std::mem::take(&mut ends));
        for claim in bench.store.claim(request).await?.claims {
            ends.extend(act(&bench, &dice, &claim).await?);
        }
    }
    bench.store.claim(bench.claim_request(0)?.ending(ends)).await?;
    Ok(())
}

/// Lets a run do one thing; its end, if it does not rest.
async fn act(bench: &Bench, dice: &Dice, claim: &Claim) -> anyhow::Result<Option<RunEnd>> {
    let token = claim.token;
    let ending = match dice.roll(7) {
        0 => {
            if let Some(child) = unless_refused(bench.spawn_child(token).await)? {
                unless_refused(bench.rest(token, "join", WaitSource::Child(child)).await)?;
            }
            return Ok(None);
        }
        1 | 2 => {
            // The next events to come, so that emits that run at the same time have the same waiters.
            let next = dice.events.load(Ordering::Relaxed);
            let events: Vec<String> = (next..next + 8).map(|event| format!("e{event}")).collect();
            unless_refused(bench.rest_on_events(token, claim.token.claim, &events).await)?;
            return Ok(None);
        }
        3 => Ending::Fail { failure: Payload::from_text("\"f\""), retry: RetryAfter::Never },
        4 => Ending::Release { after: durable_core::model::Millis::ZERO },
        _ => Ending::Complete { result: Payload::from_text("1") },
    };
    Ok(Some(RunEnd { token, ending }))
}

/// A claim may be lost to a cancellation at any moment; a fault is no part of the game.
fn unless_refused<T>(answer: anyhow::Result<T>) -> anyhow::Result<Option<T>> {
    match answer {
        Ok(answer) => Ok(Some(answer)),
        Err(error) => match error.downcast::<FencedError>()? {
            FencedError::ClaimLost | FencedError::Cancelled => Ok(None),
            FencedError::Fault(fault) => Err(fault.into()),
        },
    }
}

async fn client(bench: Bench, dice: Dice) -> anyhow::Result<()> {
    let mut spawned: Vec<TaskId> = Vec::new();
    for _ in 0..ROUNDS {
        let tasks = (0..4).map(|_| job()).collect::<anyhow::Result<Vec<_>>>()?;
        spawned.extend(tasks.iter().map(|task| task.id));
        bench.spawn(tasks).await?;
        bench.emit(&format!("e{}", dice.events.fetch_add(1, Ordering::Relaxed))).await?;
        let task =
            spawned.get(usize::try_from(dice.roll(u64::try_from(spawned.len())?))?).context("a task")?;
        let cause = CancelCause::Requested { reason: None };
        bench.store.cancel(CancelRequest::new(bench.queue.clone(), *task, cause)).await?;
        bench.store.tick(TickRequest::new(bench.queue.clone(), 50)).await?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn workers_clients_and_upkeep_meet_without_a_deadlock() -> anyhow::Result<()> {
    let bench = Bench::open(10).await?;
    let dice = Dice::default();
    let mut actors = tokio::task::JoinSet::new();
    for _ in 0..4 {
        actors.spawn(worker(bench.clone(), dice.clone()));
        actors.spawn(client(bench.clone(), dice.clone()));
    }
    while let Some(done) = actors.join_next().await {
        done??;
    }
    let tick = bench.store.tick(TickRequest::new(bench.queue.clone(), 1_000)).await?;
    assert_eq!(tick.closing_left, 0);
    let broken: Vec<String> =
        sqlx::query_scalar(include_str!("support/invariants.sql")).fetch_all(bench.store.pool()).await?;
    assert_eq!(broken, Vec::<String>::new());
    let stuck: Vec<String> =
        sqlx::query_scalar(include_str!("support/stuck.sql")).fetch_all(bench.store.pool()).await?;
    assert_eq!(stuck, Vec::<String>::new());
    // The figures of a connection are known when it has ended.
    bench.store.close().await;
    assert_eq!(Server::get().deadlocks(&bench.database).await?, 0);
    bench.close().await
}
