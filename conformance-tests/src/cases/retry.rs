//! `retry`: reopening what has failed.

use crate::prelude::*;

const GROUP: &str = "retry";

pub(super) const CASES: &[Case] = &[
    case!(
        rt_13_a_failed_task_is_reopened_with_its_checkpoints,
        ["RT-13", "CP-14"],
        ["T5"],
        [Spawn, Claim, Save, Load, Retry, Task],
        "A retry that forgets what was done does it all again."
    ),
    case!(
        rt_13_only_a_failed_task_is_reopened,
        ["RT-13"],
        ["T5"],
        [Spawn, Claim, Cancel, Retry],
        "Reopening what somebody cancelled, or what is done, breaks a promise to them."
    ),
    case!(
        t5_the_attempts_added_are_the_attempts_left,
        [],
        ["T5"],
        [Spawn, Claim, Tick, Retry, Outcome],
        "A retry with one more attempt must not come back for ever."
    ),
    case!(
        t5_from_a_key_on_its_own_checkpoints_are_set_aside,
        [],
        ["T5", "P1"],
        [Spawn, Claim, Save, Load, Retry, Task],
        "A step that stored a wrong value can only be run again when that is set aside."
    ),
    case!(
        t5_ends_of_children_and_what_came_before_stay,
        [],
        ["T5", "T1"],
        [Spawn, Claim, Save, Load, Wait, Retry],
        "A child that ended cannot end again: without its end a join hangs."
    ),
    case!(
        t5_an_unknown_key_is_invalid,
        [],
        ["T5"],
        [Spawn, Claim, Save, Retry],
        "A retry from a misspelt key must not run everything again, or nothing."
    ),
    case!(
        t5_a_child_of_an_ended_parent_goes_on_alone,
        [],
        ["T5", "T1"],
        [Spawn, Claim, Save, Retry, Tick, Outcome, Task],
        "A reopened child must not be cancelled by an end that is long past."
    ),
    case!(
        t5_a_child_that_went_on_alone_is_not_closed_later,
        [],
        ["T5", "T2"],
        [Spawn, Claim, Save, Retry, Tick, Outcome],
        "A child that was reopened by hand belongs to that hand, and no longer to its parent."
    ),
    case!(
        t5_the_first_end_of_a_child_stays_the_one_its_parent_sees,
        [],
        ["T5", "T1", "P1"],
        [Spawn, Claim, Save, Load, Wait, Retry],
        "A parent that has read one end of its child must not read another in a replay."
    ),
    case!(
        t5_both_limits_start_anew,
        ["MX-1", "MX-2"],
        ["T5", "T4"],
        [Spawn, Claim, Retry, Tick, Outcome],
        "A task that is reopened only to be cancelled at once is not reopened."
    ),
    case!(
        t5_a_retry_gives_no_limit_to_a_task_without_one,
        [],
        ["T5"],
        [Spawn, Claim, Retry, Task],
        "Who asked for a task that never gives up still has one."
    ),
];

async fn retry(
    ctx: &Ctx,
    task: TaskId,
    attempts: i32,
    from: Option<StepKey>,
) -> Result<RetryAnswer, Violation> {
    Ok(ctx.store().retry(RetryRequest::new(ctx.queue.clone(), task, attempts, from)).await?)
}

async fn reopened(ctx: &Ctx, task: TaskId, from: Option<StepKey>) -> Result<Token, Violation> {
    same("retry", &retry(ctx, task, 1, from).await?, &RetryAnswer::Reopened)?;
    Ok(ctx.claim_task(task).await?.token)
}

async fn keys(ctx: &Ctx, token: Token) -> Result<Vec<String>, Violation> {
    let loaded = ctx.load(token).await?;
    Ok(loaded.into_iter().map(|checkpoint| checkpoint.key.as_str().to_owned()).collect())
}

async fn rt_13_a_failed_task_is_reopened_with_its_checkpoints(ctx: Ctx) -> Verdict {
    let token = ctx.running().await?;
    ctx.save(step(token, &key("s")?, "1")).await?;
    ctx.end(token, fail_for_good()).await?;
    let before = ctx.detail(token.task).await?;
    ctx.advance(50);
    same("retry", &retry(&ctx, token.task, 3, None).await?, &RetryAnswer::Reopened)?;
    let after = ctx.detail(token.task).await?;
    let wanted = TaskView {
        state: TaskState::Pending,
        attempt: 2,
        max_attempts: before.task.max_attempts.map(|max| max + 3),
        first_started_at: None,
        ended_at: None,
        available_at: Some(ctx.now()),
        failure: None,
        ..before.task.clone()
    };
    same("the reopened task", &after.task, &wanted)?;
    same("its history", &after.history, &before.history)?;
    let claim = ctx.claim_task(token.task).await?;
    same("the attempt", &claim.attempt, &2)?;
    same("the checkpoints to load", &claim.checkpoints, &1)?;
    same("the checkpoints", &keys(&ctx, claim.token).await?, &vec!["s".to_owned()])?;
    ctx.complete(claim.token).await
}

