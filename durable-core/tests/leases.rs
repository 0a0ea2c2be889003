//! Leases, shutdown, and what a worker leaves to others.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod support;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use durable_conformance::faults::{Fault, Plan};
use durable_conformance::layer::{Call, Layer, Layered};
use durable_core::model::{Clock, Failure};
use durable_core::store::{StoreError, Verb};
use durable_core::{RunEnding, RunObserver, RunReport, SpawnOptions, TaskFailure, TaskId, WorkerOptions};
use durable_memory::MemoryStore;
use serde_json::{Value, json};
use support::{Desk, LONG, START, Scripted, millis, pass, secs};

const LEASE: Duration = Duration::from_secs(10);

async fn worker_with_lease(desk: &Desk, concurrency: usize) -> durable_core::Worker {
    let options = WorkerOptions { lease: LEASE, ..desk.options(concurrency) };
    desk.client.start_worker(options).await.unwrap()
}

async fn reported(desk: &Desk, task: durable_core::TaskId) -> Vec<String> {
    let runs = desk.failed_runs(task).await;
    let name = |failure: &Failure| match failure {
        Failure::Reported(payload) => payload.read::<TaskFailure>().unwrap().name,
        Failure::ClaimTimeout { .. } => "expired".to_owned(),
        Failure::Corrupt { .. } => "corrupt".to_owned(),
    };
    runs.iter().map(|run| name(&run.failure)).collect()
}

/// Takes a minute the first time and no time after.
const SLOW_ONCE: support::Body = body!(|_, mut ctx| {
    if ctx.attempt == 1 {
        tokio::time::sleep(secs(60)).await;
    }
    ctx.step("end", ctx.attempt, |attempt, step| async move {
        step.state.note(format!("ended {attempt}"));
        Ok(())
    })
    .await?;
    Ok(json!(ctx.attempt))
});

#[tokio::test(start_paused = true)]
async fn a_body_is_stopped_before_its_lease_ends_and_fails_as_claim_timeout() {
    let desk = Desk::new(&[("t", SLOW_ONCE)]).await;
    let worker = worker_with_lease(&desk, 1).await;
    let task = desk.spawn("t", Value::Null).await;
    assert_eq!(desk.output(task).await, 2);
    assert_eq!(reported(&desk, task).await, ["ClaimTimeout"]);
    assert!(desk.ended_at(task).await < 10_000, "the worker did not wait for the lease to run out");
    assert_eq!(desk.world.notes(), ["ended 2"]);
    drop(worker);
}

#[tokio::test(start_paused = true)]
async fn a_heartbeat_keeps_a_body_going() {
    let desk = Desk::new(&[(
        "t",
        body!(|_, mut ctx| {
            ctx.step("long", (), |(), step| async move {
                for _ in 0..6 {
                    tokio::time::sleep(secs(5)).await;
                    step.heartbeater.heartbeat(None).await?;
                }
                Ok(())
            })
            .await?;
            Ok(json!(ctx.attempt))
        }),
    )])
    .await;
    let worker = worker_with_lease(&desk, 1).await;
    let task = desk.spawn("t", Value::Null).await;
    assert_eq!(desk.output(task).await, 1);
    drop(worker);
}

#[tokio::test(start_paused = true)]
async fn renewed_leases_keep_a_silent_body_going() {
    let desk = Desk::new(&[("t", SLOW_ONCE)]).await;
    let options = WorkerOptions { lease: LEASE, renew_leases: true, ..desk.options(1) };
    let worker = desk.client.start_worker(options).await.unwrap();
    let task = desk.spawn("t", Value::Null).await;
    assert_eq!(desk.output(task).await, 1);
    drop(worker);
}

#[tokio::test(start_paused = true)]
async fn c4_each_stored_step_leaves_a_full_lease() {
    let desk = Desk::new(&[(
        "t",
        body!(|_, mut ctx| {
            for n in 0..10 {
                ctx.step("part", n, |_, _| async {
                    tokio::time::sleep(secs(8)).await;
                    Ok(())
                })
                .await?;
            }
            Ok(json!(ctx.attempt))
        }),
    )])
    .await;
    let worker = worker_with_lease(&desk, 1).await;
    let task = desk.spawn("t", Value::Null).await;
    assert_eq!(desk.output(task).await, 1);
    drop(worker);
}

