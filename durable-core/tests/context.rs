//! What a task's context promises to its body.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod support;

use std::time::Duration;

use durable_conformance::faults::{Fault, Plan};
use durable_core::store::Verb;
use durable_core::{Select, SpawnOptions, TaskError};
use serde_json::{Value, json};
use support::{DOUBLE, Desk, Scripted, fail_once, millis, pass, secs};

#[tokio::test(start_paused = true)]
async fn a_step_that_is_stored_does_not_run_again() {
    let desk = Desk::new(&[(
        "t",
        body!(|_, mut ctx| {
            let value: u32 = ctx
                .step("charge", 7, |n, step| async move {
                    step.state.note("charged");
                    Ok(n * 2)
                })
                .await?;
            fail_once(&ctx)?;
            Ok(json!(value))
        }),
    )])
    .await;
    assert_eq!(desk.run("t", Value::Null).await, 14);
    assert_eq!(desk.world.count("charged"), 1);
}

#[tokio::test(start_paused = true)]
async fn the_same_step_with_other_params_is_another_step() {
    let desk = Desk::new(&[(
        "t",
        body!(|_, mut ctx| {
            let mut sum = 0;
            for n in [1, 2, 2] {
                sum += ctx.step("add", n, |n, _| async move { Ok(n) }).await?;
            }
            Ok(json!(sum))
        }),
    )])
    .await;
    let worker = desk.worker(1).await;
    let task = desk.spawn("t", Value::Null).await;
    assert_eq!(desk.output(task).await, 5);
    assert_eq!(desk.keys(task).await, ["add", "add", "add"]);
    drop(worker);
}

#[tokio::test(start_paused = true)]
async fn values_are_the_same_in_every_attempt() {
    let desk = Desk::new(&[(
        "t",
        body!(|_, mut ctx| {
            let (random, now, id) = (ctx.rand().await?, ctx.now().await?, ctx.uuid7().await?);
            let text = format!("{random} {now} {id}");
            if ctx.attempt == 1 {
                return Err(TaskError::user_message(text).retryable());
            }
            assert!((0.0..1.0).contains(&random));
            assert_eq!(id.get_version_num(), 7);
            Ok(json!(text))
        }),
    )])
    .await;
    let worker = desk.worker(1).await;
    let task = desk.spawn("t", Value::Null).await;
    let output = desk.output(task).await;
    let failed = desk.failed_runs(task).await;
    let durable_core::model::Failure::Reported(first) = &failed[0].failure else { panic!("{failed:?}") };
    assert_eq!(first.read::<Value>().unwrap()["message"], output);
    drop(worker);
}

#[tokio::test(start_paused = true)]
async fn a_sleep_suspends_and_keeps_its_wake_time_over_retries() {
    let desk = Desk::new(&[(
        "t",
        body!(|_, mut ctx| {
            ctx.sleep_for("nap", secs(3600)).await?;
            fail_once(&ctx)?;
            ctx.sleep_for("nap", secs(3600)).await?;
            Ok(Value::Null)
        }),
    )])
    .await;
    let worker = desk.worker(1).await;
    let task = desk.spawn("t", Value::Null).await;
    pass(secs(1800)).await;
    assert!(desk.detail(task).await.task.lease.is_none(), "a sleeping task holds no lease");
    desk.output(task).await;
    assert_eq!(desk.keys(task).await, ["nap", "nap"]);
    let took = desk.ended_at(task).await;
    // Two naps of an hour, and one backoff of 5 s.
    assert!((7_205_000..7_205_100).contains(&took), "{took}");
    drop(worker);
}

#[tokio::test(start_paused = true)]
async fn sleeping_until_a_past_instant_is_no_sleep() {
    let desk = Desk::new(&[(
        "t",
        body!(|_, mut ctx| {
            let now = ctx.now().await?;
            ctx.sleep_until("past", now - chrono::TimeDelta::days(1)).await?;
            Ok(Value::Null)
        }),
    )])
    .await;
    let worker = desk.worker(1).await;
    let task = desk.spawn("t", Value::Null).await;
    desk.output(task).await;
    assert!(desk.ended_at(task).await < 10);
    drop(worker);
}

#[tokio::test(start_paused = true)]
async fn an_event_that_exists_is_there_at_once_and_a_null_is_a_value() {
    let desk = Desk::new(&[(
        "t",
        body!(|_, mut ctx| {
            let value: Value = ctx.await_event("go", Some(Duration::ZERO)).await?;
            Ok(json!([value]))
        }),
    )])
    .await;
    desk.client.emit_event("go", &Value::Null).await.unwrap();
    assert_eq!(desk.run("t", Value::Null).await, json!([null]));
}

