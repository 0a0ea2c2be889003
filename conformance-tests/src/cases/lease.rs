//! `extend`, and what becomes of a lease that is not extended.

use crate::prelude::*;

const GROUP: &str = "lease";

pub(super) const CASES: &[Case] = &[
    case!(
        cl_20_a_lease_counts_from_the_stores_time,
        ["CL-20", "CL-21", "CK-1"],
        ["K1", "K2"],
        [Spawn, Claim, Tick],
        "A lease that ends a millisecond off is two workers on one task, or none."
    ),
    case!(
        cl_22_an_expired_run_costs_an_attempt,
        ["CL-22", "RT-12"],
        ["C5"],
        [Spawn, Claim, Tick, Task],
        "A task that kills its worker must not do so for ever."
    ),
    case!(
        cl_22_the_last_expiry_fails_the_task,
        ["CL-22", "RT-3", "RT-14"],
        ["C5", "T1"],
        [Spawn, Claim, Save, Wait, Tick, Outcome],
        "When the attempts are used up, whoever waits for the task must learn it."
    ),
    case!(
        rt_3_as_many_attempts_as_allowed,
        ["RT-3", "CL-14"],
        ["C5"],
        [Spawn, Claim, Tick, Outcome],
        "One attempt too many, or too few, is what a limit is there to prevent."
    ),
    case!(
        cl_23_many_expired_leases_drain,
        ["CL-23"],
        ["C5", "U1"],
        [Spawn, Claim, Tick],
        "When a machine dies, all of its tasks have to come back."
    ),
    case!(
        cl_25_extending_never_shortens,
        ["CL-25", "CL-26"],
        ["C4"],
        [Spawn, Claim, Extend, Task],
        "A heartbeat that shortens a lease takes the task from a healthy worker."
    ),
    case!(
        cl_27_an_expired_lease_is_not_revived,
        ["CL-24", "CL-27", "CL-28"],
        ["C3", "C4"],
        [Spawn, Claim, Extend],
        "Whoever comes late must not take the task back from its new holder."
    ),
    case!(
        cl_29_extending_tells_cancelled_from_lost,
        ["CL-29"],
        ["C3"],
        [Spawn, Claim, Extend, Wait, Cancel],
        "A worker stops a cancelled task for another reason than a lost one."
    ),
    case!(
        cp_11_a_checkpoint_leaves_the_full_lease,
        ["CP-10", "CP-11"],
        ["C4"],
        [Spawn, Claim, Save, Extend, Task],
        "A run that makes progress must not be taken for a dead one."
    ),
    case!(
        c8_each_extend_of_a_batch_stands_alone,
        [],
        ["C8", "C4"],
        [Spawn, Claim, Extend],
        "One task that is lost must not cost the others of a worker their leases."
    ),
];

async fn cl_20_a_lease_counts_from_the_stores_time(ctx: Ctx) -> Verdict {
    let task = ctx.spawn_one().await?;
    ctx.advance(7);
    let mut request = ctx.claim_request(1)?;
    request.lease = lease(1_234)?;
    let claim = one("the claims", ctx.claim_with(request).await?.claims)?;
    same("the end of the lease", &claim.expires_at, &ctx.now().after(millis(1_234)))?;
    ctx.advance(1_233);
    same("what expires a millisecond early", &ctx.tick().await?.expired, &vec![])?;
    ctx.claims_nothing("a claim a millisecond early").await?;
    ctx.advance(1);
    let claim = ctx.claim_task(task).await?;
    same("the next attempt", &claim.attempt, &2)
}

async fn cl_22_an_expired_run_costs_an_attempt(ctx: Ctx) -> Verdict {
    let mut request = ctx.claim_request(1)?;
    request.worker = WorkerName::new("dead")?;
    let task = ctx.spawn_one().await?;
    let claim = one("the claims", ctx.claim_with(request).await?.claims)?;
    let at = claim.expires_at;
    ctx.advance(LEASE + 500);
    let ticked = ctx.tick().await?;
    let worker = WorkerName::new("dead")?;
    let run = one("the expired runs", ticked.expired)?;
    same("the run", &(run.task, run.attempt, run.worker, run.at), &(task, 1, worker.clone(), at))?;
    let detail = ctx.detail(task).await?;
    let failure = Failure::ClaimTimeout { worker: worker.clone(), at };
    let wanted = HistoryEntry::Run(RunView { order: 1, attempt: 1, worker, ended_at: at, failure });
    same("the history", &detail.history.items, &vec![wanted])?;
    same("the state", &detail.task.state, &TaskState::Pending)?;
    same("the attempt", &detail.task.attempt, &2)?;
    same("since when it is ready", &detail.task.available_at, &Some(at))?;
    same("the lease", &detail.task.lease, &None)
}

