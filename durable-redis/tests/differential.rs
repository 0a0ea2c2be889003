//! Holds the store to the memory store.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod harness;
mod support;

use durable_conformance::differential::{self, Failure};

#[test]
fn it_answers_and_shows_what_the_memory_store_does() -> Result<(), Failure> {
    differential::run(harness::Redis, 0..24)
}
