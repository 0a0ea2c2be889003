//! A slot that is free while work is ready is filled at once, whatever freed it.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod support;

use durable_core::RunEnding;
use durable_core::store::Verb;
use serde_json::json;
use support::{Body, Desk, millis, secs};

const RESTS: Body = body!(|_, mut ctx| {
    ctx.sleep_for("an hour", secs(3600)).await?;
    Ok(json!(null))
});

const WORKS_AND_RESTS: Body = body!(|_, mut ctx| {
    ctx.step("work", (), |(), _| async {
        tokio::time::sleep(millis(200)).await;
        Ok(())
    })
    .await?;
    ctx.sleep_for("an hour", secs(3600)).await?;
    Ok(json!(null))
});

fn rested(desk: &Desk) -> usize {
    let reports = desk.reports.lock().unwrap();
    reports.iter().filter(|report| report.ending == RunEnding::Suspended).count()
}

#[tokio::test(start_paused = true)]
async fn slots_that_rests_free_are_filled_without_waiting_for_a_poll() {
    let desk = Desk::new(&[("rests", RESTS)]).await;
    for _ in 0..20 {
        desk.spawn("rests", json!(null)).await;
    }
    let _worker = desk.worker(2).await;
    tokio::time::sleep(millis(100)).await;
    assert_eq!(rested(&desk), 20);
}

#[tokio::test(start_paused = true)]
async fn work_that_comes_while_no_slot_is_free_starts_as_soon_as_a_rest_frees_one() {
    let desk = Desk::new(&[("works", WORKS_AND_RESTS), ("rests", RESTS)]).await;
    desk.spawn("works", json!(null)).await;
    let _worker = desk.worker(1).await;
    tokio::time::sleep(millis(100)).await;
    desk.spawn("rests", json!(null)).await;
    tokio::time::sleep(millis(150)).await;
    assert_eq!(rested(&desk), 2);
}

#[tokio::test(start_paused = true)]
async fn work_that_comes_while_no_slot_is_free_asks_for_no_upkeep() {
    let desk = Desk::new(&[("works", WORKS_AND_RESTS)]).await;
    desk.spawn("works", json!(null)).await;
    let _worker = desk.worker(1).await;
    tokio::time::sleep(millis(50)).await;
    let before = desk.faults.count(Verb::Tick);
    for _ in 0..100 {
        desk.spawn("works", json!(null)).await;
        tokio::time::sleep(millis(1)).await;
    }
    assert_eq!(desk.faults.count(Verb::Tick), before);
    tokio::time::sleep(millis(150)).await;
    assert_eq!(rested(&desk), 1, "and the slot is filled when it is free");
    tokio::time::sleep(millis(200)).await;
    assert_eq!(rested(&desk), 2);
}
