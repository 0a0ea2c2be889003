//! Tests that need steps of their own.

mod group;
mod world;
