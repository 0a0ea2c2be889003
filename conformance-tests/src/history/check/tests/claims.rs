use durable_core::model::Millis;

use super::super::super::data::{Action, Ended, Ending, Fenced, Refused, Reply};
use super::super::{
    attempts_are_counted, bypass_is_bounded, intervals_are_disjoint, refusals_are_right, tokens_are_unique,
};
use super::sample::{Sample, completed, live, time, token};

const LOST: Fenced<Ended> = Err(Refused::ClaimLost);

fn complete() -> Ending {
    Ending::Complete("1".to_owned())
}

#[test]
fn a_count_that_is_handed_out_twice_is_found() {
    let mut sample = Sample::of(1);
    let mut twin = token(1, 1);
    twin.call = token(1, 7).call;
    sample.claims(token(1, 1), 1).claims(twin, 1);
    sample.fails(tokens_are_unique, "the count 1 or its call twice");
}

#[test]
fn a_call_that_claims_a_task_twice_is_found() {
    let mut sample = Sample::of(1);
    let mut again = token(1, 2);
    again.call = token(1, 1).call;
    sample.claims(token(1, 1), 1).claims(again, 1);
    sample.fails(tokens_are_unique, "its call twice");
}

#[test]
fn a_count_that_goes_back_is_found() {
    let mut sample = Sample::of(1);
    sample.claims(token(1, 2), 1).claims(token(1, 1), 1);
    sample.fails(tokens_are_unique, "they grow");
}

#[test]
fn a_claim_that_nobody_was_handed_is_found() {
    let mut sample = Sample::of(1);
    sample.claims(token(1, 1), 1).releases(token(1, 1)).claims(token(1, 3), 1);
    sample.fails(tokens_are_unique, "handed to somebody");
    let mut sample = Sample::of(1);
    sample.claims(token(1, 1), 1).last(1, live("running"), 2, &[]);
    sample.fails(tokens_are_unique, "the highest count is 2");
}

#[test]
fn two_claims_at_once_are_found_and_a_closed_or_expired_one_is_not() {
    let mut sample = Sample::of(1);
    sample.claims(token(1, 1), 1).at(99).claims(token(1, 2), 2);
    sample.fails(intervals_are_disjoint, "one ends before the other starts");
    let mut sample = Sample::of(1);
    sample.claims(token(1, 1), 1).at(100).claims(token(1, 2), 2).releases(token(1, 2)).claims(token(1, 3), 2);
    sample.passes(intervals_are_disjoint);
    sample.passes(tokens_are_unique);
}

#[test]
fn a_lease_that_was_extended_counts_to_its_new_end() {
    let mut sample = Sample::of(1);
    sample.claims(token(1, 1), 1).at(50).saves(token(1, 1), "s", "a").at(120).claims(token(1, 2), 2);
    sample.fails(intervals_are_disjoint, "until 150ms");
}

#[test]
fn a_close_that_began_after_the_next_claim_was_known_closes_too_late() {
    let mut sample = Sample::of(1);
    sample.claims(token(1, 1), 1).claims(token(1, 2), 1).releases(token(1, 1));
    sample.fails(intervals_are_disjoint, "two claims of one task");
    sample.fails(refusals_are_right, "a newer claim was out");
}

#[test]
fn a_close_whose_reply_was_lost_may_have_closed() {
    let mut sample = Sample::of(1);
    sample.claims(token(1, 1), 1).releases(token(1, 1)).claims(token(1, 2), 1);
    if let Action::Claim { answer, .. } = &mut sample.history.operations[2].action {
        *answer = Reply::Unknown;
    }
    sample.passes(intervals_are_disjoint);
    sample.passes(attempts_are_counted);
    sample.passes(refusals_are_right);
}

#[test]
fn a_write_after_the_lease_is_found() {
    let mut sample = Sample::of(1);
    sample.claims(token(1, 1), 1).at(100).saves(token(1, 1), "s", "a");
    sample.fails(refusals_are_right, "the lease was over");
}

