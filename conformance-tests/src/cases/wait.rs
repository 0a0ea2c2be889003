//! `wait`: registering, and what ends a wait.

use crate::prelude::*;

const GROUP: &str = "wait";

pub(super) const CASES: &[Case] = &[
    case!(
        ev_1_an_event_that_exists_is_met_at_once,
        ["EV-1", "EV-14"],
        ["W3", "W2"],
        [Spawn, Claim, Wait, Emit, Load],
        "A waiter that comes after its event must not wait for the next one."
    ),
    case!(
        ev_2_a_suspended_waiter_wakes_with_the_payload,
        ["EV-2", "EV-7", "MT-1"],
        ["W3", "E2"],
        [Spawn, Claim, Wait, Emit],
        "A waiter that is not woken by its event waits for ever."
    ),
    case!(
        w1_a_registered_wait_ends_while_its_task_runs,
        [],
        ["W1", "W3"],
        [Spawn, Claim, Wait, Emit, Task],
        "What comes between the registration and the rest must not be lost."
    ),
    case!(
        w1_the_first_registration_counts,
        ["SL-13"],
        ["W1"],
        [Spawn, Claim, Wait, Emit, Task],
        "A replay that asks again must not move the deadline, or wait for something else."
    ),
    case!(
        sl_1_a_timer_ends_exactly_at_its_deadline,
        ["SL-1", "SL-2", "SL-3", "SL-5", "EV-9"],
        ["K1", "W2", "W4"],
        [Spawn, Claim, Wait, Load, Task],
        "A sleep that ends early has not slept."
    ),
    case!(
        sl_4_a_deadline_that_has_come_ends_at_once,
        ["SL-4", "EV-14"],
        ["W2", "W3"],
        [Spawn, Claim, Wait, Emit, Load],
        "A wait that is over when it begins must not cost the claim."
    ),
    case!(
        sl_12_other_events_do_not_wake,
        ["SL-12", "EV-15"],
        ["W3"],
        [Spawn, Claim, Wait, Emit],
        "A task that is woken by what it does not wait for runs for nothing, or wrongly."
    ),
    case!(
        ev_10_a_timeout_is_for_ever,
        ["EV-9", "EV-10"],
        ["W2", "P1"],
        [Spawn, Claim, Wait, Emit],
        "A replay that gets the late event takes another branch than the first run."
    ),
    case!(
        ev_11_at_the_deadline_the_timeout_wins,
        ["EV-11", "EV-12", "CK-5"],
        ["W2", "K1"],
        [Spawn, Claim, Wait, Emit, Load],
        "Event or timeout: everybody has to see the same, whoever looks first."
    ),
    case!(
        w2_before_the_deadline_the_event_wins,
        ["EV-12"],
        ["W2", "K1"],
        [Spawn, Claim, Wait, Emit],
        "An event that came in time must not be turned into a timeout later."
    ),
    case!(
        ev_13_null_is_a_value,
        ["EV-13", "CP-9"],
        ["W2"],
        [Spawn, Claim, Wait, Emit],
        "A payload of null is an answer; a timeout is none."
    ),
    case!(
        ev_16_every_wait_for_an_event_gets_it,
        ["EV-16", "EV-17"],
        ["W2", "E2"],
        [Spawn, Claim, Wait, Emit, Load],
        "Two waits of one task are two waits."
    ),
    case!(
        c8_each_wait_of_a_batch_stands_alone,
        [],
        ["C8", "C3"],
        [Spawn, Claim, Wait],
        "One run that is lost must not keep the others from resting."
    ),
];

async fn ev_1_an_event_that_exists_is_met_at_once(ctx: Ctx) -> Verdict {
    let name = event("e")?;
    ctx.emit(&name, "42").await?;
    let written = ctx.now();
    ctx.advance(10);
    let token = ctx.running().await?;
    for (at, timeout) in [("none", None), ("zero", Some(0)), ("some", Some(5))] {
        let step_key = key(at)?;
        let on = Some(rest(&[&step_key], 1));
        let met = met_waits(ctx.wait(token, vec![on_event(&step_key, &name, timeout)], on).await?)?;
        let wanted = MetWait { key: step_key, end: value("42"), at: written };
        same(&format!("a wait with timeout {at}"), &met, &vec![wanted])?;
    }
    let loaded = ctx.load(token).await?;
    let kinds: Vec<_> = loaded.iter().map(|stored| (stored.kind, stored.end.clone())).collect();
    same("the stored ends", &kinds, &vec![(CheckpointKind::Event, value("42")); 3])?;
    ctx.complete(token).await
}

