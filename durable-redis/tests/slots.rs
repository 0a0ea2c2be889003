//! Every key that a script touches is in its queue's slot, whatever the names are.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod support;

use std::collections::BTreeSet;
use std::time::Duration;

use durable_core::model::{
    CancelCause, Clock, EndState, EventName, IdempotencyKey, ManualClock, Millis, ParentClosePolicy,
    QueueName, Timestamp,
};
use durable_core::store::{
    CancelAnswer, CancelRequest, Checkpoints, CountsRequest, DropQueueAnswer, DropQueueRequest, Effect,
    EmitAnswer, EndAnswer, Ending, Events, EventsRequest, ExtendItem, ExtendRequest, Idempotency, Inspect,
    ListQueuesRequest, LoadRequest, NewWait, OutcomeRequest, ParentLink, PurgeAnswer, PurgeRequest,
    PutQueueAnswer, PutQueueRequest, QueueState, QueueView, Queues, RetryAfter, RetryAnswer, RetryRequest,
    RunEnd, Runs, SaveAnswer, SaveRequest, TaskRequest, Tasks, TasksRequest, TickRequest, Upkeep, WaitAnswer,
    WaitRequest, WaitSource,
};
use durable_redis::RedisStore;
use support::steps::{
    claim, claim_request, complete, delayed, emit, event, json, key, lease, queue, rest_on, rest_on_event,
    rest_on_time, save, spawn, task, with,
};

/// Names that are legal and that a hash tag, a pattern or a separator could stumble over.
fn odd_names() -> Vec<String> {
    let mut names: Vec<String> =
        ["{", "}", "{}", "}{", "}x{", "{a}", "a}b{c", ":", "a:b:c", "%7D", "~never", "🦀"]
            .into_iter()
            .map(str::to_owned)
            .collect();
    names.extend(["\"'`", " lead", "trail ", "*?[]\\", "null", "é", "e\u{301}", "Ä", "ä"].map(str::to_owned));
    names.push("{".repeat(255));
    names.push("\u{10FFFF}".repeat(63));
    names
}

struct Life {
    store: RedisStore,
    clock: ManualClock,
    queue: QueueName,
    name: String,
}

impl Life {
    async fn with(name: &str, prefix: &str) -> Self {
        let clock = ManualClock::starting_at(Timestamp::from_millis(1_700_000_000_000));
        let store = support::store(prefix, Clock::Manual(clock.clone())).await;
        Self { store, clock, queue: queue(name), name: name.to_owned() }
    }

    async fn spawn_all(&self) {
        let put = PutQueueRequest::new(self.queue.clone(), QueueState::Open);
        assert_eq!(self.store.put_queue(put).await.unwrap(), PutQueueAnswer::Created);
        let known =
            Idempotency { key: IdempotencyKey::new(&self.name).unwrap(), fingerprint: self.name.clone() };
        let parent = with(task(&self.name), |task| {
            task.idempotency = Some(known);
            task.max_running = Some(Millis::new(600_000));
        });
        spawn(&self.store, &self.queue, vec![parent, task(&self.name), delayed("late", 60_000)]).await;
    }

    /// A parent with a child: saves, waits, suspends, and wakes by an event.
    async fn run_parent(&self) {
        let (store, name) = (&self.store, self.name.as_str());
        let token = claim(store, &self.queue, name, 1).await[0].token;
        let link = ParentLink { join_key: key(name), on_close: ParentClosePolicy::Cancel };
        let child = with(task("child"), |task| task.parent = Some(link));
        let child_wait = NewWait { key: key(name), source: WaitSource::Child(child.id), deadline: None };
        let items = vec![
            save(token, "plain", Effect::None),
            save(token, "children", Effect::Spawn(vec![child])),
            save(
                token,
                "emitted",
                Effect::Emit(event(&format!("{name}!").chars().take(60).collect::<String>())),
            ),
        ];
        for answer in store.save(SaveRequest::new(self.queue.clone(), items)).await.unwrap() {
            assert!(matches!(answer.unwrap(), SaveAnswer::Stored { .. }));
        }
        let extended =
            ExtendRequest::new(self.queue.clone(), vec![ExtendItem { token, lease: lease(90_000) }]);
        store.extend(extended).await.unwrap().remove(0).unwrap();

        let source = WaitSource::Event(EventName::new(name).unwrap());
        let on_event = NewWait { key: key("wait"), source, deadline: None };
        let request = WaitRequest::new(self.queue.clone(), vec![rest_on(token, vec![child_wait, on_event])]);
        assert_eq!(store.wait(request).await.unwrap().remove(0).unwrap(), WaitAnswer::Suspended);
        assert_eq!(store.emit(emit(&self.queue, name)).await.unwrap(), EmitAnswer::Written);
    }

