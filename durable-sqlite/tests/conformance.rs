//! Holds the store to the contract: over files, or with `DURABLE_SQLITE_MEMORY=1` over databases in memory.

#[path = "support/harness.rs"]
mod harness;

use std::collections::HashMap;
use std::process::ExitCode;
use std::sync::Arc;

use async_trait::async_trait;
use durable_conformance::{Harness, Namespace};
use durable_core::model::Clock;
use durable_core::store::Store;
use durable_sqlite::SqliteStore;
use tokio::sync::Mutex;

use harness::Sqlite;

/// A private database for each namespace; the handles on it are clones of one.
#[derive(Default)]
struct Memory(Mutex<HashMap<Namespace, SqliteStore>>);

#[async_trait]
impl Harness for Memory {
    fn name(&self) -> &'static str {
        "durable-sqlite in memory"
    }

    async fn open(&self, namespace: &Namespace, clock: Clock) -> anyhow::Result<Arc<dyn Store>> {
        let mut stores = self.0.lock().await;
        if let Some(store) = stores.get(namespace) {
            return Ok(Arc::new(store.with_clock(clock)));
        }
        let store = SqliteStore::open("sqlite::memory:").await?;
        stores.insert(namespace.clone(), store.clone());
        Ok(Arc::new(store.with_clock(clock)))
    }

    async fn destroy(&self, namespace: &Namespace) -> anyhow::Result<()> {
        if let Some(store) = self.0.lock().await.remove(namespace) {
            store.close().await;
        }
        Ok(())
    }
}

fn main() -> ExitCode {
    if std::env::var_os("DURABLE_SQLITE_MEMORY").is_some_and(|value| value == "1") {
        return durable_conformance::main(Memory::default());
    }
    durable_conformance::main(Sqlite::new())
}
