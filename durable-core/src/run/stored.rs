//! What is stored for a run's task, and whether its replay asks for it in the same order.

use std::collections::{HashMap, HashSet};

use crate::model::{Checkpoint, CheckpointKind, End, StepKey, TaskId, Timestamp};

/// A replay that departs from what was stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Departure {
    /// The body asked for `asked` where `stored` came before.
    Order { asked: StepKey, stored: StepKey },
    /// The body ended without asking for it.
    LeftOver { stored: StepKey },
}

impl std::fmt::Display for Departure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Order { asked, stored } => {
                write!(f, "the replay asked for `{asked}` where `{stored}` was stored")
            }
            Self::LeftOver { stored } => write!(f, "the replay never asked for `{stored}`"),
        }
    }
}

/// The stored keys of one branch, in order.
#[derive(Debug, Default)]
struct Scope {
    keys: Vec<StepKey>,
    places: HashMap<StepKey, usize>,
    /// Emits take the context by shared reference, so some may be under way at once and stored in any order.
    emits: HashSet<StepKey>,
    asked: Vec<bool>,
    next: usize,
    departed: bool,
}

#[derive(Debug, Default)]
pub(crate) struct Stored {
    ends: HashMap<StepKey, (End, Timestamp)>,
    children: HashSet<TaskId>,
    scopes: HashMap<String, Scope>,
}

impl Stored {
    /// Takes a checkpoint that an earlier claim stored. Ends of waits are not compared with the replay.
    pub(crate) fn load(&mut self, checkpoint: Checkpoint) {
        let Checkpoint { key, kind, end, ended_at, .. } = checkpoint;
        if kind == CheckpointKind::Spawn
            && let End::Value(payload) = &end
            && let Ok(children) = payload.read::<Vec<TaskId>>()
        {
            self.children.extend(children);
        }
        if matches!(
            kind,
            CheckpointKind::Step | CheckpointKind::Value | CheckpointKind::Spawn | CheckpointKind::Emit
        ) {
            let scope = self.scopes.entry(scope_of(&key).to_owned()).or_default();
            scope.places.insert(key.clone(), scope.keys.len());
            if kind == CheckpointKind::Emit {
                scope.emits.insert(key.clone());
            }
            scope.keys.push(key.clone());
            scope.asked.push(false);
        }
        self.ends.insert(key, (end, ended_at));
    }

    /// Takes what this claim stored or was told.
    pub(crate) fn insert(&mut self, key: StepKey, end: End, at: Timestamp) {
        self.ends.insert(key, (end, at));
    }

    pub(crate) fn has(&self, key: &StepKey) -> bool {
        self.ends.contains_key(key)
    }

    /// How a wait ended, and when.
    pub(crate) fn end(&self, key: &StepKey) -> Option<(End, Timestamp)> {
        self.ends.get(key).cloned()
    }

    /// What is stored for the next operation of a body, and whether it comes out of order.
    pub(crate) fn recall(&mut self, key: &StepKey, kind: CheckpointKind) -> (Option<End>, Option<Departure>) {
        let emits = kind == CheckpointKind::Emit;
        let departure = self.scopes.get_mut(scope_of(key)).and_then(|scope| scope.ask(key, emits));
        (self.ends.get(key).map(|(end, _)| end.clone()), departure)
    }

    /// What the body has not asked for by its end.
    pub(crate) fn left_over(&self) -> Option<Departure> {
        let mut scopes: Vec<_> = self.scopes.values().filter(|scope| !scope.departed).collect();
        scopes.sort_by(|a, b| a.keys.first().cmp(&b.keys.first()));
        let left = scopes.into_iter().find_map(|scope| scope.keys.get(scope.next));
        left.map(|stored| Departure::LeftOver { stored: stored.clone() })
    }

    pub(crate) fn add_child(&mut self, child: TaskId) {
        self.children.insert(child);
    }

    pub(crate) fn is_child(&self, task: TaskId) -> bool {
        self.children.contains(&task)
    }
}

impl Scope {
    fn ask(&mut self, key: &StepKey, emits: bool) -> Option<Departure> {
        let place = self.places.get(key).copied();
        let until = place.unwrap_or(self.keys.len());
        let unasked = (self.next..until).filter(|at| self.asked.get(*at) == Some(&false));
        let mut ahead = unasked.filter_map(|at| self.keys.get(at));
        let expected = match ahead.next() {
            // An emit beside other emits: the order among them is nobody's.
            Some(first) if emits && self.emits.contains(first) => {
                let other = ahead.find(|stored| !self.emits.contains(*stored));
                other.filter(|_| place.is_some()).cloned()
            }
            first => first.cloned(),
        };
        if let Some(asked) = place.and_then(|place| self.asked.get_mut(place)) {
            *asked = true;
        }
        while self.asked.get(self.next).copied().unwrap_or(false) {
            self.next += 1;
        }
        match expected {
            Some(stored) if !self.departed => {
                self.departed = true;
                Some(Departure::Order { asked: key.clone(), stored })
            }
            _ => None,
        }
    }
}

