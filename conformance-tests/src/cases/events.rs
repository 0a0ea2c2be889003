//! `emit`: what anybody writes, and whom it wakes.

use crate::prelude::*;

const GROUP: &str = "events";

pub(super) const CASES: &[Case] = &[
    case!(
        ev_4_the_last_write_is_for_later_waits_only,
        ["EV-4", "EV-8"],
        ["E1", "W2", "U3"],
        [Spawn, Claim, Wait, Emit, Load, Purge],
        "A replay must read what the first run read, whatever was written since."
    ),
    case!(
        ev_4_only_if_absent_keeps_the_first,
        ["EV-4"],
        ["E1"],
        [Spawn, Claim, Wait, Emit],
        "The first of two approvals is the one that counts."
    ),
    case!(
        ev_25_a_purge_takes_nothing_that_a_wait_needs,
        ["EV-25", "RE-6"],
        ["U3", "W3", "E2"],
        [Spawn, Claim, Wait, Emit, Purge, Events],
        "What a store keeps for those who wait must not age like an event."
    ),
    case!(
        ev_6_one_emit_wakes_every_waiter_once,
        ["EV-6", "EV-7"],
        ["E2"],
        [Spawn, Claim, Wait, Emit, Counts],
        "Of a hundred tasks that wait for one event, ninety-nine must not be forgotten."
    ),
    case!(
        ev_15_a_name_is_the_name_and_nothing_like_it,
        ["EV-15", "NM-2"],
        ["N1", "E1"],
        [Spawn, Claim, Wait, Emit],
        "A payload must go to those who asked for this event."
    ),
    case!(
        ev_20_an_event_without_waiters_stays,
        ["EV-20"],
        ["E1", "W3"],
        [Spawn, Claim, Wait, Emit, Events],
        "An event may come days before anybody waits for it."
    ),
    case!(
        e1_an_event_is_kept_with_what_belongs_to_it,
        ["MT-12"],
        ["E1", "N2"],
        [Emit, Events],
        "Metadata tells people where an event came from."
    ),
    case!(
        e1_an_older_emit_that_comes_late_is_a_write_of_its_own,
        [],
        ["E1"],
        [Emit, Events],
        "Two writers with one name take turns, and the last one stands."
    ),
    case!(
        e1_a_saved_emit_is_an_emit,
        ["CP-16"],
        ["E1", "E2", "P1"],
        [Spawn, Claim, Wait, Emit, Save, Events],
        "An emit of a task must wake whom an emit of a client wakes, and once."
    ),
    case!(
        e1_a_saved_emit_is_fenced_and_not_repeated,
        ["CP-16", "EV-24"],
        ["C3", "P1", "S2"],
        [Spawn, Claim, Emit, Save],
        "A replay that emits again takes back what others have written since."
    ),
];

async fn ended_with(ctx: &Ctx, token: Token, step: &StepKey, name: &EventName) -> Result<End, Violation> {
    let met = met_waits(ctx.wait(token, vec![on_event(step, name, None)], None).await?)?;
    Ok(one("the ended waits", met)?.end)
}

async fn ev_4_the_last_write_is_for_later_waits_only(ctx: Ctx) -> Verdict {
    let name = event("e")?;
    let token = ctx.running().await?;
    ctx.suspend_on(token, on_event(&key("1")?, &name, None)).await?;
    same("the first emit", &ctx.emit(&name, "1").await?, &EmitAnswer::Written)?;
    // Overwritten before the waiter was claimed: it keeps what woke it.
    same("the second emit", &ctx.emit(&name, "2").await?, &EmitAnswer::Written)?;
    let claim = ctx.claim_task(token.task).await?;
    same("the first wait", &ctx.met(claim.token, &key("1")?).await?.end, &value("1"))?;
    same("a later wait", &ended_with(&ctx, claim.token, &key("2")?, &name).await?, &value("2"))?;
    ctx.emit(&name, "3").await?;
    ctx.end(claim.token, fail_after(0)).await?;
    let token = ctx.claim_task(token.task).await?.token;
    let loaded = async |token| -> Result<Vec<End>, Violation> {
        Ok(ctx.load(token).await?.into_iter().map(|stored| stored.end).collect())
    };
    same("what a replay loads", &loaded(token).await?, &vec![value("1"), value("2")])?;
    same("the latest wait", &ended_with(&ctx, token, &key("3")?, &name).await?, &value("3"))?;
    same("what is purged", &ctx.purge(0).await?.purged, &1)?;
    ctx.end(token, fail_after(0)).await?;
    let token = ctx.claim_task(token.task).await?.token;
    let ends = vec![value("1"), value("2"), value("3")];
    same("what a replay loads when the event is gone", &loaded(token).await?, &ends)?;
    same("its first wait", &ctx.met(token, &key("1")?).await?.end, &value("1"))
}

