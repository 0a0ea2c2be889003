//! Backlogs: what a claim costs does not grow with what is there beside it.
//!
//! What can be counted is counted. Where only time shows it, the best of several tries is compared with the best before
//! there was a backlog, and the ratio is wide: a scan of everything is a hundred times slower, not three.

use std::time::{Duration, Instant};

use super::races::{Call, together};
use super::spread::{parent_of, spawn_many};
use crate::prelude::*;

const GROUP: &str = "backlog";

pub(super) const CASES: &[Case] = &[
    case!(
        bl_1_a_claim_costs_the_same_from_a_multitude,
        ["BL-1", "BL-6", "CO-6"],
        ["U4", "C2"],
        [Spawn, Claim, Tasks],
        "A queue that has fallen behind must not fall behind further because it has."
    )
    .heavy(),
    case!(
        bl_2_a_claim_costs_the_same_behind_what_nobody_claims,
        ["BL-2", "SL-14"],
        ["U4", "C2"],
        [Spawn, Claim, Save, Cancel, Tick, Wait],
        "A million tasks that sleep, wait or have ended must not slow down the few that run."
    )
    .heavy(),
    case!(
        bl_4_a_late_page_costs_what_an_early_one_does,
        ["BL-4", "BL-6"],
        ["U4", "P2"],
        [Spawn, Claim, Save, Load, Tasks],
        "A replay of ten thousand steps that counts from the start for each page never ends."
    )
    .heavy(),
    case!(
        bl_5_a_multitude_is_purged_while_others_claim,
        ["BL-5", "RE-12", "RE-3"],
        ["U3", "U1", "U4"],
        [Spawn, Claim, Save, Cancel, Tick, Purge, Outcome],
        "A nightly purge must not stop the night's work."
    )
    .heavy(),
    case!(
        bl_7_a_multitude_of_expired_leases_comes_back,
        ["BL-7", "CL-23", "CL-8"],
        ["C5", "U1", "C2"],
        [Spawn, Claim, Tick, Counts],
        "When a machine with a thousand runs dies, they all come back, and nothing urgent waits for that."
    )
    .heavy(),
    case!(
        mx_9_a_multitude_past_its_limit_stalls_no_claim,
        ["MX-9", "MX-1"],
        ["T4", "C2", "U1"],
        [Spawn, Claim, Tick, Counts],
        "What nobody wanted in time must not stand in the way of what somebody wants now."
    )
    .heavy(),
    case!(
        bl_8_idle_queues_cost_nothing,
        ["BL-8", "QU-3", "CL-37"],
        ["U4", "N1"],
        [Spawn, Claim, ListQueues],
        "A queue for each customer must not make every customer slower."
    )
    .heavy(),
];

/// How much more a claim may cost with a backlog.
const RATIO: u32 = 3;
/// What a busy machine may add.
const SLACK: Duration = Duration::from_micros(200);
/// How often something is tried: the best counts.
const TRIES: usize = 20;

fn multitude(ctx: &Ctx) -> usize {
    (ctx.filler() / 4).max(2_000)
}

/// The least time that a claim of ten takes; what it took is handed back.
async fn least(ctx: &Ctx) -> Result<Duration, Violation> {
    let mut least = Duration::MAX;
    for _ in 0..TRIES {
        let request = ctx.claim_request(10)?;
        let began = Instant::now();
        let claims = ctx.claim_with(request).await?.claims;
        least = least.min(began.elapsed());
        let ends = claims.iter().map(|claim| RunEnd { token: claim.token, ending: release(0) }).collect();
        ctx.claim_with(ctx.claim_request(0)?.ending(ends)).await?;
    }
    Ok(least)
}

/// Wants a claim to cost about what it cost before.
async fn as_before(ctx: &Ctx, before: Duration, beside: &str) -> Verdict {
    let wanted = before * RATIO + SLACK;
    let mut now = least(ctx).await?;
    if now > wanted {
        // Something else may have taken the machine.
        now = now.min(least(ctx).await?);
    }
    let what = format!("the best claim beside {beside}");
    holds(&what, now <= wanted, now, &format!("at most {wanted:?}, after {before:?} without"))
}

