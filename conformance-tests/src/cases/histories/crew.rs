//! A crew: workers on several handles, two of them on threads and runtimes of their own, and a keeper of the time.

use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;

use super::pace::{Pace, Stops};
use super::plan::{Dice, Script};
use super::worker::{Worker, answered};
use crate::faults::{Fault, FaultStore, Plan as FaultPlan};
use crate::history::{Client, History, Recorder};
use crate::prelude::*;

/// How many handles the workers share: two on the case's runtime, the others on one each.
const HANDLES: usize = 4;
/// How often all workers may find nothing, one time after the other, before the rest is given up.
const PATIENCE: u32 = 30;

/// What the workers of a crew share.
pub(super) struct Shop {
    pub(super) script: Script,
    pub(super) pace: Pace,
    /// The lease of each claim, in milliseconds.
    pub(super) lease: u64,
    /// The most tasks of one claim.
    pub(super) batch: u32,
}

/// What a crew does, and how.
pub(super) struct Crew {
    pub(super) case: &'static str,
    pub(super) seed: u64,
    pub(super) workers: usize,
    pub(super) lease: u64,
    pub(super) batch: u32,
    /// The clock moves at random while they work.
    pub(super) moves: bool,
    /// So many of a thousand calls get no answer, or never come.
    pub(super) lost: u64,
}

/// What is called beside the workers.
#[derive(Debug, Clone)]
pub(super) enum Beside {
    Emit(EventName),
    Cancel(TaskId),
    Look(TaskId),
}

impl Crew {
    /// A crew that only works.
    pub(super) fn of(ctx: &Ctx, case: &'static str, workers: usize) -> Self {
        Self { case, seed: ctx.seed(), workers, lease: LEASE, batch: 3, moves: false, lost: 0 }
    }

    /// Works until all is done, and gives the history.
    pub(super) async fn works(
        &self,
        ctx: &Ctx,
        script: Script,
        beside: Vec<Beside>,
    ) -> Result<History, Violation> {
        let recorder = Recorder::with_clock(ctx.clock.clone());
        let shop = self.shop(script);
        self.works_in(ctx, &recorder, &shop, beside).await?;
        self.history(ctx, &recorder, std::slice::from_ref(&ctx.queue)).await
    }

    /// What it works on, to be stopped from outside.
    pub(super) fn shop(&self, script: Script) -> Arc<Shop> {
        let (lease, batch) = (self.lease, self.batch);
        Arc::new(Shop { script, pace: Pace::new(self.workers), lease, batch })
    }

    /// What was recorded, with what some queues show now.
    pub(super) async fn history(
        &self,
        ctx: &Ctx,
        recorder: &Recorder,
        queues: &[QueueName],
    ) -> Result<History, Violation> {
        let shown = ctx.store().clone();
        recorder.history(self.case, self.seed, (ctx.store_name(), &*shown), queues).await
    }

    /// Spawns what the script has no parent for, and works until all is done.
    pub(super) async fn works_in(
        &self,
        ctx: &Ctx,
        recorder: &Arc<Recorder>,
        shop: &Arc<Shop>,
        beside: Vec<Beside>,
    ) -> Verdict {
        let keeper = recorder.client("keeper", "a", ctx.a.clone(), ctx.queue.clone());
        let tops = shop.script.values().map(|plan| &plan.task).filter(|task| task.parent.is_none());
        let tops: Vec<_> = tops.cloned().collect();
        for batch in tops.chunks(50) {
            answered(|| keeper.spawn(SpawnRequest::new(ctx.queue.clone(), batch.to_vec()))).await?;
        }
        let _stops = Stops(&shop.pace);
        let mut working: Vec<BoxFuture<'static, Verdict>> = Vec::new();
        for number in 0..HANDLES {
            working.push(self.on_handle(ctx, recorder, shop, number));
        }
        let caller = recorder.client("caller", "b", ctx.b.clone(), ctx.queue.clone());
        working.push(Box::pin(calls_beside(caller, shop.clone(), beside, self.seed)));
        let working = futures::future::join_all(working.into_iter().map(tokio::spawn));
        let (kept, worked) = tokio::join!(self.keeps(ctx, &keeper, shop), working);
        kept?;
        for worked in worked {
            worked.map_err(|panic| Violation::new("a worker", panic.to_string(), "no panic"))??;
        }
        Ok(())
    }

