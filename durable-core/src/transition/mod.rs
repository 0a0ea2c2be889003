//! What verbs do to the records that they have read: the rules of the contract as pure functions, for stores that read,
//! decide and write.
//!
//! A store locks and reads what a request names into [`Records`], applies the request's items one after another (rule C8),
//! and writes what has changed, in one transaction. Nothing here does I/O, waits, or knows how a record is stored. A store
//! that decides elsewhere (in a script on its server, in maps of its own) does without.
//!
//! | verb | read before | apply |
//! | --- | --- | --- |
//! | `claim` | tasks of the ends with their parents, the slots of their join keys | [`Records::end_run`] |
//! | `extend` | tasks | [`Records::extend`] |
//! | `wait` | tasks, the named slots, the events of standing and new waits, named children | [`Records::wait`] |
//! | `load` | the task | [`Records::fence`] |
//! | `save` | tasks, the slots of the keys; for emits as `emit` | [`Records::save`] |
//! | `emit` | the event, the waits that stand for it with their tasks | [`Records::emit`] |
//! | `cancel` | the task with its parent, the slot of its join key | [`Records::cancel`] |
//! | `tick`, `claim` | due tasks with their parents, the slots of join keys, due waits with their events | [`Records::do_due`] |
//! | `tick` | a waking event with waits that stand for it and their tasks | [`Records::wake`] |
//! | `spawn` | tasks of the ids and idempotency keys | [`decide_spawn`] |
//!
//! What concerns one task alone is a method of its [`TaskRecord`]: `spawned`, `claim`, `held`, `reopen`, `gain`, `outcome`, `view`.
//!
//! Records can be kept by serde as they are: names are checked when they are read, payloads are strings.

mod claim;
mod columns;
mod due;
mod emit;
mod end;
mod life;
mod record;
mod save;
mod spawn;
#[cfg(test)]
mod tests;
mod wait;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::model::{
    Checkpoint, CheckpointKind, End, EndState, EventName, Invalid, Now, StepKey, TaskId, Timestamp, Token,
};
use crate::store::{FencedError, Hint, HistoryEntry, NewTask, StoreError, StoreErrorKind, Verb};

pub use columns::{
    EndColumns, closed_columns, closed_of, kind_number, kind_of_number, on_close_number, queue_state_number,
    queue_state_of_number, source_columns, source_of, state_columns, state_of,
};
pub use due::DueDone;
pub use record::{
    ChildRecord, Closed, EventRecord, Flaw, Parent, Slot, SlotKey, State, StoredEnd, TaskRecord, Wait, Why,
    Written, earliest,
};
pub use spawn::{Existing, decide_spawn};

/// What one verb has read, and what of it has changed.
///
/// It is the truth as long as the store keeps others from changing what was read.
#[derive(Debug)]
pub struct Records {
    verb: Verb,
    now: Now,
    tasks: HashMap<TaskId, TaskRecord>,
    /// Tasks that others hold: they may be looked at, not changed.
    held: BTreeSet<TaskId>,
    children: HashMap<TaskId, ChildRecord>,
    events: HashMap<EventName, EventRecord>,
    slots: BTreeMap<TaskId, BTreeMap<StepKey, Tracked>>,
    /// The waits that are known to stand for an event, to be ended by its emit.
    standing: HashMap<EventName, Vec<SlotKey>>,
    /// Events for which more waits stand than are known.
    crowded: BTreeSet<EventName>,
    /// An event was needed that had not been read.
    missed: bool,
    changes: Changes,
}

/// What has to be written. Tasks, waits and events are asked for by the methods of [`Records`].
#[derive(Debug, Default)]
pub struct Changes {
    tasks: BTreeSet<TaskId>,
    events: BTreeSet<EventName>,
    rests: BTreeSet<TaskId>,
    history: Vec<(TaskId, HistoryEntry)>,
    spawned: Vec<NewChild>,
    ended: Vec<TaskId>,
    closing: Vec<TaskId>,
    closing_above: Vec<TaskId>,
    ready: bool,
}

/// A child to insert with its parent's checkpoint.
#[derive(Debug, Clone)]
pub struct NewChild {
    /// Its parent.
    pub parent: TaskId,
    /// How many ancestors it has.
    pub depth: i32,
    /// What to insert, unless a task of this id is there.
    pub task: NewTask,
}

/// A slot, and what its row is.
#[derive(Debug)]
struct Tracked {
    slot: Slot,
    /// A wait is stored under the key.
    is_stored: bool,
    changed: bool,
}

impl Tracked {
    /// The event that it waits for, while it stands.
    fn awaited(&self) -> Option<&EventName> {
        match &self.slot {
            Slot::Standing(wait) => wait.event(),
            Slot::Free | Slot::Ended(_) => None,
        }
    }
}

