//! `wait` with a rest: when a task sleeps, and what wakes it.

use crate::prelude::*;

const GROUP: &str = "rest";

pub(super) const CASES: &[Case] = &[
    case!(
        w3_a_rest_on_k_of_n_ends_with_the_kth,
        ["CH-8", "EV-18"],
        ["W3", "W4"],
        [Spawn, Claim, Wait, Emit, Task],
        "A task that is woken before its rest is met would only suspend again."
    ),
    case!(
        w3_what_has_ended_before_the_rest_counts,
        [],
        ["W3"],
        [Spawn, Claim, Wait, Emit],
        "An event between the registration and the rest is the lost wake-up."
    ),
    case!(
        w3_met_names_every_wait_that_has_ended,
        [],
        ["W3"],
        [Spawn, Claim, Wait, Emit],
        "A body that goes on needs every end that it asked for."
    ),
    case!(
        w3_what_is_not_rested_on_does_not_wake,
        ["EV-17"],
        ["W3", "W1"],
        [Spawn, Claim, Wait, Emit, Task],
        "A wait of another part of the body must end in silence."
    ),
    case!(
        w3_each_rest_replaces_the_one_before,
        [],
        ["W3"],
        [Spawn, Claim, Wait, Emit, Task],
        "What a body rested on once does not concern its next rest."
    ),
    case!(
        w3_a_rest_on_what_is_no_wait_is_invalid,
        [],
        ["W3"],
        [Spawn, Claim, Wait],
        "A rest that nothing can end would sleep for ever."
    ),
    case!(
        w3_a_rest_without_meaning_is_invalid,
        [],
        ["W1", "W3"],
        [Spawn, Claim, Wait],
        "A rest on none, or on more than there are, would never end or never begin."
    ),
    case!(
        w4_a_suspended_task_holds_no_lease,
        ["SL-2"],
        ["W4", "C3"],
        [Spawn, Claim, Wait, Tick],
        "A thousand sleeping tasks must not need a thousand workers."
    ),
    case!(
        ev_29_an_event_leaves_a_task_that_does_not_rest_as_it_is,
        ["EV-29", "CH-23"],
        ["W1", "W3"],
        [Spawn, Claim, Wait, Emit, Task],
        "A task in its backoff must not be hurried by an event, nor lose it."
    ),
    case!(
        w3_deadlines_of_a_rest_count_like_events,
        ["EV-9", "EV-12"],
        ["W3", "W2"],
        [Spawn, Claim, Wait, Emit, Tick, Task, Load],
        "A join of two with one timeout has to wait for both."
    ),
    case!(
        w2_a_deadline_passed_while_nobody_rested_is_a_timeout,
        [],
        ["W2", "W3"],
        [Spawn, Claim, Wait, Emit],
        "Whether anybody looked at the deadline must not decide what it was."
    ),
];

async fn w3_a_rest_on_k_of_n_ends_with_the_kth(ctx: Ctx) -> Verdict {
    let keys = [key("1")?, key("2")?, key("3")?];
    let names = [event("e1")?, event("e2")?, event("e3")?];
    for need in 1..=3_u32 {
        let on = ctx.another_queue(&format!("need {need}")).await?;
        let token = on.running().await?;
        let waits = keys.iter().zip(&names).map(|(key, name)| on_event(key, name, None)).collect();
        let resting = Rest { keys: keys.to_vec(), need };
        same("wait", &on.wait(token, waits, Some(resting)).await?, &WaitAnswer::Suspended)?;
        for (name, left) in names.iter().rev().zip((0..need).rev()) {
            on.claims_nothing(&format!("a claim with {} events still needed", left + 1)).await?;
            let rested = on.view(token.task).await?.rest.map(|rest| rest.need);
            same("how many must still end", &rested, &Some(left + 1))?;
            on.emit(name, "1").await?;
        }
        on.claim_task(token.task).await?;
        for name in &names {
            on.emit(name, "2").await?;
        }
        on.claims_nothing("a second claim after the other events").await?;
    }
    Ok(())
}

async fn w3_what_has_ended_before_the_rest_counts(ctx: Ctx) -> Verdict {
    let keys = [key("1")?, key("2")?, key("3")?];
    let names = [event("e1")?, event("e2")?, event("e3")?];
    let token = ctx.running().await?;
    let waits: Vec<_> = keys.iter().zip(&names).map(|(key, name)| on_event(key, name, None)).collect();
    same("registering", &ctx.wait(token, waits, None).await?, &WaitAnswer::Registered)?;
    ctx.emit(&names[1], "1").await?;
    let two = |need| Some(Rest { keys: keys.to_vec(), need });
    let first = met_waits(ctx.wait(token, vec![], two(1)).await?)?;
    same("a rest on one of them", &one("the ended waits", first)?.key, &keys[1])?;
    same("a rest on two of them", &ctx.wait(token, vec![], two(2)).await?, &WaitAnswer::Suspended)?;
    ctx.claims_nothing("a claim with one event still needed").await?;
    ctx.emit(&names[0], "1").await?;
    let claim = ctx.claim_task(token.task).await?;
    same("the ended waits", &met_waits(ctx.wait(claim.token, vec![], two(2)).await?)?.len(), &2)
}

