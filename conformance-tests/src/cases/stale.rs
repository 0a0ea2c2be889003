//! The table of stale tokens: every write under a claim that does not hold is refused and changes nothing.
//!
//! One case for each way in which a claim stops to hold, and in each case every operation. A claim that its holder
//! closed answers the verb that closed it once more, and no other (`C7`).

use crate::prelude::*;

const GROUP: &str = "stale";

/// One row of the table: `row!(function, [what else it holds], [verbs besides spawn, claim], why)`.
macro_rules! row {
    ($function:ident, [$($id:literal),*], [$($verb:ident),*], $why:literal) => {
        case!(
            $function,
            ["CL-31", "CP-6", "CP-17", "EV-22", "CH-22", "RT-10" $(, $id)*],
            ["C3", "C7"],
            [Spawn, Claim $(, $verb)*],
            $why
        )
    };
}

pub(super) const CASES: &[Case] = &[
    row!(
        cl_31_expired_unswept,
        ["CL-24", "CL-27"],
        [],
        "A run that outlived its lease may already be somebody else's."
    ),
    row!(
        cl_31_expired_and_reclaimed,
        ["CL-13"],
        [],
        "A worker that wakes from a long pause writes into another's run."
    ),
    row!(
        cl_31_asleep,
        ["SL-2", "SL-9", "CP-8", "CL-29"],
        [Wait],
        "A body that outlives its suspension must not write."
    ),
    row!(
        cl_31_slept_and_reclaimed,
        ["SL-8"],
        [Wait],
        "The run before a sleep and the run after it are two claims."
    ),
    row!(cl_31_awaiting_an_event, ["CP-8", "CL-29"], [Wait], "A suspended task has no holder."),
    row!(
        cl_31_woken_and_reclaimed,
        ["EV-23"],
        [Wait, Emit],
        "The run before an event and the run after it are two claims."
    ),
    row!(cl_31_completed, ["CP-8", "CL-29"], [], "A completed task is final."),
    row!(
        cl_31_failed_and_backing_off,
        ["RT-8"],
        [],
        "A failed attempt has ended, even if the next has not begun."
    ),
    row!(cl_31_failed_and_reclaimed, ["RT-8"], [], "An old attempt must not write over a newer one."),
    row!(cl_31_failed_for_good, ["CP-8", "CL-29"], [], "A failed task is final until somebody reopens it."),
    row!(cl_31_released, ["CL-34"], [], "What was handed back is no longer one's own."),
    row!(cl_31_released_and_reclaimed, ["CL-34"], [], "What was handed back may be somebody else's."),
    row!(
        cl_31_cancelled_while_running,
        ["CA-9", "CP-8", "CL-29"],
        [Cancel],
        "The holder of a cancelled task must learn that, and stop."
    ),
    row!(
        cl_31_cancelled_asleep,
        ["CA-9", "CP-8"],
        [Wait, Cancel],
        "A late repeat must not revive what was cancelled."
    ),
    row!(
        cl_31_reclaimed_and_cancelled,
        ["CA-9", "CL-29"],
        [Cancel],
        "Only the newest token learns of a cancellation."
    ),
    row!(cl_31_purged, ["RE-8"], [Purge], "What is purged is gone for everybody."),
    row!(
        cl_31_of_a_dropped_queue,
        ["QU-7"],
        [Purge, DropQueue],
        "A zombie must not bring a dropped queue back."
    ),
    row!(cl_31_of_another_task, ["CL-12"], [], "A token is for one task."),
    row!(cl_31_of_another_queue, ["CL-12", "QU-9"], [], "A token is for one queue."),
    row!(cl_31_with_a_forged_call, ["CL-12"], [], "Who knows a task's id may not write to it."),
    row!(cl_31_with_another_claim_count, ["CL-12"], [], "The call alone is no token."),
];

/// The operations under a claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Op {
    Extend,
    Save,
    SaveAndSpawn,
    SaveAndEmit,
    Register,
    RestOn,
    Load,
    Complete,
    Fail,
    FailForGood,
    Release,
}

impl Op {
    const ALL: [Self; 11] = [
        Self::Extend,
        Self::Save,
        Self::SaveAndSpawn,
        Self::SaveAndEmit,
        Self::Register,
        Self::RestOn,
        Self::Load,
        Self::Complete,
        Self::Fail,
        Self::FailForGood,
        Self::Release,
    ];

