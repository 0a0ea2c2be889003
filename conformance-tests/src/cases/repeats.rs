//! Repeats: a call whose reply was lost is made again, and its effect is there once.

use std::fmt::Debug;
use std::sync::Arc;

use durable_core::store::{FencedError, StoreError};

use crate::faults::{Fault, FaultStore, Plan};
use crate::prelude::*;

const GROUP: &str = "repeats";

pub(super) const CASES: &[Case] = &[
    case!(
        every_answer_of_wait_and_claim_is_repeatable,
        ["CL-32", "SL-7", "SL-8", "EV-23", "RT-9", "AM-2", "AM-4"],
        ["C7", "C3"],
        [Spawn, Claim, Wait, Emit, Cancel],
        "A worker that lost a reply asks again, at once or late, and must neither be lied to nor do harm."
    ),
    case!(
        cl_32_a_repeated_claim_gives_what_is_still_held,
        ["CL-32"],
        ["C7", "C1"],
        [Spawn, Claim],
        "Tasks whose claim never arrived would be stuck until their lease ends."
    ),
    case!(
        cl_32_a_repeat_of_a_lost_request_claims_nothing,
        ["CL-32"],
        ["C7"],
        [Spawn, Claim],
        "A repeat is asked for what was claimed, not for new work."
    ),
    case!(
        c7_the_content_of_a_repeat_does_not_matter,
        [],
        ["C7", "T3"],
        [Spawn, Claim, Outcome],
        "The first end is the end, whatever a confused worker sends later."
    ),
    case!(
        rt_9_a_repeated_failure_is_one_attempt,
        ["RT-9"],
        ["C7"],
        [Spawn, Claim, Task],
        "A lost reply must not use up an attempt."
    ),
    case!(
        c7_only_the_closing_verb_is_remembered,
        ["SL-9"],
        ["C7", "C3"],
        [Spawn, Claim, Wait],
        "A run that has suspended cannot fail any more."
    ),
    case!(
        c7_an_expired_run_answers_nothing,
        [],
        ["C7", "C5"],
        [Spawn, Claim, Wait, Tick],
        "What the holder did not close, it may not claim to have closed."
    ),
    case!(
        ev_24_a_repeated_emit_changes_nothing,
        ["EV-24", "EV-29"],
        ["E1", "C7"],
        [Spawn, Claim, Wait, Emit],
        "A repeated emit must not wake a waiter twice, or take a newer payload back."
    ),
    case!(
        c7_what_a_repeated_claim_holds_is_what_is_left_when_the_due_is_done,
        [],
        ["C7", "T4"],
        [Spawn, Claim],
        "Ends, then what is due, then what is held or taken: a store that looks earlier answers with nothing."
    ),
];

/// A handle that loses every reply: the effect is there, and the caller cannot know.
pub(super) fn lossy(store: &Arc<dyn Store>) -> Arc<dyn Store> {
    Arc::new(FaultStore::planned(store.clone(), Plan::new().always(Fault::DropReply)))
}

/// Wants a reply to be lost.
pub(super) fn lost<T: Debug>(what: &str, answer: Result<T, StoreError>) -> Verdict {
    match answer {
        Err(error) if error.kind == StoreErrorKind::Unavailable && error.may_have_happened => Ok(()),
        other => Err(Violation::new(what, format!("{other:?}"), "a lost reply")),
    }
}

/// A call for one run, to be made again unchanged.
#[derive(Debug, Clone)]
enum Call {
    Wait(WaitRequest),
    End(ClaimRequest),
}

impl Call {
    fn wait(ctx: &Ctx, token: Token) -> Result<Self, Violation> {
        let (step_key, name) = (key("k")?, event("e")?);
        let on = Some(rest(&[&step_key], 1));
        let item = WaitItem { token, waits: vec![on_event(&step_key, &name, None)], rest: on };
        Ok(Self::Wait(WaitRequest::new(ctx.queue.clone(), vec![item])))
    }

    fn end(ctx: &Ctx, token: Token, ending: Ending) -> Result<Self, Violation> {
        Ok(Self::End(ctx.claim_request(0)?.ending(vec![RunEnd { token, ending }])))
    }

    /// Makes the call; an answer is compared as text.
    async fn on(&self, store: &Arc<dyn Store>) -> Result<Fenced<String>, StoreError> {
        let answer = match self {
            Self::Wait(request) => store.wait(request.clone()).await?.pop().map(shown),
            Self::End(request) => store.claim(request.clone()).await?.ends.pop().map(shown),
        };
        Ok(answer.unwrap_or_else(|| Ok("no answer at all".to_owned())))
    }
}

