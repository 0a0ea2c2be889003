//! Payloads come out as they went in, in every slot that a store has.

use crate::corpus::payloads;
use crate::prelude::*;

const GROUP: &str = "payloads";

pub(super) const CASES: &[Case] = &[
    case!(
        pf_1_in_params_headers_and_policy,
        ["PF-1", "PF-2", "PF-3", "PF-4", "PF-5", "PF-6", "PF-7", "PF-8", "PF-9", "PF-10", "PF-11"],
        ["N2"],
        [Spawn, Claim],
        "A task that runs with other params than it was spawned with does something else."
    )
    .heavy(),
    case!(
        pf_1_in_checkpoints,
        ["PF-1", "PF-2", "PF-3", "PF-4", "PF-5", "PF-6", "PF-7", "PF-8", "PF-9", "PF-10", "PF-11"],
        ["N2", "P1"],
        [Spawn, Claim, Save, Load],
        "A replay that reads another value than the step returned takes another branch."
    )
    .heavy(),
    case!(
        pf_1_in_events,
        ["PF-1", "PF-2", "PF-3", "PF-4", "PF-5", "PF-6", "PF-7", "PF-8", "PF-9", "PF-10", "PF-11"],
        ["N2"],
        [Spawn, Claim, Wait, Emit, Events],
        "A waiter must get what was emitted."
    )
    .heavy(),
    case!(
        pf_1_in_results,
        ["PF-1", "PF-2", "PF-3", "PF-4", "PF-5", "PF-6", "PF-7", "PF-8", "PF-9", "PF-10", "PF-11", "CH-2"],
        ["N2", "T1"],
        [Spawn, Claim, Save, Wait, Outcome],
        "A result is what somebody waited for, and his parent with him."
    )
    .heavy(),
    case!(
        pf_1_in_failures,
        [
            "PF-1", "PF-2", "PF-3", "PF-4", "PF-5", "PF-6", "PF-7", "PF-8", "PF-9", "PF-10", "PF-11", "RT-6",
            "CH-3"
        ],
        ["N2", "T1", "P2"],
        [Spawn, Claim, Save, Wait, Outcome, Task],
        "A stored failure is all that is left of what went wrong."
    )
    .heavy(),
];

/// The head of a text, to name it.
pub(super) fn head(text: &str) -> String {
    text.chars().take(40).collect()
}

/// Wants the bytes, and shows where they differ rather than all of them.
pub(super) fn intact(slot: &str, got: &Payload, wanted: &str) -> Verdict {
    if got.as_str() == wanted {
        return Ok(());
    }
    let same = got.as_str().bytes().zip(wanted.bytes()).take_while(|(got, wanted)| got == wanted).count();
    let around = |text: &str| {
        let from = text.char_indices().map(|(at, _)| at).take_while(|at| *at + 10 < same).last().unwrap_or(0);
        format!("{} bytes, at {same}: {}", text.len(), head(text.get(from..).unwrap_or("")))
    };
    Err(Violation::new(format!("{slot}: {}", head(wanted)), around(got.as_str()), around(wanted)))
}