async fn ev_4_only_if_absent_keeps_the_first(ctx: Ctx) -> Verdict {
    let name = event("e")?;
    let first = |text| EmitRequest::new(ctx.queue.clone(), write(&name, text)).only_if_absent();
    let waiting = ctx.running().await?;
    ctx.suspend_on(waiting, on_event(&key("k")?, &name, None)).await?;
    same("the first", &ctx.store().emit(first("1")).await?, &EmitAnswer::Written)?;
    let claim = ctx.claim_task(waiting.task).await?;
    same("what the waiter got", &ctx.met(claim.token, &key("k")?).await?.end, &value("1"))?;
    let before = ctx.snapshot().await?;
    ctx.advance(10);
    for _ in 0..2 {
        same("another", &ctx.store().emit(first("2")).await?, &EmitAnswer::Kept)?;
        ctx.unchanged(&before, "an emit that was not absent").await?;
    }
    same("a later wait", &ended_with(&ctx, claim.token, &key("2")?, &name).await?, &value("1"))?;
    same("a plain emit", &ctx.emit(&name, "3").await?, &EmitAnswer::Written)?;
    same("a wait after it", &ended_with(&ctx, claim.token, &key("3")?, &name).await?, &value("3"))
}

async fn ev_25_a_purge_takes_nothing_that_a_wait_needs(ctx: Ctx) -> Verdict {
    let (step_key, name) = (key("k")?, event("e")?);
    let (resting, registered) = (ctx.running().await?, ctx.running().await?);
    ctx.suspend_on(resting, on_event(&step_key, &name, None)).await?;
    ctx.wait(registered, vec![on_event(&step_key, &name, None)], None).await?;
    let before = ctx.snapshot().await?;
    ctx.advance(LEASE / 2);
    same("what is purged of an event that nobody wrote", &ctx.purge(0).await?.purged, &0)?;
    ctx.unchanged(&before, "a purge beside waits").await?;
    same("the events", &stored(&ctx).await?, &vec![])?;
    same("emit", &ctx.emit(&name, "1").await?, &EmitAnswer::Written)?;
    same("what is purged after it", &ctx.purge(0).await?.purged, &1)?;
    let claim = ctx.claim_task(resting.task).await?;
    for token in [claim.token, registered] {
        same("what a waiter got", &ctx.met(token, &step_key).await?.end, &value("1"))?;
    }
    Ok(())
}

async fn ev_6_one_emit_wakes_every_waiter_once(ctx: Ctx) -> Verdict {
    let (step_key, name) = (key("k")?, event("e")?);
    for waiters in [1_u32, 2, 60] {
        let name = event(&format!("{name}{waiters}"))?;
        let batch = (0..waiters).map(|_| job()).collect::<Result<Vec<_>, _>>()?;
        ctx.spawn_all(batch).await?;
        let items = ctx.claim(100).await?.into_iter().map(|claim| WaitItem {
            token: claim.token,
            waits: vec![on_event(&step_key, &name, None)],
            rest: Some(rest(&[&step_key], 1)),
        });
        ctx.store().wait(WaitRequest::new(ctx.queue.clone(), items.collect())).await?;
        let counts = ctx.store().counts(CountsRequest::new(ctx.queue.clone())).await?;
        same("how many sleep", &counts.sleeping, &u64::from(waiters))?;
        ctx.emit(&name, "1").await?;
        ctx.emit(&name, "2").await?;
        let woken = ctx.claim(100).await?;
        same("how many are woken", &woken.len(), &(waiters as usize))?;
        for claim in woken {
            same("what one got", &ctx.met(claim.token, &step_key).await?.end, &value("1"))?;
            ctx.complete(claim.token).await?;
        }
        ctx.claims_nothing("a claim after all were woken once").await?;
    }
    Ok(())
}

async fn ev_15_a_name_is_the_name_and_nothing_like_it(ctx: Ctx) -> Verdict {
    let names = ["e", "E", "e ", " e", "e:", "e:e", "é", "e\u{301}", "e%", "{e}", "*", "e\u{200b}"];
    let token = ctx.running().await?;
    for name in names {
        let wait = on_event(&key(name)?, &event(name)?, None);
        same("registering", &ctx.wait(token, vec![wait], None).await?, &WaitAnswer::Registered)?;
    }
    for (index, name) in names.iter().enumerate().rev() {
        ctx.emit(&event(name)?, &index.to_string()).await?;
    }
    for (index, name) in names.iter().enumerate() {
        let end = ctx.met(token, &key(name)?).await?.end;
        same(&format!("what the wait for {name:?} got"), &end, &value(&index.to_string()))?;
    }
    Ok(())
}