impl Records {
    /// Nothing read yet, at one reading of the clock, made when nobody else could change what is read.
    pub fn new(verb: Verb, now: Now) -> Self {
        Self {
            verb,
            now,
            tasks: HashMap::new(),
            held: BTreeSet::new(),
            children: HashMap::new(),
            events: HashMap::new(),
            slots: BTreeMap::new(),
            standing: HashMap::new(),
            crowded: BTreeSet::new(),
            missed: false,
            changes: Changes::default(),
        }
    }

    /// The verb's reading of the clock.
    pub fn now(&self) -> Now {
        self.now
    }

    /// Takes in a task.
    pub fn add_task(&mut self, task: TaskRecord) {
        self.tasks.insert(task.id, task);
    }

    /// Takes in a task that another holds: a transition that would change it is left for later.
    pub fn add_held_task(&mut self, task: TaskRecord) {
        self.held.insert(task.id);
        self.add_task(task);
    }

    /// Takes in that something of a task's own cannot be decoded: it fails alone (rule C6).
    pub fn add_flaw(&mut self, id: TaskId, flaw: Flaw) {
        if let Some(task) = self.tasks.get_mut(&id) {
            task.flaw.get_or_insert(flaw);
        }
    }

    /// Takes in a task that a wait names as a child.
    pub fn add_child(&mut self, id: TaskId, child: ChildRecord) {
        self.children.insert(id, child);
    }

    /// Takes in what is under a key. A key that is not taken in is free.
    pub fn add_slot(&mut self, key: SlotKey, slot: Slot) {
        let is_stored = matches!(slot, Slot::Standing(_));
        let tracked = Tracked { slot, is_stored, changed: false };
        self.slots.entry(key.0).or_default().entry(key.1).or_insert(tracked);
    }

    /// Takes in an event, be it one that was never written.
    pub fn add_event(&mut self, event: EventRecord) {
        self.events.insert(event.name.clone(), event);
    }

    /// A task.
    pub fn task(&self, id: TaskId) -> Option<&TaskRecord> {
        self.tasks.get(&id)
    }

    /// The keys in their parents that the ends of these tasks are written to.
    pub fn join_keys(&self, ids: impl IntoIterator<Item = TaskId>) -> Vec<SlotKey> {
        let link = |id| self.task(id)?.parent.as_ref();
        ids.into_iter().filter_map(link).map(|parent| (parent.id, parent.join_key.clone())).collect()
    }

    /// The events that the known standing waits wait for.
    pub fn awaited_events(&self) -> impl Iterator<Item = &EventName> {
        self.slots.values().flat_map(BTreeMap::values).filter_map(Tracked::awaited)
    }

    /// Whether an event was needed that had not been read: nothing may be written, and the verb begins again.
    pub fn is_stale(&self) -> bool {
        self.missed
    }

    /// The tasks to write.
    pub fn changed_tasks(&self) -> impl Iterator<Item = &TaskRecord> {
        self.changes.tasks.iter().filter_map(|id| self.tasks.get(id))
    }

    /// The tasks that have ended for good: all their waits go, known or not.
    pub fn ended_tasks(&self) -> &[TaskId] {
        &self.changes.ended
    }

    /// Whether there is something to write.
    pub fn has_changes(&self) -> bool {
        !self.changes.tasks.is_empty()
            || !self.changes.events.is_empty()
            || self.changed_slots().next().is_some()
    }

    /// Whether tasks have ended with live children, and their ends are to spread.
    pub fn has_closing(&self) -> bool {
        !self.changes.closing.is_empty()
    }

    /// Tasks that are *closing*, and one of whose children has ended: their mark goes if none is left that it is for.
    pub fn closing_above(&self) -> &[TaskId] {
        &self.changes.closing_above
    }

    /// Whether something became ready.
    pub fn has_ready(&self) -> bool {
        self.changes.ready
    }

    /// The events to write.
    pub fn changed_events(&self) -> impl Iterator<Item = &EventRecord> {
        self.changes.events.iter().filter_map(|name| self.events.get(name))
    }

    /// The waits to write.
    pub fn changed_waits(&self) -> impl Iterator<Item = (TaskId, &StepKey, &Wait)> {
        self.changed_slots().filter_map(|(task, key, tracked)| match &tracked.slot {
            Slot::Standing(wait) => Some((task, key, wait)),
            Slot::Free | Slot::Ended(_) => None,
        })
    }

    /// The waits to remove.
    pub fn removed_waits(&self) -> impl Iterator<Item = (TaskId, &StepKey)> {
        self.changed_slots()
            .filter(|(.., tracked)| tracked.is_stored && !matches!(tracked.slot, Slot::Standing(_)))
            .map(|(task, key, _)| (task, key))
    }

