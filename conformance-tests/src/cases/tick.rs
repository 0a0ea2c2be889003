//! `tick`: what is due, earliest first and bounded.

use crate::prelude::*;

const GROUP: &str = "tick";

pub(super) const CASES: &[Case] = &[
    case!(
        u1_a_tick_counts_what_it_did,
        ["MX-4"],
        ["U1", "C5", "T4"],
        [Spawn, Claim, Wait, Tick],
        "Upkeep that does not say what it did cannot be watched."
    ),
    case!(
        u1_a_tick_is_bounded_and_goes_on,
        [],
        ["U1"],
        [Spawn, Tick, Counts],
        "Upkeep that does everything at once blocks everybody else."
    ),
    case!(
        u1_the_earliest_comes_first,
        ["CO-8"],
        ["U1"],
        [Spawn, Tick, Task],
        "What has waited longest must not wait for what came due just now."
    ),
    case!(
        u1_a_tick_with_nothing_due_changes_nothing,
        [],
        ["U1", "K1"],
        [Spawn, Claim, Wait, Tick],
        "A tick may run at any time, in any process."
    ),
    case!(
        u1_the_next_due_time_is_told,
        ["CL-36"],
        ["U1", "K1"],
        [Spawn, Claim, Tick],
        "A queue without workers is kept going by sleeping until that time."
    ),
    case!(
        u1_a_bad_task_does_not_stop_the_others,
        [],
        ["U1", "C6"],
        [Spawn, Claim, Tick, Outcome],
        "One record that nobody can read must not keep every other task asleep."
    ),
    case!(
        qu_11_upkeep_goes_on_in_a_paused_queue,
        ["QU-11"],
        ["U1", "C2"],
        [Spawn, Claim, Tick],
        "A pause of claims must not stop the clocks of tasks."
    ),
    case!(
        t4_of_what_is_due_at_one_moment_limits_come_first,
        [],
        ["T4", "U1"],
        [Spawn, Claim, Tick],
        "A bounded tick must not start what is new before it has stopped what is over."
    ),
];

/// Puts one thing of each kind into the queue; all are due after a lease.
async fn one_of_each(ctx: &Ctx) -> Verdict {
    ctx.running().await?;
    let asleep = ctx.running().await?;
    ctx.suspend_on(asleep, on_time(&key("k")?, LEASE)).await?;
    let backing = ctx.running().await?;
    ctx.end(backing, fail_after(LEASE)).await?;
    ctx.spawn(job_with(|task| task.delay = millis(LEASE))?).await?;
    let mut limited = named("other")?;
    limited.max_pending = Some(millis(LEASE));
    ctx.spawn(limited).await?;
    Ok(())
}

async fn u1_a_tick_counts_what_it_did(ctx: Ctx) -> Verdict {
    one_of_each(&ctx).await?;
    ctx.advance(LEASE);
    let wanted = TickAnswer { started: 2, woken: 1, limited: 1, ..TickAnswer::default() };
    let ticked = ctx.tick().await?;
    same("the expired runs", &ticked.expired.len(), &1)?;
    same("the tick", &TickAnswer { expired: vec![], ..ticked }, &wanted)?;
    same("the tick after it", &ctx.tick().await?, &TickAnswer::default())?;
    same("the claims", &ctx.claim(10).await?.len(), &4)
}

async fn u1_a_tick_is_bounded_and_goes_on(ctx: Ctx) -> Verdict {
    let batch = (0..25).map(|_| job_with(|task| task.delay = millis(10)));
    ctx.spawn_all(batch.collect::<Result<Vec<_>, _>>()?).await?;
    ctx.advance(10);
    let mut started = 0;
    for more in [true, true, false] {
        let ticked = ctx.store().tick(TickRequest::new(ctx.queue.clone(), 10)).await?;
        holds("one tick", ticked.started <= 10, &ticked, "at most ten started")?;
        same("that there is more", &ticked.more, &more)?;
        started += ticked.started;
        let counts = ctx.store().counts(CountsRequest::new(ctx.queue.clone())).await?;
        same("how many are pending", &counts.pending, &u64::from(started))?;
    }
    same("how many were started", &started, &25)
}

