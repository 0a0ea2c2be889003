//! What a server that fails means to a caller.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod support;

use std::time::Duration;

use durable_core::model::{Clock, Failure};
use durable_core::store::{
    Inspect, Outcome, OutcomeRequest, PutQueueRequest, QueueState, Queues, Runs, SpawnRequest, Store,
    StoreError, StoreErrorKind, TaskRequest, Tasks, TasksRequest, TickRequest, Upkeep,
};
use durable_redis::{OpenError, RedisOptions, RedisStore};
use support::Server;
use support::steps::{claim, claim_request, queue, spawn, task, with};

async fn refused(store: &RedisStore) -> StoreError {
    store.spawn(SpawnRequest::new(queue("q"), vec![task("t")])).await.unwrap_err()
}

async fn count(store: &RedisStore) -> usize {
    let store: &dyn Store = store;
    store.tasks(TasksRequest::new(queue("q"), None)).await.unwrap().items.len()
}

/// A server of its own with a queue of one task.
async fn with_one_task() -> (Server, RedisStore) {
    let server = Server::start_cluster();
    let options = RedisOptions::default().answer_within(Duration::from_secs(2));
    let store = RedisStore::open(&server.url, options).await.unwrap();
    store.put_queue(PutQueueRequest::new(queue("q"), QueueState::Open)).await.unwrap();
    spawn(&store, &queue("q"), vec![task("t")]).await;
    (server, store)
}

#[tokio::test]
async fn rd_5_a_server_without_memory_has_surely_written_nothing() {
    let (server, store) = with_one_task().await;
    let limit = |bytes: &str| {
        let words = ["SET", "maxmemory", bytes];
        redis::cmd("CONFIG").arg(&words).query::<()>(&mut server.connect()).unwrap();
    };
    limit("1");
    let error = refused(&store).await;
    assert_eq!((error.kind, error.may_have_happened), (StoreErrorKind::Unavailable, false), "{error:?}");
    limit("0");
    assert_eq!(count(&store).await, 1);
    assert_eq!(claim(&store, &queue("q"), "t", 9).await.len(), 1);
}

#[tokio::test]
async fn am_5_a_read_only_server_has_surely_written_nothing() {
    let (server, store) = with_one_task().await;
    let words = ["SET", "min-replicas-to-write", "1"];
    redis::cmd("CONFIG").arg(&words).query::<()>(&mut server.connect()).unwrap();
    let error = refused(&store).await;
    assert_eq!((error.kind, error.may_have_happened), (StoreErrorKind::Unavailable, false), "{error:?}");
}

#[tokio::test]
async fn am_5_a_server_that_went_away_is_unavailable() {
    let (server, store) = with_one_task().await;
    drop(server);
    let error = refused(&store).await;
    assert_eq!(error.kind, StoreErrorKind::Unavailable, "{error:?}");
}

#[tokio::test]
async fn rd_4_a_key_of_another_type_is_a_corrupt_record() {
    let store = support::store("wrong:", Clock::Own).await;
    store.put_queue(PutQueueRequest::new(queue("q"), QueueState::Open)).await.unwrap();
    let index = "wrong:{q}:d";
    redis::cmd("SET").arg(index).arg("x").query::<()>(&mut support::connect()).unwrap();
    let error = store.tick(TickRequest::new(queue("q"), 1)).await.unwrap_err();
    assert_eq!((error.kind, error.may_have_happened), (StoreErrorKind::Corrupt, true), "{error:?}");
    let error = store.claim(claim_request(&queue("q"), "t", 1)).await.unwrap_err();
    assert_eq!(error.kind, StoreErrorKind::Corrupt, "{error:?}");
}

#[tokio::test]
async fn a_store_opens_only_on_a_server_and_with_a_prefix_that_leaves_the_tag_alone() {
    let options = || RedisOptions::default().answer_within(Duration::from_millis(200));
    let nobody = RedisStore::open("redis://127.0.0.1:1", options()).await;
    assert!(matches!(nobody, Err(OpenError::Connection(_))));
    let braces = RedisStore::open(support::url(), options().prefix("{a}")).await;
    assert!(matches!(braces, Err(OpenError::Prefix)));
}

#[tokio::test]
async fn c6_a_payload_that_is_no_text_fails_its_task_alone() {
    let store = support::store("spoilt:", Clock::Own).await;
    store.put_queue(PutQueueRequest::new(queue("q"), QueueState::Open)).await.unwrap();
    let (good, bad) = (task("t"), task("t"));
    let record = format!("spoilt:{{q}}:t:{}", bad.id);
    let (good, bad) = (good.id, bad.id);
    spawn(
        &store,
        &queue("q"),
        vec![with(task("t"), |task| task.id = bad), with(task("t"), |task| task.id = good)],
    )
    .await;
    let spoil = redis::cmd("HSET").arg(record).arg("params").arg(b"\xFF\xFE").clone();
    spoil.query::<()>(&mut support::connect()).unwrap();

    let claims = claim(&store, &queue("q"), "t", 9).await;
    assert_eq!(claims.iter().map(|claim| claim.token.task).collect::<Vec<_>>(), [good]);
    let ended = store.outcome(OutcomeRequest::new(queue("q"), bad)).await.unwrap();
    assert_eq!(ended, Outcome::Failed(Failure::Corrupt { what: "payload".to_owned() }));
    let detail = store.task(TaskRequest::new(queue("q"), bad)).await.unwrap().unwrap();
    assert_eq!(detail.task.params.as_str(), "null");
    assert_eq!(support::check::problems(&mut support::connect(), "spoilt:").unwrap(), [""; 0]);
}
