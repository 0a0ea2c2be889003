//! Each check finds what it is there for in a history made by hand, and nothing in one that is right.

mod claims;
mod events;
mod sample;
mod stores;

use sample::{Sample, completed, token};

use super::super::data::History;

/// One task that is claimed, saves, and completes.
fn plain() -> Sample {
    let mut sample = Sample::of(1);
    sample.claims(token(1, 1), 1).saves(token(1, 1), "s", "a").completes(token(1, 1));
    sample
}

#[test]
fn a_plain_history_is_right_and_is_read_as_it_was_written() {
    let mut sample = plain();
    sample.last(1, completed(), 1, &[("s", sample::value("a"))]);
    sample.passes(super::all);
    sample.passes(super::quiescent);
    sample.passes(super::executed_once);
    let written = sample.history.to_json().unwrap();
    assert_eq!(History::from_json(&written).unwrap(), sample.history);
}

#[test]
fn a_history_of_another_form_is_refused() {
    let mut sample = plain();
    sample.history.form += 1;
    let error = History::from_json(&sample.history.to_json().unwrap()).unwrap_err();
    assert!(error.to_string().contains("form"), "{error}");
}

#[test]
fn a_violation_shows_the_calls_about_its_task_alone() {
    let mut sample = Sample::of(2);
    sample.claims(token(1, 1), 1).claims(token(2, 1), 1).claims(token(1, 2), 1);
    let violation = super::intervals_are_disjoint(&sample.history).unwrap_err().to_string();
    assert!(violation.contains("claim → …00000001#2 by call"), "{violation}");
    assert!(!violation.contains("…00000002"), "{violation}");
}
