//! `task`, `tasks`, `events` and `counts`.

use crate::prelude::*;

const GROUP: &str = "inspect";

pub(super) const CASES: &[Case] = &[
    case!(
        tasks_are_listed_by_id_in_pages,
        ["CO-6", "CH-1"],
        ["N1"],
        [Spawn, Tasks],
        "A list that skips or doubles an entry hides a task."
    ),
    case!(
        co_6_a_list_under_writes_misses_nothing_that_stays,
        ["CO-6"],
        ["P2"],
        [Spawn, Claim, Cancel, Purge, Tasks],
        "A page must not depend on what others do between two of them."
    ),
    case!(
        co_6_lists_of_events_and_queues_under_writes_miss_nothing_that_stays,
        ["CO-6", "QU-3"],
        ["E1", "N1"],
        [Emit, Purge, Events, ListQueues, DropQueue],
        "A list by name must not depend on what comes and goes before and after where it is."
    ),
    case!(
        tasks_are_filtered_by_state_name_and_parent,
        ["CH-1", "NM-7"],
        ["P2"],
        [Spawn, Claim, Save, Cancel, Tasks],
        "Who looks for failed tasks must see all of them, and no other."
    ),
    case!(
        cl_35_counts_are_what_there_is,
        ["CL-35", "OB-1"],
        ["K1", "C2"],
        [Spawn, Claim, Wait, Cancel, Counts],
        "Somebody scales workers by these figures."
    ),
    case!(
        history_is_read_in_pages_and_in_order,
        ["CP-5"],
        ["P2"],
        [Spawn, Claim, Save, Task],
        "A timeline with a hole misleads the person who reads it."
    ),
    case!(
        events_are_listed_by_their_bytes_in_pages,
        ["CO-6"],
        ["E1", "N1"],
        [Emit, Events],
        "A list that skips or doubles an entry hides an event."
    ),
    case!(
        mt_12_looking_changes_nothing,
        ["MT-12", "AM-7"],
        ["K1"],
        [Spawn, Claim, Wait, Task, Tasks, Events, Counts, Outcome],
        "A dashboard must not move what it shows."
    ),
    case!(
        a_cursor_that_nobody_gave_is_invalid,
        ["MT-6"],
        ["C7"],
        [Spawn, Tasks, Events, Task, ListQueues],
        "A cursor comes from a web page, and so from anybody."
    ),
    case!(an_unknown_task_is_none, [], ["U3"], [Spawn, Task], "Asking for what is not there is no fault."),
];

async fn pages(ctx: &Ctx, request: &TasksRequest) -> Result<Vec<TaskView>, Violation> {
    let (mut listed, mut request) = (Vec::new(), request.clone());
    for _ in 0..1_000 {
        let page = ctx.store().tasks(request.clone()).await?;
        let right = page.items.len() <= request.limit as usize;
        holds("a page of tasks", right, page.items.len(), "at most as many as asked for")?;
        listed.extend(page.items);
        match page.next {
            Some(next) => request.cursor = Some(next),
            None => return Ok(listed),
        }
    }
    Err(Violation::new("a list of tasks", "a thousand pages", "an end"))
}

async fn tasks_are_listed_by_id_in_pages(ctx: Ctx) -> Verdict {
    let mut batch = (0..23).map(|_| job()).collect::<Result<Vec<_>, _>>()?;
    let mut wanted: Vec<_> = batch.iter().map(|task| task.id).collect();
    wanted.sort_unstable();
    batch.reverse();
    ctx.spawn_all(batch).await?;
    for limit in [1, 5, 23, 1_000] {
        let mut request = TasksRequest::new(ctx.queue.clone(), None);
        request.limit = limit;
        let listed: Vec<_> = pages(&ctx, &request).await?.into_iter().map(|task| task.id).collect();
        same(&format!("the tasks in pages of {limit}"), &listed, &wanted)?;
    }
    Ok(())
}

