//! The task context, the worker and the store contract of `durable`.
//!
//! Direction: [`model`] ← [`store`] ← runs ← {client, context, worker}; [`policy`] is pure. Core names no database.

pub mod client;
pub mod context;
pub mod error;
pub mod model;
pub mod options;
pub mod policy;
mod registry;
mod run;
pub mod store;
mod task;
pub mod transition;
pub mod worker;

pub use async_trait::async_trait;

pub use self::client::{Durable, DurableBuilder, TaskFilter, TaskResultView};
pub use self::context::{
    HeartbeatHandle, Heartbeater, NoopHeartbeater, Select, Selected, StepState, TaskContext, TaskHandle,
};
pub use self::error::{Control, DurableError, DurableResult, TaskError, TaskResult, permanent, retry_after};
pub use self::model::TaskId;
pub use self::options::{SpawnOptions, UNLIMITED_ATTEMPTS};
pub use self::policy::{CancellationPolicy, RetryStrategy};
pub use self::task::Task;
pub use self::worker::{RunEnding, RunObserver, RunReport, TaskFailure, Worker, WorkerOptions};
