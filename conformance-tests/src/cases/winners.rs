//! More than one call for one thing at one moment: one order that everybody sees, and one winner that everybody is told.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::races::{Call, together};
use crate::invariants::is_whole;
use crate::prelude::*;

const GROUP: &str = "winners";

/// How often each race is run: enough for both orders.
const ROUNDS: usize = 32;

pub(super) const CASES: &[Case] = &[
    case!(
        sp_17_a_batch_is_seen_whole_or_not_at_all,
        ["SP-17", "SP-14", "CO-5", "CX-6"],
        ["S3"],
        [Spawn, Tasks, Task],
        "Who lists the tasks of an order must not see half of them."
    ),
    case!(
        sp_18_what_is_spawned_is_claimed_at_once_whatever_others_do,
        ["SP-18", "SP-2", "CL-4", "CL-7"],
        ["C2", "C1"],
        [Spawn, Claim],
        "A worker that is told of a task and does not find it sleeps until the next poll."
    ),
    case!(
        ca_10_a_cancel_beside_a_retry_and_a_claim_wins,
        ["CA-10", "CA-9", "CO-1"],
        ["T3", "T2"],
        [Spawn, Claim, Cancel, Outcome, Task],
        "A task that backs off into a cancellation must not come back."
    ),
    case!(
        ch_15_a_child_beside_its_parents_own_end_is_no_orphan,
        ["CH-15", "CO-9"],
        ["S2", "T2", "T3"],
        [Spawn, Claim, Save, Outcome],
        "A body may end while a write of it is still on its way."
    ),
    case!(
        ch_17_a_child_completing_beside_its_parents_cancel_has_one_end,
        ["CH-17", "CA-10"],
        ["T3", "T2", "T1"],
        [Spawn, Claim, Save, Cancel, Outcome, Tick, Task],
        "A result that was acknowledged must not turn into a cancellation."
    ),
    case!(
        ch_25_many_children_ending_at_once_wake_their_parent_once,
        ["CH-25", "CH-7", "CH-5"],
        ["T1", "W3", "W4"],
        [Spawn, Claim, Save, Wait, Load],
        "The last of many children must know that he is the last."
    ),
    case!(
        co_5_no_reader_sees_a_live_child_below_an_end_without_its_mark,
        ["CO-5"],
        ["T2", "T1", "S2"],
        [Spawn, Claim, Save, Cancel, Tasks],
        "An orphan that a reader sees for a moment is one that a crash leaves for ever."
    ),
];

async fn sp_17_a_batch_is_seen_whole_or_not_at_all(ctx: Ctx) -> Verdict {
    const BATCH: usize = 6;
    for round in 0..ROUNDS / 4 {
        let name = format!("batch {round}");
        let task = |number: usize| -> Result<NewTask, Violation> {
            let mut task = named(&name)?;
            let key = IdempotencyKey::new(format!("{name} {number}"))?;
            task.idempotency = Some(Idempotency { key, fingerprint: name.clone() });
            task.max_pending = Some(millis(LEASE));
            Ok(task)
        };
        let batch = (0..BATCH).map(task).collect::<Result<Vec<_>, _>>()?;
        let (caller, done) = (ctx.clone(), Arc::new(AtomicBool::new(false)));
        let ended = done.clone();
        let mut calls: Vec<Call<()>> = vec![Box::pin(async move {
            let spawned = caller.spawn_all(batch).await;
            ended.store(true, Ordering::SeqCst);
            spawned.map(drop)
        })];
        for _ in 0..2 {
            calls.push(Box::pin(sees_a_batch(ctx.clone(), TaskName::new(&name)?, BATCH, done.clone())));
        }
        together(calls).await?;
    }
    Ok(())
}

/// Lists the tasks of a name until they are all there, and wants none or all of them each time.
async fn sees_a_batch(ctx: Ctx, name: TaskName, batch: usize, done: Arc<AtomicBool>) -> Verdict {
    let mut request = TasksRequest::new(ctx.queue.clone(), None);
    request.name = Some(name);
    loop {
        let last = done.load(Ordering::SeqCst);
        let seen = ctx.store().tasks(request.clone()).await?.items;
        holds("how many of a batch are there", [0, batch].contains(&seen.len()), seen.len(), "none or all")?;
        for view in seen {
            let detail = ctx.store().task(TaskRequest::new(ctx.queue.clone(), view.id)).await?;
            let detail = some("a task that was listed", detail)?;
            is_whole(&detail)?;
            let whole = view.idempotency_key.is_some() && view.due.is_some();
            holds("a task of the batch", whole, &view, "its key and its limit")?;
        }
        if last {
            return Ok(());
        }
    }
}

