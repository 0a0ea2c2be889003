//! The lines of the catalogue that have no mutant here, and why.

/// A line of the catalogue without a mutant.
#[derive(Debug, Clone, Copy)]
pub struct Elsewhere {
    /// Its number.
    pub id: &'static str,
    /// Why it has none.
    pub why: &'static str,
}

const fn line(id: &'static str, why: &'static str) -> Elsewhere {
    Elsewhere { id, why }
}

/// All of them.
pub const ELSEWHERE: &[Elsewhere] = &[
    line(
        "10",
        "impossible here: a request cannot carry a lease of 0, `Lease::new` and `Lease::stored` refuse it",
    ),
    line("15", "SQL: the memory store has no row that a claim could wait for"),
    line("19", "SQL: the memory store has one clock by construction"),
    line("52", "waits for schedules"),
    line("53", "waits for schedules"),
    line("54", "waits for schedules"),
    line("73", "SQL: the memory store has one lock"),
    line("78", "Lua: a script of the Redis store"),
    line("79", "Lua: a script of the Redis store"),
    line("81", "SQL: a transaction of the SQLite store"),
    line("82", "SQL: a session of the Postgres store"),
    line("84", "SQL: the memory store's cursors name the last key"),
    line("86", "the worker's, not a store's"),
    line("87", "the worker's, not a store's"),
    line(
        "88",
        "impossible here: verbs are synchronous, their guard is not `Send`, and no code of a caller runs under the lock",
    ),
];
