//! `put_queue`, `drop_queue` and `list_queues`.

use crate::prelude::*;

const GROUP: &str = "queues";

pub(super) const CASES: &[Case] = &[
    case!(
        qu_1_putting_a_queue_says_what_it_did,
        ["QU-1", "QU-2"],
        ["C2"],
        [ListQueues],
        "An operator who cannot tell a change from a repeat cannot script either."
    ),
    case!(
        qu_3_a_list_has_exactly_the_queues_by_their_bytes,
        ["QU-3", "NM-7"],
        ["N1"],
        [ListQueues],
        "A queue that no list shows is served by nobody."
    ),
    case!(
        qu_4_only_an_empty_queue_is_dropped,
        ["QU-4", "QU-7"],
        ["U3"],
        [DropQueue, Spawn, Claim, Emit, Purge, Outcome],
        "A drop that takes work with it loses what was acknowledged."
    ),
    case!(
        qu_5_dropping_what_is_missing_changes_nothing,
        ["QU-5"],
        ["F1"],
        [DropQueue, ListQueues],
        "A repeated drop has to say that there is nothing left to do."
    ),
    case!(
        qu_6_no_verb_creates_the_queue_it_misses,
        ["QU-6"],
        ["C3"],
        [ListQueues],
        "A misspelt queue that appears by itself swallows the work that is sent to it."
    ),
    case!(
        qu_8_a_queue_made_anew_remembers_nothing,
        ["QU-8"],
        ["C3", "U3", "S1"],
        [DropQueue, Spawn, Claim, Save, Load, Wait, Emit, Purge, Outcome, Events],
        "What a dropped queue held must not come back under its name."
    ),
    case!(
        qu_9_queues_are_worlds_of_their_own,
        ["QU-9", "EV-15", "SP-8", "CL-12"],
        ["C3", "S1"],
        [Spawn, Claim, Wait, Emit, Cancel, Outcome],
        "An event, a key or a token that works across queues mixes up two applications."
    ),
    case!(
        qu_10_similar_names_are_different_queues,
        ["QU-10", "NM-2", "NM-3"],
        ["N1"],
        [ListQueues, Spawn, Claim],
        "Two queues that a store merges give one worker the other's tasks."
    ),
    case!(
        qu_11_a_paused_queue_gives_no_claims_and_stops_nothing,
        ["QU-11"],
        ["C2"],
        [Spawn, Claim, Save, Emit, Extend],
        "A pause that lets claims through, or breaks running ones, is no pause."
    ),
    case!(
        c7_a_repeated_spawn_is_the_same_task_in_a_sealed_queue,
        ["SP-16"],
        ["C7", "S1"],
        [PutQueue, Spawn],
        "A caller whose first reply was lost must not be told that nothing was spawned."
    ),
    case!(
        c2_a_sealed_queue_takes_nothing_new,
        [],
        ["C2", "S2"],
        [Spawn, Claim, Save, Emit],
        "A queue that is to be dropped must run dry."
    ),
];

async fn list(ctx: &Ctx, limit: u32) -> Result<Vec<QueueView>, Violation> {
    let (mut listed, mut cursor) = (Vec::new(), None);
    loop {
        let page = ctx.store().list_queues(ListQueuesRequest::new(cursor, limit)).await?;
        holds("a page of queues", page.items.len() <= limit as usize, &page, "at most as many as asked for")?;
        listed.extend(page.items);
        cursor = page.next;
        if cursor.is_none() {
            return Ok(listed);
        }
    }
}

async fn qu_1_putting_a_queue_says_what_it_did(ctx: Ctx) -> Verdict {
    use PutQueueAnswer::{Changed, Created, Unchanged};
    same("put of the same state", &ctx.put(QueueState::Open).await?, &Unchanged)?;
    same("put of another state", &ctx.put(QueueState::Paused).await?, &Changed)?;
    same("put of that state again", &ctx.put(QueueState::Paused).await?, &Unchanged)?;
    same("put of a third state", &ctx.put(QueueState::Sealed).await?, &Changed)?;
    let other = ctx.on(&QueueName::new("other")?);
    same("put of a new queue", &other.put(QueueState::Sealed).await?, &Created)?;
    same("put of it again", &other.put(QueueState::Sealed).await?, &Unchanged)?;
    let states: Vec<_> = list(&ctx, 10).await?.into_iter().map(|queue| queue.state).collect();
    same("the states", &states, &vec![QueueState::Sealed, QueueState::Sealed])
}

