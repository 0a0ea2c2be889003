//! The keys of one context: a prefix for its branch, and a count of each base with the same params.

use std::collections::HashMap;
use std::sync::Mutex;

use serde::Serialize;

use crate::error::{TaskError, TaskResult};
use crate::model::{EventName, StepKey, canonical_hash, checkpoint_key};
use crate::run::lease::lock;

/// Spells keys. A lock, since `emit_event` takes the context by shared reference.
#[derive(Debug, Default)]
pub(super) struct Keys {
    prefix: String,
    used: Mutex<HashMap<String, u32>>,
}

impl Keys {
    /// The next key of a base with these params.
    pub(super) fn next<P: Serialize + ?Sized>(&self, base: &str, params: &P) -> TaskResult<StepKey> {
        let hash = canonical_hash(params)?;
        let occurrence = self.count(format!("{base}-{hash}"));
        Ok(checkpoint_key(&self.prefix, base, &hash, occurrence)?)
    }

    /// The keys of a branch.
    pub(super) fn branch(&self, name: &str) -> TaskResult<Self> {
        check_user_name("branch", name)?;
        if name.contains('/') {
            return Err(TaskError::validation(format!("branch `{name}`: its name has a `/`")));
        }
        loop {
            let spelled = match self.count(format!("$branch:{name}")) {
                1 => name.to_owned(),
                occurrence => format!("{name}#{occurrence}"),
            };
            // A user's own `a#2` and the second `a` are two branches.
            if self.count(format!("$branch:{spelled}/")) == 1 {
                let prefix = format!("{}$branch:{spelled}/", self.prefix);
                return Ok(Self { prefix, used: Mutex::default() });
            }
        }
    }

    fn count(&self, use_of: String) -> u32 {
        let mut used = lock(&self.used);
        let count = used.entry(use_of).or_insert(0);
        *count += 1;
        *count
    }
}

/// Refuses a user's name that is empty or looks like one of ours.
pub(super) fn check_user_name(what: &str, name: &str) -> TaskResult<()> {
    match name {
        "" => Err(TaskError::validation(format!("{what} name: it is empty"))),
        name if name.starts_with('$') => {
            Err(TaskError::validation(format!("{what} `{name}`: names starting with `$` are reserved")))
        }
        name if name.chars().any(char::is_control) => {
            Err(TaskError::validation(format!("{what} name: it has a control character")))
        }
        name if name.len() > crate::model::MAX_NAME_BYTES => {
            Err(TaskError::validation(format!("{what} name: it has {} bytes, the limit is 255", name.len())))
        }
        _ => Ok(()),
    }
}

/// Checks an event's name that a user gave (rule E3).
pub(crate) fn user_event(name: &str) -> TaskResult<EventName> {
    check_user_name("event", name)?;
    Ok(EventName::new(name)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repeats_with_the_same_params_are_numbered() {
        let keys = Keys::default();
        let first = keys.next("s", &1).unwrap();
        assert_eq!(keys.next("s", &1).unwrap().as_str(), format!("{first}#2"));
        assert!(!keys.next("s", &2).unwrap().as_str().contains('#'));
    }

    #[test]
    fn branches_count_for_themselves_and_repeat_with_a_number() {
        let keys = Keys::default();
        let (first, second) = (keys.branch("b").unwrap(), keys.branch("b").unwrap());
        assert!(first.next("s", &()).unwrap().as_str().starts_with("$branch:b/s-"));
        assert!(second.next("s", &()).unwrap().as_str().starts_with("$branch:b#2/s-"));
    }

    #[test]
    fn a_branch_that_is_named_like_a_numbered_one_is_another() {
        for names in [["b", "b", "b#2"], ["b#2", "b", "b"]] {
            let keys = Keys::default();
            let prefixes = names.map(|name| keys.branch(name).unwrap().prefix);
            assert_eq!(prefixes.iter().collect::<std::collections::HashSet<_>>().len(), 3, "{prefixes:?}");
        }
    }

    #[test]
    fn reserved_and_impossible_names_are_refused() {
        for name in ["", "$x", "a\nb"] {
            assert!(check_user_name("step", name).is_err());
        }
        assert!(Keys::default().branch("a/b").is_err());
        assert!(user_event("$awaitEvent:x").is_err());
    }
}
