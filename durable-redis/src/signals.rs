//! Signals: what this store promises. It gives no hints yet.

use durable_core::model::QueueName;
use durable_core::store::{Capabilities, Durability, HintScope, Hints, Signals};
use futures::StreamExt;

use crate::RedisStore;

impl Signals for RedisStore {
    fn capabilities(&self) -> Capabilities {
        Capabilities { durability: Durability::Buffered, hints: HintScope::None }
    }

    fn hints(&self, _queue: &QueueName) -> Hints {
        futures::stream::pending().boxed()
    }
}
