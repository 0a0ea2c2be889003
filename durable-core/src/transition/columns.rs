//! How stores with rows spell what is not a plain figure or text: the same numbers in every store.

use super::record::{Closed, Flaw, State, Why};
use crate::model::{
    CancelCause, CheckpointKind, End, EndState, EventName, Failure, ParentClosePolicy, Payload, TaskId,
    Timestamp, WorkerName,
};
use crate::store::{QueueState, WaitSource};

/// How something ended, as three columns.
///
/// `kind` is 0 value (`text`: the payload), 1 timeout, 2 failed: reported (`text`: the payload), 3 failed: the lease ran out
/// (`text`: the worker, `at`: when), 4 failed: corrupt (`text`: what), 5 cancelled: requested (`text`: the reason), 6 cancelled:
/// parent closed, 7 cancelled: max pending time, 8 cancelled: max running time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndColumns {
    /// Which end.
    pub kind: i16,
    /// What belongs to it.
    pub text: Option<String>,
    /// When, in milliseconds, where that belongs to it.
    pub at: Option<i64>,
}

impl From<&End> for EndColumns {
    fn from(end: &End) -> Self {
        let columns = |kind, text| Self { kind, text, at: None };
        match end {
            End::Value(payload) => columns(0, Some(payload.as_str().to_owned())),
            End::Timeout => columns(1, None),
            End::Failed(failure) => failure.into(),
            End::Cancelled(CancelCause::Requested { reason }) => columns(5, reason.as_deref().map(escaped)),
            End::Cancelled(CancelCause::ParentClosed) => columns(6, None),
            End::Cancelled(CancelCause::MaxPendingTime) => columns(7, None),
            End::Cancelled(CancelCause::MaxRunningTime) => columns(8, None),
        }
    }
}

impl From<&Failure> for EndColumns {
    fn from(failure: &Failure) -> Self {
        match failure {
            Failure::Reported(payload) => Self { kind: 2, text: Some(payload.as_str().to_owned()), at: None },
            Failure::ClaimTimeout { worker, at } => {
                Self { kind: 3, text: Some(worker.as_str().to_owned()), at: Some(at.as_millis()) }
            }
            Failure::Corrupt { what } => Self { kind: 4, text: Some(escaped(what)), at: None },
        }
    }
}

impl EndColumns {
    /// What they mean.
    ///
    /// # Errors
    ///
    /// The column that has no meaning.
    pub fn end(&self) -> Result<End, Flaw> {
        Ok(match self.kind {
            0 => End::Value(Payload::from_text(self.some_text()?)),
            1 => End::Timeout,
            2..=4 => End::Failed(self.failure()?),
            5 => End::Cancelled(CancelCause::Requested { reason: self.text.as_deref().map(unescaped) }),
            6 => End::Cancelled(CancelCause::ParentClosed),
            7 => End::Cancelled(CancelCause::MaxPendingTime),
            8 => End::Cancelled(CancelCause::MaxRunningTime),
            _ => return Err("end_kind"),
        })
    }

    /// What they mean for a failed run.
    ///
    /// # Errors
    ///
    /// The column that has no meaning.
    pub fn failure(&self) -> Result<Failure, Flaw> {
        Ok(match self.kind {
            2 => Failure::Reported(Payload::from_text(self.some_text()?)),
            3 => Failure::ClaimTimeout {
                worker: WorkerName::new(self.some_text()?).map_err(|_| "worker")?,
                at: Timestamp::from_millis(self.at.ok_or("end_at")?),
            },
            4 => Failure::Corrupt { what: unescaped(self.some_text()?) },
            _ => return Err("end_kind"),
        })
    }

    fn some_text(&self) -> Result<&str, Flaw> {
        self.text.as_deref().ok_or("end_text")
    }
}

/// Free text without the one character that some databases have no text for. Payloads and names never have it.
fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('\0', "\\0")
}

fn unescaped(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        match character {
            '\\' => plain.push(if characters.next() == Some('0') { '\0' } else { '\\' }),
            other => plain.push(other),
        }
    }
    plain
}