async fn w3_met_names_every_wait_that_has_ended(ctx: Ctx) -> Verdict {
    let keys = [key("1")?, key("2")?, key("3")?, key("4")?];
    let name = event("e")?;
    ctx.emit(&name, "1").await?;
    let token = ctx.running().await?;
    ctx.wait(token, vec![on_event(&keys[0], &name, None)], None).await?;
    let waits = vec![
        on_event(&keys[1], &name, None),
        on_time(&keys[2], 0),
        on_event(&keys[3], &event("other")?, None),
    ];
    let met = met_waits(ctx.wait(token, waits, Some(rest(&[&keys[0]], 1))).await?)?;
    let mut ended: Vec<_> = met.into_iter().map(|met| (met.key, met.end)).collect();
    ended.sort_by(|left, right| left.0.cmp(&right.0));
    let [first, second, third, _] = keys;
    let wanted = vec![(first, value("1")), (second, value("1")), (third, End::Timeout)];
    same("the ended waits that were named", &ended, &wanted)
}

async fn w3_what_is_not_rested_on_does_not_wake(ctx: Ctx) -> Verdict {
    let (rested, other) = (key("rested")?, key("other")?);
    let token = ctx.running().await?;
    let waits = vec![on_event(&rested, &event("e")?, None), on_event(&other, &event("f")?, Some(50))];
    let answer = ctx.wait(token, waits, Some(rest(&[&rested], 1))).await?;
    same("wait", &answer, &WaitAnswer::Suspended)?;
    same("the due time", &ctx.view(token.task).await?.due, &None)?;
    ctx.emit(&event("f")?, "1").await?;
    ctx.advance(1_000);
    ctx.claims_nothing("a claim after the other event and its deadline").await?;
    let detail = ctx.detail(token.task).await?;
    same(
        "the waits that stand",
        &detail.waits.iter().map(|wait| &wait.key).collect::<Vec<_>>(),
        &vec![&rested],
    )?;
    ctx.emit(&event("e")?, "2").await?;
    let claim = ctx.claim_task(token.task).await?;
    same("the other wait's end", &ctx.met(claim.token, &other).await?.end, &value("1"))
}

async fn w3_each_rest_replaces_the_one_before(ctx: Ctx) -> Verdict {
    let (first, second) = (key("1")?, key("2")?);
    let token = ctx.running().await?;
    let waits = vec![on_event(&first, &event("e1")?, None), on_time(&second, 100)];
    ctx.wait(token, waits, Some(rest(&[&first, &second], 1))).await?;
    ctx.advance(100);
    let token = ctx.claim_task(token.task).await?.token;
    let third = on_event(&key("3")?, &event("e3")?, None);
    ctx.suspend_on(token, third).await?;
    ctx.emit(&event("e1")?, "1").await?;
    ctx.claims_nothing("a claim after what only the first rest named").await?;
    let view = ctx.view(token.task).await?;
    same("what it rests on", &view.rest, &Some(RestView { keys: vec![key("3")?], need: 1 }))?;
    ctx.emit(&event("e3")?, "1").await?;
    ctx.claim_task(token.task).await?;
    Ok(())
}

async fn w3_a_rest_on_what_is_no_wait_is_invalid(ctx: Ctx) -> Verdict {
    let token = ctx.running().await?;
    let before = ctx.snapshot().await?;
    let (known, unknown) = (key("known")?, key("unknown")?);
    let waits = vec![on_event(&known, &event("e")?, None)];
    let answer = ctx.try_wait(token, waits, Some(rest(&[&known, &unknown], 1))).await?;
    same("wait", &answer, &Err(Refusal::Fault(StoreErrorKind::Invalid)))?;
    ctx.unchanged(&before, "a rest on what is no wait").await?;
    ctx.complete(token).await
}

async fn w3_a_rest_without_meaning_is_invalid(ctx: Ctx) -> Verdict {
    let token = ctx.running().await?;
    let before = ctx.snapshot().await?;
    let (first, second) = (key("1")?, key("2")?);
    let waits = || vec![on_time(&first, 10), on_time(&second, 10)];
    let timer = NewWait { deadline: None, ..on_time(&first, 0) };
    for (what, waits, on) in [
        ("a need of none", waits(), Some(rest(&[&first, &second], 0))),
        ("a need of three of two", waits(), Some(rest(&[&first, &second], 3))),
        ("a need of two of one key named twice", waits(), Some(rest(&[&first, &first], 2))),
        ("a rest on nothing", waits(), Some(rest(&[], 0))),
        ("a timer without a deadline", vec![timer], None),
    ] {
        let answer = ctx.try_wait(token, waits, on).await?;
        same(what, &answer, &Err(Refusal::Fault(StoreErrorKind::Invalid)))?;
        ctx.unchanged(&before, what).await?;
    }
    ctx.complete(token).await
}

