//! Waits, and what a task rests on (rules W1 to W4).

use durable_core::model::{Deadline, End, TaskState};
use durable_core::store::{Effect, FencedError, RestView, StoreErrorKind, WaitAnswer};

use super::world::{World, at, complete, event, key, met, ms, rest, timer, value};

#[test]
fn w3_a_task_is_ready_when_as_many_of_its_waits_have_ended_as_it_needs() {
    let world = World::new();
    let token = world.running();
    world.suspend(token, vec![event("a", None), event("b", None), event("c", None)], 2);

    world.emit("c", "3");
    let view = world.view(token.task);
    assert_eq!(view.state, TaskState::Sleeping);
    assert_eq!(view.rest, Some(RestView { keys: vec![key("a"), key("b")], need: 1 }));

    world.set(1_005);
    world.emit("a", "1");
    let view = world.view(token.task);
    assert_eq!((view.state, view.available_at), (TaskState::Pending, Some(at(1_005))));
    world.emit("b", "2");
    assert_eq!(world.ended(token.task, "b"), Some((value("2"), 1_005)));
}

#[test]
fn w3_a_wait_that_is_not_rested_on_ends_and_wakes_nobody() {
    let world = World::new();
    let token = world.running();
    world.wait(token, vec![event("other", None)], None).unwrap();
    world.suspend(token, vec![event("a", None)], 1);

    world.emit("other", "0");
    assert_eq!(world.view(token.task).state, TaskState::Sleeping);
    assert_eq!(world.ended(token.task, "other"), Some((value("0"), 1_000)));
}

#[test]
fn w3_a_later_rest_replaces_the_earlier_one() {
    let world = World::new();
    let first = world.running();
    world.suspend(first, vec![event("a", None), timer("late", 9_000)], 1);
    world.emit("a", "1");
    let second = world.claim(1)[0];
    world.suspend(second, vec![event("b", None)], 1);

    assert_eq!(world.view(first.task).due, None, "the timer that no longer counts is not due");
    world.set(9_000);
    assert_eq!(world.tick(10).woken, 0);
    assert_eq!(world.view(first.task).state, TaskState::Sleeping);
    world.emit("b", "2");
    assert_eq!(world.view(first.task).state, TaskState::Pending);
}

#[test]
fn w3_a_rest_that_is_met_already_keeps_the_claim() {
    let world = World::new();
    let token = world.running();
    world.emit("a", "1");
    let answer = world.wait(token, vec![event("a", None), event("b", None)], Some(rest(&["a", "b"], 1)));
    assert_eq!(answer.unwrap(), WaitAnswer::Met(vec![met("a", value("1"), 1_000)]));
    assert_eq!(world.view(token.task).state, TaskState::Running);
    let answer = world.wait(token, vec![], Some(rest(&["a", "b"], 2)));
    assert_eq!(answer.unwrap(), WaitAnswer::Suspended);
    assert_eq!(world.view(token.task).rest, Some(RestView { keys: vec![key("b")], need: 1 }));
}

#[test]
fn w2_at_the_deadline_the_timeout_wins_though_nobody_looked() {
    let world = World::new();
    let token = world.running();
    world.suspend(token, vec![event("early", Some(1_010)), event("late", Some(1_011))], 2);
    world.set(1_010);
    world.emit("early", "1");
    world.emit("late", "2");
    assert_eq!(world.ended(token.task, "early"), Some((End::Timeout, 1_010)));
    assert_eq!(world.ended(token.task, "late"), Some((value("2"), 1_010)));
}

#[test]
fn w2_a_deadline_that_is_rested_on_is_due_to_the_millisecond() {
    let world = World::new();
    let token = world.running();
    world.suspend(token, vec![timer("t", 1_010), event("a", None)], 1);
    assert_eq!(world.view(token.task).due, Some(at(1_010)));
    world.set(1_009);
    assert_eq!(world.tick(10).woken, 0);
    world.set(1_012);
    assert_eq!(world.tick(10).woken, 1);
    assert_eq!(world.view(token.task).available_at, Some(at(1_012)));
    assert_eq!(world.ended(token.task, "t"), Some((End::Timeout, 1_010)));
}

