//! Crashes: a worker dies, pauses or is told to stop at each of its calls, and the next one finishes the work.
//!
//! What a store sees of a death before a call is what it sees of a death after the one before.

mod golden;
mod process;

use golden::{Attempts, Ledger, Left, Role};
use process::{Process, Started, Stop};

use crate::faults::{Fault, Plan};
use crate::prelude::*;

const GROUP: &str = "crash";

/// One sweep: `sweep!(function, [ids], [rules], why)`.
macro_rules! sweep {
    ($function:ident, [$($id:literal),*], [$($rule:literal),+], $why:literal) => {
        case!(
            $function,
            [$($id),*],
            [$($rule),+],
            [Spawn, Claim, Extend, Save, Load, Wait, Tick, Outcome, Events, Task, Purge, DropQueue],
            $why
        )
        .heavy()
    };
}

pub(super) const CASES: &[Case] = &[
    sweep!(
        cx_1_a_worker_may_die_after_any_call,
        ["CX-1", "CX-3"],
        ["F1"],
        "Whatever is half done when a process dies, the rest must be able to finish."
    ),
    sweep!(
        cx_2_a_worker_may_die_during_any_call,
        ["CX-2", "AM-9"],
        ["F1"],
        "A process that dies has calls on their way, and none of them may be done by half."
    ),
    sweep!(
        cx_4_a_worker_that_wakes_too_late_changes_nothing,
        ["CX-4"],
        ["F1", "C3"],
        "A machine that was suspended goes on where it was, and somebody else has its work."
    ),
    sweep!(
        cx_7_a_worker_may_be_told_to_stop_at_any_call,
        ["CX-7"],
        ["F1", "C3"],
        "A deployment costs no attempt and no lease."
    ),
    case!(
        cx_8_an_open_that_is_dropped_is_made_again,
        ["CX-8", "MT-3"],
        ["F1"],
        [Spawn, Claim],
        "A process that dies while it sets the data up must not keep all others out."
    ),
    sweep!(
        f2_workers_get_through_a_bad_connection,
        ["AM-1", "AM-2", "CO-3"],
        ["F2", "F1", "C7"],
        "A worker repeats each call unchanged until it is answered, and everything is done once."
    ),
];

/// One play of the scenario, on a queue of its own.
struct Scene {
    ctx: Ctx,
    parent: TaskId,
    ledger: Ledger,
    when: String,
}

/// What an undisturbed play comes to.
struct Golden {
    calls: u64,
    left: Left,
    attempts: Attempts,
}

impl Scene {
    async fn new(ctx: &Ctx, when: String) -> Result<Self, Violation> {
        let ctx = ctx.another_queue(&when).await?;
        let parent = ctx.spawn(job_with(|task| task.params = Role::Parent.payload())?).await?;
        Ok(Self { ctx, parent, ledger: Ledger::default(), when })
    }

    fn process(&self, plan: Plan) -> Process {
        Process::new(&self.ctx, &self.ledger, plan)
    }

    fn process_with(&self, call: u64, fault: Fault) -> Process {
        Process::with_fault(&self.ctx, &self.ledger, call, fault)
    }

    /// Somebody who is not disturbed finishes the work.
    async fn is_finished_by_another(&self) -> Verdict {
        finished(self.process(Plan::new()).works().await)
    }

    /// Wants the work to be done as if nothing had happened, with so many attempts more at most, and nothing left.
    async fn is_golden(&self, golden: &Golden, more_attempts: i32) -> Verdict {
        let (left, attempts) = Left::read(&self.ctx, self.parent, &self.ledger).await?;
        same(&format!("what is left {}", self.when), &left, &golden.left)?;
        let more: i32 = attempts.iter().sum::<i32>() - golden.attempts.iter().sum::<i32>();
        holds(
            &format!("the attempts {}", self.when),
            more <= more_attempts,
            attempts,
            "no more than for the fault",
        )?;
        self.leaves_nothing().await
    }

    /// Nothing is left to do, and what is purged was all that there was.
    async fn leaves_nothing(&self) -> Verdict {
        same(&format!("what is due {}", self.when), &self.ctx.tick().await?, &TickAnswer::default())?;
        self.ctx.is_whole().await?;
        self.ctx.purge(0).await?;
        let dropped = self.ctx.store().drop_queue(DropQueueRequest::new(self.ctx.queue.clone())).await?;
        same(&format!("the drop of the queue {}", self.when), &dropped, &DropQueueAnswer::Dropped)
    }
}

impl Golden {
    /// The calls to sweep: all of them, and every second one where a call takes its time.
    fn swept(&self, ctx: &Ctx) -> impl Iterator<Item = u64> {
        (1..=self.calls).step_by(if ctx.filler() > 1_000 { 2 } else { 1 })
    }

    /// Plays the scenario once.
    async fn play(ctx: &Ctx) -> Result<Self, Violation> {
        let scene = Scene::new(ctx, "undisturbed".to_owned()).await?;
        let process = scene.process(Plan::new());
        finished(process.works().await)?;
        let (left, attempts) = Left::read(&scene.ctx, scene.parent, &scene.ledger).await?;
        left.is_right()?;
        same("the attempts", &attempts, &[2, 1, 1])?;
        scene.leaves_nothing().await?;
        let calls = process.faults.calls();
        holds("the calls of the scenario", calls > 36, calls, "three dozen and more")?;
        Ok(Self { calls, left, attempts })
    }
}

