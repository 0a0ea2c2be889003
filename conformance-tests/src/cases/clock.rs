//! The clock: one for all handles, one boundary for everything.

use crate::prelude::*;

const GROUP: &str = "clock";

pub(super) const CASES: &[Case] = &[
    case!(
        ck_2_the_clock_is_that_of_every_handle,
        ["CK-2", "CK-1", "CL-20"],
        ["K1"],
        [Spawn, Claim],
        "Two processes that see two times disagree on who holds a task."
    ),
    case!(
        ck_3_a_clock_that_goes_back_doubles_nothing,
        ["CK-3"],
        ["K1", "C1", "C3"],
        [Spawn, Claim, Save, Tick],
        "Servers' clocks are set back now and then."
    ),
    case!(
        ck_4_a_clock_that_jumps_forward_loses_nothing,
        ["CK-4"],
        ["K1", "C5", "F1"],
        [Spawn, Claim, Wait, Tick],
        "After a night of suspension everything is due at once, and nothing is lost."
    ),
    case!(
        ck_6_a_millisecond_is_a_millisecond,
        ["CK-6", "SL-5"],
        ["K1", "K2"],
        [Spawn, Claim, Wait, Task],
        "A store that rounds to seconds wakes half of its tasks early."
    ),
    case!(
        k1_with_its_own_clock_a_store_is_never_early,
        ["CK-6", "SL-5", "CL-20"],
        ["K1", "K2"],
        [Spawn, Claim, Wait],
        "A store that keeps time only when a test tells it does not keep it in production."
    ),
    case!(
        ck_7_the_end_of_time_is_safe,
        ["CK-7", "SL-6", "RT-7", "CL-19"],
        ["K2"],
        [Spawn, Claim, Extend, Save, Wait, Tick, Task],
        "A wait of a hundred thousand years must not turn into one that is over."
    ),
];

async fn ck_2_the_clock_is_that_of_every_handle(ctx: Ctx) -> Verdict {
    ctx.spawn(job_with(|task| task.delay = millis(1_000))?).await?;
    let third = ctx.handle().await?;
    ctx.advance(999);
    for store in [&ctx.a, &ctx.b, &third] {
        let answer = store.claim(ctx.claim_request(1)?).await?;
        same("claim and time on each handle, early", &(answer.claims.len(), answer.now), &(0, ctx.now()))?;
    }
    ctx.advance(1);
    let answer = third.claim(ctx.claim_request(1)?).await?;
    same("claim and time, in time", &(answer.claims.len(), answer.now), &(1, ctx.now()))
}

async fn ck_3_a_clock_that_goes_back_doubles_nothing(ctx: Ctx) -> Verdict {
    let start = ctx.now();
    let token = ctx.running().await?;
    ctx.advance(LEASE - 1);
    ctx.clock.set(start.before(millis(10 * LEASE)));
    ctx.claims_nothing("a claim of a held task after the clock went back").await?;
    same("what expires", &ctx.tick().await?.expired, &vec![])?;
    let until = ctx.save(step(token, &key("s")?, "1")).await?;
    holds("a lease after the clock went back", until >= start.after(millis(LEASE)), until, "not shortened")?;
    ctx.clock.set(until.before(millis(1)));
    ctx.claims_nothing("a claim just before the lease ends").await?;
    ctx.clock.set(until);
    let new = ctx.claim_task(token.task).await?.token;
    ctx.clock.set(start);
    same("the old token, in its old time", &ctx.try_end(token, complete()).await?, &Err(Refusal::ClaimLost))?;
    ctx.complete(new).await
}

async fn ck_4_a_clock_that_jumps_forward_loses_nothing(ctx: Ctx) -> Verdict {
    let running = ctx.running().await?;
    let asleep = ctx.running().await?;
    ctx.suspend_on(asleep, on_time(&key("k")?, 86_400_000)).await?;
    let backing = ctx.running().await?;
    ctx.end(backing, fail_after(86_400_000)).await?;
    let delayed = ctx.spawn(job_with(|task| task.delay = millis(86_400_000))?).await?;
    ctx.advance(3_650 * 86_400_000);
    let ticked = ctx.tick().await?;
    let done = (ticked.expired.len(), ticked.woken, ticked.started, ticked.more);
    same("what is done after ten years", &done, &(1, 1, 2, false))?;
    let mut claimed = Vec::new();
    for claim in ctx.claim(10).await? {
        claimed.push(claim.token.task);
        ctx.complete(claim.token).await?;
    }
    claimed.sort_unstable();
    let mut wanted = vec![running.task, asleep.task, backing.task, delayed];
    wanted.sort_unstable();
    same("the claimed tasks", &claimed, &wanted)
}