fn shown<T: Debug>(answer: Result<T, FencedError>) -> Fenced<String> {
    answer.map(|answer| format!("{answer:?}")).map_err(Refusal::from)
}

/// Makes the call again on both handles: each time this answer, and nothing changes.
async fn again(ctx: &Ctx, call: &Call, when: &str, wanted: &Fenced<String>) -> Verdict {
    let before = ctx.snapshot().await?;
    for _ in 0..2 {
        same(&format!("the call again {when}"), &call.on(ctx.store()).await?, wanted)?;
        ctx.unchanged(&before, &format!("the call again {when}")).await?;
    }
    Ok(())
}

async fn every_answer_of_wait_and_claim_is_repeatable(ctx: Ctx) -> Verdict {
    suspended_is_repeatable(&ctx).await?;
    met_is_repeatable(&ctx).await?;
    for (ending, reclaimed) in
        [(complete(), false), (fail_for_good(), false), (fail_after(0), true), (release(0), true)]
    {
        done_is_repeatable(&ctx, &ending, reclaimed).await?;
    }
    Ok(())
}

async fn suspended_is_repeatable(ctx: &Ctx) -> Verdict {
    let on = ctx.another_queue("suspended").await?;
    let suspended = shown(Ok(WaitAnswer::Suspended));
    let tokens = [on.running().await?, on.running().await?];
    let [reclaimed, cancelled] = [Call::wait(&on, tokens[0])?, Call::wait(&on, tokens[1])?];
    for call in [&reclaimed, &cancelled] {
        lost("wait", call.on(&lossy(&on.a)).await)?;
        again(&on, call, "at once", &suspended).await?;
    }
    on.emit(&event("e")?, "1").await?;
    for call in [&reclaimed, &cancelled] {
        again(&on, call, "after the wake", &suspended).await?;
    }
    on.cancel(tokens[1].task).await?;
    again(&on, &cancelled, "after a cancel", &suspended).await?;
    let other = on.claim_task(tokens[0].task).await?;
    again(&on, &reclaimed, "after another's claim", &Err(Refusal::ClaimLost)).await?;
    same("what the other gets", &on.met(other.token, &key("k")?).await?.end, &value("1"))
}

async fn met_is_repeatable(ctx: &Ctx) -> Verdict {
    let on = ctx.another_queue("met").await?;
    on.emit(&event("e")?, "1").await?;
    let tokens = [on.running().await?, on.running().await?];
    let at = on.now();
    let met = shown(Ok(WaitAnswer::Met(vec![MetWait { key: key("k")?, end: value("1"), at }])));
    let [reclaimed, cancelled] = [Call::wait(&on, tokens[0])?, Call::wait(&on, tokens[1])?];
    for call in [&reclaimed, &cancelled] {
        lost("wait", call.on(&lossy(&on.b)).await)?;
        again(&on, call, "at once", &met).await?;
    }
    on.advance(LEASE - 1);
    on.emit(&event("e")?, "2").await?;
    again(&on, &reclaimed, "after another write", &met).await?;
    on.cancel(tokens[1].task).await?;
    again(&on, &cancelled, "after a cancel", &Err(Refusal::Cancelled)).await?;
    on.advance(1);
    let other = on.claim_task(tokens[0].task).await?;
    again(&on, &reclaimed, "after another's claim", &Err(Refusal::ClaimLost)).await?;
    same("what the other gets", &on.met(other.token, &key("k")?).await?.end, &value("1"))
}

async fn done_is_repeatable(ctx: &Ctx, ending: &Ending, reclaimable: bool) -> Verdict {
    let on = ctx.another_queue(&format!("done {ending:?}")).await?;
    let tokens = [on.running().await?, on.running().await?];
    let [first, second] =
        [Call::end(&on, tokens[0], ending.clone())?, Call::end(&on, tokens[1], ending.clone())?];
    lost("the end", first.on(&lossy(&on.a)).await)?;
    lost("the end", second.on(&lossy(&on.b)).await)?;
    let answer = first.on(&on.b).await?;
    holds("the end again", answer.is_ok(), &answer, "the answer that was lost")?;
    again(&on, &first, "at once", &answer).await?;
    again(&on, &second, "at once", &answer).await?;
    on.cancel(tokens[1].task).await?;
    again(&on, &second, "after a cancel", &answer).await?;
    on.advance(10 * LEASE);
    again(&on, &first, "much later", &answer).await?;
    if reclaimable {
        let other = on.claim_task(tokens[0].task).await?;
        again(&on, &first, "after another's claim", &Err(Refusal::ClaimLost)).await?;
        on.complete(other.token).await?;
        again(&on, &first, "after another's end", &Err(Refusal::ClaimLost)).await?;
    }
    Ok(())
}