async fn bl_1_a_claim_costs_the_same_from_a_multitude(ctx: Ctx) -> Verdict {
    spawn_many(&ctx, 100, job).await?;
    let before = least(&ctx).await?;
    let many = multitude(&ctx);
    spawn_many(&ctx, many, job).await?;
    as_before(&ctx, before, &format!("{many} ready tasks")).await?;
    let (mut request, mut listed, mut last) = (TasksRequest::new(ctx.queue.clone(), None), 0, None);
    loop {
        let page = ctx.store().tasks(request.clone()).await?;
        for task in &page.items {
            let later = last.replace(task.id).is_none_or(|before| before < task.id);
            holds("the list", later, (last, task.id), "each task once, by its id")?;
        }
        listed += page.items.len();
        request.cursor = page.next;
        if request.cursor.is_none() {
            return same("how many are listed", &listed, &(many + 100));
        }
    }
}

/// The least time that it takes to load a page of a hundred.
async fn least_load(ctx: &Ctx, token: Token, after: u64) -> Result<Duration, Violation> {
    let mut least = Duration::MAX;
    for _ in 0..TRIES {
        let request = LoadRequest::new(ctx.queue.clone(), token, after, 100);
        let began = Instant::now();
        let page = ctx.store().load(request).await?;
        least = least.min(began.elapsed());
        same("a page of checkpoints", &page.checkpoints.len(), &100)?;
    }
    Ok(least)
}

/// The least time that it takes to list a page of a hundred.
async fn least_list(ctx: &Ctx, cursor: Option<&Cursor>) -> Result<Duration, Violation> {
    let mut least = Duration::MAX;
    for _ in 0..TRIES {
        let mut request = TasksRequest::new(ctx.queue.clone(), cursor.cloned());
        request.limit = 100;
        let began = Instant::now();
        ctx.store().tasks(request).await?;
        least = least.min(began.elapsed());
    }
    Ok(least)
}

async fn bl_4_a_late_page_costs_what_an_early_one_does(ctx: Ctx) -> Verdict {
    const STEPS: u64 = 10_000;
    let token = ctx.running().await?;
    for from in (0..STEPS).step_by(1_000) {
        let keys = (from..from + 1_000).map(|number| key(&format!("s{number}")));
        let items = keys.map(|key| Ok(step(token, &key?, "1"))).collect::<Result<Vec<_>, Violation>>()?;
        ctx.store().save(SaveRequest::new(ctx.queue.clone(), items)).await?;
    }
    let wanted = least_load(&ctx, token, 0).await? * RATIO + SLACK;
    let late = least_load(&ctx, token, STEPS - 100).await?;
    holds("the last page of checkpoints", late <= wanted, late, &format!("at most {wanted:?}"))?;

    spawn_many(&ctx, 10_000, job).await?;
    let mut request = TasksRequest::new(ctx.queue.clone(), None);
    while let Some(next) = ctx.store().tasks(request.clone()).await?.next {
        request.cursor = Some(next);
    }
    let wanted = least_list(&ctx, None).await? * RATIO + SLACK;
    let late = least_list(&ctx, request.cursor.as_ref()).await?;
    holds("the last page of tasks", late <= wanted, late, &format!("at most {wanted:?}"))
}

/// Cancels so many children with their parent.
async fn cancelled(ctx: &Ctx, count: usize) -> Verdict {
    let parent = parent_of(ctx, count).await?;
    ctx.cancel(parent.task).await?;
    while ctx.tick().await?.more {}
    Ok(())
}

