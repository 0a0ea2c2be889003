//! Extends leases.

use durable_core::model::Timestamp;
use durable_core::store::{ExtendItem, ExtendRequest, FencedError, Verb};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::error::Fault;
use crate::rows::later;
use crate::transaction::Step;
use crate::work::{Parents, Time, Work, lock_tasks};

/// The verb, with the time if it is injected.
pub(super) struct Extend {
    pub(super) request: ExtendRequest,
    pub(super) injected: Option<i64>,
}

impl Step for Extend {
    const VERB: Verb = Verb::Extend;
    type Answer = Vec<Result<Timestamp, FencedError>>;

    async fn run(&self, tx: &mut PgConnection) -> Result<Self::Answer, Fault> {
        let queue = self.request.queue.as_str();
        let time = Time { injected: self.injected, read: None };
        let ids: Vec<Uuid> = self.request.items.iter().map(|item| item.token.task.as_uuid()).collect();
        let locked = lock_tasks(tx, queue, &ids, Parents::Not).await?;
        let mut work = Work::read(tx, Verb::Extend, queue, time, &locked).await?;
        let answers = self.request.items.iter().map(|item| extend(&mut work, item)).collect();
        work.flush(tx).await?;
        Ok(answers)
    }
}

fn extend(work: &mut Work, item: &ExtendItem) -> Result<Timestamp, FencedError> {
    let id = work.fence(item.token)?.id;
    let expires_at = work.extend(id, item.lease.millis().as_i64());
    Ok(Timestamp::from_millis(expires_at))
}

impl Work {
    /// Leaves a running task at least `lease` more, and says until when (rule C4).
    pub(crate) fn extend(&mut self, id: Uuid, lease: i64) -> i64 {
        let at_least = later(self.now, lease);
        let Some(task) = self.edit(id) else { return at_least };
        let expires_at = task.expires_at.map_or(at_least, |present| present.max(at_least));
        task.expires_at = Some(expires_at);
        expires_at
    }
}