async fn qu_3_a_list_has_exactly_the_queues_by_their_bytes(ctx: Ctx) -> Verdict {
    let mut names = vec!["main", "B", "a", "a%", "a_b", "é", "zz", "{t}", "a:b", "A"];
    for name in names.iter().filter(|name| **name != "main") {
        ctx.another_queue(name).await?;
    }
    names.sort_unstable();
    for limit in [1, 3, 1_000] {
        let listed: Vec<_> = list(&ctx, limit).await?.into_iter().map(|queue| queue.name).collect();
        let texts: Vec<_> = listed.iter().map(QueueName::as_str).collect();
        same(&format!("the queues in pages of {limit}"), &texts, &names)?;
    }
    Ok(())
}

async fn drop_queue(ctx: &Ctx) -> Result<DropQueueAnswer, Violation> {
    Ok(ctx.store().drop_queue(DropQueueRequest::new(ctx.queue.clone())).await?)
}

async fn qu_4_only_an_empty_queue_is_dropped(ctx: Ctx) -> Verdict {
    let task = ctx.spawn_one().await?;
    let before = ctx.snapshot().await?;
    same("drop with a pending task", &drop_queue(&ctx).await?, &DropQueueAnswer::NotEmpty)?;
    ctx.unchanged(&before, "a refused drop").await?;
    let claim = ctx.claim_task(task).await?;
    same("drop with a running task", &drop_queue(&ctx).await?, &DropQueueAnswer::NotEmpty)?;
    ctx.complete(claim.token).await?;
    same("drop with an ended task", &drop_queue(&ctx).await?, &DropQueueAnswer::NotEmpty)?;
    same("the ended task", &ctx.outcome(task).await?, &Outcome::Completed(json("null")))?;
    ctx.purge(0).await?;
    ctx.emit(&event("e")?, "1").await?;
    same("drop with an event", &drop_queue(&ctx).await?, &DropQueueAnswer::NotEmpty)?;
    ctx.purge(0).await?;
    same("drop of an empty queue", &drop_queue(&ctx).await?, &DropQueueAnswer::Dropped)?;
    same("drop once more", &drop_queue(&ctx).await?, &DropQueueAnswer::NotFound)
}

async fn qu_5_dropping_what_is_missing_changes_nothing(ctx: Ctx) -> Verdict {
    let missing = ctx.on(&QueueName::new("missing")?);
    same("drop of a missing queue", &drop_queue(&missing).await?, &DropQueueAnswer::NotFound)?;
    let names: Vec<_> = list(&ctx, 10).await?.into_iter().map(|queue| queue.name).collect();
    same("the queues", &names, &vec![ctx.queue.clone()])?;
    same("drop of the empty queue", &drop_queue(&ctx).await?, &DropQueueAnswer::Dropped)?;
    same("the queues after it", &list(&ctx, 10).await?, &vec![])
}

async fn qu_6_no_verb_creates_the_queue_it_misses(ctx: Ctx) -> Verdict {
    let missing = ctx.on(&QueueName::new("missing")?);
    open_verbs_miss_the_queue(&missing).await?;
    inspection_misses_the_queue(&missing).await?;
    fenced_verbs_miss_the_queue(&missing).await?;
    let names: Vec<_> = list(&ctx, 10).await?.into_iter().map(|queue| queue.name).collect();
    same("the queues", &names, &vec![ctx.queue.clone()])
}

async fn open_verbs_miss_the_queue(on: &Ctx) -> Verdict {
    let (store, queue) = (&on.a, on.queue.clone());
    let wanted = StoreErrorKind::NotFound;
    if on.has(Verb::Spawn) {
        fault("spawn", store.spawn(SpawnRequest::new(queue.clone(), vec![job()?])).await, wanted)?;
    }
    if on.has(Verb::Cancel) {
        let request = CancelRequest::new(queue.clone(), TaskId::new(), requested());
        fault("cancel", store.cancel(request).await, wanted)?;
    }
    if on.has(Verb::Retry) {
        fault("retry", store.retry(RetryRequest::new(queue.clone(), TaskId::new(), 1, None)).await, wanted)?;
    }
    if on.has(Verb::Outcome) {
        fault("outcome", store.outcome(OutcomeRequest::new(queue.clone(), TaskId::new())).await, wanted)?;
    }
    if on.has(Verb::Emit) {
        let request = EmitRequest::new(queue.clone(), write(&event("e")?, "1"));
        fault("emit", store.emit(request).await, wanted)?;
    }
    if on.has(Verb::Tick) {
        fault("tick", store.tick(TickRequest::new(queue.clone(), 10)).await, wanted)?;
    }
    if on.has(Verb::Purge) {
        let request = PurgeRequest::new(queue, vec![EndState::Failed], Millis::ZERO, 10);
        fault("purge", store.purge(request).await, wanted)?;
    }
    Ok(())
}

