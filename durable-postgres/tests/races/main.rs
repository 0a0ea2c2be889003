//! Two verbs meet at a record: one comes while the other is under way, forced, and in both orders.

#[path = "../support/mod.rs"]
mod support;

mod child_and_wait;
mod child_of_tick_and_wait;
mod ends_and_cancel;
mod event_and_purge;
mod event_and_wait;
mod one_call_twice;
mod passing_over;
mod queue_and_spawn;
mod retry_and_others;
mod spawn_and_cancel;
mod stage;
