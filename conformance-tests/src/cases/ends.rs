//! The ends of runs: complete, fail and release.

use crate::prelude::*;

const GROUP: &str = "ends";

pub(super) const CASES: &[Case] = &[
    case!(
        t3_a_completed_task_has_its_result_and_nothing_of_a_live_one,
        [],
        ["T3", "W1"],
        [Spawn, Claim, Wait, Task],
        "A result is what a task is run for."
    ),
    case!(
        rt_1_a_retry_is_due_exactly_after_its_delay,
        ["RT-1", "RT-11", "CK-5"],
        ["K1"],
        [Spawn, Claim],
        "A retry that comes early hits the service that asked for time."
    ),
    case!(
        rt_4_a_retry_without_delay_is_ready_at_once,
        ["RT-4"],
        ["K1"],
        [Spawn, Claim, Task],
        "A retry without delay needs nobody to look at the clock."
    ),
    case!(
        rt_5_a_failure_for_good_is_never_retried,
        ["RT-5", "RT-6"],
        ["T3"],
        [Spawn, Claim, Task],
        "What core has given up must not come back."
    ),
    case!(
        rt_6_every_attempt_keeps_where_it_failed,
        ["RT-6", "RT-8", "CP-14"],
        ["P2", "T2"],
        [Spawn, Claim, Save, Load, Task],
        "The third failure is only understood by looking at the first two."
    ),
    case!(
        cl_34_a_released_task_uses_no_attempt,
        ["CL-34", "CX-7"],
        ["C3", "P2"],
        [Spawn, Claim, Task],
        "A worker that shuts down hands back its work, and that is nobody's failure."
    ),
    case!(
        ev_19_waits_survive_a_retry_with_their_deadlines,
        ["EV-19"],
        ["W1"],
        [Spawn, Claim, Wait, Load, Tick],
        "A timeout of an hour must not become one of a day because a run failed in between."
    ),
    case!(
        ev_19_what_has_ended_waits_for_nothing,
        ["EV-19"],
        ["W1", "W3"],
        [Spawn, Claim, Wait, Emit, Tick, Cancel, Task],
        "A wait that outlives its task wakes the dead."
    ),
];

