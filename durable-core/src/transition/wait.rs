//! Waits: how one is registered, how it ends, and what its end does to a task at rest.

use std::collections::BTreeSet;

use super::record::{Closed, Slot, SlotKey, State, StoredEnd, Wait, Why, earliest, kind_of};
use super::{Records, TaskRecord};
use crate::model::{CheckpointKind, End, StepKey, TaskId, Timestamp};
use crate::store::{
    FencedError, MetWait, NewWait, Rest, StoreError, StoreErrorKind, WaitAnswer, WaitItem, WaitSource,
};

impl WaitItem {
    /// The keys that it names, each once, in its order.
    pub fn named(&self) -> impl Iterator<Item = &StepKey> {
        let mut seen = BTreeSet::new();
        let rest = self.rest.iter().flat_map(|rest| &rest.keys);
        self.waits.iter().map(|wait| &wait.key).chain(rest).filter(move |key| seen.insert(*key))
    }
}

impl Records {
    /// Registers the waits of one run, and lets it rest on some of its waits.
    ///
    /// # Errors
    ///
    /// As [`Runs::wait`](crate::store::Runs::wait) answers for one item; nothing of the item was written.
    pub fn wait(&mut self, item: &WaitItem) -> Result<WaitAnswer, FencedError> {
        if self.newest(item.token)?.closed == Some(Closed::Wait) {
            return Ok(WaitAnswer::Suspended);
        }
        let id = self.fence(item.token)?.id;
        self.check(id, item)?;
        for wait in &item.waits {
            self.register(id, wait);
        }
        for key in item.named() {
            self.end_if_due(&(id, key.clone()));
        }
        let Some(rest) = &item.rest else {
            let met = self.met(id, item)?;
            return Ok(if met.is_empty() { WaitAnswer::Registered } else { WaitAnswer::Met(met) });
        };
        let keys: BTreeSet<&StepKey> = rest.keys.iter().collect();
        let ended = |key: &&&StepKey| matches!(self.slot(&(id, (**key).clone())), Slot::Ended(_));
        let over = u32::try_from(keys.iter().filter(ended).count()).unwrap_or(u32::MAX);
        if over >= rest.need {
            return Ok(WaitAnswer::Met(self.met(id, item)?));
        }
        self.suspend(id, &keys, rest.need - over);
        Ok(WaitAnswer::Suspended)
    }

    /// Refuses an item that has no meaning.
    fn check(&self, id: TaskId, item: &WaitItem) -> Result<(), StoreError> {
        let is_new = |key: &StepKey| matches!(self.slot(&(id, key.clone())), Slot::Free);
        for wait in item.waits.iter().filter(|wait| is_new(&wait.key)) {
            match &wait.source {
                WaitSource::Time if wait.deadline.is_none() => {
                    return Err(self.invalid("wait", "a timer has no deadline"));
                }
                WaitSource::Child(child) if !self.is_child(id, *child, &wait.key) => {
                    let context = "the child does not exist, or is not this task's under this key";
                    return Err(StoreError::new(StoreErrorKind::NotFound, self.verb, context));
                }
                WaitSource::Time | WaitSource::Child(_) | WaitSource::Event(_) => {}
            }
        }
        let Some(rest) = &item.rest else { return Ok(()) };
        self.check_rest(item, rest, is_new)
    }

    fn check_rest(
        &self,
        item: &WaitItem,
        rest: &Rest,
        is_new: impl Fn(&StepKey) -> bool,
    ) -> Result<(), StoreError> {
        let keys: BTreeSet<&StepKey> = rest.keys.iter().collect();
        if rest.need == 0 || usize::try_from(rest.need).is_ok_and(|need| need > keys.len()) {
            return Err(self.invalid("rest", "it needs none of its keys, or more than there are"));
        }
        let registered: BTreeSet<&StepKey> = item.waits.iter().map(|wait| &wait.key).collect();
        if keys.into_iter().any(|key| is_new(key) && !registered.contains(key)) {
            return Err(self.invalid("rest", "a key is neither a wait nor a checkpoint"));
        }
        Ok(())
    }

    fn is_child(&self, parent: TaskId, child: TaskId, key: &StepKey) -> bool {
        let link = self.children.get(&child).and_then(|child| child.parent.as_ref());
        link.is_some_and(|link| link.id == parent && link.join_key == *key)
    }

    /// Registers a wait unless it stands or has ended. One whose event exists or whose child has ended is over at once,
    /// whatever its deadline (rule W1): a timeout of zero polls.
    fn register(&mut self, id: TaskId, wait: &NewWait) {
        let key = (id, wait.key.clone());
        if !matches!(self.slot(&key), Slot::Free) {
            return;
        }
        if let WaitSource::Event(name) = &wait.source
            && !self.events.contains_key(name)
        {
            self.missed = true;
            return;
        }
        if let Some((end, from, at)) = self.over_already(&wait.source) {
            return self.end_slot(key, kind_of(&wait.source), end, from, at);
        }
        let deadline = wait.deadline.map(|deadline| deadline.fix(self.now.up));
        let source = wait.source.clone();
        let wait = Wait { source, registered_at: self.now.at, deadline, rests: None };
        self.put_slot(key, Slot::Standing(wait));
    }

