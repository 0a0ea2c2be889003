//! New tasks, all or none.

use std::collections::{HashMap, HashSet};

use crate::model::{IdempotencyKey, TaskId};
use crate::store::{Idempotency, NewTask, QueueState, SpawnAnswer, Spawned};

/// A stored task that has the id or the idempotency key of one to spawn.
#[derive(Debug, Clone)]
pub struct Existing {
    /// Its id.
    pub id: TaskId,
    /// Its own key.
    pub idempotency: Option<Idempotency>,
}

/// Decides which of the tasks are new (rules S1, S3); the store inserts those that the answer calls created.
///
/// `existing` are the stored tasks with an id or an idempotency key of theirs. A later task of the batch may be an earlier
/// one.
pub fn decide_spawn(tasks: &[NewTask], existing: &[Existing], queue: QueueState) -> SpawnAnswer {
    let mut ids: HashSet<TaskId> = existing.iter().map(|task| task.id).collect();
    let mut keys: HashMap<&IdempotencyKey, (TaskId, &Idempotency)> = HashMap::new();
    for task in existing {
        keys.extend(task.idempotency.iter().map(|own| (&own.key, (task.id, own))));
    }
    let mut spawned = Vec::with_capacity(tasks.len());
    for (index, new) in tasks.iter().enumerate() {
        let owner = new.idempotency.as_ref().and_then(|wanted| keys.get(&wanted.key));
        spawned.push(match owner {
            _ if ids.contains(&new.id) => Spawned { task: new.id, created: false },
            Some((id, own)) if Some(*own) == new.idempotency.as_ref() => {
                Spawned { task: *id, created: false }
            }
            Some((existing, _)) => return SpawnAnswer::Conflict { index, existing: *existing },
            None => {
                ids.insert(new.id);
                keys.extend(new.idempotency.iter().map(|own| (&own.key, (new.id, own))));
                Spawned { task: new.id, created: true }
            }
        });
    }
    if queue == QueueState::Sealed && spawned.iter().any(|task| task.created) {
        return SpawnAnswer::QueueClosed;
    }
    SpawnAnswer::Spawned(spawned)
}
