//! Tasks as they are stored, without their payloads.

use durable_core::model::{CancelCause, EndState, TaskName, Timestamp, Token};
use sqlx::Row;
use sqlx::postgres::PgRow;
use uuid::Uuid;

use super::{EndRow, Undecodable};

/// Where a task is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    Sleeping(Why),
    Pending,
    Running,
    Ended(EndState),
}

/// Why a task sleeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Why {
    Start,
    Retry,
    Rest,
}

/// Which verb closed a claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ClosedBy {
    Complete,
    Fail,
    Release,
    Wait,
}

/// How the holder of the newest claim closed it (rule C7).
#[derive(Debug, Clone, Copy)]
pub(crate) struct Closed {
    pub(crate) by: ClosedBy,
    /// The due time that was answered; `None` when the task ended or rests.
    pub(crate) due: Option<i64>,
}

/// A locked task.
#[derive(Debug, Clone)]
pub(crate) struct Task {
    pub(crate) id: Uuid,
    pub(crate) depth: i32,
    pub(crate) parent: Option<Uuid>,
    pub(crate) join_key: Option<String>,
    pub(crate) max_pending: Option<i64>,
    pub(crate) max_running: Option<i64>,
    pub(crate) spawned_at: i64,
    pub(crate) state: State,
    pub(crate) available_at: Option<i64>,
    pub(crate) max_attempts: Option<i32>,
    pub(crate) attempt: i32,
    pub(crate) limit_from: i64,
    pub(crate) first_started_at: Option<i64>,
    pub(crate) ended_at: Option<i64>,
    pub(crate) end: Option<EndRow>,
    pub(crate) closing_since: Option<i64>,
    pub(crate) claims: i64,
    pub(crate) call: Option<Uuid>,
    pub(crate) worker: Option<String>,
    pub(crate) lease: Option<i64>,
    pub(crate) expires_at: Option<i64>,
    pub(crate) closed: Option<Closed>,
    pub(crate) need: Option<i32>,
    pub(crate) rest_due: Option<i64>,
    pub(crate) last_order: i64,
    pub(crate) checkpoints: i64,
    /// It has live children that its end cancels.
    pub(crate) has_children: bool,
    /// What of it cannot be decoded.
    pub(crate) corrupt: Option<Undecodable>,
}

impl Task {
    /// Reads a row of `tasks_read`. What cannot be decoded is told by `corrupt`, so that it fails this task alone.
    pub(crate) fn read(row: &PgRow) -> Result<Self, sqlx::Error> {
        let state = State::read(row.try_get("state")?, row.try_get("why")?);
        let closed = ClosedBy::read(row.try_get("closed")?);
        let name: String = row.try_get("name")?;
        let attempt: i32 = row.try_get("attempt")?;
        let corrupt =
            state.as_ref().err().or(closed.as_ref().err()).copied().or_else(|| flaw(&name, attempt));
        let closed_due = row.try_get("closed_due")?;
        Ok(Self {
            id: row.try_get("id")?,
            depth: row.try_get("depth")?,
            parent: row.try_get("parent")?,
            join_key: row.try_get("join_key")?,
            max_pending: row.try_get("max_pending")?,
            max_running: row.try_get("max_running")?,
            spawned_at: row.try_get("spawned_at")?,
            state: state.unwrap_or(State::Pending),
            available_at: row.try_get("available_at")?,
            max_attempts: row.try_get("max_attempts")?,
            attempt,
            limit_from: row.try_get("limit_from")?,
            first_started_at: row.try_get("first_started_at")?,
            ended_at: row.try_get("ended_at")?,
            end: EndRow::read(row)?,
            closing_since: row.try_get("closing_since")?,
            claims: row.try_get("claims")?,
            call: row.try_get("call")?,
            worker: row.try_get("worker")?,
            lease: row.try_get("lease")?,
            expires_at: row.try_get("expires_at")?,
            closed: closed.ok().flatten().map(|by| Closed { by, due: closed_due }),
            need: row.try_get("need")?,
            rest_due: row.try_get("rest_due")?,
            last_order: row.try_get("last_order")?,
            checkpoints: row.try_get("checkpoints")?,
            has_children: row.try_get("has_children")?,
            corrupt,
        })
    }

