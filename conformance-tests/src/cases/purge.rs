//! `purge`: what goes, and what stays.

use crate::prelude::*;

const GROUP: &str = "purge";

pub(super) const CASES: &[Case] = &[
    case!(
        re_1_a_task_goes_when_it_ended_long_enough_ago,
        ["RE-1", "RE-7", "CK-5"],
        ["U3", "K1"],
        [Spawn, Claim, Purge, Outcome],
        "What somebody must keep for thirty days must be there on the thirtieth."
    ),
    case!(
        re_5_no_live_task_is_ever_purged,
        ["RE-1", "RE-5"],
        ["U3"],
        [Spawn, Claim, Wait, Purge],
        "Retention must not eat work that is not done."
    ),
    case!(
        re_1_only_the_states_asked_for,
        ["RE-1"],
        ["U3"],
        [Spawn, Claim, Cancel, Purge, Outcome],
        "Failures are kept longer than successes."
    ),
    case!(
        re_2_the_oldest_go_first_and_the_limit_holds,
        ["RE-2", "RE-3"],
        ["U3", "U1"],
        [Spawn, Claim, Purge, Tasks],
        "A purge that is not bounded blocks the queue it cleans."
    ),
    case!(
        re_4_a_task_goes_with_its_own_and_nothing_else,
        ["RE-4", "CP-15", "RE-8"],
        ["U3", "C3"],
        [Spawn, Claim, Save, Load, Emit, Cancel, Purge, Retry, Outcome, Task, Tasks, Events],
        "What is purged is gone for everybody, and nobody else has lost anything."
    ),
    case!(
        re_8_what_is_purged_may_be_spawned_anew,
        ["RE-8", "CP-15"],
        ["U3", "S1"],
        [Spawn, Claim, Save, Load, Purge, Task],
        "Nothing of the old task may show in a new one."
    ),
    case!(
        re_9_an_event_ages_from_its_last_write,
        ["RE-9", "EV-26", "CK-5"],
        ["U3", "E1"],
        [Spawn, Claim, Wait, Emit, Purge, Events],
        "An event that is written again is a new one."
    ),
    case!(
        mt_9_nothing_is_left_of_what_was_purged_and_dropped,
        ["MT-9", "QU-4", "RE-4"],
        ["U3", "W1"],
        [DropQueue, Spawn, Claim, Save, Wait, Emit, Cancel, Retry, Tick, Purge],
        "What a purge forgets is never found again, and fills the disk."
    ),
    case!(
        re_5_a_parent_goes_before_its_abandoned_child,
        ["RE-5"],
        ["U3", "T1"],
        [Spawn, Claim, Save, Purge, Outcome],
        "A child that outlives its parent's record still has to end."
    ),
];

async fn ended(ctx: &Ctx) -> Result<TaskId, Violation> {
    let token = ctx.running().await?;
    ctx.complete(token).await?;
    Ok(token.task)
}

async fn re_1_a_task_goes_when_it_ended_long_enough_ago(ctx: Ctx) -> Verdict {
    let token = ctx.running().await?;
    ctx.advance(5_000);
    ctx.complete(token).await?;
    let before = ctx.snapshot().await?;
    ctx.advance(999);
    for age in [1_000, 5_500, u64::from(u32::MAX)] {
        same("a purge a millisecond early, or more", &ctx.purge(age).await?.purged, &0)?;
        ctx.unchanged(&before, "a purge too early").await?;
    }
    ctx.advance(1);
    let purged = ctx.purge(1_000).await?;
    same("a purge in time", &(purged.purged, purged.more), &(1, false))?;
    same("the task", &ctx.outcome(token.task).await?, &Outcome::NotFound)?;
    same("a purge after it", &ctx.purge(0).await?.purged, &0)?;
    let fresh = ended(&ctx).await?;
    same("a purge at once", &ctx.purge(0).await?.purged, &1)?;
    same("a task that ended just now", &ctx.outcome(fresh).await?, &Outcome::NotFound)
}

