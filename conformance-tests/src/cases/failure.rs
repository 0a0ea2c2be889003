//! Lost replies, verb by verb: what was not acknowledged is there once.

use super::repeats::{lossy, lost};
use crate::prelude::*;

const GROUP: &str = "failure";

pub(super) const CASES: &[Case] = &[
    case!(
        f1_a_queue_put_or_dropped_twice_is_so_once,
        ["AM-2", "QU-1", "QU-5"],
        ["F1", "C7"],
        [DropQueue, ListQueues],
        "A deployment script is run again when its connection broke."
    ),
    case!(
        f1_a_spawn_or_cancel_made_twice_is_made_once,
        ["AM-2", "SP-16", "CA-12"],
        ["F1", "C7", "S1"],
        [Spawn, Claim, Cancel],
        "A client that does not know whether its call arrived makes it again."
    ),
    case!(
        f1_a_retry_made_twice_reopens_once,
        ["AM-2"],
        ["F1", "C7", "T5"],
        [Spawn, Claim, Retry],
        "Two attempts for one click are one too many."
    ),
    case!(
        f1_a_save_made_twice_has_one_effect,
        ["AM-2", "CP-12", "CH-11", "EV-24"],
        ["F1", "C7", "S2", "P1"],
        [Spawn, Claim, Save, Emit],
        "A step, its children and its events are there once, however often the reply is lost."
    ),
    case!(
        f1_an_extend_or_a_wait_made_twice_has_one_effect,
        ["AM-2", "EV-23"],
        ["F1", "C7"],
        [Spawn, Claim, Extend, Wait],
        "A heartbeat or a registration may be lost like any other call."
    ),
    case!(
        f1_upkeep_done_twice_is_done_once,
        ["AM-2"],
        ["F1", "U1", "U3"],
        [Spawn, Claim, Tick, Purge],
        "Upkeep that is repeated must not expire a second run."
    ),
];

async fn f1_a_queue_put_or_dropped_twice_is_so_once(ctx: Ctx) -> Verdict {
    let queue = QueueName::new("twice")?;
    let put = PutQueueRequest::new(queue.clone(), QueueState::Paused);
    lost("put_queue", lossy(&ctx.a).put_queue(put.clone()).await)?;
    same("put_queue again", &ctx.b.put_queue(put).await?, &PutQueueAnswer::Unchanged)?;
    let listed = ctx.store().list_queues(ListQueuesRequest::new(None, 10)).await?.items;
    let twice = QueueView { name: queue.clone(), state: QueueState::Paused };
    same("the queue", &listed.into_iter().filter(|view| view.name == queue).collect(), &vec![twice])?;
    let drop_it = DropQueueRequest::new(queue);
    lost("drop_queue", lossy(&ctx.b).drop_queue(drop_it.clone()).await)?;
    same("drop_queue again", &ctx.a.drop_queue(drop_it).await?, &DropQueueAnswer::NotFound)
}

async fn f1_a_spawn_or_cancel_made_twice_is_made_once(ctx: Ctx) -> Verdict {
    let batch = vec![job()?, keyed("once", "f")?];
    let request = SpawnRequest::new(ctx.queue.clone(), batch.clone());
    lost("spawn", lossy(&ctx.a).spawn(request.clone()).await)?;
    let before = ctx.snapshot().await?;
    ctx.advance(1);
    let known: Vec<_> = batch.iter().map(|task| Spawned { task: task.id, created: false }).collect();
    same("spawn again", &ctx.b.spawn(request).await?, &SpawnAnswer::Spawned(known))?;
    ctx.unchanged(&before, "spawn again").await?;
    let claims = ctx.claim(10).await?;
    same("how many tasks there are", &claims.len(), &2)?;
    let cancel = CancelRequest::new(ctx.queue.clone(), some("a task", batch.first())?.id, requested());
    lost("cancel", lossy(&ctx.b).cancel(cancel.clone()).await)?;
    let before = ctx.snapshot().await?;
    ctx.advance(1);
    let ended = CancelAnswer::Ended { state: EndState::Cancelled, closing: false };
    same("cancel again", &ctx.a.cancel(cancel).await?, &ended)?;
    ctx.unchanged(&before, "cancel again").await
}

