//! Two steps at one moment, each right by itself: a purge, a drop, a retry beside what needs the same record.

use super::races::{Call, together};
use crate::invariants::is_whole;
use crate::prelude::*;

const GROUP: &str = "skew";

/// How often each pair is run: enough for both orders.
const ROUNDS: usize = 16;

pub(super) const CASES: &[Case] = &[
    case!(
        sp_11_a_key_beside_its_tasks_purge_names_a_task,
        ["SP-11", "RE-6", "CO-2"],
        ["S1", "U3"],
        [Spawn, Claim, Purge, Outcome],
        "A key that is half gone gives its caller a task that never runs."
    ),
    case!(
        re_6_a_retry_beside_a_purge_reopens_or_finds_nothing,
        ["RE-6", "CO-9"],
        ["T5", "U3"],
        [Spawn, Claim, Save, Retry, Load, Purge, Outcome],
        "A task that was reopened and is purged all the same is lost."
    ),
    case!(
        re_6_a_join_beside_its_childs_purge_gets_the_end,
        ["RE-6", "CO-9", "CH-9"],
        ["T1", "U3"],
        [Spawn, Claim, Save, Wait, Purge],
        "A join that looks for the child when it is just gone would never end."
    ),
    case!(
        re_6_a_wait_and_an_emit_beside_a_purge_lose_no_wake_up,
        ["RE-6", "CO-9", "EV-25"],
        ["E1", "W3", "U3"],
        [Spawn, Claim, Wait, Emit, Purge],
        "A purge that takes an event with a waiter on its way leaves him asleep."
    ),
    case!(
        re_6_an_end_beside_a_purge_is_told_truthfully,
        ["RE-6", "RE-8"],
        ["U3", "T3"],
        [Spawn, Claim, Cancel, Purge, Outcome, Task],
        "Who completes, cancels or looks at a task while others are purged must not stumble."
    ),
    case!(
        co_9_a_drop_beside_a_spawn_or_an_emit_loses_neither,
        ["CO-9", "QU-7", "QU-8"],
        ["F1", "C3"],
        [DropQueue, Spawn, Claim, Emit, Wait, Purge],
        "What was acknowledged must not go with a queue that was thought to be empty."
    ),
];

/// A purge of everything that has ended, events included.
fn purging(ctx: &Ctx) -> Call<u64> {
    let ctx = ctx.clone();
    Box::pin(async move { Ok(ctx.purge(0).await?.purged) })
}

async fn sp_11_a_key_beside_its_tasks_purge_names_a_task(ctx: Ctx) -> Verdict {
    for round in 0..ROUNDS {
        let name = format!("key {round}");
        let old = ctx.spawn(keyed(&name, "f")?).await?;
        let held = ctx.claim_task(old).await?.token;
        ctx.complete(held).await?;
        let mut calls: Vec<Call<Vec<Spawned>>> = Vec::new();
        for _ in 0..2 {
            let (ctx, again) = (ctx.clone(), keyed(&name, "f")?);
            calls.push(Box::pin(async move { ctx.spawn_all(vec![again]).await }));
        }
        let purge = purging(&ctx);
        calls.push(Box::pin(async move { purge.await.map(|_| vec![]) }));
        let told = together(calls).await?.concat();
        let new: Vec<_> = told.iter().filter(|spawned| spawned.created).map(|spawned| spawned.task).collect();
        holds("how many were created", new.len() <= 1, &told, "one at most")?;
        let known = told.iter().all(|spawned| spawned.task == old || new.contains(&spawned.task));
        holds("what the callers were told", known, &told, "the old task, or the new one")?;
        // A purge may pass over what another has in its hands.
        let gone = ctx.outcome(old).await? == Outcome::NotFound;
        holds("the old task when a new one has its key", gone || new.is_empty(), gone, "purged")?;
        let after = one("the answers", ctx.spawn_all(vec![keyed(&name, "f")?]).await?)?;
        let owner = new.first().copied().or((!gone).then_some(old));
        same("whether the key was free", &after.created, &owner.is_none())?;
        holds("its task", owner.is_none_or(|task| task == after.task), after, "the one that has the key")?;
        if after.task == old {
            ctx.purge(0).await?;
            continue;
        }
        let claim = ctx.claim_task(after.task).await?;
        ctx.complete(claim.token).await?;
        ctx.purge(0).await?;
    }
    Ok(())
}

