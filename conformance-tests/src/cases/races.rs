//! Races: real parallel tasks on two handles, and each time one outcome that everybody is told.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::sync::Arc;

use futures::future::BoxFuture;
use tokio::sync::Barrier;
use tokio::task::JoinSet;

use crate::invariants::is_whole;
use crate::prelude::*;

const GROUP: &str = "races";

/// How often each race is run: enough for both orders, and for a store behind a server.
pub(super) const ROUNDS: usize = 60;

pub(super) const CASES: &[Case] = &[
    case!(
        cl_5_no_task_has_two_live_claims,
        ["CL-5", "CL-6"],
        ["C1"],
        [Spawn, Claim],
        "Two workers that run one task do everything in it twice."
    ),
    case!(
        sp_7_many_spawns_with_one_key_make_one_task,
        ["SP-7", "AM-3"],
        ["S1"],
        [Spawn, Claim],
        "The key is there for the case that two do it at once."
    ),
    case!(
        ca_10_of_complete_cancel_and_fail_one_wins,
        ["CA-10", "CO-1"],
        ["T3"],
        [Spawn, Claim, Cancel, Outcome],
        "Whoever is told that he won must have won."
    ),
    case!(
        ch_15_a_child_beside_its_parents_cancel_is_no_orphan,
        ["CH-15", "CO-9"],
        ["S2", "T2"],
        [Spawn, Claim, Save, Cancel, Outcome],
        "A child that is born while its parent is cancelled must go with it, or not be born."
    ),
    case!(
        u1_ticks_in_parallel_share_the_work,
        ["CL-23"],
        ["U1", "C5"],
        [Spawn, Claim, Tick],
        "Every worker does upkeep, and each run may expire only once."
    ),
    case!(
        co_5_no_reader_sees_half_a_step,
        ["CO-5"],
        ["T1", "W1", "C1"],
        [Spawn, Claim, Save, Wait, Emit, Cancel, Task],
        "A dashboard that shows a completed task without its result has read half a write."
    ),
    case!(
        cp_13_two_writes_of_one_step_are_one_value,
        ["CP-13", "AM-3"],
        ["P1"],
        [Spawn, Claim, Save, Load],
        "A call that is sent twice must not store two values."
    ),
];

/// A call of its own kind beside others.
pub(super) type Call<T> = BoxFuture<'static, Result<T, Violation>>;

/// Runs calls in parallel tasks that start at one moment. With the first violation the others are stopped: some would go on
/// for ever.
pub(super) async fn together<T, F>(calls: Vec<F>) -> Result<Vec<T>, Violation>
where
    T: Send + 'static,
    F: Future<Output = Result<T, Violation>> + Send + 'static,
{
    let start = Arc::new(Barrier::new(calls.len()));
    let mut tasks = JoinSet::new();
    for (place, call) in calls.into_iter().enumerate() {
        let start = start.clone();
        tasks.spawn(async move {
            start.wait().await;
            (place, call.await)
        });
    }
    let mut answers = BTreeMap::new();
    while let Some(ended) = tasks.join_next().await {
        let (place, answer) =
            ended.map_err(|panic| Violation::new("a call", panic.to_string(), "no panic"))?;
        answers.insert(place, answer?);
    }
    Ok(answers.into_values().collect())
}

/// One worker: claims and completes until nothing is left; gives the tokens that it held.
async fn works(ctx: Ctx, max: u32, ends: bool) -> Result<Vec<Token>, Violation> {
    let mut held = Vec::new();
    loop {
        let claims = ctx.claim(max).await?;
        if claims.is_empty() {
            return Ok(held);
        }
        for claim in claims {
            held.push(claim.token);
            if ends {
                ctx.complete(claim.token).await?;
            }
        }
    }
}

async fn cl_5_no_task_has_two_live_claims(ctx: Ctx) -> Verdict {
    let batch = (0..60).map(|_| job()).collect::<Result<Vec<_>, _>>()?;
    let all: BTreeSet<_> = batch.iter().map(|task| task.id).collect();
    ctx.spawn_all(batch).await?;
    for (round, ends) in [(1, false), (2, false), (3, true)] {
        let workers = (0..8).map(|worker| works(ctx.clone(), 1 + worker % 3, ends)).collect();
        let held: Vec<_> = together(workers).await?.concat();
        let tasks: BTreeSet<_> = held.iter().map(|token| token.task).collect();
        same(&format!("how many claims there were in round {round}"), &held.len(), &all.len())?;
        holds("the claimed tasks", tasks == all, tasks.len(), "each task once")?;
        let counts: BTreeSet<_> = held.iter().map(|token| token.claim).collect();
        same("their claim counts", &counts, &BTreeSet::from([round]))?;
        ctx.advance(LEASE);
    }
    ctx.claims_nothing("a claim after all were completed").await
}

