//! Failures: what is retried, when, and what is kept of them.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod support;

use std::time::Duration;

use durable_core::model::{EndState, Failure};
use durable_core::{
    CancellationPolicy, RetryStrategy, SpawnOptions, TaskError, TaskFailure, TaskResultView,
    UNLIMITED_ATTEMPTS, permanent, retry_after,
};
use serde_json::{Value, json};
use support::{Desk, pass, secs};

const ALWAYS_FAILS: support::Body = body!(|_, mut ctx| {
    ctx.step("work", (), |(), _| async { Err::<(), _>(anyhow::anyhow!("refused").context("working")) })
        .await?;
    Ok(Value::Null)
});

fn with_strategy(strategy: RetryStrategy, attempts: u32) -> SpawnOptions {
    SpawnOptions { retry_strategy: Some(strategy), max_attempts: Some(attempts), ..Default::default() }
}

/// Seconds between the ends of a task's failed attempts.
async fn gaps(desk: &Desk, options: SpawnOptions) -> Vec<i64> {
    let worker = desk.worker(1).await;
    let task = desk.spawn_with("t", Value::Null, options).await;
    desk.failure(task).await;
    drop(worker);
    let ends: Vec<i64> = desk.failed_runs(task).await.iter().map(|run| run.ended_at.as_millis()).collect();
    ends.windows(2).map(|pair| (pair[1] - pair[0] + 500) / 1_000).collect()
}

#[tokio::test(start_paused = true)]
async fn no_strategy_is_one_attempt() {
    let desk = Desk::new(&[("t", ALWAYS_FAILS)]).await;
    assert_eq!(gaps(&desk, with_strategy(RetryStrategy::None, 9)).await, [0; 0]);
}

#[tokio::test(start_paused = true)]
async fn the_default_is_five_attempts_five_seconds_apart() {
    let desk = Desk::new(&[("t", ALWAYS_FAILS)]).await;
    assert_eq!(gaps(&desk, SpawnOptions::default()).await, [5, 5, 5, 5]);
}

#[tokio::test(start_paused = true)]
async fn exponential_backoff_doubles_up_to_its_cap() {
    let desk = Desk::new(&[("t", ALWAYS_FAILS)]).await;
    let gaps = gaps(&desk, with_strategy(RetryStrategy::exponential(), 9)).await;
    assert_eq!(gaps, [5, 10, 20, 40, 80, 160, 300, 300]);
}

#[tokio::test(start_paused = true)]
async fn jitter_shortens_backoff_by_its_share_at_most() {
    let desk = Desk::new(&[("t", ALWAYS_FAILS)]).await;
    let jittered = RetryStrategy::Exponential {
        base_delay: secs(100),
        factor: 1.0,
        max_backoff: secs(300),
        jitter: 0.5,
    };
    let gaps = gaps(&desk, with_strategy(jittered, 20)).await;
    assert!(gaps.iter().all(|gap| (50..=100).contains(gap)), "{gaps:?}");
    assert!(gaps.iter().any(|gap| *gap < 95), "{gaps:?}");
}

#[tokio::test(start_paused = true)]
async fn backoff_that_overflows_saturates() {
    let desk = Desk::new(&[("t", ALWAYS_FAILS)]).await;
    let huge = RetryStrategy::Exponential {
        base_delay: secs(1),
        factor: 1e300,
        max_backoff: secs(1_000),
        jitter: 0.0,
    };
    assert_eq!(gaps(&desk, with_strategy(huge, 4)).await, [1, 1_000, 1_000]);
}

#[tokio::test(start_paused = true)]
async fn unlimited_attempts_go_on_until_one_succeeds() {
    let desk = Desk::new(&[(
        "t",
        body!(|_, ctx| {
            if ctx.attempt < 50 {
                Err(TaskError::user_message("no").retryable())
            } else {
                Ok(json!(ctx.attempt))
            }
        }),
    )])
    .await;
    let worker = desk.worker(1).await;
    let options = SpawnOptions { max_attempts: Some(UNLIMITED_ATTEMPTS), ..Default::default() };
    let task = desk.spawn_with("t", Value::Null, options).await;
    assert_eq!(desk.output(task).await, 50);
    drop(worker);
}

