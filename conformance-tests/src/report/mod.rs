//! What a run has shown: a verdict per case, and the level that follows.

mod expected;
mod files;
mod junit;
mod statement;
#[cfg(test)]
pub(crate) mod tests;
mod text;

use std::collections::BTreeSet;
use std::process::ExitCode;
use std::time::Duration;

use durable_core::store::{Capabilities, Durability, HintScope};
use serde::Serialize;

use crate::level::{Capability, Hook, Level, Missing};

pub use expected::{Expected, ExpectedError};
pub(crate) use files::directory;
pub(crate) use text::failure as failure_text;

/// The result of one run of the suite.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct Report {
    /// Of this format; it grows when a field changes its meaning or goes.
    pub schema: u32,
    /// Of the suite, and so of the contract that it checks.
    pub suite: &'static str,
    /// The store's name.
    pub store: String,
    /// The store's version.
    pub version: String,
    /// Repeats what the run left to chance.
    pub seed: u64,
    /// What the store declares; `None` when no handle could be opened.
    #[serde(serialize_with = "declared_names")]
    pub capabilities: Option<Capabilities>,
    /// The level that the harness declares.
    pub declared: Level,
    /// Every case of the suite was asked for; without that no level is reached.
    pub whole: bool,
    /// The cases that were asked for, in the suite's order.
    pub cases: Vec<CaseReport>,
}

/// How one case ended.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct CaseReport {
    /// `group::slug`.
    pub name: String,
    /// Its group.
    pub group: &'static str,
    /// Its ids in the catalogue.
    pub ids: &'static [&'static str],
    /// The rules of the contract that it holds the store to.
    pub rules: &'static [&'static str],
    /// Why it matters.
    pub why: &'static str,
    /// The capability it belongs to; without one it is mandatory.
    pub capability: Option<Capability>,
    /// How it ended.
    pub status: Status,
    /// How long it took.
    #[serde(rename = "ms", serialize_with = "in_millis")]
    pub took: Duration,
}

#[allow(clippy::ref_option, clippy::trivially_copy_pass_by_ref, reason = "the shape that serde asks for")]
fn declared_names<S: serde::Serializer>(
    declared: &Option<Capabilities>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let names = |it: &Capabilities| [("durability", durability(*it)), ("hints", hints(*it))];
    serializer.collect_map(declared.iter().flat_map(names))
}

/// What an acknowledged write survives, in a word.
fn durability(declared: Capabilities) -> &'static str {
    match declared.durability {
        Durability::Process => "process",
        Durability::Buffered => "buffered",
        Durability::Synced => "synced",
    }
}

/// Whom hints reach, in a word.
fn hints(declared: Capabilities) -> &'static str {
    match declared.hints {
        HintScope::None => "none",
        HintScope::Process => "process",
        HintScope::Everywhere => "everywhere",
    }
}

fn in_millis<S: serde::Serializer>(took: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u64(u64::try_from(took.as_millis()).unwrap_or(u64::MAX))
}

/// How a case ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "status")]
pub enum Status {
    /// The store did what the contract wants.
    Passed,
    /// It did not, or the case could not be brought to its end.
    Failed(Failure),
    /// It did not, and the author's list says so.
    ExpectedFailure {
        /// What was seen.
        failure: Failure,
        /// Why it is expected.
        reason: String,
    },
    /// It did, although the author's list says that it does not.
    UnexpectedPass {
        /// Why a failure was expected.
        reason: String,
    },
    /// It was not run.
    NotRun(Missing),
}

/// What a failed case saw.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Failure {
    /// Whose fault it is.
    pub kind: FailureKind,
    /// What was looked at.
    pub what: String,
    /// What came.
    pub got: String,
    /// What should have come.
    pub wanted: String,
    /// The last calls before it, the latest at the end.
    pub calls: Vec<String>,
    /// How many calls there were in all.
    pub call_count: u64,
    /// Where its data were.
    pub namespace: String,
}

/// Whose fault a failure is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureKind {
    /// The store broke the contract.
    Violation,
    /// One of the store's own invariants, or of those that every store shows, does not hold.
    Invariant,
    /// The store, or the case, has panicked.
    Panic,
    /// The case has not ended in time.
    Timeout,
    /// The harness could not do what it should.
    Harness,
    /// The case itself is wrong.
    Defect,
}

/// How many cases ended how.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Passed.
    pub passed: usize,
    /// Failed, unexpected passes among them.
    pub failed: usize,
    /// Failed as expected.
    pub expected: usize,
    /// Not run for want of a verb or a hook.
    pub skipped: usize,
    /// Not run because the store does not declare the capability.
    pub not_declared: usize,
}

