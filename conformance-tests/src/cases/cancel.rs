//! `cancel`, and `outcome`.

use crate::prelude::*;

const GROUP: &str = "cancel";

pub(super) const CASES: &[Case] = &[
    case!(
        ca_1_a_cancelled_task_is_never_claimed_again,
        ["CA-1", "CA-2", "CA-3", "CA-4", "CA-5", "SL-11", "EV-19"],
        ["T2", "W3"],
        [Spawn, Claim, Wait, Emit, Tick, Cancel],
        "A task that was cancelled and runs all the same does what somebody had stopped."
    ),
    case!(
        ca_6_the_first_cancellation_counts,
        ["CA-6", "CA-12", "CA-14"],
        ["T2", "C7"],
        [Spawn, Cancel, Outcome],
        "Who cancelled a task, and when, is asked for later."
    ),
    case!(
        ca_7_cancelling_what_has_ended_changes_nothing,
        ["CA-7"],
        ["T2", "T3"],
        [Spawn, Claim, Cancel, Outcome],
        "A result that was acknowledged must not be taken back."
    ),
    case!(
        ca_8_cancelling_an_unknown_task_is_not_found,
        ["CA-8"],
        ["T2"],
        [Spawn, Claim, Cancel],
        "A cancellation that goes nowhere must say so."
    ),
    case!(
        ca_11_a_cancelled_task_keeps_its_history_and_loses_its_waits,
        ["CA-11"],
        ["T2", "W1"],
        [Spawn, Claim, Save, Wait, Cancel, Task],
        "What a task did before it was cancelled is what a person undoes by hand."
    ),
    case!(
        ca_13_a_task_of_a_dead_worker_can_be_cancelled,
        ["CA-13"],
        ["T2", "C5"],
        [Spawn, Claim, Cancel, Tick, Outcome],
        "A cancellation must not depend on a worker that is gone."
    ),
    case!(
        ca_14_the_cause_comes_out_as_it_went_in,
        ["CA-14", "PF-4"],
        ["T2", "N2"],
        [Spawn, Cancel, Outcome],
        "A reason that is cut or changed misleads the person who reads it."
    ),
    case!(
        outcome_tells_every_end,
        [],
        ["T3"],
        [Spawn, Claim, Tick, Cancel, Outcome],
        "A client that waits for an end must be told which it was."
    ),
];

/// The ways to be live that do not depend on time.
const LIVE: [&str; 8] =
    ["pending", "delayed", "asleep", "awaiting", "backing off", "running", "expired", "handed back"];

async fn live(ctx: &Ctx, how: &str) -> Result<TaskId, Violation> {
    match how {
        "pending" => return ctx.spawn_one().await,
        "delayed" => return ctx.spawn(job_with(|task| task.delay = millis(LEASE))?).await,
        _ => {}
    }
    let token = ctx.running().await?;
    match how {
        "asleep" => ctx.suspend_on(token, on_time(&key("k")?, LEASE)).await?,
        "awaiting" => ctx.suspend_on(token, on_event(&key("k")?, &event("e")?, None)).await?,
        "backing off" => drop(ctx.end(token, fail_after(LEASE)).await?),
        "handed back" => drop(ctx.end(token, release(LEASE)).await?),
        "expired" => {
            ctx.advance(LEASE);
            ctx.tick().await?;
        }
        _ => {}
    }
    Ok(token.task)
}

async fn ca_1_a_cancelled_task_is_never_claimed_again(ctx: Ctx) -> Verdict {
    for how in LIVE {
        let task = live(&ctx, how).await?;
        let answer = ctx.cancel(task).await?;
        same(
            &format!("cancel of a task that is {how}"),
            &answer,
            &CancelAnswer::Cancelled { closing: false },
        )?;
        ctx.claims_nothing(&format!("a claim of a cancelled task that was {how}")).await?;
    }
    ctx.emit(&event("e")?, "1").await?;
    ctx.advance(10 * LEASE);
    let ticked = ctx.tick().await?;
    same("what was due of them", &(ticked.started, ticked.woken, ticked.expired.len()), &(0, 0, 0))?;
    ctx.claims_nothing("a claim after their event and all their times").await?;
    let control = ctx.spawn_one().await?;
    ctx.claim_task(control).await?;
    Ok(())
}

async fn cancel_because(ctx: &Ctx, task: TaskId, cause: CancelCause) -> Result<CancelAnswer, Violation> {
    Ok(ctx.store().cancel(CancelRequest::new(ctx.queue.clone(), task, cause)).await?)
}

async fn ca_6_the_first_cancellation_counts(ctx: Ctx) -> Verdict {
    let task = ctx.spawn_one().await?;
    let first = CancelCause::Requested { reason: Some("first".to_owned()) };
    let answer = cancel_because(&ctx, task, first.clone()).await?;
    same("the first cancel", &answer, &CancelAnswer::Cancelled { closing: false })?;
    let before = ctx.snapshot().await?;
    ctx.advance(100);
    for cause in [first.clone(), CancelCause::Requested { reason: Some("second".to_owned()) }] {
        let answer = cancel_because(&ctx, task, cause).await?;
        let ended = CancelAnswer::Ended { state: EndState::Cancelled, closing: false };
        same("cancel once more", &answer, &ended)?;
    }
    ctx.unchanged(&before, "cancel once more").await?;
    same("the outcome", &ctx.outcome(task).await?, &Outcome::Cancelled(first))
}