async fn sp_18_what_is_spawned_is_claimed_at_once_whatever_others_do(ctx: Ctx) -> Verdict {
    let producers = (0..4).map(|number| {
        let ctx = ctx.clone();
        async move {
            let (spawns, claims) = if number % 2 == 0 { (&ctx.a, &ctx.b) } else { (&ctx.b, &ctx.a) };
            for round in 0..ROUNDS / 4 {
                let task = named(&format!("job {number}"))?;
                spawns.spawn(SpawnRequest::new(ctx.queue.clone(), vec![task.clone()])).await?;
                let mut request = ctx.claim_request(10)?;
                request.names = vec![task.name.clone()];
                let claimed = claims.claim(request).await?.claims;
                let claimed: Vec<_> = claimed.iter().map(|claim| claim.token.task).collect();
                same(&format!("what is claimed in round {round}"), &claimed, &vec![task.id])?;
            }
            Ok(())
        }
    });
    together(producers.collect()).await.map(drop)
}

/// What came of a call beside a cancel.
enum Beside {
    Cancelled(CancelAnswer),
    Failed(Fenced<EndAnswer>),
    Claimed(Vec<Claim>),
}

async fn ca_10_a_cancel_beside_a_retry_and_a_claim_wins(ctx: Ctx) -> Verdict {
    for round in 0..ROUNDS {
        let token = ctx.running().await?;
        let (canceller, failer, worker) = (ctx.clone(), ctx.clone(), ctx.clone());
        // Ready at once, or in its backoff when it is cancelled.
        let retry = fail_after(if round % 2 == 0 { 0 } else { LEASE });
        let calls: Vec<Call<Beside>> = vec![
            Box::pin(async move { canceller.cancel(token.task).await.map(Beside::Cancelled) }),
            Box::pin(async move { failer.try_end(token, retry).await.map(Beside::Failed) }),
            Box::pin(async move { worker.claim(1).await.map(Beside::Claimed) }),
        ];
        let mut told = None;
        for answer in together(calls).await? {
            match answer {
                Beside::Cancelled(answer) => {
                    same("the cancel", &answer, &CancelAnswer::Cancelled { closing: false })?;
                }
                Beside::Failed(answer) => told = Some(answer),
                Beside::Claimed(claims) => refused_as_cancelled(&ctx, &claims).await?,
            }
        }
        let history = ctx.detail(token.task).await?.history.items.len();
        match some("the failure", told)? {
            Ok(EndAnswer::Retrying { .. }) => same("the history of a failed attempt", &history, &1)?,
            refused => {
                same("a failure after the cancel", &refused, &Err(Refusal::Cancelled))?;
                same("the history without a failed attempt", &history, &0)?;
            }
        }
        same("the outcome", &ctx.outcome(token.task).await?, &Outcome::Cancelled(requested()))?;
        ctx.advance(LEASE);
        ctx.claims_nothing("a claim after the cancel").await?;
    }
    Ok(())
}

/// Whoever claimed a task just before its cancel is told with his next call.
async fn refused_as_cancelled(ctx: &Ctx, claims: &[Claim]) -> Verdict {
    for claim in claims {
        let refused = ctx.try_end(claim.token, complete()).await?;
        same("the end by who claimed it before", &refused, &Err(Refusal::Cancelled))?;
    }
    Ok(())
}

async fn ch_15_a_child_beside_its_parents_own_end_is_no_orphan(ctx: Ctx) -> Verdict {
    for round in 0..ROUNDS {
        let parent = ctx.running().await?;
        let child = child("c", ParentClosePolicy::Cancel)?;
        let id = child.id;
        let item = spawning(parent, &key("$spawn:c")?, vec![child]);
        let ending = if round % 2 == 0 { complete() } else { fail_for_good() };
        let (body, late) = (ctx.clone(), ctx.clone());
        let calls: Vec<Call<Option<Fenced<SaveAnswer>>>> = vec![
            Box::pin(async move { body.end(parent, ending).await.map(|_| None) }),
            Box::pin(async move { late.try_save(item).await.map(Some) }),
        ];
        let saved = some("the save", together(calls).await?.into_iter().flatten().next())?;
        let wanted = match saved {
            Ok(SaveAnswer::Stored { .. }) => Outcome::Cancelled(CancelCause::ParentClosed),
            Err(Refusal::ClaimLost) => Outcome::NotFound,
            other => return holds("a spawn beside the end", false, &other, "stored, or the claim lost"),
        };
        same("the child", &ctx.outcome(id).await?, &wanted)?;
        ctx.claims_nothing("a claim of an orphan").await?;
    }
    Ok(())
}

