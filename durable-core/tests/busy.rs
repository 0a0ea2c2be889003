//! Bodies that hold their thread, on a runtime with several.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod support;

use std::sync::Arc;
use std::time::Duration;

use durable_core::{Durable, SpawnOptions, WorkerOptions};
use durable_memory::MemoryStore;
use serde_json::{Value, json};
use support::{Scripted, World, secs};

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn renewed_leases_keep_a_busy_body_going() {
    let body = body!(|_, mut ctx| {
        ctx.step("warm up", (), |(), _| async {
            tokio::time::sleep(Duration::from_millis(50)).await;
            Ok(())
        })
        .await?;
        let busy = |(), _| async {
            // What holds a thread cannot be virtual: twice the shortest lease there is.
            std::thread::sleep(Duration::from_millis(2_500));
            Ok(())
        };
        ctx.step("busy", (), busy).await?;
        Ok(json!(ctx.attempt))
    });
    let task = Scripted { name: "t", body, strict: false };
    let builder = Durable::builder::<World>().store(Arc::new(MemoryStore::new()));
    let client = builder.register_instance(task).unwrap().build_with_state(World::default()).unwrap();
    client.create_queue().await.unwrap();
    let options = WorkerOptions { lease: secs(1), renew_leases: true, ..Default::default() };
    let _worker = client.start_worker(options).await.unwrap();
    let spawned = client.spawn_by_name("t", Value::Null, SpawnOptions::default()).await.unwrap();
    let result = client.wait_for_result(spawned.task, secs(20)).await.unwrap();
    assert_eq!(result.output::<Value>().unwrap(), 1);
}
