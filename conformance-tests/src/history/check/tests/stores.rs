use super::super::super::data::{Action, End, Ended, Ending, Refused, Reply, Spawned, State};
use super::super::{checkpoints_are_kept, executed_once, nothing_is_lost, quiescent};
use super::plain;
use super::sample::{Sample, completed, live, new, task, token, value};

#[test]
fn a_lost_task_is_found() {
    plain().fails(nothing_is_lost, "and gone");
}

#[test]
fn a_lost_child_is_found() {
    let mut sample = Sample::of(1);
    sample.claims(token(1, 1), 1).spawns(token(1, 1), 2).last(1, live("running"), 1, &[]);
    sample.fails(nothing_is_lost, "and gone");
}

#[test]
fn an_unexpected_task_is_found() {
    let mut sample = Sample::of(0);
    sample.claims(token(1, 1), 1);
    sample.fails(nothing_is_lost, "nobody spawned");
    let mut sample = Sample::of(0);
    sample.last(1, live("pending"), 0, &[]);
    sample.fails(nothing_is_lost, "nobody spawned");
}

#[test]
fn a_task_that_is_created_twice_is_found() {
    let mut sample = Sample::of(1);
    let told = Spawned::Tasks(vec![(task(1), true)]);
    sample.call(Action::Spawn { tasks: vec![new(1)], answer: Reply::Is(told) });
    sample.fails(nothing_is_lost, "created twice");
}

#[test]
fn two_tasks_of_one_key_are_found() {
    let mut sample = Sample::of(0);
    for number in 1..=2 {
        let mut keyed = new(number);
        keyed.idempotency = Some(("key".to_owned(), "print".to_owned()));
        let told = Spawned::Tasks(vec![(task(number), true)]);
        sample.call(Action::Spawn { tasks: vec![keyed], answer: Reply::Is(told) });
    }
    sample.fails(nothing_is_lost, "the task of a key");
}

#[test]
fn a_second_end_is_found() {
    let mut sample = plain();
    sample.claims(token(1, 2), 1).completes(token(1, 2)).last(1, completed(), 2, &[]);
    sample.fails(nothing_is_lost, "the ends that were accepted");
    let mut sample = plain();
    sample.cancels(1).last(1, completed(), 1, &[]);
    sample.fails(nothing_is_lost, "the ends that were accepted");
}

#[test]
fn an_end_that_is_not_the_one_that_was_told_is_found() {
    let mut sample = plain();
    sample.last(1, State::Ended(End::Cancelled), 1, &[]);
    sample.fails(nothing_is_lost, "as told");
    let mut sample = Sample::of(1);
    sample.claims(token(1, 1), 1).ends(token(1, 1), Ending::Fail("f".to_owned(), None), Ok(Ended::Failed));
    sample.last(1, live("pending"), 1, &[]);
    sample.fails(nothing_is_lost, "as told");
}

#[test]
fn a_reader_that_sees_the_past_or_another_end_is_found() {
    let reads = |state| {
        let mut sample = plain();
        sample.looks(1, state).last(1, completed(), 1, &[]);
        sample
    };
    reads(completed()).passes(nothing_is_lost);
    reads(live("live")).fails(nothing_is_lost, "its end, which was told");
    reads(State::NotFound).fails(nothing_is_lost, "what a reader was told");
    reads(State::Ended(End::Cancelled)).fails(nothing_is_lost, "the end that it has for good");
}

#[test]
fn a_task_that_hangs_is_found() {
    let mut sample = Sample::of(1);
    sample.last(1, live("sleeping"), 0, &[]);
    sample.fails(quiescent, "1 live ones");
}

#[test]
fn a_task_that_was_run_twice_is_found() {
    let mut sample = plain();
    sample.last(1, completed(), 2, &[]);
    sample.fails(executed_once, "after 2 claims");
}

#[test]
fn a_checkpoint_that_is_lost_is_found() {
    let mut sample = plain();
    sample.last(1, completed(), 1, &[]);
    sample.fails(checkpoints_are_kept, "acknowledged at");
    let mut sample = Sample::of(1);
    sample.claims(token(1, 1), 1).saves(token(1, 1), "s", "a").loads(token(1, 1), &[]);
    sample.fails(checkpoints_are_kept, "acknowledged at");
}

#[test]
fn a_checkpoint_that_changes_is_found() {
    let mut sample = Sample::of(1);
    sample.claims(token(1, 1), 1).saves(token(1, 1), "s", "a").saves(token(1, 1), "s", "b");
    sample.loads(token(1, 1), &[("s", value("a"))]).last(1, live("running"), 1, &[("s", value("b"))]);
    sample.fails(checkpoints_are_kept, "for another reader");
    let mut sample = plain();
    sample.saves(token(1, 1), "s", "b").last(1, completed(), 1, &[("s", value("b"))]);
    sample.fails(checkpoints_are_kept, "wanted a, acknowledged");
}

#[test]
fn a_checkpoint_that_nobody_wrote_is_found() {
    let mut sample = Sample::of(1);
    sample.last(1, live("pending"), 0, &[("s", value("a"))]);
    sample.fails(checkpoints_are_kept, "what somebody wrote");
}

#[test]
fn checkpoints_out_of_order_are_found() {
    let mut sample = Sample::of(1);
    sample.claims(token(1, 1), 1).saves(token(1, 1), "s", "a").saves(token(1, 1), "t", "b");
    sample.last(1, live("running"), 1, &[("t", value("b")), ("s", value("a"))]);
    sample.fails(checkpoints_are_kept, "the order of checkpoints");
}

#[test]
fn a_refused_write_that_is_there_all_the_same_is_found() {
    let mut sample = Sample::of(1);
    sample.claims(token(1, 1), 1).save_call(token(1, 1), "s", "a", Reply::Is(Err(Refused::ClaimLost)));
    sample.last(1, live("running"), 1, &[("s", value("a"))]);
    sample.fails(checkpoints_are_kept, "what somebody wrote");
}
