//! New tasks, all or none: what `spawn` does, and `save` for children.

use std::collections::{BTreeMap, BTreeSet};

use durable_core::model::{IdempotencyKey, Now, TaskId};
use durable_core::store::{NewTask, QueueState, SpawnAnswer, Spawned};

use crate::state::Queue;
use crate::task::{Phase, Task};

/// Spawns tasks in order, all or none (rules S1 and S3); children of `parent` if it is given.
pub(crate) fn spawn_all(
    queue: &mut Queue,
    now: Now,
    tasks: Vec<NewTask>,
    parent: Option<TaskId>,
) -> SpawnAnswer {
    match plan(queue, &tasks) {
        Err(conflict) => conflict,
        Ok(planned) if queue.state == QueueState::Sealed && planned.iter().any(|task| task.created) => {
            SpawnAnswer::QueueClosed
        }
        Ok(planned) => {
            for (new, spawned) in tasks.into_iter().zip(&planned) {
                if spawned.created {
                    add(queue, Task::new(new, parent, now));
                }
            }
            SpawnAnswer::Spawned(planned)
        }
    }
}

/// Says for each task whether it is new or which one it is; a later one of the batch may be an earlier one.
fn plan(queue: &Queue, tasks: &[NewTask]) -> Result<Vec<Spawned>, SpawnAnswer> {
    let mut ids: BTreeSet<TaskId> = BTreeSet::new();
    let mut keys: BTreeMap<&IdempotencyKey, &NewTask> = BTreeMap::new();
    let mut planned = Vec::with_capacity(tasks.len());
    for (index, new) in tasks.iter().enumerate() {
        let known = queue.tasks.contains_key(&new.id) || ids.contains(&new.id);
        let owner = new.idempotency.as_ref().and_then(|wanted| {
            let stored = queue.keys.get(&wanted.key).and_then(|id| queue.tasks.get(id));
            let stored = stored.map(|task| (task.id, task.idempotency.as_ref()));
            let earlier = keys.get(&wanted.key).map(|task| (task.id, task.idempotency.as_ref()));
            stored.or(earlier)
        });
        planned.push(match owner {
            _ if known => Spawned { task: new.id, created: false },
            Some((existing, idempotency)) if idempotency == new.idempotency.as_ref() => {
                Spawned { task: existing, created: false }
            }
            Some((existing, _)) => return Err(SpawnAnswer::Conflict { index, existing }),
            None => {
                ids.insert(new.id);
                keys.extend(new.idempotency.as_ref().map(|wanted| (&wanted.key, new)));
                Spawned { task: new.id, created: true }
            }
        });
    }
    Ok(planned)
}

fn add(queue: &mut Queue, task: Task) {
    queue.keys.extend(task.idempotency.as_ref().map(|owned| (owned.key.clone(), task.id)));
    queue.news.ready |= matches!(task.phase, Phase::Pending { .. });
    queue.add(task);
}