async fn sp_7_many_spawns_with_one_key_make_one_task(ctx: Ctx) -> Verdict {
    for round in 0..ROUNDS / 6 {
        let spawns = (0..8).map(|_| {
            let (ctx, name) = (ctx.clone(), format!("key {round}"));
            async move { ctx.spawn_all(vec![keyed(&name, "f")?]).await }
        });
        let answers = together(spawns.collect()).await?.concat();
        let created = answers.iter().filter(|answer| answer.created).count();
        same("how many were created", &created, &1)?;
        let tasks: BTreeSet<_> = answers.iter().map(|answer| answer.task).collect();
        same("how many ids were told", &tasks.len(), &1)?;
        let claim = ctx.claim_one().await?;
        same("the claimed task", &tasks.contains(&claim.token.task), &true)?;
    }
    Ok(())
}

/// How a call won, if it did.
type Won = Result<Option<EndState>, Refusal>;

async fn ca_10_of_complete_cancel_and_fail_one_wins(ctx: Ctx) -> Verdict {
    for _ in 0..ROUNDS {
        let token = ctx.running().await?;
        let (one, two, three) = (ctx.clone(), ctx.clone(), ctx.clone());
        let calls: Vec<Call<Won>> = vec![
            Box::pin(
                async move { Ok(one.try_end(token, complete()).await?.map(|_| Some(EndState::Completed))) },
            ),
            Box::pin(async move {
                Ok(two.try_end(token, fail_for_good()).await?.map(|_| Some(EndState::Failed)))
            }),
            Box::pin(async move {
                let won = three.cancel(token.task).await? == CancelAnswer::Cancelled { closing: false };
                Ok(Ok(won.then_some(EndState::Cancelled)))
            }),
        ];
        let answers = together(calls).await?;
        let winners: Vec<_> = answers.iter().filter_map(|answer| answer.ok().flatten()).collect();
        let winner = one_winner(&answers, &winners)?;
        let outcome = match ctx.outcome(token.task).await? {
            Outcome::Completed(_) => Some(EndState::Completed),
            Outcome::Failed(_) => Some(EndState::Failed),
            Outcome::Cancelled(_) => Some(EndState::Cancelled),
            Outcome::Live | Outcome::NotFound => None,
        };
        same("the outcome", &outcome, &Some(winner))?;
        let refusal = if winner == EndState::Cancelled { Refusal::Cancelled } else { Refusal::ClaimLost };
        let refusals: Vec<_> = answers.into_iter().filter_map(Result::err).collect();
        let right = refusals.iter().all(|got| *got == refusal);
        holds("what the losers were told", right, &refusals, &format!("{refusal:?}"))?;
        ctx.claims_nothing("a claim after the end").await?;
    }
    Ok(())
}

fn one_winner(answers: &impl std::fmt::Debug, winners: &[EndState]) -> Result<EndState, Violation> {
    match winners {
        [winner] => Ok(*winner),
        _ => Err(Violation::new("who won", format!("{winners:?} of {answers:?}"), "exactly one")),
    }
}

async fn ch_15_a_child_beside_its_parents_cancel_is_no_orphan(ctx: Ctx) -> Verdict {
    for _ in 0..ROUNDS {
        let parent = ctx.running().await?;
        let child = child("c", ParentClosePolicy::Cancel)?;
        let id = child.id;
        let item = spawning(parent, &key("$spawn:c")?, vec![child]);
        let (spawner, canceller) = (ctx.clone(), ctx.clone());
        let calls: Vec<Call<Option<bool>>> = vec![
            Box::pin(async move { Ok(Some(spawner.try_save(item).await?.is_ok())) }),
            Box::pin(async move { canceller.cancel(parent.task).await.map(|_| None) }),
        ];
        let born = together(calls).await?.into_iter().flatten().next();
        let wanted = match born {
            Some(true) => Outcome::Cancelled(CancelCause::ParentClosed),
            _ => Outcome::NotFound,
        };
        same(&format!("the child, whose spawn was stored: {born:?}"), &ctx.outcome(id).await?, &wanted)?;
        ctx.claims_nothing("a claim of an orphan").await?;
    }
    Ok(())
}

