//! What spreads further than one step may: cascades and wakes that `tick` works off.

use std::collections::BTreeMap;

use crate::prelude::*;

const GROUP: &str = "spread";

/// More than twice what the first step of something that spreads may touch.
pub(super) const MANY: usize = 1_200;
/// What the first step may touch.
const FIRST: u64 = 500;

pub(super) const CASES: &[Case] = &[
    case!(
        ch_18_a_wide_cascade_is_bounded_and_finishes,
        ["CH-18", "CA-12", "RE-5"],
        ["T2", "U1", "U3"],
        [Spawn, Claim, Save, Cancel, Tick, Purge, Counts, Task],
        "A cancellation of ten thousand children in one step stops everybody else."
    )
    .heavy(),
    case!(
        rt_13_a_closing_task_is_not_reopened,
        ["RT-13", "CH-18"],
        ["T5", "T2"],
        [Spawn, Claim, Save, Retry, Tick, Counts],
        "A task that is reopened while its last end still spreads would lose its new children to it."
    )
    .heavy(),
    case!(
        ch_18_a_deep_cascade_reaches_the_bottom,
        ["CH-18"],
        ["T2"],
        [Spawn, Claim, Save, Cancel, Tick, Counts],
        "A cascade that recurses gives up, or falls over, at some depth."
    )
    .heavy(),
    case!(
        ev_6_an_emit_to_many_is_bounded_and_reaches_all,
        ["EV-6", "EV-25", "BL-3"],
        ["E2", "U1", "U3", "W3"],
        [Spawn, Claim, Wait, Emit, Tick, Purge, Events, Load],
        "A popular event must neither block the store nor forget anybody."
    )
    .heavy(),
    case!(
        e2_a_wait_reached_later_is_judged_by_the_first_write,
        ["EV-11", "EV-12"],
        ["E2", "W2"],
        [Spawn, Claim, Wait, Emit, Tick, Load],
        "That there were too many waiters must turn no event into a timeout."
    )
    .heavy(),
    case!(
        e2_a_wait_that_joins_while_an_event_is_waking_is_met,
        ["EV-1", "EV-3"],
        ["E2", "W3"],
        [Spawn, Claim, Wait, Emit, Tick],
        "Who comes late to a waking event must get it, too."
    )
    .heavy(),
    case!(
        e2_the_mark_waking_goes_with_the_last_wait,
        [],
        ["E2", "U3"],
        [Spawn, Claim, Wait, Emit, Tick, Events],
        "Waking says that something is left to do: an event that nobody waits for is purged like any other."
    ),
    case!(
        ev_25_an_event_that_has_not_reached_all_is_not_purged,
        ["EV-25"],
        ["U3", "E2"],
        [Spawn, Claim, Wait, Emit, Tick, Purge, Events],
        "An event that is removed before it has reached everybody leaves those who wait for it asleep."
    ),
];

/// Spawns so many tasks, in batches.
pub(super) async fn spawn_many(
    ctx: &Ctx,
    count: usize,
    make: impl Fn() -> Result<NewTask, Violation>,
) -> Verdict {
    for from in (0..count).step_by(1_000) {
        let batch = (from..count.min(from + 1_000)).map(|_| make()).collect::<Result<Vec<_>, _>>()?;
        ctx.spawn_all(batch).await?;
    }
    Ok(())
}

/// A running parent with so many children.
pub(super) async fn parent_of(ctx: &Ctx, count: usize) -> Result<Token, Violation> {
    let parent = ctx.running().await?;
    for from in (0..count).step_by(400) {
        let children = from..count.min(from + 400);
        let children = children.map(|n| child(&n.to_string(), ParentClosePolicy::Cancel));
        let children = children.collect::<Result<Vec<_>, _>>()?;
        ctx.save(spawning(parent, &key(&format!("$spawn:{from}"))?, children)).await?;
    }
    Ok(parent)
}

