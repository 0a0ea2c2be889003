//! What a task's context promises to its body.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod support;

use std::time::Duration;

use durable_conformance::faults::{Fault, Plan};
use durable_core::store::Verb;
use durable_core::{Select, SpawnOptions, TaskError, TaskHandle};
use serde_json::{Value, json};
use support::{Desk, Scripted, millis, pass, secs};

fn fail_once(ctx: &support::Ctx) -> Result<(), TaskError> {
    match ctx.attempt {
        1 => Err(TaskError::user_message("once more").retryable()),
        _ => Ok(()),
    }
}

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

const DOUBLE: support::Body = body!(|n, _| { Ok(json!(n.as_i64().unwrap_or(0) * 2)) });
const FAIL: support::Body = body!(|_, _| { Err(TaskError::user_message("broken")) });

#[tokio::test(start_paused = true)]
async fn children_are_joined_typed_and_spawned_once() {
    let desk = Desk::new(&[
        ("child", DOUBLE),
        (
            "t",
            body!(|_, mut ctx| {
                let a: TaskHandle<i64> =
                    ctx.spawn_by_name("a", "child", json!(1), SpawnOptions::default()).await?;
                let b: TaskHandle<i64> =
                    ctx.spawn_by_name("b", "child", json!(2), SpawnOptions::default()).await?;
                fail_once(&ctx)?;
                let again = ctx.join(a.clone()).await?;
                Ok(json!([ctx.join(a).await?, again, ctx.join(b).await?]))
            }),
        ),
    ])
    .await;
    assert_eq!(desk.run("t", Value::Null).await, json!([2, 2, 4]));
    assert_eq!(desk.client.counts().await.unwrap().completed, 3);
}

#[tokio::test(start_paused = true)]
async fn join_all_gives_a_result_for_each() {
    let desk = Desk::new(&[("child", DOUBLE), ("bad", FAIL), ("t", body!(|_, mut ctx| {
        let good = ctx.spawn_by_name::<i64>("good", "child", json!(3), SpawnOptions::default()).await?;
        let bad = ctx.spawn_by_name::<i64>("bad", "bad", json!(3), SpawnOptions::default()).await?;
        let results = ctx.join_all(vec![good, bad]).await?;
        assert!(matches!(&results[1], Err(TaskError::ChildFailed { step_name, message }) if step_name == "bad" && message == "broken"));
        Ok(json!(results[0].as_ref().unwrap()))
    }))])
    .await;
    assert_eq!(desk.run("t", Value::Null).await, 6);
}

#[tokio::test(start_paused = true)]
async fn a_failed_child_fails_its_joiner_for_good() {
    let desk = Desk::new(&[
        ("bad", FAIL),
        (
            "t",
            body!(|_, mut ctx| {
                let bad = ctx.spawn_by_name::<Value>("bad", "bad", json!(3), SpawnOptions::default()).await?;
                ctx.join(bad).await
            }),
        ),
    ])
    .await;
    let failure = desk.run_to_failure("t", Value::Null).await;
    assert_eq!(
        (failure.name.as_str(), failure.message.as_str()),
        ("ChildFailed", "child `bad` failed: broken")
    );
}

#[tokio::test(start_paused = true)]
async fn a_task_that_is_no_child_cannot_be_joined() {
    let desk = Desk::new(&[
        ("child", DOUBLE),
        (
            "t",
            body!(|id, mut ctx| {
                let handle: TaskHandle<Value> =
                    serde_json::from_value(json!({"task_id": id, "name": "x"})).unwrap();
                ctx.join(handle).await
            }),
        ),
    ])
    .await;
    let stranger = desk.spawn("child", json!(1)).await;
    let failure = desk.run_to_failure("t", json!(stranger)).await;
    assert_eq!(failure.name, "Validation");
}

#[tokio::test(start_paused = true)]
async fn a_child_has_no_idempotency_key_of_its_own() {
    let desk = Desk::new(&[
        ("child", DOUBLE),
        (
            "t",
            body!(|_, mut ctx| {
                let options = SpawnOptions { idempotency_key: Some("k".into()), ..Default::default() };
                ctx.spawn_by_name::<Value>("a", "child", json!(1), options).await?;
                Ok(Value::Null)
            }),
        ),
    ])
    .await;
    assert_eq!(desk.run_to_failure("t", Value::Null).await.name, "Validation");
    assert_eq!(desk.client.counts().await.unwrap().pending, 0);
}

#[tokio::test(start_paused = true)]
async fn w4_a_join_of_many_children_wakes_its_parent_once_for_each_part() {
    let desk = Desk::new(&[
        ("child", DOUBLE),
        (
            "t",
            body!(|_, mut ctx| {
                let mut handles = Vec::new();
                for n in 0..600 {
                    handles.push(
                        ctx.spawn_by_name::<i64>("c", "child", json!(n), SpawnOptions::default()).await?,
                    );
                }
                let results = ctx.join_all(handles).await?;
                Ok(json!(results.into_iter().map(Result::unwrap).sum::<i64>()))
            }),
        ),
    ])
    .await;
    let worker = desk.worker(1).await;
    let task = desk.spawn("t", Value::Null).await;
    assert_eq!(desk.output(task).await, (0..600).map(|n| 2 * n).sum::<i64>());
    assert!(desk.endings(task).len() <= 3, "{:?}", desk.endings(task));
    drop(worker);
}

