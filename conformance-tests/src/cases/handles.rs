//! Handles and namespaces: what a store must be before anything else.

use crate::prelude::*;

const GROUP: &str = "handles";

pub(super) const CASES: &[Case] = &[
    case!(
        mt_1_what_one_handle_writes_the_other_sees,
        ["MT-1", "SP-18", "SP-2"],
        ["K1", "C1"],
        [Spawn, Claim],
        "A store that only works inside one handle is no store."
    ),
    case!(
        mt_2_namespaces_do_not_see_each_other,
        ["MT-2", "ME-3"],
        ["N1"],
        [Spawn, Claim, Wait, Emit, Cancel, Outcome, ListQueues],
        "Two applications on one server must not share their queues."
    ),
    case!(
        mt_3_many_may_open_an_empty_namespace_at_once,
        ["MT-3"],
        ["F1"],
        [Spawn, Claim],
        "All processes of a deployment start at one moment."
    ),
    case!(
        mt_4_what_was_written_outlives_every_handle,
        ["MT-4", "SL-10", "CP-14", "CL-10"],
        ["F1", "F3", "C3", "W4"],
        [Spawn, Claim, Save, Load, Wait, Emit, Outcome],
        "A deployment ends every process that knows of a task, and the next one has to go on with it."
    )
    .of(Capability::Durable),
    case!(
        mt_10_a_store_works_on_any_runtime,
        ["MT-10"],
        ["F1"],
        [Spawn, Claim],
        "A library cannot choose its application's runtime."
    ),
];

async fn mt_1_what_one_handle_writes_the_other_sees(ctx: Ctx) -> Verdict {
    for (writes, reads) in [(&ctx.a, &ctx.b), (&ctx.b, &ctx.a)] {
        let idle = reads.claim(ctx.claim_request(10)?).await?.claims;
        holds("what there is before", idle.is_empty(), &idle, "nothing")?;
        let task = job()?;
        writes.spawn(SpawnRequest::new(ctx.queue.clone(), vec![task.clone()])).await?;
        let claim = one("the claims of the other handle", reads.claim(ctx.claim_request(10)?).await?.claims)?;
        same("the claimed task", &claim.token.task, &task.id)?;
        let end = RunEnd { token: claim.token, ending: complete() };
        let answer = writes.claim(ctx.claim_request(0)?.ending(vec![end])).await?;
        let answer = one("the answers", answer.ends)?.map_err(Refusal::from);
        same("the end on the first handle", &answer, &Ok(EndAnswer::Completed))?;
    }
    Ok(())
}

async fn mt_2_namespaces_do_not_see_each_other(ctx: Ctx) -> Verdict {
    let other = ctx.elsewhere().await?;
    let here = ctx.spawn(keyed("once", "f")?).await?;
    let there = other.spawn(keyed("once", "other")?).await?;
    other.another_queue("only there").await?;
    let page = ctx.store().list_queues(ListQueuesRequest::new(None, 10)).await?;
    let names: Vec<_> = page.items.into_iter().map(|queue| queue.name).collect();
    same("the queues here", &names, &vec![ctx.queue.clone()])?;
    let foreign = other.claim_task(there).await?;
    same("a token from there", &ctx.try_end(foreign.token, complete()).await?, &Err(Refusal::ClaimLost))?;
    same("the outcome here of a task from there", &ctx.outcome(there).await?, &Outcome::NotFound)?;
    same("a cancel here of a task from there", &ctx.cancel(there).await?, &CancelAnswer::NotFound)?;
    let token = ctx.claim_task(here).await?.token;
    let (step_key, name) = (key("k")?, event("e")?);
    ctx.suspend_on(token, on_event(&step_key, &name, None)).await?;
    other.emit(&name, "1").await?;
    ctx.claims_nothing("a claim here after the event was emitted there").await?;
    ctx.emit(&name, "2").await?;
    let claim = ctx.claim_task(here).await?;
    same("the event here", &ctx.met(claim.token, &step_key).await?.end, &value("2"))
}

async fn mt_3_many_may_open_an_empty_namespace_at_once(ctx: Ctx) -> Verdict {
    let handles = ctx.opened_at_once(8).await?;
    let put = || PutQueueRequest::new(ctx.queue.clone(), QueueState::Open);
    let puts = futures::future::try_join_all(handles.iter().map(|store| store.put_queue(put()))).await?;
    let created = puts.iter().filter(|put| **put == PutQueueAnswer::Created).count();
    same("how many created the queue", &created, &1)?;
    for store in &handles {
        store.spawn(SpawnRequest::new(ctx.queue.clone(), vec![job()?])).await?;
    }
    let last = some("a handle", handles.last())?;
    same("the claims of the last one", &last.claim(ctx.claim_request(10)?).await?.claims.len(), &8)
}

async fn mt_4_what_was_written_outlives_every_handle(ctx: Ctx) -> Verdict {
    let running = ctx.running().await?;
    ctx.save(step(running, &key("s")?, "1")).await?;
    let asleep = ctx.running().await?;
    ctx.suspend_on(asleep, on_time(&key("k")?, 1_000)).await?;
    let waiting = ctx.running().await?;
    ctx.suspend_on(waiting, on_event(&key("k")?, &event("e")?, None)).await?;
    ctx.emit(&event("before")?, "1").await?;
    let done = ctx.spawn(keyed("once", "f")?).await?;
    let token = ctx.claim_task(done).await?.token;
    ctx.complete(token).await?;
    let before = ctx.snapshot().await?;

    let ctx = ctx.reopened().await?;
    ctx.unchanged(&before, "closing and opening the store").await?;
    same("a result", &ctx.outcome(done).await?, &Outcome::Completed(json("null")))?;
    let again = ctx.spawn_all(vec![keyed("once", "f")?]).await?;
    same("an idempotency key", &again, &vec![Spawned { task: done, created: false }])?;
    same("a claim that still holds", &ctx.load(running).await?.len(), &1)?;
    ctx.complete(running).await?;
    ctx.emit(&event("e")?, "2").await?;
    let woken = ctx.claim_task(waiting.task).await?;
    same("what a waiter gets", &ctx.met(woken.token, &key("k")?).await?.end, &value("2"))?;
    ctx.advance(999);
    ctx.claims_nothing("a claim of the task that sleeps").await?;
    ctx.advance(1);
    let claim = ctx.claim_task(asleep.task).await?;
    holds("its token", claim.token.claim > asleep.claim, claim.token.claim, "a later one")?;
    same("the token before", &ctx.try_load(asleep).await?, &Err(Refusal::ClaimLost))
}

async fn mt_10_a_store_works_on_any_runtime(ctx: Ctx) -> Verdict {
    let (here, there) = (ctx.clone(), ctx.clone());
    let other = tokio::task::spawn_blocking(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| Violation::new("a runtime", error.to_string(), "a runtime"))?;
        runtime.block_on(async move {
            let store = there.handle().await?;
            let on = there.over(&store, &store);
            let token = on.running().await?;
            on.complete(token).await?;
            on.spawn_one().await
        })
    });
    let ended =
        other.await.map_err(|panic| Violation::new("the other runtime", panic.to_string(), "no panic"));
    let task = ended??;
    let claim = here.claim_task(task).await?;
    // The last handle may be dropped where no runtime is.
    let elsewhere = here.elsewhere().await?;
    elsewhere.running().await?;
    let dropped = std::thread::spawn(move || drop(elsewhere)).join();
    holds("the drop of the last handles on a plain thread", dropped.is_ok(), "a panic", "none")?;
    here.complete(claim.token).await
}
