//! What only SQLite can get wrong: several processes, kills, disks, damage, statements and their plans.
//!
//! A test is named by its code in the catalogue where it has one (`sq5_…`). `DURABLE_SQLITE_HEAVY=1` makes counts ten
//! times as large, and sweeps complete.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod child;
mod damage;
mod desk;
mod disk;
mod dropped;
mod guide;
mod halves;
mod hammer;
mod kills;
mod locks;
mod payloads;
mod plans;
mod purged;
mod sweep;

/// How often something is done: ten times as often in the heavy run.
fn times(ordinary: usize) -> usize {
    if is_heavy() { 10 * ordinary } else { ordinary }
}

fn is_heavy() -> bool {
    std::env::var_os("DURABLE_SQLITE_HEAVY").is_some_and(|value| value == "1")
}
