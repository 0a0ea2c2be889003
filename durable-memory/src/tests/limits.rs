//! Limits (rule T4), and what else is due at the same moment.

use durable_core::model::{CancelCause, EndState, Millis, TaskId, TaskState};
use durable_core::store::{FencedError, NewTask, RetryAfter, RetryRequest, Tasks};

use super::world::{World, complete, event, fail, lease, ms, now, q};

fn spawn(world: &World, change: impl FnOnce(&mut NewTask)) -> TaskId {
    let mut task = world.new_task();
    change(&mut task);
    world.spawn_these(vec![task.clone()]);
    task.id
}

fn cause(world: &World, task: TaskId) -> Option<CancelCause> {
    world.view(task).cancelled
}

#[test]
fn t4_a_task_that_starts_and_passes_its_limit_at_the_same_moment_is_cancelled() {
    let world = World::new();
    let task = spawn(&world, |task| (task.delay, task.max_pending) = (ms(10), Some(ms(10))));
    world.set(1_010);
    let tick = world.tick(10);
    assert_eq!((tick.limited, tick.started), (1, 0));
    assert_eq!(cause(&world, task), Some(CancelCause::MaxPendingTime));
}

#[test]
fn t4_limits_come_before_everything_else_of_the_same_moment() {
    let world = World::new();
    let other = spawn(&world, |task| task.delay = ms(10));
    let limited = spawn(&world, |task| task.max_pending = Some(ms(10)));
    world.set(1_010);
    assert_eq!(world.tick(1).limited, 1, "although the other task has the smaller id");
    assert_eq!(world.view(limited).state, TaskState::Ended(EndState::Cancelled));
    assert_eq!(world.view(other).state, TaskState::Sleeping);
}

#[test]
fn t4_no_backlog_lets_a_task_past_its_limit_be_claimed() {
    let world = World::new();
    let limited = |_| {
        let mut task = world.new_task();
        task.max_pending = Some(ms(10));
        task
    };
    world.spawn_these((0..150).map(limited).collect());
    let good = world.spawn();
    world.set(1_010);
    let claims = world.claim(1);
    assert_eq!(claims.iter().map(|token| token.task).collect::<Vec<_>>(), [good]);
}

#[test]
fn t4_the_running_limit_counts_from_the_first_start_over_sleep_and_attempts() {
    let world = World::new();
    let task = spawn(&world, |task| task.max_running = Some(ms(100)));
    world.set(1_050);
    let token = world.claim(1)[0];
    world.suspend(token, vec![event("a", None)], 1);
    world.set(1_149);
    world.emit("a", "1");
    let token = world.claim(1)[0];
    world.end(fail(token, RetryAfter::After(Millis::ZERO))).unwrap();
    let token = world.claim(1)[0];
    world.set(1_150);
    assert_eq!(world.tick(10).limited, 1);
    assert_eq!(cause(&world, task), Some(CancelCause::MaxRunningTime));
    assert!(matches!(world.end(complete(token)), Err(FencedError::Cancelled)));
}

#[test]
fn t4_the_pending_limit_is_over_with_the_first_start() {
    let world = World::new();
    let task = spawn(&world, |task| task.max_pending = Some(ms(10)));
    let token = world.claim(1)[0];
    world.end(fail(token, RetryAfter::After(ms(50)))).unwrap();
    world.set(1_050);
    assert_eq!(world.tick(10).limited, 0);
    assert_eq!(world.view(task).state, TaskState::Pending);
}

#[test]
fn t5_a_retry_restarts_both_limits() {
    let world = World::new();
    let task = spawn(&world, |task| (task.max_pending, task.max_running) = (Some(ms(10)), Some(ms(100))));
    world.end(fail(world.claim(1)[0], RetryAfter::Never)).unwrap();
    world.set(5_000);
    now(world.store.retry(RetryRequest::new(q(), task, 2, None))).unwrap();
    let view = world.view(task);
    assert_eq!((view.attempt, view.max_attempts, view.first_started_at), (2, Some(7), None));
    world.set(5_009);
    assert_eq!(world.claim(1).len(), 1);
    world.set(5_108);
    assert_eq!(world.tick(10).limited, 0);
    world.set(5_109);
    assert_eq!(world.tick(10).limited, 1);
}

#[test]
fn c5_an_expired_run_is_ready_since_its_lease_ended_and_the_last_one_fails() {
    let world = World::new();
    let task = spawn(&world, |task| task.max_attempts = Some(2));
    let mut call = world.request(1);
    call.lease = lease(10);
    world.run(&call);
    world.set(1_020);
    world.tick(1);
    assert_eq!(world.view(task).available_at, Some(super::world::at(1_010)));
    let mut call = world.request(1);
    call.lease = lease(10);
    let claim = world.run(&call).claims.remove(0);
    assert_eq!((claim.attempt, claim.token.claim), (2, 2));
    world.set(1_030);
    let expired = world.tick(10).expired.remove(0);
    assert_eq!((expired.task, expired.attempt, expired.at), (task, 2, super::world::at(1_030)));
    assert_eq!(world.view(task).state, TaskState::Ended(EndState::Failed));
    assert_eq!(world.history(task).len(), 2);
}
