//! Names are kept as they are, and never collide.

use crate::corpus::names;
use crate::prelude::*;

const GROUP: &str = "names";

pub(super) const CASES: &[Case] = &[
    case!(
        nm_1_of_queues,
        ["NM-1", "NM-2", "NM-3", "NM-4", "QU-10"],
        ["N1"],
        [Spawn, Claim, ListQueues],
        "A queue whose name breaks a key, or meets another's, loses its tasks."
    )
    .heavy(),
    case!(
        nm_1_of_tasks,
        ["NM-1", "NM-2", "NM-3"],
        ["N1", "C2"],
        [Spawn, Claim],
        "A worker must get the tasks that it registered, whatever they are called."
    )
    .heavy(),
    case!(
        nm_1_of_events,
        ["NM-1", "NM-2", "NM-3"],
        ["N1", "E1"],
        [Spawn, Claim, Wait, Emit, Events],
        "An event name may hold an order number, an address or a path."
    )
    .heavy(),
    case!(
        nm_1_of_idempotency_keys,
        ["NM-1", "NM-2", "NM-3", "SP-12"],
        ["N1", "S1"],
        [Spawn],
        "Keys come from outside: two orders must not become one task."
    )
    .heavy(),
    case!(
        nm_1_of_workers,
        ["NM-1"],
        ["N1", "C5"],
        [Spawn, Claim, Tick],
        "A worker is often named after its host, and a host after anything."
    )
    .heavy(),
    case!(
        nm_1_of_checkpoints,
        ["NM-1", "NM-2", "NM-3"],
        ["N1", "P1"],
        [Spawn, Claim, Save, Wait, Load],
        "A key holds the name that the user gave his step."
    )
    .heavy(),
    case!(
        nm_4_names_side_by_side_do_not_run_together,
        ["NM-4"],
        ["N1"],
        [Spawn, Claim, Wait, Emit],
        "A key of two names needs more than a colon between them."
    ),
];

async fn nm_1_of_queues(ctx: Ctx) -> Verdict {
    let mut wanted = vec![ctx.queue.as_str().to_owned()];
    let mut tasks = Vec::new();
    for name in names() {
        let on = ctx.another_queue(&name).await?;
        tasks.push((on.spawn_one().await?, on));
        wanted.push(name);
    }
    for (task, on) in &tasks {
        on.claim_task(*task).await?;
        on.claims_nothing(&format!("a second claim from {:?}", on.queue)).await?;
    }
    let (mut listed, mut cursor) = (Vec::new(), None);
    loop {
        let page = ctx.store().list_queues(ListQueuesRequest::new(cursor, 7)).await?;
        listed.extend(page.items.into_iter().map(|queue| queue.name.as_str().to_owned()));
        cursor = page.next;
        if cursor.is_none() {
            break;
        }
    }
    wanted.sort_unstable();
    same("the queues by their bytes", &listed, &wanted)
}

async fn nm_1_of_tasks(ctx: Ctx) -> Verdict {
    let mut spawned = Vec::new();
    for name in names() {
        spawned.push((ctx.spawn(named(&name)?).await?, name));
    }
    for (task, name) in spawned {
        let mut request = ctx.claim_request(10)?;
        request.names = vec![TaskName::new(&name)?];
        let claim = one(&format!("the tasks named {name:?}"), ctx.claim_with(request).await?.claims)?;
        same("the claimed task", &(claim.token.task, claim.name.as_str()), &(task, name.as_str()))?;
    }
    Ok(())
}

