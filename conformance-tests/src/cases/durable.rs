//! What was acknowledged survives the process that wrote it: for stores that declare it.

use crate::prelude::*;
use crate::process::{Acknowledged, SAVED, STEP};

const GROUP: &str = "durable";

pub(super) const CASES: &[Case] = &[
    case!(
        mt_4_what_a_process_wrote_is_there_after_it,
        ["MT-4"],
        ["F1", "F3"],
        [Outcome, Task, Events, Claim, Spawn],
        "A task outlives the process that spawned it, or it is no durable task."
    )
    .of(Capability::Durable),
    case!(
        cx_5_what_was_acknowledged_survives_kill_9,
        ["CX-5"],
        ["F1", "F3"],
        [Outcome, Task, Events, Claim, Spawn],
        "A process is killed in the middle of its work, not between two pieces of it."
    )
    .of(Capability::Durable),
];

/// After how many acknowledged writes a process is killed: early ones, and some in full run.
const KILLED_AFTER: [usize; 5] = [1, 2, 7, 60, 200];

async fn mt_4_what_a_process_wrote_is_there_after_it(ctx: Ctx) -> Verdict {
    let Some((written, acknowledged)) = ctx.written_by_another_process(None).await? else {
        return ctx.not_run(Hook::Process);
    };
    same("the tasks that it spawned", &acknowledged.tasks.len(), &10)?;
    is_all_there(&written, &acknowledged).await?;
    is_finished(&written, &acknowledged).await
}

async fn cx_5_what_was_acknowledged_survives_kill_9(ctx: Ctx) -> Verdict {
    for writes in KILLED_AFTER {
        let Some((written, acknowledged)) = ctx.written_by_another_process(Some(writes)).await? else {
            return ctx.not_run(Hook::Process);
        };
        is_all_there(&written, &acknowledged).await?;
        is_finished(&written, &acknowledged).await?;
    }
    Ok(())
}

/// Every acknowledged write is there.
async fn is_all_there(ctx: &Ctx, acknowledged: &Acknowledged) -> Verdict {
    for (id, task) in &acknowledged.tasks {
        let detail = ctx.detail(*id).await?;
        let stored = detail.history.items.iter().any(|entry| {
            matches!(entry, HistoryEntry::Checkpoint { checkpoint, .. }
                if checkpoint.key.as_str() == STEP && checkpoint.end == value(SAVED))
        });
        holds("an acknowledged checkpoint", stored || !task.saved, &detail, "in the history")?;
        let outcome = ctx.outcome(*id).await?;
        let completed = outcome == Outcome::Completed(json("null"));
        holds("an acknowledged end", completed || !task.completed, &outcome, "completed")?;
    }
    let page = ctx.store().events(EventsRequest::new(ctx.queue.clone(), None)).await?;
    let stored: Vec<_> = page.items.iter().map(|event| event.name.as_str()).collect();
    let lost = acknowledged.events.iter().find(|name| !stored.contains(&name.as_str()));
    same("an acknowledged event that is lost", &lost, &None)
}

/// The rest finishes the work.
async fn is_finished(ctx: &Ctx, acknowledged: &Acknowledged) -> Verdict {
    // The clock of the suite is years ahead: every lease is over.
    for claim in ctx.claim(1_000).await? {
        ctx.complete(claim.token).await?;
    }
    for id in acknowledged.tasks.keys() {
        let outcome = ctx.outcome(*id).await?;
        same("a task that another worker finished", &outcome, &Outcome::Completed(json("null")))?;
    }
    let after = ctx.spawn_one().await?;
    ctx.claim_task(after).await?;
    Ok(())
}