    fn changed_slots(&self) -> impl Iterator<Item = (TaskId, &StepKey, &Tracked)> {
        let of = |(task, slots): (&TaskId, _)| (*task, slots);
        self.slots.iter().map(of).flat_map(|(task, slots): (TaskId, &BTreeMap<_, _>)| {
            slots
                .iter()
                .filter(|(_, tracked)| tracked.changed)
                .map(move |(key, tracked)| (task, key, tracked))
        })
    }

    /// What to add to histories.
    pub fn history(&self) -> &[(TaskId, HistoryEntry)] {
        &self.changes.history
    }

    /// What is to be told once it is written, apart from the children.
    pub fn hints(&self) -> impl Iterator<Item = Hint> {
        let asleep = self.changed_tasks().filter(|task| matches!(task.state, State::Sleeping(_)));
        let due = asleep.filter_map(TaskRecord::due).min().map(Some);
        let ready = self.changes.ready.then_some(None);
        let work = ready.into_iter().chain(due).map(|next_due| Hint::Work { next_due });
        work.chain(self.changes.ended.iter().map(|id| Hint::Ended(*id)))
    }

    /// The children to insert.
    pub fn spawned(&self) -> &[NewChild] {
        &self.changes.spawned
    }

    /// Tasks at rest that have lost their earliest deadline: after the waits are written, the store looks for the earliest
    /// that is left, and sets `rest_due` and what is due by it.
    pub fn stale_rests(&self) -> impl Iterator<Item = &TaskRecord> {
        self.changes.rests.iter().filter_map(|id| self.tasks.get(id)).filter(|task| task.is_resting())
    }

    /// The tasks that have ended with live children: what spreads next (rule T2).
    pub fn take_closing(&mut self) -> Vec<TaskId> {
        std::mem::take(&mut self.changes.closing)
    }

    /// A task to change.
    fn edit(&mut self, id: TaskId) -> Option<&mut TaskRecord> {
        self.changes.tasks.insert(id);
        self.tasks.get_mut(&id)
    }

    /// What is under a key.
    fn slot(&self, key: &SlotKey) -> &Slot {
        self.slots
            .get(&key.0)
            .and_then(|slots| slots.get(&key.1))
            .map_or(&Slot::Free, |tracked| &tracked.slot)
    }

    /// Puts something under a key and gives back what was there.
    fn put_slot(&mut self, key: SlotKey, slot: Slot) -> Slot {
        let free = Tracked { slot: Slot::Free, is_stored: false, changed: false };
        let tracked = self.slots.entry(key.0).or_default().entry(key.1).or_insert(free);
        tracked.changed = true;
        std::mem::replace(&mut tracked.slot, slot)
    }

    /// The task that a token may read and write to (rule C3).
    ///
    /// # Errors
    ///
    /// Why it may not.
    pub fn fence(&self, token: Token) -> Result<&TaskRecord, FencedError> {
        let task = self.newest(token)?;
        match task.state {
            State::Ended(EndState::Cancelled) => Err(FencedError::Cancelled),
            State::Running if task.expires_at.is_some_and(|at| self.now.at < at) => Ok(task),
            _ => Err(FencedError::ClaimLost),
        }
    }

    /// The task of which this is the newest token, whatever its state.
    fn newest(&self, token: Token) -> Result<&TaskRecord, FencedError> {
        let task =
            self.task(token.task).filter(|task| task.is_newest(token)).ok_or(FencedError::ClaimLost)?;
        match task.flaw {
            Some(flaw) => Err(self.corrupt(flaw).into()),
            None => Ok(task),
        }
    }

    fn corrupt(&self, flaw: Flaw) -> StoreError {
        StoreError::new(StoreErrorKind::Corrupt, self.verb, flaw)
    }

    fn invalid(&self, what: &'static str, problem: impl Into<String>) -> StoreError {
        StoreError::invalid(self.verb, &Invalid::new(what, problem))
    }

    /// Stores the end of what is under a key, and counts it if the task rests on it.
    fn end_slot(&mut self, key: SlotKey, kind: CheckpointKind, end: End, from: Timestamp, at: Timestamp) {
        let was = self.put_slot(key.clone(), Slot::Ended(StoredEnd { end: Ok(end.clone()), at }));
        let Some(task) = self.edit(key.0) else { return };
        task.last_order += 1;
        task.checkpoints += 1;
        let checkpoint = Checkpoint {
            key: key.1,
            kind,
            end,
            order: task.last_order,
            attempt: task.attempt,
            worker: task.holder().cloned(),
            started_at: from,
            ended_at: at,
        };
        self.changes.history.push((key.0, HistoryEntry::Checkpoint { checkpoint, aside: false }));
        if let Slot::Standing(wait) = was {
            self.count_down(key.0, &wait);
        }
    }
}