#[tokio::test(start_paused = true)]
async fn c5_a_task_of_a_dead_worker_is_taken_over_when_its_lease_is_over() {
    let desk = Desk::new(&[("t", SLOW_ONCE)]).await;
    let dead = worker_with_lease(&desk, 1).await;
    let task = desk.spawn("t", Value::Null).await;
    pass(secs(5)).await;
    desk.faults.kill();
    let survivor = desk.other_process();
    let worker = worker_with_lease(&survivor, 1).await;
    assert_eq!(survivor.output(task).await, 2);
    assert_eq!(reported(&survivor, task).await, ["expired"]);
    let taken = survivor.ended_at(task).await;
    assert!((10_000..10_100).contains(&taken), "taken over when the lease ended, at {taken}");
    drop((dead, worker));
}

/// Hangs every call of a verb under the claim of one task, and all that goes with it.
#[derive(Debug, Clone)]
struct HangsFor(Verb, Arc<Mutex<Option<TaskId>>>);

impl Layer for HangsFor {
    type Ticket = ();

    async fn before(&self, call: Call) -> Result<(), StoreError> {
        let stuck = *self.1.lock().unwrap();
        if call.verb == self.0 && stuck.is_some_and(|task| call.claims.contains(&task)) {
            std::future::pending::<()>().await;
        }
        Ok(())
    }

    async fn after(&self, (): ()) -> Result<(), StoreError> {
        Ok(())
    }
}

async fn desk_that_hangs(verb: Verb, body: support::Body) -> (Desk, HangsFor) {
    let hangs = HangsFor(verb, Arc::default());
    let memory = MemoryStore::with_clock(Clock::following_tokio(START)).checked();
    let store = Arc::new(Layered::new(Arc::new(memory.clone()), hangs.clone()));
    (Desk::over(memory, store, vec![Scripted { name: "t", body, strict: false }]).await, hangs)
}

/// Five tasks at once, of which one hangs in `verb` until its lease is over: the others end in their first attempt.
async fn assert_others_end(verb: Verb, body: support::Body) {
    let (desk, hangs) = desk_that_hangs(verb, body).await;
    let mut tasks = Vec::new();
    for _ in 0..5 {
        tasks.push(desk.spawn("t", Value::Null).await);
    }
    let stuck = tasks.remove(2);
    *hangs.1.lock().unwrap() = Some(stuck);
    let worker = worker_with_lease(&desk, 5).await;
    for task in tasks {
        assert_eq!(desk.output(task).await, 1);
    }
    pass(secs(10)).await;
    *hangs.1.lock().unwrap() = None;
    assert!(desk.output(stuck).await.as_i64() > Some(1), "the one that hung lost its lease");
    drop(worker);
}

#[tokio::test(start_paused = true)]
async fn one_tasks_hanging_write_costs_no_other_its_lease() {
    let body: support::Body = body!(|_, mut ctx| {
        tokio::time::sleep(secs(1)).await;
        ctx.step("work", (), |(), _| async { Ok(()) }).await?;
        tokio::time::sleep(secs(8)).await;
        ctx.step("more", (), |(), _| async { Ok(()) }).await?;
        Ok(json!(ctx.attempt))
    });
    assert_others_end(Verb::Save, body).await;
}

#[tokio::test(start_paused = true)]
async fn one_tasks_hanging_end_costs_no_other_its_lease() {
    let body: support::Body = body!(|_, ctx| {
        tokio::time::sleep(secs(5)).await;
        Ok(json!(ctx.attempt))
    });
    assert_others_end(Verb::Claim, body).await;
}

#[tokio::test(start_paused = true)]
async fn a_hanging_end_keeps_no_other_task_from_its_claim() {
    let (desk, hangs) = desk_that_hangs(Verb::Claim, body!(|_, _| { Ok(Value::Null) })).await;
    let first = desk.spawn("t", Value::Null).await;
    *hangs.1.lock().unwrap() = Some(first);
    let worker = worker_with_lease(&desk, 1).await;
    let second = desk.spawn("t", Value::Null).await;
    desk.output(second).await;
    let took = desk.ended_at(second).await;
    assert!(took < 5_000, "it was claimed while the first still hung, after {took} ms");
    drop(worker);
}

