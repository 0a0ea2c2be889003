//! Children: spawned once, joined typed.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod support;

use durable_core::{SpawnOptions, TaskError, TaskHandle};
use serde_json::{Value, json};
use support::{DOUBLE, Desk, FAIL, fail_once, secs};

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