async fn ev_2_a_suspended_waiter_wakes_with_the_payload(ctx: Ctx) -> Verdict {
    let (step_key, name) = (key("k")?, event("e")?);
    let token = ctx.running().await?;
    ctx.suspend_on(token, on_event(&step_key, &name, None)).await?;
    ctx.claims_nothing("a claim of a suspended task").await?;
    ctx.emit(&name, "42").await?;
    let claim = ctx.claim_task(token.task).await?;
    same("the attempt after a wake", &claim.attempt, &1)?;
    same("the checkpoints to load", &claim.checkpoints, &1)?;
    same("the end", &ctx.met(claim.token, &step_key).await?.end, &value("42"))?;
    ctx.claims_nothing("a second claim after one wake").await
}

async fn w1_a_registered_wait_ends_while_its_task_runs(ctx: Ctx) -> Verdict {
    let (step_key, name) = (key("k")?, event("e")?);
    let token = ctx.running().await?;
    let wait = on_event(&step_key, &name, None);
    let answer = ctx.wait(token, vec![wait.clone()], None).await?;
    same("registering", &answer, &WaitAnswer::Registered)?;
    let standing = WaitView {
        key: step_key.clone(),
        source: wait.source.clone(),
        registered_at: ctx.now(),
        deadline: None,
    };
    same("the wait", &ctx.detail(token.task).await?.waits, &vec![standing])?;
    same("registering again", &ctx.wait(token, vec![wait], None).await?, &WaitAnswer::Registered)?;
    ctx.advance(1);
    ctx.emit(&name, "1").await?;
    let detail = ctx.detail(token.task).await?;
    same("the state after the event", &detail.task.state, &TaskState::Running)?;
    same("the waits after it", &detail.waits, &vec![])?;
    let wanted = MetWait { key: step_key.clone(), end: value("1"), at: ctx.now() };
    same("the end", &ctx.met(token, &step_key).await?, &wanted)?;
    ctx.complete(token).await
}

async fn w1_the_first_registration_counts(ctx: Ctx) -> Verdict {
    let (step_key, name) = (key("k")?, event("e")?);
    let token = ctx.running().await?;
    ctx.wait(token, vec![on_event(&step_key, &name, Some(1_000))], None).await?;
    let before = ctx.detail(token.task).await?.waits;
    ctx.advance(500);
    for other in [
        on_event(&step_key, &name, Some(1)),
        on_event(&step_key, &name, None),
        on_event(&step_key, &event("other")?, Some(9_000)),
        on_time(&step_key, 2),
    ] {
        same("another registration", &ctx.wait(token, vec![other], None).await?, &WaitAnswer::Registered)?;
        same("the wait after it", &ctx.detail(token.task).await?.waits, &before)?;
    }
    ctx.emit(&event("other")?, "1").await?;
    same("the wait after another event", &ctx.detail(token.task).await?.waits, &before)?;
    ctx.emit(&name, "2").await?;
    same("the end", &ctx.met(token, &step_key).await?.end, &value("2"))?;
    let ended = ctx.wait(token, vec![on_time(&step_key, 1)], None).await?;
    same("a wait that has ended, named anew", &met_waits(ended)?.len(), &1)?;
    same("its end", &ctx.met(token, &step_key).await?.end, &value("2"))
}

async fn sl_1_a_timer_ends_exactly_at_its_deadline(ctx: Ctx) -> Verdict {
    let step_key = key("k")?;
    let token = ctx.running().await?;
    let start = ctx.now();
    ctx.suspend_on(token, on_time(&step_key, 1_000)).await?;
    let view = ctx.view(token.task).await?;
    let due = start.after(millis(1_000));
    same("the suspended task", &(view.state, view.due, view.lease), &(TaskState::Sleeping, Some(due), None))?;
    same("what it rests on", &view.rest, &Some(RestView { keys: vec![step_key.clone()], need: 1 }))?;
    ctx.advance(999);
    ctx.claims_nothing("a claim a millisecond before the deadline").await?;
    ctx.advance(1);
    let claim = ctx.claim_task(token.task).await?;
    same("the attempt", &claim.attempt, &1)?;
    let wanted = Checkpoint {
        key: step_key,
        kind: CheckpointKind::Timer,
        end: End::Timeout,
        order: 1,
        attempt: 1,
        worker: None,
        started_at: start,
        ended_at: due,
    };
    same("the stored end", &ctx.load(claim.token).await?, &vec![wanted])
}

