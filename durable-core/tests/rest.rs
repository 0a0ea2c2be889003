//! Rest and suspension: when a body is let go, and what it never notices.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod support;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use durable_conformance::layer::{AlwaysYield, Call, Layer, Layered, NeverYield};
use durable_core::model::Clock;
use durable_core::store::{Store, StoreError, Verb};
use durable_core::{Heartbeater, RunEnding, Select, StepState, TaskError};
use durable_memory::MemoryStore;
use serde_json::{Value, json};
use support::{Desk, START, Scripted, World, millis, pass, secs};

/// Waits in one branch for what the other emits after a step; which of them is listed first is the task's param. A
/// heartbeat loop runs beside them.
const BRANCHES: support::Body = body!(|wait_first, mut ctx| {
    let heart = ctx.heartbeat_handle();
    let (mut waiter, mut worker) = (ctx.branch("waiter")?, ctx.branch("worker")?);
    let beats = async {
        while heart.heartbeat(None).await.is_ok() {
            tokio::time::sleep(secs(1)).await;
        }
        std::future::pending::<()>().await;
    };
    let wait = waiter.await_event::<Value>("met", None);
    let work = async {
        let step = |(), _| async {
            tokio::time::sleep(secs(5)).await;
            Ok(())
        };
        worker.step("work", (), step).await?;
        worker.emit_event("met", "by the step").await
    };
    let parts = async {
        let (got, worked) = if wait_first == true {
            tokio::join!(wait, work)
        } else {
            let (worked, got) = tokio::join!(work, wait);
            (got, worked)
        };
        worked.and(got)
    };
    tokio::select! { result = parts => result, () = beats => Ok(Value::Null) }
});

async fn assert_ends_over(wrap: fn(Arc<dyn Store>) -> Arc<dyn Store>) {
    for wait_first in [true, false] {
        let memory = MemoryStore::with_clock(Clock::following_tokio(START)).checked();
        let tasks = vec![Scripted { name: "t", body: BRANCHES, strict: true }];
        let desk = Desk::over(memory.clone(), wrap(Arc::new(memory)), tasks).await;
        assert_eq!(desk.run("t", json!(wait_first)).await, "by the step");
    }
}

#[tokio::test(start_paused = true)]
async fn a_wait_listed_before_the_step_that_meets_it_ends() {
    assert_ends_over(|store| Arc::new(Layered::new(store, NeverYield))).await;
    assert_ends_over(|store| Arc::new(Layered::new(store, AlwaysYield))).await;
}

#[tokio::test(start_paused = true)]
async fn a_body_that_only_waits_is_suspended_in_the_call_that_registers_its_wait() {
    let desk = Desk::new(&[("t", body!(|_, mut ctx| { ctx.await_event("go", None).await }))]).await;
    let worker = desk.worker(1).await;
    let task = desk.spawn("t", Value::Null).await;
    pass(millis(100)).await;
    assert_eq!(desk.endings(task), [RunEnding::Suspended]);
    assert_eq!(desk.faults.count(Verb::Wait), 1);
    desk.client.emit_event("go", &()).await.unwrap();
    desk.output(task).await;
    drop(worker);
}

#[tokio::test(start_paused = true)]
async fn a_body_whose_wait_is_met_already_goes_on_without_replay() {
    let desk = Desk::new(&[(
        "t",
        body!(|_, mut ctx| {
            let ran: u32 = ctx.step("once", (), |(), _| async { Ok(1) }).await?;
            ctx.await_event::<Value>("go", None).await?;
            Ok(json!(ran))
        }),
    )])
    .await;
    desk.client.emit_event("go", &()).await.unwrap();
    let worker = desk.worker(1).await;
    let task = desk.spawn("t", Value::Null).await;
    desk.output(task).await;
    assert_eq!(desk.endings(task), [RunEnding::Completed]);
    drop(worker);
}

#[tokio::test(start_paused = true)]
async fn a_step_beside_a_wait_holds_the_run() {
    let desk = Desk::new(&[(
        "t",
        body!(|_, mut ctx| {
            let (mut waiter, mut worker) = (ctx.branch("waiter")?, ctx.branch("worker")?);
            let (nap, work) = tokio::join!(
                waiter.sleep_for("nap", secs(60)),
                worker.step("work", (), |(), step| async move {
                    step.state.note("started");
                    tokio::time::sleep(secs(30)).await;
                    Ok(())
                }),
            );
            nap.and(work).map(|()| Value::Null)
        }),
    )])
    .await;
    desk.run("t", Value::Null).await;
    assert_eq!(desk.world.count("started"), 1);
}

