//! Races of waits with what ends them: no wake-up is lost, and none comes twice.

use super::races::{Call, ROUNDS, together};
use crate::prelude::*;

const GROUP: &str = "wakes";

pub(super) const CASES: &[Case] = &[
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
        ca_10_a_cancelled_task_is_not_woken_or_claimed,
        ["CA-10"],
        ["T2", "T3", "W3"],
        [Spawn, Claim, Wait, Emit, Cancel, Outcome],
        "A wake-up beside a cancellation must not revive what is cancelled."
    ),
];

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
