//! A queue whose slot moves to another node: every verb is refused, and has written nothing.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod support;

use std::collections::BTreeMap;

use durable_core::model::{CancelCause, QueueName, TaskId, Token};
use durable_core::store::{
    CancelRequest, Checkpoints, Effect, Events, ExtendItem, ExtendRequest, FencedError, Inspect, LoadRequest,
    PutQueueRequest, QueueState, Queues, Runs, SaveRequest, SpawnRequest, StoreError, StoreErrorKind,
    TaskRequest, Tasks, TickRequest, Upkeep, WaitRequest,
};
use durable_redis::{RedisOptions, RedisStore};
use support::check::keys::Keys;
use support::steps::{claim, claim_request, emit, lease, queue, rest_on_event, save, spawn, task};
use support::{Server, patiently};

const PREFIX: &str = "moving:";

/// The whole of what is stored, key by key.
fn snapshot(server: &Server) -> BTreeMap<Vec<u8>, Vec<u8>> {
    let mut connection = server.connect();
    let dump = |key: Vec<u8>| {
        let value = redis::cmd("DUMP").arg(&key).query(&mut server.connect()).unwrap();
        (key, value)
    };
    support::keys(&mut connection, PREFIX).into_iter().map(dump).collect()
}

fn cluster<T: redis::FromRedisValue>(server: &Server, words: &[&str]) -> T {
    redis::cmd("CLUSTER").arg(words).query(&mut server.connect()).unwrap()
}

/// Two nodes that know each other, of which the first has every slot.
fn two_nodes() -> (Server, Server) {
    let (old, new) = (Server::start_cluster(), Server::start());
    let port = |server: &Server, name: &str| {
        let found: (String, String) =
            redis::cmd("CONFIG").arg("GET").arg(name).query(&mut server.connect()).unwrap();
        found.1
    };
    let (own, bus) = (port(&new, "port"), port(&new, "cluster-port"));
    let () = cluster(&old, &["MEET", "127.0.0.1", &own, &bus]);
    let id: String = cluster(&new, &["MYID"]);
    let old_id: String = cluster(&old, &["MYID"]);
    patiently("the nodes know each other", || {
        let seen: String = cluster(&old, &["NODES"]);
        let seen_by_new: String = cluster(&new, &["NODES"]);
        let up = |nodes: &str, id: &str| {
            nodes.lines().any(|line| {
                line.starts_with(id) && !line.contains("handshake") && line.contains(" connected")
            })
        };
        up(&seen, &id) && up(&seen_by_new, &old_id) && seen_by_new.contains("0-16383")
    });
    new.wait_until_ok();
    (old, new)
}

struct Moving {
    old: Server,
    new: Server,
    store: RedisStore,
    queue: QueueName,
    token: Token,
    waiting: TaskId,
    slot: String,
}

impl Moving {
    /// A queue with a running and a waiting task, whose slot starts to move.
    async fn new() -> Self {
        let (old, new) = two_nodes();
        let store = RedisStore::open(&old.url, RedisOptions::default().prefix(PREFIX)).await.unwrap();
        let queue = queue("q");
        store.put_queue(PutQueueRequest::new(queue.clone(), QueueState::Open)).await.unwrap();
        spawn(&store, &queue, vec![task("t"), task("t"), task("t")]).await;
        let claims = claim(&store, &queue, "t", 2).await;
        let (token, rests) = (claims[0].token, claims[1].token);
        store.wait(WaitRequest::new(queue.clone(), vec![rest_on_event(rests, "w", "e")])).await.unwrap();
        let key = &Keys::new(PREFIX, &queue).fixed()[0];
        let slot: u16 = redis::cmd("CLUSTER").arg("KEYSLOT").arg(key).query(&mut old.connect()).unwrap();
        let moving = Self { old, new, store, queue, token, waiting: rests.task, slot: slot.to_string() };
        moving.set_slot(&moving.new, "IMPORTING", &moving.old);
        moving.set_slot(&moving.old, "MIGRATING", &moving.new);
        moving
    }

    fn set_slot(&self, on: &Server, how: &str, other: &Server) {
        let id: String = cluster(other, &["MYID"]);
        let () = cluster(on, &["SETSLOT", &self.slot, how, &id]);
    }

