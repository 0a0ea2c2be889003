//! Children: their spawn, their ends in the parent, and what the parent's end does to them.

use crate::prelude::*;

const GROUP: &str = "children";

pub(super) const CASES: &[Case] = &[
    case!(
        ch_1_children_and_their_checkpoint_are_one_write,
        ["CH-1", "CH-11", "CP-16"],
        ["S2", "P1"],
        [Spawn, Claim, Save, Load, Tasks],
        "A child without its checkpoint is spawned twice; a checkpoint without its child is joined for ever."
    ),
    case!(
        ch_22_a_lost_parent_spawns_no_child,
        ["CH-22"],
        ["S2", "C3"],
        [Spawn, Claim, Save, Cancel],
        "A child of a cancelled parent is an orphan that nobody stops."
    ),
    case!(
        ch_2_a_join_gives_the_childs_end,
        ["CH-2", "CH-3", "CH-4", "CH-6"],
        ["T1"],
        [Spawn, Claim, Save, Wait, Cancel],
        "A parent acts on how its child ended."
    ),
    case!(
        ch_5_a_join_before_the_end_wakes_once,
        ["CH-5", "CH-8"],
        ["T1", "W3", "W4"],
        [Spawn, Claim, Save, Wait, Load],
        "A parent of many children is woken when all have ended, and not before."
    ),
    case!(
        ch_8_children_end_in_any_order_and_stay_joined,
        ["CH-8", "CH-23", "CP-14"],
        ["T1", "P1"],
        [Spawn, Claim, Save, Wait, Load],
        "A parent that failed on its third child must not run the first two again."
    ),
    case!(
        ch_19_nobody_becomes_his_own_ancestor,
        ["CH-19"],
        ["S1", "S2", "T2"],
        [Spawn, Claim, Save, Cancel, Task],
        "A circle of parents is cancelled for ever."
    ),
    case!(
        ch_9_a_purged_child_can_still_be_joined,
        ["CH-9", "RE-5"],
        ["T1", "U3"],
        [Spawn, Claim, Save, Wait, Purge, Outcome],
        "A join must not hang on what is gone."
    ),
    case!(
        ch_10_only_ones_own_child_can_be_joined,
        ["CH-10"],
        ["T1"],
        [Spawn, Claim, Save, Wait],
        "A wait for a stranger would never end."
    ),
    case!(
        ch_23_an_end_reaches_a_parent_in_any_state,
        ["CH-23"],
        ["T1", "W1"],
        [Spawn, Claim, Save, Wait, Task, Load],
        "A child may end while its parent backs off, and must not be forgotten."
    ),
    case!(
        ch_24_a_join_that_timed_out_stays_so,
        ["CH-24"],
        ["W2", "T1", "P1"],
        [Spawn, Claim, Save, Wait, Load, Outcome],
        "A parent that went on without its child must not meet its end in a replay."
    ),
    case!(
        t1_an_ended_parent_is_not_written_to,
        [],
        ["T1"],
        [Spawn, Claim, Save, Task],
        "The history of an ended task is closed."
    ),
];

