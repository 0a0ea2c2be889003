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
        nm_1_of_queues_that_are_lived_in,
        ["NM-1", "NM-4", "QU-10"],
        ["N1", "E1", "T1", "U3"],
        [Spawn, Claim, Save, Wait, Emit, Tick, Purge, DropQueue],
        "A name that breaks one verb alone is found by its users."
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
        [Spawn, Claim, Save, Load, Tick, Outcome, Task],
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
        nm_1_of_waits_that_are_rested_on,
        ["NM-1", "NM-2", "NM-3"],
        ["N1", "W3"],
        [Spawn, Claim, Wait, Emit, Task],
        "A rest that takes one key for another wakes for the wrong event, or never."
    )
    .heavy(),
    case!(
        nm_1_of_joins,
        ["NM-1", "NM-2", "NM-3"],
        ["N1", "T1"],
        [Spawn, Claim, Save, Wait],
        "A join key is spelled by core, and holds what a user named."
    )
    .heavy(),
    case!(
        nm_1_of_a_key_to_retry_from,
        ["NM-1", "NM-2", "NM-3"],
        ["N1", "T5"],
        [Spawn, Claim, Save, Load, Retry],
        "A retry from a key must set aside what came from that key on, and no more."
    )
    .heavy(),
    case!(
        nm_7_a_list_by_a_name_takes_it_literally,
        ["NM-7", "NM-1", "NM-2", "CH-1"],
        ["N1", "P2"],
        [Spawn, Tasks, Counts],
        "A name with a wildcard in it must find its own tasks alone."
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

async fn nm_1_of_queues_that_are_lived_in(ctx: Ctx) -> Verdict {
    let (step_key, name) = (key("k")?, event("e")?);
    let mut waiting = Vec::new();
    // Every other one: all of them are spawned into and claimed from by another case.
    for queue in names().into_iter().step_by(2) {
        let on = ctx.another_queue(&queue).await?;
        let parent = on.running().await?;
        let child = on.spawn_child(parent, "c", ParentClosePolicy::Cancel).await?;
        let child = on.claim_task(child).await?.token;
        on.suspend_on(child, on_event(&step_key, &name, None)).await?;
        on.suspend_on(parent, on_child(&join_key("c")?, child.task)).await?;
        waiting.push((on, parent, child));
    }
    for (index, (on, parent, child)) in waiting.iter().enumerate() {
        on.emit(&name, &index.to_string()).await?;
        let claim = on.claim_task(child.task).await?;
        same("the event", &on.met(claim.token, &step_key).await?.end, &value(&index.to_string()))?;
        on.complete(claim.token).await?;
        let claim = on.claim_task(parent.task).await?;
        same("the join", &on.met(claim.token, &join_key("c")?).await?.end, &value("null"))?;
        on.complete(claim.token).await?;
        same("what is due", &on.tick().await?, &TickAnswer::default())?;
        same("what is purged", &on.purge(0).await?.purged, &3)?;
        let dropped = on.store().drop_queue(DropQueueRequest::new(on.queue.clone())).await?;
        same(&format!("the drop of {:?}", on.queue), &dropped, &DropQueueAnswer::Dropped)?;
    }
    Ok(())
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
        // The fingerprint is the same text: what core puts there is opaque as well.
        first.push((ctx.spawn(keyed(&name, &name)?).await?, name));
    }
    for (task, name) in first {
        let again = ctx.spawn_all(vec![keyed(&name, &name)?]).await?;
        same(&format!("the key {name:?} again"), &again, &vec![Spawned { task, created: false }])?;
        let clash = SpawnRequest::new(ctx.queue.clone(), vec![keyed(&name, &format!("{name} "))?]);
        let wanted = SpawnAnswer::Conflict { index: 0, existing: task };
        same(&format!("the key {name:?} with other params"), &ctx.store().spawn(clash).await?, &wanted)?;
    }
    Ok(())
}

