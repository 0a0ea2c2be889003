//! Answers as they are compared, and the one place that knows what a store is free to answer otherwise.
//!
//! - How a fault is worded ([`Fault`]): its kind is compared, and that it surely wrote nothing.
//! - `next_due` may be early, never late; one that has come is now, whenever it was.
//! - [`TaskView::due`] of a running task may be early, so that a lease that moves need not write an index; never late.
//!
//! Two more are not met, as their answers cannot be made alike: which waits of several tasks the first step of an emit
//! reaches when there are more than it may touch, and what a purge leaves when its limit cuts a history short.
//!
//! Pages are read to their end, so how they are cut does not show, and hints are not looked at.

use std::fmt::Debug;

use durable_core::model::{TaskState, Timestamp};
use durable_core::store::{
    CancelAnswer, CheckpointPage, Claim, ClaimAnswer, DropQueueAnswer, EmitAnswer, EndAnswer, FencedError,
    Outcome, PurgeAnswer, PutQueueAnswer, RetryAnswer, SaveAnswer, SpawnAnswer, StoreError, StoreErrorKind,
    TaskView, TickAnswer, WaitAnswer,
};

use crate::expect::Refusal;
use crate::snapshot::Snapshot;

/// A fault without its words.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Fault {
    pub(super) kind: StoreErrorKind,
    may_have_happened: bool,
}

/// An answer of a store.
pub(super) trait Answer {
    /// As it is compared.
    type Shown: Shown;

    /// Drops what cannot be compared.
    fn shown(self) -> Self::Shown;
}

/// An answer as it is compared.
pub(super) trait Shown: PartialEq + Debug {
    /// Takes from the oracle's answer what a store is free to answer otherwise.
    fn adopt(&mut self, _oracle: &Self, _now: Timestamp) {}
}

macro_rules! shown_as_it_is {
    ($($answer:ty),+) => { $(
        impl Shown for $answer {}

        impl Answer for $answer {
            type Shown = Self;

            fn shown(self) -> Self {
                self
            }
        }
    )+ };
}

shown_as_it_is!(
    CancelAnswer,
    CheckpointPage,
    DropQueueAnswer,
    EmitAnswer,
    Outcome,
    PurgeAnswer,
    PutQueueAnswer,
    RetryAnswer,
    SaveAnswer,
    SpawnAnswer,
    Timestamp,
    WaitAnswer
);

impl<T: Answer> Answer for Result<T, StoreError> {
    type Shown = Result<T::Shown, Fault>;

    fn shown(self) -> Self::Shown {
        let fault =
            |error: StoreError| Fault { kind: error.kind, may_have_happened: error.may_have_happened };
        self.map(T::shown).map_err(fault)
    }
}

impl<T: Answer> Answer for Result<T, FencedError> {
    type Shown = Result<T::Shown, Refusal>;

    fn shown(self) -> Self::Shown {
        self.map(T::shown).map_err(Refusal::from)
    }
}

impl<T: Answer> Answer for Vec<T> {
    type Shown = Vec<T::Shown>;

    fn shown(self) -> Self::Shown {
        self.into_iter().map(T::shown).collect()
    }
}

impl<T: Shown, E: PartialEq + Debug> Shown for Result<T, E> {
    fn adopt(&mut self, oracle: &Self, now: Timestamp) {
        if let (Ok(answer), Ok(oracle)) = (self, oracle) {
            answer.adopt(oracle, now);
        }
    }
}

impl<T: Shown> Shown for Vec<T> {
    fn adopt(&mut self, oracle: &Self, now: Timestamp) {
        self.iter_mut().zip(oracle).for_each(|(answer, oracle)| answer.adopt(oracle, now));
    }
}

/// The answer of `claim`.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Claimed {
    pub(super) ends: Vec<Result<EndAnswer, Refusal>>,
    pub(super) claims: Vec<Claim>,
    pub(super) more: bool,
    now: Timestamp,
    next_due: Option<Timestamp>,
}

impl Answer for ClaimAnswer {
    type Shown = Claimed;

    fn shown(self) -> Claimed {
        let ends = self.ends.into_iter().map(|end| end.map_err(Refusal::from)).collect();
        Claimed { ends, claims: self.claims, more: self.more, now: self.now, next_due: self.next_due }
    }
}

impl Shown for Claimed {
    fn adopt(&mut self, oracle: &Self, now: Timestamp) {
        may_be_early(&mut self.next_due, oracle.next_due, now);
    }
}

impl Answer for TickAnswer {
    type Shown = Self;

    fn shown(self) -> Self {
        self
    }
}

impl Shown for TickAnswer {
    fn adopt(&mut self, oracle: &Self, now: Timestamp) {
        may_be_early(&mut self.next_due, oracle.next_due, now);
    }
}

impl Shown for TaskView {
    fn adopt(&mut self, oracle: &Self, now: Timestamp) {
        if self.state == TaskState::Running {
            may_be_early(&mut self.due, oracle.due, now);
        }
    }
}

impl Shown for Snapshot {
    fn adopt(&mut self, oracle: &Self, now: Timestamp) {
        for (task, oracle) in self.tasks.iter_mut().zip(&oracle.tasks) {
            task.0.adopt(&oracle.0, now);
            if let (Some(detail), Some(oracle)) = (&mut task.1, &oracle.1) {
                detail.task.adopt(&oracle.task, now);
            }
        }
    }
}

/// Nothing due is later than anything.
fn may_be_early(time: &mut Option<Timestamp>, truth: Option<Timestamp>, now: Timestamp) {
    let at = |time: Option<Timestamp>| time.unwrap_or(Timestamp::MAX);
    if at(*time) <= at(truth).max(now) {
        *time = truth;
    }
}
