//! Every invariant of the data. What the types rule out (two leases, a pending task that rests) is not repeated here.

use std::collections::BTreeSet;

use durable_core::model::{ParentClosePolicy, Timestamp};
use durable_core::store::WaitSource;

use crate::index::{Index, Places};
use crate::state::{Event, Queue, State};
use crate::task::{Phase, Resting, Task};

type Checked = Result<(), String>;

fn holds(fact: bool, broken: impl FnOnce() -> String) -> Checked {
    if fact { Ok(()) } else { Err(broken()) }
}

impl State {
    /// Checks all invariants; the first that does not hold, in words.
    pub(crate) fn check(&self) -> Checked {
        for (name, queue) in &self.queues {
            queue.check().map_err(|broken| format!("queue {name}: {broken}"))?;
        }
        Ok(())
    }
}

impl Queue {
    fn check(&self) -> Checked {
        if let Some(which) = self.index.difference(&self.index_anew()) {
            return Err(format!("the index `{which}` is wrong"));
        }
        for (id, task) in &self.tasks {
            holds(*id == task.id, || format!("{id} is stored as {}", task.id))?;
            self.check_task(task).map_err(|broken| format!("task {id}: {broken}"))?;
        }
        for (name, event) in &self.events {
            // An event with waits has a write that has not reached them; one without has nothing to reach.
            let stands = self.index.waits.contains_key(name);
            holds(event.first_unreached.is_some() == stands, || format!("event {name}: waking is wrong"))?;
        }
        self.check_keys()?;
        holds(self.garbage.iter().all(|history| !history.is_empty()), || "there is empty garbage".into())
    }

    /// What the indexes must be, from the records alone.
    fn index_anew(&self) -> Index {
        let mut index = Index::default();
        for task in self.tasks.values() {
            index.moved(None, Some(&Places::of(task)));
            for (key, wait) in &task.waits {
                if let WaitSource::Event(name) = &wait.source {
                    index.add_wait(name.clone(), task.id, key.clone());
                }
            }
        }
        for (name, event) in &self.events {
            let (waking, at): (bool, Timestamp) = Event::place(event);
            index.events(waking).insert((at, name.clone()));
        }
        index
    }

    fn check_keys(&self) -> Checked {
        let with_key = self.tasks.values().filter(|task| task.idempotency.is_some()).count();
        holds(with_key == self.keys.len(), || "an idempotency key has no task, or two".into())?;
        for (key, id) in &self.keys {
            let idempotency = self.tasks.get(id).and_then(|task| task.idempotency.as_ref());
            holds(idempotency.is_some_and(|own| own.key == *key), || format!("key {key} is not {id}'s"))?;
        }
        Ok(())
    }

    fn check_task(&self, task: &Task) -> Checked {
        task.history.check()?;
        for (key, wait) in &task.waits {
            holds(task.history.checkpoint(key).is_none(), || format!("{key} is a wait and a checkpoint"))?;
            let sound = match &wait.source {
                WaitSource::Event(_) => true,
                WaitSource::Time => wait.deadline.is_some(),
                WaitSource::Child(child) => self.tasks.get(child).is_some_and(|child| {
                    let link = child.parent.as_ref();
                    child.is_live() && link.is_some_and(|link| link.id == task.id && link.join_key == *key)
                }),
            };
            holds(sound, || format!("nothing can end the wait {key}"))?;
        }
        holds(task.attempt >= 1, || "its attempt is below one".into())?;
        self.check_phase(task)?;
        self.check_family(task)
    }

    fn check_phase(&self, task: &Task) -> Checked {
        let started = task.newest.is_some();
        holds(started == (task.claims > 0), || "it was claimed by nobody".into())?;
        holds(task.closed.is_none() || started, || "a claim was closed that never was".into())?;
        match &task.phase {
            Phase::Delayed { .. } | Phase::Pending { .. } => Ok(()),
            Phase::Resting(rest) => self.check_rest(task, rest),
            Phase::Running(_) => {
                let fresh = started && task.closed.is_none() && task.first_started_at.is_some();
                holds(fresh, || "it runs, but its claim is no claim".into())
            }
            Phase::Ended { .. } => holds(task.waits.is_empty(), || "it has ended and waits".into()),
        }
    }

    /// There is never a sleeping task whose rest is met (rule W3).
    fn check_rest(&self, task: &Task, rest: &Resting) -> Checked {
        holds((1..=rest.keys.len()).contains(&rest.need), || {
            format!("it needs {} of {} waits", rest.need, rest.keys.len())
        })?;
        let mut deadlines = BTreeSet::new();
        for key in &rest.keys {
            let Some(wait) = task.waits.get(key) else {
                return Err(format!("it rests on {key}, which does not stand"));
            };
            deadlines.extend(wait.deadline.map(|deadline| (deadline, key.clone())));
            let event = wait.event().and_then(|name| self.events.get(name));
            let unseen = event.is_some_and(|event| event.first_unreached.is_none());
            holds(!unseen, || format!("it rests on {key}, whose event has come"))?;
        }
        holds(deadlines == rest.deadlines, || "the deadlines it rests on are wrong".into())
    }

    /// A live child that its parent's end cancels has a parent, and an ended parent of such is closing.
    fn check_family(&self, task: &Task) -> Checked {
        let has_children = self.index.children.contains_key(&task.id);
        holds(task.closing == (has_children && !task.is_live()), || "closing is wrong".into())?;
        let Some(parent) = task.parent.as_ref().filter(|_| task.is_live()) else { return Ok(()) };
        let orphan = parent.on_close == ParentClosePolicy::Cancel && !self.tasks.contains_key(&parent.id);
        holds(!orphan, || "its parent is gone and has left it".into())
    }
}