    /// Whether it can still change by itself.
    pub(crate) fn is_live(&self) -> bool {
        !matches!(self.state, State::Ended(_))
    }

    /// Whether it rests.
    pub(crate) fn is_resting(&self) -> bool {
        self.state == State::Sleeping(Why::Rest)
    }

    /// Whether this is the token of its newest claim.
    pub(crate) fn is_newest(&self, token: Token) -> bool {
        self.call == Some(token.call.as_uuid()) && u64::try_from(self.claims) == Ok(token.claim)
    }

    /// Who holds it, while it runs.
    pub(crate) fn holder(&self) -> Option<String> {
        if self.state == State::Running { self.worker.clone() } else { None }
    }

    /// When it is cancelled by its own limit, and why.
    pub(crate) fn limit(&self) -> Option<(i64, CancelCause)> {
        match self.first_started_at {
            None => self.max_pending.map(|max| (later(self.limit_from, max), CancelCause::MaxPendingTime)),
            Some(first) => self.max_running.map(|max| (later(first, max), CancelCause::MaxRunningTime)),
        }
    }

    /// When something other than its limit is due.
    pub(crate) fn own_due(&self) -> Option<i64> {
        match self.state {
            State::Sleeping(Why::Start | Why::Retry) => self.available_at,
            State::Sleeping(Why::Rest) => self.rest_due,
            State::Running => self.expires_at,
            State::Pending | State::Ended(_) => None,
        }
    }

    /// The earliest thing to do.
    pub(crate) fn due(&self) -> Option<i64> {
        if !self.is_live() {
            return None;
        }
        let limit = self.limit().map(|(at, _)| at);
        match (self.own_due(), limit) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        }
    }
}

/// The moment `millis` later, at most the end of time.
pub(crate) fn later(from: i64, millis: i64) -> i64 {
    Timestamp::from_millis(from.saturating_add(millis)).as_millis()
}

/// What of the columns that nobody else checks has no meaning.
pub(crate) fn flaw(name: &str, attempt: i32) -> Option<Undecodable> {
    if attempt < 1 {
        return Some("attempt");
    }
    TaskName::new(name).err().map(|_| "name")
}

impl State {
    /// Reads the two columns.
    pub(crate) fn read(state: i16, why: Option<i16>) -> Result<Self, Undecodable> {
        match (state, why) {
            (0, Some(0)) => Ok(Self::Sleeping(Why::Start)),
            (0, Some(1)) => Ok(Self::Sleeping(Why::Retry)),
            (0, Some(2)) => Ok(Self::Sleeping(Why::Rest)),
            (1, _) => Ok(Self::Pending),
            (2, _) => Ok(Self::Running),
            (3, _) => Ok(Self::Ended(EndState::Completed)),
            (4, _) => Ok(Self::Ended(EndState::Failed)),
            (5, _) => Ok(Self::Ended(EndState::Cancelled)),
            _ => Err("state"),
        }
    }

    /// The two columns.
    pub(crate) fn numbers(self) -> (i16, Option<i16>) {
        match self {
            Self::Sleeping(Why::Start) => (0, Some(0)),
            Self::Sleeping(Why::Retry) => (0, Some(1)),
            Self::Sleeping(Why::Rest) => (0, Some(2)),
            Self::Pending => (1, None),
            Self::Running => (2, None),
            Self::Ended(EndState::Completed) => (3, None),
            Self::Ended(EndState::Failed) => (4, None),
            Self::Ended(EndState::Cancelled) => (5, None),
        }
    }
}

impl ClosedBy {
    fn read(number: Option<i16>) -> Result<Option<Self>, Undecodable> {
        match number {
            None => Ok(None),
            Some(1) => Ok(Some(Self::Complete)),
            Some(2) => Ok(Some(Self::Fail)),
            Some(3) => Ok(Some(Self::Release)),
            Some(4) => Ok(Some(Self::Wait)),
            Some(_) => Err("closed"),
        }
    }

    /// The column.
    pub(crate) fn number(self) -> i16 {
        match self {
            Self::Complete => 1,
            Self::Fail => 2,
            Self::Release => 3,
            Self::Wait => 4,
        }
    }
}
