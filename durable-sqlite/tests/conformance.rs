//! Holds the store to the contract.

mod support;

use std::process::ExitCode;

fn main() -> ExitCode {
    durable_conformance::main(support::Sqlite::new())
}
