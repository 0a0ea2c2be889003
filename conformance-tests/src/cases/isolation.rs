//! Queues beside each other: whatever is done in one, nothing of the other changes.

use crate::prelude::*;
use crate::snapshot::Snapshot;

const GROUP: &str = "isolation";

pub(super) const CASES: &[Case] = &[
    case!(
        qu_9_nothing_that_is_done_in_one_queue_changes_another,
        ["QU-9", "QU-12", "RE-10", "CP-3", "EV-15", "SP-8"],
        ["C2", "C3", "E1", "S1", "U3"],
        [DropQueue, Spawn, Cancel, Retry, Claim, Extend, Wait, Save, Emit, Tick, Purge],
        "Two teams that share a store must not be able to touch each other."
    ),
    case!(
        qu_12_the_state_of_a_queue_is_its_own,
        ["QU-12", "QU-11"],
        ["C2"],
        [Spawn, Claim, ListQueues],
        "A pause that reaches further than it should stops the wrong work."
    ),
];

/// One task in each state, one event and one key: the same names in every queue.
struct Filled {
    running: Token,
    failed: TaskId,
    sleeping: TaskId,
    pending: TaskId,
}

async fn filled(on: &Ctx) -> Result<Filled, Violation> {
    let name = event("e")?;
    let failed = on.spawn(keyed("once", "f")?).await?;
    let token = on.claim_task(failed).await?.token;
    on.save(step(token, &key("s")?, "1")).await?;
    on.end(token, fail_for_good()).await?;
    let sleeping = on.running().await?;
    on.suspend_on(sleeping, on_event(&key("k")?, &name, Some(3 * LEASE))).await?;
    let running = on.running().await?;
    on.save(step(running, &key("s")?, "1")).await?;
    on.wait(running, vec![on_event(&key("k")?, &event("f")?, None)], None).await?;
    let pending = on.spawn_one().await?;
    on.emit(&event("g")?, "1").await?;
    Ok(Filled { running, failed, sleeping: sleeping.task, pending })
}

async fn qu_9_nothing_that_is_done_in_one_queue_changes_another(ctx: Ctx) -> Verdict {
    let here = filled(&ctx).await?;
    let other = ctx.another_queue("other").await?;
    let there = filled(&other).await?;
    let before = ctx.snapshot().await?;
    lived(&ctx, &other, &there, &before).await?;
    ctx.advance(LEASE);
    // Both leases end now: a tick there lets none expire here.
    let before = ctx.snapshot().await?;
    other.spawn_one().await?;
    other.claim(1).await?;
    other.advance(LEASE);
    let later = ctx.snapshot().await?;
    same("what a tick there lets expire", &other.tick().await?.expired.len(), &1)?;
    ctx.unchanged(&later, "a tick of the other queue").await?;
    same("the tasks here", &(later.tasks == before.tasks), &true)?;
    emptied(&ctx, &other, &later).await?;
    // Control: everything here is as it would be without the other queue.
    let mut claimed: Vec<_> = ctx.claim(10).await?.iter().map(|claim| claim.token.task).collect();
    claimed.sort_unstable();
    let mut wanted = vec![here.running.task, here.pending];
    wanted.sort_unstable();
    same("what is claimed here", &claimed, &wanted)?;
    ctx.emit(&event("e")?, "1").await?;
    ctx.claim_task(here.sleeping).await?;
    let again = ctx.spawn_all(vec![keyed("once", "f")?]).await?;
    same("the key here", &again, &vec![Spawned { task: here.failed, created: false }])
}

/// Everything that may be done there to live tasks; after each step nothing here has changed.
async fn lived(ctx: &Ctx, other: &Ctx, there: &Filled, before: &Snapshot) -> Verdict {
    for name in ["e", "f", "g"] {
        other.emit(&event(name)?, "2").await?;
        ctx.unchanged(before, "an emit in the other queue").await?;
    }
    same("an extension there", &other.try_extend(there.running, 2 * LEASE).await?.is_ok(), &true)?;
    other.save(step(there.running, &key("t")?, "2")).await?;
    other.spawn_child(there.running, "c", ParentClosePolicy::Cancel).await?;
    other.save(emitting(there.running, &key("$emit")?, write(&event("g")?, "3"))).await?;
    ctx.unchanged(before, "the writes of a run in the other queue").await?;
    other.complete(there.running).await?;
    other.cancel(there.sleeping).await?;
    ctx.unchanged(before, "ends in the other queue").await?;
    let retry = RetryRequest::new(other.queue.clone(), there.failed, 1, None);
    same("a retry there", &other.store().retry(retry).await?, &RetryAnswer::Reopened)?;
    same("what is claimed there", &other.claim(10).await?.len(), &2)?;
    ctx.unchanged(before, "a retry and claims in the other queue").await
}

/// Ends, purges and drops what is there; nothing here goes with it.
async fn emptied(ctx: &Ctx, other: &Ctx, before: &Snapshot) -> Verdict {
    for claim in other.claim(100).await? {
        other.complete(claim.token).await?;
    }
    other.put(QueueState::Sealed).await?;
    holds("a purge there", other.purge(0).await?.purged > 4, "fewer", "all that was there")?;
    ctx.unchanged(before, "a purge of the other queue").await?;
    let dropped = other.store().drop_queue(DropQueueRequest::new(other.queue.clone())).await?;
    same("a drop there", &dropped, &DropQueueAnswer::Dropped)?;
    ctx.unchanged(before, "a drop of the other queue").await
}

async fn qu_12_the_state_of_a_queue_is_its_own(ctx: Ctx) -> Verdict {
    let other = ctx.another_queue("other").await?;
    for (on, beside) in [(&ctx, &other), (&other, &ctx)] {
        for state in [QueueState::Paused, QueueState::Sealed] {
            on.put(state).await?;
            let token = beside.running().await?;
            beside.complete(token).await?;
            on.claims_nothing("a claim from the queue that is not open").await?;
            let listed = on.store().list_queues(ListQueuesRequest::new(None, 10)).await?.items;
            let states = listed.iter().filter(|queue| queue.state != QueueState::Open).count();
            same("how many queues are not open", &states, &1)?;
        }
        on.put(QueueState::Open).await?;
    }
    Ok(())
}