    const fn verb(self) -> Verb {
        match self {
            Self::Extend => Verb::Extend,
            Self::Save | Self::SaveAndSpawn | Self::SaveAndEmit => Verb::Save,
            Self::Register | Self::RestOn => Verb::Wait,
            Self::Load => Verb::Load,
            Self::Complete | Self::Fail | Self::FailForGood | Self::Release => Verb::Claim,
        }
    }

    /// Does it with a token, and gives the answer as text.
    async fn with(self, ctx: &Ctx, token: Token) -> Result<Fenced<String>, Violation> {
        let step_key = key("stale")?;
        Ok(match self {
            Self::Extend => shown(ctx.try_extend(token, 5 * LEASE).await?),
            Self::Save => shown(ctx.try_save(step(token, &step_key, "1")).await?),
            Self::SaveAndSpawn => {
                let children = vec![child("stale", ParentClosePolicy::Abandon)?];
                shown(ctx.try_save(spawning(token, &step_key, children)).await?)
            }
            Self::SaveAndEmit => {
                shown(ctx.try_save(emitting(token, &step_key, write(&event("stale")?, "1"))).await?)
            }
            Self::Register => {
                shown(ctx.try_wait(token, vec![on_event(&step_key, &event("stale")?, None)], None).await?)
            }
            Self::RestOn => {
                let waits = vec![on_time(&step_key, 1)];
                shown(ctx.try_wait(token, waits, Some(rest(&[&step_key], 1))).await?)
            }
            Self::Load => shown(ctx.try_load(token).await?),
            Self::Complete => shown(ctx.try_end(token, Ending::Complete { result: json("666") }).await?),
            Self::Fail => shown(ctx.try_end(token, fail_after(0)).await?),
            Self::FailForGood => shown(ctx.try_end(token, fail_for_good()).await?),
            Self::Release => shown(ctx.try_end(token, release(5)).await?),
        })
    }
}

fn shown<T: std::fmt::Debug>(answer: Fenced<T>) -> Fenced<String> {
    answer.map(|answer| format!("{answer:?}"))
}

/// Tries everything with a stale token: each is refused with `refusal`, except what `closed` names: these
/// operations are answered as when they closed the claim. Nothing changes.
async fn all_refused(ctx: &Ctx, token: Token, refusal: Refusal, closed: &[(Op, String)]) -> Verdict {
    let before = ctx.snapshot().await?;
    for op in Op::ALL {
        if !ctx.has(op.verb()) {
            continue;
        }
        let repeat = closed.iter().find(|(closing, _)| *closing == op);
        let wanted = repeat.map_or(Err(refusal), |(_, answer)| Ok(answer.clone()));
        same(&format!("{op:?}"), &op.with(ctx, token).await?, &wanted)?;
        ctx.unchanged(&before, &format!("{op:?}")).await?;
    }
    Ok(())
}

/// The operations that are answered like `Wait` once it has suspended.
fn suspended() -> Vec<(Op, String)> {
    [Op::Register, Op::RestOn].map(|op| (op, format!("{:?}", WaitAnswer::Suspended))).to_vec()
}

fn ended(op: Op, answer: EndAnswer) -> Vec<(Op, String)> {
    // Both kinds of failing are one verb.
    let same_verb = |other: &Op| {
        let fails = |op| matches!(op, Op::Fail | Op::FailForGood);
        *other == op || (fails(*other) && fails(op))
    };
    Op::ALL.into_iter().filter(same_verb).map(|op| (op, format!("{answer:?}"))).collect()
}

