//! `load` and `save`.

use crate::prelude::*;

const GROUP: &str = "checkpoints";

pub(super) const CASES: &[Case] = &[
    case!(
        cp_1_a_claim_reads_what_it_stored,
        ["CP-1", "MT-1"],
        ["P2"],
        [Spawn, Claim, Save, Load],
        "A step whose result cannot be read runs again."
    ),
    case!(
        cp_2_every_later_claim_reads_it,
        ["CP-2", "CP-14", "SL-3", "RT-8"],
        ["P2", "W1"],
        [Spawn, Claim, Save, Load, Wait, Emit],
        "A paid step must not run again because its task slept, failed or was lost."
    ),
    case!(
        cp_3_no_other_task_reads_it,
        ["CP-3"],
        ["C3"],
        [Spawn, Claim, Save, Load],
        "Checkpoints belong to one task."
    ),
    case!(
        cp_4_the_first_write_wins,
        ["CP-4", "CP-9", "CP-12"],
        ["P1"],
        [Spawn, Claim, Save, Load],
        "What a run has acted on must not be replaced under it."
    ),
    case!(
        cp_4_the_end_of_a_wait_is_not_overwritten,
        ["CP-4", "EV-10"],
        ["P1", "W2"],
        [Spawn, Claim, Save, Load, Wait, Emit],
        "A timeout or a payload is a checkpoint like any other."
    ),
    case!(
        cp_7_an_earlier_attempt_writes_over_nothing,
        ["CP-7", "CP-6", "CP-10"],
        ["C3", "P1", "C4"],
        [Spawn, Claim, Save, Load, Task],
        "A worker that wakes up late must not change what its successor has acted on."
    ),
    case!(
        cp_5_pages_are_in_order_and_complete,
        ["CP-5"],
        ["P2"],
        [Spawn, Claim, Save, Load],
        "A replay that misses one page runs its steps again."
    ),
    case!(
        cp_9_nothing_is_something,
        ["CP-9"],
        ["N2", "P1"],
        [Spawn, Claim, Save, Load],
        "A step that returned null has run."
    ),
    case!(
        p2_a_checkpoint_tells_when_by_whom_and_how_long,
        [],
        ["P2"],
        [Spawn, Claim, Save, Load],
        "A timeline is drawn from what each checkpoint says of itself."
    ),
    case!(
        c8_each_save_of_a_batch_stands_alone,
        [],
        ["C8", "P1"],
        [Spawn, Claim, Save, Load],
        "The writes of several tasks go in one call, and one task's trouble stays its own."
    ),
];

fn ends(loaded: Vec<Checkpoint>) -> Vec<(String, End)> {
    loaded.into_iter().map(|stored| (stored.key.as_str().to_owned(), stored.end)).collect()
}

async fn cp_1_a_claim_reads_what_it_stored(ctx: Ctx) -> Verdict {
    let token = ctx.running().await?;
    same("what there is at first", &ctx.load(token).await?, &vec![])?;
    ctx.save(step(token, &key("s")?, "1")).await?;
    ctx.save(step(token, &key("t")?, "2")).await?;
    let wanted = vec![("s".to_owned(), value("1")), ("t".to_owned(), value("2"))];
    same("the checkpoints", &ends(ctx.load(token).await?), &wanted)
}

async fn cp_2_every_later_claim_reads_it(ctx: Ctx) -> Verdict {
    let task = ctx.spawn_one().await?;
    let mut wanted = Vec::new();
    for how in ["sleep", "fail", "release", "expire", "wake", "again"] {
        let claim = ctx.claim_task(task).await?;
        let loaded = ctx.load(claim.token).await?;
        same("how many the claim announces", &claim.checkpoints, &(loaded.len() as u64))?;
        let steps: Vec<_> = loaded.into_iter().filter(|stored| stored.kind == CheckpointKind::Step).collect();
        same(&format!("what is loaded before {how}"), &ends(steps), &wanted)?;
        ctx.save(step(claim.token, &key(how)?, "1")).await?;
        wanted.push((how.to_owned(), value("1")));
        match how {
            "sleep" => ctx.suspend_on(claim.token, on_time(&key("timer")?, 1)).await?,
            "wake" => {
                ctx.suspend_on(claim.token, on_event(&key("event")?, &event("e")?, None)).await?;
                ctx.emit(&event("e")?, "1").await?;
            }
            "fail" => drop(ctx.end(claim.token, fail_after(0)).await?),
            "release" => drop(ctx.end(claim.token, release(0)).await?),
            _ => {}
        }
        ctx.advance(if how == "expire" { LEASE } else { 1 });
    }
    Ok(())
}

