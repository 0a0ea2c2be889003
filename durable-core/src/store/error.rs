//! What a store may answer besides its outcomes.

use std::fmt;

use crate::model::Invalid;

type Source = Box<dyn std::error::Error + Send + Sync>;

/// The verbs of the store, for errors and reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs, reason = "each is the method of the same name")]
pub enum Verb {
    PutQueue,
    DropQueue,
    ListQueues,
    Spawn,
    Cancel,
    Retry,
    Outcome,
    Claim,
    Extend,
    Wait,
    Load,
    Save,
    Emit,
    Tick,
    Purge,
    Hints,
    Task,
    Tasks,
    Events,
    Counts,
}

impl Verb {
    /// Every verb that can fail. The 21st, `capabilities`, cannot.
    pub const ALL: [Self; 20] = [
        Self::PutQueue,
        Self::DropQueue,
        Self::ListQueues,
        Self::Spawn,
        Self::Cancel,
        Self::Retry,
        Self::Outcome,
        Self::Claim,
        Self::Extend,
        Self::Wait,
        Self::Load,
        Self::Save,
        Self::Emit,
        Self::Tick,
        Self::Purge,
        Self::Hints,
        Self::Task,
        Self::Tasks,
        Self::Events,
        Self::Counts,
    ];

    /// The method's name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::PutQueue => "put_queue",
            Self::DropQueue => "drop_queue",
            Self::ListQueues => "list_queues",
            Self::Spawn => "spawn",
            Self::Cancel => "cancel",
            Self::Retry => "retry",
            Self::Outcome => "outcome",
            Self::Claim => "claim",
            Self::Extend => "extend",
            Self::Wait => "wait",
            Self::Load => "load",
            Self::Save => "save",
            Self::Emit => "emit",
            Self::Tick => "tick",
            Self::Purge => "purge",
            Self::Hints => "hints",
            Self::Task => "task",
            Self::Tasks => "tasks",
            Self::Events => "events",
            Self::Counts => "counts",
        }
    }
}

impl fmt::Display for Verb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What kind of fault it is, and so what the caller can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum StoreErrorKind {
    /// The store did not answer, or asks to come back. Repeating the call unchanged is safe.
    Unavailable,
    /// The queue, or the child that a wait names, does not exist.
    NotFound,
    /// What is there contradicts the request.
    Conflict,
    /// The request has no meaning.
    Invalid,
    /// A stored record cannot be decoded.
    Corrupt,
    /// The store does not have this verb or option.
    Unsupported,
}

/// A fault of a store.
///
/// It names no payload and no secret: `context` says which queue, task or connection, never what is in it.
#[derive(Debug)]
pub struct StoreError {
    /// What kind of fault.
    pub kind: StoreErrorKind,
    /// During which verb.
    pub verb: Verb,
    /// On what.
    pub context: String,
    /// Whether the write may have happened all the same (rule C7). `false`: it surely did not.
    pub may_have_happened: bool,
    source: Option<Source>,
}

impl StoreError {
    /// A fault that surely wrote nothing.
    pub fn new(kind: StoreErrorKind, verb: Verb, context: impl Into<String>) -> Self {
        Self { kind, verb, context: context.into(), may_have_happened: false, source: None }
    }

    /// The queue does not exist.
    pub fn queue_not_found(verb: Verb) -> Self {
        Self::new(StoreErrorKind::NotFound, verb, "the queue does not exist")
    }

    /// The store does not have the verb.
    pub fn unsupported(verb: Verb) -> Self {
        Self::new(StoreErrorKind::Unsupported, verb, "not supported by this store")
    }

    /// A request that has no meaning.
    pub fn invalid(verb: Verb, invalid: &Invalid) -> Self {
        Self::new(StoreErrorKind::Invalid, verb, invalid.to_string())
    }

    /// The store did not answer; whether the call had its effect is said by `may_have_happened`.
    pub fn unavailable(verb: Verb, context: impl Into<String>, may_have_happened: bool) -> Self {
        Self { may_have_happened, ..Self::new(StoreErrorKind::Unavailable, verb, context) }
    }

    /// Adds the driver's own error.
    pub fn with_source(mut self, source: impl Into<Source>) -> Self {
        self.source = Some(source.into());
        self
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.kind {
            StoreErrorKind::Unavailable => "unavailable",
            StoreErrorKind::NotFound => "not found",
            StoreErrorKind::Conflict => "conflict",
            StoreErrorKind::Invalid => "invalid",
            StoreErrorKind::Corrupt => "corrupt",
            StoreErrorKind::Unsupported => "unsupported",
        };
        write!(f, "{}: {kind}: {}", self.verb, self.context)?;
        if self.may_have_happened {
            f.write_str(" (the write may have happened)")?;
        }
        Ok(())
    }
}

impl std::error::Error for StoreError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_ref().map(|source| &**source as _)
    }
}

/// Why a write under a claim was refused. Only verbs that are fenced answer with it.
#[derive(Debug, thiserror::Error)]
pub enum FencedError {
    /// The claim is not the newest, its lease has run out, or task or queue are gone. Nothing was written.
    #[error("the claim is lost")]
    ClaimLost,
    /// The task was cancelled while this claim was its newest. Nothing was written.
    #[error("the task is cancelled")]
    Cancelled,
    /// A fault on this item alone.
    #[error(transparent)]
    Fault(#[from] StoreError),
}