async fn inspection_misses_the_queue(on: &Ctx) -> Verdict {
    let (store, queue) = (&on.a, on.queue.clone());
    let wanted = StoreErrorKind::NotFound;
    if on.has(Verb::Task) {
        fault("task", store.task(TaskRequest::new(queue.clone(), TaskId::new())).await, wanted)?;
    }
    if on.has(Verb::Tasks) {
        fault("tasks", store.tasks(TasksRequest::new(queue.clone(), None)).await, wanted)?;
    }
    if on.has(Verb::Events) {
        fault("events", store.events(EventsRequest::new(queue.clone(), None)).await, wanted)?;
    }
    if on.has(Verb::Counts) {
        fault("counts", store.counts(CountsRequest::new(queue)).await, wanted)?;
    }
    Ok(())
}

async fn fenced_verbs_miss_the_queue(on: &Ctx) -> Verdict {
    let token = Token { task: TaskId::new(), call: CallId::new(), claim: 1 };
    let step_key = key("k")?;
    if on.has(Verb::Claim) {
        fault("claim", on.a.claim(on.claim_request(1)?).await, StoreErrorKind::NotFound)?;
        same("the end of a run", &on.try_end(token, complete()).await?, &Err(Refusal::ClaimLost))?;
    }
    if on.has(Verb::Extend) {
        same("extend", &on.try_extend(token, LEASE).await?, &Err(Refusal::ClaimLost))?;
    }
    if on.has(Verb::Wait) {
        let answer = on.try_wait(token, vec![on_time(&step_key, 1)], None).await?;
        same("wait", &answer, &Err(Refusal::ClaimLost))?;
    }
    if on.has(Verb::Save) {
        let answer = on.try_save(step(token, &step_key, "1")).await?;
        same("save", &answer, &Err(Refusal::ClaimLost))?;
    }
    if on.has(Verb::Load) {
        same("load", &on.try_load(token).await?, &Err(Refusal::ClaimLost))?;
    }
    Ok(())
}

async fn qu_8_a_queue_made_anew_remembers_nothing(ctx: Ctx) -> Verdict {
    let (name, step_key) = (event("e")?, key("k")?);
    let mut unborn = keyed("once", "x")?;
    let first = ctx.spawn(unborn.clone()).await?;
    let old = ctx.claim_task(first).await?.token;
    ctx.save(step(old, &key("s")?, "1")).await?;
    ctx.emit(&name, "1").await?;
    ctx.complete(old).await?;
    ctx.purge(0).await?;
    same("drop", &drop_queue(&ctx).await?, &DropQueueAnswer::Dropped)?;
    same("put", &ctx.put(QueueState::Open).await?, &PutQueueAnswer::Created)?;

    same("the old task", &ctx.outcome(first).await?, &Outcome::NotFound)?;
    same("the old token", &ctx.try_end(old, complete()).await?, &Err(Refusal::ClaimLost))?;
    let events = ctx.store().events(EventsRequest::new(ctx.queue.clone(), None)).await?;
    same("the events", &events.items, &vec![])?;
    let second = ctx.spawn(keyed("once", "y")?).await?;
    let token = ctx.claim_task(second).await?.token;
    ctx.suspend_on(token, on_event(&step_key, &name, None)).await?;
    ctx.claims_nothing("a claim while the new queue has no such event").await?;
    ctx.emit(&name, "2").await?;
    let claim = ctx.claim_task(second).await?;
    same("the event of the new queue", &ctx.met(claim.token, &step_key).await?.end, &value("2"))?;
    unborn.idempotency = None;
    let anew = ctx.spawn(unborn).await?;
    let claim = ctx.claim_task(anew).await?;
    same("the checkpoints of a task with the old id", &ctx.load(claim.token).await?, &vec![])?;
    same("the old token of that id", &ctx.try_end(old, complete()).await?, &Err(Refusal::ClaimLost))?;
    ctx.complete(claim.token).await
}

async fn qu_9_queues_are_worlds_of_their_own(ctx: Ctx) -> Verdict {
    let (name, step_key) = (event("e")?, key("k")?);
    let other = ctx.another_queue("other").await?;
    let here = ctx.spawn(keyed("once", "x")?).await?;
    let there = other.spawn(keyed("once", "y")?).await?;
    let token = ctx.claim_task(here).await?.token;
    let foreign = other.claim_task(there).await?.token;
    ctx.suspend_on(token, on_event(&step_key, &name, None)).await?;
    other.suspend_on(foreign, on_event(&step_key, &name, None)).await?;

    other.emit(&name, "2").await?;
    ctx.claims_nothing("a claim here after the event was emitted there").await?;
    same("cancel there of a task from here", &other.cancel(here).await?, &CancelAnswer::NotFound)?;
    same("the outcome there of a task from here", &other.outcome(here).await?, &Outcome::NotFound)?;
    let claim = other.claim_task(there).await?;
    let before = other.snapshot().await?;
    same(
        "a token in the other queue",
        &ctx.try_end(claim.token, complete()).await?,
        &Err(Refusal::ClaimLost),
    )?;
    other.unchanged(&before, "a token in the other queue").await?;
    other.complete(claim.token).await?;

    ctx.emit(&name, "1").await?;
    let claim = ctx.claim_task(here).await?;
    same("the event here", &ctx.met(claim.token, &step_key).await?.end, &value("1"))
}