async fn co_6_a_list_under_writes_misses_nothing_that_stays(ctx: Ctx) -> Verdict {
    let batch = (0..30).map(|_| job()).collect::<Result<Vec<_>, _>>()?;
    ctx.spawn_all(batch).await?;
    let claims = ctx.claim(30).await?;
    let mut gone = claims.iter().map(|claim| claim.token).step_by(3);
    let mut request = TasksRequest::new(ctx.queue.clone(), None);
    request.limit = 4;
    let mut listed = Vec::new();
    loop {
        let page = ctx.store().tasks(request.clone()).await?;
        listed.extend(page.items.into_iter().map(|task| task.id));
        // Between two pages one task ends and is purged, one is cancelled, and one is new.
        if let Some(token) = gone.next() {
            ctx.complete(token).await?;
            ctx.purge(0).await?;
        }
        let new = ctx.spawn_one().await?;
        ctx.cancel(new).await?;
        match page.next {
            Some(next) if listed.len() < 100 => request.cursor = Some(next),
            _ => break,
        }
    }
    let stayed =
        claims.iter().enumerate().filter(|(index, _)| index % 3 != 0).map(|(_, claim)| claim.token.task);
    let stayed: std::collections::BTreeSet<_> = stayed.collect();
    let seen: Vec<_> = listed.iter().filter(|task| stayed.contains(task)).collect();
    same("how many of those that stayed are listed", &seen.len(), &stayed.len())?;
    let different: std::collections::BTreeSet<_> = listed.iter().collect();
    same("how many entries are different", &different.len(), &listed.len())
}

/// Names of which every third goes while they are listed.
fn stays_and_goes() -> (Vec<String>, Vec<String>) {
    let name = |number: usize| format!("n{number:02}");
    let (goes, stays): (Vec<_>, Vec<_>) = (0..30).partition(|number| number % 3 == 0);
    (stays.into_iter().map(name).collect(), goes.into_iter().map(name).collect())
}

/// What stayed was listed, and nothing twice.
fn listed_once(what: &str, listed: &[String], stays: &[String]) -> Verdict {
    let missed: Vec<_> = stays.iter().filter(|name| !listed.contains(name)).collect();
    holds(&format!("the {what} that are missed"), missed.is_empty(), &missed, "none")?;
    let different: std::collections::BTreeSet<_> = listed.iter().collect();
    same(&format!("how many {what} are different"), &different.len(), &listed.len())
}

async fn co_6_lists_of_events_and_queues_under_writes_miss_nothing_that_stays(ctx: Ctx) -> Verdict {
    let (stays, goes) = stays_and_goes();
    for name in &goes {
        ctx.emit(&event(name)?, "1").await?;
        ctx.another_queue(name).await?;
    }
    ctx.advance(1_000);
    for name in &stays {
        ctx.emit(&event(name)?, "1").await?;
        ctx.another_queue(name).await?;
    }
    let (mut going, mut listed, mut request) =
        (goes.iter(), Vec::new(), EventsRequest::new(ctx.queue.clone(), None));
    request.limit = 4;
    loop {
        let page = ctx.store().events(request.clone()).await?;
        listed.extend(page.items.into_iter().map(|event| event.name.as_str().to_owned()));
        // Between two pages the old ones go, one that stays is written anew, and others come on both sides.
        same("whether something is purged", &(ctx.purge(1_000).await?.purged <= 10), &true)?;
        ctx.emit(&event(&format!("a{}", listed.len()))?, "1").await?;
        ctx.emit(&event(&format!("z{}", listed.len() % 2))?, "1").await?;
        match page.next {
            Some(next) if listed.len() < 100 => request.cursor = Some(next),
            _ => break,
        }
    }
    listed_once("events", &listed, &stays)?;
    let (mut listed, mut cursor) = (Vec::new(), None);
    loop {
        let page = ctx.store().list_queues(ListQueuesRequest::new(cursor, 4)).await?;
        listed.extend(page.items.into_iter().map(|queue| queue.name.as_str().to_owned()));
        if let Some(name) = going.next() {
            let dropped = ctx.store().drop_queue(DropQueueRequest::new(QueueName::new(name)?)).await?;
            same("a drop", &dropped, &DropQueueAnswer::Dropped)?;
        }
        ctx.another_queue(&format!("a{}", listed.len())).await?;
        cursor = page.next;
        if cursor.is_none() || listed.len() > 100 {
            break;
        }
    }
    listed_once("queues", &listed, &stays)
}

