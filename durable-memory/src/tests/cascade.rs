//! How an end spreads to children (rules T1 and T2).

use durable_core::model::{CancelCause, End, EndState, ParentClosePolicy, TaskId, TaskState, Token};
use durable_core::store::{
    CancelAnswer, Effect, EndAnswer, FencedError, NewWait, RetryAfter, RetryAnswer, RetryRequest, Tasks,
    WaitAnswer, WaitSource,
};

use super::world::{World, complete, fail, key, met, now, q, value};

const CANCELLED: TaskState = TaskState::Ended(EndState::Cancelled);

/// Lets a run spawn so many children.
fn children(world: &World, parent: Token, count: usize, on_close: ParentClosePolicy) -> Vec<TaskId> {
    let children: Vec<_> = (0..count).map(|_| world.child(on_close)).collect();
    let ids = children.iter().map(|child| child.id).collect();
    world.save(parent, &format!("spawn {count}"), Effect::Spawn(children)).unwrap();
    ids
}

fn join(child: TaskId) -> NewWait {
    NewWait { key: key(&format!("join {child}")), source: WaitSource::Child(child), deadline: None }
}

fn cancelled(world: &World, tasks: &[TaskId]) -> usize {
    tasks.iter().filter(|task| world.view(**task).state == CANCELLED).count()
}

#[test]
fn t2_one_step_cancels_500_children_and_tick_the_others() {
    let world = World::new();
    let parent = world.running();
    let below = children(&world, parent, 510, ParentClosePolicy::Cancel);
    let alone = children(&world, parent, 1, ParentClosePolicy::Abandon);
    assert_eq!(world.end(fail(parent, RetryAfter::Never)).unwrap(), EndAnswer::Failed);
    assert_eq!(cancelled(&world, &below), 500);
    assert!(world.view(parent.task).closing);
    let retry = || now(world.store.retry(RetryRequest::new(q(), parent.task, 1, None))).unwrap();
    assert_eq!(retry(), RetryAnswer::Closing);

    let tick = world.tick(4);
    assert_eq!((tick.closed, tick.closing_left, tick.more), (4, 1, true));
    let tick = world.tick(100);
    assert_eq!((tick.closed, tick.closing_left, tick.more), (6, 0, false));
    assert_eq!(cancelled(&world, &below), 510);
    assert_eq!(world.view(alone[0]).state, TaskState::Pending);
    assert_eq!(retry(), RetryAnswer::Reopened);
}

#[test]
fn t2_the_ends_of_one_call_share_what_they_may_spread_to() {
    let world = World::new();
    let parents: Vec<_> = (0..2).map(|_| world.running()).collect();
    let first = children(&world, parents[0], 300, ParentClosePolicy::Cancel);
    let second = children(&world, parents[1], 300, ParentClosePolicy::Cancel);
    world.run(&world.request(0).ending(parents.iter().copied().map(complete).collect()));
    assert_eq!((cancelled(&world, &first), cancelled(&world, &second)), (300, 200));
}

#[test]
fn t2_a_cancellation_says_until_nothing_below_is_live() {
    let world = World::new();
    let top = world.running();
    let middle = children(&world, top, 1, ParentClosePolicy::Cancel);
    let token = world.claim(1)[0];
    assert_eq!(token.task, middle[0]);
    let below = children(&world, token, 501, ParentClosePolicy::Cancel);

    assert_eq!(world.cancel(top.task), CancelAnswer::Cancelled { closing: true });
    assert!(!world.view(top.task).closing, "its own children are cancelled");
    let ended = |closing| CancelAnswer::Ended { state: EndState::Cancelled, closing };
    assert_eq!(world.cancel(top.task), ended(true));
    assert_eq!(cancelled(&world, &below), 499);
    assert_eq!(world.tick(2).closed, 2);
    assert_eq!(world.cancel(top.task), ended(false));
    assert!(matches!(world.end(complete(token)), Err(FencedError::Cancelled)));
}