async fn t3_a_completed_task_has_its_result_and_nothing_of_a_live_one(ctx: Ctx) -> Verdict {
    let token = ctx.running().await?;
    let wait = on_event(&key("k")?, &event("e")?, Some(LEASE));
    same("wait", &ctx.wait(token, vec![wait], None).await?, &WaitAnswer::Registered)?;
    let before = ctx.view(token.task).await?;
    ctx.advance(9);
    let answer = ctx.end(token, Ending::Complete { result: json(r#"{"r":[1]}"#) }).await?;
    same("complete", &answer, &EndAnswer::Completed)?;
    let detail = ctx.detail(token.task).await?;
    let wanted = TaskView {
        state: TaskState::Ended(EndState::Completed),
        ended_at: Some(ctx.now()),
        result: Some(json(r#"{"r":[1]}"#)),
        lease: None,
        due: None,
        ..before
    };
    same("the task", &detail.task, &wanted)?;
    same("its waits", &detail.waits, &vec![])
}

async fn rt_1_a_retry_is_due_exactly_after_its_delay(ctx: Ctx) -> Verdict {
    let task = ctx.spawn_one().await?;
    for (attempt, delay) in [(1, 1), (2, 5_000), (3, 86_400_000)] {
        let claim = ctx.claim_task(task).await?;
        same("the attempt", &claim.attempt, &attempt)?;
        let due = ctx.now().after(millis(delay));
        let answer = ctx.end(claim.token, fail_after(delay)).await?;
        same("fail", &answer, &EndAnswer::Retrying { due })?;
        ctx.advance(delay - 1);
        ctx.claims_nothing(&format!("a claim a millisecond before {delay} have passed")).await?;
        ctx.advance(1);
    }
    same("the last attempt", &ctx.claim_task(task).await?.attempt, &4)
}

async fn rt_4_a_retry_without_delay_is_ready_at_once(ctx: Ctx) -> Verdict {
    let token = ctx.running().await?;
    let answer = ctx.end(token, fail_after(0)).await?;
    same("fail", &answer, &EndAnswer::Retrying { due: ctx.now() })?;
    let view = ctx.view(token.task).await?;
    same("the state", &(view.state, view.available_at), &(TaskState::Pending, Some(ctx.now())))?;
    same("the attempt", &ctx.claim_task(token.task).await?.attempt, &2)
}

async fn rt_5_a_failure_for_good_is_never_retried(ctx: Ctx) -> Verdict {
    let token = ctx.running().await?;
    ctx.advance(3);
    same("fail for good", &ctx.end(token, fail_for_good()).await?, &EndAnswer::Failed)?;
    let detail = ctx.detail(token.task).await?;
    let failure = Failure::Reported(json(r#""failed""#));
    let state = TaskState::Ended(EndState::Failed);
    let task = (detail.task.state, detail.task.failure, detail.task.attempt, detail.task.ended_at);
    same("the task", &task, &(state, Some(failure.clone()), 1, Some(ctx.now())))?;
    let worker = WorkerName::new("worker")?;
    let run = RunView { order: 1, attempt: 1, worker, ended_at: ctx.now(), failure };
    same("the history", &detail.history.items, &vec![HistoryEntry::Run(run)])?;
    ctx.advance(100 * LEASE);
    ctx.claims_nothing("a claim long after it").await?;
    ctx.running().await?;
    Ok(())
}

async fn rt_6_every_attempt_keeps_where_it_failed(ctx: Ctx) -> Verdict {
    let task = ctx.spawn_one().await?;
    let mut wanted = Vec::new();
    for attempt in 1..=3_i32 {
        let token = ctx.claim_task(task).await?.token;
        let order = u64::try_from(attempt).unwrap_or(0) * 2;
        ctx.save(step(token, &key(&format!("s{attempt}"))?, "1")).await?;
        wanted.push((order - 1, attempt, format!("s{attempt}")));
        ctx.advance(1);
        let failure = json(&attempt.to_string());
        ctx.end(token, Ending::Fail { failure, retry: RetryAfter::After(Millis::ZERO) }).await?;
        wanted.push((order, attempt, attempt.to_string()));
    }
    let token = ctx.claim_task(task).await?.token;
    let loaded: Vec<_> = ctx.load(token).await?.into_iter().map(|stored| stored.order).collect();
    same("what the fourth attempt loads", &loaded, &vec![1, 3, 5])?;
    let history = ctx.detail(task).await?.history.items.into_iter().map(|entry| match entry {
        HistoryEntry::Checkpoint { checkpoint, .. } => {
            (checkpoint.order, checkpoint.attempt, checkpoint.key.as_str().to_owned())
        }
        HistoryEntry::Run(run) => match run.failure {
            Failure::Reported(payload) => (run.order, run.attempt, payload.as_str().to_owned()),
            other => (run.order, run.attempt, format!("{other:?}")),
        },
    });
    same("the history, in order", &history.collect::<Vec<_>>(), &wanted)
}

async fn cl_34_a_released_task_uses_no_attempt(ctx: Ctx) -> Verdict {
    let task = ctx.spawn(job_with(|task| task.max_attempts = Some(1))?).await?;
    for delay in [0, 1, 10_000] {
        let claim = ctx.claim_task(task).await?;
        same("the attempt", &claim.attempt, &1)?;
        let due = ctx.now().after(millis(delay));
        same("release", &ctx.end(claim.token, release(delay)).await?, &EndAnswer::Released { due })?;
        if delay > 0 {
            ctx.advance(delay - 1);
            ctx.claims_nothing(&format!("a claim a millisecond before {delay} have passed")).await?;
            ctx.advance(1);
        }
        let lost = ctx.try_end(claim.token, complete()).await?;
        same("the token that was handed back", &lost, &Err(Refusal::ClaimLost))?;
    }
    same("the history", &ctx.detail(task).await?.history.items, &vec![])?;
    let claim = ctx.claim_task(task).await?;
    ctx.complete(claim.token).await
}

async fn ev_19_waits_survive_a_retry_with_their_deadlines(ctx: Ctx) -> Verdict {
    let (step_key, name) = (key("k")?, event("e")?);
    let token = ctx.running().await?;
    let registered = ctx.now();
    ctx.wait(token, vec![on_event(&step_key, &name, Some(10_000))], None).await?;
    ctx.end(token, fail_after(0)).await?;
    ctx.advance(4_000);
    let token = ctx.claim_task(token.task).await?.token;
    // The second registration asks for more time, and does not get it.
    ctx.suspend_on(token, on_event(&step_key, &name, Some(10_000))).await?;
    ctx.advance(5_999);
    same("what ends a millisecond early", &ctx.tick().await?.woken, &0)?;
    ctx.advance(1);
    let token = ctx.claim_task(token.task).await?.token;
    let ended = one("the checkpoints", ctx.load(token).await?)?;
    let times = (ended.started_at, ended.ended_at);
    same("its times", &times, &(registered, registered.after(millis(10_000))))?;
    same("its end", &ended.end, &End::Timeout)
}

async fn ev_19_what_has_ended_waits_for_nothing(ctx: Ctx) -> Verdict {
    let name = event("e")?;
    let mut ended = Vec::new();
    for how in ["complete", "fail", "cancel", "expire", "limit"] {
        let limit = (how == "limit").then(|| millis(LEASE));
        let task = job_with(|task| (task.max_attempts, task.max_running) = (Some(1), limit))?;
        let task = ctx.spawn(task).await?;
        let token = ctx.claim_task(task).await?.token;
        ctx.wait(token, vec![on_event(&key("k")?, &name, Some(3 * LEASE))], None).await?;
        match how {
            "complete" => ctx.complete(token).await?,
            "fail" => drop(ctx.end(token, fail_for_good()).await?),
            "cancel" => drop(ctx.cancel(task).await?),
            _ => {
                ctx.advance(LEASE);
                ctx.tick().await?;
            }
        }
        let detail = ctx.detail(task).await?;
        same(&format!("the waits after {how}"), &detail.waits, &vec![])?;
        ended.push(detail);
    }
    same("emit", &ctx.emit(&name, "1").await?, &EmitAnswer::Written)?;
    ctx.advance(10 * LEASE);
    same("what ends later", &ctx.tick().await?.woken, &0)?;
    ctx.claims_nothing("a claim of what has ended").await?;
    for before in ended {
        same("a task after its event", &ctx.detail(before.task.id).await?, &before)?;
    }
    Ok(())
}