async fn tasks_are_filtered_by_state_name_and_parent(ctx: Ctx) -> Verdict {
    use EndState::{Cancelled, Completed, Failed};
    let running = ctx.running().await?;
    let child = ctx.spawn_child(running, "c", ParentClosePolicy::Cancel).await?;
    let claim = ctx.claim_task(child).await?;
    ctx.end(claim.token, fail_after(10)).await?;
    let completed = ctx.running().await?;
    ctx.complete(completed).await?;
    let failed = ctx.running().await?;
    ctx.end(failed, fail_for_good()).await?;
    let cancelled = ctx.spawn_one().await?;
    ctx.cancel(cancelled).await?;
    let pending = ctx.spawn(named("j%")?).await?;
    let all = TasksRequest::new(ctx.queue.clone(), None);
    for (state, task) in [
        (TaskState::Running, running.task),
        (TaskState::Sleeping, child),
        (TaskState::Pending, pending),
        (TaskState::Ended(Completed), completed.task),
        (TaskState::Ended(Failed), failed.task),
        (TaskState::Ended(Cancelled), cancelled),
    ] {
        let mut request = all.clone();
        request.state = Some(state);
        request.limit = 1;
        let listed: Vec<_> =
            pages(&ctx, &request).await?.into_iter().map(|task| (task.id, task.state)).collect();
        same(&format!("the tasks that are {state:?}"), &listed, &vec![(task, state)])?;
    }
    for (name, count) in [("j%", 1), ("job", 5), ("jo", 0)] {
        let mut request = all.clone();
        request.name = Some(TaskName::new(name)?);
        same(&format!("the tasks named {name}"), &pages(&ctx, &request).await?.len(), &count)?;
    }
    for (parent, children) in [(running.task, vec![child]), (child, vec![]), (TaskId::new(), vec![])] {
        let mut request = all.clone();
        request.parent = Some(parent);
        let listed: Vec<_> = pages(&ctx, &request).await?.into_iter().map(|task| task.id).collect();
        same("the children", &listed, &children)?;
    }
    Ok(())
}

async fn cl_35_counts_are_what_there_is(ctx: Ctx) -> Verdict {
    let counts = async || Ok::<_, Violation>(ctx.a.counts(CountsRequest::new(ctx.queue.clone())).await?);
    same("of an empty queue", &counts().await?, &Counts::default())?;
    let completed = ctx.running().await?;
    ctx.complete(completed).await?;
    for _ in 0..2 {
        let failed = ctx.running().await?;
        ctx.end(failed, fail_for_good()).await?;
    }
    for _ in 0..3 {
        let cancelled = ctx.spawn_one().await?;
        ctx.cancel(cancelled).await?;
    }
    ctx.running().await?;
    // A run whose expiry fails its task is never ready again.
    let last = ctx.spawn(job_with(|task| task.max_attempts = Some(1))?).await?;
    ctx.claim_task(last).await?;
    let asleep = ctx.running().await?;
    ctx.suspend_on(asleep, on_event(&key("k")?, &event("e")?, None)).await?;
    ctx.spawn(job_with(|task| task.delay = millis(LEASE))?).await?;
    ctx.spawn_one().await?;
    ctx.spawn(named("other")?).await?;
    let wanted =
        Counts { sleeping: 2, pending: 2, running: 2, completed: 1, failed: 2, cancelled: 3, ready: 2 };
    same("of everything", &counts().await?, &wanted)?;
    ctx.advance(LEASE);
    same("after start and lease have come", &counts().await?, &Counts { ready: 4, ..wanted })?;
    let mut request = ctx.claim_request(100)?;
    request.names.push(TaskName::new("other")?);
    same("what a claim of every name takes", &ctx.claim_with(request).await?.claims.len(), &4)?;
    let taken = Counts { sleeping: 1, pending: 0, running: 4, failed: 3, ready: 0, ..wanted };
    same("after that claim", &counts().await?, &taken)
}