async fn re_5_no_live_task_is_ever_purged(ctx: Ctx) -> Verdict {
    ctx.running().await?;
    let asleep = ctx.running().await?;
    ctx.suspend_on(asleep, on_event(&key("k")?, &event("e")?, None)).await?;
    let backing = ctx.running().await?;
    ctx.end(backing, fail_after(LEASE)).await?;
    ctx.spawn(job_with(|task| task.delay = millis(LEASE))?).await?;
    ctx.spawn_one().await?;
    ctx.advance(LEASE - 1);
    let before = ctx.snapshot().await?;
    let purged = ctx.purge(0).await?;
    same("what is purged", &(purged.purged, purged.more), &(0, false))?;
    ctx.unchanged(&before, "a purge of live tasks").await?;
    let claim = ctx.claim_one().await?;
    ctx.complete(claim.token).await?;
    same("what is purged after one has ended", &ctx.purge(0).await?.purged, &1)
}

async fn re_1_only_the_states_asked_for(ctx: Ctx) -> Verdict {
    use EndState::{Cancelled, Completed, Failed};
    let completed = ended(&ctx).await?;
    let failed = ctx.running().await?;
    ctx.end(failed, fail_for_good()).await?;
    let cancelled = ctx.spawn_one().await?;
    ctx.cancel(cancelled).await?;
    let tasks = [(Completed, completed), (Failed, failed.task), (Cancelled, cancelled)];
    for (index, (state, task)) in tasks.into_iter().enumerate() {
        let purge = |states| PurgeRequest::new(ctx.queue.clone(), states, Millis::ZERO, 100);
        same("no state at all", &ctx.store().purge(purge(vec![])).await?.purged, &0)?;
        same(&format!("{state:?}"), &ctx.store().purge(purge(vec![state])).await?.purged, &1)?;
        same(&format!("the task that is {state:?}"), &ctx.outcome(task).await?, &Outcome::NotFound)?;
        for (other, task) in tasks.iter().skip(index + 1) {
            let outcome = ctx.outcome(*task).await?;
            holds(
                &format!("the task that is {other:?}"),
                outcome != Outcome::NotFound,
                &outcome,
                "still there",
            )?;
        }
    }
    Ok(())
}

async fn re_2_the_oldest_go_first_and_the_limit_holds(ctx: Ctx) -> Verdict {
    let mut tokens = Vec::new();
    for _ in 0..10 {
        tokens.push(ctx.running().await?);
    }
    // They end in another order than that of their ids.
    let mut oldest = Vec::new();
    for index in [3, 9, 0, 5, 1, 8, 2, 7, 4, 6] {
        let token = *some("a token", tokens.get(index))?;
        ctx.complete(token).await?;
        ctx.advance(1);
        oldest.push(token.task);
    }
    for limit in [3_usize, 3, 3, 3] {
        let states = vec![EndState::Completed];
        let count = u32::try_from(limit).unwrap_or(0);
        let request = PurgeRequest::new(ctx.queue.clone(), states, Millis::ZERO, count);
        let answer = ctx.store().purge(request).await?;
        let gone: Vec<_> = oldest.drain(..limit.min(oldest.len())).collect();
        same(
            "what is purged, and more",
            &(answer.purged, answer.more),
            &(gone.len() as u64, !oldest.is_empty()),
        )?;
        let left = ctx.store().tasks(TasksRequest::new(ctx.queue.clone(), None)).await?.items;
        let mut left: Vec<_> = left.into_iter().map(|task| task.id).collect();
        let mut wanted = oldest.clone();
        left.sort_unstable();
        wanted.sort_unstable();
        same("what is left", &left, &wanted)?;
    }
    Ok(())
}