async fn bl_2_a_claim_costs_the_same_behind_what_nobody_claims(ctx: Ctx) -> Verdict {
    let many = multitude(&ctx);
    spawn_many(&ctx, 100, job).await?;
    let before = least(&ctx).await?;
    let ended = ctx.another_queue("ended").await?;
    cancelled(&ended, many / 4).await?;
    spawn_many(&ended, 100, job).await?;
    as_before(&ended, before, &format!("{} cancelled tasks", many / 4)).await?;

    let name = event("e")?;
    let waiting = ctx.another_queue("waiting").await?;
    spawn_many(&waiting, many / 8, job).await?;
    for _ in 0..(many / 8).div_ceil(400) {
        let items = waiting.claim(400).await?.into_iter().map(|claim| {
            let step_key = key("k")?;
            let on = Some(rest(&[&step_key], 1));
            Ok(WaitItem { token: claim.token, waits: vec![on_event(&step_key, &name, None)], rest: on })
        });
        let items = items.collect::<Result<Vec<_>, Violation>>()?;
        waiting.store().wait(WaitRequest::new(waiting.queue.clone(), items)).await?;
    }
    spawn_many(&waiting, 100, job).await?;
    as_before(&waiting, before, &format!("{} waiting tasks", many / 8)).await?;

    spawn_many(&ctx, many / 2, || job_with(|task| (task.delay, task.priority) = (millis(LEASE), 100)))
        .await?;
    spawn_many(&ctx, many / 2, || {
        let mut task = named("foreign")?;
        task.priority = 100;
        Ok(task)
    })
    .await?;
    as_before(&ctx, before, &format!("{many} sleeping and foreign tasks")).await
}

/// Purges until nothing is left, so many at once; gives how many, and how long one call took on average.
async fn purges(ctx: Ctx, limit: u32) -> Result<(u64, Duration), Violation> {
    let (mut purged, mut calls, began) = (0, 0, Instant::now());
    loop {
        let states = vec![EndState::Completed, EndState::Cancelled];
        let request = PurgeRequest::new(ctx.queue.clone(), states, Millis::ZERO, limit);
        let answer = ctx.store().purge(request).await?;
        (purged, calls) = (purged + answer.purged, calls + 1);
        holds("one purge", answer.purged <= u64::from(limit), answer, "at most as many as asked for")?;
        if !answer.more {
            return Ok((purged, began.elapsed() / calls));
        }
    }
}

async fn bl_5_a_multitude_is_purged_while_others_claim(ctx: Ctx) -> Verdict {
    const CLAIMED: usize = 40;
    let many = multitude(&ctx) / 4;
    cancelled(&ctx, many).await?;
    spawn_many(&ctx, CLAIMED, job).await?;
    let before = least(&ctx).await?;
    let (purger, worker) = (ctx.clone(), ctx.clone());
    let calls: Vec<Call<(u64, Duration)>> = vec![
        Box::pin(purges(purger, 200)),
        Box::pin(async move {
            let mut took = Vec::new();
            while took.len() < CLAIMED {
                let began = Instant::now();
                let claim = one("the claims", worker.claim(1).await?)?;
                took.push(began.elapsed());
                same(
                    "the outcome of what is claimed",
                    &worker.outcome(claim.token.task).await?,
                    &Outcome::Live,
                )?;
            }
            took.sort_unstable();
            Ok((0, took.get(CLAIMED / 2).copied().unwrap_or_default()))
        }),
    ];
    let answers = together(calls).await?;
    let [(gone, step), (_, median)] = answers[..] else { return Ok(()) };
    same("what is purged", &gone, &(many as u64 + 1))?;
    let wanted = (before + step) * RATIO + 25 * SLACK;
    let alone = format!("at most {wanted:?}: {before:?} alone, and {step:?} for one purge");
    holds("half of the claims beside a purge", median <= wanted, median, &alone)
}

async fn bl_7_a_multitude_of_expired_leases_comes_back(ctx: Ctx) -> Verdict {
    let many = (ctx.filler() / 20).max(1_500);
    spawn_many(&ctx, many, job).await?;
    let mut held = 0;
    while held < many {
        let claims = ctx.claim(1_000).await?.len();
        holds("the claims", claims > 0, held, "all of the tasks")?;
        held += claims;
    }
    ctx.advance(LEASE);
    let urgent: Vec<_> = (0..5).map(|_| job_with(|task| task.priority = 1)).collect::<Result<_, _>>()?;
    let mut wanted: Vec<_> = urgent.iter().map(|task| task.id).collect();
    wanted.sort_unstable();
    ctx.spawn_all(urgent).await?;
    let claimed: Vec<_> = ctx.claim(5).await?.into_iter().map(|claim| claim.token.task).collect();
    same("the first claim beside the backlog", &claimed, &wanted)?;
    let calls = worked_off(&ctx).await?;
    let most = many.div_ceil(1_000) + 1;
    holds("the ticks that it takes", calls <= most, calls, &format!("at most {most}"))?;
    let counts = ctx.store().counts(CountsRequest::new(ctx.queue.clone())).await?;
    same("how many are pending, and running", &(counts.pending, counts.running), &(many as u64, 5))?;
    let again = ctx.claim(10).await?;
    same("the attempts of ten", &again.iter().filter(|claim| claim.attempt == 2).count(), &10)
}

