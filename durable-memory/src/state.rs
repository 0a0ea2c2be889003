//! All that is stored, as plain data, and the two ways to change a record so that the indexes follow.

use std::collections::{BTreeMap, VecDeque};

use durable_core::model::{EmitId, EventName, IdempotencyKey, Payload, QueueName, TaskId, Timestamp};
use durable_core::store::{HistoryEntry, QueueState, StoreError, Verb};

use crate::index::{Index, Places};
use crate::task::Task;

/// Everything.
#[derive(Debug, Default)]
pub(crate) struct State {
    pub(crate) queues: BTreeMap<QueueName, Queue>,
}

/// One queue.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    pub(crate) state: QueueState,
    pub(crate) tasks: BTreeMap<TaskId, Task>,
    /// The task of each idempotency key.
    pub(crate) keys: BTreeMap<IdempotencyKey, TaskId>,
    pub(crate) events: BTreeMap<EventName, Event>,
    pub(crate) index: Index,
    /// Histories of purged tasks, each with something left, in the order of their purge.
    pub(crate) garbage: VecDeque<Vec<HistoryEntry>>,
    /// What this verb has done that somebody may want to hear of.
    pub(crate) news: News,
}

/// One event.
#[derive(Debug, Clone)]
pub(crate) struct Event {
    pub(crate) payload: Payload,
    pub(crate) metadata: Payload,
    /// The last write.
    pub(crate) id: EmitId,
    pub(crate) written_at: Timestamp,
    /// The first write that has not reached every wait, while waits stand: the event is *waking*.
    pub(crate) first_unreached: Option<Timestamp>,
}

/// What a verb has done that is worth a hint.
#[derive(Debug, Default)]
pub(crate) struct News {
    /// Something became ready.
    pub(crate) ready: bool,
    /// These ended for good.
    pub(crate) ended: Vec<TaskId>,
}

impl State {
    /// A queue that must exist.
    pub(crate) fn queue(&self, name: &QueueName, verb: Verb) -> Result<&Queue, StoreError> {
        self.queues.get(name).ok_or_else(|| StoreError::queue_not_found(verb))
    }

    /// A queue that must exist, to change it.
    pub(crate) fn queue_mut(&mut self, name: &QueueName, verb: Verb) -> Result<&mut Queue, StoreError> {
        self.queues.get_mut(name).ok_or_else(|| StoreError::queue_not_found(verb))
    }
}

impl Queue {
    /// Adds a task that is not there.
    pub(crate) fn add(&mut self, task: Task) {
        self.index.moved(None, Some(&Places::of(&task)));
        self.tasks.insert(task.id, task);
    }

    /// Changes a task: its places in the indexes follow. Its waits change by `add_wait` and `remove_wait` alone.
    pub(crate) fn change<T>(&mut self, id: TaskId, change: impl FnOnce(&mut Task) -> T) -> Option<T> {
        let task = self.tasks.get_mut(&id)?;
        let before = Places::of(task);
        let changed = change(task);
        self.index.moved(Some(&before), Some(&Places::of(task)));
        Some(changed)
    }

    /// Removes a task.
    pub(crate) fn remove(&mut self, id: TaskId) -> Option<Task> {
        let task = self.tasks.remove(&id)?;
        self.index.moved(Some(&Places::of(&task)), None);
        Some(task)
    }

    /// Writes or removes an event: its places in the indexes follow.
    pub(crate) fn put_event(&mut self, name: &EventName, event: Option<Event>) {
        let place = event.as_ref().map(Event::place);
        let before = match event {
            Some(event) => self.events.insert(name.clone(), event),
            None => self.events.remove(name),
        };
        if let Some((waking, at)) = before.as_ref().map(Event::place) {
            self.index.events(waking).remove(&(at, name.clone()));
        }
        if let Some((waking, at)) = place {
            self.index.events(waking).insert((at, name.clone()));
        }
    }

    /// When `claim` or `tick` has something to do next: the earliest due time, or now if marks are left.
    pub(crate) fn next_due(&self, now: Timestamp) -> Option<Timestamp> {
        let due = self.index.due.first().map(|due| due.at);
        let marks = (!self.index.closing.is_empty() || !self.index.waking.is_empty()).then_some(now);
        due.into_iter().chain(marks).min()
    }
}

impl Event {
    /// Where the indexes list it: whether it is waking, and its time there.
    pub(crate) fn place(&self) -> (bool, Timestamp) {
        match self.first_unreached {
            Some(at) => (true, at),
            None => (false, self.written_at),
        }
    }
}