async fn counts(ctx: &Ctx) -> Result<Counts, Violation> {
    Ok(ctx.store().counts(CountsRequest::new(ctx.queue.clone())).await?)
}

/// Ticks until nothing is closing; each tick stays within its limit.
async fn tick_until_closed(ctx: &Ctx) -> Result<u64, Violation> {
    let mut closed = 0;
    for _ in 0..100 {
        let ticked = ctx.store().tick(TickRequest::new(ctx.queue.clone(), 300)).await?;
        holds("one tick", ticked.closed <= 300, &ticked, "at most three hundred cancelled children")?;
        closed += u64::from(ticked.closed);
        if ticked.closing_left == 0 {
            same("that there is more when nothing is closing", &ticked.more, &false)?;
            return Ok(closed);
        }
        same("that there is more while something is closing", &ticked.more, &true)?;
    }
    Err(Violation::new("a cascade", "a hundred ticks", "an end"))
}

async fn ch_18_a_wide_cascade_is_bounded_and_finishes(ctx: Ctx) -> Verdict {
    let parent = parent_of(&ctx, MANY).await?;
    same("cancel", &ctx.cancel(parent.task).await?, &CancelAnswer::Cancelled { closing: true })?;
    let first = counts(&ctx).await?.cancelled - 1;
    holds("the children cancelled at once", first <= FIRST, first, "at most five hundred")?;
    same("the mark", &ctx.view(parent.task).await?.closing, &true)?;
    let due = ctx.next_due().await?;
    holds("the next due time", due.is_some_and(|due| due <= ctx.now()), due, "now")?;
    ctx.purge(0).await?;
    same("the mark of a task that a purge spared", &ctx.view(parent.task).await?.closing, &true)?;
    // A client that goes on cancelling, or ticks, brings it to an end.
    let again = ctx.cancel(parent.task).await?;
    let ended = matches!(again, CancelAnswer::Ended { state: EndState::Cancelled, .. });
    holds("cancel again", ended, again, "ended as cancelled")?;
    tick_until_closed(&ctx).await?;
    let left = counts(&ctx).await?;
    same("what is live", &(left.pending, left.sleeping, left.running), &(0, 0, 0))?;
    same("the mark at the end", &ctx.view(parent.task).await?.closing, &false)?;
    let again = ctx.cancel(parent.task).await?;
    same("cancel at the end", &again, &CancelAnswer::Ended { state: EndState::Cancelled, closing: false })?;
    ctx.claims_nothing("a claim of a child").await
}

async fn rt_13_a_closing_task_is_not_reopened(ctx: Ctx) -> Verdict {
    let parent = parent_of(&ctx, MANY).await?;
    same("fail", &ctx.end(parent, fail_for_good()).await?, &EndAnswer::Failed)?;
    let retry = RetryRequest::new(ctx.queue.clone(), parent.task, 1, None);
    same("retry while it closes", &ctx.store().retry(retry.clone()).await?, &RetryAnswer::Closing)?;
    let first = counts(&ctx).await?.cancelled;
    let closed = tick_until_closed(&ctx).await?;
    same("how many children were cancelled", &(first + closed), &(MANY as u64))?;
    same("retry when it has closed", &ctx.store().retry(retry).await?, &RetryAnswer::Reopened)?;
    ctx.claim_task(parent.task).await?;
    Ok(())
}

async fn ch_18_a_deep_cascade_reaches_the_bottom(ctx: Ctx) -> Verdict {
    const DEPTH: u64 = 100;
    let top = ctx.running().await?;
    let mut lowest = top;
    for _ in 0..DEPTH {
        let child = ctx.spawn_child(lowest, "c", ParentClosePolicy::Cancel).await?;
        lowest = ctx.claim_task(child).await?.token;
    }
    ctx.cancel(top.task).await?;
    tick_until_closed(&ctx).await?;
    let left = counts(&ctx).await?;
    same("the cancelled and the running", &(left.cancelled, left.running), &(DEPTH + 1, 0))?;
    same("the lowest", &ctx.try_end(lowest, complete()).await?, &Err(Refusal::Cancelled))
}

