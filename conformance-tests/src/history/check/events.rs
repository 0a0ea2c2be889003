//! Events, timers and joins: every waiter is reached, once, with what it waited for.

use std::collections::{BTreeMap, BTreeSet};

use durable_core::model::{EmitId, TaskId, Timestamp};

use super::super::data::{
    Action, Deadline, Emitted, End, Event, History, Operation, Reply, Rests, Saved, Source,
};
use super::super::data::{State, Waited};
use super::reads::{Reading, readings};
use super::{about, about_event};
use crate::expect::Violation;

/// More waits than this an emit may reach later, with what is stored by then.
const AT_ONCE: usize = durable_core::store::MAX_SPREAD;

/// `EV-5`, `EV-12`, `W2`: a wait ends as its event, child or deadline says, and the first write that reaches it counts.
///
/// # Errors
///
/// The first wait that ended otherwise.
pub fn waits_end_once_and_right(history: &History) -> Result<(), Violation> {
    let (waits, writes) = (Waits::of(history), Writes::of(history));
    let waiters = waits.by_event();
    for ((task, key), readings) in readings(history) {
        let Some(wait) = waits.0.get(&(task, key)) else { continue };
        // All readings agree: that is checked elsewhere.
        let Some(first) = readings.iter().min_by_key(|reading| answered(reading)) else { continue };
        let wrong = match wait.source {
            Source::Event(name) => {
                let spreads = waiters.get(name.as_str()).is_some_and(|waiters| *waiters > AT_ONCE);
                writes.wrong(name, wait, first, spreads)
            }
            Source::Time => (*first.end != End::Timeout).then_some("a timeout"),
            Source::Child(child) => wrong_join(history, *child, first.end),
        };
        let early = *first.end == End::Timeout && wait.is_early(first);
        if let Some(wanted) = wrong.or(early.then_some("no timeout before the deadline")) {
            let event = if let Source::Event(name) = wait.source { Some(name.as_str()) } else { None };
            let (what, got) =
                (format!("the end of the wait {key} for {:?}", wait.source), format!("{:?}", first.end));
            return Err(about_event(history, task, event, &what, &got, wanted));
        }
    }
    Ok(())
}

fn wrong_join(history: &History, child: TaskId, end: &End) -> Option<&'static str> {
    let last = history.last.iter().find(|task| task.id == child).map(|task| &task.state);
    (last != Some(&State::Ended(end.clone()))).then_some("the child's end")
}

/// Where in the order a reading was answered.
fn answered(reading: &Reading<'_>) -> u64 {
    reading.operation.and_then(|operation| operation.returned).unwrap_or(u64::MAX)
}

/// `EV-3`, `CH-7`, `W3`: nobody rests on what has come.
///
/// # Errors
///
/// The first wait that was let stand, or that still stands, although its event or child had ended it.
pub fn no_wake_up_is_lost(history: &History) -> Result<(), Violation> {
    let (waits, writes) = (Waits::of(history), Writes::of(history));
    for operation in &history.operations {
        let Action::Wait { item, answer: Reply::Is(Ok(waited)) } = &operation.action else { continue };
        let come = |key: &str| match waits.0.get(&(item.token.task, key)).map(|wait| wait.source) {
            Some(Source::Event(name)) => writes.there_before(name, operation.invoked),
            _ => false,
        };
        let (come, need) = match &item.rest {
            Some((keys, need)) => (keys.iter().filter(|key| come(key)).count(), *need),
            None => (item.waits.iter().filter(|(key, ..)| come(key)).count(), 1),
        };
        if !matches!(waited, Waited::Met(_)) && come >= usize::try_from(need).unwrap_or(usize::MAX) {
            let what = format!("wait, call {}", operation.invoked);
            let name = event_of(item);
            let got = format!("{waited:?}");
            return Err(about_event(
                history,
                item.token.task,
                name,
                &what,
                &got,
                "met: the event had been emitted",
            ));
        }
    }
    let ended: BTreeSet<_> = history
        .last
        .iter()
        .filter(|task| matches!(task.state, State::Ended(_)))
        .map(|task| task.id)
        .collect();
    for task in &history.last {
        for key in &task.waits {
            let Some(wait) = waits.0.get(&(task.id, key.as_str())) else { continue };
            let (came, event) = match wait.source {
                Source::Event(name) => (writes.there_before(name, u64::MAX), Some(name.as_str())),
                Source::Child(child) => (ended.contains(child), None),
                Source::Time => (false, None),
            };
            if came {
                let what = format!("the wait {key} for {:?}", wait.source);
                let got = format!("it stands, and its task is {:?}", task.state);
                return Err(about_event(
                    history,
                    task.id,
                    event,
                    &what,
                    &got,
                    "it has ended, its task is woken",
                ));
            }
        }
    }
    joins_are_told(history)
}