#[tokio::test(start_paused = true)]
async fn a_step_may_say_that_its_error_is_permanent_or_when_to_retry() {
    let desk = Desk::new(&[(
        "t",
        body!(|_, mut ctx| {
            ctx.step("work", ctx.attempt, |attempt, _| async move {
                match attempt {
                    1 => Err::<(), _>(retry_after(secs(60), anyhow::anyhow!("busy"))),
                    _ => Err(permanent(anyhow::anyhow!("declined"))),
                }
            })
            .await?;
            Ok(Value::Null)
        }),
    )])
    .await;
    assert_eq!(gaps(&desk, SpawnOptions::default()).await, [60]);
}

#[tokio::test(start_paused = true)]
async fn a_failed_attempt_keeps_its_step_and_its_causes() {
    let desk = Desk::new(&[("t", ALWAYS_FAILS)]).await;
    let failure = desk.run_to_failure("t", Value::Null).await;
    assert_eq!(failure.name, "Step");
    assert_eq!(failure.step.as_deref(), Some("work"));
    assert_eq!(failure.message, "step `work` failed: working");
    assert_eq!(failure.causes, ["refused"]);
}

#[tokio::test(start_paused = true)]
async fn a_user_error_is_permanent_and_keeps_its_data() {
    let desk =
        Desk::new(&[("t", body!(|_, _| { Err(TaskError::user(json!({"message": "gone", "code": 410}))) }))])
            .await;
    let failure = desk.run_to_failure("t", Value::Null).await;
    assert_eq!((failure.message.as_str(), &failure.data["code"]), ("gone", &json!(410)));
}

#[tokio::test(start_paused = true)]
async fn a_panic_fails_that_task_alone_and_is_retried() {
    let desk = Desk::new(&[
        (
            "t",
            body!(|_, ctx| {
                assert!(ctx.attempt > 1, "first attempt");
                Ok(json!(ctx.attempt))
            }),
        ),
        (
            "other",
            body!(|_, mut ctx| {
                ctx.sleep_for("s", secs(1)).await?;
                Ok(json!("fine"))
            }),
        ),
    ])
    .await;
    let worker = desk.worker(2).await;
    let (task, other) = (desk.spawn("t", Value::Null).await, desk.spawn("other", Value::Null).await);
    assert_eq!((desk.output(task).await, desk.output(other).await), (json!(2), json!("fine")));
    let failed = desk.failed_runs(task).await;
    let Failure::Reported(failure) = &failed[0].failure else { panic!("{failed:?}") };
    assert!(failure.read::<TaskFailure>().unwrap().message.contains("first attempt"));
    drop(worker);
}

#[tokio::test(start_paused = true)]
async fn params_that_are_not_the_tasks_own_fail_it_for_good() {
    #[derive(Default)]
    struct Typed;
    #[durable_core::async_trait]
    impl durable_core::Task<support::World> for Typed {
        fn name(&self) -> std::borrow::Cow<'static, str> {
            "typed".into()
        }
        type Params = u32;
        type Output = u32;
        async fn run(&self, n: u32, _: support::Ctx, _: support::World) -> durable_core::TaskResult<u32> {
            Ok(n)
        }
    }
    let desk = Desk::new(&[]).await;
    let builder =
        durable_core::Durable::builder::<support::World>().store(desk.store.clone()).queue_name("desk");
    let client = builder.register::<Typed>().unwrap().build_with_state(desk.world.clone()).unwrap();
    assert!(client.spawn_by_name("typed", json!("x"), SpawnOptions::default()).await.is_err());
    let spawned = client.spawn_by_name_unchecked("typed", json!("x"), SpawnOptions::default()).await.unwrap();
    let worker = client.start_worker(desk.options(1)).await.unwrap();
    assert_eq!(desk.failure(spawned.task).await.name, "Serialization");
    assert_eq!(client.counts().await.unwrap().failed, 1);
    drop(worker);
}