    /// What every verb that a worker or a client calls answers now.
    async fn refusals(&self) -> Vec<StoreError> {
        let (store, queue, token) = (&self.store, || self.queue.clone(), self.token);
        let cause = CancelCause::Requested { reason: None };
        let loaded = match store.load(LoadRequest::new(queue(), token, 0, 10)).await.unwrap_err() {
            FencedError::Fault(error) => error,
            other => panic!("load answers {other}"),
        };
        let extend = vec![ExtendItem { token, lease: lease(90_000) }];
        vec![
            store.put_queue(PutQueueRequest::new(queue(), QueueState::Paused)).await.unwrap_err(),
            store.spawn(SpawnRequest::new(queue(), vec![task("t")])).await.unwrap_err(),
            store.claim(claim_request(&self.queue, "t", 1)).await.unwrap_err(),
            store.wait(WaitRequest::new(queue(), vec![rest_on_event(token, "v", "e")])).await.unwrap_err(),
            store.extend(ExtendRequest::new(queue(), extend)).await.unwrap_err(),
            store.save(SaveRequest::new(queue(), vec![save(token, "s", Effect::None)])).await.unwrap_err(),
            store.emit(emit(&self.queue, "e")).await.unwrap_err(),
            store.cancel(CancelRequest::new(queue(), self.waiting, cause)).await.unwrap_err(),
            store.tick(TickRequest::new(queue(), 10)).await.unwrap_err(),
            store.task(TaskRequest::new(queue(), self.waiting)).await.unwrap_err(),
            loaded,
        ]
    }
}

fn surely_not_now(errors: &[StoreError]) {
    for error in errors {
        assert_eq!(error.kind, StoreErrorKind::Unavailable, "{error:?}");
        assert!(!error.may_have_happened, "{error:?}");
    }
}

#[tokio::test]
async fn rd_1_a_moving_slot_refuses_every_verb_and_keeps_what_was_there() {
    let moving = Moving::new().await;
    let before = snapshot(&moving.old);
    surely_not_now(&moving.refusals().await);
    assert_eq!(snapshot(&moving.old), before);

    // When the move is called off, everything goes on.
    let () = cluster(&moving.old, &["SETSLOT", &moving.slot, "STABLE"]);
    moving.store.emit(emit(&moving.queue, "e")).await.unwrap();
    assert_eq!(claim(&moving.store, &moving.queue, "t", 9).await.len(), 2);
}

/// The head of every script, run on keys that all exist: the server itself has no reason to refuse it.
#[tokio::test]
async fn rd_1_a_script_says_that_its_slot_is_moving() {
    const HEAD: &str =
        concat!(include_str!("../src/lua/lib/head.lua"), "redis.call('SET', KEYS[1], 'x') return {'ran'}");
    let moving = Moving::new().await;
    let key = support::keys(&mut moving.old.connect(), PREFIX)
        .into_iter()
        .find(|key| key.ends_with(b":q"))
        .unwrap();
    let before = snapshot(&moving.old);
    let answer: Vec<String> = redis::cmd("EVAL")
        .arg(HEAD)
        .arg(10)
        .arg(vec![key; 10])
        .arg("")
        .query(&mut moving.old.connect())
        .unwrap();
    assert_eq!(answer, ["moving"]);
    assert_eq!(snapshot(&moving.old), before);
}

/// The new node has every fixed key and no task yet: it must not take the tasks for gone.
#[tokio::test]
async fn rd_1_the_new_node_does_not_serve_a_slot_that_it_has_half() {
    let moving = Moving::new().await;
    let mut connection = moving.new.connect();
    let keys = Keys::new(PREFIX, &moving.queue).fixed();
    let written = |key: &&String| !key.ends_with("~never");
    for key in keys.iter().filter(written) {
        redis::cmd("ASKING").query::<()>(&mut connection).unwrap();
        redis::cmd("SET").arg(key).arg("moved").query::<()>(&mut connection).unwrap();
    }
    let mut run = |keys: Vec<&String>| {
        redis::cmd("ASKING").query::<()>(&mut connection).unwrap();
        let script = "#!lua\nreturn 'ran'";
        redis::cmd("EVAL").arg(script).arg(keys.len()).arg(keys).query::<String>(&mut connection)
    };
    assert_eq!(run(keys.iter().collect()).unwrap_err().code(), Some("TRYAGAIN"));
    // It is the key that nobody writes which makes the difference.
    assert_eq!(run(keys.iter().filter(written).collect()).unwrap(), "ran");
}