#[test]
fn t1_the_end_of_a_child_is_written_to_its_parent_joined_or_not() {
    let world = World::new();
    let parent = world.running();
    let below = children(&world, parent, 3, ParentClosePolicy::Cancel);
    let tokens = world.claim(3);
    world.end(complete(tokens[0])).unwrap();
    world.suspend(parent, below.iter().map(|child| join(*child)).collect(), 3);
    world.set(1_010);
    world.end(fail(tokens[1], RetryAfter::Never)).unwrap();
    assert_eq!(world.view(parent.task).state, TaskState::Sleeping);
    world.cancel(below[2]);
    assert_eq!(world.view(parent.task).state, TaskState::Pending);

    let ends: Vec<_> = below.iter().map(|child| world.ended(parent.task, &format!("join {child}"))).collect();
    assert_eq!(ends[0], Some((value("1"), 1_000)));
    assert!(matches!(ends[1], Some((End::Failed(_), 1_010))));
    assert_eq!(ends[2], Some((End::Cancelled(CancelCause::Requested { reason: None }), 1_010)));
}

#[test]
fn t1_the_first_end_of_a_child_stays_when_it_is_retried() {
    let world = World::new();
    let parent = world.running();
    let child = children(&world, parent, 1, ParentClosePolicy::Cancel)[0];
    world.end(fail(world.claim(1)[0], RetryAfter::Never)).unwrap();
    now(world.store.retry(RetryRequest::new(q(), child, 1, None))).unwrap();
    world.end(complete(world.claim(1)[0])).unwrap();
    assert!(matches!(world.ended(parent.task, &format!("join {child}")), Some((End::Failed(_), 1_000))));
}

#[test]
fn t1_a_child_that_ended_while_its_parent_had_is_joined_when_that_goes_on() {
    let world = World::new();
    let parent = world.running();
    let child = children(&world, parent, 1, ParentClosePolicy::Abandon)[0];
    world.end(fail(parent, RetryAfter::Never)).unwrap();
    world.set(1_010);
    world.end(complete(world.claim(1)[0])).unwrap();
    now(world.store.retry(RetryRequest::new(q(), parent.task, 1, None))).unwrap();
    let again = world.claim(1)[0];
    let answer = world.wait(again, vec![join(child)], None).unwrap();
    assert_eq!(answer, WaitAnswer::Met(vec![met(&format!("join {child}"), value("1"), 1_010)]));
}

#[test]
fn t5_a_child_whose_parent_has_ended_goes_on_alone() {
    let world = World::new();
    let parent = world.running();
    let child = children(&world, parent, 1, ParentClosePolicy::Cancel)[0];
    world.end(fail(world.claim(1)[0], RetryAfter::Never)).unwrap();
    world.end(complete(parent)).unwrap();
    assert_eq!(
        now(world.store.retry(RetryRequest::new(q(), child, 1, None))).unwrap(),
        RetryAnswer::Reopened
    );
    assert!(!world.view(parent.task).closing);
    assert_eq!(world.tick(10).closed, 0);
    assert_eq!(world.view(child).state, TaskState::Pending);
}

#[test]
fn w2_a_join_that_has_timed_out_stays_so_when_the_child_ends() {
    let world = World::new();
    let parent = world.running();
    let child = children(&world, parent, 1, ParentClosePolicy::Cancel)[0];
    let mut late = join(child);
    late.deadline = Some(durable_core::model::Deadline::At(super::world::at(1_010)));
    world.wait(parent, vec![late], None).unwrap();
    world.set(1_010);
    world.end(complete(world.claim(1)[0])).unwrap();
    assert_eq!(world.ended(parent.task, &format!("join {child}")), Some((End::Timeout, 1_010)));
}

#[test]
fn s2_children_of_a_sealed_queue_are_refused_with_their_checkpoint() {
    let world = World::new();
    let parent = world.running();
    world.put_queue(durable_core::store::QueueState::Sealed);
    let child = world.child(ParentClosePolicy::Cancel);
    let answer = world.save(parent, "spawn", Effect::Spawn(vec![child])).unwrap();
    assert_eq!(answer, durable_core::store::SaveAnswer::QueueClosed);
    assert_eq!(world.ended(parent.task, "spawn"), None);
    world.end(complete(parent)).unwrap();
}
