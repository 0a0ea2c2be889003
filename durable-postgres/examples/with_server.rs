//! Runs a command beside a throwaway PostgreSQL server, whose URL it finds in `DATABASE_URL`.
//!
//! `cargo run -p durable-postgres --example with_server -- sh -c 'cargo run --features postgres --example quickstart -- --store $DATABASE_URL'`
//!
//! It needs the programs of a server (Debian's package `postgresql`), and keeps nothing: the data go with it.

#![allow(clippy::print_stderr, reason = "it is a program")]

#[path = "../tests/support/mod.rs"]
mod support;

use std::process::{Command, ExitCode};

use anyhow::Context;
use support::Server;

fn main() -> anyhow::Result<ExitCode> {
    let mut words = std::env::args_os().skip(1);
    let program = words.next().context("a command is missing")?;
    let status = Command::new(program).args(words).env("DATABASE_URL", Server::get().url()).status()?;
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    Ok(code.map_or(ExitCode::FAILURE, ExitCode::from))
}
