//! Core's own workers over the store: what the verbs promise is enough for tasks that run to their end.
//!
//! The store's clock is moved by hand, and only while no task is claimed: leases do not run out by chance, and every time
//! in the history is exact. The workers look often, since no hint tells them that the clock was moved.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use durable_core::store::StoreError;
use durable_core::{
    Durable, DurableError, RunEnding, RunObserver, SpawnOptions, Task, TaskContext, TaskError, TaskResult,
    WorkerOptions, async_trait,
};
use futures::future::BoxFuture;
use serde_json::{Value, json as value_of};
use tokio::sync::Semaphore;

use crate::layer::{Call, Layer, Layered};
use crate::prelude::*;

const GROUP: &str = "workers";

/// How many orders there are.
const ORDERS: u64 = 6;
/// How long an order naps, and how long its second attempt is put off.
const NAP: u64 = 30;
const BACKOFF: u64 = 5;

pub(super) const CASES: &[Case] = &[
    case!(
        cx_1_two_workers_do_each_step_once_and_sleep_no_longer_than_asked,
        ["CX-1", "SL-13", "CO-3"],
        ["F1", "P1", "W1", "W3", "T1"],
        [Spawn, Claim, Load, Save, Wait, Tick, Hints, Counts, Outcome, Task],
        "The whole promise: a paid order is paid once, whoever goes on with it, and a replay sleeps no second night."
    )
    .heavy(),
    case!(
        co_10_a_worker_whose_claim_is_lost_acts_no_more,
        ["CO-10", "CX-4"],
        ["C3", "C5", "P1"],
        [Spawn, Claim, Save, Hints, Outcome, Task],
        "A worker that was away comes back in the middle of a step, and the task is somebody else's by then."
    )
    .heavy(),
];

/// What the tasks of a case share: which effects they had, and what holds one of them.
#[derive(Debug, Clone)]
struct World {
    effects: Arc<Mutex<BTreeMap<String, u32>>>,
    /// The first and the second run of a slow step: each has begun, and may end.
    begun: [Arc<Semaphore>; 2],
    may_end: [Arc<Semaphore>; 2],
}

impl World {
    fn new() -> Self {
        let closed = || [(); 2].map(|()| Arc::new(Semaphore::new(0)));
        Self { effects: Arc::default(), begun: closed(), may_end: closed() }
    }

    /// Counts an effect; gives how often it has happened.
    fn happens(&self, effect: String) -> u32 {
        let mut effects = self.effects.lock().unwrap_or_else(PoisonError::into_inner);
        let count = effects.entry(effect).or_default();
        *count += 1;
        *count
    }

    fn effects(&self) -> BTreeMap<String, u32> {
        self.effects.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Waits for a permit and uses it up.
async fn passes(gate: &Semaphore) {
    // It is never closed.
    if let Ok(permit) = gate.acquire().await {
        permit.forget();
    }
}

type Body = fn(u64, TaskContext<World>) -> BoxFuture<'static, TaskResult<Value>>;

/// A task that is a function.
struct Scripted(&'static str, Body);

#[async_trait]
impl Task<World> for Scripted {
    fn name(&self) -> Cow<'static, str> {
        self.0.into()
    }

    type Params = u64;
    type Output = Value;

    fn strict(&self) -> bool {
        true
    }

    async fn run(&self, number: u64, ctx: TaskContext<World>, _: World) -> TaskResult<Value> {
        (self.1)(number, ctx).await
    }
}

/// Steps, a child, an event each way, a nap, a failed attempt and a join.
fn order(number: u64, mut ctx: TaskContext<World>) -> BoxFuture<'static, TaskResult<Value>> {
    Box::pin(async move {
        let paid = effect(&mut ctx, "pay", number).await?;
        let child =
            ctx.spawn_by_name::<u64>("pack", "pack", value_of!(number), SpawnOptions::default()).await?;
        ctx.emit_event(&format!("ordered {number}"), &number).await?;
        ctx.sleep_for("nap", Duration::from_secs(NAP)).await?;
        let shipped: u64 = ctx.await_event(&format!("shipped {number}"), None).await?;
        if ctx.attempt == 1 {
            return Err(TaskError::user_message("once more").retryable());
        }
        let packed = ctx.join(child).await?;
        let closed = effect(&mut ctx, "close", number).await?;
        Ok(value_of!([paid, shipped, packed, closed]))
    })
}

/// The child of an order.
fn pack(number: u64, mut ctx: TaskContext<World>) -> BoxFuture<'static, TaskResult<Value>> {
    Box::pin(async move {
        let ordered: u64 = ctx.await_event(&format!("ordered {number}"), None).await?;
        let packed = effect(&mut ctx, "pack", ordered).await?;
        ctx.sleep_for("on the road", Duration::from_secs(NAP / 3)).await?;
        ctx.emit_event(&format!("shipped {number}"), &(number + 100)).await?;
        Ok(value_of!(packed))
    })
}

