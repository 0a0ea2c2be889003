//! The rest of the slots of a payload: what a task writes for others, what is given back on a conflict, reasons, and
//! what is larger than a store has to take.

use super::payloads::{head, intact};
use crate::corpus::{beyond, payloads};
use crate::prelude::*;

const GROUP: &str = "slots";

pub(super) const CASES: &[Case] = &[
    case!(
        pf_1_in_what_a_task_spawns_and_emits,
        ["PF-1", "PF-2", "PF-3", "PF-4", "PF-5", "PF-6", "PF-7", "PF-8", "PF-9", "PF-10", "PF-11", "SP-4"],
        ["N2", "S2", "E1"],
        [Spawn, Claim, Save, Wait, Load],
        "What a task hands on to its child, or tells the world, has to arrive."
    )
    .heavy(),
    case!(
        pf_1_in_the_answer_to_a_conflict,
        ["PF-1", "PF-2", "PF-3", "PF-4", "PF-5", "PF-6", "PF-7", "PF-9", "CP-4"],
        ["N2", "P1"],
        [Spawn, Claim, Save, Task],
        "A run that is told another value goes on with that one: it must be the one that is stored."
    )
    .heavy(),
    case!(
        pf_4_in_the_reason_of_a_cancellation,
        ["PF-4", "PF-5", "PF-7", "PF-8", "PF-9", "CA-14", "CH-4"],
        ["N2", "T1", "T2"],
        [Spawn, Claim, Save, Wait, Cancel, Outcome],
        "A reason is free text of a person, and his parent's program reads it."
    )
    .heavy(),
    case!(
        pf_8_what_is_too_large_is_refused_and_never_half_stored,
        ["PF-7", "PF-8", "PF-11", "MT-6"],
        ["N2", "F1"],
        [Spawn, Claim, Save, Load, Emit, Outcome],
        "A payload that is taken and cannot be read again poisons its task."
    )
    .heavy(),
];

/// The value of an end.
fn valued<'a>(slot: &str, end: &'a End) -> Result<&'a Payload, Violation> {
    match end {
        End::Value(payload) => Ok(payload),
        other => Err(Violation::new(slot, format!("{other:?}"), "a value")),
    }
}