async fn ck_6_a_millisecond_is_a_millisecond(ctx: Ctx) -> Verdict {
    // Sums that a float of seconds, or of microseconds since 1970, gets wrong.
    for (index, wait) in [1_u64, 3, 7, 33, 999, 1_001, 100_003].into_iter().enumerate() {
        let step_key = key(&format!("k{index}"))?;
        let token = ctx.running().await?;
        let due = ctx.now().after(millis(wait));
        ctx.suspend_on(token, on_time(&step_key, wait)).await?;
        same("the due time", &ctx.view(token.task).await?.due, &Some(due))?;
        ctx.advance(wait - 1);
        ctx.claims_nothing(&format!("a claim a millisecond before {wait}")).await?;
        ctx.advance(1);
        let claim = ctx.claim_task(token.task).await?;
        same("when the wait ended", &ctx.met(claim.token, &step_key).await?.at, &due)?;
        ctx.complete(claim.token).await?;
    }
    Ok(())
}

async fn k1_with_its_own_clock_a_store_is_never_early(ctx: Ctx) -> Verdict {
    let store = ctx.with_its_own_clock().await?;
    let on = ctx.over(&store, &store);
    same("put_queue", &on.put(QueueState::Open).await?, &PutQueueAnswer::Created)?;
    for wait in [3, 20] {
        let wanted = std::time::Duration::from_millis(wait);
        let began = std::time::Instant::now();
        let task = on.spawn(job_with(|task| task.delay = millis(wait))?).await?;
        let claim = until_claimed(&on, task).await?;
        holds("a start", began.elapsed() >= wanted, began.elapsed(), &format!("not before {wanted:?}"))?;
        let began = std::time::Instant::now();
        on.suspend_on(claim.token, on_time(&key("k")?, wait)).await?;
        let claim = until_claimed(&on, task).await?;
        holds("a timer", began.elapsed() >= wanted, began.elapsed(), &format!("not before {wanted:?}"))?;
        let held = claim.expires_at.since(claim.claimed_at);
        holds("a lease", held <= millis(LEASE) && held > millis(LEASE - 1_000), held, "as long as asked")?;
        on.complete(claim.token).await?;
    }
    Ok(())
}

/// Asks for a task until it is there; the watchdog ends it.
async fn until_claimed(ctx: &Ctx, task: TaskId) -> Result<Claim, Violation> {
    loop {
        if let Some(claim) = ctx.claim(1).await?.into_iter().find(|claim| claim.token.task == task) {
            return Ok(claim);
        }
        tokio::task::yield_now().await;
    }
}

fn for_ever() -> Result<Millis, Violation> {
    let years = u64::try_from(Timestamp::MAX.as_millis()).unwrap_or(u64::MAX);
    Ok(Millis::at_least(std::time::Duration::from_millis(years))?)
}

async fn ck_7_the_end_of_time_is_safe(ctx: Ctx) -> Verdict {
    let longest = for_ever()?;
    let lease = durable_core::model::Lease::new(longest.to_duration())?;
    let delayed = ctx.spawn(job_with(|task| task.delay = longest)?).await?;
    same("a start at the end of time", &ctx.view(delayed).await?.due, &Some(Timestamp::MAX))?;
    let limited = job_with(|task| (task.max_pending, task.max_running) = (Some(longest), Some(longest)))?;
    let limited = ctx.spawn(limited).await?;
    let mut request = ctx.claim_request(1)?;
    request.lease = lease;
    let claim = one("the claims", ctx.claim_with(request).await?.claims)?;
    same("a lease until then", &(claim.token.task, claim.expires_at), &(limited, Timestamp::MAX))?;
    let item = ExtendItem { token: claim.token, lease };
    let extended = ctx.store().extend(ExtendRequest::new(ctx.queue.clone(), vec![item])).await?;
    let extended = one("the answers", extended)?.map_err(Refusal::from);
    same("an extension", &extended, &Ok(Timestamp::MAX))?;
    same("a checkpoint", &ctx.save(step(claim.token, &key("s")?, "1")).await?, &Timestamp::MAX)?;
    let deadlines = [Deadline::After(longest), Deadline::At(Timestamp::MAX)];
    for (name, deadline) in ["after", "at"].into_iter().zip(deadlines) {
        let wait = NewWait { deadline: Some(deadline), ..on_time(&key(name)?, 0) };
        same("a wait", &ctx.wait(claim.token, vec![wait], None).await?, &WaitAnswer::Registered)?;
    }
    ctx.advance(1_000 * 365 * 86_400_000);
    same(
        "what is due in a thousand years",
        &ctx.tick().await?,
        &TickAnswer { next_due: Some(Timestamp::MAX), ..TickAnswer::default() },
    )?;
    let retry = Ending::Fail { failure: json("1"), retry: RetryAfter::After(longest) };
    same("a retry", &ctx.end(claim.token, retry).await?, &EndAnswer::Retrying { due: Timestamp::MAX })?;
    ctx.claims_nothing("a claim before the end of time").await?;
    ctx.clock.set(Timestamp::MAX);
    // The task that was limited until then is cancelled, the other one starts.
    ctx.claim_task(delayed).await?;
    Ok(())
}