#[tokio::test(start_paused = true)]
async fn an_event_wakes_a_task_that_waits_without_a_worker() {
    let desk = Desk::new(&[("t", body!(|_, mut ctx| { ctx.await_event::<Value>("go", None).await }))]).await;
    let worker = desk.worker(1).await;
    let task = desk.spawn("t", Value::Null).await;
    pass(secs(86_400)).await;
    assert!(desk.detail(task).await.task.rest.is_some());
    desk.client.emit_event("go", "now").await.unwrap();
    assert_eq!(desk.output(task).await, "now");
    drop(worker);
}

#[tokio::test(start_paused = true)]
async fn a_timeout_is_decided_once_and_stored() {
    let desk = Desk::new(&[(
        "t",
        body!(|_, mut ctx| {
            let first = ctx.await_event::<Value>("go", Some(secs(10))).await;
            assert!(
                matches!(&first, Err(TaskError::Timeout { step_name }) if step_name == "go"),
                "{first:?}"
            );
            ctx.emit_event("go", "late").await?;
            fail_once(&ctx)?;
            let again: Value = ctx.await_event("go", Some(secs(10))).await?;
            Ok(again)
        }),
    )])
    .await;
    assert_eq!(desk.run("t", Value::Null).await, "late");
}

#[tokio::test(start_paused = true)]
async fn a_replay_does_not_emit_again() {
    let desk = Desk::new(&[
        (
            "t",
            body!(|_, ctx| {
                ctx.emit_event("done", "first").await?;
                fail_once(&ctx)?;
                Ok(Value::Null)
            }),
        ),
        ("reader", body!(|_, mut ctx| { ctx.await_event("done", None).await })),
    ])
    .await;
    let worker = desk.worker(2).await;
    let task = desk.spawn("t", Value::Null).await;
    pass(secs(1)).await;
    desk.client.emit_event("done", "newer").await.unwrap();
    desk.output(task).await;
    let reader = desk.spawn("reader", Value::Null).await;
    assert_eq!(desk.output(reader).await, "newer");
    drop(worker);
}

#[tokio::test(start_paused = true)]
async fn branches_keep_their_own_values_in_whatever_order_they_end() {
    let desk = Desk::new(&[(
        "t",
        body!(|_, mut ctx| {
            let (mut left, mut right) = (ctx.branch("left")?, ctx.branch("right")?);
            let slow = ctx.attempt == 1;
            let (a, b) = tokio::join!(
                left.step("side", slow, |slow, _| async move {
                    if slow {
                        tokio::time::sleep(secs(1)).await;
                    }
                    Ok("left".to_owned())
                }),
                right.step("side", (), |(), _| async move { Ok("right".to_owned()) }),
            );
            fail_once(&ctx)?;
            Ok(json!([a?, b?]))
        }),
    )])
    .await;
    assert_eq!(desk.run("t", Value::Null).await, json!(["left", "right"]));
}

#[tokio::test(start_paused = true)]
async fn reserved_names_are_refused_before_anything_is_written() {
    let desk = Desk::new(&[
        ("child", DOUBLE),
        (
            "t",
            body!(|_, mut ctx| {
                let refused = [
                    ctx.step("$x", (), |(), _| async { Ok(()) }).await.unwrap_err(),
                    ctx.sleep_for("$x", secs(1)).await.unwrap_err(),
                    ctx.await_event::<Value>("$x", None).await.unwrap_err(),
                    ctx.emit_event("$x", &()).await.unwrap_err(),
                    ctx.spawn_by_name::<Value>("$x", "child", json!(1), SpawnOptions::default())
                        .await
                        .unwrap_err(),
                    ctx.spawn_by_name::<Value>("x", "nobody", json!(1), SpawnOptions::default())
                        .await
                        .unwrap_err(),
                    ctx.select("$x", [Select::event("a")]).await.unwrap_err(),
                    ctx.select("x", []).await.unwrap_err(),
                    ctx.branch("a/b").unwrap_err(),
                    ctx.step(&"s".repeat(600), (), |(), _| async { Ok(()) }).await.unwrap_err(),
                    ctx.heartbeat(Some(Duration::from_millis(999))).await.unwrap_err(),
                ];
                assert!(
                    refused.iter().all(|error| matches!(error, TaskError::Validation { .. })),
                    "{refused:?}"
                );
                Ok(Value::Null)
            }),
        ),
    ])
    .await;
    let worker = desk.worker(1).await;
    let task = desk.spawn("t", Value::Null).await;
    desk.output(task).await;
    assert_eq!(desk.keys(task).await, Vec::<String>::new());
    drop(worker);
}