async fn pf_1_in_what_a_task_spawns_and_emits(ctx: Ctx) -> Verdict {
    let token = ctx.running().await?;
    for (index, text) in payloads().iter().enumerate() {
        let (params, headers) = (json(text), json(&format!(r#"{{"h":{text}}}"#)));
        let mut child = child(&index.to_string(), ParentClosePolicy::Cancel)?;
        (child.params, child.headers, child.policy) = (params.clone(), headers.clone(), params.clone());
        let spawned = SaveItem {
            payload: params.clone(),
            ..spawning(token, &key(&format!("$spawn:{index}"))?, vec![child])
        };
        ctx.save(spawned).await?;
        let claim = ctx.claim_one().await?;
        intact("the params of a child", &claim.params, text)?;
        intact("the headers of a child", &claim.headers, headers.as_str())?;
        intact("the policy of a child", &claim.policy, text)?;
        ctx.complete(claim.token).await?;

        let name = event(&format!("e{index}"))?;
        let written = EventWrite { metadata: headers, ..write(&name, text) };
        ctx.save(emitting(token, &key(&format!("$emit:{index}"))?, written)).await?;
        let wait = on_event(&key(&format!("k{index}"))?, &name, None);
        let met = one("the ended waits", met_waits(ctx.wait(token, vec![wait], None).await?)?)?;
        intact("an event that a task emitted", valued("an event", &met.end)?, text)?;
    }
    let (texts, mut loaded) = (payloads(), ctx.load(token).await?.into_iter());
    for text in &texts {
        let spawn = loaded.find(|stored| stored.kind == CheckpointKind::Spawn);
        intact("a checkpoint that spawned", valued("a checkpoint", &some("it", spawn)?.end)?, text)?;
        let event = loaded.find(|stored| stored.kind == CheckpointKind::Event);
        intact("the checkpoint of a wait", valued("a checkpoint", &some("it", event)?.end)?, text)?;
    }
    Ok(())
}

async fn pf_1_in_the_answer_to_a_conflict(ctx: Ctx) -> Verdict {
    let token = ctx.running().await?;
    for (index, text) in payloads().iter().enumerate() {
        let item = step(token, &key(&format!("s{index}"))?, text);
        ctx.save(item.clone()).await?;
        // Equal as a value, and not the same bytes.
        let other = SaveItem { payload: json(&format!("{text} ")), ..item };
        match ctx.try_save(other).await?? {
            SaveAnswer::Conflict { stored } => {
                intact("the stored value of a conflict", valued("a conflict", &stored)?, text)?;
            }
            answer => {
                return holds(&format!("other bytes than {}", head(text)), false, &answer, "a conflict");
            }
        }
    }
    let mut texts = payloads().into_iter();
    for entry in ctx.detail(token.task).await?.history.items {
        if let HistoryEntry::Checkpoint { checkpoint, .. } = entry {
            let text = some("a text", texts.next())?;
            intact("a checkpoint in the history", valued("a checkpoint", &checkpoint.end)?, &text)?;
        }
    }
    same("what the history lacks", &texts.count(), &0)
}

async fn pf_4_in_the_reason_of_a_cancellation(ctx: Ctx) -> Verdict {
    let parent = ctx.running().await?;
    let texts = payloads().into_iter().chain(["\u{0}".to_owned(), "a\u{0}b\r\n\t\u{1b}\u{7f}".to_owned()]);
    for (index, text) in texts.enumerate() {
        let name = index.to_string();
        let child = ctx.spawn_child(parent, &name, ParentClosePolicy::Cancel).await?;
        let cause = CancelCause::Requested { reason: Some(text.clone()) };
        ctx.store().cancel(CancelRequest::new(ctx.queue.clone(), child, cause.clone())).await?;
        let told = [
            ctx.outcome(child).await? == Outcome::Cancelled(cause.clone()),
            ctx.met(parent, &join_key(&name)?).await?.end == End::Cancelled(cause.clone()),
        ];
        let wanted = "the reason in the outcome and in the parent's join";
        holds(&format!("the reason {}", head(&text)), told == [true, true], told, wanted)?;
        if ctx.has(Verb::Task) {
            let view = ctx.view(child).await?.cancelled;
            holds(&format!("the reason {}, inspected", head(&text)), view == Some(cause), "another", "it")?;
        }
    }
    Ok(())
}

/// The store took it; else it has to have said that it is invalid, with nothing written.
fn taken<T: std::fmt::Debug>(
    what: &str,
    answer: Result<T, durable_core::store::StoreError>,
) -> Result<Option<T>, Violation> {
    match answer {
        Ok(answer) => Ok(Some(answer)),
        Err(error) => {
            fault(what, Err::<T, _>(error), StoreErrorKind::Invalid)?;
            Ok(None)
        }
    }
}

async fn pf_8_what_is_too_large_is_refused_and_never_half_stored(ctx: Ctx) -> Verdict {
    for (index, text) in beyond().iter().enumerate() {
        let on = ctx.another_queue(&format!("beyond {index}")).await?;
        let task = job_with(|task| task.params = json(text))?;
        let spawn = on.store().spawn(SpawnRequest::new(on.queue.clone(), vec![task])).await;
        let token = if taken("spawn", spawn)?.is_some() {
            let claim = on.claim_one().await?;
            intact("the params", &claim.params, text)?;
            claim.token
        } else {
            on.claims_nothing("a claim of a task that was refused").await?;
            on.running().await?
        };
        large_writes(&on, token, text).await?;
    }
    Ok(())
}

async fn large_writes(on: &Ctx, token: Token, text: &str) -> Verdict {
    let item = step(token, &key("s")?, text);
    let saved = taken("save", on.store().save(SaveRequest::new(on.queue.clone(), vec![item])).await)?;
    let stored = match saved.map(|answers| one("the answers", answers)).transpose()? {
        Some(answer) => answer.map_err(Refusal::from).is_ok(),
        None => false,
    };
    on.save(step(token, &key("t")?, "1")).await?;
    let loaded = on.load(token).await?;
    same("how much is loaded", &loaded.len(), &if stored { 2 } else { 1 })?;
    if let (true, Some(first)) = (stored, loaded.first()) {
        intact("a checkpoint", valued("a checkpoint", &first.end)?, text)?;
    }
    taken("emit", on.store().emit(EmitRequest::new(on.queue.clone(), write(&event("e")?, text))).await)?;
    let end = RunEnd { token, ending: Ending::Complete { result: json(text) } };
    let ended = on.store().claim(on.claim_request(0)?.ending(vec![end])).await;
    let done = match taken("the end", ended)?.map(|answer| one("the answers", answer.ends)).transpose()? {
        Some(answer) => answer.map_err(Refusal::from).is_ok(),
        None => false,
    };
    match on.outcome(token.task).await? {
        Outcome::Completed(result) if done => intact("the result", &result, text),
        Outcome::Live if !done => on.complete(token).await,
        other => holds("the outcome", false, &other, &format!("completed: {done}")),
    }
}
