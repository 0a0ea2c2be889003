//! Durable execution over any store: async functions that go on where they stopped.
//!
//! A [`Task`] is a function whose steps are stored. When its process dies, a step fails or it sleeps for a week, another
//! run takes it from its last stored step on, on any worker of its queue. Everything is kept in one [`store::Store`].
//!
//! ```
//! use std::borrow::Cow;
//! use std::time::Duration;
//!
//! use durable::{Durable, Task, TaskContext, TaskResult, WorkerOptions, async_trait};
//!
//! #[derive(Default)]
//! struct Greet;
//!
//! #[async_trait]
//! impl Task for Greet {
//!     fn name(&self) -> Cow<'static, str> {
//!         "greet".into()
//!     }
//!     type Params = String;
//!     type Output = String;
//!
//!     async fn run(&self, name: String, mut ctx: TaskContext, _state: ()) -> TaskResult<String> {
//!         // Stored when it is done: a later run of this task gets the text without making it again.
//!         let text: String = ctx.step("write", name, |name, _| async move { Ok(format!("Hello, {name}!")) }).await?;
//!         // The task rests here, and costs no worker.
//!         ctx.sleep_for("a moment", Duration::from_millis(5)).await?;
//!         Ok(text)
//!     }
//! }
//!
//! # #[cfg(feature = "memory")]
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> anyhow::Result<()> {
//! let durable = Durable::builder().store(durable::connect("memory:").await?).register::<Greet>()?.build()?;
//! durable.create_queue().await?;
//! let worker = durable.start_worker(WorkerOptions::default()).await?;
//!
//! let task = durable.spawn::<Greet>("Ada".to_owned()).await?;
//! let result = durable.wait_for_result(task, Duration::from_secs(10)).await?;
//! assert_eq!(result.output::<String>()?, "Hello, Ada!");
//! worker.shutdown().await;
//! # Ok(()) }
//! # #[cfg(not(feature = "memory"))]
//! # fn main() {}
//! ```
//!
//! # Features
//!
//! - `memory` (default): a store in this process's memory, for tests and for trying things out.
//! - `sqlite` (default): a store in one file, for one machine; no server.
//! - `postgres`: a store in a PostgreSQL database.

mod connect;

// What a task's body uses.
pub use durable_core::{
    Control, HeartbeatHandle, Heartbeater, NoopHeartbeater, Select, Selected, StepState, Task, TaskContext,
    TaskError, TaskHandle, TaskResult, async_trait, permanent, retry_after,
};
// What a client uses.
pub use durable_core::model::{CancelCause, EndState, ParentClosePolicy, RunId};
pub use durable_core::store::Spawned;
pub use durable_core::{
    CancellationPolicy, Durable, DurableBuilder, DurableError, DurableResult, RetryStrategy, SpawnOptions,
    TaskFailure, TaskFilter, TaskId, TaskResultView, UNLIMITED_ATTEMPTS,
};
// What a worker's owner uses.
pub use durable_core::{RunEnding, RunObserver, RunReport, Worker, WorkerOptions};
// What a store's author uses, and who looks into a store.
pub use durable_core::{model, store};
#[cfg(feature = "memory")]
pub use durable_memory::MemoryStore;
#[cfg(feature = "postgres")]
pub use durable_postgres::{self as postgres, PostgresOptions, PostgresStore};
#[cfg(feature = "sqlite")]
pub use durable_sqlite::{self as sqlite, SqliteOptions, SqliteStore, Synchronous};

pub use self::connect::{ConnectError, connect};

/// The README's examples compile, and its program runs.
#[cfg(all(doctest, feature = "sqlite"))]
#[doc = include_str!("../README.md")]
struct Readme;