async fn pf_1_in_params_headers_and_policy(ctx: Ctx) -> Verdict {
    for text in payloads() {
        let (params, headers) = (json(&text), json(&format!(r#"{{"h":{text}}}"#)));
        let policy = json(&format!("[{text}]"));
        let task = job_with(|task| {
            (task.params, task.headers, task.policy) = (params.clone(), headers.clone(), policy.clone());
        })?;
        ctx.spawn(task).await?;
        let claim = ctx.claim_one().await?;
        intact("the params", &claim.params, params.as_str())?;
        intact("the headers", &claim.headers, headers.as_str())?;
        intact("the policy", &claim.policy, policy.as_str())?;
        if ctx.has(Verb::Task) {
            let view = ctx.view(claim.token.task).await?;
            intact("the params, inspected", &view.params, params.as_str())?;
            intact("the headers, inspected", &view.headers, headers.as_str())?;
            intact("the policy, inspected", &view.policy, policy.as_str())?;
        }
    }
    Ok(())
}

async fn pf_1_in_checkpoints(ctx: Ctx) -> Verdict {
    let token = ctx.running().await?;
    let texts = payloads();
    for (index, text) in texts.iter().enumerate() {
        let item = step(token, &key(&format!("s{index}"))?, text);
        ctx.save(item.clone()).await?;
        ctx.save(item).await?;
    }
    let loaded = ctx.load(token).await?;
    same("how many are loaded", &loaded.len(), &texts.len())?;
    for (stored, text) in loaded.iter().zip(&texts) {
        let End::Value(payload) = &stored.end else {
            return holds("the end of a step", false, &stored.end, "a value");
        };
        intact("a checkpoint", payload, text)?;
    }
    Ok(())
}

async fn pf_1_in_events(ctx: Ctx) -> Verdict {
    for (index, text) in payloads().iter().enumerate() {
        let (name, step_key) = (event(&format!("e{index}"))?, key("k")?);
        let token = ctx.running().await?;
        ctx.suspend_on(token, on_event(&step_key, &name, None)).await?;
        let metadata = format!(r#"{{"m":{text}}}"#);
        let event = EventWrite { metadata: json(&metadata), ..write(&name, text) };
        ctx.emit_write(event).await?;
        let claim = ctx.claim_task(token.task).await?;
        let early = ctx.met(claim.token, &step_key).await?.end;
        let late = met_waits(ctx.wait(claim.token, vec![on_event(&key("l")?, &name, None)], None).await?)?;
        let late = one("the ended waits", late)?.end;
        for (slot, end) in [("an event awaited before", early), ("an event awaited after", late)] {
            let End::Value(payload) = &end else { return holds(slot, false, &end, "a value") };
            intact(slot, payload, text)?;
        }
        let mut request = EventsRequest::new(ctx.queue.clone(), None);
        request.limit = 1_000;
        let listed = ctx.store().events(request).await?.items.into_iter().find(|event| event.name == name);
        let listed = some("the event in the list", listed)?;
        intact("an event, listed", &listed.payload, text)?;
        intact("its metadata", &listed.metadata, &metadata)?;
        ctx.complete(claim.token).await?;
    }
    Ok(())
}

async fn pf_1_in_results(ctx: Ctx) -> Verdict {
    let parent = ctx.running().await?;
    for (index, text) in payloads().iter().enumerate() {
        let name = index.to_string();
        let child = ctx.spawn_child(parent, &name, ParentClosePolicy::Cancel).await?;
        let token = ctx.claim_task(child).await?.token;
        ctx.end(token, Ending::Complete { result: json(text) }).await?;
        let Outcome::Completed(result) = ctx.outcome(child).await? else {
            return holds("the outcome", false, "another", "completed");
        };
        intact("a result", &result, text)?;
        let End::Value(joined) = ctx.met(parent, &join_key(&name)?).await?.end else {
            return holds("the join", false, "another end", "a value");
        };
        intact("a result in the parent", &joined, text)?;
    }
    Ok(())
}

async fn pf_1_in_failures(ctx: Ctx) -> Verdict {
    let parent = ctx.running().await?;
    for (index, text) in payloads().iter().enumerate() {
        let name = index.to_string();
        let child = ctx.spawn_child(parent, &name, ParentClosePolicy::Cancel).await?;
        for retry in [RetryAfter::After(Millis::ZERO), RetryAfter::Never] {
            let token = ctx.claim_task(child).await?.token;
            ctx.end(token, Ending::Fail { failure: json(text), retry }).await?;
        }
        for entry in ctx.detail(child).await?.history.items {
            if let HistoryEntry::Run(RunView { failure: Failure::Reported(failure), .. }) = entry {
                intact("a failure in the history", &failure, text)?;
            }
        }
        let Outcome::Failed(Failure::Reported(failure)) = ctx.outcome(child).await? else {
            return holds("the outcome", false, "another", "failed as reported");
        };
        intact("a failure", &failure, text)?;
        let End::Failed(Failure::Reported(joined)) = ctx.met(parent, &join_key(&name)?).await?.end else {
            return holds("the join", false, "another end", "a reported failure");
        };
        intact("a failure in the parent", &joined, text)?;
    }
    Ok(())
}