async fn rt_13_only_a_failed_task_is_reopened(ctx: Ctx) -> Verdict {
    let (completed, cancelled) = (ctx.running().await?, ctx.running().await?);
    ctx.complete(completed).await?;
    ctx.cancel(cancelled.task).await?;
    let running = ctx.running().await?;
    let sleeping = ctx.running().await?;
    ctx.end(sleeping, fail_after(LEASE)).await?;
    let before = ctx.snapshot().await?;
    let wanted = [
        (completed.task, RetryAnswer::Ended(EndState::Completed)),
        (cancelled.task, RetryAnswer::Ended(EndState::Cancelled)),
        (running.task, RetryAnswer::Live),
        (sleeping.task, RetryAnswer::Live),
        (TaskId::new(), RetryAnswer::NotFound),
    ];
    for (task, answer) in wanted {
        same("retry", &retry(&ctx, task, 1, None).await?, &answer)?;
    }
    ctx.unchanged(&before, "a refused retry").await?;
    ctx.complete(running).await
}

async fn t5_the_attempts_added_are_the_attempts_left(ctx: Ctx) -> Verdict {
    let task = ctx.spawn(job_with(|task| task.max_attempts = Some(1))?).await?;
    ctx.claim_task(task).await?;
    ctx.advance(LEASE);
    ctx.tick().await?;
    same("retry", &retry(&ctx, task, 2, None).await?, &RetryAnswer::Reopened)?;
    for attempt in [2, 3] {
        let claim = ctx.claim_task(task).await?;
        same("the attempt", &claim.attempt, &attempt)?;
        same("the most attempts", &claim.max_attempts, &Some(3))?;
        ctx.advance(LEASE);
        ctx.tick().await?;
    }
    ctx.claims_nothing("a claim after both added attempts").await?;
    let outcome = ctx.outcome(task).await?;
    holds("the outcome", matches!(outcome, Outcome::Failed(_)), &outcome, "failed")
}

