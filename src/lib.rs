//! Durable execution over any store.