async fn qu_10_similar_names_are_different_queues(ctx: Ctx) -> Verdict {
    let long = "q".repeat(254);
    let pairs = [
        (format!("{long}a"), format!("{long}b")),
        ("Case".to_owned(), "case".to_owned()),
        ("caf\u{e9}".to_owned(), "cafe\u{301}".to_owned()),
        ("a:b".to_owned(), "a".to_owned()),
        ("{x}".to_owned(), "x".to_owned()),
        ("end ".to_owned(), "end".to_owned()),
    ];
    for (left, right) in &pairs {
        let (left, right) = (ctx.another_queue(left).await?, ctx.another_queue(right).await?);
        let task = left.spawn_one().await?;
        right.claims_nothing(&format!("a claim from {} of a task in {}", right.queue, left.queue)).await?;
        left.claim_task(task).await?;
    }
    same("how many queues there are", &list(&ctx, 1_000).await?.len(), &(1 + 2 * pairs.len()))
}

async fn qu_11_a_paused_queue_gives_no_claims_and_stops_nothing(ctx: Ctx) -> Verdict {
    let running = ctx.running().await?;
    let second = ctx.spawn_one().await?;
    ctx.put(QueueState::Paused).await?;
    ctx.claims_nothing("a claim from a paused queue").await?;
    ctx.save(step(running, &key("s")?, "1")).await?;
    same("extend in a paused queue", &ctx.try_extend(running, LEASE).await?.is_ok(), &true)?;
    same("emit to a paused queue", &ctx.emit(&event("e")?, "1").await?, &EmitAnswer::Written)?;
    let third = ctx.spawn(job_with(|task| task.priority = 1)?).await?;
    ctx.complete(running).await?;
    ctx.claims_nothing("a claim from the queue that is still paused").await?;
    ctx.put(QueueState::Open).await?;
    let claimed: Vec<_> = ctx.claim(10).await?.into_iter().map(|claim| claim.token.task).collect();
    same("the order after the pause", &claimed, &vec![third, second])
}

async fn c7_a_repeated_spawn_is_the_same_task_in_a_sealed_queue(ctx: Ctx) -> Verdict {
    let known = job()?;
    let task = ctx.spawn(known.clone()).await?;
    ctx.put(QueueState::Sealed).await?;
    let before = ctx.snapshot().await?;
    let spawn = async |tasks| ctx.store().spawn(SpawnRequest::new(ctx.queue.clone(), tasks)).await;
    let again = SpawnAnswer::Spawned(vec![Spawned { task, created: false }]);
    same("the spawn repeated", &spawn(vec![known.clone()]).await?, &again)?;
    same("with one that is new", &spawn(vec![known, job()?]).await?, &SpawnAnswer::QueueClosed)?;
    ctx.unchanged(&before, "what a sealed queue refuses").await
}

async fn c2_a_sealed_queue_takes_nothing_new(ctx: Ctx) -> Verdict {
    let running = ctx.running().await?;
    ctx.put(QueueState::Sealed).await?;
    let before = ctx.snapshot().await?;
    let spawn = ctx.store().spawn(SpawnRequest::new(ctx.queue.clone(), vec![job()?])).await?;
    same("spawn into a sealed queue", &spawn, &SpawnAnswer::QueueClosed)?;
    let children = vec![child("c", ParentClosePolicy::Cancel)?];
    let save = ctx.try_save(spawning(running, &key("$spawn")?, children)).await?;
    same("a child in a sealed queue", &save, &Ok(SaveAnswer::QueueClosed))?;
    ctx.unchanged(&before, "what a sealed queue refuses").await?;
    same("emit to a sealed queue", &ctx.emit(&event("e")?, "1").await?, &EmitAnswer::Written)?;
    ctx.save(step(running, &key("s")?, "1")).await?;
    ctx.end(running, release(0)).await?;
    ctx.claims_nothing("a claim from a sealed queue").await?;
    ctx.put(QueueState::Open).await?;
    let claim = ctx.claim_task(running.task).await?;
    ctx.complete(claim.token).await
}
