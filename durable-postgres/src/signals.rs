//! Signals: what a store tells without being asked, and what it promises.

use durable_core::model::QueueName;
use durable_core::store::{Capabilities, HintScope, Hints, Signals};

use crate::store::PostgresStore;

impl Signals for PostgresStore {
    fn capabilities(&self) -> Capabilities {
        let hints = if self.hinter.is_on() { HintScope::Everywhere } else { HintScope::None };
        Capabilities { durability: self.durability, hints }
    }

    fn hints(&self, queue: &QueueName) -> Hints {
        self.hinter.hints(queue.clone())
    }
}
