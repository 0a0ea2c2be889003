//! Holds the store to the memory store.

mod harness;
mod support;

use durable_conformance::differential::{self, Failure};

#[test]
fn it_answers_and_shows_what_the_memory_store_does() -> Result<(), Failure> {
    differential::run(harness::Postgres::default(), 0..20)
}