async fn cl_22_the_last_expiry_fails_the_task(ctx: Ctx) -> Verdict {
    let parent = ctx.running().await?;
    let mut task = child("c", ParentClosePolicy::Cancel)?;
    task.max_attempts = Some(1);
    let id = task.id;
    ctx.save(spawning(parent, &key("$spawn")?, vec![task])).await?;
    ctx.suspend_on(parent, on_child(&join_key("c")?, id)).await?;
    let claim = ctx.claim_task(id).await?;
    ctx.advance(LEASE);
    let failure = Failure::ClaimTimeout { worker: WorkerName::new("worker")?, at: claim.expires_at };
    same("the expired runs", &ctx.tick().await?.expired.len(), &1)?;
    same("the outcome", &ctx.outcome(id).await?, &Outcome::Failed(failure.clone()))?;
    let woken = ctx.claim_task(parent.task).await?;
    same("what the parent gets", &ctx.met(woken.token, &join_key("c")?).await?.end, &End::Failed(failure))
}

async fn rt_3_as_many_attempts_as_allowed(ctx: Ctx) -> Verdict {
    for (max, runs) in [(Some(1), 1), (Some(2), 2), (Some(4), 4), (None, 12)] {
        let task = ctx.spawn(job_with(|task| task.max_attempts = max)?).await?;
        for attempt in 1..=runs {
            let claim = ctx.claim_task(task).await?;
            same("the attempt", &claim.attempt, &attempt)?;
            ctx.advance(LEASE);
            ctx.tick().await?;
        }
        let outcome = ctx.outcome(task).await?;
        if max.is_some() {
            ctx.claims_nothing(&format!("a claim after {runs} attempts of {max:?}")).await?;
            holds("the outcome", matches!(outcome, Outcome::Failed(_)), &outcome, "failed")?;
        } else {
            same("the outcome without a limit", &outcome, &Outcome::Live)?;
        }
    }
    Ok(())
}

async fn cl_23_many_expired_leases_drain(ctx: Ctx) -> Verdict {
    let batch = (0..40).map(|_| job()).collect::<Result<Vec<_>, _>>()?;
    ctx.spawn_all(batch).await?;
    same("the claims", &ctx.claim(40).await?.len(), &40)?;
    ctx.advance(LEASE);
    let mut expired = Vec::new();
    for round in 1..=6 {
        let ticked = ctx.store().tick(TickRequest::new(ctx.queue.clone(), 7)).await?;
        holds("one tick", ticked.expired.len() <= 7, &ticked, "at most seven expired runs")?;
        expired.extend(ticked.expired.into_iter().map(|run| run.task));
        same(&format!("that there is more after tick {round}"), &ticked.more, &(round < 6))?;
    }
    expired.sort_unstable();
    expired.dedup();
    same("the expired runs of different tasks", &expired.len(), &40)?;
    same("the claims after it", &ctx.claim(100).await?.len(), &40)?;
    // And no run waits for its end until nothing else is left to do.
    ctx.advance(LEASE);
    ctx.spawn(job_with(|task| task.priority = 1)?).await?;
    same("the claims beside a fresh task", &ctx.claim(100).await?.len(), &41)
}

async fn cl_25_extending_never_shortens(ctx: Ctx) -> Verdict {
    let token = ctx.running().await?;
    let first = ctx.now().after(millis(LEASE));
    ctx.advance(10);
    same("a shorter extension", &ctx.try_extend(token, 1).await?, &Ok(first))?;
    let longer = ctx.now().after(millis(LEASE));
    same("a longer one", &ctx.try_extend(token, LEASE).await?, &Ok(longer))?;
    same("a shorter one again", &ctx.try_extend(token, LEASE - 1).await?, &Ok(longer))?;
    let held = ctx.view(token.task).await?.lease;
    same("the lease", &held, &Some((WorkerName::new("worker")?, longer)))?;
    ctx.advance(LEASE - 1);
    ctx.claims_nothing("a claim a millisecond before the extended lease ends").await?;
    ctx.advance(1);
    ctx.claim_task(token.task).await?;
    Ok(())
}