/// Ticks until nothing is due, and gives how often.
async fn worked_off(ctx: &Ctx) -> Result<usize, Violation> {
    for calls in 1..=1_000 {
        if !ctx.tick().await?.more {
            return Ok(calls);
        }
    }
    Err(Violation::new("what is due", "a thousand ticks", "an end"))
}

async fn mx_9_a_multitude_past_its_limit_stalls_no_claim(ctx: Ctx) -> Verdict {
    let many = (ctx.filler() / 20).max(1_500);
    let limited = || job_with(|task| (task.max_pending, task.priority) = (Some(millis(1_000)), 100));
    spawn_many(&ctx, many, limited).await?;
    ctx.advance(1_000);
    let fresh = ctx.spawn_one().await?;
    // A claim cancels some of them, and as long as it finds nothing to hand out it tells to ask again at once.
    let most = many.div_ceil(100) + 1;
    for calls in 1.. {
        let answer = ctx.claim_with(ctx.claim_request(10)?).await?;
        if let [claim] = &answer.claims[..] {
            same("what is claimed", &claim.token.task, &fresh)?;
            break;
        }
        holds("a claim beside tasks past their limit", answer.claims.is_empty(), &answer, "none of them")?;
        let again = answer.more || answer.next_due.is_some_and(|due| due <= answer.now);
        holds("a claim that found nothing", again, &answer, "that there is more, or something due now")?;
        holds("the claims that it takes", calls < most, calls, &format!("at most {most}"))?;
    }
    worked_off(&ctx).await?;
    let counts = ctx.store().counts(CountsRequest::new(ctx.queue.clone())).await?;
    same("how many are cancelled, and pending", &(counts.cancelled, counts.pending), &(many as u64, 0))
}

/// A queue that nothing happens in; some have a task that sleeps.
async fn idle_queue(ctx: &Ctx, number: usize) -> Verdict {
    let idle = ctx.another_queue(&format!("idle {number}")).await?;
    if number.is_multiple_of(10) {
        idle.spawn(job_with(|task| task.delay = millis(LEASE))?).await?;
    }
    Ok(())
}

async fn bl_8_idle_queues_cost_nothing(ctx: Ctx) -> Verdict {
    spawn_many(&ctx, 100, job).await?;
    let before = least(&ctx).await?;
    let many = (ctx.filler() / 100).clamp(100, 1_000);
    let numbers: Vec<_> = (0..many).collect();
    for chunk in numbers.chunks(50) {
        futures::future::try_join_all(chunk.iter().map(|number| idle_queue(&ctx, *number))).await?;
    }
    as_before(&ctx, before, &format!("{many} idle queues")).await?;
    let (mut cursor, mut listed) = (None, Vec::new());
    loop {
        let page = ctx.store().list_queues(ListQueuesRequest::new(cursor, 300)).await?;
        listed.extend(page.items);
        cursor = page.next;
        if cursor.is_none() {
            break;
        }
    }
    same("how many queues are listed", &listed.len(), &(many + 1))?;
    for queue in listed.iter().filter(|queue| queue.name != ctx.queue).step_by(50) {
        let idle = ctx.on(&queue.name);
        let before = idle.snapshot().await?;
        for _ in 0..3 {
            idle.claims_nothing("a claim from an idle queue").await?;
        }
        idle.unchanged(&before, "claims from an idle queue").await?;
    }
    Ok(())
}