async fn re_4_a_task_goes_with_its_own_and_nothing_else(ctx: Ctx) -> Verdict {
    let stays = ctx.running().await?;
    ctx.save(step(stays, &key("s")?, "1")).await?;
    ctx.emit(&event("e")?, "1").await?;
    let goes = ctx.running().await?;
    ctx.save(step(goes, &key("s")?, "2")).await?;
    ctx.complete(goes).await?;
    for handle in ["one handle", "the other"] {
        let told = ctx.outcome(goes.task).await?;
        same(&format!("its outcome on {handle}, before"), &told, &Outcome::Completed(json("null")))?;
    }
    let states = vec![EndState::Completed];
    let request = PurgeRequest::new(ctx.queue.clone(), states, Millis::ZERO, 100);
    same("what is purged", &ctx.store().purge(request).await?.purged, &1)?;

    for handle in ["one handle", "the other"] {
        let told = ctx.outcome(goes.task).await?;
        same(&format!("its outcome on {handle}"), &told, &Outcome::NotFound)?;
    }
    same("its record", &ctx.store().task(TaskRequest::new(ctx.queue.clone(), goes.task)).await?, &None)?;
    same("cancel of it", &ctx.cancel(goes.task).await?, &CancelAnswer::NotFound)?;
    let retry = RetryRequest::new(ctx.queue.clone(), goes.task, 1, None);
    same("retry of it", &ctx.store().retry(retry).await?, &RetryAnswer::NotFound)?;
    same("its checkpoints", &ctx.try_load(goes).await?, &Err(Refusal::ClaimLost))?;
    let listed = ctx.store().tasks(TasksRequest::new(ctx.queue.clone(), None)).await?.items;
    same("the list", &listed.iter().map(|task| task.id).collect::<Vec<_>>(), &vec![stays.task])?;
    same("the other's checkpoints", &ctx.load(stays).await?.len(), &1)?;
    let events = ctx.store().events(EventsRequest::new(ctx.queue.clone(), None)).await?.items;
    same("the events", &events.len(), &1)?;
    ctx.complete(stays).await
}

async fn re_8_what_is_purged_may_be_spawned_anew(ctx: Ctx) -> Verdict {
    let task = job_with(|task| task.params = json("1"))?;
    ctx.spawn(task.clone()).await?;
    let old = ctx.claim_task(task.id).await?.token;
    ctx.save(step(old, &key("s")?, "1")).await?;
    ctx.complete(old).await?;
    ctx.purge(0).await?;
    let mut anew = task.clone();
    anew.params = json("2");
    ctx.spawn(anew).await?;
    let detail = ctx.detail(task.id).await?;
    same("its history", &detail.history.items, &vec![])?;
    same("its params", &detail.task.params, &json("2"))?;
    let claim = ctx.claim_task(task.id).await?;
    same("its checkpoints", &ctx.load(claim.token).await?, &vec![])?;
    same("the old token", &ctx.try_end(old, complete()).await?, &Err(Refusal::ClaimLost))?;
    ctx.complete(claim.token).await
}

async fn re_9_an_event_ages_from_its_last_write(ctx: Ctx) -> Verdict {
    let events = async || -> Result<Vec<String>, Violation> {
        let page = ctx.store().events(EventsRequest::new(ctx.queue.clone(), None)).await?;
        Ok(page.items.into_iter().map(|event| event.name.as_str().to_owned()).collect())
    };
    ctx.emit(&event("old")?, "1").await?;
    ctx.emit(&event("again")?, "1").await?;
    ctx.advance(500);
    ctx.emit(&event("again")?, "2").await?;
    ctx.advance(499);
    same("a purge a millisecond early", &ctx.purge(1_000).await?.purged, &0)?;
    ctx.advance(1);
    let tasks_only = PurgeRequest::new(ctx.queue.clone(), vec![EndState::Completed], Millis::ZERO, 100);
    same("a purge of tasks", &ctx.store().purge(tasks_only).await?.purged, &0)?;
    same("a purge in time", &ctx.purge(1_000).await?.purged, &1)?;
    same("the events", &events().await?, &vec!["again".to_owned()])?;
    let token = ctx.running().await?;
    let gone = ctx.wait(token, vec![on_event(&key("k")?, &event("old")?, None)], None).await?;
    same("a wait for what was purged", &gone, &WaitAnswer::Registered)?;
    ctx.emit(&event("old")?, "3").await?;
    same("what it got", &ctx.met(token, &key("k")?).await?.end, &value("3"))
}