async fn u1_the_earliest_comes_first(ctx: Ctx) -> Verdict {
    let mut tasks = Vec::new();
    for delay in [30, 10, 40, 20] {
        tasks.push((delay, ctx.spawn(job_with(|task| task.delay = millis(delay))?).await?));
    }
    tasks.sort_unstable();
    ctx.advance(100);
    for (delay, task) in tasks {
        let ticked = ctx.store().tick(TickRequest::new(ctx.queue.clone(), 1)).await?;
        same("how many were started", &ticked.started, &1)?;
        let view = ctx.view(task).await?;
        let since = ctx.now().before(millis(100 - delay));
        let wanted = (TaskState::Pending, Some(since));
        same(&format!("the task due after {delay}"), &(view.state, view.available_at), &wanted)?;
    }
    Ok(())
}

async fn u1_a_tick_with_nothing_due_changes_nothing(ctx: Ctx) -> Verdict {
    one_of_each(&ctx).await?;
    ctx.advance(LEASE - 1);
    let before = ctx.snapshot().await?;
    for _ in 0..3 {
        let due = Some(ctx.now().after(millis(1)));
        let wanted = TickAnswer { next_due: due, ..TickAnswer::default() };
        same("a tick a millisecond early", &ctx.tick().await?, &wanted)?;
        ctx.unchanged(&before, "a tick a millisecond early").await?;
    }
    ctx.advance(1);
    same("a tick in time", &ctx.tick().await?.started, &2)
}

async fn u1_the_next_due_time_is_told(ctx: Ctx) -> Verdict {
    same("of an empty queue", &ctx.tick().await?.next_due, &None)?;
    ctx.spawn_one().await?;
    same("of a queue with a ready task", &ctx.tick().await?.next_due, &None)?;
    ctx.claim_one().await?;
    let lease = ctx.now().after(millis(LEASE));
    same("of a queue with a lease", &ctx.tick().await?.next_due, &Some(lease))?;
    ctx.spawn(job_with(|task| task.delay = millis(50))?).await?;
    let start = ctx.now().after(millis(50));
    same("of a queue with a start before it", &ctx.tick().await?.next_due, &Some(start))?;
    ctx.advance(50);
    same("after the start", &ctx.tick().await?.next_due, &Some(lease))
}

async fn u1_a_bad_task_does_not_stop_the_others(ctx: Ctx) -> Verdict {
    let mut tasks = Vec::new();
    for _ in 0..3 {
        tasks.push(ctx.spawn(job_with(|task| task.delay = millis(10))?).await?);
    }
    let [before, broken, after] = tasks[..] else { return Ok(()) };
    if !ctx.corrupt(broken).await? {
        return ctx.not_run(Hook::Corrupt);
    }
    ctx.advance(10);
    ctx.tick().await?;
    ctx.tick().await?;
    let claimed: Vec<_> = ctx.claim(10).await?.iter().map(|claim| claim.token.task).collect();
    same("the claimed tasks", &claimed, &vec![before, after])?;
    let outcome = ctx.outcome(broken).await?;
    let typed = matches!(outcome, Outcome::Failed(Failure::Corrupt { .. }));
    holds("the broken task", typed, &outcome, "failed as corrupt")
}

async fn qu_11_upkeep_goes_on_in_a_paused_queue(ctx: Ctx) -> Verdict {
    for state in [QueueState::Paused, QueueState::Sealed] {
        ctx.put(QueueState::Open).await?;
        let running = ctx.running().await?;
        ctx.put(state).await?;
        ctx.advance(LEASE);
        same(&format!("what expires in a {state:?} queue"), &ctx.tick().await?.expired.len(), &1)?;
        ctx.claims_nothing("a claim from it").await?;
        ctx.put(QueueState::Open).await?;
        let claim = ctx.claim_task(running.task).await?;
        ctx.complete(claim.token).await?;
    }
    Ok(())
}

async fn t4_of_what_is_due_at_one_moment_limits_come_first(ctx: Ctx) -> Verdict {
    for _ in 0..3 {
        ctx.spawn(job_with(|task| task.delay = millis(500))?).await?;
    }
    ctx.spawn(job_with(|task| task.max_running = Some(millis(500)))?).await?;
    ctx.claim_one().await?;
    ctx.advance(500);
    let first = ctx.store().tick(TickRequest::new(ctx.queue.clone(), 1)).await?;
    same("the limit and the start", &(first.limited, first.started), &(1, 0))?;
    let rest = ctx.tick().await?;
    same("the limit and the starts", &(rest.limited, rest.started), &(0, 3))
}