#[tokio::test(start_paused = true)]
async fn shutdown_waits_for_running_bodies_and_stores_their_ends() {
    let desk = Desk::new(&[(
        "t",
        body!(|_, _| {
            tokio::time::sleep(secs(20)).await;
            Ok(json!("done"))
        }),
    )])
    .await;
    let worker = desk.worker(1).await;
    let (task, waiting) = (desk.spawn("t", Value::Null).await, desk.spawn("t", Value::Null).await);
    pass(secs(1)).await;
    worker.shutdown().await;
    assert_eq!(desk.output(task).await, "done");
    assert_eq!(desk.detail(waiting).await.task.claims, 0, "nothing is claimed during a shutdown");
}

#[tokio::test(start_paused = true)]
async fn shutdown_hands_back_what_does_not_end_in_time_without_using_an_attempt() {
    let desk = Desk::new(&[(
        "t",
        body!(|_, ctx| {
            if ctx.headers().is_empty() {
                tokio::time::sleep(LONG).await;
            }
            Ok(json!(ctx.attempt))
        }),
    )])
    .await;
    let options = WorkerOptions { shutdown_timeout: secs(5), ..desk.options(1) };
    let worker = desk.client.start_worker(options).await.unwrap();
    let task = desk.spawn("t", Value::Null).await;
    pass(secs(1)).await;
    worker.shutdown().await;
    assert_eq!(desk.endings(task), [RunEnding::Released]);
    let view = desk.detail(task).await.task;
    assert_eq!((view.attempt, view.available_at.is_some()), (1, true));
}

#[tokio::test(start_paused = true)]
async fn names_that_are_not_registered_are_never_claimed() {
    let desk = Desk::new(&[("t", body!(|_, _| { Ok(Value::Null) }))]).await;
    let worker = desk.worker(4).await;
    let strange =
        desk.client.spawn_by_name_unchecked("strange", Value::Null, SpawnOptions::default()).await.unwrap();
    let known = desk.spawn("t", Value::Null).await;
    desk.output(known).await;
    pass(secs(60)).await;
    assert_eq!(desk.detail(strange.task).await.task.claims, 0);
    drop(worker);
}

#[tokio::test(start_paused = true)]
async fn a_worker_takes_higher_priority_first() {
    let desk = Desk::new(&[(
        "t",
        body!(|params, mut ctx| {
            ctx.step("note", params, |params, step| async move {
                step.state.note(params.to_string());
                Ok(())
            })
            .await?;
            Ok(Value::Null)
        }),
    )])
    .await;
    let mut last = None;
    for priority in [0_i16, 5, -5] {
        let options = SpawnOptions { priority, ..Default::default() };
        last = Some(desk.spawn_with("t", json!(priority), options).await);
    }
    let worker = desk.worker(1).await;
    desk.output(last.unwrap()).await;
    assert_eq!(desk.world.notes(), ["5", "0", "-5"]);
    drop(worker);
}

#[tokio::test(start_paused = true)]
async fn a_paused_queue_gives_nothing_out_until_it_is_resumed() {
    let desk = Desk::new(&[("t", body!(|_, _| { Ok(Value::Null) }))]).await;
    let worker = desk.worker(1).await;
    desk.client.pause_queue().await.unwrap();
    let task = desk.spawn("t", Value::Null).await;
    pass(secs(60)).await;
    assert_eq!(desk.detail(task).await.task.claims, 0);
    desk.client.resume_queue().await.unwrap();
    desk.output(task).await;
    drop(worker);
}

#[tokio::test(start_paused = true)]
async fn an_idle_worker_claims_no_more_than_once_a_poll() {
    let desk = Desk::new(&[("t", body!(|_, _| { Ok(Value::Null) }))]).await;
    let worker = desk.worker(1).await;
    pass(secs(1)).await;
    let before = (desk.faults.count(Verb::Claim), desk.faults.count(Verb::Tick));
    pass(secs(300)).await;
    let (claims, ticks) =
        (desk.faults.count(Verb::Claim) - before.0, desk.faults.count(Verb::Tick) - before.1);
    assert!((230..=400).contains(&claims), "{claims}");
    assert!((9..=11).contains(&ticks), "{ticks}");
    drop(worker);
}