async fn stored(ctx: &Ctx) -> Result<Vec<EventView>, Violation> {
    Ok(ctx.store().events(EventsRequest::new(ctx.queue.clone(), None)).await?.items)
}

async fn ev_20_an_event_without_waiters_stays(ctx: Ctx) -> Verdict {
    let name = event("e")?;
    ctx.emit(&name, "1").await?;
    ctx.advance(400 * 86_400_000);
    let token = ctx.running().await?;
    same("a wait a year later", &ended_with(&ctx, token, &key("k")?, &name).await?, &value("1"))?;
    ctx.complete(token).await?;
    same("the event after it was read", &one("the events", stored(&ctx).await?)?.payload, &json("1"))
}

async fn e1_an_event_is_kept_with_what_belongs_to_it(ctx: Ctx) -> Verdict {
    let mut wanted = Vec::new();
    for name in ["b", "a", "c"] {
        let event = EventWrite { metadata: json(r#"{"from":"b"}"#), ..write(&event(name)?, "[1]") };
        ctx.emit_write(event.clone()).await?;
        let EventWrite { name, payload, metadata, id } = event;
        wanted.push(EventView { name, payload, metadata, id, written_at: ctx.now(), waking: false });
        ctx.advance(1);
    }
    wanted.sort_by(|left, right| left.name.cmp(&right.name));
    same("the events", &stored(&ctx).await?, &wanted)?;
    same("the events once more", &stored(&ctx).await?, &wanted)
}

async fn e1_an_older_emit_that_comes_late_is_a_write_of_its_own(ctx: Ctx) -> Verdict {
    let name = event("e")?;
    let (first, second) = (write(&name, "1"), write(&name, "2"));
    for (event, answer, payload) in [
        (&first, EmitAnswer::Written, "1"),
        (&second, EmitAnswer::Written, "2"),
        (&second, EmitAnswer::Repeated, "2"),
        // The same payload from somebody else is no repeat.
        (&write(&name, "2"), EmitAnswer::Written, "2"),
        (&second, EmitAnswer::Written, "2"),
    ] {
        same("emit", &ctx.emit_write(event.clone()).await?, &answer)?;
        same("the payload", &one("the events", stored(&ctx).await?)?.payload, &json(payload))?;
    }
    Ok(())
}

async fn e1_a_saved_emit_is_an_emit(ctx: Ctx) -> Verdict {
    let (step_key, name) = (key("k")?, event("e")?);
    let waiting = ctx.running().await?;
    ctx.suspend_on(waiting, on_event(&step_key, &name, None)).await?;
    let token = ctx.running().await?;
    let written = EventWrite { metadata: json(r#"{"m":1}"#), ..write(&name, "1") };
    ctx.save(emitting(token, &key("$emit:e")?, written.clone())).await?;
    let event = one("the events", stored(&ctx).await?)?;
    let stored_as = (event.payload, event.metadata, event.id, event.written_at);
    same("the event", &stored_as, &(written.payload, written.metadata, written.id, ctx.now()))?;
    let claim = ctx.claim_task(waiting.task).await?;
    same("what the waiter got", &ctx.met(claim.token, &step_key).await?.end, &value("1"))?;
    let repeat = write(&name, "9");
    let repeat = EventWrite { id: written.id, ..repeat };
    same("an emit with the same id", &ctx.emit_write(repeat).await?, &EmitAnswer::Repeated)
}

async fn e1_a_saved_emit_is_fenced_and_not_repeated(ctx: Ctx) -> Verdict {
    let name = event("e")?;
    let token = ctx.running().await?;
    let saved = emitting(token, &key("$emit:e")?, write(&name, "1"));
    ctx.save(saved.clone()).await?;
    ctx.emit(&name, "2").await?;
    let before = ctx.snapshot().await?;
    ctx.save(saved.clone()).await?;
    ctx.unchanged(&before, "the same checkpoint again").await?;
    let conflicting =
        SaveItem { payload: json(r#""other""#), ..emitting(token, &saved.key, write(&name, "3")) };
    let wanted = Ok(SaveAnswer::Conflict { stored: End::Value(saved.payload.clone()) });
    same("a conflicting checkpoint", &ctx.try_save(conflicting).await?, &wanted)?;
    ctx.unchanged(&before, "a conflicting checkpoint").await?;
    let forged = Token { call: CallId::new(), ..token };
    let refused = ctx.try_save(emitting(forged, &key("other")?, write(&name, "4"))).await?;
    same("with a forged token", &refused, &Err(Refusal::ClaimLost))?;
    ctx.unchanged(&before, "an emit with a forged token").await
}