async fn cl_31_expired_unswept(ctx: Ctx) -> Verdict {
    let token = ctx.running().await?;
    ctx.advance(LEASE);
    let before = ctx.snapshot().await?;
    // A claim also does what is due: the ends come last, since they let the run expire.
    for op in Op::ALL.into_iter().filter(|op| ctx.has(op.verb()) && op.verb() != Verb::Claim) {
        same(&format!("{op:?}"), &op.with(&ctx, token).await?, &Err(Refusal::ClaimLost))?;
        ctx.unchanged(&before, &format!("{op:?}")).await?;
    }
    let claim = ctx.claim_task(token.task).await?;
    ctx.complete(claim.token).await?;
    for op in Op::ALL.into_iter().filter(|op| op.verb() == Verb::Claim) {
        let token = ctx.running().await?;
        ctx.advance(LEASE);
        same(&format!("{op:?}"), &op.with(&ctx, token).await?, &Err(Refusal::ClaimLost))?;
        let claim = ctx.claim_task(token.task).await?;
        same(&format!("the attempt after {op:?}"), &claim.attempt, &2)?;
        same(&format!("what {op:?} stored"), &claim.checkpoints, &0)?;
        ctx.complete(claim.token).await?;
    }
    Ok(())
}

async fn cl_31_expired_and_reclaimed(ctx: Ctx) -> Verdict {
    let token = ctx.running().await?;
    ctx.advance(LEASE);
    let new = ctx.claim_task(token.task).await?;
    all_refused(&ctx, token, Refusal::ClaimLost, &[]).await?;
    ctx.complete(new.token).await
}

async fn cl_31_asleep(ctx: Ctx) -> Verdict {
    let token = ctx.running().await?;
    ctx.suspend_on(token, on_time(&key("k")?, LEASE)).await?;
    all_refused(&ctx, token, Refusal::ClaimLost, &suspended()).await?;
    ctx.advance(LEASE);
    ctx.claim_task(token.task).await?;
    Ok(())
}

async fn cl_31_slept_and_reclaimed(ctx: Ctx) -> Verdict {
    let token = ctx.running().await?;
    ctx.suspend_on(token, on_time(&key("k")?, 10)).await?;
    ctx.advance(10);
    let new = ctx.claim_task(token.task).await?;
    all_refused(&ctx, token, Refusal::ClaimLost, &[]).await?;
    ctx.complete(new.token).await
}

async fn cl_31_awaiting_an_event(ctx: Ctx) -> Verdict {
    let token = ctx.running().await?;
    ctx.suspend_on(token, on_event(&key("k")?, &event("e")?, None)).await?;
    all_refused(&ctx, token, Refusal::ClaimLost, &suspended()).await
}

async fn cl_31_woken_and_reclaimed(ctx: Ctx) -> Verdict {
    let token = ctx.running().await?;
    ctx.suspend_on(token, on_event(&key("k")?, &event("e")?, None)).await?;
    ctx.emit(&event("e")?, "1").await?;
    all_refused(&ctx, token, Refusal::ClaimLost, &suspended()).await?;
    let new = ctx.claim_task(token.task).await?;
    all_refused(&ctx, token, Refusal::ClaimLost, &[]).await?;
    ctx.complete(new.token).await
}

async fn cl_31_completed(ctx: Ctx) -> Verdict {
    let token = ctx.running().await?;
    ctx.complete(token).await?;
    all_refused(&ctx, token, Refusal::ClaimLost, &ended(Op::Complete, EndAnswer::Completed)).await
}

async fn cl_31_failed_and_backing_off(ctx: Ctx) -> Verdict {
    let token = ctx.running().await?;
    let answer = ctx.end(token, fail_after(LEASE)).await?;
    all_refused(&ctx, token, Refusal::ClaimLost, &ended(Op::Fail, answer)).await?;
    ctx.advance(LEASE);
    same("the next attempt", &ctx.claim_task(token.task).await?.attempt, &2)
}

async fn cl_31_failed_and_reclaimed(ctx: Ctx) -> Verdict {
    let token = ctx.running().await?;
    ctx.end(token, fail_after(0)).await?;
    let new = ctx.claim_task(token.task).await?;
    all_refused(&ctx, token, Refusal::ClaimLost, &[]).await?;
    ctx.complete(new.token).await
}

async fn cl_31_failed_for_good(ctx: Ctx) -> Verdict {
    let token = ctx.running().await?;
    let answer = ctx.end(token, fail_for_good()).await?;
    all_refused(&ctx, token, Refusal::ClaimLost, &ended(Op::FailForGood, answer)).await
}

async fn cl_31_released(ctx: Ctx) -> Verdict {
    let token = ctx.running().await?;
    let answer = ctx.end(token, release(0)).await?;
    all_refused(&ctx, token, Refusal::ClaimLost, &ended(Op::Release, answer)).await?;
    ctx.claim_task(token.task).await?;
    Ok(())
}

