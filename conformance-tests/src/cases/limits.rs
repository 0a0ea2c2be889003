//! `max_pending` and `max_running`.

use crate::prelude::*;

const GROUP: &str = "limits";

pub(super) const CASES: &[Case] = &[
    case!(
        mx_1_the_pending_limit_counts_until_the_first_start,
        ["MX-1", "CK-5"],
        ["T4", "C2", "K1"],
        [Spawn, Claim, Outcome],
        "An offer that nobody took in time must not be carried out later."
    ),
    case!(
        mx_1_a_started_task_has_no_pending_limit,
        ["MX-1"],
        ["T4"],
        [Spawn, Claim, Tick, Outcome],
        "A retry must not be cancelled for not having started."
    ),
    case!(
        mx_2_the_running_limit_counts_everything_since_the_first_start,
        ["MX-2", "MX-4", "CK-5"],
        ["T4", "K1"],
        [Spawn, Claim, Wait, Tick, Outcome],
        "A limit that stops counting while a task sleeps is none."
    ),
    case!(
        mx_5_a_limit_reaches_a_running_task,
        ["MX-5", "CA-9"],
        ["T4", "C3"],
        [Spawn, Claim, Save, Tick],
        "The holder of a task past its limit has to stop."
    ),
    case!(
        mx_6_a_limit_tells_the_parent,
        ["MX-6", "MX-7", "RT-14"],
        ["T4", "T1"],
        [Spawn, Claim, Save, Wait],
        "Whoever waits for the task must learn that it is over."
    ),
    case!(
        mx_8_the_earlier_limit_wins_and_at_one_moment_the_limit,
        ["MX-8"],
        ["T4"],
        [Spawn, Claim, Wait, Tick, Outcome],
        "At one millisecond, everybody has to see the same end."
    ),
    case!(
        mx_8_a_limit_comes_at_its_time_although_the_task_was_woken_before,
        ["MX-8"],
        ["T4", "T1"],
        [Spawn, Claim, Save, Wait, Tick, Task],
        "What a child told its parent in time must not be lost because somebody looked late."
    ),
    case!(
        mx_10_what_has_ended_is_not_limited,
        ["MX-10"],
        ["T4", "T3"],
        [Spawn, Claim, Cancel, Tick],
        "A result must not be cancelled afterwards."
    ),
];

async fn mx_1_the_pending_limit_counts_until_the_first_start(ctx: Ctx) -> Verdict {
    let limited =
        |delay| job_with(|task| (task.max_pending, task.delay) = (Some(millis(1_000)), millis(delay)));
    let in_time = ctx.spawn(limited(0)?).await?;
    ctx.advance(999);
    let claim = ctx.claim_task(in_time).await?;
    ctx.complete(claim.token).await?;
    let late = ctx.spawn(limited(0)?).await?;
    let delayed = ctx.spawn(limited(5_000)?).await?;
    ctx.advance(1_000);
    ctx.claims_nothing("a claim at the limit").await?;
    for task in [late, delayed] {
        let cancelled = Outcome::Cancelled(CancelCause::MaxPendingTime);
        same("the outcome", &ctx.outcome(task).await?, &cancelled)?;
    }
    ctx.advance(5_000);
    ctx.claims_nothing("a claim long after it").await
}

async fn mx_1_a_started_task_has_no_pending_limit(ctx: Ctx) -> Verdict {
    let task = ctx.spawn(job_with(|task| task.max_pending = Some(millis(1_000)))?).await?;
    let token = ctx.claim_task(task).await?.token;
    ctx.end(token, release(2_000)).await?;
    ctx.advance(1_999);
    same("what is limited", &ctx.tick().await?.limited, &0)?;
    same("the outcome", &ctx.outcome(task).await?, &Outcome::Live)?;
    ctx.advance(1);
    ctx.claim_task(task).await?;
    Ok(())
}