fn event_of(item: &Rests) -> Option<&str> {
    item.waits.iter().find_map(|(_, source, _)| match source {
        Source::Event(name) => Some(name.as_str()),
        _ => None,
    })
}

/// `T1`: a live parent has the end of each child that has ended.
fn joins_are_told(history: &History) -> Result<(), Violation> {
    let last: BTreeMap<_, _> = history.last.iter().map(|task| (task.id, task)).collect();
    for operation in &history.operations {
        let Action::Save { item, answer: Reply::Is(Ok(Saved::Stored(_))) } = &operation.action else {
            continue;
        };
        let Some(parent) = last.get(&item.token.task).filter(|parent| matches!(parent.state, State::Live(_)))
        else {
            continue;
        };
        for child in &item.children {
            let (Some((join, _)), Some(State::Ended(end))) =
                (&child.parent, last.get(&child.id).map(|child| &child.state))
            else {
                continue;
            };
            if !parent.checkpoints.iter().any(|stored| stored.key == *join && stored.end == *end) {
                let got = format!("no {join} = {end:?}");
                return Err(about(
                    history,
                    child.id,
                    "what a live parent has of its child",
                    &got,
                    "the child's end",
                ));
            }
        }
    }
    Ok(())
}

/// One wait, by its first registrations.
struct Wait<'a> {
    source: &'a Source,
    /// When it was asked for first.
    invoked: u64,
    /// When it stood for sure.
    returned: u64,
    /// When it ends by itself, if that is known.
    deadline: Option<Timestamp>,
    /// It has a deadline.
    is_timed: bool,
}

impl Wait<'_> {
    fn is_early(&self, reading: &Reading<'_>) -> bool {
        let read_at = reading.operation.and_then(|operation| operation.at);
        let early = |deadline| read_at.is_some_and(|at| at < deadline);
        !self.is_timed || self.deadline.is_some_and(early)
    }
}

struct Waits<'a>(BTreeMap<(TaskId, &'a str), Wait<'a>>);

impl<'a> Waits<'a> {
    fn of(history: &'a History) -> Self {
        let mut waits = BTreeMap::new();
        for operation in &history.operations {
            let Action::Wait { item, answer } = &operation.action else { continue };
            let stands = matches!(answer, Reply::Is(Ok(_)));
            if !stands && *answer != Reply::Unknown {
                continue;
            }
            for (key, source, deadline) in &item.waits {
                let wait = waits.entry((item.token.task, key.as_str())).or_insert_with(|| Wait {
                    source,
                    invoked: operation.invoked,
                    returned: u64::MAX,
                    deadline: None,
                    is_timed: deadline.is_some(),
                });
                if stands && wait.returned == u64::MAX {
                    wait.returned = operation.returned.unwrap_or(u64::MAX);
                    wait.deadline =
                        if wait.invoked == operation.invoked { fixed(operation, *deadline) } else { None };
                }
            }
        }
        Self(waits)
    }
}

impl Waits<'_> {
    /// How many waits there are for each event.
    fn by_event(&self) -> BTreeMap<&str, usize> {
        let mut counts = BTreeMap::new();
        for wait in self.0.values() {
            if let Source::Event(name) = wait.source {
                *counts.entry(name.as_str()).or_default() += 1;
            }
        }
        counts
    }
}

/// The deadline that a registration fixes.
fn fixed(operation: &Operation, deadline: Option<Deadline>) -> Option<Timestamp> {
    match deadline? {
        Deadline::At(moment) => Some(moment),
        Deadline::After(wait) => operation.at.map(|at| at.after(wait)),
    }
}

