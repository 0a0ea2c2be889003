//! The waits of one run: what its body waits for now, and what of it the store is asked.

use std::collections::{HashMap, HashSet};
use std::task::Waker;
use std::time::Duration;

use tokio::time::Instant;

use crate::model::{Deadline, StepKey};
use crate::store::{NewWait, Rest};

/// The most waits that one call names. Each may be registered and rested on at once, so it is half of what a verb
/// may touch.
pub(crate) const MAX_WAITS: usize = 500;

/// How many of a wait operation's waits must end before it goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Need {
    /// One of them.
    Any,
    /// One of them, and the store was asked about all of them in this run: what is stored already need not be the
    /// earliest end.
    Earliest,
    /// All of them. The store may be asked about a part at a time.
    All,
}

#[derive(Debug)]
struct Op {
    need: Need,
    waits: Vec<NewWait>,
    waker: Option<Waker>,
    /// The store has answered about all of its waits.
    asked: bool,
}

/// What to ask the store.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Plan {
    pub(crate) waits: Vec<NewWait>,
    pub(crate) rest: Option<Rest>,
}

#[derive(Debug, Default)]
pub(crate) struct Waits {
    ops: Vec<(u64, Op)>,
    next_id: u64,
    /// The body waited for more at once than one call may name.
    pub(crate) too_many: bool,
    /// What the store has registered, and when it times out by our own clock.
    registered: HashMap<StepKey, Option<Instant>>,
}

impl Waits {
    /// Adds a wait operation of the body; `None` when there are too many waits at once, which ends the run.
    pub(crate) fn begin(&mut self, waits: Vec<NewWait>, need: Need) -> Option<u64> {
        let asked = if need == Need::All { 1 } else { waits.len() };
        let taken: usize =
            self.ops.iter().map(|(_, op)| if op.need == Need::All { 1 } else { op.waits.len() }).sum();
        if taken + asked > MAX_WAITS {
            self.too_many = true;
            return None;
        }
        self.next_id += 1;
        self.ops.push((self.next_id, Op { need, waits, waker: None, asked: false }));
        Some(self.next_id)
    }

    /// Ends or drops a wait operation.
    pub(crate) fn finish(&mut self, id: u64) {
        self.ops.retain(|(other, _)| *other != id);
    }

    /// Remembers whom to wake when a wait of the operation ends.
    pub(crate) fn park(&mut self, id: u64, waker: &Waker) {
        if let Some((_, op)) = self.ops.iter_mut().find(|(other, _)| *other == id) {
            op.waker = Some(waker.clone());
        }
    }

    /// Whether the store has answered about all waits of the operation.
    pub(crate) fn is_asked(&self, id: u64) -> bool {
        self.ops.iter().any(|(other, op)| *other == id && op.asked)
    }

    /// The operations of which the next call names all waits, ended or not.
    pub(crate) fn unasked_ids(&self) -> Vec<u64> {
        self.unasked().map(|(id, _)| *id).collect()
    }

    /// The store has answered a call about these operations.
    pub(crate) fn answered(&mut self, ids: &[u64], ended: impl Fn(&StepKey) -> bool) {
        for (_, op) in self.ops.iter_mut().filter(|(id, _)| ids.contains(id)) {
            op.asked = true;
            if op.waits.iter().any(|wait| ended(&wait.key))
                && let Some(waker) = op.waker.take()
            {
                waker.wake();
            }
        }
    }

    /// Whether the body waits for nothing here.
    pub(crate) fn is_empty(&self) -> bool {
        self.ops.is_empty()
    }

    /// Wakes the operations that one of these keys ends.
    pub(crate) fn wake(&mut self, ended: &HashSet<StepKey>) {
        for (_, op) in &mut self.ops {
            if op.waits.iter().any(|wait| ended.contains(&wait.key))
                && let Some(waker) = op.waker.take()
            {
                waker.wake();
            }
        }
        self.registered.retain(|key, _| !ended.contains(key));
    }

    /// The waits were sent to the store and stand there.
    pub(crate) fn sent(&mut self, waits: &[NewWait], now: Instant) {
        for wait in waits {
            let until = match wait.deadline {
                Some(Deadline::After(millis)) => now.checked_add(millis.to_duration()),
                // The store's clock decides; asking at the poll interval is soon enough.
                Some(Deadline::At(_)) | None => None,
            };
            self.registered.entry(wait.key.clone()).or_insert(until);
        }
    }

    /// What to ask after a poll: new waits, and at rest on what. `ended` tells what is stored already.
    pub(crate) fn plan(&self, at_rest: bool, ended: impl Fn(&StepKey) -> bool) -> Plan {
        let shares = self.shares(ended);
        let mut seen = HashSet::new();
        let named: Vec<&NewWait> = shares
            .iter()
            .flat_map(|(waits, _)| waits)
            .copied()
            .filter(|wait| seen.insert(&wait.key))
            .collect();
        let unasked: HashSet<&StepKey> =
            self.unasked().flat_map(|(_, op)| &op.waits).map(|wait| &wait.key).collect();
        let new = |wait: &&&NewWait| !self.registered.contains_key(&wait.key) || unasked.contains(&wait.key);
        let waits = named.iter().filter(new).map(|wait| (*wait).clone()).collect();
        let need = shares.iter().map(|(_, need)| *need).min();
        let rest = match need {
            Some(need) if at_rest => {
                Some(Rest { keys: named.iter().map(|wait| wait.key.clone()).collect(), need })
            }
            _ => None,
        };
        Plan { waits, rest }
    }