async fn nm_1_of_events(ctx: Ctx) -> Verdict {
    let token = ctx.running().await?;
    let names = names();
    for (index, name) in names.iter().enumerate() {
        let wait = on_event(&key(&format!("k{index}"))?, &event(name)?, None);
        let answer = ctx.wait(token, vec![wait], None).await?;
        same(&format!("a wait for {name:?}"), &answer, &WaitAnswer::Registered)?;
    }
    for (index, name) in names.iter().enumerate() {
        ctx.emit(&event(name)?, &index.to_string()).await?;
    }
    for (index, name) in names.iter().enumerate() {
        let end = ctx.met(token, &key(&format!("k{index}"))?).await?.end;
        same(&format!("what the wait for {name:?} got"), &end, &value(&index.to_string()))?;
    }
    let listed = ctx.store().events(EventsRequest::new(ctx.queue.clone(), None)).await?.items;
    let listed: Vec<_> = listed.into_iter().map(|event| event.name.as_str().to_owned()).collect();
    let mut wanted = names;
    wanted.sort_unstable();
    same("the events by their bytes", &listed, &wanted)
}

async fn nm_1_of_idempotency_keys(ctx: Ctx) -> Verdict {
    let mut first = Vec::new();
    for name in names() {
        first.push((ctx.spawn(keyed(&name, "f")?).await?, name));
    }
    for (task, name) in first {
        let again = ctx.spawn_all(vec![keyed(&name, "f")?]).await?;
        same(&format!("the key {name:?} again"), &again, &vec![Spawned { task, created: false }])?;
        let clash = SpawnRequest::new(ctx.queue.clone(), vec![keyed(&name, "F")?]);
        let wanted = SpawnAnswer::Conflict { index: 0, existing: task };
        same(&format!("the key {name:?} with other params"), &ctx.store().spawn(clash).await?, &wanted)?;
    }
    Ok(())
}

async fn nm_1_of_workers(ctx: Ctx) -> Verdict {
    for name in names() {
        let task = ctx.spawn_one().await?;
        let mut request = ctx.claim_request(1)?;
        request.worker = WorkerName::new(&name)?;
        one("the claims", ctx.claim_with(request).await?.claims)?;
        ctx.advance(LEASE);
        let run = one("the expired runs", ctx.tick().await?.expired)?;
        same("whose run expired", &run.worker.as_str(), &name.as_str())?;
        let claim = ctx.claim_task(task).await?;
        ctx.complete(claim.token).await?;
    }
    Ok(())
}

async fn nm_1_of_checkpoints(ctx: Ctx) -> Verdict {
    let token = ctx.running().await?;
    let mut wanted = names();
    for name in &wanted {
        ctx.save(step(token, &key(name)?, "1")).await?;
    }
    // A key is longer than a name: 512 bytes.
    wanted.push("k".repeat(512));
    wanted.push(format!("{}ab", "é".repeat(255)));
    for name in wanted.iter().skip(wanted.len() - 2) {
        ctx.wait(token, vec![on_time(&key(name)?, 0)], None).await?;
    }
    let loaded = ctx.load(token).await?;
    let keys: Vec<_> = loaded.iter().map(|stored| stored.key.as_str().to_owned()).collect();
    same("the keys, in order", &keys, &wanted)
}

async fn nm_4_names_side_by_side_do_not_run_together(ctx: Ctx) -> Verdict {
    let pairs = [("a:b", "c"), ("a", "b:c"), ("a_", "b"), ("a", "_b"), ("{a}", "b"), ("{a}b", "b")];
    for (queue, _) in pairs {
        if ctx.on(&QueueName::new(queue)?).put(QueueState::Open).await? == PutQueueAnswer::Changed {
            return Err(Violation::new("put_queue", "changed", "created or unchanged"));
        }
    }
    let mut waiting = Vec::new();
    for (queue, name) in pairs {
        let on = ctx.on(&QueueName::new(queue)?);
        let token = on.running().await?;
        on.suspend_on(token, on_event(&key("k")?, &event(name)?, None)).await?;
        waiting.push((on, token, name));
    }
    for (index, (on, token, name)) in waiting.iter().enumerate() {
        on.emit(&event(name)?, &index.to_string()).await?;
        let claim = on.claim_task(token.task).await?;
        same("the end", &on.met(claim.token, &key("k")?).await?.end, &value(&index.to_string()))?;
        for (other, _, _) in waiting.iter().skip(index + 1) {
            other
                .claims_nothing(&format!("a claim from {:?} after an event of {:?}", other.queue, on.queue))
                .await?;
        }
    }
    Ok(())
}
