//! The unit of work of one verb: what it has locked and read, and what of it has changed.
//!
//! A batch is applied to this copy one item after another (rule C8), and [`Work::flush`] writes the sum. The copy is
//! the truth as long as the locks are held: everything that another transaction could change is under one of them.

mod cascade;
mod end;
mod event;
mod flush;
mod read;
mod wait;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use durable_core::model::Token;
use durable_core::store::{FencedError, Verb};
use uuid::Uuid;

pub(crate) use cascade::cascade;
pub(crate) use event::{EventWaits, lock_events};
pub(crate) use read::{Parents, lock_free_tasks, lock_tasks};
pub(crate) use wait::wait_kind;

use crate::error::corrupt;
use crate::rows::{EndRow, Ended, Event, Slot, SlotKey, State, Task};
use durable_core::model::EndState;

/// The time of a verb: given, or read from the server's clock once.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Time {
    /// The injected clock's.
    pub(crate) injected: Option<i64>,
    /// What an earlier statement of the verb has read.
    pub(crate) read: Option<i64>,
}

impl Time {
    /// What to hand to the server.
    pub(crate) fn parameter(self) -> Option<i64> {
        self.injected.or(self.read)
    }

    /// The same time, now that it is read.
    pub(crate) fn at(self, now: i64) -> Self {
        Self { injected: self.injected, read: Some(now) }
    }

    /// The moment from which waits are counted (rule K2).
    pub(crate) fn up(self, now: i64) -> i64 {
        if self.injected.is_some() { now } else { now.saturating_add(1) }
    }
}

/// What a verb has locked, read and changed.
#[derive(Debug)]
pub(crate) struct Work {
    pub(crate) verb: Verb,
    pub(crate) queue: String,
    pub(crate) time: Time,
    pub(crate) now: i64,
    tasks: HashMap<Uuid, Task>,
    events: HashMap<String, Event>,
    slots: BTreeMap<SlotKey, Tracked>,
    /// The waits that are known to stand for an event, to be ended by its emit.
    standing: HashMap<String, Vec<SlotKey>>,
    /// Events for which more waits stand than are known.
    crowded: BTreeSet<String>,
    changed: BTreeSet<Uuid>,
    changed_events: BTreeSet<String>,
    history: Vec<HistoryRow>,
    stale_rests: BTreeSet<Uuid>,
    /// Something that had to be locked was not there: begin again.
    pub(crate) stale: bool,
    /// Tasks that have ended and have children to cancel.
    pub(crate) closing: Vec<Uuid>,
}

/// A slot, and what its row is.
#[derive(Debug)]
struct Tracked {
    slot: Slot,
    /// There is a row in `waits`.
    row: bool,
    changed: bool,
}

/// A row to add to the history.
#[derive(Debug)]
struct HistoryRow {
    task: Uuid,
    order: i64,
    kind: i16,
    key: Option<String>,
    end: EndRow,
    attempt: i32,
    worker: Option<String>,
    started_at: i64,
    ended_at: i64,
}

impl Work {
    /// An empty unit at a known time.
    pub(crate) fn new(verb: Verb, queue: &str, time: Time, now: i64) -> Self {
        Self {
            verb,
            queue: queue.to_owned(),
            time: time.at(now),
            now,
            tasks: HashMap::new(),
            events: HashMap::new(),
            slots: BTreeMap::new(),
            standing: HashMap::new(),
            crowded: BTreeSet::new(),
            changed: BTreeSet::new(),
            changed_events: BTreeSet::new(),
            history: Vec::new(),
            stale_rests: BTreeSet::new(),
            stale: false,
            closing: Vec::new(),
        }
    }

    /// The moment from which waits are counted.
    pub(crate) fn now_up(&self) -> i64 {
        self.time.up(self.now)
    }

    /// A task.
    pub(crate) fn task(&self, id: Uuid) -> Option<&Task> {
        self.tasks.get(&id)
    }

    /// A task to change.
    pub(crate) fn edit(&mut self, id: Uuid) -> Option<&mut Task> {
        self.changed.insert(id);
        self.tasks.get_mut(&id)
    }

    /// An event that has been written.
    pub(crate) fn event(&self, name: &str) -> Option<&Event> {
        self.events.get(name).filter(|event| event.written_at.is_some())
    }

    /// Whether an event is locked, be it a placeholder.
    pub(crate) fn is_locked(&self, event: &str) -> bool {
        self.events.contains_key(event)
    }

    /// What is under a key.
    pub(crate) fn slot(&self, key: &SlotKey) -> &Slot {
        self.slots.get(key).map_or(&Slot::Free, |tracked| &tracked.slot)
    }

    /// Puts something under a key and gives back what was there.
    pub(crate) fn put_slot(&mut self, key: SlotKey, slot: Slot) -> Slot {
        let tracked =
            self.slots.entry(key).or_insert(Tracked { slot: Slot::Free, row: false, changed: false });
        tracked.changed = true;
        std::mem::replace(&mut tracked.slot, slot)
    }

    /// The task that a token may write to (rule C3).
    pub(crate) fn fence(&self, token: Token) -> Result<&Task, FencedError> {
        let task = self.newest(token)?;
        match task.state {
            State::Ended(EndState::Cancelled) => Err(FencedError::Cancelled),
            State::Running if task.expires_at.is_some_and(|at| self.now < at) => Ok(task),
            _ => Err(FencedError::ClaimLost),
        }
    }

    /// The task of which this is the newest token, whatever its state.
    pub(crate) fn newest(&self, token: Token) -> Result<&Task, FencedError> {
        let task = self.task(token.task.as_uuid()).ok_or(FencedError::ClaimLost)?;
        if !task.is_newest(token) {
            return Err(FencedError::ClaimLost);
        }
        match task.corrupt {
            Some(what) => Err(corrupt(self.verb, what).into()),
            None => Ok(task),
        }
    }

    /// Stores the end of what is under a key, and counts it if the task rests on it.
    pub(crate) fn end_slot(&mut self, key: SlotKey, kind: i16, end: EndRow, started_at: i64, ended_at: i64) {
        let was = self.put_slot(key.clone(), Slot::Ended(Ended { end: end.clone(), at: ended_at }));
        let Some(task) = self.edit(key.0) else { return };
        task.last_order += 1;
        task.checkpoints += 1;
        let row = HistoryRow {
            task: key.0,
            order: task.last_order,
            kind,
            key: Some(key.1),
            end,
            attempt: task.attempt,
            worker: task.holder(),
            started_at,
            ended_at,
        };
        self.history.push(row);
        if let Slot::Standing(wait) = was {
            self.count_down(key.0, &wait);
        }
    }
}
