//! The indexes of a queue. Every entry follows from one task or one event alone: [`Places`] says where a task is
//! listed, and [`Event::place`](crate::state::Event::place) where an event is.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap};

use durable_core::model::{
    CallId, EndState, EventName, ParentClosePolicy, StepKey, TaskId, TaskName, TaskState, Timestamp,
};
use durable_core::store::Counts;

use crate::task::{Phase, Task};

/// All indexes of a queue. No inner set is empty.
#[derive(Debug, Default)]
pub(crate) struct Index {
    /// Ready tasks by name, first to run first (rule C2).
    pub(crate) pending: BTreeMap<TaskName, BTreeSet<Ready>>,
    /// Running tasks by the call that claimed them (rule C7).
    pub(crate) held: BTreeMap<CallId, BTreeSet<Ready>>,
    /// Live tasks for which something is due some time.
    pub(crate) due: BTreeSet<Due>,
    /// Ended tasks that are not closing, oldest end first.
    pub(crate) ended: HashMap<EndState, BTreeSet<(Timestamp, TaskId)>>,
    /// Closing tasks, oldest end first.
    pub(crate) closing: BTreeSet<(Timestamp, TaskId)>,
    /// Live children that their parent's end cancels, by parent.
    pub(crate) children: BTreeMap<TaskId, BTreeSet<TaskId>>,
    /// Standing waits by event.
    pub(crate) waits: BTreeMap<EventName, BTreeSet<(TaskId, StepKey)>>,
    /// Waking events by the first write that has not reached all waits.
    pub(crate) waking: BTreeSet<(Timestamp, EventName)>,
    /// Events that are not waking, oldest write first.
    pub(crate) settled: BTreeSet<(Timestamp, EventName)>,
    /// How many tasks are in which state; `ready` stays 0.
    pub(crate) counts: Counts,
}

/// The order among ready tasks: priority down, then the time they became available, then id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Ready {
    pub(crate) priority: Reverse<i16>,
    pub(crate) available_at: Timestamp,
    pub(crate) id: TaskId,
}

/// The order among what is due: the earliest first, and at the same moment a limit before everything else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Due {
    pub(crate) at: Timestamp,
    pub(crate) what: DueWhat,
    pub(crate) id: TaskId,
}

/// What is due for a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum DueWhat {
    /// One of its limits.
    Limit,
    /// The time at which its phase ends by itself.
    OwnTime,
}

impl Due {
    /// The one due of a task.
    pub(crate) fn of(task: &Task) -> Option<Self> {
        if !task.is_live() {
            return None;
        }
        let limit = task.limit().map(|(at, _)| Self { at, what: DueWhat::Limit, id: task.id });
        let own = task.own_time().map(|at| Self { at, what: DueWhat::OwnTime, id: task.id });
        limit.into_iter().chain(own).min()
    }
}

impl Ready {
    fn of(task: &Task, available_at: Timestamp) -> Self {
        Self { priority: Reverse(task.priority), available_at, id: task.id }
    }
}

/// Where the indexes list a task.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Places {
    id: TaskId,
    state: TaskState,
    pending: Option<(TaskName, Ready)>,
    held: Option<(CallId, Ready)>,
    due: Option<Due>,
    ended: Option<(EndState, Timestamp)>,
    closing: Option<Timestamp>,
    child_of: Option<TaskId>,
}

impl Places {
    /// Where a task belongs.
    pub(crate) fn of(task: &Task) -> Self {
        let mut places = Self {
            id: task.id,
            state: task.state(),
            pending: None,
            held: None,
            due: Due::of(task),
            ended: None,
            closing: None,
            child_of: closed_by(task),
        };
        match &task.phase {
            Phase::Delayed { .. } | Phase::Resting(_) => {}
            Phase::Pending { available_at } => {
                places.pending = Some((task.name.clone(), Ready::of(task, *available_at)));
            }
            Phase::Running(hold) => {
                places.held = task.newest.map(|call| (call, Ready::of(task, hold.available_at)));
            }
            Phase::Ended { at, .. } if task.closing => places.closing = Some(*at),
            Phase::Ended { end, at } => places.ended = Some((end.state(), *at)),
        }
        places
    }
}

/// The parent whose end cancels this task, while it is live.
fn closed_by(task: &Task) -> Option<TaskId> {
    let parent = task.parent.as_ref()?;
    (task.is_live() && parent.on_close == ParentClosePolicy::Cancel).then_some(parent.id)
}

impl Index {
    /// Moves a task from where it was listed to where it belongs now; `None` for a task that is not there.
    pub(crate) fn moved(&mut self, before: Option<&Places>, after: Option<&Places>) {
        if before == after {
            return;
        }
        if let Some(before) = before {
            self.remove(before, after);
        }
        if let Some(after) = after {
            self.add(after, before);
        }
    }

