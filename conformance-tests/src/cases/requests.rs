//! Requests without a meaning, over the limits or for verbs that are not there: typed, and without any effect.

use std::fmt::Debug;

use durable_core::store::{Effect, FencedError, StoreError};

use crate::prelude::*;

const GROUP: &str = "requests";

pub(super) const CASES: &[Case] = &[
    case!(
        mt_6_what_is_over_a_limit_is_invalid_and_changes_nothing,
        ["MT-6", "SP-13", "OB-2", "OB-3"],
        ["S3", "C7", "F1"],
        [Spawn, Claim, Extend, Wait, Save, Retry],
        "A request that is cut off in silence loses what was cut."
    ),
    case!(
        mt_6_a_limit_may_be_any_number,
        ["MT-6", "RE-3"],
        ["U1", "U3"],
        [Spawn, Claim, Save, Load, Emit, Tick, Purge, ListQueues, Task, Tasks, Events],
        "A limit comes from a configuration, and a page of none must not turn in a circle for ever."
    ),
    case!(
        mt_7_a_verb_that_is_not_declared_is_unsupported,
        ["MT-7"],
        ["F3"],
        [],
        "A verb that answers and does nothing is worse than none."
    ),
];

/// What stands in every payload of these cases, and in no fault.
const SECRET: &str = r#""4711""#;

/// Wants a fault of this kind that names its verb, says on what, and shows no payload.
fn refused<T: Debug>(what: &str, answer: Result<T, StoreError>, verb: Verb, kind: StoreErrorKind) -> Verdict {
    match answer {
        Err(error) if error.kind == kind && !error.may_have_happened => {
            same(&format!("the verb of the fault of {what}"), &error.verb, &verb)?;
            holds(&format!("on what {what} failed"), !error.context.is_empty(), &error, "some words")?;
            let shown = format!("{error} {error:?}");
            holds(&format!("the fault of {what}"), !shown.contains("4711"), &shown, "no payload")
        }
        other => Err(Violation::new(what, format!("{other:?}"), format!("{kind:?}, nothing written"))),
    }
}

fn secret_job() -> Result<NewTask, Violation> {
    job_with(|task| task.params = json(SECRET))
}

fn times<T: Clone>(count: usize, item: &T) -> Vec<T> {
    vec![item.clone(); count]
}

async fn mt_6_what_is_over_a_limit_is_invalid_and_changes_nothing(ctx: Ctx) -> Verdict {
    let token = ctx.running().await?;
    let failed = ctx.running().await?;
    ctx.end(failed, fail_for_good()).await?;
    for store in [&ctx.a, &ctx.b] {
        let on = ctx.over(store, store);
        spawns_and_retries(&on, failed.task).await?;
        writes_under_a_claim(&on, token).await?;
    }
    // Under the limit the same is fine.
    ctx.save(step(token, &key("s")?, SECRET)).await?;
    ctx.complete(token).await
}

async fn spawns_and_retries(ctx: &Ctx, failed: TaskId) -> Verdict {
    let before = ctx.snapshot().await?;
    let parent = child("c", ParentClosePolicy::Cancel)?;
    let many = (0..1_001).map(|_| secret_job()).collect::<Result<Vec<_>, _>>()?;
    for (what, tasks) in [("1,001 tasks", many), ("a child without a parent", vec![secret_job()?, parent])] {
        let answer = ctx.store().spawn(SpawnRequest::new(ctx.queue.clone(), tasks)).await;
        refused(what, answer, Verb::Spawn, StoreErrorKind::Invalid)?;
        ctx.unchanged(&before, what).await?;
    }
    for attempts in [0, -1, i32::MIN] {
        let what = format!("a retry with {attempts} attempts");
        let answer = ctx.store().retry(RetryRequest::new(ctx.queue.clone(), failed, attempts, None)).await;
        refused(&what, answer, Verb::Retry, StoreErrorKind::Invalid)?;
        ctx.unchanged(&before, &what).await?;
    }
    Ok(())
}

