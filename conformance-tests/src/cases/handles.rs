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
        [Spawn, Claim, ListQueues],
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
    ctx.claim_task(here).await?;
    Ok(())
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
    here.claim_task(task).await?;
    Ok(())
}
