//! The client: spawning, cancelling, looking, queues.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod support;

use durable_conformance::faults::{Fault, Plan};
use durable_core::model::{CancelCause, EndState, ParentClosePolicy, TaskState};
use durable_core::store::{QueueState, Verb};
use durable_core::{Durable, DurableError, SpawnOptions, TaskError, TaskFilter, TaskId, TaskResultView};
use serde_json::{Value, json};
use support::{Desk, Scripted, millis, pass, secs};

const NOTHING: support::Body = body!(|_, _| { Ok(Value::Null) });
const SLEEPER: support::Body = body!(|_, mut ctx| {
    ctx.sleep_for("long", secs(1_000_000)).await?;
    Ok(Value::Null)
});

fn keyed(key: &str) -> SpawnOptions {
    SpawnOptions { idempotency_key: Some(key.into()), ..Default::default() }
}

#[tokio::test(start_paused = true)]
async fn s1_an_idempotency_key_names_one_task() {
    let desk = Desk::new(&[("t", NOTHING)]).await;
    let first = desk.client.spawn_by_name("t", json!({"a": 1, "b": 2}), keyed("k")).await.unwrap();
    let again = desk.client.spawn_by_name("t", json!({"b": 2, "a": 1}), keyed("k")).await.unwrap();
    assert_eq!((first.created, again.created, again.task), (true, false, first.task));
    let conflict = desk.client.spawn_by_name("t", json!(2), keyed("k")).await;
    assert!(
        matches!(conflict, Err(DurableError::IdempotencyConflict { existing, key }) if existing == first.task && key == "k")
    );
}

#[tokio::test(start_paused = true)]
async fn bad_input_is_refused_before_anything_is_written() {
    let desk = Desk::new(&[("t", NOTHING)]).await;
    let spawn = |options| desk.client.spawn_by_name("t", json!(1), options);
    assert!(spawn(keyed("")).await.is_err());
    assert!(spawn(keyed(&"k".repeat(256))).await.is_err());
    assert!(spawn(SpawnOptions { max_attempts: Some(0), ..Default::default() }).await.is_err());
    assert!(
        spawn(SpawnOptions { delay: Some(std::time::Duration::MAX), ..Default::default() }).await.is_err()
    );
    let unknown = desk.client.spawn_by_name("nobody", json!(1), SpawnOptions::default()).await;
    assert!(matches!(unknown, Err(DurableError::NotRegistered { .. })));
    let large = desk.client.spawn_by_name("t", json!("x".repeat(5 << 20)), SpawnOptions::default()).await;
    assert!(matches!(large, Err(DurableError::Payload { .. })));
    assert!(desk.client.emit_event("$reserved", &1).await.is_err());
    let deep = (0..128).fold(Value::Null, |inner, _| json!([inner]));
    assert!(desk.client.emit_event("deep", &deep).await.is_err());
    assert_eq!(desk.client.counts().await.unwrap(), durable_core::store::Counts::default());
}

#[tokio::test(start_paused = true)]
async fn a_name_is_registered_once() {
    let task = Scripted { name: "t", body: NOTHING, strict: false };
    let builder = Durable::builder::<support::World>().register_instance(task.clone()).unwrap();
    assert!(
        matches!(builder.register_instance(task), Err(DurableError::AlreadyRegistered { name }) if name == "t")
    );
}

#[tokio::test(start_paused = true)]
async fn a_client_needs_a_store() {
    assert!(matches!(Durable::builder::<()>().build(), Err(DurableError::Setup(_))));
}

#[tokio::test(start_paused = true)]
async fn a_result_comes_with_the_hint_and_not_with_the_poll() {
    let desk = Desk::new(&[(
        "t",
        body!(|_, mut ctx| {
            ctx.sleep_for("s", millis(100)).await?;
            Ok(json!(1))
        }),
    )])
    .await;
    let worker = desk.worker(1).await;
    let task = desk.spawn("t", Value::Null).await;
    let before = tokio::time::Instant::now();
    assert_eq!(desk.output(task).await, 1);
    assert!(before.elapsed() < millis(150), "{:?}", before.elapsed());
    drop(worker);
}

