//! What a listing holds in memory. It has a process of its own, whose memory is looked at.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use durable_core::model::{Payload, QueueName, TaskId, TaskName};
use durable_core::store::{
    Inspect, NewTask, PutQueueRequest, QueueState, Queues, SpawnRequest, Tasks, TasksRequest,
};
use durable_sqlite::SqliteStore;

/// The most memory that this process has had since it was last forgotten, in MiB.
fn peak() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<usize>().unwrap() / 1_024
}

#[tokio::test]
async fn a_short_page_reads_no_more_than_it_shows() {
    let directory = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", directory.path().join("store.db").display());
    let store = SqliteStore::open(&url).await.unwrap();
    let queue = QueueName::new("q").unwrap();
    store.put_queue(PutQueueRequest::new(queue.clone(), QueueState::Open)).await.unwrap();
    let mebibyte = Payload::from_text(format!("\"{}\"", "x".repeat(1 << 20)).as_str());
    for _ in 0..60 {
        let task = NewTask::new(TaskId::new(), TaskName::new("job").unwrap(), mebibyte.clone());
        store.spawn(SpawnRequest::new(queue.clone(), vec![task])).await.unwrap();
    }
    std::fs::write("/proc/self/clear_refs", "5").unwrap();
    let before = peak();
    let mut request = TasksRequest::new(queue, None);
    request.limit = 1;
    let page = store.tasks(request).await.unwrap();
    let more = peak() - before;
    assert_eq!(page.items.len(), 1);
    assert!(more < 30, "a page of 1 MiB took {more} MiB");
}