#[tokio::test(start_paused = true)]
async fn a_wait_ends_while_a_step_holds_the_run() {
    let desk = Desk::new(&[(
        "t",
        body!(|_, mut ctx| {
            let (mut waiter, mut worker) = (ctx.branch("waiter")?, ctx.branch("worker")?);
            let waiting = async {
                waiter.await_event::<Value>("go", None).await?;
                waiter
                    .step("after", (), |(), step| async move {
                        step.state.note("event");
                        Ok(())
                    })
                    .await
            };
            let working = worker.step("work", (), |(), step| async move {
                tokio::time::sleep(secs(60)).await;
                step.state.note("work");
                Ok(())
            });
            let (event, work) = tokio::join!(waiting, working);
            event.and(work).map(|()| Value::Null)
        }),
    )])
    .await;
    let worker = desk.worker(1).await;
    let task = desk.spawn("t", Value::Null).await;
    pass(secs(10)).await;
    desk.client.emit_event("go", &()).await.unwrap();
    desk.output(task).await;
    assert_eq!(desk.world.notes(), ["event", "work"]);
    drop(worker);
}

#[tokio::test(start_paused = true)]
async fn a_body_that_yields_is_not_at_rest() {
    let desk = Desk::new(&[(
        "t",
        body!(|_, mut ctx| {
            let mut waiter = ctx.branch("waiter")?;
            let mut worker = ctx.branch("worker")?;
            let spinning = async {
                for _ in 0..1_000 {
                    tokio::task::yield_now().await;
                }
                let spun = |(), step: StepState<World>| async move {
                    step.state.note("spun");
                    Ok(())
                };
                worker.step("spun", (), spun).await
            };
            let (event, spun) = tokio::join!(waiter.await_event::<Value>("go", None), spinning);
            spun.and(event)
        }),
    )])
    .await;
    let worker = desk.worker(1).await;
    let task = desk.spawn("t", Value::Null).await;
    pass(millis(100)).await;
    assert_eq!(desk.world.notes(), ["spun"]);
    assert_eq!(desk.endings(task), [RunEnding::Suspended], "it rests once it is done spinning");
    drop(worker);
}

/// Takes a second for each `wait`.
#[derive(Debug)]
struct SlowWaits;

impl Layer for SlowWaits {
    type Ticket = ();

    async fn before(&self, call: Call) -> Result<(), StoreError> {
        if call.verb == Verb::Wait {
            pass(secs(1)).await;
        }
        Ok(())
    }