async fn sl_4_a_deadline_that_has_come_ends_at_once(ctx: Ctx) -> Verdict {
    let token = ctx.running().await?;
    let now = ctx.now();
    let past = |name: &str, deadline| -> Result<NewWait, Violation> {
        Ok(NewWait { deadline: Some(deadline), ..on_event(&key(name)?, &event("e")?, None) })
    };
    let waits = vec![
        past("zero", Deadline::After(Millis::ZERO))?,
        past("now", Deadline::At(now))?,
        past("past", Deadline::At(now.before(millis(5_000))))?,
        on_time(&key("timer")?, 0),
    ];
    let keys: Vec<_> = waits.iter().map(|wait| wait.key.clone()).collect();
    let answer = ctx.wait(token, waits, Some(Rest { keys: keys.clone(), need: 4 })).await?;
    let met = met_waits(answer)?;
    let ends: Vec<_> = met.iter().map(|met| met.end.clone()).collect();
    same("the ends", &ends, &vec![End::Timeout; 4])?;
    let mut times: Vec<_> = ctx.load(token).await?.iter().map(|stored| stored.ended_at).collect();
    times.sort_unstable();
    same("when they ended", &times, &vec![now.before(millis(5_000)), now, now, now])?;
    ctx.emit(&event("e")?, "1").await?;
    same("an end after the event", &ctx.met(token, &key("zero")?).await?.end, &End::Timeout)?;
    let late = past("late", Deadline::At(now.before(millis(1))))?;
    let met = met_waits(ctx.wait(token, vec![late], None).await?)?;
    same("a poll of an event that exists", &one("the ended waits", met)?.end, &value("1"))
}

async fn sl_12_other_events_do_not_wake(ctx: Ctx) -> Verdict {
    let token = ctx.running().await?;
    ctx.suspend_on(token, on_event(&key("k")?, &event("e")?, Some(1_000))).await?;
    for other in ["E", "e ", "e:", "", "ee", "k"] {
        if !other.is_empty() {
            ctx.emit(&event(other)?, "1").await?;
        }
    }
    ctx.advance(999);
    ctx.claims_nothing("a claim after other events").await?;
    ctx.emit(&event("e")?, "2").await?;
    ctx.claim_task(token.task).await?;
    Ok(())
}

async fn ev_10_a_timeout_is_for_ever(ctx: Ctx) -> Verdict {
    let (step_key, name) = (key("k")?, event("e")?);
    let token = ctx.running().await?;
    ctx.suspend_on(token, on_event(&step_key, &name, Some(500))).await?;
    ctx.advance(499);
    ctx.claims_nothing("a claim a millisecond before the timeout").await?;
    ctx.advance(1);
    let claim = ctx.claim_task(token.task).await?;
    same("the end", &ctx.met(claim.token, &step_key).await?.end, &End::Timeout)?;
    ctx.emit(&name, "1").await?;
    same("the end after the event", &ctx.met(claim.token, &step_key).await?.end, &End::Timeout)?;
    ctx.end(claim.token, fail_after(0)).await?;
    let token = ctx.claim_task(token.task).await?.token;
    let again = ctx.wait(token, vec![on_event(&step_key, &name, Some(500))], None).await?;
    same("the end in a replay", &one("the ended waits", met_waits(again)?)?.end, &End::Timeout)?;
    let other = ctx.wait(token, vec![on_event(&key("other")?, &name, None)], None).await?;
    same("another wait for the event", &one("the ended waits", met_waits(other)?)?.end, &value("1"))
}

async fn ev_11_at_the_deadline_the_timeout_wins(ctx: Ctx) -> Verdict {
    let (step_key, name) = (key("k")?, event("e")?);
    let suspended = ctx.running().await?;
    ctx.suspend_on(suspended, on_event(&step_key, &name, Some(500))).await?;
    let registered = ctx.running().await?;
    ctx.wait(registered, vec![on_event(&step_key, &name, Some(500))], None).await?;
    let late = ctx.running().await?;
    ctx.wait(late, vec![on_event(&step_key, &name, Some(400))], None).await?;
    let deadline = ctx.now().after(millis(500));
    ctx.advance(500);
    // Nobody has looked since: the event comes first, and too late all the same.
    same("emit", &ctx.emit(&name, "1").await?, &EmitAnswer::Written)?;
    let woken = ctx.claim_task(suspended.task).await?.token;
    for (token, at) in [(woken, deadline), (registered, deadline), (late, deadline.before(millis(100)))] {
        let wanted = MetWait { key: step_key.clone(), end: End::Timeout, at };
        same("the end", &ctx.met(token, &step_key).await?, &wanted)?;
        let stored = one("the checkpoints", ctx.load(token).await?)?;
        same("the stored end", &(stored.end, stored.ended_at), &(End::Timeout, at))?;
    }
    Ok(())
}

