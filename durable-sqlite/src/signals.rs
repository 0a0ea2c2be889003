//! Signals: what a store tells without being asked, and what it promises.

use durable_core::model::QueueName;
use durable_core::store::{Capabilities, Durability, HintScope, Hints, Signals};

use crate::options::Synchronous;
use crate::store::SqliteStore;

impl Signals for SqliteStore {
    fn capabilities(&self) -> Capabilities {
        let durability = match self.engine.synchronous() {
            Some(Synchronous::Full) => Durability::Synced,
            Some(Synchronous::Normal) => Durability::Buffered,
            None => Durability::Process,
        };
        Capabilities { durability, hints: HintScope::Process }
    }

    fn hints(&self, queue: &QueueName) -> Hints {
        self.engine.hints(queue)
    }
}
