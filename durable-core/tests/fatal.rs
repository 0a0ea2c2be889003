//! A worker that shall end its process when a lease is over does so, even if a body holds the only thread.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod support;

use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use durable_core::{Durable, SpawnOptions, WorkerOptions};
use durable_memory::MemoryStore;
use serde_json::{Value, json};
use support::{Scripted, World, secs};

const IN_CHILD: &str = "DURABLE_TEST_FATAL";

#[test]
fn a_body_that_blocks_past_its_lease_ends_the_process() {
    if std::env::var(IN_CHILD).is_ok() {
        return block();
    }
    let this = std::env::current_exe().unwrap();
    let mut child = Command::new(this);
    child.args(["--exact", "a_body_that_blocks_past_its_lease_ends_the_process", "--nocapture"]);
    let output = child.env(IN_CHILD, "1").output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(!output.status.success() && said.contains("blocks") && !said.contains("returns"), "{output:?}");
}

/// Blocks the only thread of a runtime for three leases.
fn block() {
    let body = body!(|_, _| {
        println!("blocks");
        // What holds a thread cannot be virtual: the shortest lease is a second, and the process ends before this does.
        std::thread::sleep(Duration::from_secs(3));
        println!("returns");
        Ok(json!(null))
    });
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let task = Scripted { name: "t", body, strict: false };
        let builder = Durable::builder::<World>().store(Arc::new(MemoryStore::new()));
        let client = builder.register_instance(task).unwrap().build_with_state(World::default()).unwrap();
        client.create_queue().await.unwrap();
        let options = WorkerOptions { lease: secs(1), fatal_on_lease_timeout: true, ..Default::default() };
        let _worker = client.start_worker(options).await.unwrap();
        let spawned = client.spawn_by_name("t", Value::Null, SpawnOptions::default()).await.unwrap();
        client.wait_for_result(spawned.task, secs(10)).await.unwrap();
    });
}
