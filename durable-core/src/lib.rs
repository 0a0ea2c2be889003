//! The task context, the worker and the store contract of `durable`.
//!
//! Direction: [`model`] ← [`store`] ← client, context and worker. Core names no database.

pub mod model;
pub mod store;