async fn u1_ticks_in_parallel_share_the_work(ctx: Ctx) -> Verdict {
    let batch = (0..40).map(|_| job()).collect::<Result<Vec<_>, _>>()?;
    ctx.spawn_all(batch).await?;
    same("the claims", &ctx.claim(40).await?.len(), &40)?;
    ctx.advance(LEASE);
    let tickers = (0..6).map(|_| {
        let ctx = ctx.clone();
        async move {
            let mut expired = Vec::new();
            loop {
                let ticked = ctx.store().tick(TickRequest::new(ctx.queue.clone(), 7)).await?;
                expired.extend(ticked.expired.into_iter().map(|run| run.task));
                if !ticked.more {
                    return Ok(expired);
                }
            }
        }
    });
    let expired = together(tickers.collect()).await?.concat();
    let tasks: BTreeSet<_> = expired.iter().copied().collect();
    same("the expired runs, and of how many tasks", &(expired.len(), tasks.len()), &(40, 40))?;
    let attempts: BTreeSet<_> = ctx.claim(100).await?.into_iter().map(|claim| claim.attempt).collect();
    same("the next attempts", &attempts, &BTreeSet::from([2]))
}

/// Looks at the tasks until they have ended, and wants each to be whole each time.
async fn looks(ctx: Ctx, tasks: Vec<TaskId>) -> Verdict {
    loop {
        let mut live = false;
        for task in &tasks {
            let detail = ctx.store().task(TaskRequest::new(ctx.queue.clone(), *task)).await?;
            let detail = some("the task", detail)?;
            is_whole(&detail)?;
            live |= !matches!(detail.task.state, TaskState::Ended(_));
        }
        if !live {
            return Ok(());
        }
    }
}

/// Leads the tasks through every state to an end.
async fn leads(ctx: Ctx, name: EventName, parent: Token, child: Token) -> Verdict {
    let step_key = key("k")?;
    ctx.suspend_on(parent, on_event(&step_key, &name, None)).await?;
    ctx.emit(&name, "1").await?;
    let parent = ctx.claim_task(parent.task).await?.token;
    ctx.end(parent, fail_after(0)).await?;
    let parent = ctx.claim_task(parent.task).await?.token;
    ctx.complete(child).await?;
    same("the join", &ctx.met(parent, &join_key("c")?).await?.end, &value("null"))?;
    if name.as_str().len().is_multiple_of(2) {
        ctx.complete(parent).await
    } else {
        ctx.cancel(parent.task).await.map(drop)
    }
}

async fn co_5_no_reader_sees_half_a_step(ctx: Ctx) -> Verdict {
    for round in 0..ROUNDS / 3 {
        let parent = ctx.running().await?;
        let child = ctx.spawn_child(parent, "c", ParentClosePolicy::Cancel).await?;
        let child = ctx.claim_task(child).await?.token;
        let name = event(&"e".repeat(round + 1))?;
        let calls: Vec<Call<()>> = vec![
            Box::pin(looks(ctx.clone(), vec![parent.task, child.task])),
            Box::pin(looks(ctx.clone(), vec![child.task, parent.task])),
            Box::pin(leads(ctx.clone(), name, parent, child)),
        ];
        together(calls).await?;
    }
    Ok(())
}

async fn cp_13_two_writes_of_one_step_are_one_value(ctx: Ctx) -> Verdict {
    let token = ctx.running().await?;
    for round in 0..ROUNDS {
        let step_key = key(&format!("s{round}"))?;
        let saves = [r#""one""#, r#""two""#].map(|text| {
            let (ctx, item) = (ctx.clone(), step(token, &step_key, text));
            async move { Ok((text, ctx.try_save(item).await??)) }
        });
        let answers = together(saves.into()).await?;
        let stored: Vec<_> =
            answers.iter().filter(|(_, answer)| matches!(answer, SaveAnswer::Stored { .. })).collect();
        let [(winner, _)] = stored[..] else {
            return holds("two writes", false, &answers, "one stored, one conflict");
        };
        let conflict = SaveAnswer::Conflict { stored: value(winner) };
        let told = answers.iter().any(|(_, answer)| *answer == conflict);
        holds("what the loser was told", told, &answers, &format!("a conflict with {winner}"))?;
        let loaded = some("the last checkpoint", ctx.load(token).await?.pop())?;
        same("what is loaded", &(loaded.key, loaded.end), &(step_key, value(winner)))?;
    }
    Ok(())
}