#[test]
fn w1_a_deadline_that_is_not_rested_on_comes_when_the_wait_is_named() {
    let world = World::new();
    let token = world.running();
    assert_eq!(world.wait(token, vec![timer("t", 1_010)], None).unwrap(), WaitAnswer::Registered);
    world.set(1_020);
    assert_eq!(world.tick(10).woken, 0);
    // The second deadline does not count: the first one stands.
    let answer = world.wait(token, vec![timer("t", 9_000)], None).unwrap();
    assert_eq!(answer, WaitAnswer::Met(vec![met("t", End::Timeout, 1_010)]));
}

#[test]
fn w1_a_deadline_comes_also_when_the_wait_is_only_rested_on() {
    let world = World::new();
    let token = world.running();
    world.wait(token, vec![timer("t", 1_010)], None).unwrap();
    world.set(1_020);
    let answer = world.wait(token, vec![], Some(rest(&["t"], 1))).unwrap();
    assert_eq!(answer, WaitAnswer::Met(vec![met("t", End::Timeout, 1_010)]));
}

#[test]
fn w3_a_key_that_is_named_twice_counts_once() {
    let world = World::new();
    let token = world.running();
    world.emit("a", "1");
    let answer = world.wait(token, vec![event("a", None), event("b", None)], Some(rest(&["a", "a", "b"], 2)));
    assert_eq!(answer.unwrap(), WaitAnswer::Suspended);
    world.emit("b", "2");
    assert_eq!(world.view(token.task).state, TaskState::Pending);
}

#[test]
fn w1_an_event_that_exists_answers_a_poll() {
    let world = World::new();
    let token = world.running();
    world.emit("a", "null");
    world.set(1_050);
    let mut poll = event("a", None);
    poll.deadline = Some(Deadline::After(ms(0)));
    let answer = world.wait(token, vec![poll], None).unwrap();
    assert_eq!(answer, WaitAnswer::Met(vec![met("a", value("null"), 1_000)]));
}

#[test]
fn a_refused_wait_writes_nothing() {
    let world = World::new();
    let token = world.running();
    let kind = |answer| match answer {
        Err(FencedError::Fault(fault)) => fault.kind,
        other => panic!("{other:?} is no fault"),
    };
    let unknown = world.wait(token, vec![event("a", None)], Some(rest(&["a", "x"], 1)));
    assert_eq!(kind(unknown), StoreErrorKind::Invalid);
    let too_much = world.wait(token, vec![event("a", None)], Some(rest(&["a", "a"], 2)));
    assert_eq!(kind(too_much), StoreErrorKind::Invalid);
    let mut no_deadline = timer("t", 1);
    no_deadline.deadline = None;
    let endless = world.wait(token, vec![event("a", None), no_deadline], None);
    assert_eq!(kind(endless), StoreErrorKind::Invalid);
    world.emit("a", "1");
    assert_eq!(world.ended(token.task, "a"), None, "no wait was registered");
}

#[test]
fn a_checkpoint_under_the_key_of_a_wait_ends_it() {
    let world = World::new();
    let token = world.running();
    world.wait(token, vec![event("a", None)], None).unwrap();
    world.save(token, "a", Effect::None).unwrap();
    world.emit("a", "2");
    assert_eq!(world.ended(token.task, "a"), Some((value("1"), 1_000)));
    world.end(complete(token)).unwrap();
}

#[test]
fn w1_waits_go_when_the_task_ends() {
    let world = World::new();
    let token = world.running();
    world.suspend(token, vec![event("a", None)], 1);
    world.cancel(token.task);
    world.emit("a", "1");
    assert!(!world.is_waking("a"));
    assert_eq!(world.ended(token.task, "a"), None);
}