async fn cp_3_no_other_task_reads_it(ctx: Ctx) -> Verdict {
    let (mine, other) = (ctx.running().await?, ctx.running().await?);
    ctx.save(step(mine, &key("s")?, "1")).await?;
    same("what the other task has", &ctx.load(other).await?, &vec![])?;
    ctx.save(step(other, &key("s")?, "2")).await?;
    same("mine", &ends(ctx.load(mine).await?), &vec![("s".to_owned(), value("1"))])?;
    same("the other's", &ends(ctx.load(other).await?), &vec![("s".to_owned(), value("2"))])
}

async fn cp_4_the_first_write_wins(ctx: Ctx) -> Verdict {
    let step_key = key("s")?;
    let token = ctx.running().await?;
    ctx.save(step(token, &step_key, "1")).await?;
    let before = ctx.snapshot().await?;
    for _ in 0..3 {
        ctx.save(step(token, &step_key, "1")).await?;
    }
    ctx.unchanged(&before, "the same checkpoint again").await?;
    let conflict = Ok(SaveAnswer::Conflict { stored: value("1") });
    for other in ["2", "1.0", "null", r#""1""#] {
        let answer = ctx.try_save(step(token, &step_key, other)).await?;
        same(&format!("the same key with {other}"), &answer, &conflict)?;
        ctx.unchanged(&before, "a conflicting checkpoint").await?;
    }
    ctx.end(token, fail_after(0)).await?;
    let token = ctx.claim_task(token.task).await?.token;
    same("a later attempt", &ctx.try_save(step(token, &step_key, "2")).await?, &conflict)?;
    same("what is loaded", &ends(ctx.load(token).await?), &vec![("s".to_owned(), value("1"))])
}

async fn cp_7_an_earlier_attempt_writes_over_nothing(ctx: Ctx) -> Verdict {
    let (old_key, new_key) = (key("old")?, key("new")?);
    let old = ctx.running().await?;
    ctx.save(step(old, &old_key, "1")).await?;
    ctx.advance(LEASE);
    let new = ctx.claim_task(old.task).await?.token;
    ctx.save(step(new, &new_key, "2")).await?;
    ctx.advance(LEASE / 2);
    let before = ctx.snapshot().await?;
    for (step_key, text) in [(&old_key, "1"), (&old_key, "9"), (&new_key, "2"), (&new_key, "9")] {
        let refused = ctx.try_save(step(old, step_key, text)).await?;
        same(&format!("{text} under {step_key} by the earlier attempt"), &refused, &Err(Refusal::ClaimLost))?;
        ctx.unchanged(&before, "a write by the earlier attempt").await?;
    }
    // What is not stored extends nothing.
    for step_key in [&old_key, &new_key] {
        let conflict = ctx.try_save(step(new, step_key, "9")).await?;
        holds("another value", matches!(conflict, Ok(SaveAnswer::Conflict { .. })), &conflict, "a conflict")?;
        ctx.unchanged(&before, "a write that was not stored").await?;
    }
    let held = ctx.view(new.task).await?.lease.map(|(_, until)| until);
    same("the lease after what was not stored", &held, &Some(ctx.now().after(millis(LEASE / 2))))?;
    let wanted = vec![("old".to_owned(), value("1")), ("new".to_owned(), value("2"))];
    same("what the later one has", &ends(ctx.load(new).await?), &wanted)?;
    let full = ctx.now().after(millis(LEASE));
    same("the lease after the same value", &ctx.save(step(new, &new_key, "2")).await?, &full)
}

async fn cp_4_the_end_of_a_wait_is_not_overwritten(ctx: Ctx) -> Verdict {
    let token = ctx.running().await?;
    ctx.emit(&event("e")?, "7").await?;
    let waits = vec![on_event(&key("value")?, &event("e")?, None), on_time(&key("timeout")?, 0)];
    same("how many have ended", &met_waits(ctx.wait(token, waits, None).await?)?.len(), &2)?;
    let before = ctx.load(token).await?;
    for (name, stored) in [("value", value("7")), ("timeout", End::Timeout)] {
        let answer = ctx.try_save(step(token, &key(name)?, "1")).await?;
        same(&format!("a step under the key {name}"), &answer, &Ok(SaveAnswer::Conflict { stored }))?;
    }
    same("the checkpoints", &ctx.load(token).await?, &before)
}

