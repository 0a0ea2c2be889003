//! The conformance suite over Redis: `cargo test -p durable-redis --test conformance`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod harness;
mod support;

use std::process::ExitCode;

fn main() -> ExitCode {
    durable_conformance::main(harness::Redis)
}
