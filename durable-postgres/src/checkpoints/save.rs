//! Stores checkpoints, each with its effect in one step.

use std::collections::BTreeSet;

use durable_core::model::{EventName, TaskId};
use durable_core::store::{
    Effect, FencedError, MAX_SPREAD, QueueState, SaveAnswer, SaveItem, SaveRequest, Verb,
};
use durable_core::transition::{EventRecord, SlotKey, kind_number};
use sqlx::Row;

use crate::error::Fault;
use crate::rows::{moment, number, uuids};
use crate::tasks::{NewRow, insert_tasks};
use crate::transaction::{Step, Tx};
use crate::work::{EventWaits, Parents, Time, Work, lock_events, lock_tasks};

/// The verb, with the time if it is injected.
pub(super) struct Save {
    pub(super) request: SaveRequest,
    pub(super) injected: Option<i64>,
}

impl Step for Save {
    const VERB: Verb = Verb::Save;
    type Answer = Vec<Result<SaveAnswer, FencedError>>;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Self::Answer, Fault> {
        let queue = self.request.queue.as_str();
        let items = &self.request.items;
        let time = Time { injected: self.injected, read: None };
        let state = self.share_queue(tx).await?;
        let names = self.emitted();
        let (events, waiting) = lock_emitted(tx, queue, &names).await?;
        let own = items.iter().map(|item| item.token.task);
        let ids: Vec<TaskId> =
            own.chain(waiting.iter().copied()).collect::<BTreeSet<_>>().into_iter().collect();
        let locked = lock_tasks(tx, queue, &ids, Parents::Not).await?;
        let mut work = Work::read(tx, Verb::Save, queue, time, &locked).await?;
        let keys: BTreeSet<SlotKey> = items.iter().map(|item| (item.token.task, item.key.clone())).collect();
        work.read_slots(tx, keys).await?;
        work.add_events(events);
        if !waiting.is_empty() {
            let waits = EventWaits::read(tx, queue, &names, MAX_SPREAD, MAX_SPREAD).await?;
            work.add_standing(&names, waits);
        }
        let answers = items.iter().map(|item| work.records.save(state, item)).collect();
        work.flush(tx).await?;
        let children: Vec<NewRow> = work.records.spawned().iter().map(NewRow::from).collect();
        if !children.is_empty() {
            insert_tasks(tx, queue, work.time.parameter(), &children).await?;
        }
        Ok(answers)
    }

    /// Checkpoints without effects, of tasks that nobody else is at.
    async fn at_once(&self, tx: &mut Tx<'_>) -> Result<Option<Self::Answer>, Fault> {
        let items = &self.request.items;
        let tasks: BTreeSet<TaskId> = items.iter().map(|item| item.token.task).collect();
        if tasks.len() < items.len() || items.iter().any(|item| item.effect != Effect::None) {
            return Ok(None);
        }
        let mut rows = tx
            .query(include_str!("../sql/checkpoints/save_plain.sql"))
            .bind(self.request.queue.as_str())
            .bind(self.injected)
            .bind(uuids(items.iter().map(|item| &item.token.task)))
            .bind(items.iter().map(|item| item.token.call.as_uuid()).collect::<Vec<_>>())
            .bind(items.iter().map(|item| number(item.token.claim)).collect::<Vec<_>>())
            .bind(items.iter().map(|item| item.key.as_str()).collect::<Vec<_>>())
            .bind(items.iter().map(|item| kind_number(item.kind)).collect::<Vec<_>>())
            .bind(items.iter().map(|item| item.payload.as_str()).collect::<Vec<_>>())
            .bind(items.iter().map(|item| item.took.as_i64()).collect::<Vec<_>>())
            .fetch_all(&mut **tx)
            .await?;
        rows.sort_by_key(|row| row.try_get::<i64, _>("nth").unwrap_or_default());
        let stored = |row| Ok(Ok(SaveAnswer::Stored { expires_at: moment(row, "until")? }));
        let answers = rows.iter().map(stored).collect::<Result<Self::Answer, sqlx::Error>>()?;
        Ok((!answers.is_empty()).then_some(answers))
    }
}

impl Save {
    /// Reads the queue's state and keeps it from being dropped, if something is spawned into it. Without the queue no
    /// token is anybody's.
    async fn share_queue(&self, tx: &mut Tx<'_>) -> Result<QueueState, Fault> {
        if !self.request.items.iter().any(|item| matches!(item.effect, Effect::Spawn(_))) {
            return Ok(QueueState::Open);
        }
        let state = crate::queues::share(tx, self.request.queue.as_str()).await?;
        Ok(state.unwrap_or(QueueState::Open))
    }

    /// The names of the events that items emit, sorted.
    fn emitted(&self) -> Vec<EventName> {
        let name = |item: &SaveItem| match &item.effect {
            Effect::Emit(write) => Some(write.name.clone()),
            Effect::None | Effect::Spawn(_) => None,
        };
        self.request.items.iter().filter_map(name).collect::<BTreeSet<_>>().into_iter().collect()
    }
}

/// Locks the events to emit, and finds the tasks that wait for them.
async fn lock_emitted(
    tx: &mut Tx<'_>,
    queue: &str,
    names: &[EventName],
) -> Result<(Vec<EventRecord>, BTreeSet<TaskId>), Fault> {
    if names.is_empty() {
        return Ok((Vec::new(), BTreeSet::new()));
    }
    let events = lock_events(tx, queue, names).await?;
    let known = EventWaits::read(tx, queue, names, MAX_SPREAD, MAX_SPREAD).await?;
    Ok((events, known.tasks()))
}
