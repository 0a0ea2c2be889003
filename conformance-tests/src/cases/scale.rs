//! Large tasks, large batches and large queues: every step stays bounded, and right.

use super::spread::{MANY, parent_of, spawn_many};
use crate::prelude::*;

const GROUP: &str = "scale";

pub(super) const CASES: &[Case] = &[
    case!(
        w4_a_join_of_a_thousand_children_wakes_once,
        ["CH-8", "CH-25", "BL-9"],
        ["W4", "T1", "W3"],
        [Spawn, Claim, Save, Wait, Task],
        "A parent of a thousand children must not be run a thousand times."
    )
    .heavy(),
    case!(
        u3_a_long_history_is_purged_in_steps,
        ["RE-4", "CP-5", "CP-15", "BL-4"],
        ["U3", "P2"],
        [Spawn, Claim, Save, Load, Purge, Outcome, DropQueue],
        "A task of ten thousand steps must not be deleted in one."
    )
    .heavy(),
    case!(
        cl_2_a_claim_is_clamped_to_what_a_verb_may_touch,
        ["CL-2", "BL-9"],
        ["C2", "C8"],
        [Spawn, Claim],
        "A worker that asks for everything must not get more than a step can hold."
    )
    .heavy(),
    case!(
        cl_8_the_order_holds_among_a_thousand,
        ["CL-8", "BL-9"],
        ["C2", "K1"],
        [Spawn, Claim],
        "What is urgent goes first whether it was ready or has just become so."
    )
    .heavy(),
    case!(
        c2_a_task_past_its_limit_is_not_handed_out_whatever_else_is_due,
        ["MX-1"],
        ["C2", "T4"],
        [Spawn, Claim, Tick, Outcome],
        "A claim that cannot do everything that is due must not hand out what is past its time."
    )
    .heavy(),
    case!(
        u4_claims_find_the_right_tasks_among_many,
        ["BL-2", "CL-17", "SL-14"],
        ["U4", "C2"],
        [Spawn, Claim, Cancel],
        "A million tasks that nobody asks for must not hide the few that somebody does."
    )
    .heavy(),
];

async fn w4_a_join_of_a_thousand_children_wakes_once(ctx: Ctx) -> Verdict {
    const CHILDREN: usize = 1_000;
    let parent = parent_of(&ctx, CHILDREN).await?;
    let mut tokens: Vec<_> = ctx.claim(1_000).await?.into_iter().map(|claim| claim.token).collect();
    same("the claimed children", &tokens.len(), &CHILDREN)?;
    tokens.sort_unstable_by_key(|token| token.task);
    let keys = (0..CHILDREN).map(|n| join_key(&n.to_string())).collect::<Result<Vec<_>, _>>()?;
    let waits: Vec<_> = keys.iter().zip(&tokens).map(|(key, token)| on_child(key, token.task)).collect();
    for chunk in waits.chunks(500) {
        same("registering", &ctx.wait(parent, chunk.to_vec(), None).await?, &WaitAnswer::Registered)?;
    }
    let need = u32::try_from(CHILDREN).unwrap_or(0);
    same("the join", &ctx.wait(parent, vec![], Some(Rest { keys, need })).await?, &WaitAnswer::Suspended)?;
    for chunk in tokens.chunks(300) {
        ctx.claims_nothing("a claim before the last child has ended").await?;
        let ends = chunk.iter().map(|token| RunEnd { token: *token, ending: complete() }).collect();
        let answer = ctx.claim_with(ctx.claim_request(0)?.ending(ends)).await?;
        same("the ends", &answer.ends.iter().filter(|end| end.is_ok()).count(), &chunk.len())?;
    }
    let claim = ctx.claim_task(parent.task).await?;
    same("the claims of the parent", &claim.token.claim, &2)?;
    same("its state", &ctx.view(parent.task).await?.state, &TaskState::Running)?;
    ctx.complete(claim.token).await
}

async fn u3_a_long_history_is_purged_in_steps(ctx: Ctx) -> Verdict {
    const STEPS: usize = 10_000;
    let token = ctx.running().await?;
    let keys = (0..STEPS).map(|n| key(&format!("s{n}"))).collect::<Result<Vec<_>, _>>()?;
    for chunk in keys.chunks(500) {
        let items = chunk.iter().map(|key| step(token, key, "1")).collect();
        ctx.store().save(SaveRequest::new(ctx.queue.clone(), items)).await?;
    }
    let loaded: Vec<_> = ctx.load(token).await?.into_iter().map(|stored| stored.key).collect();
    holds("the checkpoints, in order", loaded == keys, loaded.len(), "all of them as they were stored")?;
    ctx.complete(token).await?;
    let mut purged = 0;
    let mut calls = 0;
    loop {
        let request = PurgeRequest::new(ctx.queue.clone(), vec![EndState::Completed], Millis::ZERO, 1_000);
        let answer = ctx.store().purge(request).await?;
        (purged, calls) = (purged + answer.purged, calls + 1);
        same("the task after a purge", &ctx.outcome(token.task).await?, &Outcome::NotFound)?;
        if !answer.more {
            break;
        }
        holds("the purges", calls < 100, calls, "an end")?;
        let dropped = ctx.store().drop_queue(DropQueueRequest::new(ctx.queue.clone())).await?;
        same("drop of the queue while garbage is left", &dropped, &DropQueueAnswer::NotEmpty)?;
    }
    same("how many tasks were purged", &purged, &1)?;
    let dropped = ctx.store().drop_queue(DropQueueRequest::new(ctx.queue.clone())).await?;
    same("drop of the queue that has no garbage left", &dropped, &DropQueueAnswer::Dropped)
}