async fn writes_under_a_claim(ctx: &Ctx, token: Token) -> Verdict {
    let before = ctx.snapshot().await?;
    let (store, queue) = (ctx.store(), ctx.queue.clone());
    let end = RunEnd { token, ending: Ending::Complete { result: json(SECRET) } };
    let ends = ctx.claim_request(0)?.ending(times(1_001, &end));
    refused("1,001 ends", store.claim(ends).await, Verb::Claim, StoreErrorKind::Invalid)?;
    let items = times(1_001, &ExtendItem { token, lease: lease(5 * LEASE)? });
    let answer = store.extend(ExtendRequest::new(queue.clone(), items)).await;
    refused("1,001 extensions", answer, Verb::Extend, StoreErrorKind::Invalid)?;
    let waits = times(1_001, &on_time(&key("k")?, 1));
    let answer =
        store.wait(WaitRequest::new(queue.clone(), vec![WaitItem { token, waits, rest: None }])).await;
    refused("1,001 waits", answer, Verb::Wait, StoreErrorKind::Invalid)?;
    let items = times(1_001, &step(token, &key("s")?, SECRET));
    let answer = store.save(SaveRequest::new(queue.clone(), items)).await;
    refused("1,001 checkpoints", answer, Verb::Save, StoreErrorKind::Invalid)?;
    let children = (0..1_000).map(|n| child(&n.to_string(), ParentClosePolicy::Cancel));
    let item = spawning(token, &key("$spawn")?, children.collect::<Result<_, _>>()?);
    let answer = store.save(SaveRequest::new(queue, vec![item])).await;
    refused("a checkpoint with 1,000 children", answer, Verb::Save, StoreErrorKind::Invalid)?;
    ctx.unchanged(&before, "what was over the limit").await?;

    let orphan = SaveItem {
        kind: CheckpointKind::Spawn,
        effect: Effect::Spawn(vec![secret_job()?]),
        ..step(token, &key("$orphan")?, "[]")
    };
    let answers = ctx.store().save(SaveRequest::new(ctx.queue.clone(), vec![orphan])).await?;
    match one("the answers", answers)? {
        Err(FencedError::Fault(fault)) => {
            refused::<()>("a child without a join key", Err(fault), Verb::Save, StoreErrorKind::Invalid)?;
        }
        other => return holds("a child without a join key", false, &other, "Invalid"),
    }
    ctx.unchanged(&before, "a child without a join key").await
}

async fn mt_6_a_limit_may_be_any_number(ctx: Ctx) -> Verdict {
    let token = ctx.running().await?;
    for name in ["1", "2", "3"] {
        ctx.save(step(token, &key(name)?, "1")).await?;
        ctx.emit(&event(name)?, "1").await?;
        ctx.another_queue(name).await?;
        ctx.spawn(job_with(|task| task.delay = millis(LEASE / 2))?).await?;
    }
    for limit in [0, 1, 2, 1_001, u32::MAX] {
        same(&format!("what a list by {limit} has"), &listed(&ctx, token, limit).await?, &[4, 4, 3, 3])?;
        same(&format!("what a load by {limit} has"), &loaded(&ctx, token, limit).await?, &3)?;
    }
    ctx.advance(LEASE / 2);
    same("what a tick by none does", &tick_by(&ctx, 0).await?.started, &1)?;
    same("what a tick by all does", &tick_by(&ctx, u32::MAX).await?.started, &2)?;
    let mut purged = 0;
    for limit in [0, u32::MAX] {
        let states = vec![EndState::Completed];
        let purge = PurgeRequest::new(ctx.queue.clone(), states, Millis::ZERO, limit).with_events();
        let answer = ctx.store().purge(purge).await?;
        purged += answer.purged;
        same(&format!("whether there is more after a purge by {limit}"), &answer.more, &(limit == 0))?;
    }
    same("what is purged", &purged, &3)
}

async fn tick_by(ctx: &Ctx, limit: u32) -> Result<TickAnswer, Violation> {
    Ok(ctx.store().tick(TickRequest::new(ctx.queue.clone(), limit)).await?)
}

/// How many queues, tasks, events and entries of a history a list by this limit has.
async fn listed(ctx: &Ctx, token: Token, limit: u32) -> Result<[usize; 4], Violation> {
    let (mut found, mut pages) = ([0; 4], 0);
    let mut cursor = None;
    loop {
        let page = ctx.store().list_queues(ListQueuesRequest::new(cursor, limit)).await?;
        (found[0], pages, cursor) = (found[0] + page.items.len(), pages + 1, page.next);
        if cursor.is_none() || pages > 20 {
            break;
        }
    }
    let (mut tasks, mut events) =
        (TasksRequest::new(ctx.queue.clone(), None), EventsRequest::new(ctx.queue.clone(), None));
    (tasks.limit, events.limit) = (limit, limit);
    loop {
        let page = ctx.store().tasks(tasks.clone()).await?;
        (found[1], pages, tasks.cursor) = (found[1] + page.items.len(), pages + 1, page.next);
        if tasks.cursor.is_none() || pages > 40 {
            break;
        }
    }
    loop {
        let page = ctx.store().events(events.clone()).await?;
        (found[2], pages, events.cursor) = (found[2] + page.items.len(), pages + 1, page.next);
        if events.cursor.is_none() || pages > 60 {
            break;
        }
    }
    let mut request = TaskRequest::new(ctx.queue.clone(), token.task);
    request.limit = limit;
    loop {
        let history = some("the task", ctx.store().task(request.clone()).await?)?.history;
        (found[3], pages) = (found[3] + history.items.len(), pages + 1);
        match history.next {
            Some(next) if pages < 80 => request = request.after(next),
            _ => return Ok(found),
        }
    }
}

