//! Tests that need steps of their own.

mod clock;
mod close;
mod damaged;
mod faults;
mod group;
mod hints;
mod lock;
mod migrate;
mod open;
mod parts;
mod peers;
mod world;