impl Status {
    /// The case failed, and nobody expected it.
    pub fn failure(&self) -> Option<&Failure> {
        if let Self::Failed(failure) = self { Some(failure) } else { None }
    }

    fn is_bad(&self) -> bool {
        matches!(self, Self::Failed(_) | Self::UnexpectedPass { .. })
    }
}

impl CaseReport {
    fn is_mandatory(&self) -> bool {
        self.capability.is_none()
    }

    /// Nothing speaks against the level that it belongs to; a missing hook does not, below full.
    fn allows(&self, level: Level) -> bool {
        match &self.status {
            Status::Passed | Status::ExpectedFailure { .. } | Status::NotRun(Missing::Capability(_)) => true,
            Status::Failed(_) | Status::UnexpectedPass { .. } | Status::NotRun(Missing::Verb(_)) => false,
            Status::NotRun(Missing::Hook(_)) => self.is_mandatory() && level < Level::Full,
        }
    }
}

impl Report {
    /// How many cases ended how.
    pub fn counts(&self) -> Counts {
        Self::count(&self.cases)
    }

    fn count<'a>(cases: impl IntoIterator<Item = &'a CaseReport>) -> Counts {
        let mut counts = Counts::default();
        for case in cases {
            *match &case.status {
                Status::Passed => &mut counts.passed,
                Status::Failed(_) | Status::UnexpectedPass { .. } => &mut counts.failed,
                Status::ExpectedFailure { .. } => &mut counts.expected,
                Status::NotRun(Missing::Capability(_)) => &mut counts.not_declared,
                Status::NotRun(_) => &mut counts.skipped,
            } += 1;
        }
        counts
    }

    /// The store reaches the level: all of its cases ran, and none has failed but those that were expected to.
    pub fn reaches(&self, level: Level) -> bool {
        let of_level = |case: &&CaseReport| match (level, case.capability) {
            (_, None) | (Level::Full, _) => true,
            (Level::Durable, capability) => capability == Some(Capability::Durable),
            (Level::Core, _) => false,
        };
        let declared = level != Level::Durable || self.declares(Capability::Durable);
        self.whole && declared && self.cases.iter().filter(of_level).all(|case| case.allows(level))
    }

    /// The store declares the capability.
    pub fn declares(&self, capability: Capability) -> bool {
        self.capabilities.is_some_and(|declared| capability.is_declared(declared))
    }

    /// The hooks for want of which cases were not run.
    pub fn missing_hooks(&self) -> BTreeSet<Hook> {
        let hook = |case: &CaseReport| match case.status {
            Status::NotRun(Missing::Hook(hook)) => Some(hook),
            _ => None,
        };
        self.cases.iter().filter_map(hook).collect()
    }

    /// What the run comes to.
    pub fn verdict(&self) -> Verdict {
        let failures = || self.cases.iter().filter_map(|case| case.status.failure());
        let of = |kinds: &[FailureKind]| failures().any(|failure| kinds.contains(&failure.kind));
        let ran = self.cases.iter().any(|case| !matches!(case.status, Status::NotRun(_)));
        if of(&[FailureKind::Violation, FailureKind::Invariant, FailureKind::Panic]) {
            Verdict::Violated
        } else if of(&[FailureKind::Harness, FailureKind::Defect]) {
            Verdict::Unusable
        } else if !ran || of(&[FailureKind::Timeout]) {
            Verdict::Incomplete
        } else if self.cases.iter().any(|case| case.status.is_bad()) {
            Verdict::UnexpectedPass
        } else if self.whole && !self.reaches(self.declared) {
            Verdict::Incomplete
        } else {
            Verdict::Conformant
        }
    }
}

/// What a run comes to; each verdict has an exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// 0: every case that ran did as expected, and a whole run reaches the declared level.
    Conformant,
    /// 1: the store broke the contract.
    Violated,
    /// 2: the suite could not be used: a wrong option, or a harness that cannot open the store.
    Unusable,
    /// 3: no case ran, one has not ended, or the declared level is not reached.
    Incomplete,
    /// 4: a case passed that was expected to fail.
    UnexpectedPass,
}

impl Verdict {
    /// The exit code of the process.
    pub const fn code(self) -> u8 {
        match self {
            Self::Conformant => 0,
            Self::Violated => 1,
            Self::Unusable => 2,
            Self::Incomplete => 3,
            Self::UnexpectedPass => 4,
        }
    }
}

impl From<Verdict> for ExitCode {
    fn from(verdict: Verdict) -> Self {
        Self::from(verdict.code())
    }
}
