//! Select: the first of several waits, the same in every replay.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod support;

use durable_core::{Select, SpawnOptions};
use serde_json::{Value, json};
use support::{DOUBLE, Desk, fail_once, pass, secs};

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