async fn w2_before_the_deadline_the_event_wins(ctx: Ctx) -> Verdict {
    let (step_key, name) = (key("k")?, event("e")?);
    let suspended = ctx.running().await?;
    ctx.suspend_on(suspended, on_event(&step_key, &name, Some(500))).await?;
    let registered = ctx.running().await?;
    ctx.wait(registered, vec![on_event(&step_key, &name, Some(500))], None).await?;
    ctx.advance(499);
    ctx.emit(&name, "1").await?;
    ctx.advance(10_000);
    let woken = ctx.claim_task(suspended.task).await?.token;
    for token in [woken, registered] {
        same("the end, looked at much later", &ctx.met(token, &step_key).await?.end, &value("1"))?;
    }
    Ok(())
}

async fn ev_13_null_is_a_value(ctx: Ctx) -> Verdict {
    for text in ["null", r#""""#, "false", "0", "{}", "[]"] {
        let name = event(text)?;
        let step_key = key(text)?;
        let token = ctx.running().await?;
        ctx.suspend_on(token, on_event(&step_key, &name, Some(500))).await?;
        ctx.emit(&name, text).await?;
        let claim = ctx.claim_task(token.task).await?;
        same("the end", &ctx.met(claim.token, &step_key).await?.end, &value(text))?;
        ctx.complete(claim.token).await?;
    }
    Ok(())
}

async fn ev_16_every_wait_for_an_event_gets_it(ctx: Ctx) -> Verdict {
    let (one_key, two_key, other_key) = (key("1")?, key("2")?, key("3")?);
    let token = ctx.running().await?;
    let waits = vec![
        on_event(&one_key, &event("e")?, None),
        on_event(&two_key, &event("e")?, Some(100)),
        on_event(&other_key, &event("f")?, Some(100)),
    ];
    ctx.wait(token, waits, None).await?;
    ctx.emit(&event("e")?, "1").await?;
    let ends: Vec<_> = ctx.load(token).await?.into_iter().map(|stored| (stored.key, stored.end)).collect();
    let mut sorted = ends;
    sorted.sort_by(|left, right| left.0.cmp(&right.0));
    same("the stored ends", &sorted, &vec![(one_key, value("1")), (two_key, value("1"))])?;
    ctx.advance(100);
    same("the wait for another event", &ctx.met(token, &other_key).await?.end, &End::Timeout)
}

async fn c8_each_wait_of_a_batch_stands_alone(ctx: Ctx) -> Verdict {
    let (first, second, third) = (ctx.running().await?, ctx.running().await?, ctx.running().await?);
    let forged = Token { call: CallId::new(), ..second };
    let step_key = key("k")?;
    let asks = |token, need: bool| {
        let on = need.then(|| rest(&[&step_key], 1));
        WaitItem { token, waits: vec![on_time(&step_key, 100)], rest: on }
    };
    let unknown = WaitItem { token: second, waits: vec![], rest: Some(rest(&[&key("none")?], 1)) };
    let items = vec![asks(first, true), asks(forged, true), unknown, asks(third, false)];
    let answers = ctx.store().wait(WaitRequest::new(ctx.queue.clone(), items)).await?;
    let answers: Vec<Fenced<WaitAnswer>> =
        answers.into_iter().map(|answer| answer.map_err(Refusal::from)).collect();
    let wanted = vec![
        Ok(WaitAnswer::Suspended),
        Err(Refusal::ClaimLost),
        Err(Refusal::Fault(StoreErrorKind::Invalid)),
        Ok(WaitAnswer::Registered),
    ];
    same("the answers", &answers, &wanted)?;
    ctx.complete(second).await?;
    ctx.complete(third).await?;
    ctx.claims_nothing("a claim while the first one sleeps").await?;
    ctx.advance(100);
    ctx.claim_task(first.task).await?;
    Ok(())
}