/// The columns `state` and `why`: 0 sleeping (0 start, 1 retry, 2 rest), 1 pending, 2 running, 3 completed, 4 failed,
/// 5 cancelled.
pub fn state_columns(state: State) -> (i16, Option<i16>) {
    match state {
        State::Sleeping(Why::Start) => (0, Some(0)),
        State::Sleeping(Why::Retry) => (0, Some(1)),
        State::Sleeping(Why::Rest) => (0, Some(2)),
        State::Pending => (1, None),
        State::Running => (2, None),
        State::Ended(EndState::Completed) => (3, None),
        State::Ended(EndState::Failed) => (4, None),
        State::Ended(EndState::Cancelled) => (5, None),
    }
}

/// What the columns `state` and `why` mean.
///
/// # Errors
///
/// When they have no meaning.
pub fn state_of(state: i16, why: Option<i16>) -> Result<State, Flaw> {
    Ok(match (state, why) {
        (0, Some(0)) => State::Sleeping(Why::Start),
        (0, Some(1)) => State::Sleeping(Why::Retry),
        (0, Some(2)) => State::Sleeping(Why::Rest),
        (1, _) => State::Pending,
        (2, _) => State::Running,
        (3, _) => State::Ended(EndState::Completed),
        (4, _) => State::Ended(EndState::Failed),
        (5, _) => State::Ended(EndState::Cancelled),
        _ => return Err("state"),
    })
}

/// The columns `closed` and `closed_due`: 1 complete, 2 fail, 3 release, 4 wait.
pub fn closed_columns(closed: Closed) -> (i16, Option<i64>) {
    match closed {
        Closed::Complete => (1, None),
        Closed::Fail(due) => (2, due.map(Timestamp::as_millis)),
        Closed::Release(due) => (3, Some(due.as_millis())),
        Closed::Wait => (4, None),
    }
}

/// What the columns `closed` and `closed_due` mean.
///
/// # Errors
///
/// When they have no meaning.
pub fn closed_of(closed: Option<i16>, due: Option<i64>) -> Result<Option<Closed>, Flaw> {
    let due = due.map(Timestamp::from_millis);
    Ok(match (closed, due) {
        (None, _) => None,
        (Some(1), _) => Some(Closed::Complete),
        (Some(2), due) => Some(Closed::Fail(due)),
        (Some(3), Some(due)) => Some(Closed::Release(due)),
        (Some(4), _) => Some(Closed::Wait),
        _ => return Err("closed"),
    })
}

/// The column `kind` of a checkpoint.
pub fn kind_number(kind: CheckpointKind) -> i16 {
    match kind {
        CheckpointKind::Step => 0,
        CheckpointKind::Value => 1,
        CheckpointKind::Spawn => 2,
        CheckpointKind::Emit => 3,
        CheckpointKind::Select => 4,
        CheckpointKind::Timer => 5,
        CheckpointKind::Event => 6,
        CheckpointKind::Child => 7,
    }
}

/// What the column `kind` of a checkpoint means.
///
/// # Errors
///
/// When it has no meaning.
pub fn kind_of_number(number: i16) -> Result<CheckpointKind, Flaw> {
    Ok(match number {
        0 => CheckpointKind::Step,
        1 => CheckpointKind::Value,
        2 => CheckpointKind::Spawn,
        3 => CheckpointKind::Emit,
        4 => CheckpointKind::Select,
        5 => CheckpointKind::Timer,
        6 => CheckpointKind::Event,
        7 => CheckpointKind::Child,
        _ => return Err("kind"),
    })
}

/// The columns `source`, `event` and `child` of a wait: 0 time, 1 event, 2 child.
pub fn source_columns(source: &WaitSource) -> (i16, Option<&EventName>, Option<TaskId>) {
    match source {
        WaitSource::Time => (0, None, None),
        WaitSource::Event(name) => (1, Some(name), None),
        WaitSource::Child(id) => (2, None, Some(*id)),
    }
}

