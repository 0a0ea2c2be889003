//! Holds the store to the contract.

#[path = "support/harness.rs"]
mod harness;

use std::process::ExitCode;

use harness::Sqlite;

fn main() -> ExitCode {
    durable_conformance::main(Sqlite::new())
}
