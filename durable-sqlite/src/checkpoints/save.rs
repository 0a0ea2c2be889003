//! Stores checkpoints, each with its effect in one step.

use std::collections::BTreeSet;

use durable_core::model::EventName;
use durable_core::store::{
    Effect, FencedError, MAX_SPREAD, QueueState, SaveAnswer, SaveItem, SaveRequest, Verb,
};

use crate::engine::{Step, Tx};
use crate::error::Fault;
use crate::queues::find_queue;
use crate::records::Work;

/// The verb.
pub(super) struct Save(pub(super) SaveRequest);

impl Step for Save {
    const VERB: Verb = Verb::Save;
    type Answer = Vec<Result<SaveAnswer, FencedError>>;

    async fn run(&self, tx: &mut Tx<'_, '_>) -> Result<Self::Answer, Fault> {
        let items = &self.0.items;
        let ids = items.iter().map(|item| item.token.task);
        let keys = items.iter().map(|item| (item.token.task, item.key.clone()));
        let mut work = Work::read_with_slots(tx, Verb::Save, &self.0.queue, ids, keys).await?;
        let state = self.queue_state(tx).await?;
        let emitted: Vec<EventName> = self.emitted().into_iter().collect();
        work.read_waited(tx, &emitted, MAX_SPREAD).await?;
        let answers = items.iter().map(|item| work.records.save(state, item)).collect();
        work.finish(tx).await?;
        Ok(answers)
    }
}

impl Save {
    /// The state of the queue, where it matters. Without the queue there is no task to save for.
    async fn queue_state(&self, tx: &mut Tx<'_, '_>) -> Result<QueueState, Fault> {
        let spawns = |item: &SaveItem| matches!(item.effect, Effect::Spawn(_));
        if !self.0.items.iter().any(spawns) {
            return Ok(QueueState::Open);
        }
        Ok(find_queue(tx, &self.0.queue).await?.unwrap_or(QueueState::Sealed))
    }

    fn emitted(&self) -> BTreeSet<EventName> {
        let name = |item: &SaveItem| match &item.effect {
            Effect::Emit(write) => Some(write.name.clone()),
            Effect::None | Effect::Spawn(_) => None,
        };
        self.0.items.iter().filter_map(name).collect()
    }
}