    /// The end of the parent cancels its child.
    async fn end_parent(&self) {
        let store = &self.store;
        let claims = claim(store, &self.queue, &self.name, 1_000).await;
        let woken = claims.iter().find(|claim| claim.checkpoints > 0).unwrap();
        assert_eq!(woken.checkpoints, 4);
        let load = LoadRequest::new(self.queue.clone(), woken.token, 0, 100);
        assert_eq!(store.load(load).await.unwrap().checkpoints.len(), 4);
        complete(store, &self.queue, &[woken.token]).await.ends.remove(0).unwrap();

        let other = claims.iter().find(|claim| claim.checkpoints == 0).unwrap().token;
        let rest = WaitRequest::new(self.queue.clone(), vec![rest_on_time(other, "timer", 1_000)]);
        assert_eq!(store.wait(rest).await.unwrap().remove(0).unwrap(), WaitAnswer::Suspended);
    }

    async fn look_and_cancel(&self) {
        let store = &self.store;
        self.clock.advance(Duration::from_secs(2));
        assert_eq!(store.tick(TickRequest::new(self.queue.clone(), 100)).await.unwrap().woken, 1);
        let tasks = store.tasks(TasksRequest::new(self.queue.clone(), None)).await.unwrap().items;
        assert_eq!(tasks.len(), 4);
        for view in &tasks {
            let request = TaskRequest::new(self.queue.clone(), view.id);
            assert_eq!(store.task(request).await.unwrap().unwrap().task, *view);
            store.outcome(OutcomeRequest::new(self.queue.clone(), view.id)).await.unwrap();
        }
        let events = store.events(EventsRequest::new(self.queue.clone(), None)).await.unwrap();
        assert!(events.items.iter().any(|event| event.name.as_str() == self.name));
        let late = tasks.iter().find(|view| view.name.as_str() == "late").unwrap().id;
        let cause = CancelCause::Requested { reason: None };
        let cancelled = store.cancel(CancelRequest::new(self.queue.clone(), late, cause)).await.unwrap();
        assert_eq!(cancelled, CancelAnswer::Cancelled { closing: false });
    }
}

impl Life {
    async fn list(&self) {
        let listed = self.store.list_queues(ListQueuesRequest::new(None, 10)).await.unwrap();
        let open = QueueView { name: self.queue.clone(), state: QueueState::Open };
        assert_eq!((listed.items, listed.next), (vec![open], None));
        let counts = self.store.counts(CountsRequest::new(self.queue.clone())).await.unwrap();
        assert_eq!((counts.pending, counts.completed, counts.cancelled, counts.ready), (1, 1, 2, 1));
    }

