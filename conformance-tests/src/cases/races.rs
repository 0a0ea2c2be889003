//! Races: real parallel tasks on two handles, and each time one outcome that everybody is told.

use std::collections::BTreeSet;
use std::future::Future;
use std::sync::Arc;

use futures::future::BoxFuture;
use tokio::sync::Barrier;

use crate::prelude::*;

const GROUP: &str = "races";

/// How often each race is run: enough for both orders, and for a store behind a server.
const ROUNDS: usize = 60;

pub(super) const CASES: &[Case] = &[
    case!(
        cl_5_no_task_has_two_live_claims,
        ["CL-5", "CL-6", "CO-3"],
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
        ev_3_an_emit_beside_a_wait_is_never_lost,
        ["EV-3", "CO-2"],
        ["W3", "E2"],
        [Spawn, Claim, Wait, Emit],
        "The lost wake-up: the event comes between looking for it and falling asleep."
    ),
    case!(
        ev_5_of_many_first_writes_one_wins_for_all,
        ["EV-5"],
        ["E1"],
        [Spawn, Claim, Wait, Emit],
        "Of two approvals at one moment everybody has to see the same one."
    ),
    case!(
        ev_12_event_timeout_and_claim_agree_on_one_end,
        ["EV-12"],
        ["W2", "E2"],
        [Spawn, Claim, Wait, Emit, Tick],
        "Event or timeout: whoever comes first, a replay must see the same."
    ),
    case!(
        ch_7_a_childs_end_beside_a_join_is_never_lost,
        ["CH-7", "CH-25"],
        ["T1", "W3"],
        [Spawn, Claim, Save, Wait],
        "A parent that falls asleep while its last child ends would sleep for ever."
    ),
    case!(
        ca_10_of_complete_cancel_and_fail_one_wins,
        ["CA-10", "CH-17", "CO-1"],
        ["T3"],
        [Spawn, Claim, Cancel, Outcome],
        "Whoever is told that he won must have won."
    ),
    case!(
        ca_10_a_cancelled_task_is_not_woken_or_claimed,
        ["CA-10"],
        ["T2", "T3", "W3"],
        [Spawn, Claim, Wait, Emit, Cancel, Outcome],
        "A wake-up beside a cancellation must not revive what is cancelled."
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
        cp_13_two_writes_of_one_step_are_one_value,
        ["CP-13", "AM-3"],
        ["P1"],
        [Spawn, Claim, Save, Load],
        "A call that is sent twice must not store two values."
    ),
];

/// A call of its own kind beside others.
pub(super) type Call<T> = BoxFuture<'static, Result<T, Violation>>;

