//! Holds the memory store to the contract.

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use durable_conformance::{Harness, Namespace};
use durable_core::model::Clock;
use durable_core::store::Store;
use durable_memory::MemoryStore;

/// One store for each namespace; its clones are the handles.
#[derive(Default)]
struct Memory(Mutex<BTreeMap<Namespace, MemoryStore>>);

impl Memory {
    fn stores<T>(&self, f: impl FnOnce(&mut BTreeMap<Namespace, MemoryStore>) -> T) -> T {
        f(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[async_trait]
impl Harness for Memory {
    fn name(&self) -> &'static str {
        "durable-memory"
    }

    fn version(&self) -> &'static str {
        env!("CARGO_PKG_VERSION")
    }

    async fn open(&self, namespace: &Namespace, clock: Clock) -> anyhow::Result<Arc<dyn Store>> {
        let open = || MemoryStore::with_clock(clock);
        let handle = self.stores(|stores| stores.entry(namespace.clone()).or_insert_with(open).clone());
        Ok(Arc::new(handle))
    }

    async fn destroy(&self, namespace: &Namespace) -> anyhow::Result<()> {
        self.stores(|stores| stores.remove(namespace));
        Ok(())
    }

    fn filler(&self) -> usize {
        80_000
    }

    async fn check(&self, namespace: &Namespace) -> Result<(), String> {
        self.stores(|stores| stores.get(namespace).map_or(Ok(()), MemoryStore::check))
    }
}

fn main() -> ExitCode {
    durable_conformance::main(Memory::default())
}