async fn cl_32_a_repeated_claim_gives_what_is_still_held(ctx: Ctx) -> Verdict {
    for _ in 0..5 {
        ctx.spawn_one().await?;
    }
    let request = ctx.claim_request(3)?;
    lost("claim", lossy(&ctx.a).claim(request.clone()).await)?;
    let repeat = request.clone().repeated();
    let held = ctx.claim_with(repeat.clone()).await?.claims;
    same("how many are held", &held.len(), &3)?;
    for same_call in [repeat.clone(), request.clone(), repeat.clone()] {
        let before = ctx.snapshot().await?;
        same("the claims again", &ctx.claim_with(same_call).await?.claims, &held)?;
        ctx.unchanged(&before, "the claims again").await?;
    }
    let [first, second, third] = &held[..] else {
        return Err(Violation::new("the claims", format!("{held:?}"), "three"));
    };
    ctx.complete(first.token).await?;
    ctx.end(second.token, release(0)).await?;
    let still = ctx.claim_with(repeat.clone()).await?.claims;
    same("what is still held after two ends", &still, &vec![third.clone()])?;
    let other = ctx.claim(1).await?;
    same("another's claim", &one("the claims", other)?.token.task, &second.token.task)?;
    ctx.advance(LEASE);
    same("what is held after the lease", &ctx.claim_with(repeat).await?.claims, &vec![])
}

async fn cl_32_a_repeat_of_a_lost_request_claims_nothing(ctx: Ctx) -> Verdict {
    let task = ctx.spawn_one().await?;
    let repeat = ctx.claim_request(10)?.repeated();
    same("the claims", &ctx.claim_with(repeat.clone()).await?.claims, &vec![])?;
    ctx.claim_task(task).await?;
    same("the claims once more", &ctx.claim_with(repeat).await?.claims, &vec![])
}

async fn c7_the_content_of_a_repeat_does_not_matter(ctx: Ctx) -> Verdict {
    let token = ctx.running().await?;
    let result = |text: &str| Ending::Complete { result: json(text) };
    ctx.end(token, result("1")).await?;
    let before = ctx.snapshot().await?;
    ctx.advance(5);
    same("complete with another result", &ctx.end(token, result("2")).await?, &EndAnswer::Completed)?;
    ctx.unchanged(&before, "complete with another result").await?;
    same("the outcome", &ctx.outcome(token.task).await?, &Outcome::Completed(json("1")))?;

    let token = ctx.running().await?;
    let due = ctx.now().after(millis(50));
    same("fail", &ctx.end(token, fail_after(50)).await?, &EndAnswer::Retrying { due })?;
    ctx.advance(5);
    for repeat in [fail_after(50), fail_after(0), fail_for_good()] {
        same("fail otherwise", &ctx.end(token, repeat).await?, &EndAnswer::Retrying { due })?;
    }
    ctx.advance(44);
    ctx.claims_nothing("a claim before the first answer's time").await?;
    ctx.advance(1);
    ctx.claim_task(token.task).await?;
    Ok(())
}

async fn rt_9_a_repeated_failure_is_one_attempt(ctx: Ctx) -> Verdict {
    let token = ctx.running().await?;
    for _ in 0..3 {
        let answer = ctx.end(token, fail_after(10)).await?;
        let due = EndAnswer::Retrying { due: ctx.now().after(millis(10)) };
        same("fail", &answer, &due)?;
    }
    let detail = ctx.detail(token.task).await?;
    same("the attempt", &detail.task.attempt, &2)?;
    same("the failed runs", &detail.history.items.len(), &1)
}