    /// The workers of one handle.
    fn on_handle(
        &self,
        ctx: &Ctx,
        recorder: &Arc<Recorder>,
        shop: &Arc<Shop>,
        number: usize,
    ) -> BoxFuture<'static, Verdict> {
        let (ctx, recorder, shop) = (ctx.clone(), recorder.clone(), shop.clone());
        let (seed, lost) = (self.seed, self.lost);
        let names: Vec<_> = (0..self.workers).filter(|worker| worker % HANDLES == number).collect();
        let stops = shop.clone();
        let work = async move {
            let handle = match number {
                0 => ctx.a.clone(),
                1 => ctx.b.clone(),
                _ => ctx.handle().await?,
            };
            let handle = losing(handle, seed ^ number as u64, lost);
            let workers = names.into_iter().map(|name| {
                let name_of_it = format!("{}.w{name}", ctx.queue);
                let client =
                    recorder.client(name_of_it, format!("h{number}"), handle.clone(), ctx.queue.clone());
                let (pace, dice) = (shop.clone(), Dice::new(seed, name as u64));
                let worker = Worker { client, shop: shop.clone(), dice };
                tokio::spawn(async move { worker.works().await.inspect_err(|_| pace.pace.stops()) })
            });
            for worked in futures::future::join_all(workers).await {
                worked.map_err(|panic| Violation::new("a worker", panic.to_string(), "no panic"))??;
            }
            Ok(())
        };
        let work = async move { work.await.inspect_err(|_: &Violation| stops.pace.stops()) };
        if number < 2 { Box::pin(work) } else { Box::pin(on_its_own_thread(work)) }
    }

    /// Moves the clock, ticks, and ends the work when all tasks have ended, or nobody comes further.
    async fn keeps(&self, ctx: &Ctx, keeper: &Client, shop: &Shop) -> Verdict {
        let _stops = Stops(&shop.pace);
        let mut dice = Dice::new(self.seed, u64::MAX);
        let (mut idle, mut taken) = (0, 0);
        while idle < PATIENCE && !shop.pace.is_done() {
            let steps = if self.moves { dice.below(8) + 1 } else { u64::MAX };
            let all_rest = shop.pace.after(steps).await;
            if all_rest && self.is_over(ctx).await? {
                return Ok(());
            }
            let ticked = answered(|| keeper.tick(1_000)).await?;
            idle = if all_rest && taken == shop.pace.taken() { idle + 1 } else { 0 };
            taken = shop.pace.taken();
            if all_rest {
                let due = ticked.next_due.map_or(1_000, |due| due.since(ctx.now()).as_i64().unsigned_abs());
                keeper.recorder().advance(Duration::from_millis(due)).await;
            } else {
                keeper.recorder().advance(Duration::from_millis(dice.below(self.lease).min(50))).await;
            }
            shop.pace.beats();
        }
        Ok(())
    }

    async fn is_over(&self, ctx: &Ctx) -> Result<bool, Violation> {
        let counts = ctx.store().counts(CountsRequest::new(ctx.queue.clone())).await?;
        Ok((counts.sleeping, counts.pending, counts.running) == (0, 0, 0))
    }
}

/// Emits, cancels and looks, now and then while the others work; what is emitted late is emitted all the same.
async fn calls_beside(client: Client, shop: Arc<Shop>, calls: Vec<Beside>, seed: u64) -> Verdict {
    let mut dice = Dice::new(seed, u64::MAX - 1);
    for (number, call) in calls.into_iter().enumerate() {
        shop.pace.after(dice.below(4)).await;
        match call {
            Beside::Emit(name) => {
                let request =
                    EmitRequest::new(client.queue().clone(), write(&name, &format!("\"emit {number}\"")));
                answered(|| client.emit(request.clone())).await?;
            }
            Beside::Cancel(task) => {
                let request = CancelRequest::new(client.queue().clone(), task, requested());
                answered(|| client.cancel(request.clone())).await?;
            }
            Beside::Look(task) => {
                answered(|| client.outcome(task)).await?;
            }
        }
        shop.pace.beats();
    }
    Ok(())
}

/// A handle that loses so many of a thousand requests and replies.
fn losing(handle: Arc<dyn Store>, seed: u64, lost: u64) -> Arc<dyn Store> {
    if lost == 0 {
        return handle;
    }
    let faults = vec![Fault::DropReply, Fault::DropRequest, Fault::LoseRequest];
    Arc::new(FaultStore::planned(handle, FaultPlan::new().random(seed, lost, faults)))
}

/// Runs something on a thread and a runtime of its own.
async fn on_its_own_thread(work: impl Future<Output = Verdict> + Send + 'static) -> Verdict {
    let (done, waits) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let verdict = match runtime {
            Ok(runtime) => runtime.block_on(work),
            Err(error) => Err(Violation::new("a runtime", error.to_string(), "one")),
        };
        // Nobody waits any more when the case was given up.
        let _ = done.send(verdict);
    });
    waits.await.unwrap_or_else(|_| Err(Violation::new("a thread", "a panic", "no panic")))
}