/// Runs calls in parallel tasks that start at one moment.
pub(super) async fn together<T, F>(calls: Vec<F>) -> Result<Vec<T>, Violation>
where
    T: Send + 'static,
    F: Future<Output = Result<T, Violation>> + Send + 'static,
{
    let start = Arc::new(Barrier::new(calls.len()));
    let tasks: Vec<_> = calls
        .into_iter()
        .map(|call| {
            let start = start.clone();
            tokio::spawn(async move {
                start.wait().await;
                call.await
            })
        })
        .collect();
    let mut answers = Vec::new();
    for task in tasks {
        let answer = task.await.map_err(|panic| Violation::new("a call", panic.to_string(), "no panic"))?;
        answers.push(answer?);
    }
    Ok(answers)
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

/// What a call beside another came to: its wait's answer, if it was a wait.
type Beside = Option<WaitAnswer>;

async fn ev_3_an_emit_beside_a_wait_is_never_lost(ctx: Ctx) -> Verdict {
    for round in 0..3 * ROUNDS {
        let (step_key, name) = (key("k")?, event(&format!("e{round}"))?);
        let token = ctx.running().await?;
        let wait = on_event(&step_key, &name, (round % 3 == 1).then_some(1_000));
        let registered = round % 2 == 1;
        if registered {
            ctx.wait(token, vec![wait.clone()], None).await?;
        }
        let (waiter, emitter, on) = (ctx.clone(), ctx.clone(), rest(&[&step_key], 1));
        let waits = if registered { vec![] } else { vec![wait] };
        let calls: Vec<Call<Beside>> = vec![
            Box::pin(async move { waiter.wait(token, waits, Some(on)).await.map(Some) }),
            Box::pin(async move { emitter.emit(&name, "1").await.map(|_| None) }),
        ];
        let answers = together(calls).await?;
        let token = match answers.into_iter().flatten().next() {
            Some(WaitAnswer::Suspended) => ctx.claim_task(token.task).await?.token,
            Some(WaitAnswer::Met(_)) => token,
            other => return holds("the wait", false, other, "met or suspended"),
        };
        same("what the waiter got", &ctx.met(token, &step_key).await?.end, &value("1"))?;
        ctx.complete(token).await?;
        ctx.claims_nothing("a second wake").await?;
    }
    Ok(())
}

async fn ev_5_of_many_first_writes_one_wins_for_all(ctx: Ctx) -> Verdict {
    for round in 0..ROUNDS / 6 {
        let (step_key, name) = (key("k")?, event(&format!("e{round}"))?);
        let waiting = ctx.running().await?;
        ctx.suspend_on(waiting, on_event(&step_key, &name, None)).await?;
        let emits = (0..8).map(|writer| {
            let (ctx, event) = (ctx.clone(), write(&name, &writer.to_string()));
            async move {
                let request = EmitRequest::new(ctx.queue.clone(), event).only_if_absent();
                Ok((writer, ctx.store().emit(request).await?))
            }
        });
        let answers = together(emits.collect()).await?;
        let written = answers.iter().filter(|(_, answer)| *answer == EmitAnswer::Written);
        let written: Vec<_> = written.map(|(writer, _)| writer.to_string()).collect();
        let [winner] = &written[..] else {
            return holds("eight first writes", false, &answers, "one written, seven kept");
        };
        let token = ctx.claim_task(waiting.task).await?.token;
        same("what the waiter got", &ctx.met(token, &step_key).await?.end, &value(winner))?;
        let late = ctx.wait(token, vec![on_event(&key("late")?, &name, None)], None).await?;
        same("what a later wait gets", &one("the ended waits", met_waits(late)?)?.end, &value(winner))?;
        ctx.complete(token).await?;
    }
    Ok(())
}

async fn ev_12_event_timeout_and_claim_agree_on_one_end(ctx: Ctx) -> Verdict {
    for round in 0..ROUNDS {
        let (step_key, name) = (key("k")?, event(&format!("e{round}"))?);
        let token = ctx.running().await?;
        ctx.suspend_on(token, on_event(&step_key, &name, Some(100))).await?;
        // Every other round the event is in time.
        let (after, wanted) = if round % 2 == 0 { (100, End::Timeout) } else { (99, value("1")) };
        ctx.advance(after);
        let (emitter, ticker, worker) = (ctx.clone(), ctx.clone(), ctx.clone());
        let calls: Vec<Call<Vec<Claim>>> = vec![
            Box::pin(async move { emitter.emit(&name, "1").await.map(|_| vec![]) }),
            Box::pin(async move { ticker.tick().await.map(|_| vec![]) }),
            Box::pin(async move { worker.claim(1).await }),
        ];
        let mut claims = together(calls).await?.concat();
        claims.extend(ctx.claim(10).await?);
        let claim = one("the claims of a task that was woken", claims)?;
        same("its task", &claim.token.task, &token.task)?;
        ctx.advance(100);
        same("its end", &ctx.met(claim.token, &step_key).await?.end, &wanted)?;
        ctx.complete(claim.token).await?;
    }
    Ok(())
}

async fn ch_7_a_childs_end_beside_a_join_is_never_lost(ctx: Ctx) -> Verdict {
    for _ in 0..ROUNDS {
        let parent = ctx.running().await?;
        let mut calls: Vec<Call<Beside>> = Vec::new();
        let mut waits = Vec::new();
        for name in ["1", "2"] {
            let child = ctx.spawn_child(parent, name, ParentClosePolicy::Cancel).await?;
            waits.push(on_child(&join_key(name)?, child));
            let (ender, token) = (ctx.clone(), ctx.claim_task(child).await?.token);
            calls.push(Box::pin(async move { ender.complete(token).await.map(|()| None) }));
        }
        let on = Rest { keys: waits.iter().map(|wait| wait.key.clone()).collect(), need: 2 };
        let waiter = ctx.clone();
        calls.push(Box::pin(async move { waiter.wait(parent, waits, Some(on)).await.map(Some) }));
        let answers = together(calls).await?;
        let token = match answers.into_iter().flatten().next() {
            Some(WaitAnswer::Suspended) => ctx.claim_task(parent.task).await?.token,
            Some(WaitAnswer::Met(_)) => parent,
            other => return holds("the join", false, other, "met or suspended"),
        };
        for name in ["1", "2"] {
            same("a child's end", &ctx.met(token, &join_key(name)?).await?.end, &value("null"))?;
        }
        ctx.complete(token).await?;
        ctx.claims_nothing("a second wake").await?;
    }
    Ok(())
}

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

async fn ca_10_a_cancelled_task_is_not_woken_or_claimed(ctx: Ctx) -> Verdict {
    for round in 0..ROUNDS {
        let name = event(&format!("e{round}"))?;
        let token = ctx.running().await?;
        ctx.suspend_on(token, on_event(&key("k")?, &name, None)).await?;
        let (canceller, emitter, worker) = (ctx.clone(), ctx.clone(), ctx.clone());
        let calls: Vec<Call<Vec<Claim>>> = vec![
            Box::pin(async move {
                let answer = canceller.cancel(token.task).await?;
                same("cancel", &answer, &CancelAnswer::Cancelled { closing: false }).map(|()| vec![])
            }),
            Box::pin(async move { emitter.emit(&name, "1").await.map(|_| vec![]) }),
            Box::pin(async move { worker.claim(1).await }),
        ];
        for claim in together(calls).await?.concat() {
            let refused = ctx.try_end(claim.token, complete()).await?;
            same("the end by whoever claimed it before", &refused, &Err(Refusal::Cancelled))?;
        }
        ctx.claims_nothing("a claim after the cancellation").await?;
        same("the outcome", &ctx.outcome(token.task).await?, &Outcome::Cancelled(requested()))?;
    }
    Ok(())
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