async fn ch_17_a_child_completing_beside_its_parents_cancel_has_one_end(ctx: Ctx) -> Verdict {
    for _ in 0..ROUNDS {
        let parent = ctx.running().await?;
        let child = ctx.spawn_child(parent, "c", ParentClosePolicy::Cancel).await?;
        let token = ctx.claim_task(child).await?.token;
        let (canceller, ender) = (ctx.clone(), ctx.clone());
        let calls: Vec<Call<Option<Fenced<EndAnswer>>>> = vec![
            Box::pin(async move { canceller.cancel(parent.task).await.map(|_| None) }),
            Box::pin(async move { ender.try_end(token, complete()).await.map(Some) }),
        ];
        let told = some("the end", together(calls).await?.into_iter().flatten().next())?;
        let wanted = match told {
            Ok(EndAnswer::Completed) => Outcome::Completed(json("null")),
            Err(Refusal::Cancelled) => Outcome::Cancelled(CancelCause::ParentClosed),
            other => return holds("the child's end", false, other, "completed, or cancelled"),
        };
        let seen = ctx.detail(child).await?;
        same("the child's outcome", &ctx.outcome(child).await?, &wanted)?;
        ctx.tick().await?;
        same("the child after a tick", &ctx.detail(child).await?, &seen)?;
        let joined = ctx.detail(parent.task).await?.history.items.into_iter().any(|entry| {
            matches!(entry, HistoryEntry::Checkpoint { checkpoint, .. } if checkpoint.kind == CheckpointKind::Child
                && checkpoint.end == value("null"))
        });
        same("whether the parent knows of a result", &joined, &told.is_ok())?;
        let again = ctx.try_end(token, complete()).await?;
        same("the end again", &again, &told)?;
    }
    Ok(())
}

async fn ch_25_many_children_ending_at_once_wake_their_parent_once(ctx: Ctx) -> Verdict {
    const CHILDREN: u32 = 8;
    for _ in 0..ROUNDS / 4 {
        let parent = ctx.running().await?;
        let mut waits = Vec::new();
        for number in 0..CHILDREN {
            let name = number.to_string();
            let child = ctx.spawn_child(parent, &name, ParentClosePolicy::Cancel).await?;
            waits.push(on_child(&join_key(&name)?, child));
        }
        let on = Rest { keys: waits.iter().map(|wait| wait.key.clone()).collect(), need: CHILDREN };
        same("the join", &ctx.wait(parent, waits, Some(on)).await?, &WaitAnswer::Suspended)?;
        let tokens: Vec<_> = ctx.claim(CHILDREN).await?.into_iter().map(|claim| claim.token).collect();
        same("the claimed children", &tokens.len(), &8)?;
        let ends = tokens.into_iter().map(|token| {
            let ctx = ctx.clone();
            async move { ctx.complete(token).await }
        });
        together(ends.collect()).await?;
        let claim = ctx.claim_task(parent.task).await?;
        same("the claims of the parent", &claim.token.claim, &2)?;
        let joined = ctx.load(claim.token).await?;
        let joined = joined.iter().filter(|stored| stored.kind == CheckpointKind::Child).count();
        same("the ends that are stored", &joined, &8)?;
        ctx.complete(claim.token).await?;
        ctx.claims_nothing("a second wake").await?;
    }
    Ok(())
}

async fn co_5_no_reader_sees_a_live_child_below_an_end_without_its_mark(ctx: Ctx) -> Verdict {
    for round in 0..ROUNDS / 4 {
        let on = ctx.another_queue(&format!("round {round}")).await?;
        let parent = on.running().await?;
        let (leader, done) = (on.clone(), Arc::new(AtomicBool::new(false)));
        let ended = done.clone();
        let mut calls: Vec<Call<()>> = vec![Box::pin(async move {
            let end = leads(&leader, parent, round % 2 == 0).await;
            ended.store(true, Ordering::SeqCst);
            end
        })];
        for _ in 0..2 {
            calls.push(Box::pin(sees_no_orphan(on.clone(), done.clone())));
        }
        together(calls).await?;
    }
    Ok(())
}

/// Gives a parent children and ends it.
async fn leads(ctx: &Ctx, parent: Token, cancels: bool) -> Verdict {
    for name in ["1", "2", "3"] {
        ctx.spawn_child(parent, name, ParentClosePolicy::Cancel).await?;
    }
    if cancels { ctx.cancel(parent.task).await.map(drop) } else { ctx.complete(parent).await }
}

async fn sees_no_orphan(ctx: Ctx, done: Arc<AtomicBool>) -> Verdict {
    loop {
        let last = done.load(Ordering::SeqCst);
        let page = ctx.store().tasks(TasksRequest::new(ctx.queue.clone(), None)).await?;
        let tasks: BTreeMap<_, _> = page.items.iter().map(|task| (task.id, task)).collect();
        for child in &page.items {
            let Some(parent) = child.parent else { continue };
            let parent = *some("the parent of a listed child", tasks.get(&parent))?;
            let ended = |task: &TaskView| matches!(task.state, TaskState::Ended(_));
            let right = ended(child) || !ended(parent) || parent.closing;
            holds(
                "a child and its parent",
                right,
                (&child.state, parent),
                "no live child below an unmarked end",
            )?;
        }
        if last {
            return Ok(());
        }
    }
}