    /// The end of a new wait whose event exists or whose child has ended: with when that began, and was.
    fn over_already(&self, source: &WaitSource) -> Option<(End, Timestamp, Timestamp)> {
        match source {
            WaitSource::Time => None,
            WaitSource::Event(name) => {
                let written = self.events.get(name)?.written.as_ref()?;
                Some((End::Value(written.payload.clone()), self.now.at, written.at))
            }
            WaitSource::Child(id) => {
                let child = self.children.get(id)?;
                let (end, at) = child.end.clone()?;
                Some((end, child.spawned_at, at))
            }
        }
    }

    /// How those of the named waits that have ended did.
    fn met(&self, id: TaskId, item: &WaitItem) -> Result<Vec<MetWait>, StoreError> {
        let stored = |key: &StepKey| match self.slot(&(id, key.clone())) {
            Slot::Ended(StoredEnd { end, at }) => Some((key.clone(), end.clone(), *at)),
            Slot::Free | Slot::Standing(_) => None,
        };
        let read = |(key, end, at): (StepKey, Result<End, _>, Timestamp)| {
            end.map(|end| MetWait { key, end, at }).map_err(|flaw| self.corrupt(flaw))
        };
        item.named().filter_map(stored).map(read).collect()
    }

    /// The task sleeps until `need` of its standing waits among `keys` have ended; its claim is over.
    fn suspend(&mut self, id: TaskId, keys: &BTreeSet<&StepKey>, need: u32) {
        let Some(claims) = self.task(id).map(|task| task.claims) else { return };
        let mut due = None;
        for key in keys {
            let key = (id, (*key).clone());
            let Slot::Standing(wait) = self.slot(&key) else { continue };
            let wait = Wait { rests: Some(claims), ..wait.clone() };
            due = earliest(due, wait.deadline);
            self.put_slot(key, Slot::Standing(wait));
        }
        self.close(id, Closed::Wait);
        if let Some(task) = self.edit(id) {
            task.state = State::Sleeping(Why::Rest);
            task.available_at = None;
            task.expires_at = None;
            task.need = Some(need);
            task.rest_due = due;
        }
    }

    /// How a standing wait ends now, if it does, and when it did: the one place that decides it.
    ///
    /// An event that exists beside a standing wait was written without reaching it.
    fn verdict(&self, wait: &Wait) -> Option<(End, Timestamp)> {
        let event = wait.event().and_then(|name| self.events.get(name));
        let unreached = event.and_then(|event| {
            let written = event.written.as_ref()?;
            Some((event.first_unreached.unwrap_or(written.at), &written.payload))
        });
        match (unreached, wait.deadline) {
            (Some((at, payload)), deadline) if deadline.is_none_or(|deadline| deadline > at) => {
                Some((End::Value(payload.clone()), at))
            }
            (Some(_), Some(deadline)) => Some((End::Timeout, deadline)),
            (None, Some(deadline)) if deadline <= self.now.at => Some((End::Timeout, deadline)),
            _ => None,
        }
    }

    /// Ends a standing wait if its event or its time has come; whether it did.
    pub(super) fn end_if_due(&mut self, key: &SlotKey) -> bool {
        let Slot::Standing(wait) = self.slot(key) else { return false };
        let Some((end, at)) = self.verdict(wait) else { return false };
        let (kind, from): (CheckpointKind, Timestamp) = (wait.kind(), wait.registered_at);
        self.end_slot(key.clone(), kind, end, from, at);
        true
    }

    /// Counts the end of a wait towards the rest of its task (rule W3).
    pub(super) fn count_down(&mut self, id: TaskId, wait: &Wait) {
        let Some(task) = self.edit(id) else { return };
        if !task.is_resting() || wait.rests != Some(task.claims) {
            return;
        }
        let need = task.need.unwrap_or(1).saturating_sub(1);
        if need > 0 {
            task.need = Some(need);
            if wait.deadline.is_some() && wait.deadline == task.rest_due {
                self.changes.rests.insert(id);
            }
            return;
        }
        self.make_pending(id, self.now.at);
    }

    /// The earliest deadline that has come among the known waits that a task rests on.
    pub(super) fn next_deadline(&self, task: &TaskRecord) -> Option<(Timestamp, StepKey)> {
        let due = |(key, tracked): (&StepKey, &super::Tracked)| match &tracked.slot {
            Slot::Standing(wait) if wait.rests == Some(task.claims) => wait
                .deadline
                .filter(|deadline| *deadline <= self.now.at)
                .map(|deadline| (deadline, key.clone())),
            Slot::Free | Slot::Standing(_) | Slot::Ended(_) => None,
        };
        self.slots.get(&task.id)?.iter().filter_map(due).min()
    }
}
