//! Stores checkpoints, each with its effect in one step.

use std::collections::BTreeSet;

use durable_core::model::Timestamp;
use durable_core::store::{
    Effect, FencedError, MAX_SPREAD, NewTask, QueueState, SaveAnswer, SaveItem, SaveRequest, Verb,
};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::error::{Fault, corrupt, invalid};
use crate::rows::{EndRow, Event, Slot, SlotKey, kind_number};
use crate::tasks::{NewRow, insert_tasks};
use crate::transaction::Step;
use crate::work::{EventWaits, Parents, Time, Work, lock_events, lock_tasks};

/// The verb, with the time if it is injected.
pub(super) struct Save {
    pub(super) request: SaveRequest,
    pub(super) injected: Option<i64>,
}

impl Step for Save {
    const VERB: Verb = Verb::Save;
    type Answer = Vec<Result<SaveAnswer, FencedError>>;

    async fn run(&self, tx: &mut PgConnection) -> Result<Self::Answer, Fault> {
        let queue = self.request.queue.as_str();
        let items = &self.request.items;
        let time = Time { injected: self.injected, read: None };
        let state = if items.iter().any(|item| matches!(item.effect, Effect::Spawn(_))) {
            crate::queues::share(tx, queue).await?
        } else {
            None
        };
        let names = self.emitted();
        let (events, waiting) = lock_emitted(tx, queue, &names).await?;
        let own = items.iter().map(|item| item.token.task.as_uuid());
        let ids: Vec<Uuid> =
            own.chain(waiting.iter().copied()).collect::<BTreeSet<_>>().into_iter().collect();
        let locked = lock_tasks(tx, queue, &ids, Parents::Not).await?;
        let mut work = Work::read(tx, Verb::Save, queue, time, &locked).await?;
        let keys: BTreeSet<SlotKey> = items.iter().map(slot_key).collect();
        work.read_slots(tx, keys).await?;
        work.add_events(events);
        if !waiting.is_empty() {
            let waits = EventWaits::read(tx, queue, &names, MAX_SPREAD, MAX_SPREAD).await?;
            work.add_standing(&names, waits);
        }
        let mut children = Vec::new();
        let answers = items.iter().map(|item| save(&mut work, &mut children, state, item)).collect();
        work.flush(tx).await?;
        if !children.is_empty() {
            insert_tasks(tx, queue, work.time.parameter(), &children).await?;
        }
        Ok(answers)
    }
}

impl Save {
    /// The names of the events that items emit, sorted.
    fn emitted(&self) -> Vec<String> {
        let name = |item: &SaveItem| match &item.effect {
            Effect::Emit(write) => Some(write.name.as_str().to_owned()),
            Effect::None | Effect::Spawn(_) => None,
        };
        self.request.items.iter().filter_map(name).collect::<BTreeSet<_>>().into_iter().collect()
    }
}

/// Locks the events to emit, and finds the tasks that wait for them.
async fn lock_emitted(
    tx: &mut PgConnection,
    queue: &str,
    names: &[String],
) -> Result<(Vec<Event>, Vec<Uuid>), Fault> {
    if names.is_empty() {
        return Ok((Vec::new(), Vec::new()));
    }
    let events = lock_events(tx, queue, names).await?;
    let known = EventWaits::read(tx, queue, names, MAX_SPREAD, MAX_SPREAD).await?;
    Ok((events, known.tasks().collect()))
}

fn slot_key(item: &SaveItem) -> SlotKey {
    (item.token.task.as_uuid(), item.key.as_str().to_owned())
}

/// One item, in one step.
fn save<'a>(
    work: &mut Work,
    children: &mut Vec<NewRow<'a>>,
    state: Option<QueueState>,
    item: &'a SaveItem,
) -> Result<SaveAnswer, FencedError> {
    let task = work.fence(item.token)?;
    let (id, depth, lease) = (task.id, task.depth, task.lease.unwrap_or(0));
    let key = slot_key(item);
    let end = EndRow::value(&item.payload);
    if let Slot::Ended(stored) = work.slot(&key) {
        if stored.end != end {
            let stored = stored.end.end().map_err(|what| corrupt(Verb::Save, what))?;
            return Ok(SaveAnswer::Conflict { stored });
        }
        return Ok(stored_until(work, id, lease));
    }
    if let Effect::Spawn(tasks) = &item.effect {
        if state == Some(QueueState::Sealed) {
            return Ok(SaveAnswer::QueueClosed);
        }
        check_children(tasks)?;
        children.extend(tasks.iter().map(|task| NewRow { task, parent: Some((id, depth)) }));
    }
    let started_at = work.now.saturating_sub(item.took.as_i64());
    work.end_slot(key, kind_number(item.kind), end, started_at, work.now);
    if let Effect::Emit(write) = &item.effect {
        work.emit(write, false);
    }
    Ok(stored_until(work, id, lease))
}

fn stored_until(work: &mut Work, id: Uuid, lease: i64) -> SaveAnswer {
    SaveAnswer::Stored { expires_at: Timestamp::from_millis(work.extend(id, lease)) }
}

fn check_children(tasks: &[NewTask]) -> Result<(), FencedError> {
    if tasks.iter().any(|task| task.parent.is_none() || task.idempotency.is_some()) {
        let problem = "a child has a join key, and its checkpoint in place of an idempotency key";
        return Err(invalid(Verb::Save, "child", problem).into());
    }
    Ok(())
}