#[tokio::test(start_paused = true)]
async fn a_task_that_has_not_started_in_time_is_cancelled() {
    let desk = Desk::new(&[("t", ALWAYS_FAILS)]).await;
    let limits = CancellationPolicy { max_pending_time: Some(secs(60)), max_running_time: None };
    let options = SpawnOptions { cancellation: Some(limits), delay: Some(secs(100)), ..Default::default() };
    let worker = desk.worker(1).await;
    let task = desk.spawn_with("t", Value::Null, options).await;
    let result = desk.result(task).await;
    assert!(
        matches!(result, TaskResultView::Cancelled(durable_core::model::CancelCause::MaxPendingTime)),
        "{result:?}"
    );
    assert!((60_000..62_000).contains(&desk.ended_at(task).await));
    drop(worker);
}

#[tokio::test(start_paused = true)]
async fn a_task_that_takes_too_long_over_all_attempts_is_cancelled() {
    let desk = Desk::new(&[("t", ALWAYS_FAILS)]).await;
    let limits = CancellationPolicy { max_pending_time: None, max_running_time: Some(secs(12)) };
    let options = SpawnOptions { cancellation: Some(limits), ..Default::default() };
    let worker = desk.worker(1).await;
    let task = desk.spawn_with("t", Value::Null, options).await;
    let result = desk.result(task).await;
    assert!(
        matches!(result, TaskResultView::Cancelled(durable_core::model::CancelCause::MaxRunningTime)),
        "{result:?}"
    );
    assert_eq!(desk.failed_runs(task).await.len(), 3);
    drop(worker);
}

#[tokio::test(start_paused = true)]
async fn a_failed_task_is_retried_from_a_checkpoint_on() {
    let desk = Desk::new(&[(
        "t",
        body!(|_, mut ctx| {
            for name in ["a", "b", "c"] {
                ctx.step(name, name.to_owned(), |name, step| async move {
                    step.state.note(name);
                    Ok(())
                })
                .await?;
            }
            if ctx.attempt == 1 { Err(TaskError::user_message("stop")) } else { Ok(Value::Null) }
        }),
    )])
    .await;
    let worker = desk.worker(1).await;
    let task = desk.spawn("t", Value::Null).await;
    desk.failure(task).await;
    let history = desk.detail(task).await.history.items;
    let from = history.iter().find_map(|entry| match entry {
        durable_core::store::HistoryEntry::Checkpoint { checkpoint, .. }
            if checkpoint.key.as_str().starts_with("b-") =>
        {
            Some(checkpoint.key.as_str().to_owned())
        }
        _ => None,
    });
    desk.client.retry_task(task, 1, from.as_deref()).await.unwrap();
    desk.output(task).await;
    assert_eq!(desk.world.notes(), ["a", "b", "c", "b", "c"]);
    drop(worker);
}

#[tokio::test(start_paused = true)]
async fn only_failed_tasks_are_retried() {
    let desk = Desk::new(&[("t", body!(|_, _| { Ok(Value::Null) }))]).await;
    let live = desk.spawn("t", Value::Null).await;
    assert!(desk.client.retry_task(live, 1, None).await.is_err());
    assert_eq!(desk.client.cancel_task(live, None).await.unwrap(), EndState::Cancelled);
    assert!(desk.client.retry_task(live, 1, None).await.is_err());
    assert!(desk.client.retry_task(durable_core::TaskId::new(), 1, None).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn a_spawn_may_be_delayed() {
    let desk = Desk::new(&[("t", body!(|_, _| { Ok(Value::Null) }))]).await;
    let worker = desk.worker(1).await;
    let options = SpawnOptions { delay: Some(Duration::from_millis(61_500)), ..Default::default() };
    let task = desk.spawn_with("t", Value::Null, options).await;
    desk.output(task).await;
    assert!((61_500..61_510).contains(&desk.ended_at(task).await), "{}", desk.ended_at(task).await);
    pass(secs(1)).await;
    drop(worker);
}

#[tokio::test(start_paused = true)]
async fn a_retry_after_all_the_time_there_is_does_not_come_at_once() {
    let desk = Desk::new(&[(
        "t",
        body!(|_, mut ctx| {
            ctx.step("s", (), |(), step| async move {
                step.state.note("tried");
                Err::<(), _>(retry_after(Duration::MAX, anyhow::anyhow!("never again")))
            })
            .await?;
            Ok(Value::Null)
        }),
    )])
    .await;
    let worker = desk.worker(1).await;
    desk.spawn("t", Value::Null).await;
    pass(secs(3_600)).await;
    assert_eq!(desk.world.count("tried"), 1);
    drop(worker);
}
