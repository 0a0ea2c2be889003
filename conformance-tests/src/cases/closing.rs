//! What a task's end does to its children: the cascade, and the mark *closing*.

use crate::prelude::*;

const GROUP: &str = "closing";

pub(super) const CASES: &[Case] = &[
    case!(
        ch_12_every_end_cancels_the_live_children,
        ["CH-12", "CH-13", "CH-14", "CH-16", "CH-21", "MX-6"],
        ["T2", "T4", "C5"],
        [Spawn, Claim, Save, Cancel, Tick, Outcome],
        "Children that nobody waits for any more must not go on doing things."
    ),
    case!(
        ch_13_a_failure_that_is_retried_leaves_the_children,
        ["CH-13"],
        ["T2"],
        [Spawn, Claim, Save, Outcome],
        "The next attempt joins the children of the one before."
    ),
    case!(
        ch_12_a_cascade_goes_all_the_way_down,
        ["CH-12", "CH-18", "CH-21"],
        ["T2"],
        [Spawn, Claim, Save, Cancel, Outcome],
        "A grandchild is as unwanted as a child."
    ),
    case!(
        ch_12_what_has_ended_stays_as_it_ended,
        ["CH-12", "CH-17"],
        ["T2", "T3"],
        [Spawn, Claim, Save, Cancel, Outcome],
        "A cascade must not turn a result into a cancellation."
    ),
    case!(
        ca_9_the_holder_of_a_cancelled_child_learns_it,
        ["CA-9", "CA-11"],
        ["T2", "C3", "W1"],
        [Spawn, Claim, Save, Wait, Emit, Tick, Task],
        "A child that runs when its parent ends has to stop, and must not be woken."
    ),
    case!(
        t2_a_small_cascade_leaves_no_mark,
        ["CA-12"],
        ["T2"],
        [Spawn, Claim, Save, Cancel, Tick, Task],
        "A task that stays marked can be neither retried nor purged."
    ),
    case!(
        c8_an_end_closes_before_the_next_end_of_the_call,
        [],
        ["C8", "T2"],
        [Spawn, Claim, Save],
        "A batch must not complete what its first item cancels, or its items are no longer one after another."
    ),
    case!(
        t2_what_is_due_closes_before_the_next_thing_that_is_due,
        [],
        ["T2", "C5"],
        [Spawn, Claim, Save, Task],
        "A child that its parent's end cancels has no attempt left to lose."
    ),
    case!(
        t2_the_mark_goes_with_the_last_child_whoever_ends_it,
        [],
        ["T2", "T5"],
        [Spawn, Claim, Save, Tick, Task, Retry],
        "Closing says that something is left to do: a task with nothing below it can be retried and purged."
    ),
];

/// Ends a running task in every way there is.
async fn end(ctx: &Ctx, token: Token, how: &str) -> Verdict {
    match how {
        "complete" => ctx.complete(token).await,
        "fail" => same("fail", &ctx.end(token, fail_for_good()).await?, &EndAnswer::Failed),
        "cancel" => {
            same("cancel", &ctx.cancel(token.task).await?, &CancelAnswer::Cancelled { closing: false })
        }
        _ => {
            ctx.advance(LEASE);
            ctx.tick().await?;
            let outcome = ctx.outcome(token.task).await?;
            holds("the outcome", outcome != Outcome::Live, &outcome, "an end")
        }
    }
}

async fn ch_12_every_end_cancels_the_live_children(ctx: Ctx) -> Verdict {
    let closed = Outcome::Cancelled(CancelCause::ParentClosed);
    for how in ["complete", "fail", "cancel", "expire", "running limit"] {
        let on = ctx.another_queue(how).await?;
        let parent = job_with(|task| {
            task.max_attempts = Some(1);
            task.max_running = (how == "running limit").then(|| millis(LEASE));
        })?;
        let parent = on.spawn(parent).await?;
        let parent = on.claim_task(parent).await?.token;
        let pending = on.spawn_child(parent, "pending", ParentClosePolicy::Cancel).await?;
        let abandoned = on.spawn_child(parent, "abandoned", ParentClosePolicy::Abandon).await?;
        let mut delayed = child("delayed", ParentClosePolicy::Cancel)?;
        delayed.delay = millis(10 * LEASE);
        let sleeping = delayed.id;
        on.save(spawning(parent, &key("$spawn:delayed")?, vec![delayed])).await?;
        end(&on, parent, how).await?;
        same(&format!("a pending child after {how}"), &on.outcome(pending).await?, &closed)?;
        same(&format!("a delayed child after {how}"), &on.outcome(sleeping).await?, &closed)?;
        same(&format!("an abandoned child after {how}"), &on.outcome(abandoned).await?, &Outcome::Live)?;
        on.claim_task(abandoned).await?;
    }
    Ok(())
}

