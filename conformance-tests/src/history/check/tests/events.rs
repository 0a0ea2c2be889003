use super::super::super::data::{End, Source, State, Waited};
use super::super::{no_wake_up_is_lost, waits_end_once_and_right};
use super::sample::{Sample, completed, live, task, time, token, value};

fn on_event() -> Source {
    Source::Event("e".to_owned())
}

fn met(end: End) -> Waited {
    Waited::Met(vec![("k".to_owned(), end, time(0))])
}

/// A task that rests on the event, for so long.
fn rests(timeout: Option<u32>) -> Sample {
    let mut sample = Sample::of(1);
    sample.claims(token(1, 1), 1).waits(token(1, 1), on_event(), timeout, Waited::Suspended);
    sample
}

#[test]
fn a_lost_wake_up_is_found() {
    let mut sample = rests(None);
    sample.emits("a").last(1, live("sleeping"), 1, &[]).still_waits();
    sample.fails(no_wake_up_is_lost, "it stands");
    let mut sample = rests(None);
    sample.emits("a").last(1, live("pending"), 1, &[("k", value("a"))]);
    sample.passes(no_wake_up_is_lost);
    sample.passes(waits_end_once_and_right);
}

#[test]
fn a_wait_that_rests_after_its_event_came_is_found() {
    let mut sample = Sample::of(1);
    sample.emits("a").claims(token(1, 1), 1).waits(token(1, 1), on_event(), None, Waited::Suspended);
    sample.fails(no_wake_up_is_lost, "the event had been emitted");
    let mut sample = Sample::of(1);
    sample.emits("a").claims(token(1, 1), 1).waits(token(1, 1), on_event(), None, met(value("a")));
    sample.passes(no_wake_up_is_lost);
    sample.passes(waits_end_once_and_right);
}

#[test]
fn a_wait_beside_its_emit_may_rest() {
    let mut sample = Sample::of(1);
    sample.claims(token(1, 1), 1).emits("a").waits(token(1, 1), on_event(), None, Waited::Suspended);
    sample.begun_at(4).last(1, live("pending"), 1, &[("k", value("a"))]);
    sample.passes(no_wake_up_is_lost);
    sample.passes(waits_end_once_and_right);
}

#[test]
fn a_payload_that_nobody_emitted_is_found_by_what_was_written() {
    let mut sample = rests(None);
    sample.emits("a").last(1, live("pending"), 1, &[("k", value("b"))]);
    sample.fails(waits_end_once_and_right, "a write that could reach it");
}

#[test]
fn a_payload_that_was_replaced_before_the_wait_is_found() {
    let mut sample = Sample::of(1);
    sample.emits("a").emits("b").claims(token(1, 1), 1);
    sample.waits(token(1, 1), on_event(), None, met(value("a")));
    sample.fails(waits_end_once_and_right, "a write that could reach it");
}

#[test]
fn a_payload_that_replaced_the_one_that_woke_is_found() {
    let mut sample = rests(None);
    sample.emits("a").emits("b").last(1, live("pending"), 1, &[("k", value("b"))]);
    sample.fails(waits_end_once_and_right, "a write that could reach it");
}

#[test]
fn a_timeout_although_the_event_came_in_time_is_found() {
    let mut sample = rests(Some(50));
    sample.at(49).emits("a").at(60).last(1, live("pending"), 1, &[("k", End::Timeout)]);
    sample.fails(waits_end_once_and_right, "before the deadline");
}

#[test]
fn a_value_that_came_at_the_deadline_is_found() {
    let mut sample = rests(Some(50));
    sample.at(50).emits("a").last(1, live("pending"), 1, &[("k", value("a"))]);
    sample.fails(waits_end_once_and_right, "a write that could reach it");
}

#[test]
fn a_timeout_before_its_deadline_is_found() {
    let mut sample = rests(Some(50));
    sample.at(49).claims(token(1, 2), 1).loads(token(1, 2), &[("k", End::Timeout)]);
    sample.fails(waits_end_once_and_right, "no timeout before the deadline");
    let mut sample = rests(None);
    sample.last(1, live("pending"), 1, &[("k", End::Timeout)]);
    sample.fails(waits_end_once_and_right, "no timeout before the deadline");
}

#[test]
fn a_timer_that_ends_as_something_else_is_found() {
    let mut sample = Sample::of(1);
    sample.claims(token(1, 1), 1).waits(token(1, 1), Source::Time, Some(5), Waited::Suspended);
    sample.last(1, live("pending"), 1, &[("k", value("a"))]);
    sample.fails(waits_end_once_and_right, "wanted a timeout");
}

/// A parent that joins its child, which completes.
fn joins(last: &[(&str, End)]) -> Sample {
    let mut sample = Sample::of(1);
    sample.claims(token(1, 1), 1).spawns(token(1, 1), 2);
    sample.waits(token(1, 1), Source::Child(task(2)), None, Waited::Suspended);
    sample.claims(token(2, 1), 1).completes(token(2, 1)).last(2, completed(), 1, &[]);
    sample.last(1, live("sleeping"), 1, last);
    sample
}

#[test]
fn a_child_whose_end_its_parent_never_gets_is_found() {
    joins(&[]).fails(no_wake_up_is_lost, "what a live parent has of its child");
    joins(&[("join", value("2"))]).fails(no_wake_up_is_lost, "the child's end");
    let mut stands = joins(&[]);
    stands.still_waits().fails(no_wake_up_is_lost, "it stands");
    joins(&[("join", value("1"))]).passes(no_wake_up_is_lost);
}

#[test]
fn a_join_that_tells_another_end_is_found() {
    let mut sample = joins(&[("k", value("2"))]);
    sample.fails(waits_end_once_and_right, "the child's end");
    sample.history.last[0].state = State::Ended(End::Cancelled);
    sample.history.last[1].checkpoints[0].end = End::Cancelled;
    sample.passes(waits_end_once_and_right);
}
