//! Holds the store to the contract.

mod harness;
mod support;

use std::process::ExitCode;

fn main() -> ExitCode {
    durable_conformance::main(harness::Postgres::default())
}