/// Wants a process to have ended its work.
fn finished(end: Result<(), Stop>) -> Verdict {
    match end {
        Ok(()) => Ok(()),
        Err(Stop::Broken(violation)) => Err(violation),
        Err(other) => Err(Violation::new("a worker", format!("{other:?}"), "the end of the work")),
    }
}

/// Wants a process to have ended its work or to be dead.
fn finished_or_dead(end: Result<(), Stop>) -> Verdict {
    if matches!(end, Err(Stop::Dead)) { Ok(()) } else { finished(end) }
}

/// A worker meets a fault at one call; another one finishes.
async fn dies_at(ctx: &Ctx, golden: &Golden, call: u64, fault: Fault) -> Verdict {
    let scene = Scene::new(ctx, format!("after {fault:?} at call {call}")).await?;
    let first = scene.process_with(call, fault);
    finished_or_dead(first.works().await)?;
    ctx.advance(LEASE);
    scene.is_finished_by_another().await?;
    scene.is_golden(golden, 1).await
}

async fn cx_1_a_worker_may_die_after_any_call(ctx: Ctx) -> Verdict {
    let golden = Golden::play(&ctx).await?;
    dies_at(&ctx, &golden, 1, Fault::CrashBefore).await?;
    for call in 1..=golden.calls {
        dies_at(&ctx, &golden, call, Fault::CrashAfter).await?;
    }
    Ok(())
}

async fn cx_2_a_worker_may_die_during_any_call(ctx: Ctx) -> Verdict {
    let golden = Golden::play(&ctx).await?;
    for call in golden.swept(&ctx) {
        // Each verb is called often enough to be dropped at each of its polls.
        let polls = 1 + u32::try_from(call % 5).unwrap_or(0);
        dies_at(&ctx, &golden, call, Fault::CancelAt(polls)).await?;
    }
    Ok(())
}

async fn cx_4_a_worker_that_wakes_too_late_changes_nothing(ctx: Ctx) -> Verdict {
    let golden = Golden::play(&ctx).await?;
    for call in golden.swept(&ctx) {
        wakes_too_late(&ctx, &golden, call).await?;
    }
    Ok(())
}

/// A worker is paused at one call for twice its lease, while another one takes over and is somewhere in its work.
async fn wakes_too_late(ctx: &Ctx, golden: &Golden, call: u64) -> Verdict {
    let scene = Scene::new(ctx, format!("after a pause at call {call}")).await?;
    let zombie = Started::until_held(scene.process_with(call, Fault::Hold)).await;
    ctx.advance(2 * LEASE);
    // Who was about to ask for work may still ask: then there must be none left.
    let meanwhile = if zombie.is_at_work() { 2 + call % 20 } else { u64::MAX };
    let other = Started::until_held(scene.process_with(meanwhile, Fault::Hold)).await;
    let before = scene.ctx.snapshot().await?;
    let woken = zombie.goes_on().await;
    let stopped = matches!(woken, Ok(()) | Err(Stop::Refused));
    holds(&format!("the end of a worker {}", scene.when), stopped, &woken, "refused, or nothing to do")?;
    scene.ctx.unchanged(&before, &format!("a worker that wakes {}", scene.when)).await?;
    finished(other.goes_on().await)?;
    scene.is_golden(golden, 1).await
}

async fn cx_7_a_worker_may_be_told_to_stop_at_any_call(ctx: Ctx) -> Verdict {
    let golden = Golden::play(&ctx).await?;
    for call in golden.swept(&ctx) {
        let scene = Scene::new(&ctx, format!("after a stop at call {call}")).await?;
        match scene.process(Plan::new()).told_after(call).works().await {
            Err(Stop::Told) => {}
            end => finished(end)?,
        }
        let stopped = ctx.now();
        scene.is_finished_by_another().await?;
        let took = ctx.now().as_millis() - stopped.as_millis();
        holds("how long the rest took", took < 1_000, took, "no lease")?;
        scene.is_golden(&golden, 0).await?;
    }
    Ok(())
}

async fn cx_8_an_open_that_is_dropped_is_made_again(ctx: Ctx) -> Verdict {
    for polls in [1, 2, 3, 5, 8, 13, 21] {
        let elsewhere = ctx.elsewhere_after_a_dropped_open(polls).await?;
        let token = elsewhere.running().await?;
        elsewhere.complete(token).await?;
    }
    Ok(())
}

async fn f2_workers_get_through_a_bad_connection(ctx: Ctx) -> Verdict {
    let golden = Golden::play(&ctx).await?;
    let bad = vec![Fault::DropRequest, Fault::LoseRequest, Fault::DropReply];
    for seed in 1..=6 {
        let scene = Scene::new(&ctx, format!("over a bad connection, seed {seed}")).await?;
        let process = scene.process(Plan::new().random(seed, 400, bad.clone())).tireless();
        finished(process.works().await)?;
        scene.is_golden(&golden, 0).await?;
    }
    Ok(())
}
