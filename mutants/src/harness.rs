//! Opens mutants of the memory store for the suite.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use durable_conformance::mutants::{Mutant, wrapped};
use durable_conformance::{Harness, Namespace};
use durable_core::model::Clock;
use durable_core::store::Store;

use crate::{MemoryStore, gallery};

/// The memory store as one mutant, or as none.
struct Mutated {
    mutation: &'static str,
    stores: Mutex<Stores>,
}

/// The store of each namespace, and how many handles it has.
type Stores = BTreeMap<Namespace, (MemoryStore, u64)>;

impl Mutated {
    fn stores(&self) -> MutexGuard<'_, Stores> {
        self.stores.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes a store for a namespace that had none a while ago (160).
    async fn opens_anew(&self, namespace: &Namespace, clock: Clock) -> Arc<dyn Store> {
        crate::torn::yields().await;
        let store = MemoryStore::mutated(clock, self.mutation);
        self.stores().insert(namespace.clone(), (store.clone(), 1));
        Arc::new(store)
    }
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
        if self.mutation == "160" && !self.stores().contains_key(namespace) {
            return Ok(self.opens_anew(namespace, clock).await);
        }
        let mut stores = self.stores();
        let open = || (MemoryStore::mutated(clock, self.mutation), 0);
        let (store, handles) = stores.entry(namespace.clone()).or_insert_with(open);
        *handles += 1;
        Ok(Arc::new(store.handle(*handles)))
    }

    async fn destroy(&self, namespace: &Namespace) -> anyhow::Result<()> {
        self.stores().remove(namespace);
        Ok(())
    }
}
