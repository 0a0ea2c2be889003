//! The lock of the writer, and long readers.

use std::time::{Duration, Instant};

use durable_core::model::{CancelCause, EndState, Millis, TaskId};
use durable_core::store::{
    CancelRequest, CountsRequest, DropQueueRequest, Ending, ExtendItem, ExtendRequest, Inspect,
    ListQueuesRequest, LoadRequest, Outcome, PurgeRequest, PutQueueRequest, QueueState, Queues, RetryRequest,
    Runs, StoreError, StoreErrorKind, TaskRequest, Tasks, TickRequest, Upkeep,
};
use durable_core::store::{Checkpoints, EventsRequest, TasksRequest};

use super::desk::{Desk, Place, execute, figure, job, text};
use super::times;

/// What SQLite keeps of the log when it starts it anew.
const LOG_LIMIT: u64 = 16 << 20;

fn assert_busy(verb: &str, fault: &StoreError) {
    assert_eq!(
        (fault.kind, fault.may_have_happened),
        (StoreErrorKind::Unavailable, false),
        "{verb}: {fault}"
    );
    assert_eq!(fault.context, "another connection holds the lock of the database", "{verb}");
}

#[tokio::test]
async fn sq2_every_verb_that_writes_is_typed_busy_under_a_lock_that_stays_and_reads_go_on() {
    let place = Place::new();
    let desk = place.open_with("?busy_timeout=30").await;
    let token = desk.running().await;
    let task = token.task;
    let mut lock = place.connect().await;
    execute(&mut lock, "begin immediate").await;
    let store = &desk.store;
    let queue = || desk.queue.clone();
    let lease = desk.claiming("job", 0).lease;
    let extend = ExtendRequest::new(queue(), vec![ExtendItem { token, lease }]);
    let cancel = CancelRequest::new(queue(), task, CancelCause::Requested { reason: None });
    let purge = PurgeRequest::new(queue(), vec![EndState::Completed], Millis::ZERO, 10);
    for (verb, answer) in [
        ("put_queue", store.put_queue(PutQueueRequest::new(queue(), QueueState::Sealed)).await.map(drop)),
        ("drop_queue", store.drop_queue(DropQueueRequest::new(queue())).await.map(drop)),
        ("spawn", desk.spawn(job("job")).await.map(drop)),
        ("cancel", store.cancel(cancel).await.map(drop)),
        ("retry", store.retry(RetryRequest::new(queue(), task, 1, None)).await.map(drop)),
        ("claim", desk.claim("job", 1).await.map(drop)),
        ("extend", store.extend(extend).await.map(drop)),
        ("wait", desk.rest(token, "e").await),
        ("save", desk.save(token, "k", "1").await),
        ("emit", desk.emit("e", "1").await),
        ("tick", store.tick(TickRequest::new(queue(), 10)).await.map(drop)),
        ("purge", store.purge(purge).await.map(drop)),
        ("an end", desk.complete(token).await),
    ] {
        assert_busy(verb, &answer.expect_err(verb));
    }
    store.list_queues(ListQueuesRequest::new(None, 10)).await.unwrap();
    store.load(LoadRequest::new(queue(), token, 0, 10)).await.unwrap();
    store.task(TaskRequest::new(queue(), task)).await.unwrap();
    store.tasks(TasksRequest::new(queue(), None)).await.unwrap();
    store.events(EventsRequest::new(queue(), None)).await.unwrap();
    let counts = store.counts(CountsRequest::new(queue())).await.unwrap();
    assert_eq!((counts.running, counts.pending), (1, 0));
    assert_eq!(desk.outcome(task).await.unwrap(), Outcome::Live);
    execute(&mut lock, "rollback").await;
    desk.complete(token).await.unwrap();
    place.check().await;
}

#[tokio::test]
async fn sq1_writers_that_read_first_never_meet_a_snapshot_that_is_too_old() {
    let place = Place::new();
    // No patience at all: a transaction that began as a reader would fail at once when it comes to write.
    let desks = [place.open().await, place.open().await, place.open().await];
    let work = desks.iter().cloned().map(|desk| async move {
        for _ in 0..times(30) {
            let token = desk.running().await;
            desk.save(token, "k", "1").await.unwrap();
            desk.complete(token).await.unwrap();
        }
    });
    futures::future::join_all(work).await;
    assert_eq!(completed(&desks[0]).await, 3 * u64::try_from(times(30)).unwrap());
    place.check().await;
}

async fn completed(desk: &Desk) -> u64 {
    desk.store.counts(CountsRequest::new(desk.queue.clone())).await.unwrap().completed
}

#[tokio::test]
async fn sq7_a_long_reader_holds_up_no_writer_and_the_log_shrinks_when_it_is_gone() {
    let place = Place::new();
    let desk = place.open().await;
    let mut reader = place.connect().await;
    execute(&mut reader, "begin").await;
    assert_eq!(figure(&mut reader, "select count(*) from durable_tasks").await, 0);
    // While somebody reads what was, the log keeps all that came since: it grows past its limit.
    let megabyte = format!("\"{}\"", "x".repeat(1 << 20));
    let mut tasks: Vec<TaskId> = Vec::new();
    while std::fs::metadata(place.log()).unwrap().len() <= LOG_LIMIT + (4 << 20) {
        let mut task = job("job");
        task.params = super::desk::json(&megabyte);
        let begun = Instant::now();
        tasks.push(desk.spawn(task).await.unwrap());
        assert!(begun.elapsed() < Duration::from_secs(5), "a writer waits for a reader");
    }
    assert_eq!(figure(&mut reader, "select count(*) from durable_tasks").await, 0);
    assert_eq!(desk.outcome(tasks[0]).await.unwrap(), Outcome::Live);
    execute(&mut reader, "rollback").await;
    // The next commits move the log into the file, start it anew, and cut what is over the limit.
    for _ in 0..3 {
        desk.spawn(job("job")).await.unwrap();
    }
    let left = std::fs::metadata(place.log()).unwrap().len();
    assert!(left <= LOG_LIMIT, "{left} bytes are left");
    let written = std::fs::metadata(place.file()).unwrap().len();
    assert!(written > LOG_LIMIT, "{written} bytes are in the file");
    place.check().await;
}

#[tokio::test]
async fn sq7_without_long_readers_the_log_stays_small() {
    let place = Place::new();
    let desk = place.open().await;
    let large = format!("\"{}\"", "x".repeat(10_000));
    let mut largest = 0;
    for _ in 0..times(100) {
        let token = desk.running().await;
        desk.save(token, "k", &large).await.unwrap();
        desk.end(token, Ending::Complete { result: super::desk::json(&large) }).await.unwrap();
        largest = largest.max(std::fs::metadata(place.log()).unwrap().len());
    }
    // A checkpoint begins at 1,000 pages.
    assert!(largest < 8 << 20, "{largest} bytes");
    let mut looking = place.connect().await;
    assert_eq!(text(&mut looking, "pragma journal_mode").await, "wal");
}
