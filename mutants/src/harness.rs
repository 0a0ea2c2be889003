//! Opens mutants of the memory store for the suite.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use durable_conformance::mutants::{Mutant, wrapped};
use durable_conformance::{Harness, Namespace};
use durable_core::model::Clock;
use durable_core::store::Store;

use crate::{MemoryStore, gallery};

/// The memory store as one mutant, or as none.
struct Mutated {
    mutation: &'static str,
    stores: Mutex<BTreeMap<Namespace, (MemoryStore, u64)>>,
}

/// The memory store as no mutant.
pub fn control() -> Arc<dyn Harness> {
    mutated("")
}

/// Every mutant: those of the memory store, and those that wrap it.
pub fn mutants() -> Vec<Mutant> {
    let of_memory = gallery::mutations().map(|mutation| Mutant {
        id: mutation.id,
        breaks: mutation.breaks,
        killers: mutation.killers,
        harness: mutated(mutation.id),
    });
    let mut mutants: Vec<_> = of_memory.chain(wrapped(&control())).collect();
    mutants.sort_by_key(|mutant| number(mutant.id));
    mutants
}

/// The number and the letter of a mutant, to sort by.
fn number(id: &'static str) -> (u32, &'static str) {
    let digits = id.trim_end_matches(|character: char| !character.is_ascii_digit());
    (digits.parse().unwrap_or(u32::MAX), id)
}

fn mutated(mutation: &'static str) -> Arc<dyn Harness> {
    Arc::new(Mutated { mutation, stores: Mutex::default() })
}

#[async_trait]
impl Harness for Mutated {
    fn name(&self) -> &'static str {
        "durable-memory"
    }

    async fn open(&self, namespace: &Namespace, clock: Clock) -> anyhow::Result<Arc<dyn Store>> {
        let mut stores = self.stores.lock().unwrap_or_else(PoisonError::into_inner);
        let open = || (MemoryStore::mutated(clock, self.mutation), 0);
        let (store, handles) = stores.entry(namespace.clone()).or_insert_with(open);
        *handles += 1;
        Ok(Arc::new(store.handle(*handles)))
    }

    async fn destroy(&self, namespace: &Namespace) -> anyhow::Result<()> {
        self.stores.lock().unwrap_or_else(PoisonError::into_inner).remove(namespace);
        Ok(())
    }
}
