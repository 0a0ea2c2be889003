//! Holds the store to the memory store.

#[path = "support/harness.rs"]
mod harness;

use durable_conformance::differential::{self, Failure};

#[test]
fn it_answers_and_shows_what_the_memory_store_does() -> Result<(), Failure> {
    differential::run(harness::Sqlite::new(), 0..20)
}