async fn mx_2_the_running_limit_counts_everything_since_the_first_start(ctx: Ctx) -> Verdict {
    for how in ["asleep", "awaiting", "backing off", "pending", "running"] {
        let on = ctx.another_queue(how).await?;
        let task = on.spawn(job_with(|task| task.max_running = Some(millis(10_000)))?).await?;
        // The time before the first start does not count.
        on.advance(50_000);
        let token = on.claim_task(task).await?.token;
        on.advance(4_000);
        on.end(token, fail_after(1_000)).await?;
        on.advance(1_000);
        let token = on.claim_task(task).await?.token;
        match how {
            "asleep" => on.suspend_on(token, on_time(&key("k")?, 50_000)).await?,
            "awaiting" => on.suspend_on(token, on_event(&key("k")?, &event("e")?, None)).await?,
            "backing off" => drop(on.end(token, fail_after(50_000)).await?),
            "pending" => drop(on.end(token, release(0)).await?),
            _ => {}
        }
        on.advance(4_999);
        same(&format!("what is limited early, {how}"), &on.tick().await?.limited, &0)?;
        on.advance(1);
        same(&format!("what is limited, {how}"), &on.tick().await?.limited, &1)?;
        let cancelled = Outcome::Cancelled(CancelCause::MaxRunningTime);
        same("the outcome", &on.outcome(task).await?, &cancelled)?;
        on.claims_nothing("a claim of it").await?;
    }
    Ok(())
}

async fn mx_5_a_limit_reaches_a_running_task(ctx: Ctx) -> Verdict {
    let task = ctx.spawn(job_with(|task| task.max_running = Some(millis(1_000)))?).await?;
    let token = ctx.claim_task(task).await?.token;
    ctx.advance(999);
    ctx.save(step(token, &key("s")?, "1")).await?;
    ctx.advance(1);
    same("what is limited", &ctx.tick().await?.limited, &1)?;
    let before = ctx.snapshot().await?;
    let refused = ctx.try_save(step(token, &key("t")?, "1")).await?;
    same("the holder's step", &refused, &Err(Refusal::Cancelled))?;
    same("the holder's end", &ctx.try_end(token, complete()).await?, &Err(Refusal::Cancelled))?;
    ctx.unchanged(&before, "what the holder tried").await
}

async fn mx_6_a_limit_tells_the_parent(ctx: Ctx) -> Verdict {
    let parent = ctx.running().await?;
    let limits = [("pending", CancelCause::MaxPendingTime), ("running", CancelCause::MaxRunningTime)];
    let mut waits = Vec::new();
    for (name, _) in &limits {
        let mut task = child(name, ParentClosePolicy::Cancel)?;
        if *name == "pending" {
            (task.max_pending, task.delay) = (Some(millis(1_000)), millis(9_000));
        } else {
            task.max_running = Some(millis(1_000));
        }
        waits.push(on_child(&join_key(name)?, task.id));
        ctx.save(spawning(parent, &key(name)?, vec![task])).await?;
    }
    ctx.claim_one().await?;
    let on = Rest { keys: waits.iter().map(|wait| wait.key.clone()).collect(), need: 2 };
    same("the join", &ctx.wait(parent, waits, Some(on)).await?, &WaitAnswer::Suspended)?;
    ctx.advance(1_000);
    let claim = ctx.claim_task(parent.task).await?;
    for (name, cause) in limits {
        let end = ctx.met(claim.token, &join_key(name)?).await?.end;
        same(&format!("the end of a child past its {name} limit"), &end, &End::Cancelled(cause))?;
    }
    Ok(())
}