/// The branches that a key belongs to: its leading `$branch:{name}/` parts.
fn scope_of(key: &StepKey) -> &str {
    let text = key.as_str();
    let mut end = 0;
    while let Some(rest) = text.get(end..)
        && rest.starts_with("$branch:")
        && let Some(slash) = rest.find('/')
    {
        end += slash + 1;
    }
    text.get(..end).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Payload;

    fn key(text: &str) -> StepKey {
        StepKey::new(text).unwrap()
    }

    fn stored(keys: &[&str]) -> Stored {
        let mut stored = Stored::default();
        for (order, text) in keys.iter().enumerate() {
            stored.load(Checkpoint {
                key: key(text),
                kind: CheckpointKind::Step,
                end: End::Value(Payload::from_text("1")),
                order: order as u64 + 1,
                attempt: 1,
                worker: None,
                started_at: Timestamp::from_millis(0),
                ended_at: Timestamp::from_millis(0),
            });
        }
        stored
    }

    fn departure(stored: &mut Stored, asked: &str) -> Option<Departure> {
        stored.recall(&key(asked), CheckpointKind::Step).1
    }

    #[test]
    fn a_replay_in_the_same_order_departs_nowhere() {
        let mut stored = stored(&["a", "b"]);
        assert_eq!(departure(&mut stored, "a"), None);
        assert_eq!(departure(&mut stored, "b"), None);
        assert_eq!(departure(&mut stored, "new"), None);
        assert_eq!(stored.left_over(), None);
    }

    #[test]
    fn another_order_is_reported_once() {
        let mut stored = stored(&["a", "b", "c"]);
        assert_eq!(departure(&mut stored, "b"), Some(Departure::Order { asked: key("b"), stored: key("a") }));
        assert_eq!(departure(&mut stored, "c"), None);
    }

    #[test]
    fn something_new_before_what_is_stored_is_reported() {
        let mut stored = stored(&["a"]);
        assert!(departure(&mut stored, "new").is_some());
    }

    #[test]
    fn what_is_never_asked_for_is_reported() {
        let mut stored = stored(&["a", "b"]);
        departure(&mut stored, "a");
        assert_eq!(stored.left_over(), Some(Departure::LeftOver { stored: key("b") }));
    }

    fn emitted(keys: &[(&str, CheckpointKind)]) -> Stored {
        let texts: Vec<&str> = keys.iter().map(|(text, _)| *text).collect();
        let mut stored = stored(&texts);
        let emits = keys.iter().filter(|(_, kind)| *kind == CheckpointKind::Emit);
        let scope = stored.scopes.get_mut("").unwrap();
        scope.emits = emits.map(|(text, _)| key(text)).collect();
        stored
    }

    #[test]
    fn emits_that_were_under_way_at_once_have_no_order() {
        use CheckpointKind::{Emit, Step};
        let of = |stored: &mut Stored, asked: &str, kind| stored.recall(&key(asked), kind).1;
        let stored_keys = [("s", Step), ("b", Emit), ("a", Emit), ("t", Step)];
        let mut stored = emitted(&stored_keys);
        let asked = [("s", Step), ("a", Emit), ("b", Emit), ("t", Step)];
        assert!(asked.iter().all(|(text, kind)| of(&mut stored, text, *kind).is_none()));
        assert_eq!(stored.left_over(), None);
        // One of them was not stored before the crash.
        let mut stored = emitted(&stored_keys[..2]);
        let asked = [("s", Step), ("a", Emit), ("b", Emit)];
        assert!(asked.iter().all(|(text, kind)| of(&mut stored, text, *kind).is_none()));
        // An emit does not pass a step, nor a step an emit.
        assert!(of(&mut emitted(&stored_keys), "b", Emit).is_some());
        let mut stored = emitted(&stored_keys);
        assert_eq!(of(&mut stored, "s", Step), None);
        assert!(of(&mut stored, "t", Step).is_some());
        let mut stored = emitted(&[("b", Emit), ("s", Step), ("a", Emit)]);
        assert!(of(&mut stored, "a", Emit).is_some());
    }

    #[test]
    fn branches_are_compared_each_by_itself() {
        let mut stored = stored(&["$branch:x/a", "$branch:y/a", "$branch:x/b"]);
        assert_eq!(departure(&mut stored, "$branch:y/a"), None);
        assert_eq!(departure(&mut stored, "$branch:x/a"), None);
        assert_eq!(departure(&mut stored, "$branch:x/b"), None);
    }

    #[test]
    fn a_scope_ends_with_the_last_branch() {
        assert_eq!(scope_of(&key("$branch:a/$branch:b#2/s/t-h")), "$branch:a/$branch:b#2/");
        assert_eq!(scope_of(&key("s/t-h")), "");
    }
}