/// One write of an event, with its repeats.
#[derive(Debug)]
struct Write<'a> {
    payload: &'a str,
    invoked: u64,
    /// The place of the last answer; `None` while none came for sure.
    returned: Option<u64>,
    /// Not all of its calls were answered: it may come again.
    is_open: bool,
    at: Option<Timestamp>,
}

impl Write<'_> {
    fn surely_before(&self, place: u64) -> bool {
        !self.is_open && self.returned.is_some_and(|returned| returned < place)
    }
}

/// The writes of each event.
struct Writes<'a>(BTreeMap<&'a str, BTreeMap<EmitId, Write<'a>>>);

impl<'a> Writes<'a> {
    fn of(history: &'a History) -> Self {
        let mut writes = Self(BTreeMap::new());
        for operation in &history.operations {
            match &operation.action {
                Action::Emit { event, answer, .. } => match answer {
                    Reply::Is(Emitted::Written | Emitted::Repeated) => writes.add(operation, event, true),
                    Reply::Unknown => writes.add(operation, event, false),
                    Reply::Is(Emitted::Kept) | Reply::Failed => {}
                },
                Action::Save { item, answer } => match (&item.event, answer) {
                    (Some(event), Reply::Is(Ok(Saved::Stored(_)))) => writes.add(operation, event, true),
                    (Some(event), Reply::Unknown) => writes.add(operation, event, false),
                    _ => {}
                },
                _ => {}
            }
        }
        writes
    }

    fn add(&mut self, operation: &'a Operation, event: &'a Event, is_sure: bool) {
        let writes = self.0.entry(event.name.as_str()).or_default();
        let write = writes.entry(event.id).or_insert(Write {
            payload: &event.payload,
            invoked: operation.invoked,
            returned: None,
            is_open: false,
            at: None,
        });
        if is_sure {
            write.returned = operation.returned.max(write.returned);
            write.at = operation.at.max(write.at);
        } else {
            write.is_open = true;
        }
    }

    fn of_event(&self, name: &str) -> impl Iterator<Item = &Write<'a>> {
        self.0.get(name).into_iter().flat_map(BTreeMap::values)
    }

    /// The event was surely there before a place.
    fn there_before(&self, name: &str, place: u64) -> bool {
        self.of_event(name).any(|write| write.returned.is_some_and(|returned| returned < place))
    }

    /// What a wait for an event should have ended as, if it ended otherwise.
    fn wrong(&self, name: &str, wait: &Wait<'_>, first: &Reading<'_>, spreads: bool) -> Option<&'static str> {
        match first.end {
            End::Value(value) => {
                let mut writes = self.of_event(name).filter(|write| write.payload == *value);
                let read = answered(first);
                let possible =
                    |write: &Write<'_>| write.invoked < read && self.reaches(name, write, wait, spreads);
                (!writes.any(possible)).then_some("a write that could reach it")
            }
            End::Timeout => {
                let in_time = |write: &Write<'_>| {
                    let before = write.at.zip(wait.deadline).is_some_and(|(at, deadline)| at < deadline);
                    before && write.returned.is_some() && !spreads
                };
                self.of_event(name).any(in_time).then_some("a value: the event came before the deadline")
            }
            End::Failed(_) | End::Cancelled => Some("a value or a timeout"),
        }
    }

    /// A write may have been the one that a wait ended with.
    fn reaches(&self, name: &str, write: &Write<'_>, wait: &Wait<'_>, spreads: bool) -> bool {
        let others = || self.of_event(name).filter(|other| other.payload != write.payload);
        // It was replaced before the wait was there.
        let is_stale =
            others().any(|other| write.surely_before(other.invoked) && other.surely_before(wait.invoked));
        // Another one came before it, and the wait stood by then.
        let is_late = !spreads
            && others().any(|other| wait.returned < other.invoked && other.surely_before(write.invoked));
        let is_over = wait.returned < write.invoked
            && write.at.zip(wait.deadline).is_some_and(|(at, deadline)| at >= deadline);
        !is_stale && !is_late && !is_over
    }
}