async fn re_5_a_parent_goes_before_its_abandoned_child(ctx: Ctx) -> Verdict {
    let parent = ctx.running().await?;
    let child = ctx.spawn_child(parent, "c", ParentClosePolicy::Abandon).await?;
    ctx.complete(parent).await?;
    same("what is purged", &ctx.purge(0).await?.purged, &1)?;
    let claim = ctx.claim_task(child).await?;
    same("its parent, that is gone", &claim.parent, &Some(parent.task))?;
    ctx.complete(claim.token).await?;
    same("its outcome", &ctx.outcome(child).await?, &Outcome::Completed(json("null")))?;
    same("the parent", &ctx.outcome(parent.task).await?, &Outcome::NotFound)?;
    same("what is purged then", &ctx.purge(0).await?.purged, &1)
}

/// Tasks in every state, with everything that may belong to them.
async fn lived_in(on: &Ctx) -> Verdict {
    let (step_key, name) = (key("k")?, event("e")?);
    for how in ["complete", "fail", "cancel", "retry", "rest", "expire", "none"] {
        let task = on.spawn(keyed(how, "f")?).await?;
        let token = on.claim_task(task).await?.token;
        on.save(step(token, &key("s")?, "1")).await?;
        on.spawn_child(token, "c", ParentClosePolicy::Cancel).await?;
        let child = on.claim_one().await?.token;
        on.wait(child, vec![on_event(&step_key, &name, Some(10 * LEASE))], None).await?;
        let waits = vec![on_event(&step_key, &name, None), on_child(&join_key("c")?, child.task)];
        on.wait(token, waits, None).await?;
        match how {
            "complete" => on.complete(token).await?,
            "fail" => drop(on.end(token, fail_for_good()).await?),
            "cancel" => drop(on.cancel(task).await?),
            "retry" => {
                on.end(token, fail_for_good()).await?;
                let request = RetryRequest::new(on.queue.clone(), task, 1, Some(key("s")?));
                same("retry", &on.store().retry(request).await?, &RetryAnswer::Reopened)?;
                let token = on.claim_task(task).await?.token;
                on.complete(token).await?;
            }
            "rest" => {
                let on_both = Some(rest(&[&step_key, &join_key("c")?], 2));
                same("rest", &on.wait(token, vec![], on_both).await?, &WaitAnswer::Suspended)?;
            }
            "expire" => {
                on.advance(LEASE);
                on.tick().await?;
            }
            _ => {}
        }
        for claim in on.claim(10).await? {
            on.end(claim.token, release(10 * LEASE)).await?;
        }
    }
    on.emit(&name, "1").await?;
    on.save(emitting(on.running().await?, &key("$emit")?, write(&event("f")?, "1"))).await.map(drop)
}

async fn mt_9_nothing_is_left_of_what_was_purged_and_dropped(ctx: Ctx) -> Verdict {
    if ctx.residue().await?.is_none() {
        return ctx.not_run(Hook::Residue);
    }
    let other = ctx.another_queue("{other}").await?;
    for on in [&ctx, &other] {
        lived_in(on).await?;
    }
    let filled = ctx.residue().await?.map_or(0, |left| left.len());
    holds("the kinds of records at first", filled > 1, filled, "some")?;
    for on in [&ctx, &other] {
        on.advance(20 * LEASE);
        loop {
            let claims = on.claim(100).await?;
            if claims.is_empty() {
                break;
            }
            for claim in claims {
                on.cancel(claim.token.task).await?;
            }
        }
        while on.purge(0).await?.more {}
        let dropped = on.store().drop_queue(DropQueueRequest::new(on.queue.clone())).await?;
        same("the drop", &dropped, &DropQueueAnswer::Dropped)?;
    }
    same("what is left", &ctx.residue().await?, &Some([].into()))
}
