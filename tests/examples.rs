//! The small examples, as a user runs them.

#![cfg(feature = "memory")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "the helpers of tests are tests too")]

use std::process::Command;

/// What an example prints, line by line.
fn printed(example: &str) -> Vec<String> {
    // Cargo builds it where that is still to be done: no test runs a stale example.
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["run", "--quiet", "--example", example]).current_dir(env!("CARGO_MANIFEST_DIR"));
    cargo.args(cfg!(feature = "postgres").then_some("--features=postgres"));
    let output = cargo.output().expect("cargo starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
}

#[test]
fn a_refused_saga_gives_back_what_it_booked_last_first() {
    let lines = [
        "booking flight",
        "booking hotel",
        "booking car",
        "giving back hotel #42",
        "giving back flight #42",
        "no trip: no car is free",
    ];
    assert_eq!(printed("saga"), lines);
}

#[test]
fn an_approval_is_given_by_somebody_or_times_out() {
    let lines = printed("approval");
    let answers = ["expense 1 is approved by Ada", "expense 2 is rejected: nobody answered"];
    assert_eq!(lines[lines.len() - 2..], answers);
    assert_eq!(lines.iter().filter(|line| line.starts_with("please approve")).count(), 2);
}

#[test]
fn a_fan_out_adds_up_what_its_children_found() {
    let lines = printed("fan_out");
    assert_eq!(lines.last().unwrap(), "15 words in all");
    assert_eq!(lines.len(), 4);
}