    /// Every wait that stands, to ask about again while something else holds the run.
    pub(crate) fn standing(&self, ended: impl Fn(&StepKey) -> bool) -> Vec<NewWait> {
        let mut seen = HashSet::new();
        let shares = self.shares(ended);
        let named = shares.iter().flat_map(|(waits, _)| waits);
        named.filter(|wait| seen.insert(wait.key.clone())).map(|wait| (*wait).clone()).collect()
    }

    /// When to ask again: at the first deadline we know of, at the latest after `poll`.
    pub(crate) fn ask_again_at(&self, now: Instant, poll: Duration) -> Instant {
        let deadline = self.registered.values().flatten().filter(|at| **at > now).min();
        deadline.copied().map_or(now + poll, |at| at.min(now + poll))
    }

    /// The operations that want the earliest end and do not know of all ends yet.
    fn unasked(&self) -> impl Iterator<Item = &(u64, Op)> {
        self.ops.iter().filter(|(_, op)| op.need == Need::Earliest && !op.asked)
    }

    /// For each operation the waits to name, and how many of them must end before it can go on.
    fn shares(&self, ended: impl Fn(&StepKey) -> bool) -> Vec<(Vec<&NewWait>, u32)> {
        let whole: usize =
            self.ops.iter().filter(|(_, op)| op.need != Need::All).map(|(_, op)| op.waits.len()).sum();
        let parts = self.ops.iter().filter(|(_, op)| op.need == Need::All).count();
        let part = MAX_WAITS.saturating_sub(whole) / parts.max(1);
        let mut shares = Vec::with_capacity(self.ops.len());
        for (_, op) in &self.ops {
            let left = op.waits.iter().filter(|wait| !ended(&wait.key));
            let (waits, need) = match op.need {
                Need::Earliest if !op.asked => (op.waits.iter().collect::<Vec<_>>(), 1),
                Need::Any | Need::Earliest => (left.collect::<Vec<_>>(), 1),
                Need::All => {
                    let waits: Vec<_> = left.take(part.max(1)).collect();
                    let need = u32::try_from(waits.len()).unwrap_or(u32::MAX);
                    (waits, need)
                }
            };
            if !waits.is_empty() {
                shares.push((waits, need));
            }
        }
        shares
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{EventName, Millis, TaskId};
    use crate::store::WaitSource;

    fn event(name: &str) -> NewWait {
        let source = WaitSource::Event(EventName::new(name).unwrap());
        NewWait { key: StepKey::new(name).unwrap(), source, deadline: None }
    }

    fn children(count: usize) -> Vec<NewWait> {
        let child = |n| NewWait {
            key: StepKey::new(format!("child-{n}")).unwrap(),
            source: WaitSource::Child(TaskId::new()),
            deadline: None,
        };
        (0..count).map(child).collect()
    }

    fn rest(plan: &Plan) -> (usize, u32) {
        plan.rest.as_ref().map_or((0, 0), |rest| (rest.keys.len(), rest.need))
    }

    #[test]
    fn new_waits_are_asked_once_and_stay_named_at_rest() {
        let mut waits = Waits::default();
        waits.begin(vec![event("a")], Need::Any).unwrap();
        let first = waits.plan(false, |_| false);
        assert_eq!((first.waits.len(), rest(&first)), (1, (0, 0)));
        waits.sent(&first.waits, Instant::now());
        let second = waits.plan(true, |_| false);
        assert_eq!((second.waits.len(), rest(&second)), (0, (1, 1)));
    }

    #[test]
    fn w4_a_join_of_many_rests_on_a_part_of_them_and_needs_all_of_that() {
        let mut waits = Waits::default();
        waits.begin(children(10_000), Need::All).unwrap();
        assert_eq!(rest(&waits.plan(true, |_| false)), (500, 500));
    }

    #[test]
    fn w3_an_event_beside_a_join_can_wake_alone() {
        let mut waits = Waits::default();
        waits.begin(children(10_000), Need::All).unwrap();
        waits.begin(vec![event("a")], Need::Any).unwrap();
        let plan = waits.plan(true, |_| false);
        assert_eq!(rest(&plan), (500, 1));
        assert!(plan.rest.unwrap().keys.contains(&StepKey::new("a").unwrap()));
    }

    #[test]
    fn two_joins_rest_on_the_smaller_need() {
        let mut waits = Waits::default();
        waits.begin(children(10), Need::All).unwrap();
        waits.begin(children(3), Need::All).unwrap();
        assert_eq!(rest(&waits.plan(true, |_| false)).1, 3);
    }

    #[test]
    fn what_has_ended_is_not_asked_again() {
        let mut waits = Waits::default();
        waits.begin(children(3), Need::All).unwrap();
        let plan = waits.plan(true, |key| key.as_str() == "child-0");
        assert_eq!((plan.waits.len(), rest(&plan)), (2, (2, 2)));
    }

    #[test]
    fn more_single_waits_than_one_call_may_name_are_refused() {
        let mut waits = Waits::default();
        waits.begin(children(MAX_WAITS), Need::Any).unwrap();
        assert_eq!(waits.begin(vec![event("a")], Need::Any), None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_known_deadline_is_asked_about_in_time() {
        let mut waits = Waits::default();
        let timer = NewWait {
            key: StepKey::new("t").unwrap(),
            source: WaitSource::Time,
            deadline: Some(Deadline::After(Millis::new(10))),
        };
        let now = Instant::now();
        waits.sent(&[timer], now);
        assert_eq!(waits.ask_again_at(now, Duration::from_secs(1)), now + Duration::from_millis(10));
    }
}
