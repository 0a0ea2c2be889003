//! What only shows on several threads, where time is real: nothing here waits for time to pass.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod support;

use std::sync::Arc;
use std::time::Duration;

use durable_core::StepState;
use durable_memory::MemoryStore;
use serde_json::{Value, json};
use support::{Desk, Scripted, World};

/// Yields for a while beside a wait, and notes that it came to the end of that.
const YIELDS: support::Body = body!(|_, mut ctx| {
    let (mut waiter, mut worker) = (ctx.branch("waiter")?, ctx.branch("worker")?);
    let yielding = async {
        for _ in 0..3_000 {
            tokio::task::yield_now().await;
        }
        let note = |(), step: StepState<World>| async move {
            step.state.note("came through");
            Ok(())
        };
        worker.step("note", (), note).await
    };
    let (event, noted) = tokio::join!(waiter.await_event::<Value>("go", None), yielding);
    noted.and(event)
});

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_body_that_yields_is_not_let_go_on_any_thread() {
    let memory = MemoryStore::new();
    let tasks = vec![Scripted { name: "t", body: YIELDS, strict: false }];
    let desk = Desk::over(memory.clone(), Arc::new(memory), tasks).await;
    let worker = desk.worker(20).await;
    for n in 0..20 {
        desk.spawn("t", json!(n)).await;
    }
    let all_came_through = async {
        while desk.world.count("came through") < 20 {
            tokio::task::yield_now().await;
        }
    };
    // A body that was let go too early comes through only after the event, which nobody emits.
    tokio::time::timeout(Duration::from_secs(20), all_came_through).await.unwrap();
    drop(worker);
}
