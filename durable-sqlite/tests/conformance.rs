//! Holds the store to the contract.

mod harness;

use std::process::ExitCode;

fn main() -> ExitCode {
    durable_conformance::main(harness::Sqlite::new())
}
