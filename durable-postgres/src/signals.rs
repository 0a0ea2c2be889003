//! Signals: what a store tells without being asked, and what it promises.

use durable_core::model::QueueName;
use durable_core::store::{Capabilities, HintScope, Hints, Signals};
use futures::StreamExt;

use crate::store::PostgresStore;

impl Signals for PostgresStore {
    fn capabilities(&self) -> Capabilities {
        Capabilities { durability: self.durability, hints: HintScope::None }
    }

    fn hints(&self, _queue: &QueueName) -> Hints {
        futures::stream::pending().boxed()
    }
}