async fn t5_from_a_key_on_its_own_checkpoints_are_set_aside(ctx: Ctx) -> Verdict {
    let token = ctx.running().await?;
    for (name, text) in [("1", "1"), ("2", "2"), ("3", "3")] {
        ctx.save(step(token, &key(name)?, text)).await?;
    }
    ctx.end(token, fail_for_good()).await?;
    let token = reopened(&ctx, token.task, Some(key("2")?)).await?;
    same("what is loaded", &keys(&ctx, token).await?, &vec!["1".to_owned()])?;
    ctx.save(step(token, &key("2")?, r#""other""#)).await?;
    let ends: Vec<_> = ctx.load(token).await?.into_iter().map(|stored| stored.end).collect();
    same("what is loaded after it ran again", &ends, &vec![value("1"), value(r#""other""#)])?;
    let history = ctx.detail(token.task).await?.history.items;
    let aside: Vec<_> = history
        .into_iter()
        .filter_map(|entry| match entry {
            HistoryEntry::Checkpoint { checkpoint, aside } => {
                Some((checkpoint.key.as_str().to_owned(), checkpoint.end, aside))
            }
            HistoryEntry::Run(_) => None,
        })
        .collect();
    let of = |key: &str, text: &str, aside| (key.to_owned(), value(text), aside);
    let wanted =
        vec![of("1", "1", false), of("2", "2", true), of("3", "3", true), of("2", r#""other""#, false)];
    same("the checkpoints of the history", &aside, &wanted)
}

async fn t5_ends_of_children_and_what_came_before_stay(ctx: Ctx) -> Verdict {
    let parent = ctx.running().await?;
    ctx.save(step(parent, &key("before")?, "1")).await?;
    let first = ctx.spawn_child(parent, "c", ParentClosePolicy::Abandon).await?;
    let claim = ctx.claim_task(first).await?;
    ctx.end(claim.token, Ending::Complete { result: json("5") }).await?;
    ctx.save(step(parent, &key("after")?, "2")).await?;
    ctx.end(parent, fail_for_good()).await?;
    let token = reopened(&ctx, parent.task, Some(key("$spawn:c")?)).await?;
    let wanted = vec!["before".to_owned(), "$child:c".to_owned()];
    same("what is loaded", &keys(&ctx, token).await?, &wanted)?;
    same("the child's end", &ctx.met(token, &join_key("c")?).await?.end, &value("5"))
}

async fn t5_an_unknown_key_is_invalid(ctx: Ctx) -> Verdict {
    let token = ctx.running().await?;
    ctx.save(step(token, &key("s")?, "1")).await?;
    ctx.end(token, fail_for_good()).await?;
    let before = ctx.snapshot().await?;
    let request = RetryRequest::new(ctx.queue.clone(), token.task, 1, Some(key("S")?));
    fault("retry from an unknown key", ctx.store().retry(request).await, StoreErrorKind::Invalid)?;
    ctx.unchanged(&before, "retry from an unknown key").await?;
    reopened(&ctx, token.task, Some(key("s")?)).await?;
    Ok(())
}

async fn t5_a_child_of_an_ended_parent_goes_on_alone(ctx: Ctx) -> Verdict {
    let parent = ctx.running().await?;
    let child = ctx.spawn_child(parent, "c", ParentClosePolicy::Cancel).await?;
    let claim = ctx.claim_task(child).await?;
    ctx.end(claim.token, fail_for_good()).await?;
    ctx.complete(parent).await?;
    let before = ctx.detail(parent.task).await?;
    let token = reopened(&ctx, child, None).await?;
    same("what closing cancels", &ctx.tick().await?.closed, &0)?;
    ctx.end(token, Ending::Complete { result: json("2") }).await?;
    same("the child's outcome", &ctx.outcome(child).await?, &Outcome::Completed(json("2")))?;
    same("the ended parent", &ctx.detail(parent.task).await?, &before)
}

async fn t5_a_child_that_went_on_alone_is_not_closed_later(ctx: Ctx) -> Verdict {
    let parent = ctx.running().await?;
    let child = ctx.spawn_child(parent, "c", ParentClosePolicy::Cancel).await?;
    let claim = ctx.claim_task(child).await?;
    ctx.end(claim.token, fail_for_good()).await?;
    ctx.end(parent, fail_for_good()).await?;
    let child = reopened(&ctx, child, None).await?;
    let parent = reopened(&ctx, parent.task, None).await?;
    ctx.complete(parent).await?;
    same("what closing cancels", &ctx.tick().await?.closed, &0)?;
    same("the child after its parent's second end", &ctx.outcome(child.task).await?, &Outcome::Live)?;
    ctx.complete(child).await
}

async fn t5_the_first_end_of_a_child_stays_the_one_its_parent_sees(ctx: Ctx) -> Verdict {
    let parent = ctx.running().await?;
    let child = ctx.spawn_child(parent, "c", ParentClosePolicy::Cancel).await?;
    let claim = ctx.claim_task(child).await?;
    ctx.end(claim.token, fail_for_good()).await?;
    let failed = End::Failed(Failure::Reported(json(r#""failed""#)));
    same("the first end", &ctx.met(parent, &join_key("c")?).await?.end, &failed)?;
    let token = reopened(&ctx, child, None).await?;
    ctx.complete(token).await?;
    same("the end after the retry", &ctx.met(parent, &join_key("c")?).await?.end, &failed)?;
    let joined = ctx.load(parent).await?.into_iter().filter(|stored| stored.kind == CheckpointKind::Child);
    same("how many ends are stored", &joined.count(), &1)
}

async fn t5_both_limits_start_anew(ctx: Ctx) -> Verdict {
    let limited = job_with(|task| {
        (task.max_pending, task.max_running) = (Some(millis(1_000)), Some(millis(5_000)));
    })?;
    let task = ctx.spawn(limited).await?;
    let token = ctx.claim_task(task).await?.token;
    ctx.end(token, fail_for_good()).await?;
    ctx.advance(10_000);
    same("retry", &retry(&ctx, task, 5, None).await?, &RetryAnswer::Reopened)?;
    ctx.advance(999);
    same("what is limited before a second is over", &ctx.tick().await?.limited, &0)?;
    let token = ctx.claim_task(task).await?.token;
    ctx.advance(4_999);
    same("what is limited before five more are", &ctx.tick().await?.limited, &0)?;
    ctx.advance(1);
    same("what is limited then", &ctx.tick().await?.limited, &1)?;
    same("the holder", &ctx.try_end(token, complete()).await?, &Err(Refusal::Cancelled))?;
    same("the outcome", &ctx.outcome(task).await?, &Outcome::Cancelled(CancelCause::MaxRunningTime))
}

async fn t5_a_retry_gives_no_limit_to_a_task_without_one(ctx: Ctx) -> Verdict {
    let task = ctx.spawn(job_with(|task| task.max_attempts = None)?).await?;
    let token = ctx.claim_task(task).await?.token;
    ctx.end(token, fail_for_good()).await?;
    let retry = RetryRequest::new(ctx.queue.clone(), task, 1, None);
    same("retry", &ctx.store().retry(retry).await?, &RetryAnswer::Reopened)?;
    same("the limit", &ctx.view(task).await?.max_attempts, &None)?;
    same("the limit of its claim", &ctx.claim_task(task).await?.max_attempts, &None)
}