async fn f1_a_retry_made_twice_reopens_once(ctx: Ctx) -> Verdict {
    let token = ctx.running().await?;
    ctx.end(token, fail_for_good()).await?;
    let request = RetryRequest::new(ctx.queue.clone(), token.task, 2, None);
    lost("retry", lossy(&ctx.a).retry(request.clone()).await)?;
    let before = ctx.snapshot().await?;
    ctx.advance(1);
    same("retry again", &ctx.b.retry(request).await?, &RetryAnswer::Live)?;
    ctx.unchanged(&before, "retry again").await?;
    let claim = ctx.claim_task(token.task).await?;
    same("the attempt, and the most", &(claim.attempt, claim.max_attempts), &(2, Some(7)))
}

async fn f1_a_save_made_twice_has_one_effect(ctx: Ctx) -> Verdict {
    let token = ctx.running().await?;
    let name = event("e")?;
    let items = [
        step(token, &key("s")?, "1"),
        spawning(token, &key("$spawn")?, vec![child("c", ParentClosePolicy::Cancel)?]),
        emitting(token, &key("$emit")?, write(&name, "1")),
    ];
    let stored = SaveAnswer::Stored { expires_at: ctx.now().after(millis(LEASE)) };
    for item in items {
        let request = SaveRequest::new(ctx.queue.clone(), vec![item]);
        lost("save", lossy(&ctx.a).save(request.clone()).await)?;
        let before = ctx.snapshot().await?;
        for store in [&ctx.b, &ctx.a] {
            let again = one("the answers", store.save(request.clone()).await?)?.map_err(Refusal::from);
            same("save again", &again, &Ok(stored.clone()))?;
            ctx.unchanged(&before, "save again").await?;
        }
    }
    same("the children", &ctx.claim(10).await?.len(), &1)?;
    same("an emit after it", &ctx.emit(&name, "2").await?, &EmitAnswer::Written)
}

async fn f1_an_extend_or_a_wait_made_twice_has_one_effect(ctx: Ctx) -> Verdict {
    let token = ctx.running().await?;
    let item = ExtendItem { token, lease: lease(3 * LEASE)? };
    let extend = ExtendRequest::new(ctx.queue.clone(), vec![item]);
    lost("extend", lossy(&ctx.a).extend(extend.clone()).await)?;
    let before = ctx.snapshot().await?;
    let again = one("the answers", ctx.b.extend(extend).await?)?.map_err(Refusal::from);
    same("extend again", &again, &Ok(ctx.now().after(millis(3 * LEASE))))?;
    ctx.unchanged(&before, "extend again").await?;

    let waits = vec![on_event(&key("k")?, &event("e")?, Some(500)), on_time(&key("t")?, 0)];
    let wait = WaitRequest::new(ctx.queue.clone(), vec![WaitItem { token, waits, rest: None }]);
    lost("wait", lossy(&ctx.b).wait(wait.clone()).await)?;
    let before = ctx.snapshot().await?;
    ctx.advance(499);
    let again = one("the answers", ctx.a.wait(wait.clone()).await?)?.map_err(Refusal::from)?;
    same("the ended waits", &met_waits(again)?.len(), &1)?;
    ctx.unchanged(&before, "wait again").await?;
    ctx.advance(1);
    let last = one("the answers", ctx.b.wait(wait).await?)?.map_err(Refusal::from)?;
    same("the ended waits at the first deadline", &met_waits(last)?.len(), &2)
}

async fn f1_upkeep_done_twice_is_done_once(ctx: Ctx) -> Verdict {
    let expires = ctx.running().await?;
    ctx.advance(LEASE);
    let tick = TickRequest::new(ctx.queue.clone(), 10);
    lost("tick", lossy(&ctx.a).tick(tick.clone()).await)?;
    let before = ctx.snapshot().await?;
    same("tick again", &ctx.b.tick(tick).await?, &TickAnswer::default())?;
    ctx.unchanged(&before, "tick again").await?;
    let claim = ctx.claim_task(expires.task).await?;
    same("the attempt", &claim.attempt, &2)?;
    ctx.complete(claim.token).await?;
    let purge = PurgeRequest::new(ctx.queue.clone(), vec![EndState::Completed], Millis::ZERO, 10);
    lost("purge", lossy(&ctx.b).purge(purge.clone()).await)?;
    let again = ctx.a.purge(purge).await?;
    same("purge again", &(again.purged, again.more), &(0, false))
}