async fn ca_7_cancelling_what_has_ended_changes_nothing(ctx: Ctx) -> Verdict {
    let (completed, failed) = (ctx.running().await?, ctx.running().await?);
    ctx.end(completed, Ending::Complete { result: json("7") }).await?;
    ctx.end(failed, fail_for_good()).await?;
    let before = ctx.snapshot().await?;
    ctx.advance(5);
    for (token, state) in [(completed, EndState::Completed), (failed, EndState::Failed)] {
        let wanted = CancelAnswer::Ended { state, closing: false };
        same("cancel after the end", &ctx.cancel(token.task).await?, &wanted)?;
    }
    ctx.unchanged(&before, "cancel after the end").await?;
    same("the result", &ctx.outcome(completed.task).await?, &Outcome::Completed(json("7")))
}

async fn ca_8_cancelling_an_unknown_task_is_not_found(ctx: Ctx) -> Verdict {
    let unborn = job()?;
    same("cancel of an unknown task", &ctx.cancel(unborn.id).await?, &CancelAnswer::NotFound)?;
    ctx.claims_nothing("a claim after it").await?;
    let task = ctx.spawn(unborn).await?;
    ctx.claim_task(task).await?;
    Ok(())
}

async fn ca_11_a_cancelled_task_keeps_its_history_and_loses_its_waits(ctx: Ctx) -> Verdict {
    let token = ctx.running().await?;
    ctx.save(step(token, &key("s")?, "1")).await?;
    ctx.end(token, fail_after(0)).await?;
    let token = ctx.claim_task(token.task).await?.token;
    ctx.suspend_on(token, on_event(&key("k")?, &event("e")?, Some(LEASE))).await?;
    let before = ctx.detail(token.task).await?;
    same("the waits before", &before.waits.len(), &1)?;
    ctx.advance(7);
    ctx.cancel(token.task).await?;
    let after = ctx.detail(token.task).await?;
    same("the waits", &after.waits, &vec![])?;
    same("the history", &after.history, &before.history)?;
    same("the end", &after.task.ended_at, &Some(ctx.now()))?;
    same("the cause", &after.task.cancelled, &Some(requested()))?;
    let live =
        (after.task.due, after.task.lease, after.task.rest, after.task.result, after.task.available_at);
    same("what only a live task has", &live, &(None, None, None, None, None))
}

async fn ca_13_a_task_of_a_dead_worker_can_be_cancelled(ctx: Ctx) -> Verdict {
    let token = ctx.running().await?;
    ctx.advance(LEASE);
    let answer = ctx.cancel(token.task).await?;
    same("cancel after the lease", &answer, &CancelAnswer::Cancelled { closing: false })?;
    same("what expires later", &ctx.tick().await?.expired, &vec![])?;
    ctx.claims_nothing("a claim of it").await?;
    same("the outcome", &ctx.outcome(token.task).await?, &Outcome::Cancelled(requested()))
}

async fn ca_14_the_cause_comes_out_as_it_went_in(ctx: Ctx) -> Verdict {
    let long = "🦀 ".repeat(20_000);
    let reasons =
        [None, Some(""), Some("null"), Some("a\0b\n\t\"'\\ 🦀 cafe\u{301}"), Some("{}"), Some(long.as_str())];
    let asked = reasons.iter().map(|reason| CancelCause::Requested { reason: reason.map(ToOwned::to_owned) });
    let others = [CancelCause::ParentClosed, CancelCause::MaxPendingTime, CancelCause::MaxRunningTime];
    for cause in asked.chain(others) {
        let task = ctx.spawn_one().await?;
        cancel_because(&ctx, task, cause.clone()).await?;
        same("the outcome", &ctx.outcome(task).await?, &Outcome::Cancelled(cause))?;
    }
    Ok(())
}

async fn outcome_tells_every_end(ctx: Ctx) -> Verdict {
    same("of an unknown task", &ctx.outcome(TaskId::new()).await?, &Outcome::NotFound)?;
    let waiting = ctx.spawn(job_with(|task| task.delay = millis(LEASE))?).await?;
    same("of a delayed task", &ctx.outcome(waiting).await?, &Outcome::Live)?;
    let completed = ctx.running().await?;
    same("of a running task", &ctx.outcome(completed.task).await?, &Outcome::Live)?;
    ctx.end(completed, Ending::Complete { result: json("[1]") }).await?;
    same("of a completed task", &ctx.outcome(completed.task).await?, &Outcome::Completed(json("[1]")))?;

    let failed = ctx.running().await?;
    ctx.end(failed, fail_for_good()).await?;
    let reported = Failure::Reported(json(r#""failed""#));
    same("of a failed task", &ctx.outcome(failed.task).await?, &Outcome::Failed(reported))?;

    let last = ctx.spawn(job_with(|task| task.max_attempts = Some(1))?).await?;
    ctx.claim_task(last).await?;
    ctx.advance(LEASE - 1);
    same("just before its lease ends", &ctx.outcome(last).await?, &Outcome::Live)?;
    ctx.advance(1);
    let at = ctx.now();
    ctx.tick().await?;
    let timed_out = Failure::ClaimTimeout { worker: WorkerName::new("worker")?, at };
    same("of a task whose last lease ran out", &ctx.outcome(last).await?, &Outcome::Failed(timed_out))?;

    ctx.cancel(waiting).await?;
    same("of a cancelled task", &ctx.outcome(waiting).await?, &Outcome::Cancelled(requested()))
}