async fn ch_13_a_failure_that_is_retried_leaves_the_children(ctx: Ctx) -> Verdict {
    let parent = ctx.running().await?;
    let child = ctx.spawn_child(parent, "c", ParentClosePolicy::Cancel).await?;
    let running = ctx.claim_task(child).await?;
    ctx.end(parent, fail_after(0)).await?;
    same("the child after a failure", &ctx.outcome(child).await?, &Outcome::Live)?;
    let parent = ctx.claim_task(parent.task).await?.token;
    ctx.end(parent, release(0)).await?;
    same("the child after a release", &ctx.outcome(child).await?, &Outcome::Live)?;
    ctx.complete(running.token).await
}

async fn ch_12_a_cascade_goes_all_the_way_down(ctx: Ctx) -> Verdict {
    let top = ctx.running().await?;
    let middle = ctx.spawn_child(top, "m", ParentClosePolicy::Cancel).await?;
    let middle = ctx.claim_task(middle).await?.token;
    let low = ctx.spawn_child(middle, "l", ParentClosePolicy::Cancel).await?;
    let low = ctx.claim_task(low).await?.token;
    let lowest = ctx.spawn_child(low, "x", ParentClosePolicy::Cancel).await?;
    let abandoned = ctx.spawn_child(low, "a", ParentClosePolicy::Abandon).await?;
    same("cancel", &ctx.cancel(top.task).await?, &CancelAnswer::Cancelled { closing: false })?;
    same("the top", &ctx.outcome(top.task).await?, &Outcome::Cancelled(requested()))?;
    for task in [middle.task, low.task, lowest] {
        let closed = Outcome::Cancelled(CancelCause::ParentClosed);
        same("one below", &ctx.outcome(task).await?, &closed)?;
    }
    same("the abandoned one", &ctx.outcome(abandoned).await?, &Outcome::Live)?;
    ctx.claim_task(abandoned).await?;
    Ok(())
}

async fn ch_12_what_has_ended_stays_as_it_ended(ctx: Ctx) -> Verdict {
    let parent = ctx.running().await?;
    let done = ctx.spawn_child(parent, "done", ParentClosePolicy::Cancel).await?;
    let claim = ctx.claim_task(done).await?;
    // What its child leaves behind is the child's, not the parent's: it ended first.
    let grandchild = ctx.spawn_child(claim.token, "g", ParentClosePolicy::Abandon).await?;
    ctx.end(claim.token, Ending::Complete { result: json("1") }).await?;
    ctx.cancel(parent.task).await?;
    same("the child that was done", &ctx.outcome(done).await?, &Outcome::Completed(json("1")))?;
    same("what it had abandoned", &ctx.outcome(grandchild).await?, &Outcome::Live)?;
    same("the parent", &ctx.outcome(parent.task).await?, &Outcome::Cancelled(requested()))
}

async fn ca_9_the_holder_of_a_cancelled_child_learns_it(ctx: Ctx) -> Verdict {
    let parent = ctx.running().await?;
    let running = ctx.spawn_child(parent, "r", ParentClosePolicy::Cancel).await?;
    let running = ctx.claim_task(running).await?.token;
    let waiting = ctx.spawn_child(parent, "w", ParentClosePolicy::Cancel).await?;
    let waiting = ctx.claim_task(waiting).await?.token;
    ctx.suspend_on(waiting, on_event(&key("k")?, &event("e")?, Some(500))).await?;
    ctx.complete(parent).await?;
    same(
        "the holder's step",
        &ctx.try_save(step(running, &key("s")?, "1")).await?,
        &Err(Refusal::Cancelled),
    )?;
    same("the holder's end", &ctx.try_end(running, complete()).await?, &Err(Refusal::Cancelled))?;
    for task in [running.task, waiting.task] {
        let detail = ctx.detail(task).await?;
        let left = (detail.waits.len(), detail.task.lease, detail.task.rest, detail.task.due);
        same("what only a live task has", &left, &(0, None, None, None))?;
        same("when it ended", &detail.task.ended_at, &Some(ctx.now()))?;
    }
    ctx.emit(&event("e")?, "1").await?;
    ctx.advance(10 * LEASE);
    same("what is due later", &ctx.tick().await?.woken, &0)?;
    ctx.claims_nothing("a claim of a cancelled child").await
}