async fn cl_31_released_and_reclaimed(ctx: Ctx) -> Verdict {
    let token = ctx.running().await?;
    ctx.end(token, release(0)).await?;
    let new = ctx.claim_task(token.task).await?;
    all_refused(&ctx, token, Refusal::ClaimLost, &[]).await?;
    ctx.complete(new.token).await
}

async fn cl_31_cancelled_while_running(ctx: Ctx) -> Verdict {
    let token = ctx.running().await?;
    ctx.cancel(token.task).await?;
    all_refused(&ctx, token, Refusal::Cancelled, &[]).await?;
    ctx.advance(LEASE);
    all_refused(&ctx, token, Refusal::Cancelled, &[]).await
}

async fn cl_31_cancelled_asleep(ctx: Ctx) -> Verdict {
    let token = ctx.running().await?;
    ctx.suspend_on(token, on_time(&key("k")?, LEASE)).await?;
    ctx.cancel(token.task).await?;
    all_refused(&ctx, token, Refusal::Cancelled, &suspended()).await
}

async fn cl_31_reclaimed_and_cancelled(ctx: Ctx) -> Verdict {
    let token = ctx.running().await?;
    ctx.end(token, fail_after(0)).await?;
    let new = ctx.claim_task(token.task).await?;
    ctx.cancel(token.task).await?;
    all_refused(&ctx, token, Refusal::ClaimLost, &[]).await?;
    all_refused(&ctx, new.token, Refusal::Cancelled, &[]).await
}

async fn cl_31_purged(ctx: Ctx) -> Verdict {
    let token = ctx.running().await?;
    ctx.complete(token).await?;
    ctx.purge(0).await?;
    all_refused(&ctx, token, Refusal::ClaimLost, &[]).await
}

async fn cl_31_of_a_dropped_queue(ctx: Ctx) -> Verdict {
    let token = ctx.running().await?;
    ctx.complete(token).await?;
    ctx.purge(0).await?;
    let dropped = ctx.store().drop_queue(DropQueueRequest::new(ctx.queue.clone())).await?;
    same("drop", &dropped, &DropQueueAnswer::Dropped)?;
    all_refused(&ctx, token, Refusal::ClaimLost, &[]).await
}

async fn cl_31_of_another_task(ctx: Ctx) -> Verdict {
    let (mine, other) = (ctx.running().await?, ctx.running().await?);
    let mixed = Token { task: mine.task, ..other };
    all_refused(&ctx, mixed, Refusal::ClaimLost, &[]).await?;
    let unknown = Token { task: TaskId::new(), ..other };
    all_refused(&ctx, unknown, Refusal::ClaimLost, &[]).await?;
    ctx.complete(mine).await?;
    ctx.complete(other).await
}

async fn cl_31_of_another_queue(ctx: Ctx) -> Verdict {
    let other = ctx.another_queue("other").await?;
    let (here, there) = (ctx.running().await?, other.running().await?);
    let before = other.snapshot().await?;
    all_refused(&ctx, there, Refusal::ClaimLost, &[]).await?;
    other.unchanged(&before, "its token in another queue").await?;
    ctx.complete(here).await?;
    other.complete(there).await
}

async fn cl_31_with_a_forged_call(ctx: Ctx) -> Verdict {
    let token = ctx.running().await?;
    let empty = CallId::from_uuid(uuid::Uuid::nil());
    let forged = [CallId::new(), empty].map(|call| Token { call, ..token });
    for forged in forged {
        all_refused(&ctx, forged, Refusal::ClaimLost, &[]).await?;
    }
    ctx.complete(token).await?;
    for forged in forged {
        all_refused(&ctx, forged, Refusal::ClaimLost, &[]).await?;
    }
    Ok(())
}

async fn cl_31_with_another_claim_count(ctx: Ctx) -> Verdict {
    let first = ctx.running().await?;
    ctx.end(first, release(0)).await?;
    let token = ctx.claim_task(first.task).await?.token;
    for claim in [0, token.claim - 1, token.claim + 1, u64::MAX] {
        all_refused(&ctx, Token { claim, ..token }, Refusal::ClaimLost, &[]).await?;
    }
    ctx.complete(token).await
}