    /// Fails and reopens what still lives, ends it, and takes everything away.
    async fn clear_and_drop(&self) {
        let (store, queue) = (&self.store, || self.queue.clone());
        let token = claim(store, &self.queue, &self.name, 1).await[0].token;
        let failed = Ending::Fail { failure: json("1"), retry: RetryAfter::Never };
        let failing = claim_request(&self.queue, "-", 0).ending(vec![RunEnd { token, ending: failed }]);
        let answer = store.claim(failing).await.unwrap().ends.remove(0).unwrap();
        assert_eq!(answer, EndAnswer::Failed);
        let retry = RetryRequest::new(queue(), token.task, 1, Some(key("timer")));
        assert_eq!(store.retry(retry).await.unwrap(), RetryAnswer::Reopened);
        let drop_queue = || store.drop_queue(DropQueueRequest::new(queue()));
        assert_eq!(drop_queue().await.unwrap(), DropQueueAnswer::NotEmpty);

        let token = claim(store, &self.queue, &self.name, 1).await[0].token;
        complete(store, &self.queue, &[token]).await.ends.remove(0).unwrap();
        let states = vec![EndState::Completed, EndState::Failed, EndState::Cancelled];
        let purge = PurgeRequest::new(queue(), states, Millis::ZERO, 1_000).with_events();
        assert_eq!(store.purge(purge).await.unwrap(), PurgeAnswer { purged: 6, more: false });
        assert_eq!(drop_queue().await.unwrap(), DropQueueAnswer::Dropped);
    }
}

#[tokio::test]
async fn rd_2_every_verb_keeps_to_one_slot_whatever_the_names() {
    let mut connection = support::connect();
    for (index, name) in odd_names().into_iter().enumerate() {
        let prefix = format!("slots{index}:");
        let life = Life::with(&name, &prefix).await;
        life.spawn_all().await;
        life.run_parent().await;
        life.end_parent().await;
        life.look_and_cancel().await;

        assert_eq!(support::check::problems(&mut connection, &prefix).unwrap(), [""; 0], "queue {name:?}");
        // The register of queue names is for no script.
        let mut keys = support::keys(&mut connection, &prefix);
        keys.retain(|key| !key.ends_with(b"{~queues}"));
        assert!(keys.len() > 10, "{} keys for {name:?}", keys.len());
        let slots: BTreeSet<u16> = keys
            .iter()
            .map(|key| redis::cmd("CLUSTER").arg("KEYSLOT").arg(key).query(&mut connection).unwrap())
            .collect();
        assert_eq!(slots.len(), 1, "the keys of queue {name:?} are in slots {slots:?}");

        life.list().await;
        life.clear_and_drop().await;
        let left = support::keys(&mut connection, &prefix);
        assert_eq!(left, [format!("{prefix}{{~queues}}").into_bytes()], "left of queue {name:?}");
    }
}

#[tokio::test]
async fn n1_queues_with_odd_names_share_nothing() {
    let store = support::store("apart:", Clock::Own).await;
    for name in odd_names() {
        store.put_queue(PutQueueRequest::new(queue(&name), QueueState::Open)).await.unwrap();
        spawn(&store, &queue(&name), vec![task("t")]).await;
    }
    for name in odd_names() {
        let tasks = store.tasks(TasksRequest::new(queue(&name), None)).await.unwrap().items;
        assert_eq!(tasks.len(), 1, "queue {name:?}");
    }
}

#[tokio::test]
async fn rd_3_a_server_that_forgets_its_scripts_gets_them_again() {
    let mut connection = support::connect();
    let mut forget = || redis::cmd("SCRIPT").arg("FLUSH").query::<()>(&mut connection).unwrap();
    let store = support::store("forgets:", Clock::Own).await;
    let queue = queue("q");
    store.put_queue(PutQueueRequest::new(queue.clone(), QueueState::Open)).await.unwrap();
    forget();
    spawn(&store, &queue, vec![task("t")]).await;
    forget();
    let token = claim(&store, &queue, "t", 1).await[0].token;
    forget();
    let rest = WaitRequest::new(queue.clone(), vec![rest_on_event(token, "w", "e")]);
    assert_eq!(store.wait(rest).await.unwrap().remove(0).unwrap(), WaitAnswer::Suspended);
    forget();
    assert_eq!(store.emit(emit(&queue, "e")).await.unwrap(), EmitAnswer::Written);
    forget();
    assert_eq!(claim(&store, &queue, "t", 1).await[0].checkpoints, 1);
}