async fn t2_a_small_cascade_leaves_no_mark(ctx: Ctx) -> Verdict {
    let parent = ctx.running().await?;
    for name in ["1", "2", "3"] {
        ctx.spawn_child(parent, name, ParentClosePolicy::Cancel).await?;
    }
    same("cancel", &ctx.cancel(parent.task).await?, &CancelAnswer::Cancelled { closing: false })?;
    same("the mark", &ctx.view(parent.task).await?.closing, &false)?;
    let again = ctx.cancel(parent.task).await?;
    same("cancel again", &again, &CancelAnswer::Ended { state: EndState::Cancelled, closing: false })?;
    let ticked = ctx.tick().await?;
    same("what is left to do", &(ticked.closed, ticked.closing_left, ticked.more), &(0, 0, false))
}

async fn c8_an_end_closes_before_the_next_end_of_the_call(ctx: Ctx) -> Verdict {
    let top = ctx.running().await?;
    let middle = ctx.spawn_child(top, "m", ParentClosePolicy::Cancel).await?;
    let middle = ctx.claim_task(middle).await?.token;
    let low = ctx.spawn_child(middle, "l", ParentClosePolicy::Cancel).await?;
    let low = ctx.claim_task(low).await?.token;
    let ends = [top, low].map(|token| RunEnd { token, ending: complete() }).to_vec();
    let answer = ctx.claim_with(ctx.claim_request(0)?.ending(ends)).await?;
    let answers: Vec<_> = answer.ends.into_iter().map(|end| end.map_err(Refusal::from)).collect();
    same(
        "a task's end and its grandchild's",
        &answers,
        &vec![Ok(EndAnswer::Completed), Err(Refusal::Cancelled)],
    )
}

async fn t2_what_is_due_closes_before_the_next_thing_that_is_due(ctx: Ctx) -> Verdict {
    ctx.spawn(job_with(|task| task.max_attempts = Some(1))?).await?;
    let parent = ctx.claim_one().await?.token;
    let child = ctx.spawn_child(parent, "c", ParentClosePolicy::Cancel).await?;
    ctx.advance(1);
    ctx.claim_task(child).await?;
    ctx.advance(LEASE);
    ctx.claims_nothing("a claim when both leases have ended").await?;
    let detail = ctx.detail(child).await?;
    let shown = (detail.task.state, detail.task.attempt, detail.history.items.len());
    same("the child", &shown, &(TaskState::Ended(EndState::Cancelled), 1, 0))
}

async fn t2_the_mark_goes_with_the_last_child_whoever_ends_it(ctx: Ctx) -> Verdict {
    ctx.spawn(job_with(|task| task.max_attempts = Some(1))?).await?;
    let parent = ctx.claim_one().await?.token;
    let child = ctx.spawn_child(parent, "c", ParentClosePolicy::Cancel).await?;
    ctx.advance(1);
    let child = ctx.claim_task(child).await?.token;
    ctx.advance(LEASE - 1);
    let expired = ctx.store().tick(TickRequest::new(ctx.queue.clone(), 1)).await?;
    same("what the tick leaves", &(expired.expired.len(), expired.closing_left), &(1, 1))?;
    same("the parent with a child", &ctx.view(parent.task).await?.closing, &true)?;
    ctx.complete(child).await?;
    same("the parent without", &ctx.view(parent.task).await?.closing, &false)?;
    same("what is left", &ctx.tick().await?, &TickAnswer::default())?;
    let retry = RetryRequest::new(ctx.queue.clone(), parent.task, 1, None);
    same("retry", &ctx.store().retry(retry).await?, &RetryAnswer::Reopened)
}
