//! `claim`: who gets which task, and when.

use crate::prelude::*;

const GROUP: &str = "claim";

pub(super) const CASES: &[Case] = &[
    case!(
        cl_1_a_delayed_task_is_claimed_from_its_due_time_on,
        ["CL-1", "SP-5"],
        ["K1", "C2"],
        [Spawn, Claim],
        "A task that starts a millisecond early has broken the one promise of a delay."
    ),
    case!(
        cl_2_at_most_as_many_as_asked_for_and_each_once,
        ["CL-2", "CL-3"],
        ["C1", "C2"],
        [Spawn, Claim],
        "A worker that gets more than its free slots lets leases run out."
    ),
    case!(
        cl_4_a_claimed_task_is_nobody_elses,
        ["CL-4", "MT-1", "CL-7"],
        ["C1"],
        [Spawn, Claim],
        "Two workers that run one task do everything in it twice."
    ),
    case!(
        cl_8_priority_then_time_then_id,
        ["CL-8"],
        ["C2"],
        [Spawn, Claim],
        "What is urgent must not wait behind what is not."
    ),
    case!(
        cl_8_what_was_due_first_goes_first,
        ["CL-8", "SP-5"],
        ["C2"],
        [Spawn, Claim],
        "A task counts as ready from its due time, not from when somebody looked."
    ),
    case!(
        cl_10_no_token_comes_twice_and_the_count_grows,
        ["CL-10", "CL-11", "CL-14", "SL-3", "EV-7"],
        ["C3"],
        [Spawn, Claim, Wait, Emit, Tick],
        "A token that repeats lets an old holder write into a new run."
    ),
    case!(
        cl_13_the_worker_name_is_no_identity,
        ["CL-13"],
        ["C3"],
        [Spawn, Claim],
        "Two processes with one name must fence each other."
    ),
    case!(
        cl_15_the_first_claim_starts_the_task,
        ["CL-15"],
        ["T4"],
        [Spawn, Claim, Task],
        "The running limit counts from the first start, over all attempts."
    ),
    case!(
        cl_16_a_claim_carries_everything_a_run_needs,
        ["CL-16", "SP-4", "CL-20"],
        ["N2", "K1"],
        [Spawn, Claim, Save],
        "What a claim leaves out, a worker would have to ask for or guess."
    ),
    case!(
        cl_17_only_the_names_asked_for,
        ["CL-17"],
        ["C2"],
        [Spawn, Claim],
        "A worker that gets a task it does not know can only lose it."
    ),
    case!(
        cl_18_an_empty_queue_gives_nothing,
        ["CL-18"],
        ["C2"],
        [Spawn, Claim],
        "An idle worker must not be told of work, or of a time, that is not there."
    ),
    case!(
        cl_36_the_next_due_time_is_never_late,
        ["CL-36"],
        ["K1"],
        [Spawn, Claim, Wait],
        "A worker sleeps until the next due time: told a later one, it wakes too late."
    ),
    case!(
        cl_21_every_kind_of_due_work_is_done_by_a_claim,
        ["CL-21"],
        ["C5", "T4", "K1"],
        [Spawn, Claim, Wait, Outcome],
        "A busy queue is kept going by claims alone."
    ),
    case!(
        c6_a_broken_record_fails_alone,
        [],
        ["C6", "U1"],
        [Spawn, Claim, Outcome],
        "One record that nobody can read must not stop a queue."
    ),
    case!(
        c8_ends_come_before_claims_in_one_call,
        ["CL-34"],
        ["C8", "C7"],
        [Spawn, Claim],
        "A worker hands in its results and fetches new work in one call."
    ),
];

async fn cl_1_a_delayed_task_is_claimed_from_its_due_time_on(ctx: Ctx) -> Verdict {
    let task = ctx.spawn(job_with(|task| task.delay = millis(1_000))?).await?;
    ctx.advance(999);
    ctx.claims_nothing("a claim one millisecond before the task is due").await?;
    ctx.advance(1);
    let claim = ctx.claim_task(task).await?;
    same("the attempt of a first claim", &claim.attempt, &1)
}

fn tasks_of(claims: &[Claim]) -> Vec<TaskId> {
    claims.iter().map(|claim| claim.token.task).collect()
}