    async fn after(&self, (): ()) -> Result<(), StoreError> {
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn a_body_stands_still_while_the_store_decides_whether_it_rests() {
    let body: support::Body = body!(|_, mut ctx| {
        let (mut waiter, mut worker) = (ctx.branch("waiter")?, ctx.branch("worker")?);
        let working = async {
            // No operation of the context: it does not hold the run, and ends while the store is asked.
            tokio::time::sleep(millis(10)).await;
            let work = |(), step: StepState<World>| async move {
                step.state.note("worked");
                Ok(())
            };
            worker.step("work", (), work).await
        };
        let (event, work) = tokio::join!(waiter.await_event::<Value>("go", None), working);
        work.and(event)
    });
    let memory = MemoryStore::with_clock(Clock::following_tokio(START)).checked();
    let slow = Arc::new(Layered::new(Arc::new(memory.clone()), SlowWaits));
    let desk = Desk::over(memory, slow, vec![Scripted { name: "t", body, strict: false }]).await;
    let worker = desk.worker(1).await;
    let task = desk.spawn("t", Value::Null).await;
    pass(secs(10)).await;
    assert_eq!(desk.endings(task), [RunEnding::Suspended]);
    assert_eq!(desk.world.notes(), Vec::<String>::new());
    desk.client.emit_event("go", "x").await.unwrap();
    assert_eq!(desk.output(task).await, "x");
    assert_eq!(desk.world.notes(), ["worked"]);
    drop(worker);
}

#[tokio::test(start_paused = true)]
async fn code_that_outlives_its_body_is_told_to_stop() {
    static REFUSED: Mutex<Vec<TaskError>> = Mutex::new(Vec::new());
    let desk = Desk::new(&[(
        "t",
        body!(|_, mut ctx| {
            let heart = ctx.heartbeat_handle();
            let mut late = ctx.branch("late")?;
            ctx.step("world", (), |(), step| async move {
                step.state.note("ran");
                Ok(())
            })
            .await?;
            if ctx.attempt == 1 {
                tokio::spawn(async move {
                    tokio::time::sleep(secs(1)).await;
                    let refused = [
                        heart.heartbeat(None).await.unwrap_err(),
                        late.step("late", (), |(), step| async move {
                            step.state.note("never");
                            Ok(())
                        })
                        .await
                        .unwrap_err(),
                        late.emit_event("never", &()).await.unwrap_err(),
                    ];
                    // An assertion here would fail nothing.
                    REFUSED.lock().unwrap().extend(refused);
                });
            }
            ctx.await_event("go", None).await
        }),
    )])
    .await;
    let worker = desk.worker(1).await;
    let task = desk.spawn("t", Value::Null).await;
    pass(secs(5)).await;
    desk.client.emit_event("go", &()).await.unwrap();
    desk.output(task).await;
    assert_eq!(desk.world.notes(), ["ran"]);
    let refused = REFUSED.lock().unwrap();
    let suspended = |error: &TaskError| matches!(error, TaskError::Control(durable_core::Control::Suspend));
    assert!(refused.len() == 3 && refused.iter().all(suspended), "{refused:?}");
    drop(worker);
}

#[tokio::test(start_paused = true)]
async fn a_body_cannot_make_up_a_control() {
    let desk =
        Desk::new(&[("t", body!(|_, _| { Err(TaskError::Control(durable_core::Control::Suspend)) }))]).await;
    assert_eq!(desk.run_to_failure("t", Value::Null).await.name, "Validation");
}

/// Bodies that write in every way, dropped after each number of polls: what they left must not stop others.
#[tokio::test(start_paused = true)]
async fn a_body_dropped_at_any_poll_leaves_no_lock() {
    for polls in 0..12_u32 {
        let desk = Desk::new(&[(
            "t",
            body!(|polls, mut ctx| {
                let polls = polls.as_u64().unwrap();
                let attempt = ctx.attempt;
                let work = Box::pin(async {
                    ctx.step("a", (), |(), _| async {
                        tokio::task::yield_now().await;
                        Ok(())
                    })
                    .await?;
                    ctx.emit_event("e", &1).await?;
                    ctx.heartbeat(None).await?;
                    ctx.rand().await?;
                    ctx.await_event::<Value>("e", None).await
                });
                if attempt > 1 {
                    return work.await;
                }
                let mut work = work;
                let mut polled = 0;
                let done = std::future::poll_fn(|cx| {
                    if polled == polls {
                        return std::task::Poll::Ready(None);
                    }
                    polled += 1;
                    work.as_mut().poll(cx).map(Some)
                })
                .await;
                drop(work);
                done.unwrap_or_else(|| Err(TaskError::user_message("dropped").retryable()))
            }),
        )])
        .await;
        let worker = desk.worker(2).await;
        let task = desk.spawn("t", json!(polls)).await;
        let other = desk.spawn("t", json!(1_000)).await;
        assert_eq!(desk.output(task).await, 1);
        assert_eq!(desk.output(other).await, 1);
        desk.memory.check().unwrap();
        drop(worker);
    }
}

#[tokio::test(start_paused = true)]
async fn more_waits_at_once_than_one_call_may_name_are_refused() {
    let desk = Desk::new(&[(
        "t",
        body!(|_, mut ctx| {
            let mut branches = Vec::new();
            for n in 0..501 {
                branches.push(ctx.branch(&format!("b{n}"))?);
            }
            let waits = branches.iter_mut().map(|branch| branch.sleep_for("nap", Duration::from_secs(60)));
            futures::future::try_join_all(waits).await?;
            Ok(Value::Null)
        }),
    )])
    .await;
    assert_eq!(desk.run_to_failure("t", Value::Null).await.name, "Validation");
}

#[tokio::test(start_paused = true)]
async fn too_many_waits_fail_a_body_that_makes_light_of_it() {
    let desk = Desk::new(&[(
        "t",
        body!(|_, mut ctx| {
            let waits = (0..501).map(|n| Select::event(format!("e{n}")));
            Ok(json!(ctx.select("any", waits).await.is_ok()))
        }),
    )])
    .await;
    assert_eq!(desk.run_to_failure("t", Value::Null).await.name, "Validation");
}
