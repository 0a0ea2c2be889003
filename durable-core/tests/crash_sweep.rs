//! Crashes and lost replies at every store call of a scenario: another worker finishes it, with the same result.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod support;

use durable_conformance::faults::{Dead, Fault, Plan};
use durable_core::store::{StoreErrorKind, Verb};
use durable_core::{SpawnOptions, TaskError, TaskId, WorkerOptions};
use serde_json::{Value, json};
use support::{Desk, millis, pass, secs};

/// Steps, children, an event that comes, one that does not, a retry and a sleep.
const GOLDEN: support::Body = body!(|_, mut ctx| {
    let first: u32 = ctx
        .step("first", 1, |n, step| async move {
            step.state.note("first");
            Ok(n)
        })
        .await?;
    let left = ctx.spawn_by_name::<u32>("left", "child", json!(10), SpawnOptions::default()).await?;
    let right = ctx.spawn_by_name::<u32>("right", "child", json!(20), SpawnOptions::default()).await?;
    ctx.emit_event("ready", &first).await?;
    let event: u32 = ctx.await_event("go", None).await?;
    let flaky: i32 = ctx
        .step("flaky", ctx.attempt, |attempt, step| async move {
            step.state.note("flaky");
            if attempt == 1 {
                anyhow::bail!("once")
            }
            Ok(3)
        })
        .await?;
    ctx.sleep_for("nap", secs(30)).await?;
    let late = ctx.await_event::<Value>("never", Some(secs(20))).await;
    assert!(matches!(late, Err(TaskError::Timeout { .. })), "{late:?}");
    let children: u32 = ctx.join_all(vec![left, right]).await?.into_iter().map(Result::unwrap).sum();
    Ok(json!([first, event, flaky, children]))
});

const CHILD: support::Body = body!(|n, mut ctx| {
    let n = n.as_u64().unwrap_or(0);
    ctx.step("double", n, |n, step| async move {
        step.state.note(format!("child {n}"));
        Ok(n * 2)
    })
    .await
    .map(|n| json!(n))
});

/// Answers the golden task's event.
const ANSWER: support::Body = body!(|_, mut ctx| {
    let n: u32 = ctx.await_event("ready", None).await?;
    ctx.emit_event("go", &(n + 100)).await?;
    Ok(Value::Null)
});

/// What the scenario calls three times at least, so that each fault is met.
const USED: [Verb; 5] = [Verb::Outcome, Verb::Claim, Verb::Wait, Verb::Load, Verb::Save];

/// The flaky step runs under another key in each attempt, so a crash may make it run and be answered once more.
fn expected() -> Value {
    json!([1, 101, 3, 60])
}

async fn desk() -> Desk {
    Desk::new(&[("golden", GOLDEN), ("child", CHILD), ("answer", ANSWER)]).await
}

fn options(desk: &Desk) -> WorkerOptions {
    WorkerOptions { lease: secs(10), ..desk.options(4) }
}

async fn spawn_all(desk: &Desk) -> Vec<TaskId> {
    vec![desk.spawn("golden", Value::Null).await, desk.spawn("answer", Value::Null).await]
}

async fn assert_finished(desk: &Desk, tasks: &[TaskId], context: &str) {
    assert_eq!(desk.output(tasks[0]).await, expected(), "{context}");
    desk.output(tasks[1]).await;
    let counts = desk.client.counts().await.unwrap();
    assert_eq!((counts.completed, counts.sleeping, counts.running), (4, 0, 0), "{context}: {counts:?}");
    desk.memory.check().unwrap();
}

/// The calls that a worker makes for the whole scenario, upkeep and polls included.
async fn golden_calls() -> u64 {
    let desk = desk().await;
    let tasks = spawn_all(&desk).await;
    let other = desk.other_process();
    let worker = other.client.start_worker(options(&other)).await.unwrap();
    assert_finished(&desk, &tasks, "golden").await;
    drop(worker);
    assert_eq!(desk.world.count("first"), 1);
    other.faults.calls()
}

/// A worker meets `fault` at its call number `call`; once it is dead, another one finishes.
async fn crash_at(call: u64, fault: Fault) {
    let desk = desk().await;
    let tasks = spawn_all(&desk).await;
    let doomed = desk.other_process();
    doomed.faults.follow(Plan::new().at_call(call, fault).when_dead(Dead::Hangs));
    let worker = doomed.client.start_worker(options(&doomed)).await.unwrap();
    while !doomed.faults.is_dead() {
        pass(millis(100)).await;
    }
    drop(worker);
    let fresh = desk.other_process();
    let worker = fresh.client.start_worker(options(&fresh)).await.unwrap();
    assert_finished(&desk, &tasks, &format!("{fault:?} at call {call}")).await;
    drop(worker);
}

#[tokio::test(start_paused = true)]
async fn f1_a_worker_that_dies_at_any_store_call_is_replaced() {
    let calls = golden_calls().await;
    assert!(calls > 20, "{calls}");
    // The scenario is over some polls before the count is.
    for call in 1..=calls.saturating_sub(2) {
        crash_at(call, Fault::CrashBefore).await;
        crash_at(call, Fault::CrashAfter).await;
    }
}

#[tokio::test(start_paused = true)]
async fn c7_lost_replies_and_copies_of_every_verb_change_nothing() {
    let lost = [Fault::DropReply, Fault::LoseRequest, Fault::DropRequest];
    for verb in Verb::ALL {
        for fault in lost.into_iter().chain([Fault::DuplicateNow, Fault::DuplicateLate(2)]) {
            for nth in 1..=3 {
                let desk = desk().await;
                desk.faults.follow(Plan::new().at(verb, nth, fault));
                let worker = desk.client.start_worker(options(&desk)).await.unwrap();
                let tasks = spawn_all(&desk).await;
                assert_finished(&desk, &tasks, &format!("{fault:?} of {verb} {nth}")).await;
                assert_eq!(desk.world.count("first"), 1, "{fault:?} of {verb} {nth}");
                assert!(
                    desk.faults.count(verb) >= nth || !USED.contains(&verb),
                    "{verb} {nth} was never called"
                );
                drop(worker);
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn f2_a_store_that_fails_for_a_while_is_survived_without_restarting_the_worker() {
    let desk = desk().await;
    let worker = desk.client.start_worker(options(&desk)).await.unwrap();
    let tasks = spawn_all(&desk).await;
    pass(millis(1)).await;
    let outage = Plan::new().random(1, 1_000, vec![Fault::Error(StoreErrorKind::Unavailable)]);
    let other = desk.other_process();
    desk.faults.follow(outage);
    pass(secs(120)).await;
    desk.faults.follow(Plan::new());
    assert_finished(&other, &tasks, "after an outage").await;
    drop(worker);
}

#[tokio::test(start_paused = true)]
async fn a_store_that_often_fails_costs_time_and_nothing_else() {
    for seed in 0..20 {
        let desk = desk().await;
        let lost = [Fault::DropReply, Fault::DropRequest, Fault::LoseRequest, Fault::Hang];
        let late = [Fault::DuplicateNow, Fault::DuplicateLate(5), Fault::Delay(3), Fault::DelayReply(3)];
        let faults = [lost, late].concat();
        let other = desk.other_process();
        let tasks = spawn_all(&other).await;
        desk.faults.follow(Plan::new().random(seed, 200, faults));
        let worker = desk.client.start_worker(options(&desk)).await.unwrap();
        assert_finished(&other, &tasks, &format!("seed {seed}")).await;
        drop(worker);
    }
}