#[tokio::test(start_paused = true)]
async fn waiting_for_a_result_ends_in_time() {
    let desk = Desk::new(&[("t", SLEEPER)]).await;
    let task = desk.spawn("t", Value::Null).await;
    let late = desk.client.wait_for_result(task, secs(3)).await;
    assert!(matches!(late, Err(DurableError::WaitTimeout { .. })));
    let missing = desk.client.wait_for_result(TaskId::new(), secs(3)).await;
    assert!(matches!(missing, Err(DurableError::TaskNotFound { .. })));
}

#[tokio::test(start_paused = true)]
async fn t2_cancelling_goes_on_until_nothing_below_is_live() {
    let parent: support::Body = body!(|n, mut ctx| {
        let n = n.as_u64().unwrap_or(0);
        let children = if n == 0 { 700 } else { 0 };
        for i in 0..children {
            ctx.spawn_by_name::<Value>("c", "t", json!(i + 1), SpawnOptions::default()).await?;
        }
        ctx.sleep_for("long", secs(1_000_000)).await?;
        Ok(Value::Null)
    });
    let desk = Desk::new(&[("t", parent)]).await;
    let worker = desk.worker(50).await;
    let task = desk.spawn("t", json!(0)).await;
    pass(secs(60)).await;
    assert_eq!(desk.client.cancel_task(task, Some("enough")).await.unwrap(), EndState::Cancelled);
    let counts = desk.client.counts().await.unwrap();
    assert_eq!((counts.cancelled, counts.sleeping + counts.pending + counts.running), (701, 0));
    let result = desk.result(task).await;
    let reason = Some("enough".to_owned());
    assert_eq!(result, TaskResultView::Cancelled(CancelCause::Requested { reason }));
    drop(worker);
}

#[tokio::test(start_paused = true)]
async fn children_follow_their_parents_close_policy() {
    let parent: support::Body = body!(|_, mut ctx| {
        ctx.spawn_by_name::<Value>(
            "kept",
            "sleeper",
            Value::Null,
            SpawnOptions { parent_close: ParentClosePolicy::Abandon, ..Default::default() },
        )
        .await?;
        ctx.spawn_by_name::<Value>("closed", "sleeper", Value::Null, SpawnOptions::default()).await?;
        Ok(Value::Null)
    });
    let desk = Desk::new(&[("t", parent), ("sleeper", SLEEPER)]).await;
    desk.run("t", Value::Null).await;
    let worker = desk.worker(4).await;
    pass(secs(60)).await;
    let counts = desk.client.counts().await.unwrap();
    assert_eq!((counts.completed, counts.cancelled, counts.sleeping), (1, 1, 1));
    drop(worker);
}

#[tokio::test(start_paused = true)]
async fn a_cancelled_body_is_dropped_and_writes_nothing_more() {
    let desk = Desk::new(&[(
        "t",
        body!(|_, mut ctx| {
            for n in 0..100 {
                ctx.step("part", n, |n, step| async move {
                    tokio::time::sleep(secs(1)).await;
                    step.state.note(format!("part {n}"));
                    Ok(())
                })
                .await?;
            }
            Ok(Value::Null)
        }),
    )])
    .await;
    let worker = desk.worker(1).await;
    let task = desk.spawn("t", Value::Null).await;
    pass(millis(2_500)).await;
    desk.client.cancel_task(task, None).await.unwrap();
    let stored = desk.keys(task).await.len();
    pass(secs(60)).await;
    assert_eq!(desk.keys(task).await.len(), stored);
    assert_eq!(desk.world.notes().len(), stored + 1, "the step that ran during the cancel was the last");
    assert_eq!(desk.endings(task), [durable_core::RunEnding::Cancelled]);
    drop(worker);
}