async fn mx_8_the_earlier_limit_wins_and_at_one_moment_the_limit(ctx: Ctx) -> Verdict {
    let both = job_with(|task| {
        (task.max_pending, task.max_running) = (Some(millis(1_000)), Some(millis(10)));
    })?;
    let both = ctx.spawn(both).await?;
    ctx.advance(1_000);
    same("what is limited", &ctx.tick().await?.limited, &1)?;
    let cancelled = Outcome::Cancelled(CancelCause::MaxPendingTime);
    same("a task that never started", &ctx.outcome(both).await?, &cancelled)?;

    // Its start, its lease's end or its deadline come at the very moment of the limit.
    let start = job_with(|task| (task.max_pending, task.delay) = (Some(millis(LEASE)), millis(LEASE)))?;
    let start = ctx.spawn(start).await?;
    let limited = || job_with(|task| task.max_running = Some(millis(LEASE)));
    let expires = ctx.spawn(limited()?).await?;
    ctx.claim_task(expires).await?;
    let deadline = ctx.spawn(limited()?).await?;
    let token = ctx.claim_task(deadline).await?.token;
    ctx.suspend_on(token, on_time(&key("k")?, LEASE)).await?;
    ctx.advance(LEASE);
    let ticked = ctx.tick().await?;
    let done = (ticked.limited, ticked.started, ticked.woken, ticked.expired.len());
    same("what is done at that moment", &done, &(3, 0, 0, 0))?;
    let causes = [CancelCause::MaxPendingTime, CancelCause::MaxRunningTime, CancelCause::MaxRunningTime];
    for (task, cause) in [start, expires, deadline].into_iter().zip(causes) {
        same("the outcome", &ctx.outcome(task).await?, &Outcome::Cancelled(cause))?;
    }
    Ok(())
}

async fn mx_8_a_limit_comes_at_its_time_although_the_task_was_woken_before(ctx: Ctx) -> Verdict {
    let parent = ctx.spawn(job_with(|task| task.max_running = Some(millis(60)))?).await?;
    let token = ctx.claim_task(parent).await?.token;
    let (mut first, mut second) =
        (child("first", ParentClosePolicy::Cancel)?, child("second", ParentClosePolicy::Cancel)?);
    (first.max_pending, second.max_pending) = (Some(millis(10)), Some(millis(30)));
    let deadline = Some(Deadline::After(millis(10)));
    let wait = NewWait { deadline, ..on_child(&join_key("first")?, first.id) };
    ctx.save(spawning(token, &key("$spawn")?, vec![first, second])).await?;
    ctx.suspend_on(token, wait).await?;
    ctx.advance(100);
    same("what is limited", &ctx.tick().await?.limited, &3)?;
    let history = ctx.detail(parent).await?.history.items;
    let (key, end) = (join_key("second")?, End::Cancelled(CancelCause::MaxPendingTime));
    let told = history.iter().any(|entry| match entry {
        HistoryEntry::Checkpoint { checkpoint, .. } => (&checkpoint.key, &checkpoint.end) == (&key, &end),
        HistoryEntry::Run(_) => false,
    });
    holds("the parent, cancelled 30 ms after its second child", told, &history, "the child's end")
}

async fn mx_10_what_has_ended_is_not_limited(ctx: Ctx) -> Verdict {
    let limited =
        || job_with(|task| (task.max_pending, task.max_running) = (Some(millis(1_000)), Some(millis(1_000))));
    let completed = ctx.spawn(limited()?).await?;
    let token = ctx.claim_task(completed).await?.token;
    ctx.complete(token).await?;
    let failed = ctx.spawn(limited()?).await?;
    let token = ctx.claim_task(failed).await?.token;
    ctx.end(token, fail_for_good()).await?;
    let cancelled = ctx.spawn(limited()?).await?;
    ctx.cancel(cancelled).await?;
    let before = ctx.snapshot().await?;
    ctx.advance(100_000);
    same("what is limited", &ctx.tick().await?.limited, &0)?;
    ctx.unchanged(&before, "a tick long after the limits").await?;
    let live = ctx.spawn(limited()?).await?;
    ctx.advance(1_000);
    same("what is limited of the live", &ctx.tick().await?.limited, &1)?;
    same(
        "cancel of it",
        &ctx.cancel(live).await?,
        &CancelAnswer::Ended { state: EndState::Cancelled, closing: false },
    )
}