/// So many tasks that have suspended on one event; with a timeout, if there is one.
async fn waiters(ctx: &Ctx, name: &EventName, timeout: Option<u64>) -> Verdict {
    let step_key = key("k")?;
    spawn_many(ctx, MANY, job).await?;
    let mut suspended = 0;
    while suspended < MANY {
        let items = ctx.claim(400).await?.into_iter().map(|claim| WaitItem {
            token: claim.token,
            waits: vec![on_event(&step_key, name, timeout)],
            rest: Some(rest(&[&step_key], 1)),
        });
        let answers = ctx.store().wait(WaitRequest::new(ctx.queue.clone(), items.collect())).await?;
        holds("the claims", !answers.is_empty(), suspended, "all of the tasks")?;
        suspended += answers.len();
        for answer in answers {
            same("wait", &answer.map_err(Refusal::from), &Ok(WaitAnswer::Suspended))?;
        }
    }
    Ok(())
}

/// Claims everything that is woken, and counts the ends that the waiters got.
async fn woken(ctx: &Ctx) -> Result<BTreeMap<String, usize>, Violation> {
    let mut ends = BTreeMap::new();
    loop {
        let claims = ctx.claim(1_000).await?;
        if claims.is_empty() {
            return Ok(ends);
        }
        for claim in claims {
            let stored = one("the checkpoints of a waiter", ctx.load(claim.token).await?)?;
            let end = match stored.end {
                End::Value(payload) => payload.as_str().to_owned(),
                other => format!("{other:?}"),
            };
            *ends.entry(end).or_default() += 1;
        }
    }
}

async fn tick_until_woken(ctx: &Ctx) -> Result<u64, Violation> {
    let mut woken = 0;
    for _ in 0..100 {
        let ticked = ctx.store().tick(TickRequest::new(ctx.queue.clone(), 300)).await?;
        holds("one tick", ticked.woken <= 300, &ticked, "at most three hundred ended waits")?;
        woken += u64::from(ticked.woken);
        if !ticked.more {
            return Ok(woken);
        }
    }
    Err(Violation::new("a waking event", "a hundred ticks", "an end"))
}

async fn ev_6_an_emit_to_many_is_bounded_and_reaches_all(ctx: Ctx) -> Verdict {
    let name = event("e")?;
    waiters(&ctx, &name, None).await?;
    same("emit", &ctx.emit(&name, "1").await?, &EmitAnswer::Written)?;
    let waking = async || -> Result<bool, Violation> {
        let page = ctx.store().events(EventsRequest::new(ctx.queue.clone(), None)).await?;
        Ok(one("the events", page.items)?.waking)
    };
    same("the mark", &waking().await?, &true)?;
    same("what is purged of an event that wakes", &ctx.purge(0).await?.purged, &0)?;
    let reached = tick_until_woken(&ctx).await?;
    let first = MANY as u64 - reached.min(MANY as u64);
    holds("the waits that the emit itself ended", first > 0 && first <= FIRST, first, "one to five hundred")?;
    same("the mark at the end", &waking().await?, &false)?;
    same("what the waiters got", &woken(&ctx).await?, &BTreeMap::from([("1".to_owned(), MANY)]))?;
    same("what is left to do", &tick_until_woken(&ctx).await?, &0)?;
    same("what is purged of an event that has woken all", &ctx.purge(0).await?.purged, &1)
}