async fn w4_a_suspended_task_holds_no_lease(ctx: Ctx) -> Verdict {
    let token = ctx.running().await?;
    ctx.suspend_on(token, on_time(&key("k")?, 10 * LEASE)).await?;
    ctx.advance(10 * LEASE - 1);
    same("what expires", &ctx.tick().await?.expired, &vec![])?;
    ctx.claims_nothing("a claim of a sleeping task").await?;
    ctx.advance(1);
    let claim = ctx.claim_task(token.task).await?;
    same("the attempt after ten leases of sleep", &claim.attempt, &1)
}

async fn ev_29_an_event_leaves_a_task_that_does_not_rest_as_it_is(ctx: Ctx) -> Verdict {
    let (step_key, name) = (key("k")?, event("e")?);
    let (backing, pending) = (ctx.running().await?, ctx.running().await?);
    for token in [backing, pending] {
        ctx.wait(token, vec![on_event(&step_key, &name, Some(100))], None).await?;
    }
    ctx.end(backing, fail_after(1_000)).await?;
    ctx.end(pending, fail_after(0)).await?;
    let before = [ctx.view(backing.task).await?, ctx.view(pending.task).await?];
    ctx.emit(&name, "1").await?;
    let after = [ctx.view(backing.task).await?, ctx.view(pending.task).await?];
    same("both tasks", &after, &before)?;
    let claim = ctx.claim_task(pending.task).await?;
    same("the end for the pending one", &ctx.met(claim.token, &step_key).await?.end, &value("1"))?;
    ctx.advance(999);
    ctx.claims_nothing("a claim a millisecond before the retry is due").await?;
    ctx.advance(1);
    let claim = ctx.claim_task(backing.task).await?;
    same("the end for the one that backed off", &ctx.met(claim.token, &step_key).await?.end, &value("1"))
}

async fn w3_deadlines_of_a_rest_count_like_events(ctx: Ctx) -> Verdict {
    let keys = [key("1")?, key("2")?, key("3")?];
    let token = ctx.running().await?;
    let start = ctx.now();
    let waits = vec![
        on_event(&keys[0], &event("e1")?, Some(100)),
        on_event(&keys[1], &event("e2")?, Some(300)),
        on_event(&keys[2], &event("e3")?, Some(200)),
    ];
    ctx.wait(token, waits, Some(Rest { keys: keys.to_vec(), need: 3 })).await?;
    same("the first due time", &ctx.view(token.task).await?.due, &Some(start.after(millis(100))))?;
    ctx.advance(100);
    same("how many waits end then", &ctx.tick().await?.woken, &1)?;
    let view = ctx.view(token.task).await?;
    same("the next due time", &view.due, &Some(start.after(millis(200))))?;
    same("how many must still end", &view.rest.map(|rest| rest.need), &Some(2))?;
    ctx.emit(&event("e2")?, "2").await?;
    ctx.advance(99);
    ctx.claims_nothing("a claim a millisecond before the last deadline").await?;
    ctx.advance(1);
    let claim = ctx.claim_task(token.task).await?;
    let ends: Vec<_> =
        ctx.load(claim.token).await?.into_iter().map(|stored| (stored.key, stored.end)).collect();
    let [first, second, third] = keys;
    let wanted = vec![(first, End::Timeout), (second, value("2")), (third, End::Timeout)];
    same("the ends, in order", &ends, &wanted)
}

async fn w2_a_deadline_passed_while_nobody_rested_is_a_timeout(ctx: Ctx) -> Verdict {
    let (first, second) = (key("1")?, key("2")?);
    let name = event("e")?;
    let token = ctx.running().await?;
    let waits = vec![on_event(&first, &name, Some(100)), on_event(&second, &name, Some(200))];
    ctx.wait(token, waits.clone(), None).await?;
    ctx.advance(99);
    same("before the deadline", &ctx.wait(token, waits.clone(), None).await?, &WaitAnswer::Registered)?;
    ctx.advance(1);
    let met = met_waits(ctx.wait(token, waits, None).await?)?;
    let met = one("the ended waits", met)?;
    same("the end", &(met.key, met.end), &(first, End::Timeout))?;
    ctx.advance(100);
    // A rest that names it ends it, too, and goes on without suspending.
    same("the end that a rest finds", &ctx.met(token, &second).await?.end, &End::Timeout)?;
    ctx.emit(&name, "1").await?;
    same("the same after the event", &ctx.met(token, &second).await?.end, &End::Timeout)
}
