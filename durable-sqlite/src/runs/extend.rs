//! Extends leases.

use durable_core::model::Timestamp;
use durable_core::store::{ExtendRequest, FencedError, Verb};

use crate::engine::{Step, Tx};
use crate::error::Fault;
use crate::records::Work;

/// The verb.
pub(super) struct Extend(pub(super) ExtendRequest);

impl Step for Extend {
    const VERB: Verb = Verb::Extend;
    type Answer = Vec<Result<Timestamp, FencedError>>;

    async fn run(&self, tx: &mut Tx<'_, '_>) -> Result<Self::Answer, Fault> {
        let items = &self.0.items;
        let ids = items.iter().map(|item| item.token.task);
        let mut work = Work::read(tx, Verb::Extend, &self.0.queue, ids).await?;
        let answers = items.iter().map(|item| work.records.extend(item)).collect();
        work.finish(tx).await?;
        Ok(answers)
    }
}
