//! What a store can promise beyond the mandatory cases, and what its harness can do for the suite.

use std::fmt;

use durable_core::store::{Capabilities, Durability, HintScope, Verb};
use serde::Serialize;

/// How much of the suite a store answers for. Each level includes those before it, as far as the store declares them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// Every mandatory case.
    Core,
    /// Core, and what was acknowledged survives the end of the process.
    Durable,
    /// Core, and every case of every declared capability, none left out for want of a hook.
    Full,
}

impl Level {
    /// All levels, the least first.
    pub const ALL: [Self; 3] = [Self::Core, Self::Durable, Self::Full];

    /// Its name, as it is printed.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Core => "core",
            Self::Durable => "durable",
            Self::Full => "full",
        }
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Something that a store may or may not promise ([`Capabilities`]): its cases belong to stores that do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Capability {
    /// What was acknowledged survives the end of the process.
    Durable,
    /// Hints reach somebody.
    Hints,
}

impl Capability {
    /// Its name, as it is printed.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Durable => "durable",
            Self::Hints => "hints",
        }
    }

    /// The store declares it.
    pub(crate) fn is_declared(self, by: Capabilities) -> bool {
        match self {
            Self::Durable => by.durability > Durability::Process,
            Self::Hints => by.hints > HintScope::None,
        }
    }
}

impl fmt::Display for Capability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Something that a harness may be able to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Hook {
    /// [`Harness::corrupt`](crate::Harness::corrupt).
    Corrupt,
    /// [`Harness::process`](crate::Harness::process).
    Process,
    /// [`Harness::residue`](crate::Harness::residue).
    Residue,
}

impl Hook {
    /// Its name, as it is printed.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Corrupt => "corrupt",
            Self::Process => "process",
            Self::Residue => "residue",
        }
    }
}

impl fmt::Display for Hook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// For want of what a case was not run. It never counts as passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase", tag = "missing", content = "name")]
pub enum Missing {
    /// The store has no such verb.
    Verb(#[serde(serialize_with = "verb_name")] Verb),
    /// The harness has no such hook.
    Hook(Hook),
    /// The store does not declare the capability.
    Capability(Capability),
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "the shape that serde asks for")]
fn verb_name<S: serde::Serializer>(verb: &Verb, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(verb.name())
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Verb(verb) => write!(f, "the store has no {verb}"),
            Self::Hook(hook) => write!(f, "hook {hook} not provided"),
            Self::Capability(capability) => write!(f, "capability {capability} not declared"),
        }
    }
}