async fn cl_27_an_expired_lease_is_not_revived(ctx: Ctx) -> Verdict {
    let token = ctx.running().await?;
    ctx.advance(LEASE - 1);
    let at_last = ctx.try_extend(token, 1).await?;
    same("at the last moment", &at_last, &Ok(ctx.now().after(millis(1))))?;
    ctx.advance(1);
    let before = ctx.snapshot().await?;
    same("at the end", &ctx.try_extend(token, LEASE).await?, &Err(Refusal::ClaimLost))?;
    ctx.unchanged(&before, "extending an expired lease").await?;
    let new = ctx.claim_task(token.task).await?;
    let before = ctx.snapshot().await?;
    same("after another claim", &ctx.try_extend(token, 2 * LEASE).await?, &Err(Refusal::ClaimLost))?;
    ctx.unchanged(&before, "extending another's lease").await?;
    ctx.advance(LEASE - 1);
    ctx.complete(new.token).await
}

async fn cl_29_extending_tells_cancelled_from_lost(ctx: Ctx) -> Verdict {
    let cancelled = ctx.running().await?;
    ctx.cancel(cancelled.task).await?;
    same("of a cancelled task", &ctx.try_extend(cancelled, LEASE).await?, &Err(Refusal::Cancelled))?;
    let completed = ctx.running().await?;
    ctx.complete(completed).await?;
    same("of a completed one", &ctx.try_extend(completed, LEASE).await?, &Err(Refusal::ClaimLost))?;
    let failed = ctx.running().await?;
    ctx.end(failed, fail_for_good()).await?;
    same("of a failed one", &ctx.try_extend(failed, LEASE).await?, &Err(Refusal::ClaimLost))?;
    let suspended = ctx.running().await?;
    ctx.suspend_on(suspended, on_time(&key("k")?, LEASE)).await?;
    same("of a suspended one", &ctx.try_extend(suspended, LEASE).await?, &Err(Refusal::ClaimLost))?;
    let live = ctx.running().await?;
    same("of a running one", &ctx.try_extend(live, LEASE).await?, &Ok(ctx.now().after(millis(LEASE))))
}

async fn cp_11_a_checkpoint_leaves_the_full_lease(ctx: Ctx) -> Verdict {
    let token = ctx.running().await?;
    ctx.advance(LEASE - 1);
    let full = ctx.now().after(millis(LEASE));
    same("the first checkpoint", &ctx.save(step(token, &key("1")?, "1")).await?, &full)?;
    ctx.advance(100);
    let full = ctx.now().after(millis(LEASE));
    same("the same one again", &ctx.save(step(token, &key("1")?, "1")).await?, &full)?;
    let longer = ctx.now().after(millis(3 * LEASE));
    same("an extension", &ctx.try_extend(token, 3 * LEASE).await?, &Ok(longer))?;
    same("a checkpoint under a longer lease", &ctx.save(step(token, &key("2")?, "2")).await?, &longer)?;
    let held = ctx.view(token.task).await?.lease.map(|(_, until)| until);
    same("the lease", &held, &Some(longer))
}

async fn c8_each_extend_of_a_batch_stands_alone(ctx: Ctx) -> Verdict {
    let (first, second) = (ctx.running().await?, ctx.running().await?);
    let forged = Token { claim: first.claim + 1, ..first };
    let items = [first, forged, second, second].map(|token| (token, 2 * LEASE));
    let items = items.into_iter().map(|(token, by)| Ok(ExtendItem { token, lease: lease(by)? }));
    let items = items.collect::<Result<Vec<_>, Violation>>()?;
    let answers = ctx.store().extend(ExtendRequest::new(ctx.queue.clone(), items)).await?;
    let answers: Vec<Fenced<Timestamp>> =
        answers.into_iter().map(|answer| answer.map_err(Refusal::from)).collect();
    let until = Ok(ctx.now().after(millis(2 * LEASE)));
    same("the answers", &answers, &vec![until, Err(Refusal::ClaimLost), until, until])?;
    ctx.advance(2 * LEASE - 1);
    ctx.claims_nothing("a claim before both leases end").await?;
    ctx.advance(1);
    same("the claims after it", &ctx.claim(10).await?.len(), &2)
}