#[tokio::test(start_paused = true)]
async fn n2_a_result_that_is_too_large_is_refused_before_it_is_written() {
    let desk = Desk::new(&[(
        "t",
        body!(|_, mut ctx| {
            let refused = ctx.step("big", (), |(), _| async { Ok("x".repeat(5 << 20)) }).await.unwrap_err();
            assert!(matches!(refused, TaskError::Validation { .. }), "{refused:?}");
            Ok(json!("x".repeat(5 << 20)))
        }),
    )])
    .await;
    assert_eq!(desk.run_to_failure("t", Value::Null).await.name, "Validation");
}

#[tokio::test(start_paused = true)]
async fn n2_a_result_that_could_not_be_read_again_is_refused_before_it_is_written() {
    let desk = Desk::new(&[(
        "t",
        body!(|_, mut ctx| {
            let refused = ctx.step("nan", (), |(), _| async { Ok(f64::NAN) }).await.unwrap_err();
            assert!(matches!(refused, TaskError::Serialization(_)), "{refused:?}");
            Ok(Value::Null)
        }),
    )])
    .await;
    let worker = desk.worker(1).await;
    let task = desk.spawn("t", Value::Null).await;
    desk.output(task).await;
    assert_eq!(desk.keys(task).await, Vec::<String>::new());
    drop(worker);
}

/// Asks for its steps in another order the second time.
const FICKLE: support::Body = body!(|_, mut ctx| {
    let names = if ctx.attempt == 1 { ["a", "b"] } else { ["b", "a"] };
    for name in names {
        // Whoever swallows the error of a strict task fails all the same.
        let _ = ctx.step(name, (), |(), _| async { Ok(()) }).await;
    }
    fail_once(&ctx)?;
    Ok(Value::Null)
});

#[tokio::test(start_paused = true)]
async fn a_replay_in_another_order_fails_no_task_that_is_not_strict() {
    let desk = Desk::new(&[("t", FICKLE)]).await;
    assert_eq!(desk.run("t", Value::Null).await, Value::Null);
}

#[tokio::test(start_paused = true)]
async fn a_replay_in_another_order_fails_a_strict_task() {
    let desk = Desk::with(vec![Scripted { name: "t", body: FICKLE, strict: true }]).await;
    let failure = desk.run_to_failure("t", Value::Null).await;
    assert_eq!(failure.name, "Validation");
}

#[tokio::test(start_paused = true)]
async fn a_replay_that_leaves_something_out_fails_a_strict_task() {
    let forgetful: support::Body = body!(|_, mut ctx| {
        if ctx.attempt == 1 {
            ctx.step("a", (), |(), _| async { Ok(()) }).await?;
        }
        fail_once(&ctx)?;
        Ok(Value::Null)
    });
    let desk = Desk::with(vec![Scripted { name: "t", body: forgetful, strict: true }]).await;
    let failure = desk.run_to_failure("t", Value::Null).await;
    assert!(failure.message.contains("never asked for"), "{}", failure.message);
}

#[tokio::test(start_paused = true)]
async fn emits_at_once_may_be_stored_in_any_order() {
    let body: support::Body = body!(|_, ctx| {
        let second = async {
            tokio::time::sleep(millis(1)).await;
            ctx.emit_event("b", &2).await
        };
        let (first, second) = tokio::join!(ctx.emit_event("a", &1), second);
        first.and(second)?;
        fail_once(&ctx)?;
        Ok(Value::Null)
    });
    let desk = Desk::with(vec![Scripted { name: "t", body, strict: true }]).await;
    // The first emit is not answered, and comes through after the second one.
    desk.faults.follow(Plan::new().at(Verb::Save, 1, Fault::Hang));
    let worker = desk.worker(1).await;
    let task = desk.spawn("t", Value::Null).await;
    desk.output(task).await;
    assert_eq!(desk.keys(task).await, ["$emit:b", "$emit:a"]);
    drop(worker);
}

#[tokio::test(start_paused = true)]
async fn n2_a_replay_gets_every_bit_of_a_number_and_so_the_same_keys() {
    let desk = Desk::with(vec![Scripted {
        name: "t",
        body: body!(|_, mut ctx| {
            // Read with serde_json's fast way, this one comes out as its neighbour.
            let price: f64 = ctx.step("quote", (), |(), _| async { Ok(0.460_747_112_842_905_15) }).await?;
            ctx.step("charge", price, |_, step| async move {
                step.state.note("charged");
                Ok(())
            })
            .await?;
            ctx.sleep_for("nap", secs(1)).await?;
            Ok(json!(price.to_bits()))
        }),
        strict: true,
    }])
    .await;
    assert_eq!(desk.run("t", Value::Null).await, json!(0.460_747_112_842_905_15_f64.to_bits()));
    assert_eq!(desk.world.count("charged"), 1);
}
