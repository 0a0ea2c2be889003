//! Repeats of what closed a claim (rule C7).

use durable_core::model::{TaskState, Token};
use durable_core::store::{
    Effect, EndAnswer, FencedError, RetryAfter, RetryAnswer, RetryRequest, Tasks, WaitAnswer,
};

use super::world::{World, at, complete, event, fail, lease, ms, now, q, release, rest};

fn is_lost<T>(answer: &Result<T, FencedError>) -> bool {
    matches!(answer, Err(FencedError::ClaimLost))
}

#[test]
fn c7_a_repeated_end_gets_the_same_answer_whatever_its_content() {
    let world = World::new();
    let token = world.running();
    let answer = world.end(fail(token, RetryAfter::After(ms(50)))).unwrap();
    assert_eq!(answer, EndAnswer::Retrying { due: at(1_050) });
    world.set(1_020);
    assert_eq!(world.end(fail(token, RetryAfter::Never)).unwrap(), answer);
    assert!(is_lost(&world.end(complete(token))), "another verb is no repeat");
    assert!(is_lost(&world.end(release(token, 0))));
    let view = world.view(token.task);
    assert_eq!((view.state, view.attempt), (TaskState::Sleeping, 2));

    world.set(1_050);
    assert_eq!(world.claim(1).len(), 1);
    assert!(is_lost(&world.end(fail(token, RetryAfter::Never))), "it was claimed again");
}

#[test]
fn c7_only_the_newest_claim_is_remembered() {
    let world = World::new();
    let first = world.running();
    world.end(release(first, 0)).unwrap();
    let second = world.claim(1)[0];
    world.end(release(second, 0)).unwrap();
    assert!(is_lost(&world.end(release(first, 0))));
    assert!(is_lost(&world.end(release(Token { call: first.call, ..second }, 0))));
    assert!(world.end(release(second, 0)).is_ok());
}

#[test]
fn c7_a_repeated_call_does_not_give_what_has_expired() {
    let world = World::new();
    world.spawn_these((0..150).map(|_| world.new_task()).collect());
    let mut call = world.request(150);
    call.lease = lease(10);
    assert_eq!(world.run(&call).claims.len(), 150);
    world.set(1_010);
    call.max = 1;
    // One call does not get through all that is due, so some are still stored as running.
    assert!(world.run(&call.repeated()).claims.is_empty());
    assert_eq!(world.tick(1_000).expired.len(), 50);
}

#[test]
fn c7_a_repeat_is_answered_after_a_cancellation() {
    let world = World::new();
    let released = world.running();
    let answer = world.end(release(released, 500)).unwrap();
    assert_eq!(answer, EndAnswer::Released { due: at(1_500) });
    let suspended = world.running();
    world.suspend(suspended, vec![event("a", None)], 1);
    world.cancel(released.task);
    world.cancel(suspended.task);

    assert_eq!(world.end(release(released, 0)).unwrap(), answer);
    assert!(matches!(world.end(complete(released)), Err(FencedError::Cancelled)));
    assert_eq!(world.wait(suspended, vec![], None).unwrap(), WaitAnswer::Suspended);
    assert!(matches!(world.end(complete(suspended)), Err(FencedError::Cancelled)));
}

#[test]
fn c7_a_repeated_rest_is_suspended_although_it_was_woken() {
    let world = World::new();
    let token = world.running();
    world.suspend(token, vec![event("a", None)], 1);
    world.emit("a", "1");
    let again = world.wait(token, vec![event("a", None)], Some(rest(&["a"], 1)));
    assert_eq!(again.unwrap(), WaitAnswer::Suspended);
    assert_eq!(world.view(token.task).state, TaskState::Pending);
    assert!(is_lost(&world.end(complete(token))));
    world.claim(1);
    assert!(is_lost(&world.wait(token, vec![event("a", None)], Some(rest(&["a"], 1)))));
}

#[test]
fn c7_a_retry_does_not_forget_how_the_claim_was_closed() {
    let world = World::new();
    let token = world.running();
    assert_eq!(world.end(fail(token, RetryAfter::Never)).unwrap(), EndAnswer::Failed);
    let retry = RetryRequest::new(q(), token.task, 1, None);
    assert_eq!(now(world.store.retry(retry)).unwrap(), RetryAnswer::Reopened);
    assert_eq!(world.end(fail(token, RetryAfter::Never)).unwrap(), EndAnswer::Failed);
    assert_eq!(world.view(token.task).state, TaskState::Pending);
}

#[test]
fn c7_a_claim_that_expired_was_closed_by_nobody() {
    let world = World::new();
    let token = world.running();
    world.set(1_001_000);
    assert!(is_lost(&world.save(token, "s", Effect::None)), "nobody took it over, and yet it is lost");
    assert_eq!(world.tick(10).expired.len(), 1);
    assert!(is_lost(&world.end(complete(token))));
    assert!(is_lost(&world.wait(token, vec![], None)));
}

#[test]
fn c7_a_repeated_call_gives_what_it_still_holds_and_takes_nothing() {
    let world = World::new();
    let tasks: Vec<_> = (0..4).map(|_| world.spawn()).collect();
    let call = world.request(3);
    let first = world.run(&call);
    assert_eq!(first.claims.len(), 3);
    assert!(first.more);
    world.end(complete(first.claims[1].token)).unwrap();

    for repeat in [call.clone().repeated(), call.clone()] {
        let again = world.run(&repeat);
        assert_eq!(again.claims, [first.claims[0].clone(), first.claims[2].clone()]);
    }
    assert_eq!(world.view(tasks[3]).state, TaskState::Pending);
    assert!(world.run(&world.request(3).repeated()).claims.is_empty());
}