async fn cl_2_at_most_as_many_as_asked_for_and_each_once(ctx: Ctx) -> Verdict {
    let mut spawned = Vec::new();
    for _ in 0..7 {
        spawned.push(ctx.spawn_one().await?);
    }
    let none = ctx.claim_with(ctx.claim_request(0)?).await?;
    same("claims of a call for none", &none.claims, &vec![])?;
    let some = ctx.claim_with(ctx.claim_request(3)?).await?;
    same("claims of a call for three", &some.claims.len(), &3)?;
    same("that there are more", &some.more, &true)?;
    let rest = ctx.claim_with(ctx.claim_request(5_000)?).await?;
    same("that there are more after the last", &rest.more, &false)?;
    let mut claimed = tasks_of(&some.claims);
    claimed.extend(tasks_of(&rest.claims));
    claimed.sort_unstable();
    spawned.sort_unstable();
    same("the claimed tasks", &claimed, &spawned)
}

async fn cl_4_a_claimed_task_is_nobody_elses(ctx: Ctx) -> Verdict {
    let task = ctx.spawn_one().await?;
    ctx.claim_task(task).await?;
    ctx.claims_nothing("a claim on the other handle").await?;
    ctx.claims_nothing("another claim on the same handle").await?;
    let third = ctx.on(&ctx.queue);
    let other = third.spawn_one().await?;
    ctx.claim_task(other).await?;
    Ok(())
}

async fn cl_8_priority_then_time_then_id(ctx: Ctx) -> Verdict {
    let mut wanted = Vec::new();
    for round in 0..2 {
        let mut batch = Vec::new();
        for priority in [0, i16::MAX, -1, i16::MIN, 1, 0] {
            let task = job_with(|task| task.priority = priority)?;
            wanted.push((std::cmp::Reverse(priority), round, task.id));
            batch.push(task);
        }
        // Within one batch the ids, not the places, decide.
        batch.reverse();
        ctx.spawn_all(batch).await?;
        ctx.advance(1);
    }
    wanted.sort_unstable();
    let wanted: Vec<_> = wanted.into_iter().map(|(_, _, id)| id).collect();
    let mut claimed = Vec::new();
    for max in [1, 4, 20] {
        claimed.extend(tasks_of(&ctx.claim(max).await?));
    }
    same("the order", &claimed, &wanted)
}

async fn cl_8_what_was_due_first_goes_first(ctx: Ctx) -> Verdict {
    let late = ctx.spawn(job_with(|task| task.delay = millis(300))?).await?;
    let early = ctx.spawn(job_with(|task| task.delay = millis(100))?).await?;
    ctx.advance(200);
    let between = ctx.spawn_one().await?;
    ctx.advance(200);
    let last = ctx.spawn_one().await?;
    same("the order", &tasks_of(&ctx.claim(10).await?), &vec![early, between, late, last])
}

async fn cl_10_no_token_comes_twice_and_the_count_grows(ctx: Ctx) -> Verdict {
    let (sleep, wake, name) = (key("sleep")?, key("wake")?, event("e")?);
    let task = ctx.spawn_one().await?;
    let mut tokens = Vec::new();
    // How each claim ends, and the attempt that it is of.
    for (how, attempt) in [("sleep", 1), ("event", 1), ("release", 1), ("fail", 1), ("expiry", 2), ("end", 3)]
    {
        let claim = ctx.claim_task(task).await?;
        same(&format!("the attempt that ends by {how}"), &claim.attempt, &attempt)?;
        tokens.push(claim.token);
        match how {
            "sleep" => ctx.suspend_on(claim.token, on_time(&sleep, 10)).await?,
            "event" => {
                ctx.suspend_on(claim.token, on_event(&wake, &name, None)).await?;
                ctx.emit(&name, "1").await?;
            }
            "release" => drop(ctx.end(claim.token, release(0)).await?),
            "fail" => drop(ctx.end(claim.token, fail_after(0)).await?),
            "expiry" => ctx.advance(LEASE),
            _ => drop(ctx.end(claim.token, fail_for_good()).await?),
        }
        ctx.advance(10);
        ctx.tick().await?;
        let ended = ctx.try_end(claim.token, complete()).await?;
        same(&format!("the token after {how}"), &ended, &Err(Refusal::ClaimLost))?;
    }
    let counts: Vec<_> = tokens.iter().map(|token| token.claim).collect();
    let grows = counts.windows(2).all(|pair| matches!(pair, [before, after] if before < after));
    holds("the claim counts", grows, &counts, "each greater than the one before")?;
    let mut calls: Vec<_> = tokens.iter().map(|token| token.call).collect();
    calls.sort_unstable();
    calls.dedup();
    same("the different calls", &calls.len(), &tokens.len())
}

