//! Checkpoints: load and save, both under a claim.

use durable_core::model::{End, Now, TaskId};
use durable_core::store::{
    CheckpointPage, Effect, FencedError, LoadRequest, NewTask, QueueState, SaveAnswer, SaveItem, SaveRequest,
    SpawnAnswer, StoreError, StoreErrorKind, Verb, bounded,
};

use crate::batch::{invalid, lost};
use crate::events::write;
use crate::fence::fence;
use crate::moves::{lease_until, store};
use crate::spawn::spawn_all;
use crate::spread::Spread;
use crate::state::{Queue, State};
use crate::task::Draft;

/// Reads the checkpoints of a claimed task in the order they were stored.
pub(crate) fn load(state: &State, now: Now, request: &LoadRequest) -> Result<CheckpointPage, FencedError> {
    let queue = state.queues.get(&request.queue).ok_or(FencedError::ClaimLost)?;
    let (task, _) = fence(queue, now.at, &request.token)?;
    Ok(task.history.page(request.after, bounded(request.limit)))
}

/// Stores checkpoints, each with its effect in one step.
pub(crate) fn save(
    state: &mut State,
    now: Now,
    request: SaveRequest,
) -> Result<Vec<Result<SaveAnswer, FencedError>>, StoreError> {
    request.check()?;
    let Some(queue) = state.queues.get_mut(&request.queue) else { return Ok(lost(request.items.len())) };
    let mut spread = Spread::first_step();
    Ok(request.items.into_iter().map(|item| one(queue, now, item, &mut spread)).collect())
}

fn one(queue: &mut Queue, now: Now, item: SaveItem, spread: &mut Spread) -> Result<SaveAnswer, FencedError> {
    let (task, hold) = fence(queue, now.at, &item.token)?;
    let id = task.id;
    let expires_at = hold.expires_at.max(now.at.after(hold.lease.millis()));
    match task.history.checkpoint(&item.key).map(|checkpoint| checkpoint.end.clone()) {
        Some(End::Value(payload)) if payload == item.payload => {}
        Some(stored) => return Ok(SaveAnswer::Conflict { stored }),
        None if store_with_effect(queue, now, id, item, spread)? => {}
        None => return Ok(SaveAnswer::QueueClosed),
    }
    lease_until(queue, id, expires_at);
    Ok(SaveAnswer::Stored { expires_at })
}

/// Stores a new checkpoint and does what comes with it; `false` if the queue takes no children.
fn store_with_effect(
    queue: &mut Queue,
    now: Now,
    id: TaskId,
    item: SaveItem,
    spread: &mut Spread,
) -> Result<bool, FencedError> {
    let draft = Draft {
        key: item.key,
        kind: item.kind,
        end: End::Value(item.payload),
        started_at: now.at.before(item.took),
        ended_at: now.at,
    };
    match item.effect {
        Effect::None => store(queue, now.at, id, draft),
        Effect::Emit(event) => {
            store(queue, now.at, id, draft);
            write(queue, now.at, event, spread);
        }
        Effect::Spawn(children) => {
            if !spawn_children(queue, now, id, children)? {
                return Ok(false);
            }
            store(queue, now.at, id, draft);
        }
    }
    Ok(true)
}

/// Spawns children of a task, all or none; `false` if the queue is sealed.
fn spawn_children(
    queue: &mut Queue,
    now: Now,
    parent: TaskId,
    children: Vec<NewTask>,
) -> Result<bool, FencedError> {
    if children.iter().any(|child| child.parent.is_none()) {
        return Err(invalid(Verb::Save, "child", "it has no link to its parent"));
    }
    if queue.state == QueueState::Sealed {
        return Ok(false);
    }
    match spawn_all(queue, now, children, Some(parent)) {
        SpawnAnswer::Spawned(_) => Ok(true),
        SpawnAnswer::QueueClosed => Ok(false),
        SpawnAnswer::Conflict { existing, .. } => {
            let context = format!("the idempotency key of a child belongs to {existing}");
            Err(StoreError::new(StoreErrorKind::Conflict, Verb::Save, context).into())
        }
    }
}
