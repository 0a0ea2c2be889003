//! Everything that has a time comes at it: one table for all, and what comes after the end of a limit.

use crate::prelude::*;

const GROUP: &str = "boundaries";

pub(super) const CASES: &[Case] = &[
    case!(
        ck_5_whatever_has_a_time_comes_at_it,
        ["CK-5", "CL-1", "CL-21", "SL-1", "EV-9", "RT-1", "MX-1", "MX-2", "RE-1"],
        ["K1", "K2"],
        [Spawn, Claim, Save, Wait, Emit, Tick, Purge],
        "One rule for all times is one that can be remembered: due if and only if the time has come."
    ),
    case!(
        mx_3_a_retry_past_the_limit_never_runs,
        ["MX-3", "MX-2", "CL-36"],
        ["T4", "K1"],
        [Spawn, Claim, Outcome],
        "A task must not wake after its time only because it failed shortly before."
    ),
    case!(
        ev_14_a_wait_without_a_timeout_is_for_ever,
        ["EV-14", "CK-7"],
        ["W1", "W2"],
        [Spawn, Claim, Wait, Emit, Tick],
        "An approval may take a year."
    ),
    case!(
        cl_35_as_many_are_ready_as_a_claim_takes,
        ["CL-35", "OB-1"],
        ["C2", "K1"],
        [Spawn, Claim, Wait, Counts],
        "A figure that counts what nobody can claim starts workers for nothing."
    ),
];

/// What has a time.
#[derive(Debug, Clone, Copy)]
enum Timed {
    Start,
    Retry,
    Release,
    Lease,
    Sleep,
    EventTimeout,
    JoinTimeout,
    PendingLimit,
    RunningLimit,
    PurgeOfATask,
    PurgeOfAnEvent,
}

/// When it comes.
const TIME: u64 = 1_000;

impl Timed {
    const ALL: [Self; 11] = [
        Self::Start,
        Self::Retry,
        Self::Release,
        Self::Lease,
        Self::Sleep,
        Self::EventTimeout,
        Self::JoinTimeout,
        Self::PendingLimit,
        Self::RunningLimit,
        Self::PurgeOfATask,
        Self::PurgeOfAnEvent,
    ];

    /// Sets it up, so that it comes after [`TIME`].
    async fn arm(self, on: &Ctx) -> Verdict {
        let step_key = key("k")?;
        match self {
            Self::Start => on.spawn(job_with(|task| task.delay = millis(TIME))?).await.map(drop),
            Self::Retry => on.end(on.running().await?, fail_after(TIME)).await.map(drop),
            Self::Release => on.end(on.running().await?, release(TIME)).await.map(drop),
            Self::Lease => {
                on.spawn_one().await?;
                let mut request = on.claim_request(1)?;
                request.lease = lease(TIME)?;
                same("the claims", &on.claim_with(request).await?.claims.len(), &1)
            }
            Self::Sleep => on.suspend_on(on.running().await?, on_time(&step_key, TIME)).await,
            Self::EventTimeout => {
                on.suspend_on(on.running().await?, on_event(&step_key, &event("e")?, Some(TIME))).await
            }
            Self::JoinTimeout => {
                let parent = on.running().await?;
                let child = on.spawn_child(parent, "c", ParentClosePolicy::Cancel).await?;
                on.claim_task(child).await?;
                let join = on_child(&join_key("c")?, child);
                on.suspend_on(parent, NewWait { deadline: Some(Deadline::After(millis(TIME))), ..join }).await
            }
            Self::PendingLimit => {
                on.spawn(job_with(|task| task.max_pending = Some(millis(TIME)))?).await.map(drop)
            }
            Self::RunningLimit => {
                on.spawn(job_with(|task| task.max_running = Some(millis(TIME)))?).await?;
                on.claim_one().await.map(drop)
            }
            Self::PurgeOfATask => on.complete(on.running().await?).await,
            Self::PurgeOfAnEvent => on.emit(&event("e")?, "1").await.map(drop),
        }
    }

    /// How often it comes now: 0 or 1.
    async fn comes(self, on: &Ctx) -> Result<u64, Violation> {
        Ok(match self {
            Self::PendingLimit | Self::RunningLimit => u64::from(on.tick().await?.limited),
            Self::PurgeOfATask | Self::PurgeOfAnEvent => on.purge(TIME).await?.purged,
            _ => on.claim(10).await?.len() as u64,
        })
    }
}

async fn ck_5_whatever_has_a_time_comes_at_it(ctx: Ctx) -> Verdict {
    for timed in Timed::ALL {
        let on = ctx.another_queue(&format!("{timed:?}")).await?;
        // Not at a whole second, nor at a whole tenth.
        on.advance(77);
        timed.arm(&on).await?;
        for (moment, advance, times) in
            [("at first", 0, 0), ("a millisecond early", TIME - 1, 0), ("in time", 1, 1)]
        {
            on.advance(advance);
            same(&format!("{timed:?}, {moment}"), &timed.comes(&on).await?, &times)?;
        }
    }
    Ok(())
}