/// What the columns `source`, `event` and `child` of a wait mean.
///
/// # Errors
///
/// The column that has no meaning.
pub fn source_of(source: i16, event: Option<&str>, child: Option<TaskId>) -> Result<WaitSource, Flaw> {
    Ok(match source {
        0 => WaitSource::Time,
        1 => WaitSource::Event(EventName::new(event.ok_or("event")?).map_err(|_| "event")?),
        2 => WaitSource::Child(child.ok_or("child")?),
        _ => return Err("source"),
    })
}

/// The column `state` of a queue.
pub fn queue_state_number(state: QueueState) -> i16 {
    match state {
        QueueState::Open => 0,
        QueueState::Paused => 1,
        QueueState::Sealed => 2,
    }
}

/// What the column `state` of a queue means. An unknown state of a later release lets nothing through.
pub fn queue_state_of_number(number: i16) -> QueueState {
    match number {
        0 => QueueState::Open,
        1 => QueueState::Paused,
        _ => QueueState::Sealed,
    }
}

/// The column `on_close` of a child.
pub fn on_close_number(policy: ParentClosePolicy) -> i16 {
    match policy {
        ParentClosePolicy::Cancel => 0,
        ParentClosePolicy::Abandon => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn free_text_comes_out_as_it_went_in() {
        for text in ["", "plain", "\0", "\\", "\\0", "a\0b\\c\\\0", "\\\\0"] {
            assert_eq!(unescaped(&escaped(text)), text);
            assert!(!escaped(text).contains('\0'));
        }
    }

    #[test]
    fn every_source_comes_out_as_it_went_in() {
        let sources = [
            WaitSource::Time,
            WaitSource::Event(EventName::new("paid").unwrap()),
            WaitSource::Child(TaskId::new()),
        ];
        for source in sources {
            let (number, event, child) = source_columns(&source);
            assert_eq!(source_of(number, event.map(EventName::as_str), child), Ok(source));
        }
    }

    #[test]
    fn every_state_comes_out_as_it_went_in() {
        let states = [
            State::Sleeping(Why::Start),
            State::Sleeping(Why::Retry),
            State::Sleeping(Why::Rest),
            State::Pending,
            State::Running,
            State::Ended(EndState::Completed),
            State::Ended(EndState::Failed),
            State::Ended(EndState::Cancelled),
        ];
        for state in states {
            let (number, why) = state_columns(state);
            assert_eq!(state_of(number, why), Ok(state));
        }
    }

    #[test]
    fn every_way_to_close_a_claim_comes_out_as_it_went_in() {
        let due = Timestamp::from_millis(7);
        let ways = [
            Closed::Complete,
            Closed::Fail(None),
            Closed::Fail(Some(due)),
            Closed::Release(due),
            Closed::Wait,
        ];
        for way in ways {
            let (number, due) = closed_columns(way);
            assert_eq!(closed_of(Some(number), due), Ok(Some(way)));
        }
        assert_eq!(closed_of(None, None), Ok(None));
    }

    #[test]
    fn every_end_comes_out_as_it_went_in() {
        let worker = WorkerName::new("w").unwrap();
        let requested = |reason: Option<&str>| CancelCause::Requested { reason: reason.map(str::to_owned) };
        let ends = [
            End::Value(Payload::from_text("null")),
            End::Timeout,
            End::Failed(Failure::Reported(Payload::from_text("{}"))),
            End::Failed(Failure::ClaimTimeout { worker, at: Timestamp::from_millis(7) }),
            End::Failed(Failure::Corrupt { what: "state".into() }),
            End::Cancelled(requested(None)),
            End::Cancelled(requested(Some("a\0b"))),
            End::Cancelled(CancelCause::ParentClosed),
            End::Cancelled(CancelCause::MaxPendingTime),
            End::Cancelled(CancelCause::MaxRunningTime),
        ];
        for end in ends {
            assert_eq!(EndColumns::from(&end).end().as_ref(), Ok(&end));
        }
    }
}
