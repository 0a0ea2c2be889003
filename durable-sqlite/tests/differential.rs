//! Holds the store to the memory store.

mod support;

use durable_conformance::differential::{self, Failure};

#[test]
fn it_answers_and_shows_what_the_memory_store_does() -> Result<(), Failure> {
    differential::run(support::Sqlite::new(), 0..40)
}
