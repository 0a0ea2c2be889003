//! Names and keys: checked once, when they are made, and kept verbatim (rule N1).

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::Invalid;

/// The largest name, in bytes of UTF-8.
pub const MAX_NAME_BYTES: usize = 255;
/// The largest checkpoint key, in bytes of UTF-8.
pub const MAX_KEY_BYTES: usize = 512;

fn check(what: &'static str, text: &str, max: usize) -> Result<(), Invalid> {
    if text.is_empty() {
        return Err(Invalid::new(what, "it is empty"));
    }
    if text.len() > max {
        return Err(Invalid::new(what, format!("it has {} bytes, the limit is {max}", text.len())));
    }
    if text.chars().any(char::is_control) {
        return Err(Invalid::new(what, "it has a control character"));
    }
    Ok(())
}

macro_rules! name {
    ($(#[$doc:meta])* $name:ident, $what:literal, $max:expr) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(Arc<str>);

        impl $name {
            /// Checks and takes the text.
            ///
            /// # Errors
            ///
            /// `Invalid` when it is empty, too long or has a control character.
            pub fn new(text: impl AsRef<str>) -> Result<Self, Invalid> {
                let text = text.as_ref();
                check($what, text, $max)?;
                Ok(Self(text.into()))
            }

            /// The text, as it was given.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = Invalid;

            fn try_from(text: String) -> Result<Self, Invalid> {
                Self::new(text)
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> Self {
                name.as_str().to_owned()
            }
        }

        impl FromStr for $name {
            type Err = Invalid;

            fn from_str(text: &str) -> Result<Self, Invalid> {
                Self::new(text)
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&self.0, f)
            }
        }
    };
}

name! {
    /// A queue: it holds tasks, events and schedules.
    QueueName, "queue name", MAX_NAME_BYTES
}
name! {
    /// The name a task's function is registered under.
    TaskName, "task name", MAX_NAME_BYTES
}
name! {
    /// An event of a queue.
    EventName, "event name", MAX_NAME_BYTES
}
name! {
    /// The user's own key of a task: a queue holds one task for it, until that is purged.
    IdempotencyKey, "idempotency key", MAX_NAME_BYTES
}
name! {
    /// A worker's name, for people who read the history. It authorises nothing.
    WorkerName, "worker name", MAX_NAME_BYTES
}
name! {
    /// The key of a checkpoint or a wait, at most 512 bytes. Core spells it, stores copy it.
    StepKey, "checkpoint key", MAX_KEY_BYTES
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn n1_odd_names_are_kept_verbatim() {
        for name in ["{", "}", "}x{", "a:b", "\"'`", "🦀", " lead", "trail ", "%_", "*?[]", "null", "--"] {
            assert_eq!(QueueName::new(name).unwrap().as_str(), name);
        }
    }

    #[test]
    fn n1_empty_long_and_control_characters_are_refused() {
        assert!(TaskName::new("").is_err());
        assert!(TaskName::new("a\0b").is_err());
        assert!(TaskName::new("a\nb").is_err());
        assert!(TaskName::new("a".repeat(255)).is_ok());
        assert!(TaskName::new("ä".repeat(128)).is_err());
    }
}