async fn nm_1_of_workers(ctx: Ctx) -> Verdict {
    for name in names() {
        let worker = WorkerName::new(&name)?;
        let task = ctx.spawn(job_with(|task| task.max_attempts = Some(1))?).await?;
        let mut request = ctx.claim_request(1)?;
        request.worker = worker.clone();
        let claim = one("the claims", ctx.claim_with(request).await?.claims)?;
        ctx.save(step(claim.token, &key("s")?, "1")).await?;
        let stored = one("the checkpoints", ctx.load(claim.token).await?)?;
        same("who stored a checkpoint", &stored.worker, &Some(worker.clone()))?;
        let lease = some("the lease", ctx.view(task).await?.lease)?;
        same("who has the lease", &lease.0, &worker)?;
        ctx.advance(LEASE);
        let run = one("the expired runs", ctx.tick().await?.expired)?;
        same("whose run expired", &run.worker.as_str(), &name.as_str())?;
        let failure = Failure::ClaimTimeout { worker: worker.clone(), at: ctx.now() };
        same("the failure", &ctx.outcome(task).await?, &Outcome::Failed(failure.clone()))?;
        let runs = ctx.detail(task).await?.history.items;
        let named = runs.iter().any(|entry| matches!(entry, HistoryEntry::Run(run) if run.worker == worker));
        holds("the run in the history", named, &runs, "its worker's name")?;
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

async fn nm_1_of_waits_that_are_rested_on(ctx: Ctx) -> Verdict {
    let names = names();
    let token = ctx.running().await?;
    for name in &names {
        let wait = on_event(&key(name)?, &event(name)?, None);
        ctx.wait(token, vec![wait], None).await?;
    }
    let keys = names.iter().map(|name| key(name)).collect::<Result<Vec<_>, _>>()?;
    let need = u32::try_from(keys.len()).unwrap_or(0);
    let on = Rest { keys: keys.clone(), need };
    same("the rest", &ctx.wait(token, vec![], Some(on.clone())).await?, &WaitAnswer::Suspended)?;
    let rests = some("the rest", ctx.view(token.task).await?.rest)?;
    same("what it rests on, and how many", &(rests.keys.len(), rests.need), &(keys.len(), need))?;
    for (index, name) in names.iter().enumerate() {
        ctx.claims_nothing(&format!("a claim before the event {name:?}")).await?;
        ctx.emit(&event(name)?, &index.to_string()).await?;
    }
    let claim = ctx.claim_task(token.task).await?;
    let met = met_waits(ctx.wait(claim.token, vec![], Some(on)).await?)?;
    for (index, key) in keys.iter().enumerate() {
        let end = met.iter().find(|met| met.key == *key).map(|met| met.end.clone());
        same(&format!("the end of {key:?}"), &end, &Some(value(&index.to_string())))?;
    }
    Ok(())
}

async fn nm_1_of_joins(ctx: Ctx) -> Verdict {
    let parent = ctx.running().await?;
    for (index, name) in names().iter().enumerate() {
        let join = key(name)?;
        let mut child = child("c", ParentClosePolicy::Cancel)?;
        child.parent.as_mut().into_iter().for_each(|link| link.join_key = join.clone());
        let id = child.id;
        ctx.save(spawning(parent, &key(&format!("$spawn:{index}"))?, vec![child])).await?;
        let wait = ctx.wait(parent, vec![on_child(&join, id)], None).await?;
        same(&format!("a join by {name:?}"), &wait, &WaitAnswer::Registered)?;
        let token = ctx.claim_task(id).await?.token;
        ctx.end(token, Ending::Complete { result: json(&index.to_string()) }).await?;
        same(
            &format!("the end under {name:?}"),
            &ctx.met(parent, &join).await?.end,
            &value(&index.to_string()),
        )?;
    }
    Ok(())
}

async fn nm_1_of_a_key_to_retry_from(ctx: Ctx) -> Verdict {
    let names = names();
    let mut token = ctx.running().await?;
    for name in &names {
        ctx.save(step(token, &key(name)?, "1")).await?;
    }
    // From the last to the first: each retry sets one more aside.
    for (left, name) in names.iter().enumerate().rev() {
        ctx.end(token, fail_for_good()).await?;
        let request = RetryRequest::new(ctx.queue.clone(), token.task, 1, Some(key(name)?));
        same(&format!("a retry from {name:?}"), &ctx.store().retry(request).await?, &RetryAnswer::Reopened)?;
        let claim = ctx.claim_task(token.task).await?;
        let loaded = ctx.load(claim.token).await?;
        same("how much is left", &(loaded.len(), claim.checkpoints), &(left, left as u64))?;
        token = claim.token;
    }
    Ok(())
}

async fn nm_7_a_list_by_a_name_takes_it_literally(ctx: Ctx) -> Verdict {
    let mut tasks = Vec::new();
    for name in names() {
        tasks.push((ctx.spawn(named(&name)?).await?, name));
    }
    for (task, name) in &tasks {
        let mut request = TasksRequest::new(ctx.queue.clone(), None);
        request.name = Some(TaskName::new(name)?);
        let listed: Vec<_> = ctx.store().tasks(request).await?.items.iter().map(|task| task.id).collect();
        same(&format!("the tasks named {name:?}"), &listed, &vec![*task])?;
    }
    let counts = ctx.store().counts(CountsRequest::new(ctx.queue.clone())).await?;
    same("how many are pending", &counts.pending, &(tasks.len() as u64))
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
