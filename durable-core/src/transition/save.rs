//! Checkpoints with their effects, and the leases they leave.

use super::record::{Slot, StoredEnd};
use super::{NewChild, Records};
use crate::model::{End, Lease, TaskId, Timestamp};
use crate::store::{Effect, ExtendItem, FencedError, NewTask, QueueState, SaveAnswer, SaveItem, StoreError};

impl Records {
    /// Stores one checkpoint with its effect, in a queue of this state.
    ///
    /// # Errors
    ///
    /// As [`Checkpoints::save`](crate::store::Checkpoints::save) answers for one item; nothing of it was written.
    pub fn save(&mut self, queue: QueueState, item: &SaveItem) -> Result<SaveAnswer, FencedError> {
        let task = self.fence(item.token)?;
        let (id, depth, lease) = (task.id, task.depth, task.lease);
        let key = (id, item.key.clone());
        let end = End::Value(item.payload.clone());
        if let Slot::Ended(StoredEnd { end: stored, .. }) = self.slot(&key) {
            let stored = stored.clone().map_err(|flaw| self.corrupt(flaw))?;
            if stored != end {
                return Ok(SaveAnswer::Conflict { stored });
            }
            return Ok(self.stored_until(id, lease));
        }
        if let Effect::Spawn(children) = &item.effect {
            if queue == QueueState::Sealed {
                return Ok(SaveAnswer::QueueClosed);
            }
            self.check_children(children)?;
            let depth = depth.saturating_add(1);
            let child = |task: &NewTask| NewChild { parent: id, depth, task: task.clone() };
            self.changes.ready |= !children.is_empty();
            self.changes.spawned.extend(children.iter().map(child));
        }
        let from = self.now.at.before(item.took);
        self.end_slot(key, item.kind, end, from, self.now.at);
        if let Effect::Emit(write) = &item.effect {
            self.emit(write, false);
        }
        Ok(self.stored_until(id, lease))
    }

    fn check_children(&self, children: &[NewTask]) -> Result<(), StoreError> {
        if children.iter().any(|task| task.parent.is_none() || task.idempotency.is_some()) {
            let problem = "a child has a join key, and its checkpoint in place of an idempotency key";
            return Err(self.invalid("child", problem));
        }
        Ok(())
    }

    fn stored_until(&mut self, id: TaskId, lease: Option<Lease>) -> SaveAnswer {
        SaveAnswer::Stored { expires_at: self.leave(id, lease) }
    }

    /// Extends one lease.
    ///
    /// # Errors
    ///
    /// As [`Runs::extend`](crate::store::Runs::extend) answers for one item.
    pub fn extend(&mut self, item: &ExtendItem) -> Result<Timestamp, FencedError> {
        let id = self.fence(item.token)?.id;
        Ok(self.leave(id, Some(item.lease)))
    }

    /// Leaves a running task at least this lease, and says until when (rule C4).
    fn leave(&mut self, id: TaskId, lease: Option<Lease>) -> Timestamp {
        let at_least = lease.map_or(self.now.at, |lease| self.now.at.after(lease.millis()));
        let Some(task) = self.edit(id) else { return at_least };
        let expires_at = task.expires_at.map_or(at_least, |present| present.max(at_least));
        task.expires_at = Some(expires_at);
        expires_at
    }
}