async fn cl_13_the_worker_name_is_no_identity(ctx: Ctx) -> Verdict {
    let old = ctx.running().await?;
    ctx.advance(LEASE);
    let new = ctx.claim_task(old.task).await?.token;
    let before = ctx.snapshot().await?;
    same("the old claim's end", &ctx.try_end(old, complete()).await?, &Err(Refusal::ClaimLost))?;
    ctx.unchanged(&before, "an end by the old claim of the same worker").await?;
    ctx.complete(new).await
}

async fn cl_15_the_first_claim_starts_the_task(ctx: Ctx) -> Verdict {
    let task = ctx.spawn_one().await?;
    ctx.advance(10);
    let start = ctx.now();
    let token = ctx.claim_task(task).await?.token;
    same("the first start", &ctx.view(task).await?.first_started_at, &Some(start))?;
    ctx.end(token, fail_after(0)).await?;
    ctx.advance(10);
    ctx.claim_task(task).await?;
    let view = ctx.view(task).await?;
    same("the first start after a second claim", &view.first_started_at, &Some(start))?;
    same("the claims", &view.claims, &2)
}

async fn cl_16_a_claim_carries_everything_a_run_needs(ctx: Ctx) -> Verdict {
    let parent = ctx.running().await?;
    let asked = {
        let mut task = child("c", ParentClosePolicy::Cancel)?;
        task.params = json(r#"{"n":1}"#);
        task.headers = json(r#"{"trace":"x"}"#);
        task.policy = json(r#"{"factor":2.0}"#);
        task.max_attempts = Some(9);
        task
    };
    ctx.save(spawning(parent, &key("$spawn")?, vec![asked.clone()])).await?;
    ctx.advance(25);
    let request = ctx.claim_request(1)?;
    let call = request.call;
    let answer = ctx.claim_with(request).await?;
    same("the store's time", &answer.now, &ctx.now())?;
    let wanted = Claim {
        token: Token { task: asked.id, call, claim: 1 },
        name: asked.name,
        params: asked.params,
        headers: asked.headers,
        policy: asked.policy,
        parent: Some(parent.task),
        attempt: 1,
        max_attempts: Some(9),
        claimed_at: ctx.now(),
        expires_at: ctx.now().after(millis(LEASE)),
        checkpoints: 0,
    };
    same("the claim", &one("the claims", answer.claims)?, &wanted)
}

async fn cl_17_only_the_names_asked_for(ctx: Ctx) -> Verdict {
    let urgent = |name: &str| -> Result<NewTask, Violation> {
        let mut task = named(name)?;
        task.priority = 100;
        Ok(task)
    };
    let batch = vec![urgent("Job")?, urgent("job ")?, urgent("jo")?, urgent("jobs")?, urgent("j_b")?];
    ctx.spawn_all(batch).await?;
    ctx.claims_nothing("a claim of another name").await?;
    let mine = ctx.spawn_one().await?;
    let mut request = ctx.claim_request(10)?;
    request.names = Vec::new();
    same("a claim of no name at all", &ctx.claim_with(request).await?.claims, &vec![])?;
    let answer = ctx.claim_with(ctx.claim_request(1)?).await?;
    same("a claim of the name", &tasks_of(&answer.claims), &vec![mine])?;
    same("that there are more of it", &answer.more, &false)?;
    let mut request = ctx.claim_request(10)?;
    request.names = vec![TaskName::new("jo")?, TaskName::new("j_b")?, TaskName::new("none")?];
    let names: Vec<_> = ctx.claim_with(request).await?.claims.into_iter().map(|claim| claim.name).collect();
    let wanted = vec![TaskName::new("jo")?, TaskName::new("j_b")?];
    same("a claim of several names", &names, &wanted)
}

async fn cl_18_an_empty_queue_gives_nothing(ctx: Ctx) -> Verdict {
    for _ in 0..3 {
        let answer = ctx.claim_with(ctx.claim_request(10)?).await?;
        same("the claims", &answer.claims, &vec![])?;
        same("more, and the next due time", &(answer.more, answer.next_due), &(false, None))?;
    }
    let task = ctx.spawn_one().await?;
    ctx.claim_task(task).await?;
    Ok(())
}

async fn cl_36_the_next_due_time_is_never_late(ctx: Ctx) -> Verdict {
    let due_in = |after: u64| ctx.now().after(millis(after));
    let sooner = |what: &'static str, got: Option<Timestamp>, truth: Timestamp| {
        let right = got.is_some_and(|due| due <= truth && due > ctx.now());
        holds(what, right, got, &format!("a time after now, and not after {truth:?}"))
    };
    let token = ctx.running().await?;
    sooner("the end of a lease", ctx.next_due().await?, due_in(LEASE))?;
    ctx.spawn(job_with(|task| task.delay = millis(50_000))?).await?;
    sooner("a start", ctx.next_due().await?, due_in(50_000))?;
    ctx.end(token, fail_after(40_000)).await?;
    sooner("a retry", ctx.next_due().await?, due_in(40_000))?;
    let waiting = ctx.running().await?;
    ctx.suspend_on(waiting, on_event(&key("k")?, &event("e")?, Some(30_000))).await?;
    sooner("a deadline", ctx.next_due().await?, due_in(30_000))?;
    let limited = job_with(|task| task.max_running = Some(millis(20_000)))?;
    ctx.spawn(limited).await?;
    let limited = ctx.claim_one().await?;
    sooner("a running limit", ctx.next_due().await?, due_in(20_000))?;
    ctx.spawn(job_with(|task| task.max_pending = Some(millis(10_000)))?).await?;
    sooner("a pending limit", ctx.next_due().await?, due_in(10_000))?;
    ctx.claim_one().await?;
    ctx.complete(limited.token).await?;
    sooner("a deadline again", ctx.next_due().await?, due_in(30_000))
}

async fn cl_21_every_kind_of_due_work_is_done_by_a_claim(ctx: Ctx) -> Verdict {
    let expired = ctx.running().await?.task;
    let asleep = ctx.running().await?;
    ctx.suspend_on(asleep, on_time(&key("k")?, LEASE)).await?;
    let retried = ctx.running().await?;
    ctx.end(retried, fail_after(LEASE)).await?;
    let delayed = ctx.spawn(job_with(|task| task.delay = millis(LEASE))?).await?;
    let mut unstarted = named("other")?;
    unstarted.max_pending = Some(millis(LEASE));
    let unstarted = ctx.spawn(unstarted).await?;
    ctx.advance(LEASE - 1);
    ctx.claims_nothing("a claim before any of them is due").await?;
    ctx.advance(1);
    let mut claimed = tasks_of(&ctx.claim(10).await?);
    claimed.sort_unstable();
    let mut wanted = vec![expired, asleep.task, retried.task, delayed];
    wanted.sort_unstable();
    same("the claimed tasks", &claimed, &wanted)?;
    let cancelled = Outcome::Cancelled(CancelCause::MaxPendingTime);
    same("the task past its limit", &ctx.outcome(unstarted).await?, &cancelled)
}

async fn c6_a_broken_record_fails_alone(ctx: Ctx) -> Verdict {
    let (before, broken, after) = (ctx.spawn_one().await?, ctx.spawn_one().await?, ctx.spawn_one().await?);
    if !ctx.corrupt(broken).await? {
        return ctx.not_run(Hook::Corrupt);
    }
    let mut claimed = Vec::new();
    for _ in 0..3 {
        claimed.extend(tasks_of(&ctx.claim(10).await?));
    }
    same("the claimed tasks", &claimed, &vec![before, after])?;
    let outcome = ctx.outcome(broken).await?;
    let typed = matches!(outcome, Outcome::Failed(Failure::Corrupt { .. }));
    holds("the broken task", typed, &outcome, "failed as corrupt")?;
    let next = ctx.spawn_one().await?;
    ctx.claim_task(next).await?;
    Ok(())
}

async fn c8_ends_come_before_claims_in_one_call(ctx: Ctx) -> Verdict {
    let (first, second) = (ctx.running().await?, ctx.running().await?);
    let forged = Token { call: CallId::new(), ..first };
    let ends = [(second, complete()), (forged, complete()), (first, release(0)), (second, complete())];
    let ends = ends.into_iter().map(|(token, ending)| RunEnd { token, ending }).collect();
    let answer = ctx.claim_with(ctx.claim_request(10)?.ending(ends)).await?;
    let answers: Vec<Fenced<EndAnswer>> =
        answer.ends.into_iter().map(|end| end.map_err(Refusal::from)).collect();
    let wanted = vec![
        Ok(EndAnswer::Completed),
        Err(Refusal::ClaimLost),
        Ok(EndAnswer::Released { due: ctx.now() }),
        Ok(EndAnswer::Completed),
    ];
    same("the answers, one for each end", &answers, &wanted)?;
    same("the claims of the same call", &tasks_of(&answer.claims), &vec![first.task])?;
    same("the released task's old token", &ctx.try_end(first, complete()).await?, &Err(Refusal::ClaimLost))
}