async fn cp_5_pages_are_in_order_and_complete(ctx: Ctx) -> Verdict {
    let token = ctx.running().await?;
    // Neither the order of the keys nor that of the payloads is the order of the writes.
    let names: Vec<_> = (0..25_u32).map(|n| format!("s{}", (n * 7) % 25)).collect();
    for name in &names {
        ctx.save(step(token, &key(name)?, "1")).await?;
    }
    for limit in [1, 7, 25, 1_000] {
        let (mut loaded, mut after, mut pages) = (Vec::new(), 0, 0);
        loop {
            let page = ctx.store().load(LoadRequest::new(ctx.queue.clone(), token, after, limit)).await?;
            pages += 1;
            let right = page.checkpoints.len() <= limit as usize && pages <= 26;
            holds("a page", right, &page, "at most as many as asked for, and an end")?;
            after = page.checkpoints.last().map_or(after, |stored| stored.order);
            loaded.extend(page.checkpoints);
            if !page.more {
                break;
            }
        }
        let keys: Vec<_> = loaded.iter().map(|stored| stored.key.as_str().to_owned()).collect();
        same(&format!("the keys in pages of {limit}"), &keys, &names)?;
        let orders: Vec<_> = loaded.iter().map(|stored| stored.order).collect();
        same("their orders", &orders, &(1..=25).collect())?;
    }
    Ok(())
}

async fn cp_9_nothing_is_something(ctx: Ctx) -> Verdict {
    let token = ctx.running().await?;
    let texts = ["null", r#""""#, "{}", "[]", "false", "0"];
    for text in texts {
        ctx.save(step(token, &key(text)?, text)).await?;
    }
    let wanted: Vec<_> = texts.iter().map(|text| ((*text).to_owned(), value(text))).collect();
    same("the checkpoints", &ends(ctx.load(token).await?), &wanted)
}

async fn p2_a_checkpoint_tells_when_by_whom_and_how_long(ctx: Ctx) -> Verdict {
    use CheckpointKind::{Select, Step, Value};
    let task = ctx.spawn_one().await?;
    let mut wanted = Vec::new();
    for (order, kind, worker) in [(1, Step, "first"), (2, Value, "second"), (3, Select, "third")] {
        let mut request = ctx.claim_request(1)?;
        request.worker = WorkerName::new(worker)?;
        let claim = one("the claims", ctx.claim_with(request).await?.claims)?;
        ctx.advance(2_000);
        let item = SaveItem { kind, took: millis(1_500), ..step(claim.token, &key(worker)?, "1") };
        ctx.save(item).await?;
        wanted.push(Checkpoint {
            key: key(worker)?,
            kind,
            end: value("1"),
            order: order * 2 - 1,
            attempt: claim.attempt,
            worker: Some(WorkerName::new(worker)?),
            started_at: ctx.now().before(millis(1_500)),
            ended_at: ctx.now(),
        });
        ctx.end(claim.token, fail_after(0)).await?;
    }
    let token = ctx.claim_task(task).await?.token;
    same("the checkpoints", &ctx.load(token).await?, &wanted)
}

async fn c8_each_save_of_a_batch_stands_alone(ctx: Ctx) -> Verdict {
    let (first, second) = (ctx.running().await?, ctx.running().await?);
    let forged = Token { call: CallId::new(), ..first };
    let items = vec![
        step(first, &key("s")?, "1"),
        step(forged, &key("forged")?, "1"),
        step(second, &key("s")?, "2"),
        step(first, &key("s")?, "3"),
        step(first, &key("t")?, "4"),
    ];
    let answers = ctx.store().save(SaveRequest::new(ctx.queue.clone(), items)).await?;
    let answers: Vec<Fenced<SaveAnswer>> =
        answers.into_iter().map(|answer| answer.map_err(Refusal::from)).collect();
    let stored = Ok(SaveAnswer::Stored { expires_at: ctx.now().after(millis(LEASE)) });
    let wanted = vec![
        stored.clone(),
        Err(Refusal::ClaimLost),
        stored.clone(),
        Ok(SaveAnswer::Conflict { stored: value("1") }),
        stored,
    ];
    same("the answers", &answers, &wanted)?;
    let wanted = vec![("s".to_owned(), value("1")), ("t".to_owned(), value("4"))];
    same("the first task's", &ends(ctx.load(first).await?), &wanted)?;
    same("the second task's", &ends(ctx.load(second).await?), &vec![("s".to_owned(), value("2"))])
}