async fn c7_only_the_closing_verb_is_remembered(ctx: Ctx) -> Verdict {
    let token = ctx.running().await?;
    ctx.suspend_on(token, on_time(&key("k")?, 10)).await?;
    for ending in [fail_after(0), fail_for_good(), complete(), release(0)] {
        let answer = ctx.try_end(token, ending.clone()).await?;
        same(&format!("{ending:?} after a suspension"), &answer, &Err(Refusal::ClaimLost))?;
    }
    ctx.advance(10);
    let claim = ctx.claim_task(token.task).await?;
    same("the attempt", &claim.attempt, &1)?;
    ctx.end(claim.token, release(0)).await?;
    let answer = ctx.try_wait(claim.token, vec![on_time(&key("l")?, 1)], None).await?;
    same("wait after a release", &answer, &Err(Refusal::ClaimLost))?;
    same(
        "the release again",
        &ctx.end(claim.token, release(0)).await?,
        &EndAnswer::Released { due: ctx.now() },
    )
}

async fn c7_an_expired_run_answers_nothing(ctx: Ctx) -> Verdict {
    let token = ctx.running().await?;
    ctx.advance(LEASE);
    ctx.tick().await?;
    let before = ctx.snapshot().await?;
    for ending in [complete(), fail_after(0), release(0)] {
        same("an end after the expiry", &ctx.try_end(token, ending).await?, &Err(Refusal::ClaimLost))?;
    }
    let on = Some(rest(&[&key("k")?], 1));
    let answer = ctx.try_wait(token, vec![on_time(&key("k")?, 1)], on).await?;
    same("a rest after the expiry", &answer, &Err(Refusal::ClaimLost))?;
    ctx.unchanged(&before, "what an expired run asks for").await?;
    ctx.claim_task(token.task).await?;
    Ok(())
}

async fn emitted_again(ctx: &Ctx, request: &EmitRequest, when: &str) -> Verdict {
    let before = ctx.snapshot().await?;
    let what = format!("the emit again {when}");
    same(&what, &ctx.store().emit(request.clone()).await?, &EmitAnswer::Repeated)?;
    ctx.unchanged(&before, &what).await?;
    ctx.claims_nothing(&what).await
}

async fn ev_24_a_repeated_emit_changes_nothing(ctx: Ctx) -> Verdict {
    let (step_key, name) = (key("k")?, event("e")?);
    let token = ctx.running().await?;
    ctx.suspend_on(token, on_event(&step_key, &name, None)).await?;
    let first = write(&name, "1");
    let request = EmitRequest::new(ctx.queue.clone(), first.clone());
    lost("emit", lossy(&ctx.a).emit(request.clone()).await)?;
    let before = ctx.snapshot().await?;
    ctx.advance(5);
    let other = EventWrite { payload: json("2"), ..first };
    for event in [request.event.clone(), other] {
        same("the emit again", &ctx.emit_write(event).await?, &EmitAnswer::Repeated)?;
        ctx.unchanged(&before, "the emit again").await?;
    }
    let kept = ctx.store().emit(request.clone().only_if_absent()).await?;
    same("the emit again, if absent", &kept, &EmitAnswer::Repeated)?;
    let claim = ctx.claim_task(token.task).await?;
    same("what the waiter got", &ctx.met(claim.token, &step_key).await?.end, &value("1"))?;
    // What was woken has gone on meanwhile, and backs off or sleeps again.
    ctx.end(claim.token, fail_after(10)).await?;
    emitted_again(&ctx, &request, "while the waiter backs off").await?;
    ctx.advance(10);
    let claim = ctx.claim_task(token.task).await?;
    ctx.suspend_on(claim.token, on_time(&key("t")?, 10)).await?;
    emitted_again(&ctx, &request, "while the waiter sleeps").await?;
    ctx.advance(10);
    let claim = ctx.claim_task(token.task).await?;
    same("another emit", &ctx.emit(&name, "3").await?, &EmitAnswer::Written)?;
    same("what the waiter got after it", &ctx.met(claim.token, &step_key).await?.end, &value("1"))
}

async fn c7_what_a_repeated_claim_holds_is_what_is_left_when_the_due_is_done(ctx: Ctx) -> Verdict {
    let limited = ctx.spawn(job_with(|task| task.max_running = Some(millis(500)))?).await?;
    let request = ctx.claim_request(1)?;
    let first = ctx.claim_with(request.clone()).await?;
    same(
        "the first",
        &first.claims.iter().map(|claim| claim.token.task).collect::<Vec<_>>(),
        &vec![limited],
    )?;
    let next = ctx.spawn_one().await?;
    ctx.advance(500);
    let again = ctx.claim_with(request).await?;
    same("the second", &again.claims.iter().map(|claim| claim.token.task).collect::<Vec<_>>(), &vec![next])
}