/// A step that has an effect, and gives the number.
async fn effect(ctx: &mut TaskContext<World>, name: &'static str, number: u64) -> TaskResult<u64> {
    let params = (name.to_owned(), number);
    ctx.step(name, params, |(name, number): (String, u64), step| async move {
        step.state.happens(format!("{name} {number}"));
        Ok(number)
    })
    .await
}

/// A step whose runs are held until they may end.
fn slow(_: u64, mut ctx: TaskContext<World>) -> BoxFuture<'static, TaskResult<Value>> {
    Box::pin(async move {
        let run = ctx.step("slow", (), |(), step| async move {
            let run = step.state.happens("slow".to_owned());
            let gates = step.state.begun.into_iter().zip(step.state.may_end);
            if let Some((begun, may_end)) = gates.into_iter().nth((run - 1) as usize) {
                begun.add_permits(1);
                passes(&may_end).await;
            }
            Ok(run)
        });
        let run = run.await?;
        effect(&mut ctx, "after", u64::from(run)).await.map(|run| value_of!(run))
    })
}

fn client(ctx: &Ctx, store: Arc<dyn Store>, world: &World) -> Result<Durable<World>, Violation> {
    let mut builder = Durable::builder::<World>().store(store).queue_name(ctx.queue.as_str());
    for (name, body) in [("order", order as Body), ("pack", pack), ("slow", slow)] {
        builder = builder.register_instance(Scripted(name, body))?;
    }
    Ok(builder.build_with_state(world.clone())?)
}

impl From<DurableError> for Violation {
    fn from(error: DurableError) -> Self {
        Self::new("core over this store", error.to_string(), "no error")
    }
}

fn options(concurrency: usize) -> WorkerOptions {
    let poll_interval = Duration::from_millis(5);
    WorkerOptions { concurrency, poll_interval, ..WorkerOptions::default() }
}

/// Moves the clock from one due time to the next, while no task is claimed or ready, until all have ended.
async fn until_all_end(ctx: &Ctx) -> Verdict {
    let mut stuck = 0;
    while stuck < 100 {
        tokio::task::yield_now().await;
        ctx.tick().await?;
        // A call under way may hold a task that is due, and show it as asleep: then something is due now.
        if ctx.next_due().await?.is_some_and(|due| due <= ctx.now()) {
            continue;
        }
        let counts = ctx.store().counts(CountsRequest::new(ctx.queue.clone())).await?;
        match (counts.sleeping, counts.pending, counts.running) {
            (0, 0, 0) => return Ok(()),
            // All sleep, and nothing was due: what is due next is so until the clock is moved.
            (_, 0, 0) => match ctx.next_due().await? {
                Some(due) => {
                    ctx.clock.advance(due.since(ctx.now()).to_duration());
                    stuck = 0;
                }
                None => stuck += 1,
            },
            _ => stuck = 0,
        }
    }
    Err(Violation::new("tasks that rest", "all of them do, and nothing is due", "somebody wakes them"))
}