#[test]
fn a_write_after_the_claim_was_closed_is_found() {
    let mut sample = Sample::of(1);
    sample.claims(token(1, 1), 1).releases(token(1, 1)).saves(token(1, 1), "s", "a");
    sample.fails(refusals_are_right, "the claim was closed");
}

#[test]
fn a_write_to_a_cancelled_task_is_found() {
    let mut sample = Sample::of(1);
    sample.claims(token(1, 1), 1).cancels(1).saves(token(1, 1), "s", "a");
    sample.fails(refusals_are_right, "the task was cancelled");
}

#[test]
fn a_claim_that_is_called_lost_while_it_holds_is_found() {
    let mut sample = Sample::of(1);
    sample.claims(token(1, 1), 1).at(99).ends(token(1, 1), complete(), LOST);
    sample.fails(refusals_are_right, "the lease held");
    let mut sample = Sample::of(1);
    sample.claims(token(1, 1), 1).at(100).ends(token(1, 1), complete(), LOST);
    sample.passes(refusals_are_right);
}

#[test]
fn a_cancellation_that_nobody_asked_for_is_found() {
    let cancelled = || Err(Refused::Cancelled);
    let mut sample = Sample::of(1);
    sample.claims(token(1, 1), 1).ends(token(1, 1), complete(), cancelled());
    sample.fails(refusals_are_right, "nobody cancelled it");
    let mut sample = Sample::of(1);
    sample.claims(token(1, 1), 1).cancels(1).ends(token(1, 1), complete(), cancelled());
    sample.passes(refusals_are_right);
    // The end of its parent cancels a child.
    let mut sample = Sample::of(1);
    sample.claims(token(1, 1), 1).spawns(token(1, 1), 2).claims(token(2, 1), 1).completes(token(1, 1));
    sample.ends(token(2, 1), complete(), cancelled());
    sample.passes(refusals_are_right);
}

#[test]
fn an_attempt_that_is_used_for_nothing_is_found_and_so_is_one_that_is_not_used() {
    let mut sample = Sample::of(1);
    sample.claims(token(1, 1), 1).releases(token(1, 1)).claims(token(1, 2), 2);
    sample.fails(attempts_are_counted, "wanted 1");
    let mut sample = Sample::of(1);
    sample.claims(token(1, 1), 1).at(100).claims(token(1, 2), 1);
    sample.fails(attempts_are_counted, "wanted 2");
    let mut sample = Sample::of(1);
    let failed = Ending::Fail("f".to_owned(), Some(Millis::ZERO));
    sample.claims(token(1, 1), 1).ends(token(1, 1), failed, Ok(Ended::Retrying(time(0))));
    sample.claims(token(1, 2), 2);
    sample.passes(attempts_are_counted);
}

#[test]
fn a_task_that_is_overtaken_or_overlooked_is_found() {
    let bound = |bound| move |sample: &Sample| bypass_is_bounded(&sample.history, bound);
    let mut overtaken = Sample::of(4);
    for later in [2, 3, 4, 1] {
        overtaken.claims(token(later, 1), 1);
    }
    assert!(bound(3)(&overtaken).is_ok());
    assert!(bound(2)(&overtaken).unwrap_err().got.contains("3 later ones were taken"));
    let mut overlooked = Sample::of(1);
    overlooked.claims_nothing().claims_nothing().claims(token(1, 1), 1);
    assert!(bound(2)(&overlooked).is_ok());
    assert!(bound(1)(&overlooked).unwrap_err().got.contains("2 claims had room left"));
}

#[test]
fn who_claims_at_the_same_time_overtakes_nobody() {
    let mut sample = Sample::of(2);
    sample.claims(token(2, 1), 1).claims(token(1, 1), 1).begun_at(4);
    assert!(bypass_is_bounded(&sample.history, 0).is_ok());
    sample.last(1, completed(), 1, &[]);
}
