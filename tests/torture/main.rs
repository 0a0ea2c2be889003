//! The quickstart under `kill -9`, at random moments and after each of its effects.
//!
//! Environment: `DURABLE_TORTURE_KILLS` (10), `DURABLE_TORTURE_ROUNDS` (1), `DURABLE_TORTURE_SEED` (a random one, printed) and
//! `DURABLE_TORTURE_STORE` (a URL; a new SQLite file unless it is set). A seed gives the same moments again; what the
//! machine does at those moments is its own affair.

#![cfg(all(unix, feature = "memory", feature = "sqlite"))]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "the helpers of tests are tests too"
)]

mod chance;
mod desk;
mod sweep;
mod torture;
mod watch;

use std::env;
use std::str::FromStr;

use anyhow::Context as _;

use crate::desk::{Desk, turn};

/// A variable of the environment; unset it is `otherwise`, and what it should not be is an error.
fn setting<T: FromStr>(name: &str, otherwise: T) -> anyhow::Result<T> {
    match env::var(name) {
        Ok(text) => text.parse().ok().with_context(|| format!("{name} is no such number: {text}")),
        Err(_) => Ok(otherwise),
    }
}

#[test]
fn kills_at_random_moments_repeat_nothing_that_was_stored() -> anyhow::Result<()> {
    let _turn = turn();
    let kills = setting("DURABLE_TORTURE_KILLS", 10)?;
    let seed = setting("DURABLE_TORTURE_SEED", chance::seed())?;
    let desk = Desk::new("torture")?;
    for round in 0..setting("DURABLE_TORTURE_ROUNDS", 1)? {
        let seed = seed.wrapping_add(round);
        eprintln!("torture: DURABLE_TORTURE_SEED={seed} DURABLE_TORTURE_KILLS={kills}");
        eprintln!("torture: {}", torture::run(&desk, kills, seed).with_context(|| format!("seed {seed}"))?);
    }
    Ok(())
}

#[test]
fn a_kill_after_any_effect_is_survived() -> anyhow::Result<()> {
    let _turn = turn();
    sweep::run()
}