async fn re_6_a_retry_beside_a_purge_reopens_or_finds_nothing(ctx: Ctx) -> Verdict {
    for _ in 0..ROUNDS {
        let token = ctx.running().await?;
        ctx.save(step(token, &key("s")?, "1")).await?;
        same("the checkpoints before", &ctx.load(token).await?.len(), &1)?;
        ctx.end(token, fail_for_good()).await?;
        let outcome = ctx.outcome(token.task).await?;
        holds("the outcome before", matches!(outcome, Outcome::Failed(_)), &outcome, "failed")?;
        let (retrier, task) = (ctx.clone(), token.task);
        let request = RetryRequest::new(ctx.queue.clone(), task, 1, None);
        let purge = purging(&ctx);
        let calls: Vec<Call<Option<RetryAnswer>>> = vec![
            Box::pin(async move { Ok(Some(retrier.store().retry(request).await?)) }),
            Box::pin(async move { purge.await.map(|_| None) }),
        ];
        match together(calls).await?.into_iter().flatten().next() {
            Some(RetryAnswer::Reopened) => {
                let claim = ctx.claim_task(task).await?;
                same("the checkpoints of a reopened task", &ctx.load(claim.token).await?.len(), &1)?;
                ctx.complete(claim.token).await?;
            }
            Some(RetryAnswer::NotFound) => {
                same("a task that is gone", &ctx.outcome(task).await?, &Outcome::NotFound)?;
                ctx.claims_nothing("a claim of a task that is gone").await?;
            }
            other => return holds("a retry beside a purge", false, other, "reopened, or not found"),
        }
        ctx.purge(0).await?;
    }
    Ok(())
}

async fn re_6_a_join_beside_its_childs_purge_gets_the_end(ctx: Ctx) -> Verdict {
    for round in 0..ROUNDS {
        let parent = ctx.running().await?;
        let child = ctx.spawn_child(parent, "c", ParentClosePolicy::Cancel).await?;
        let token = ctx.claim_task(child).await?.token;
        // Every other round the child ends at that moment, too.
        let ends = round % 2 == 0;
        if !ends {
            ctx.complete(token).await?;
        }
        let (joiner, ender, purge) = (ctx.clone(), ctx.clone(), purging(&ctx));
        let (wait, on) = (on_child(&join_key("c")?, child), Some(rest(&[&join_key("c")?], 1)));
        let mut calls: Vec<Call<Option<WaitAnswer>>> = vec![
            Box::pin(async move { joiner.wait(parent, vec![wait], on).await.map(Some) }),
            Box::pin(async move { purge.await.map(|_| None) }),
        ];
        if ends {
            calls.push(Box::pin(async move { ender.complete(token).await.map(|()| None) }));
        }
        let token = match together(calls).await?.into_iter().flatten().next() {
            Some(WaitAnswer::Met(_)) => parent,
            Some(WaitAnswer::Suspended) if ends => ctx.claim_task(parent.task).await?.token,
            other => return holds("a join beside a purge", false, other, "met"),
        };
        same("the child's end", &ctx.met(token, &join_key("c")?).await?.end, &value("null"))?;
        ctx.complete(token).await?;
        ctx.purge(0).await?;
        ctx.claims_nothing("a second wake").await?;
    }
    Ok(())
}

async fn re_6_a_wait_and_an_emit_beside_a_purge_lose_no_wake_up(ctx: Ctx) -> Verdict {
    let step_key = key("k")?;
    for round in 0..ROUNDS {
        let name = event(&format!("e{round}"))?;
        let token = ctx.running().await?;
        // Every other round the event has been there for long: the wait gets it, or comes too late and waits for the next.
        let old = round % 2 == 0;
        if old {
            ctx.emit(&name, "1").await?;
        }
        let (waiter, emitter, written) = (ctx.clone(), ctx.clone(), name.clone());
        let (wait, on) = (on_event(&step_key, &name, None), Some(rest(&[&step_key], 1)));
        let purge = purging(&ctx);
        let mut calls: Vec<Call<Option<WaitAnswer>>> = vec![
            Box::pin(async move { waiter.wait(token, vec![wait], on).await.map(Some) }),
            Box::pin(async move { purge.await.map(|_| None) }),
        ];
        if !old {
            calls.push(Box::pin(async move { emitter.emit(&written, "1").await.map(|_| None) }));
        }
        match together(calls).await?.into_iter().flatten().next() {
            Some(WaitAnswer::Met(_)) => {
                same("what was met", &ctx.met(token, &step_key).await?.end, &value("1"))?;
                ctx.complete(token).await?;
            }
            Some(WaitAnswer::Suspended) => {
                // An emit that was purged before the wait came has woken nobody: the next one does.
                let answer = ctx.emit(&name, "2").await?;
                same("the next emit", &answer, &EmitAnswer::Written)?;
                let claim = ctx.claim_task(token.task).await?;
                let end = ctx.met(claim.token, &step_key).await?.end;
                let right = end == value("2") || (!old && end == value("1"));
                holds("what the waiter got", right, &end, "one of the two writes")?;
                ctx.complete(claim.token).await?;
            }
            other => return holds("a wait beside a purge", false, other, "met or suspended"),
        }
        ctx.purge(0).await?;
        ctx.claims_nothing("a second wake").await?;
    }
    Ok(())
}