async fn e2_a_wait_reached_later_is_judged_by_the_first_write(ctx: Ctx) -> Verdict {
    let name = event("e")?;
    waiters(&ctx, &name, Some(1_000)).await?;
    ctx.advance(999);
    ctx.emit(&name, "1").await?;
    // All deadlines pass before anybody goes on, and the payload is replaced meanwhile.
    ctx.advance(5_000);
    ctx.emit(&name, "2").await?;
    tick_until_woken(&ctx).await?;
    let ends = woken(&ctx).await?;
    let (first, second) = (ends.get("1").copied().unwrap_or(0), ends.get("2").copied().unwrap_or(0));
    same("the ends, none of them a timeout", &(first + second), &MANY)?;
    holds("the ends", first > 0 && second > 0, &ends, "the payload that was stored when each was reached")?;

    let late = ctx.another_queue("late").await?;
    waiters(&late, &name, Some(1_000)).await?;
    late.advance(1_000);
    late.emit(&name, "1").await?;
    tick_until_woken(&late).await?;
    let timeouts = BTreeMap::from([("Timeout".to_owned(), MANY)]);
    same("the ends of waits whose deadline had come", &woken(&late).await?, &timeouts)
}

async fn e2_a_wait_that_joins_while_an_event_is_waking_is_met(ctx: Ctx) -> Verdict {
    let (step_key, name) = (key("late")?, event("e")?);
    let late = ctx.running().await?;
    waiters(&ctx, &name, None).await?;
    ctx.emit(&name, "1").await?;
    let on = Some(rest(&[&step_key], 1));
    let met = met_waits(ctx.wait(late, vec![on_event(&step_key, &name, None)], on).await?)?;
    same("the late one's end", &one("the ended waits", met)?.end, &value("1"))?;
    ctx.complete(late).await?;
    tick_until_woken(&ctx).await?;
    let mut claimed = 0;
    loop {
        let claims = ctx.claim(1_000).await?;
        if claims.is_empty() {
            break;
        }
        claimed += claims.len();
    }
    same("how many are woken", &claimed, &MANY)
}

/// A run with more waits for an event than its write ends.
async fn many_waits(ctx: &Ctx, name: &EventName) -> Result<Token, Violation> {
    let token = ctx.running().await?;
    let wait = |number: usize| Ok(on_event(&key(&format!("k{number}"))?, name, None));
    let waits = (0..600).map(wait).collect::<Result<Vec<_>, Violation>>()?;
    ctx.wait(token, waits, None).await?;
    Ok(token)
}

async fn ev_25_an_event_that_has_not_reached_all_is_not_purged(ctx: Ctx) -> Verdict {
    let name = event("e")?;
    let token = many_waits(&ctx, &name).await?;
    ctx.emit(&name, "1").await?;
    let listed = async || -> Result<usize, Violation> {
        Ok(ctx.store().events(EventsRequest::new(ctx.queue.clone(), None)).await?.items.len())
    };
    for _ in 0..2 {
        same("what a purge takes while waits stand", &ctx.purge(0).await?.purged, &0)?;
        same("the events", &listed().await?, &1)?;
    }
    ctx.tick().await?;
    let keys = (0..600).map(|number| key(&format!("k{number}"))).collect::<Result<Vec<_>, _>>()?;
    let on = Rest { need: 600, keys };
    let met = met_waits(ctx.wait(token, vec![], Some(on)).await?)?;
    same("how many got it", &met.iter().filter(|met| met.end == value("1")).count(), &600)?;
    same("what a purge takes after that", &ctx.purge(0).await?.purged, &1)?;
    same("the events left", &listed().await?, &0)
}

async fn e2_the_mark_waking_goes_with_the_last_wait(ctx: Ctx) -> Verdict {
    let name = event("e")?;
    let token = many_waits(&ctx, &name).await?;
    ctx.emit(&name, "1").await?;
    let waking = async || {
        let page = ctx.store().events(EventsRequest::new(ctx.queue.clone(), None)).await?;
        Ok::<_, Violation>(page.items.iter().map(|event| event.waking).collect::<Vec<_>>())
    };
    same("the event with waits left", &waking().await?, &vec![true])?;
    ctx.complete(token).await?;
    same("the event without", &waking().await?, &vec![false])?;
    same("what is left", &ctx.tick().await?, &TickAnswer::default())
}