async fn history_is_read_in_pages_and_in_order(ctx: Ctx) -> Verdict {
    let task = ctx.spawn_one().await?;
    for attempt in 1..=4 {
        let token = ctx.claim_task(task).await?.token;
        for name in ["a", "b"] {
            ctx.save(step(token, &key(&format!("{name}{attempt}"))?, "1")).await?;
        }
        ctx.end(token, fail_after(0)).await?;
    }
    let whole = ctx.detail(task).await?.history.items;
    same("how much there is", &whole.len(), &12)?;
    let mut request = TaskRequest::new(ctx.queue.clone(), task);
    request.limit = 5;
    let mut read = Vec::new();
    loop {
        let page = some("the task", ctx.store().task(request.clone()).await?)?.history;
        holds("a page of history", page.items.len() <= 5, page.items.len(), "at most five entries")?;
        read.extend(page.items);
        match page.next {
            Some(next) => request = request.after(next),
            None => break,
        }
    }
    same("the history in pages", &read, &whole)?;
    let orders: Vec<_> = whole
        .iter()
        .map(|entry| match entry {
            HistoryEntry::Checkpoint { checkpoint, .. } => checkpoint.order,
            HistoryEntry::Run(run) => run.order,
        })
        .collect();
    same("its orders", &orders, &(1..=12).collect())
}

async fn events_are_listed_by_their_bytes_in_pages(ctx: Ctx) -> Verdict {
    let mut names = vec!["b", "a", "B", "é", "a:b", "a b", "{", "zz", "🦀", "~"];
    for name in &names {
        ctx.emit(&event(name)?, "1").await?;
    }
    names.sort_unstable();
    for limit in [1, 4, 1_000] {
        let (mut listed, mut request) = (Vec::new(), EventsRequest::new(ctx.queue.clone(), None));
        request.limit = limit;
        loop {
            let page = ctx.store().events(request.clone()).await?;
            holds(
                "a page of events",
                page.items.len() <= limit as usize,
                &page,
                "at most as many as asked for",
            )?;
            listed.extend(page.items.into_iter().map(|event| event.name.as_str().to_owned()));
            request.cursor = page.next;
            if request.cursor.is_none() {
                break;
            }
        }
        same(
            &format!("the events in pages of {limit}"),
            &listed,
            &names.iter().map(ToString::to_string).collect(),
        )?;
    }
    Ok(())
}

async fn mt_12_looking_changes_nothing(ctx: Ctx) -> Verdict {
    let token = ctx.running().await?;
    ctx.suspend_on(token, on_event(&key("k")?, &event("e")?, Some(10))).await?;
    ctx.running().await?;
    ctx.spawn(job_with(|task| task.delay = millis(10))?).await?;
    // Everything is due now, and looking does none of it.
    ctx.advance(LEASE);
    let before = ctx.snapshot().await?;
    for _ in 0..2 {
        ctx.detail(token.task).await?;
        ctx.store().tasks(TasksRequest::new(ctx.queue.clone(), None)).await?;
        ctx.store().events(EventsRequest::new(ctx.queue.clone(), None)).await?;
        ctx.store().counts(CountsRequest::new(ctx.queue.clone())).await?;
        ctx.outcome(token.task).await?;
        ctx.unchanged(&before, "looking").await?;
    }
    same("what a claim then does", &ctx.claim(10).await?.len(), &3)
}

async fn a_cursor_that_nobody_gave_is_invalid(ctx: Ctx) -> Verdict {
    let task = ctx.spawn_one().await?;
    let (store, queue) = (&ctx.a, ctx.queue.clone());
    for text in ["", "0", "x", "-1", "\u{0}", "{}", "' or 1=1 --", "99999999999999999999999"] {
        let cursor = || Some(Cursor(text.to_owned()));
        // A cursor may happen to be one that the store gives; what it must not be is a panic or another fault.
        let answers = [
            store.tasks(TasksRequest::new(queue.clone(), cursor())).await.map(drop),
            store.events(EventsRequest::new(queue.clone(), cursor())).await.map(drop),
            store.list_queues(ListQueuesRequest::new(cursor(), 10)).await.map(drop),
            store.task(TaskRequest::new(queue.clone(), task).after(Cursor(text.to_owned()))).await.map(drop),
        ];
        for answer in answers {
            let typed = answer.as_ref().is_ok_and(|()| !text.is_empty())
                || answer.as_ref().is_err_and(|error| error.kind == StoreErrorKind::Invalid);
            holds(&format!("a list from the cursor {text:?}"), typed, &answer, "Invalid")?;
        }
    }
    Ok(())
}

async fn an_unknown_task_is_none(ctx: Ctx) -> Verdict {
    let unknown = TaskRequest::new(ctx.queue.clone(), TaskId::new());
    same("an unknown task", &ctx.store().task(unknown).await?, &None)?;
    let task = ctx.spawn_one().await?;
    same("a known one", &ctx.view(task).await?.id, &task)
}