#[tokio::test(start_paused = true)]
async fn many_tasks_are_spawned_in_order() {
    #[derive(Default)]
    struct Numbered;
    #[durable_core::async_trait]
    impl durable_core::Task for Numbered {
        fn name(&self) -> std::borrow::Cow<'static, str> {
            "numbered".into()
        }
        type Params = u32;
        type Output = u32;
        async fn run(&self, n: u32, _: durable_core::TaskContext, (): ()) -> durable_core::TaskResult<u32> {
            Ok(n)
        }
    }
    let desk = Desk::new(&[]).await;
    let client = Durable::builder()
        .store(desk.store.clone())
        .queue_name("desk")
        .register::<Numbered>()
        .unwrap()
        .build()
        .unwrap();
    let params = (0..2_500).map(|n| (n, SpawnOptions::default())).collect();
    let spawned = client.spawn_many::<Numbered>(params).await.unwrap();
    assert_eq!(spawned.len(), 2_500);
    let view = desk.detail(spawned[1_234].task).await.task;
    assert_eq!(view.params.as_str(), "1234");
    assert_eq!(client.count_unclaimed_ready_tasks().await.unwrap(), 2_500);
    let prepared = client.prepare::<Numbered>(&7, &SpawnOptions::default()).unwrap();
    assert_eq!(prepared.tasks[0].params.as_str(), "7");
}

#[tokio::test(start_paused = true)]
async fn queues_are_created_listed_and_dropped_when_nothing_is_live() {
    let desk = Desk::new(&[("t", NOTHING)]).await;
    let queues = desk.client.list_queues().await.unwrap();
    assert_eq!(queues.iter().map(|queue| queue.name.as_str()).collect::<Vec<_>>(), ["desk"]);
    let task = desk.spawn("t", Value::Null).await;
    desk.client.emit_event("e", &1).await.unwrap();
    assert!(desk.client.drop_queue().await.is_err());
    assert_eq!(desk.client.list_queues().await.unwrap()[0].state, QueueState::Open);
    desk.client.cancel_task(task, None).await.unwrap();
    desk.client.drop_queue().await.unwrap();
    assert!(desk.client.list_queues().await.unwrap().is_empty());
}

#[tokio::test(start_paused = true)]
async fn what_ended_long_ago_is_purged_and_what_is_live_stays() {
    let desk = Desk::new(&[("t", NOTHING), ("sleeper", SLEEPER)]).await;
    let worker = desk.worker(10).await;
    let sleeper = desk.spawn("sleeper", Value::Null).await;
    for n in 0..1_500 {
        desk.spawn("t", json!(n)).await;
    }
    desk.client.emit_event("e", &1).await.unwrap();
    pass(secs(60)).await;
    let young = desk.spawn("t", Value::Null).await;
    desk.output(young).await;
    assert_eq!(desk.client.purge(secs(30)).await.unwrap(), 1_501);
    let left = desk.client.tasks(&TaskFilter::default(), None).await.unwrap();
    assert_eq!(left.items.iter().map(|task| task.id).collect::<Vec<_>>(), [sleeper, young]);
    let ended = TaskFilter { state: Some(TaskState::Ended(EndState::Completed)), ..TaskFilter::default() };
    assert_eq!(desk.client.tasks(&ended, None).await.unwrap().items.len(), 1);
    let named = TaskFilter { name: Some("sleeper".into()), ..TaskFilter::default() };
    assert_eq!(desk.client.tasks(&named, None).await.unwrap().items.len(), 1);
    drop(worker);
}

#[tokio::test(start_paused = true)]
async fn a_worker_needs_its_queue() {
    let desk = Desk::new(&[("t", NOTHING)]).await;
    desk.client.drop_queue().await.unwrap();
    let refused = desk.client.start_worker(desk.options(1)).await;
    assert!(matches!(refused, Err(DurableError::Setup(_))), "{refused:?}");
}

#[tokio::test(start_paused = true)]
async fn a_result_that_is_not_there_says_why() {
    let desk =
        Desk::new(&[("t", NOTHING), ("bad", body!(|_, _| { Err(TaskError::user_message("broken")) }))]).await;
    let live = desk.spawn("t", Value::Null).await;
    let result = desk.client.get_task_result(live).await.unwrap();
    assert!(matches!(result.output::<Value>(), Err(DurableError::TaskLive)));
    desk.client.cancel_task(live, None).await.unwrap();
    let result = desk.client.get_task_result(live).await.unwrap();
    assert!(matches!(result.output::<Value>(), Err(DurableError::TaskCancelled(_))));
    let worker = desk.worker(1).await;
    let failed = desk.spawn("bad", Value::Null).await;
    let error = desk.result(failed).await.output::<Value>().unwrap_err();
    assert_eq!(error.to_string(), "the task failed: broken");
    drop(worker);
}

