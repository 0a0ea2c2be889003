//! Holds the store to the contract.

mod support;

use std::collections::HashMap;
use std::process::ExitCode;
use std::sync::Arc;

use async_trait::async_trait;
use durable_conformance::{Harness, Namespace};
use durable_core::model::{Clock, QueueName, TaskId};
use durable_core::store::Store;
use durable_postgres::PostgresStore;
use support::Server;
use tokio::sync::Mutex;

/// One schema for each namespace, with one pool for all handles on it.
#[derive(Debug, Default)]
struct Postgres {
    stores: Mutex<HashMap<Namespace, PostgresStore>>,
}

#[async_trait]
impl Harness for Postgres {
    fn name(&self) -> &'static str {
        "postgres"
    }

    async fn open(&self, namespace: &Namespace, clock: Clock) -> anyhow::Result<Arc<dyn Store>> {
        Ok(Arc::new(self.store(namespace).await?.with_clock(clock)))
    }

    async fn destroy(&self, namespace: &Namespace) -> anyhow::Result<()> {
        let Some(store) = self.stores.lock().await.remove(namespace) else { return Ok(()) };
        store.close().await;
        Server::get().drop_schema(namespace.as_str()).await
    }

    async fn check(&self, namespace: &Namespace) -> Result<(), String> {
        let store = self.store(namespace).await.map_err(|error| format!("{error:#}"))?;
        let broken: Vec<String> = sqlx::query_scalar(include_str!("support/invariants.sql"))
            .fetch_all(store.pool())
            .await
            .map_err(|error| error.to_string())?;
        if broken.is_empty() { Ok(()) } else { Err(broken.join("; ")) }
    }

    async fn corrupt(
        &self,
        namespace: &Namespace,
        queue: &QueueName,
        task: TaskId,
    ) -> Option<anyhow::Result<()>> {
        Some(self.spoil(namespace, queue, task).await)
    }

    fn filler(&self) -> usize {
        100_000
    }
}

impl Postgres {
    async fn store(&self, namespace: &Namespace) -> anyhow::Result<PostgresStore> {
        let mut stores = self.stores.lock().await;
        if let Some(store) = stores.get(namespace) {
            return Ok(store.clone());
        }
        let store = Server::get().store(namespace.as_str(), 8).await?;
        stores.insert(namespace.clone(), store.clone());
        Ok(store)
    }

    /// An attempt is counted from 1: no release writes this.
    async fn spoil(&self, namespace: &Namespace, queue: &QueueName, task: TaskId) -> anyhow::Result<()> {
        let store = self.store(namespace).await?;
        let spoilt = sqlx::query("update tasks set attempt = 0 where queue = $1 and id = $2")
            .bind(queue.as_str())
            .bind(task.as_uuid())
            .execute(store.pool())
            .await?;
        anyhow::ensure!(spoilt.rows_affected() == 1, "no such task");
        Ok(())
    }
}

fn main() -> ExitCode {
    durable_conformance::main(Postgres::default())
}