async fn mx_3_a_retry_past_the_limit_never_runs(ctx: Ctx) -> Verdict {
    for retry in [fail_after(50_000), release(50_000)] {
        let task = ctx.spawn(job_with(|task| task.max_running = Some(millis(10_000)))?).await?;
        let token = ctx.claim_task(task).await?.token;
        let limit = ctx.now().after(millis(10_000));
        ctx.advance(4_000);
        ctx.end(token, retry).await?;
        same("what is due next", &ctx.next_due().await?, &Some(limit))?;
        ctx.advance(5_999);
        ctx.claims_nothing("a claim before the limit").await?;
        same("the outcome before the limit", &ctx.outcome(task).await?, &Outcome::Live)?;
        ctx.advance(1);
        ctx.claims_nothing("a claim at the limit").await?;
        let cancelled = Outcome::Cancelled(CancelCause::MaxRunningTime);
        same("the outcome at the limit", &ctx.outcome(task).await?, &cancelled)?;
        ctx.advance(100_000);
        ctx.claims_nothing("a claim when the retry would have come").await?;
    }
    Ok(())
}

async fn ev_14_a_wait_without_a_timeout_is_for_ever(ctx: Ctx) -> Verdict {
    let (step_key, name) = (key("k")?, event("e")?);
    let token = ctx.running().await?;
    ctx.suspend_on(token, on_event(&step_key, &name, None)).await?;
    for _ in 0..3 {
        ctx.advance(300 * 365 * 86_400_000);
        same("what is done in three hundred years", &ctx.tick().await?, &TickAnswer::default())?;
        ctx.claims_nothing("a claim of the task that waits").await?;
    }
    ctx.emit(&name, "1").await?;
    let claim = ctx.claim_task(token.task).await?;
    same("what it got", &ctx.met(claim.token, &step_key).await?.end, &value("1"))
}

/// The ways in which a task is, or is not, ready once a lease has passed.
const WAYS: [(&str, u64); 10] = [
    ("started", 1),
    ("retried", 1),
    ("expired", 1),
    ("expired for the last time", 0),
    ("met its deadline", 1),
    ("met one deadline of two", 0),
    ("past its pending limit", 0),
    ("past its running limit", 0),
    ("delayed for longer", 0),
    ("pending", 1),
];

async fn way(on: &Ctx, how: &str) -> Verdict {
    let limited = |pending: bool| {
        job_with(|task| {
            let limit = Some(millis(LEASE));
            if pending { task.max_pending = limit } else { task.max_running = limit }
        })
    };
    match how {
        "started" => on.spawn(job_with(|task| task.delay = millis(LEASE))?).await.map(drop),
        "retried" => on.end(on.running().await?, fail_after(LEASE)).await.map(drop),
        "expired" => on.running().await.map(drop),
        "expired for the last time" => {
            on.spawn(job_with(|task| task.max_attempts = Some(1))?).await?;
            on.claim_one().await.map(drop)
        }
        "met its deadline" => on.suspend_on(on.running().await?, on_time(&key("k")?, LEASE)).await,
        "met one deadline of two" => {
            let (soon, late) = (on_time(&key("1")?, LEASE), on_time(&key("2")?, 2 * LEASE));
            let both = rest(&[&soon.key, &late.key], 2);
            let answer = on.wait(on.running().await?, vec![soon, late], Some(both)).await?;
            same("the rest", &answer, &WaitAnswer::Suspended)
        }
        "past its pending limit" => on.spawn(limited(true)?).await.map(drop),
        "past its running limit" => {
            on.spawn(limited(false)?).await?;
            on.end(on.claim_one().await?.token, release(0)).await.map(drop)
        }
        "delayed for longer" => on.spawn(job_with(|task| task.delay = millis(2 * LEASE))?).await.map(drop),
        _ => on.spawn_one().await.map(drop),
    }
}

async fn cl_35_as_many_are_ready_as_a_claim_takes(ctx: Ctx) -> Verdict {
    for (how, ready) in WAYS {
        let on = ctx.another_queue(how).await?;
        way(&on, how).await?;
        on.advance(LEASE);
        let counted = on.store().counts(CountsRequest::new(on.queue.clone())).await?.ready;
        same(&format!("how many are counted of a task that is {how}"), &counted, &ready)?;
        let claimed = on.claim(10).await?.len() as u64;
        same(&format!("how many are claimed of a task that is {how}"), &claimed, &ready)?;
        let after = on.store().counts(CountsRequest::new(on.queue.clone())).await?.ready;
        same(&format!("how many are counted after the claim of a task that is {how}"), &after, &0)?;
    }
    Ok(())
}