#[tokio::test(start_paused = true)]
async fn many_waiters_hear_of_their_own_task_at_once() {
    let desk = Desk::new(&[(
        "t",
        body!(|n, mut ctx| {
            ctx.sleep_for("s", secs(n.as_u64().unwrap())).await?;
            Ok(n)
        }),
    )])
    .await;
    let worker = desk.worker(10).await;
    let mut waiters = Vec::new();
    for n in 1..=50_u64 {
        let (task, client) = (desk.spawn("t", json!(n)).await, desk.client.clone());
        waiters.push(tokio::spawn(async move {
            let result = client.wait_for_result(task, support::LONG).await.unwrap();
            (result.output::<u64>().unwrap(), tokio::time::Instant::now())
        }));
    }
    let start = tokio::time::Instant::now();
    for (waiter, n) in waiters.into_iter().zip(1..) {
        let (output, at) = waiter.await.unwrap();
        let late = (at - start).saturating_sub(secs(n));
        assert!(output == n && late < millis(100), "task {n} came {late:?} late");
    }
    drop(worker);
}

#[tokio::test(start_paused = true)]
async fn waiting_for_a_result_ends_in_time_though_the_store_hangs() {
    let desk = Desk::new(&[("t", NOTHING)]).await;
    let task = desk.spawn("t", Value::Null).await;
    desk.faults.follow(Plan::new().at(Verb::Outcome, 2, Fault::Hang));
    let late = tokio::time::timeout(secs(10), desk.client.wait_for_result(task, secs(3))).await;
    assert!(matches!(late, Ok(Err(DurableError::WaitTimeout { .. }))), "{late:?}");
}

/// Loses the reply of the next call of each of these verbs.
fn lose_next_replies(desk: &Desk, verbs: &[Verb]) {
    let next = |plan: Plan, verb: &Verb| plan.at(*verb, desk.faults.count(*verb) + 1, Fault::DropReply);
    desk.faults.follow(verbs.iter().fold(Plan::new(), next));
}

#[tokio::test(start_paused = true)]
async fn c7_a_clients_call_whose_reply_is_lost_is_repeated_and_counts_once() {
    let fails: support::Body = body!(|_, ctx| {
        if ctx.attempt == 1 { Err(TaskError::user_message("no")) } else { Ok(Value::Null) }
    });
    let desk = Desk::new(&[("fails", fails), ("sleeper", SLEEPER)]).await;
    lose_next_replies(&desk, &Verb::ALL);
    let client = &desk.client;
    let spawned = client.spawn_by_name("fails", json!(1), SpawnOptions::default()).await.unwrap();
    let worker = desk.worker(1).await;
    desk.failure(spawned.task).await;
    let unsure = client.retry_task(spawned.task, 1, None).await.unwrap_err();
    assert!(matches!(&unsure, DurableError::Store(error) if error.may_have_happened), "{unsure}");
    desk.output(spawned.task).await;
    let sleeper = desk.spawn("sleeper", Value::Null).await;
    pass(secs(1)).await;
    assert_eq!(client.cancel_task(sleeper, None).await.unwrap(), EndState::Cancelled);
    client.emit_event("e", &1).await.unwrap();
    assert_eq!(client.tasks(&TaskFilter::default(), None).await.unwrap().items.len(), 2);
    assert_eq!(client.task(sleeper).await.unwrap().task.claims, 1);
    assert_eq!(client.counts().await.unwrap().completed, 1);
    worker.shutdown().await;
    client.drop_queue().await.unwrap();
    assert!(client.list_queues().await.unwrap().is_empty());
    for verb in [Verb::Spawn, Verb::Retry, Verb::Cancel, Verb::Emit, Verb::Purge, Verb::DropQueue] {
        assert!(desk.faults.count(verb) >= 2, "{verb} was not repeated");
    }
}