#[tokio::test(start_paused = true)]
async fn select_picks_the_earliest_end_by_the_stores_time_and_keeps_it() {
    let desk = Desk::new(&[(
        "t",
        body!(|_, mut ctx| {
            let first = ctx
                .select(
                    "first",
                    [Select::timer("late", secs(20)), Select::event("go"), Select::timer("early", secs(10))],
                )
                .await?;
            fail_once(&ctx)?;
            Ok(json!(first.index))
        }),
    )])
    .await;
    assert_eq!(desk.run("t", Value::Null).await, 2);
}

#[tokio::test(start_paused = true)]
async fn select_picks_the_earliest_of_several_ends_that_came_while_nobody_looked() {
    let desk = Desk::new(&[(
        "t",
        body!(|_, mut ctx| {
            let waits =
                [Select::timer("late", secs(20)), Select::event("go"), Select::timer("later", secs(25))];
            Ok(json!(ctx.select("first", waits).await?.index))
        }),
    )])
    .await;
    let worker = desk.worker(1).await;
    let task = desk.spawn("t", Value::Null).await;
    pass(secs(10)).await;
    drop(worker);
    desk.client.emit_event("go", &()).await.unwrap();
    pass(secs(60)).await;
    let worker = desk.worker(1).await;
    assert_eq!(desk.output(task).await, 1);
    drop(worker);
}

#[tokio::test(start_paused = true)]
async fn select_gives_ties_to_the_one_listed_first() {
    let desk = Desk::new(&[(
        "t",
        body!(|_, mut ctx| {
            let first =
                ctx.select("first", [Select::timer("a", secs(10)), Select::timer("b", secs(10))]).await?;
            Ok(json!(first.index))
        }),
    )])
    .await;
    assert_eq!(desk.run("t", Value::Null).await, 0);
}

#[tokio::test(start_paused = true)]
async fn select_gives_the_value_of_an_event() {
    let desk = Desk::new(&[(
        "t",
        body!(|_, mut ctx| {
            let first = ctx.select("first", [Select::timer("a", secs(10)), Select::event("go")]).await?;
            first.value::<Value>()
        }),
    )])
    .await;
    desk.client.emit_event("go", "yes").await.unwrap();
    assert_eq!(desk.run("t", Value::Null).await, "yes");
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
async fn select_picks_an_event_that_came_before_a_child_ended_that_is_stored_already() {
    let desk = Desk::new(&[
        ("child", DOUBLE),
        (
            "t",
            body!(|_, mut ctx| {
                let child = ctx.spawn_by_name::<i64>("c", "child", json!(1), SpawnOptions::default()).await?;
                ctx.sleep_for("nap", secs(60)).await?;
                let first = ctx.select("first", [Select::child(&child), Select::event("go")]).await?;
                Ok(json!(first.index))
            }),
        ),
    ])
    .await;
    desk.client.emit_event("go", &1).await.unwrap();
    pass(secs(5)).await;
    assert_eq!(desk.run("t", Value::Null).await, 1);
}

#[tokio::test(start_paused = true)]
async fn select_picks_a_deadline_that_passed_before_the_event_that_woke_the_task() {
    let desk = Desk::new(&[(
        "t",
        body!(|_, mut ctx| {
            let first = ctx.select("first", [Select::event("go"), Select::timer("x", secs(3))]).await?;
            Ok(json!(first.index))
        }),
    )])
    .await;
    let worker = desk.worker(1).await;
    let task = desk.spawn("t", Value::Null).await;
    pass(secs(1)).await;
    worker.shutdown().await;
    // Nobody looks while the deadline passes, and then the event comes.
    pass(secs(4)).await;
    desk.client.emit_event("go", &1).await.unwrap();
    let worker = desk.worker(1).await;
    assert_eq!(desk.output(task).await, 1);
    drop(worker);
}

#[tokio::test(start_paused = true)]
async fn select_asks_about_all_its_waits_beside_a_step_too() {
    let desk = Desk::new(&[
        ("child", DOUBLE),
        (
            "t",
            body!(|_, mut ctx| {
                let child = ctx.spawn_by_name::<i64>("c", "child", json!(1), SpawnOptions::default()).await?;
                ctx.sleep_for("nap", secs(60)).await?;
                let mut beside = ctx.branch("beside")?;
                let long = |(), _| async {
                    tokio::time::sleep(secs(30)).await;
                    Ok(())
                };
                let selected = ctx.select("only", [Select::child(&child), Select::child(&child)]);
                let (first, worked) = tokio::join!(selected, beside.step("long", (), long));
                worked?;
                Ok(json!(first?.index))
            }),
        ),
    ])
    .await;
    assert_eq!(desk.run("t", Value::Null).await, 0);
}

#[tokio::test(start_paused = true)]
async fn join_all_takes_a_child_that_is_listed_twice() {
    let napper: support::Body = body!(|_, mut ctx| {
        ctx.sleep_for("nap", secs(60)).await?;
        Ok(json!(1))
    });
    let desk = Desk::new(&[
        ("child", napper),
        (
            "t",
            body!(|_, mut ctx| {
                let child = ctx.spawn_by_name::<i64>("c", "child", json!(1), SpawnOptions::default()).await?;
                let both = ctx.join_all(vec![child.clone(), child]).await?;
                Ok(json!([ctx.attempt, both.into_iter().map(Result::unwrap).sum::<i64>()]))
            }),
        ),
    ])
    .await;
    assert_eq!(desk.run("t", Value::Null).await, json!([1, 2]));
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
