//! Ids, all made in core, so that every call can be repeated unchanged.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Uuid);

        impl $name {
            /// Takes an id that was made before.
            pub const fn from_uuid(id: Uuid) -> Self {
                Self(id)
            }

            /// The id as a UUID.
            pub const fn as_uuid(&self) -> Uuid {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({})", stringify!($name), self.0)
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                text.parse().map(Self)
            }
        }
    };
}

macro_rules! fresh {
    ($name:ident) => {
        impl $name {
            /// Makes a new id, ordered by the time it was made.
            #[allow(clippy::new_without_default, reason = "a new id is no default value")]
            pub fn new() -> Self {
                Self(Uuid::now_v7())
            }
        }
    };
}

id! {
    /// One durable call of a registered function (UUIDv7).
    TaskId
}
id! {
    /// One attempt at a task, derived from the task's id and the attempt. It names an attempt and authorises
    /// nothing.
    RunId
}
id! {
    /// One call of `claim`; its repeats carry the same id.
    CallId
}
id! {
    /// One emit of an event; its repeats carry the same id.
    EmitId
}
fresh!(TaskId);
fresh!(CallId);
fresh!(EmitId);

impl RunId {
    /// The id of an attempt (from 1) at a task: the same for everybody who asks.
    pub fn of(task: TaskId, attempt: i32) -> Self {
        let mut hasher = blake3::Hasher::new();
        hasher.update(task.0.as_bytes());
        hasher.update(&attempt.to_be_bytes());
        let mut bytes = [0; 16];
        hasher.finalize_xof().fill(&mut bytes);
        Self(uuid::Builder::from_custom_bytes(bytes).into_uuid())
    }
}

/// The proof of one claim on one task; what a write under a claim must show (rule C3).
///
/// A token is the claim call's id with the task's claim count: fresh for every claim, even after the store
/// was restored from a backup, since the id is random.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Token {
    /// The claimed task.
    pub task: TaskId,
    /// The call that claimed it.
    pub call: CallId,
    /// How often the task had been claimed then, this time included.
    pub claim: u64,
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}#{}", self.task, self.call, self.claim)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_id_is_the_same_for_everybody_and_differs_by_attempt() {
        let task = TaskId::new();
        assert_eq!(RunId::of(task, 1), RunId::of(task, 1));
        assert_ne!(RunId::of(task, 1), RunId::of(task, 2));
        assert_ne!(RunId::of(task, 1), RunId::of(TaskId::new(), 1));
    }
}