async fn ch_1_children_and_their_checkpoint_are_one_write(ctx: Ctx) -> Verdict {
    let parent = ctx.running().await?;
    let batch = vec![child("1", ParentClosePolicy::Cancel)?, child("2", ParentClosePolicy::Abandon)?];
    let ids: Vec<_> = batch.iter().map(|child| child.id).collect();
    let item = spawning(parent, &key("$spawn")?, batch);
    ctx.save(item.clone()).await?;
    let before = ctx.snapshot().await?;
    ctx.save(item.clone()).await?;
    ctx.unchanged(&before, "the same spawn again").await?;
    let more = vec![child("3", ParentClosePolicy::Cancel)?];
    let other = SaveItem { payload: json(r#""other""#), ..spawning(parent, &item.key, more) };
    let conflict = Ok(SaveAnswer::Conflict { stored: value("[]") });
    same("another spawn under the key", &ctx.try_save(other).await?, &conflict)?;
    ctx.unchanged(&before, "another spawn under the key").await?;

    let mut request = TasksRequest::new(ctx.queue.clone(), None);
    request.parent = Some(parent.task);
    let children = ctx.store().tasks(request).await?.items;
    let listed: Vec<_> = children.iter().map(|child| (child.id, child.parent)).collect();
    let wanted: Vec<_> = ids.iter().map(|id| (*id, Some(parent.task))).collect();
    same("the children", &listed, &wanted)?;
    same("the checkpoint", &one("the checkpoints", ctx.load(parent).await?)?.kind, &CheckpointKind::Spawn)?;
    let claimed = ctx.claim(10).await?;
    let claimed: Vec<_> = claimed.iter().map(|claim| (claim.token.task, claim.parent)).collect();
    same("the claimed children", &claimed, &wanted)
}

async fn ch_22_a_lost_parent_spawns_no_child(ctx: Ctx) -> Verdict {
    let (cancelled, lost) = (ctx.running().await?, ctx.running().await?);
    ctx.cancel(cancelled.task).await?;
    ctx.end(lost, fail_after(LEASE)).await?;
    let before = ctx.snapshot().await?;
    for (parent, refusal) in [(cancelled, Refusal::Cancelled), (lost, Refusal::ClaimLost)] {
        let children = vec![child("c", ParentClosePolicy::Abandon)?];
        let answer = ctx.try_save(spawning(parent, &key("$spawn")?, children)).await?;
        same("spawning a child", &answer, &Err(refusal))?;
        ctx.unchanged(&before, "spawning a child").await?;
    }
    ctx.claims_nothing("a claim of a child that was never born").await?;
    ctx.advance(LEASE);
    let parent = ctx.claim_task(lost.task).await?.token;
    let child = ctx.spawn_child(parent, "c", ParentClosePolicy::Cancel).await?;
    ctx.claim_task(child).await?;
    Ok(())
}

async fn ch_2_a_join_gives_the_childs_end(ctx: Ctx) -> Verdict {
    let parent = ctx.running().await?;
    let result = json(r#"{"b":1,"a":[1e2,-0.0]}"#);
    let failure = json(r#"{"name":"x","message":"\u0000"}"#);
    for how in ["completed", "failed", "cancelled"] {
        let child = ctx.spawn_child(parent, how, ParentClosePolicy::Cancel).await?;
        let token = ctx.claim_task(child).await?.token;
        ctx.advance(5);
        let end = match how {
            "completed" => {
                ctx.end(token, Ending::Complete { result: result.clone() }).await?;
                End::Value(result.clone())
            }
            "failed" => {
                let retry = RetryAfter::Never;
                ctx.end(token, Ending::Fail { failure: failure.clone(), retry }).await?;
                End::Failed(Failure::Reported(failure.clone()))
            }
            _ => {
                ctx.cancel(child).await?;
                End::Cancelled(requested())
            }
        };
        // Joined after the end: it is there already, and needs no registration.
        let wanted = MetWait { key: join_key(how)?, end, at: ctx.now() };
        same(
            &format!("the end of a child that has {how}"),
            &ctx.met(parent, &join_key(how)?).await?,
            &wanted,
        )?;
        let again = ctx.wait(parent, vec![on_child(&join_key(how)?, child)], None).await?;
        same("the same by a registration", &met_waits(again)?, &vec![wanted])?;
    }
    ctx.complete(parent).await
}

async fn ch_5_a_join_before_the_end_wakes_once(ctx: Ctx) -> Verdict {
    let parent = ctx.running().await?;
    let mut children = Vec::new();
    let mut waits = Vec::new();
    for name in ["1", "2", "3"] {
        let child = ctx.spawn_child(parent, name, ParentClosePolicy::Cancel).await?;
        waits.push(on_child(&join_key(name)?, child));
        children.push(child);
    }
    let keys: Vec<_> = waits.iter().map(|wait| wait.key.clone()).collect();
    let answer = ctx.wait(parent, waits, Some(Rest { keys: keys.clone(), need: 3 })).await?;
    same("the join", &answer, &WaitAnswer::Suspended)?;
    let mut tokens: Vec<_> = ctx.claim(10).await?.into_iter().map(|claim| claim.token).collect();
    same("the claimed children", &tokens.iter().map(|token| token.task).collect::<Vec<_>>(), &children)?;
    tokens.reverse();
    for token in tokens {
        ctx.claims_nothing("a claim before the last child has ended").await?;
        ctx.complete(token).await?;
    }
    let claim = ctx.claim_task(parent.task).await?;
    let joined: Vec<_> =
        ctx.load(claim.token).await?.into_iter().map(|stored| (stored.key, stored.kind)).collect();
    let wanted: Vec<_> = keys.into_iter().rev().map(|key| (key, CheckpointKind::Child)).collect();
    same("the ends, in order", &joined.get(3..).unwrap_or(&[]).to_vec(), &wanted)?;
    ctx.claims_nothing("a second claim after one join").await
}

async fn ch_8_children_end_in_any_order_and_stay_joined(ctx: Ctx) -> Verdict {
    const NAMES: [&str; 3] = ["0", "1", "2"];
    for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
        let mut parent = ctx.running().await?;
        let mut children = Vec::new();
        for name in NAMES {
            let child = ctx.spawn_child(parent, name, ParentClosePolicy::Cancel).await?;
            children.push((ctx.claim_task(child).await?.token, join_key(name)?));
        }
        let mut joined = Vec::new();
        for index in order {
            let (child, join) = some("a child", children.get(index))?;
            ctx.end(*child, Ending::Complete { result: json(&index.to_string()) }).await?;
            joined.push((join.clone(), value(&index.to_string())));
            // The parent fails after each of them, and finds what had ended before.
            ctx.end(parent, fail_after(0)).await?;
            parent = ctx.claim_task(parent.task).await?.token;
            let loaded = ctx.load(parent).await?.into_iter();
            let ends: Vec<_> = loaded
                .filter(|stored| stored.kind == CheckpointKind::Child)
                .map(|stored| (stored.key, stored.end))
                .collect();
            same(&format!("what is joined in the order {order:?}"), &ends, &joined)?;
        }
        for (_, join) in &children {
            ctx.met(parent, join).await?;
        }
        ctx.complete(parent).await?;
    }
    Ok(())
}

async fn ch_19_nobody_becomes_his_own_ancestor(ctx: Ctx) -> Verdict {
    let top = ctx.running().await?;
    let middle = ctx.spawn_child(top, "m", ParentClosePolicy::Cancel).await?;
    let middle = ctx.claim_task(middle).await?.token;
    let before = [ctx.view(top.task).await?.parent, ctx.view(middle.task).await?.parent];
    for (number, task) in [top.task, middle.task].into_iter().enumerate() {
        let mut circle = child("x", ParentClosePolicy::Cancel)?;
        circle.id = task;
        // The same id is the same task: whether the checkpoint is stored or refused, nobody gets another parent.
        ctx.try_save(spawning(middle, &key(&format!("$spawn:{number}"))?, vec![circle])).await?.ok();
        let after = [ctx.view(top.task).await?.parent, ctx.view(middle.task).await?.parent];
        same("the parents", &after, &before)?;
    }
    same("a cancel of the top", &ctx.cancel(top.task).await?, &CancelAnswer::Cancelled { closing: false })?;
    for task in [top.task, middle.task] {
        same("the state", &ctx.view(task).await?.state, &TaskState::Ended(EndState::Cancelled))?;
    }
    Ok(())
}

async fn ch_9_a_purged_child_can_still_be_joined(ctx: Ctx) -> Verdict {
    let parent = ctx.running().await?;
    let child = ctx.spawn_child(parent, "c", ParentClosePolicy::Cancel).await?;
    let claim = ctx.claim_task(child).await?;
    ctx.end(claim.token, Ending::Complete { result: json("5") }).await?;
    same("what is purged", &ctx.purge(0).await?.purged, &1)?;
    same("the child", &ctx.outcome(child).await?, &Outcome::NotFound)?;
    let on = Some(rest(&[&join_key("c")?], 1));
    let answer = ctx.wait(parent, vec![on_child(&join_key("c")?, child)], on).await?;
    same("the join", &one("the ended waits", met_waits(answer)?)?.end, &value("5"))?;
    ctx.complete(parent).await
}

async fn ch_10_only_ones_own_child_can_be_joined(ctx: Ctx) -> Verdict {
    let (parent, other) = (ctx.running().await?, ctx.running().await?);
    let mine = ctx.spawn_child(parent, "c", ParentClosePolicy::Cancel).await?;
    let stranger = ctx.spawn_child(other, "d", ParentClosePolicy::Cancel).await?;
    let before = ctx.snapshot().await?;
    let wanted = Err(Refusal::Fault(StoreErrorKind::NotFound));
    for (what, name, task) in [
        ("an unknown task", "x", TaskId::new()),
        ("a task without a parent", "x", other.task),
        ("itself", "x", parent.task),
        ("another's child", "d", stranger),
        ("its own child under another key", "other", mine),
    ] {
        let answer = ctx.try_wait(parent, vec![on_child(&join_key(name)?, task)], None).await?;
        same(&format!("a wait for {what}"), &answer, &wanted)?;
        ctx.unchanged(&before, &format!("a wait for {what}")).await?;
    }
    let answer = ctx.wait(parent, vec![on_child(&join_key("c")?, mine)], None).await?;
    same("a wait for its own child", &answer, &WaitAnswer::Registered)
}

async fn ch_23_an_end_reaches_a_parent_in_any_state(ctx: Ctx) -> Verdict {
    for (how, state) in [
        ("running", TaskState::Running),
        ("backing off", TaskState::Sleeping),
        ("asleep", TaskState::Sleeping),
        ("pending", TaskState::Pending),
    ] {
        let on = ctx.another_queue(how).await?;
        let parent = on.running().await?;
        let child = on.spawn_child(parent, "c", ParentClosePolicy::Cancel).await?;
        let claim = on.claim_task(child).await?;
        match how {
            "backing off" => drop(on.end(parent, fail_after(10)).await?),
            "asleep" => on.suspend_on(parent, on_time(&key("k")?, 10)).await?,
            "pending" => drop(on.end(parent, release(0)).await?),
            _ => {}
        }
        on.end(claim.token, Ending::Complete { result: json("5") }).await?;
        same(&format!("the state of a parent that was {how}"), &on.view(parent.task).await?.state, &state)?;
        let token = if how == "running" {
            parent
        } else {
            on.advance(10);
            on.claim_task(parent.task).await?.token
        };
        same("the child's end", &on.met(token, &join_key("c")?).await?.end, &value("5"))?;
        let ends = on.load(token).await?.into_iter().filter(|stored| stored.kind == CheckpointKind::Child);
        same("how often it is stored", &ends.count(), &1)?;
    }
    Ok(())
}

async fn ch_24_a_join_that_timed_out_stays_so(ctx: Ctx) -> Verdict {
    let parent = ctx.running().await?;
    let child = ctx.spawn_child(parent, "c", ParentClosePolicy::Cancel).await?;
    let join = join_key("c")?;
    let wait = NewWait { deadline: Some(Deadline::After(millis(100))), ..on_child(&join, child) };
    ctx.suspend_on(parent, wait).await?;
    let running = ctx.claim_task(child).await?;
    ctx.advance(100);
    let token = ctx.claim_task(parent.task).await?.token;
    same("the join", &ctx.met(token, &join).await?.end, &End::Timeout)?;
    same("the child", &ctx.outcome(child).await?, &Outcome::Live)?;
    ctx.complete(running.token).await?;
    same("the join after the child's end", &ctx.met(token, &join).await?.end, &End::Timeout)?;
    let joins = ctx.load(token).await?.into_iter().filter(|stored| stored.key == join);
    same("how many ends are stored", &joins.count(), &1)
}

async fn t1_an_ended_parent_is_not_written_to(ctx: Ctx) -> Verdict {
    let parent = ctx.running().await?;
    let child = ctx.spawn_child(parent, "c", ParentClosePolicy::Abandon).await?;
    ctx.complete(parent).await?;
    let before = ctx.detail(parent.task).await?;
    let claim = ctx.claim_task(child).await?;
    ctx.complete(claim.token).await?;
    same("the ended parent", &ctx.detail(parent.task).await?, &before)
}