async fn re_6_an_end_beside_a_purge_is_told_truthfully(ctx: Ctx) -> Verdict {
    for _ in 0..ROUNDS {
        let (running, done) = (ctx.running().await?, ctx.running().await?);
        ctx.complete(done).await?;
        let (finisher, canceller, looker) = (ctx.clone(), ctx.clone(), ctx.clone());
        let purge = purging(&ctx);
        let calls: Vec<Call<()>> = vec![
            Box::pin(async move { purge.await.map(drop) }),
            Box::pin(async move { finisher.complete(running).await }),
            Box::pin(async move {
                let answer = canceller.cancel(done.task).await?;
                let gone = CancelAnswer::NotFound;
                let still = CancelAnswer::Ended { state: EndState::Completed, closing: false };
                holds(
                    "a cancel beside a purge",
                    answer == gone || answer == still,
                    answer,
                    "ended, or not found",
                )
            }),
            Box::pin(async move {
                for task in [running.task, done.task] {
                    let request = TaskRequest::new(looker.queue.clone(), task);
                    if let Some(detail) = looker.store().task(request).await? {
                        is_whole(&detail)?;
                    }
                }
                Ok(())
            }),
        ];
        together(calls).await?;
        let outcome = ctx.outcome(running.task).await?;
        let right = matches!(outcome, Outcome::Completed(_) | Outcome::NotFound);
        holds("what was completed beside a purge", right, &outcome, "completed, or purged")?;
        ctx.claims_nothing("a claim of what has ended").await?;
        // A purge may pass over what another has in its hands, and the next one takes it.
        ctx.purge(0).await?;
        for task in [running.task, done.task] {
            same("the outcome after the next purge", &ctx.outcome(task).await?, &Outcome::NotFound)?;
        }
    }
    Ok(())
}

/// What came of a call beside a drop: the drop, or whether the other one was acknowledged.
enum Beside {
    Drop(DropQueueAnswer),
    Written(bool),
}

async fn co_9_a_drop_beside_a_spawn_or_an_emit_loses_neither(ctx: Ctx) -> Verdict {
    for round in 0..ROUNDS / 2 {
        let on = ctx.another_queue("dropped").await?;
        let (remover, writer) = (on.clone(), on.clone());
        let (task, name) = (job()?, event("e")?);
        let spawn = SpawnRequest::new(on.queue.clone(), vec![task.clone()]);
        let emit = EmitRequest::new(on.queue.clone(), write(&name, "1"));
        let spawns = round % 2 == 0;
        let calls: Vec<Call<Beside>> = vec![
            Box::pin(async move {
                let request = DropQueueRequest::new(remover.queue.clone());
                Ok(Beside::Drop(remover.store().drop_queue(request).await?))
            }),
            Box::pin(async move {
                let answer = if spawns {
                    writer.store().spawn(spawn).await.map(drop)
                } else {
                    writer.store().emit(emit).await.map(drop)
                };
                match answer {
                    Ok(()) => Ok(Beside::Written(true)),
                    Err(error) if error.kind == StoreErrorKind::NotFound => Ok(Beside::Written(false)),
                    Err(error) => Err(error.into()),
                }
            }),
        ];
        let (mut dropped, mut written) = (None, false);
        for answer in together(calls).await? {
            match answer {
                Beside::Drop(answer) => dropped = Some(answer),
                Beside::Written(answer) => written = answer,
            }
        }
        let wanted = if written { DropQueueAnswer::NotEmpty } else { DropQueueAnswer::Dropped };
        same(&format!("the drop, when the other was acknowledged: {written}"), &dropped, &Some(wanted))?;
        if !written {
            same("the queue anew", &on.put(QueueState::Open).await?, &PutQueueAnswer::Created)?;
        }
        left_over(&on, written, spawns, task.id, &name).await?;
    }
    Ok(())
}

/// What was acknowledged is there, and of the other nothing; then the queue is emptied for the next round.
async fn left_over(on: &Ctx, written: bool, spawned: bool, task: TaskId, name: &EventName) -> Verdict {
    if spawned && written {
        let claim = on.claim_task(task).await?;
        on.complete(claim.token).await?;
    } else {
        on.claims_nothing("a claim of what was not acknowledged").await?;
        let token = on.running().await?;
        let answer = on.wait(token, vec![on_event(&key("k")?, name, None)], None).await?;
        let met = matches!(answer, WaitAnswer::Met(_));
        same("whether the event is there", &met, &(written && !spawned))?;
        on.complete(token).await?;
    }
    on.purge(0).await?;
    let dropped = on.store().drop_queue(DropQueueRequest::new(on.queue.clone())).await?;
    same("the drop of the empty queue", &dropped, &DropQueueAnswer::Dropped)
}