async fn cx_1_two_workers_do_each_step_once_and_sleep_no_longer_than_asked(ctx: Ctx) -> Verdict {
    let world = World::new();
    let clients = [client(&ctx, ctx.a.clone(), &world)?, client(&ctx, ctx.b.clone(), &world)?];
    let mut orders = Vec::new();
    for (number, client) in (0..ORDERS).zip(clients.iter().cycle()) {
        let spawned = client.spawn_by_name("order", value_of!(number), SpawnOptions::default()).await;
        orders.push((number, spawned?.task));
    }
    let mut workers = Vec::new();
    for client in &clients {
        workers.push(client.start_worker(options(3)).await?);
    }
    until_all_end(&ctx).await?;
    let effects = (0..ORDERS).flat_map(|n| ["pay", "pack", "close"].map(|name| (format!("{name} {n}"), 1)));
    same("how often each effect happened", &world.effects(), &effects.collect())?;
    for (number, task) in orders {
        let result = value_of!([number, number + 100, number, number]).to_string();
        same("the result of an order", &ctx.outcome(task).await?, &Outcome::Completed(json(&result)))?;
        let detail = ctx.detail(task).await?;
        let took = detail.task.ended_at.map(|ended| ended.since(detail.task.spawned_at));
        same("how long an order took", &took, &Some(millis((NAP + BACKOFF) * 1_000)))?;
        let timers = detail.history.items.iter().filter(|entry| is_timer(entry)).count();
        same("how often it slept", &timers, &1)?;
    }
    for worker in workers {
        worker.shutdown().await;
    }
    Ok(())
}

fn is_timer(entry: &HistoryEntry) -> bool {
    matches!(entry, HistoryEntry::Checkpoint { checkpoint, .. } if checkpoint.kind == CheckpointKind::Timer)
}

/// Notes what a worker asks for under claims.
#[derive(Debug, Clone, Default)]
struct Noted(Arc<Mutex<Vec<(Verb, TaskId)>>>);

impl Noted {
    fn take(&self) -> Vec<(Verb, TaskId)> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Layer for Noted {
    type Ticket = ();

    async fn before(&self, call: Call) -> Result<(), StoreError> {
        let calls = call.claims.into_iter().map(|task| (call.verb, task));
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend(calls);
        Ok(())
    }

    async fn after(&self, (): ()) -> Result<(), StoreError> {
        Ok(())
    }
}

async fn co_10_a_worker_whose_claim_is_lost_acts_no_more(ctx: Ctx) -> Verdict {
    // Upkeep comes when something is due and no slot is free: not in every run.
    ctx.has(Verb::Tick);
    let (world, noted) = (World::new(), Noted::default());
    let first = client(&ctx, Arc::new(Layered::new(ctx.a.clone(), noted.clone())), &world)?;
    let task = first.spawn_by_name("slow", value_of!(0), SpawnOptions::default()).await?.task;
    let (reports, mut reported) = tokio::sync::mpsc::unbounded_channel();
    let observe = RunObserver::new(move |report| {
        // Nobody listens any more when the case is over.
        let _ = reports.send(report.ending);
    });
    let held = first.start_worker(WorkerOptions { on_run: Some(observe), ..options(1) }).await;
    let held = held?;
    let ([first_begun, second_begun], [first_may_end, second_may_end]) =
        (world.begun.clone(), world.may_end.clone());
    passes(&first_begun).await;

    let lease = WorkerOptions::default().lease.as_millis();
    ctx.advance(u64::try_from(lease).unwrap_or(u64::MAX));
    let second = client(&ctx, ctx.b.clone(), &world)?;
    let other = second.start_worker(options(1)).await?;
    passes(&second_begun).await;
    let before = ctx.detail(task).await?;

    noted.take();
    first_may_end.add_permits(1);
    same("how the first run ended", &reported.recv().await, &Some(RunEnding::ClaimLost))?;
    held.shutdown().await;
    same("what it asked for under its claim", &noted.take(), &vec![(Verb::Save, task)])?;
    same("the task", &ctx.detail(task).await?, &before)?;

    second_may_end.add_permits(1);
    second.wait_for_result(task, Duration::from_secs(60)).await?;
    same("the result", &ctx.outcome(task).await?, &Outcome::Completed(json("2")))?;
    let effects = BTreeMap::from([("slow".to_owned(), 2), ("after 2".to_owned(), 1)]);
    same("how often each effect happened", &world.effects(), &effects)?;
    other.shutdown().await;
    Ok(())
}