async fn loaded(ctx: &Ctx, token: Token, limit: u32) -> Result<usize, Violation> {
    let (mut found, mut after) = (0, 0);
    for _ in 0..20 {
        let page = ctx.store().load(LoadRequest::new(ctx.queue.clone(), token, after, limit)).await?;
        found += page.checkpoints.len();
        after = page.checkpoints.last().map_or(after, |stored| stored.order);
        if !page.more {
            break;
        }
    }
    Ok(found)
}

async fn mt_7_a_verb_that_is_not_declared_is_unsupported(ctx: Ctx) -> Verdict {
    // Hints are a stream that may stay empty: a store without them has nothing to refuse.
    let missing: Vec<_> =
        Verb::ALL.into_iter().filter(|verb| *verb != Verb::Hints && !ctx.has(*verb)).collect();
    let before = ctx.snapshot().await?;
    for verb in missing {
        for store in [&ctx.a, &ctx.b] {
            let answer = asked(&ctx.over(store, store), verb).await?;
            refused(verb.name(), answer, verb, StoreErrorKind::Unsupported)?;
            ctx.unchanged(&before, verb.name()).await?;
        }
    }
    Ok(())
}

/// Calls a verb with a request that any store with the verb would answer; a fenced fault comes out of its item.
async fn asked(ctx: &Ctx, verb: Verb) -> Result<Result<(), StoreError>, Violation> {
    let (store, queue) = (ctx.store(), ctx.queue.clone());
    let token = Token { task: TaskId::new(), call: CallId::new(), claim: 1 };
    let task = token.task;
    let states = vec![EndState::Completed];
    Ok(match verb {
        Verb::PutQueue => store.put_queue(PutQueueRequest::new(queue, QueueState::Paused)).await.map(drop),
        Verb::DropQueue => store.drop_queue(DropQueueRequest::new(queue)).await.map(drop),
        Verb::ListQueues => store.list_queues(ListQueuesRequest::new(None, 10)).await.map(drop),
        Verb::Spawn => store.spawn(SpawnRequest::new(queue, vec![job()?])).await.map(drop),
        Verb::Cancel => store.cancel(CancelRequest::new(queue, task, requested())).await.map(drop),
        Verb::Retry => store.retry(RetryRequest::new(queue, task, 1, None)).await.map(drop),
        Verb::Outcome => store.outcome(OutcomeRequest::new(queue, task)).await.map(drop),
        Verb::Claim => store.claim(ctx.claim_request(1)?).await.map(drop),
        Verb::Extend => {
            let items = vec![ExtendItem { token, lease: lease(LEASE)? }];
            store.extend(ExtendRequest::new(queue, items)).await.map(drop)
        }
        Verb::Wait => {
            let items = vec![WaitItem { token, waits: vec![on_time(&key("k")?, 1)], rest: None }];
            store.wait(WaitRequest::new(queue, items)).await.map(drop)
        }
        Verb::Save => store.save(SaveRequest::new(queue, vec![step(token, &key("s")?, "1")])).await.map(drop),
        Verb::Load => match store.load(LoadRequest::new(queue, token, 0, 10)).await {
            Err(FencedError::Fault(fault)) => Err(fault),
            other => {
                holds("load", false, &other, "Unsupported")?;
                Ok(())
            }
        },
        Verb::Emit => store.emit(EmitRequest::new(queue, write(&event("e")?, "1"))).await.map(drop),
        Verb::Tick => store.tick(TickRequest::new(queue, 10)).await.map(drop),
        Verb::Purge => store.purge(PurgeRequest::new(queue, states, Millis::ZERO, 10)).await.map(drop),
        Verb::Task => store.task(TaskRequest::new(queue, task)).await.map(drop),
        Verb::Tasks => store.tasks(TasksRequest::new(queue, None)).await.map(drop),
        Verb::Events => store.events(EventsRequest::new(queue, None)).await.map(drop),
        Verb::Counts => store.counts(CountsRequest::new(queue)).await.map(drop),
        Verb::Hints => Ok(()),
    })
}
