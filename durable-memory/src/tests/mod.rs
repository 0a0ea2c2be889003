//! Tests of the delicate parts, on a clock that stands still; every verb is followed by the check of all invariants.

mod cascade;
mod claims;
mod hints;
mod limits;
mod purge;
mod random;
mod repeats;
mod rest;
mod retry;
mod waking;
mod world;
