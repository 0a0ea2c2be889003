//! What a case answers, and how it says what it expects.

use std::fmt;

use durable_core::model::Invalid;
use durable_core::store::{FencedError, StoreError, StoreErrorKind};

/// A store broke the contract.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// What was looked at.
    pub what: String,
    /// What the store gave.
    pub got: String,
    /// What the contract wants.
    pub wanted: String,
}

impl Violation {
    /// Says what was looked at, what came and what should have come.
    pub fn new(what: impl Into<String>, got: impl Into<String>, wanted: impl Into<String>) -> Self {
        Self { what: what.into(), got: got.into(), wanted: wanted.into() }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "  what   {}", self.what)?;
        writeln!(f, "  got    {}", self.got)?;
        write!(f, "  wanted {}", self.wanted)
    }
}

impl From<StoreError> for Violation {
    fn from(error: StoreError) -> Self {
        Self::new(format!("the answer of {}", error.verb), format!("{error:?}"), "an answer, no fault")
    }
}

impl From<FencedError> for Violation {
    fn from(error: FencedError) -> Self {
        Refusal::from(error).into()
    }
}

impl From<Refusal> for Violation {
    fn from(refusal: Refusal) -> Self {
        Self::new("a write under a claim that holds", format!("{refusal:?}"), "an answer, no refusal")
    }
}

impl From<Invalid> for Violation {
    fn from(invalid: Invalid) -> Self {
        Self::new("input that the suite itself made", invalid.to_string(), "valid input")
    }
}

/// Why a write under a claim was refused, to compare.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// The claim is lost.
    ClaimLost,
    /// The task is cancelled.
    Cancelled,
    /// A fault on this item.
    Fault(StoreErrorKind),
}

impl From<FencedError> for Refusal {
    fn from(error: FencedError) -> Self {
        match error {
            FencedError::ClaimLost => Self::ClaimLost,
            FencedError::Cancelled => Self::Cancelled,
            FencedError::Fault(fault) => Self::Fault(fault.kind),
        }
    }
}

/// The answer to one fenced item, to compare.
pub(crate) type Fenced<T> = Result<T, Refusal>;

/// Wants two values to be equal.
pub(crate) fn same<T: PartialEq + fmt::Debug>(what: &str, got: &T, wanted: &T) -> Result<(), Violation> {
    if got == wanted {
        return Ok(());
    }
    Err(Violation::new(what, format!("{got:?}"), format!("{wanted:?}")))
}

/// Wants something to hold; `got` says what came instead.
pub(crate) fn holds(what: &str, holds: bool, got: impl fmt::Debug, wanted: &str) -> Result<(), Violation> {
    if holds { Ok(()) } else { Err(Violation::new(what, format!("{got:?}"), wanted)) }
}

/// Wants a value to be there.
pub(crate) fn some<T>(what: &str, value: Option<T>) -> Result<T, Violation> {
    value.ok_or_else(|| Violation::new(what, "nothing", "something"))
}

/// Wants exactly one.
pub(crate) fn one<T: fmt::Debug>(what: &str, mut values: Vec<T>) -> Result<T, Violation> {
    match (values.pop(), values.is_empty()) {
        (Some(value), true) => Ok(value),
        (Some(last), false) => Err(Violation::new(what, format!("{values:?} and {last:?}"), "exactly one")),
        (None, _) => Err(Violation::new(what, "none", "exactly one")),
    }
}

/// Wants a fault of this kind that surely wrote nothing.
pub(crate) fn fault<T: fmt::Debug>(
    what: &str,
    answer: Result<T, StoreError>,
    wanted: StoreErrorKind,
) -> Result<(), Violation> {
    match answer {
        Err(error) if error.kind == wanted && !error.may_have_happened => Ok(()),
        other => Err(Violation::new(what, format!("{other:?}"), format!("{wanted:?}, nothing written"))),
    }
}