async fn cl_2_a_claim_is_clamped_to_what_a_verb_may_touch(ctx: Ctx) -> Verdict {
    spawn_many(&ctx, MANY, job).await?;
    let first = ctx.claim_with(ctx.claim_request(5_000)?).await?;
    holds("one claim", first.claims.len() <= 1_000, first.claims.len(), "at most a thousand")?;
    same("that there are more", &first.more, &true)?;
    let mut tokens: Vec<_> = first.claims.iter().map(|claim| claim.token).collect();
    let ends: Vec<_> =
        tokens.iter().take(900).map(|token| RunEnd { token: *token, ending: complete() }).collect();
    let count = ends.len();
    let both = ctx.claim_with(ctx.claim_request(1_000)?.ending(ends)).await?;
    same("the ends of a call that claims, too", &both.ends.iter().filter(|end| end.is_ok()).count(), &count)?;
    let touched = both.claims.len() + count;
    holds("its ends and claims together", touched <= 1_000, touched, "at most a thousand")?;
    tokens.extend(both.claims.iter().map(|claim| claim.token));
    while tokens.len() < MANY {
        let claims = ctx.claim(5_000).await?;
        holds("a later claim", !claims.is_empty(), tokens.len(), "the rest")?;
        tokens.extend(claims.iter().map(|claim| claim.token));
    }
    let mut tasks: Vec<_> = tokens.iter().map(|token| token.task).collect();
    tasks.sort_unstable();
    tasks.dedup();
    same("how many different tasks were claimed", &tasks.len(), &MANY)
}

async fn cl_8_the_order_holds_among_a_thousand(ctx: Ctx) -> Verdict {
    let (mut batch, mut wanted) = (Vec::new(), Vec::new());
    for number in 0..1_000_u64 {
        let (priority, delay) = (i16::try_from(number * 7 % 5).unwrap_or(0) - 2, number * 3 % 8);
        let task = job_with(|task| (task.priority, task.delay) = (priority, millis(delay)))?;
        wanted.push((std::cmp::Reverse(priority), delay, task.id));
        batch.push(task);
    }
    batch.reverse();
    ctx.spawn_all(batch).await?;
    wanted.sort_unstable();
    ctx.advance(7);
    let mut claimed = Vec::new();
    // The first claim may do twice as much as it takes of what is due: all of it.
    for max in [500, 1, 99, 1_000] {
        claimed.extend(ctx.claim(max).await?.into_iter().map(|claim| claim.token.task));
    }
    let wanted: Vec<_> = wanted.into_iter().map(|(_, _, task)| task).collect();
    let right = claimed.iter().zip(&wanted).take_while(|(claimed, wanted)| claimed == wanted).count();
    same("how many are claimed in their order", &(right, claimed.len()), &(1_000, 1_000))
}

async fn c2_a_task_past_its_limit_is_not_handed_out_whatever_else_is_due(ctx: Ctx) -> Verdict {
    // More than one call may touch, and due before the limit.
    spawn_many(&ctx, 2 * MANY, || {
        let mut task = named("foreign")?;
        task.delay = millis(1);
        Ok(task)
    })
    .await?;
    let late = ctx.spawn(job_with(|task| task.max_pending = Some(millis(2)))?).await?;
    let fresh = ctx.spawn(job_with(|task| task.priority = -1)?).await?;
    ctx.advance(2);
    ctx.claim_task(fresh).await?;
    // The claim may leave it to upkeep to cancel it, as everything else that it did not come to.
    while ctx.tick().await?.more {}
    let cancelled = Outcome::Cancelled(CancelCause::MaxPendingTime);
    same("the task past its limit", &ctx.outcome(late).await?, &cancelled)
}

async fn u4_claims_find_the_right_tasks_among_many(ctx: Ctx) -> Verdict {
    let quarter = (ctx.filler() / 4).max(1);
    spawn_many(&ctx, quarter, || job_with(|task| (task.delay, task.priority) = (millis(LEASE), 100))).await?;
    spawn_many(&ctx, quarter, || {
        let mut task = named("foreign")?;
        task.priority = 100;
        Ok(task)
    })
    .await?;
    let mut ended = Vec::new();
    for _ in 0..quarter.min(50) {
        let task = ctx.spawn(job_with(|task| task.priority = 100)?).await?;
        ctx.cancel(task).await?;
        ended.push(task);
    }
    let mut wanted = Vec::new();
    for priority in [5, -5, 0, 7, 5] {
        let task = job_with(|task| task.priority = priority)?;
        wanted.push((std::cmp::Reverse(priority), task.id));
        ctx.spawn(task).await?;
    }
    wanted.sort_unstable();
    let mut claimed = Vec::new();
    for max in [1, 2, 10] {
        let answer = ctx.claim_with(ctx.claim_request(max)?).await?;
        claimed.extend(answer.claims.iter().map(|claim| claim.token.task));
    }
    let wanted: Vec<_> = wanted.into_iter().map(|(_, id)| id).collect();
    same("the claimed tasks", &claimed, &wanted)?;
    ctx.claims_nothing("a claim after these").await?;
    ctx.advance(LEASE);
    let mut woken = 0;
    loop {
        let claims = ctx.claim(1_000).await?;
        if claims.is_empty() {
            break;
        }
        let right = claims.iter().all(|claim| claim.name.as_str() == "job");
        holds("the claims", right, claims.len(), "none of a foreign name")?;
        woken += claims.len();
    }
    // The sleepers are due now, and the first claims have expired.
    same("how many are claimed when all are due", &woken, &(quarter + 5))
}