#[tokio::test(start_paused = true)]
async fn options_that_have_no_meaning_are_refused() {
    let desk = Desk::new(&[("t", SLOW_ONCE)]).await;
    let good = WorkerOptions::default;
    for bad in [
        WorkerOptions { concurrency: 0, ..good() },
        WorkerOptions { batch_size: Some(0), ..good() },
        WorkerOptions { lease: millis(999), ..good() },
        WorkerOptions { poll_interval: Duration::ZERO, ..good() },
        WorkerOptions { worker_id: Some(String::new()), ..good() },
    ] {
        assert!(desk.client.start_worker(bad).await.is_err());
    }
    assert!(Desk::new(&[]).await.client.start_worker(good()).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn an_observer_that_panics_costs_no_run_its_end() {
    let desk = Desk::new(&[("t", body!(|_, ctx| { Ok(json!(ctx.attempt)) }))]).await;
    let observe = |report: &RunReport| assert!(report.attempt > 100, "a planned panic");
    let options = WorkerOptions { on_run: Some(RunObserver::new(observe)), ..desk.options(1) };
    let worker = desk.client.start_worker(options).await.unwrap();
    let task = desk.spawn("t", Value::Null).await;
    assert_eq!(desk.output(task).await, 1);
    drop(worker);
}

#[tokio::test(start_paused = true)]
async fn options_may_be_all_the_time_there_is() {
    let minute: support::Body = body!(|_, mut ctx| {
        let (mut sleeper, mut worker) = (ctx.branch("sleeper")?, ctx.branch("worker")?);
        let work = worker.step("work", (), |(), _| async {
            tokio::time::sleep(secs(60)).await;
            Ok(())
        });
        let (slept, done) = tokio::join!(sleeper.sleep_for("nap", secs(1)), work);
        slept.and(done)?;
        Ok(json!("done"))
    });
    let desk = Desk::new(&[("t", minute)]).await;
    let options = WorkerOptions {
        poll_interval: Duration::MAX,
        upkeep_interval: Duration::MAX,
        shutdown_timeout: Duration::MAX,
        lease: Duration::from_secs(8_000 * 365 * 24 * 3600),
        ..desk.options(1)
    };
    let worker = desk.client.start_worker(options).await.unwrap();
    pass(secs(1)).await;
    let task = desk.spawn("t", Value::Null).await;
    pass(secs(1)).await;
    worker.shutdown().await;
    assert_eq!(desk.endings(task), [RunEnding::Completed]);
}

#[tokio::test(start_paused = true)]
async fn a_report_says_why_an_attempt_failed_and_how_long_it_took() {
    let desk = Desk::new(&[(
        "t",
        body!(|_, mut ctx| {
            let fail = |attempt, _| async move {
                tokio::time::sleep(secs(3)).await;
                if attempt == 1 { Err(anyhow::anyhow!("busy")) } else { Ok(attempt) }
            };
            Ok(json!(ctx.step("work", ctx.attempt, fail).await?))
        }),
    )])
    .await;
    let worker = desk.worker(1).await;
    let task = desk.spawn("t", Value::Null).await;
    desk.output(task).await;
    assert_eq!(desk.endings(task), [RunEnding::Retrying, RunEnding::Completed]);
    let reports = desk.reports.lock().unwrap();
    let failure = reports[0].failure.as_ref().unwrap();
    assert_eq!(
        (failure.step.as_deref(), failure.to_string()),
        (Some("work"), "step `work` failed: busy".into())
    );
    assert!(reports[0].took >= secs(3) && reports[1].failure.is_none());
    drop(worker);
}

#[tokio::test(start_paused = true)]
async fn a_load_that_is_not_answered_is_repeated_soon_however_long_the_lease() {
    let desk = Desk::new(&[(
        "t",
        body!(|_, mut ctx| {
            ctx.rand().await?;
            ctx.sleep_for("nap", secs(1)).await?;
            Ok(Value::Null)
        }),
    )])
    .await;
    desk.faults.follow(Plan::new().at(Verb::Load, 1, Fault::Hang));
    let options = WorkerOptions { lease: secs(3_600), ..desk.options(1) };
    let worker = desk.client.start_worker(options).await.unwrap();
    let task = desk.spawn("t", Value::Null).await;
    desk.output(task).await;
    assert!(desk.ended_at(task).await < 10_000, "{}", desk.ended_at(task).await);
    drop(worker);
}