    /// Removes what `other` does not have, too: most changes of a task leave most of its places as they are.
    fn remove(&mut self, places: &Places, other: Option<&Places>) {
        let id = places.id;
        if let Some((name, ready)) = only_in(places.pending.as_ref(), other.and_then(|o| o.pending.as_ref()))
        {
            remove_from(&mut self.pending, name, ready);
        }
        if let Some((call, ready)) = only_in(places.held.as_ref(), other.and_then(|o| o.held.as_ref())) {
            remove_from(&mut self.held, call, ready);
        }
        if let Some(due) = only_in(places.due.as_ref(), other.and_then(|o| o.due.as_ref())) {
            self.due.remove(due);
        }
        if let Some((state, at)) = only_in(places.ended.as_ref(), other.and_then(|o| o.ended.as_ref())) {
            self.remove_ended(*state, (*at, id));
        }
        if let Some(at) = only_in(places.closing.as_ref(), other.and_then(|o| o.closing.as_ref())) {
            self.closing.remove(&(*at, id));
        }
        if let Some(parent) = only_in(places.child_of.as_ref(), other.and_then(|o| o.child_of.as_ref())) {
            remove_from(&mut self.children, parent, &id);
        }
        let count = self.count(places.state);
        *count = count.saturating_sub(1);
    }

    fn add(&mut self, places: &Places, other: Option<&Places>) {
        let id = places.id;
        if let Some((name, ready)) = only_in(places.pending.as_ref(), other.and_then(|o| o.pending.as_ref()))
        {
            self.pending.entry(name.clone()).or_default().insert(*ready);
        }
        if let Some((call, ready)) = only_in(places.held.as_ref(), other.and_then(|o| o.held.as_ref())) {
            self.held.entry(*call).or_default().insert(*ready);
        }
        if let Some(due) = only_in(places.due.as_ref(), other.and_then(|o| o.due.as_ref())) {
            self.due.insert(*due);
        }
        if let Some((state, at)) = only_in(places.ended.as_ref(), other.and_then(|o| o.ended.as_ref())) {
            self.ended.entry(*state).or_default().insert((*at, id));
        }
        if let Some(at) = only_in(places.closing.as_ref(), other.and_then(|o| o.closing.as_ref())) {
            self.closing.insert((*at, id));
        }
        if let Some(parent) = only_in(places.child_of.as_ref(), other.and_then(|o| o.child_of.as_ref())) {
            self.children.entry(*parent).or_default().insert(id);
        }
        *self.count(places.state) += 1;
    }

    fn remove_ended(&mut self, state: EndState, entry: (Timestamp, TaskId)) {
        if let Some(set) = self.ended.get_mut(&state) {
            set.remove(&entry);
            if set.is_empty() {
                self.ended.remove(&state);
            }
        }
    }

    fn count(&mut self, state: TaskState) -> &mut u64 {
        match state {
            TaskState::Sleeping => &mut self.counts.sleeping,
            TaskState::Pending => &mut self.counts.pending,
            TaskState::Running => &mut self.counts.running,
            TaskState::Ended(EndState::Completed) => &mut self.counts.completed,
            TaskState::Ended(EndState::Failed) => &mut self.counts.failed,
            TaskState::Ended(EndState::Cancelled) => &mut self.counts.cancelled,
        }
    }

    /// Which index differs from another's.
    pub(crate) fn difference(&self, other: &Self) -> Option<&'static str> {
        let same = [
            ("pending", self.pending == other.pending),
            ("held", self.held == other.held),
            ("due", self.due == other.due),
            ("ended", self.ended == other.ended),
            ("closing", self.closing == other.closing),
            ("children", self.children == other.children),
            ("waits", self.waits == other.waits),
            ("waking", self.waking == other.waking),
            ("settled", self.settled == other.settled),
            ("counts", self.counts == other.counts),
        ];
        same.into_iter().find(|(_, same)| !same).map(|(which, _)| which)
    }

    /// The waking events, or the others.
    pub(crate) fn events(&mut self, waking: bool) -> &mut BTreeSet<(Timestamp, EventName)> {
        if waking { &mut self.waking } else { &mut self.settled }
    }

    /// Lists a wait for an event.
    pub(crate) fn add_wait(&mut self, event: EventName, task: TaskId, key: StepKey) {
        self.waits.entry(event).or_default().insert((task, key));
    }

    /// Removes a wait for an event; `true` if it was the last.
    pub(crate) fn remove_wait(&mut self, event: &EventName, task: TaskId, key: &StepKey) -> bool {
        remove_from(&mut self.waits, event, &(task, key.clone()));
        !self.waits.contains_key(event)
    }

    /// The first wait for an event.
    pub(crate) fn first_wait(&self, event: &EventName) -> Option<(TaskId, StepKey)> {
        self.waits.get(event).and_then(BTreeSet::first).cloned()
    }

    /// The first live child that the end of `parent` cancels.
    pub(crate) fn first_child(&self, parent: TaskId) -> Option<TaskId> {
        self.children.get(&parent).and_then(BTreeSet::first).copied()
    }
}

/// An entry that the other side does not have.
fn only_in<'a, T: PartialEq>(entry: Option<&'a T>, other: Option<&T>) -> Option<&'a T> {
    entry.filter(|_| other != entry)
}

fn remove_from<K: Ord, V: Ord>(map: &mut BTreeMap<K, BTreeSet<V>>, key: &K, value: &V) {
    if let Some(set) = map.get_mut(key) {
        set.remove(value);
        if set.is_empty() {
            map.remove(key);
        }
    }
}
