//! How something ended: three columns, everywhere the same.

use durable_core::model::{CancelCause, End, Failure, Payload, Timestamp, WorkerName};
use sqlx::Row;
use sqlx::postgres::PgRow;

use super::Undecodable;

const VALUE: i16 = 0;
const TIMEOUT: i16 = 1;
const REPORTED: i16 = 2;
const CLAIM_TIMEOUT: i16 = 3;
const CORRUPT: i16 = 4;
const REQUESTED: i16 = 5;
const PARENT_CLOSED: i16 = 6;
const MAX_PENDING_TIME: i16 = 7;
const MAX_RUNNING_TIME: i16 = 8;

/// An end as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct EndRow {
    pub(crate) kind: i16,
    pub(crate) text: Option<String>,
    pub(crate) at: Option<i64>,
}

impl EndRow {
    fn new(kind: i16, text: Option<String>) -> Self {
        Self { kind, text, at: None }
    }

    /// A value.
    pub(crate) fn value(payload: &Payload) -> Self {
        Self::new(VALUE, Some(payload.as_str().to_owned()))
    }

    /// A value by its stored text.
    pub(crate) fn value_text(payload: Option<String>) -> Self {
        Self::new(VALUE, payload)
    }

    /// A deadline that came first.
    pub(crate) fn timeout() -> Self {
        Self::new(TIMEOUT, None)
    }

    /// A failure.
    pub(crate) fn failure(failure: &Failure) -> Self {
        match failure {
            Failure::Reported(payload) => Self::new(REPORTED, Some(payload.as_str().to_owned())),
            Failure::ClaimTimeout { worker, at } => {
                Self { kind: CLAIM_TIMEOUT, text: Some(worker.as_str().to_owned()), at: Some(at.as_millis()) }
            }
            Failure::Corrupt { what } => Self::new(CORRUPT, Some(what.clone())),
        }
    }

    /// A cancellation.
    pub(crate) fn cancelled(cause: &CancelCause) -> Self {
        match cause {
            CancelCause::Requested { reason } => Self::new(REQUESTED, reason.as_deref().map(escaped)),
            CancelCause::ParentClosed => Self::new(PARENT_CLOSED, None),
            CancelCause::MaxPendingTime => Self::new(MAX_PENDING_TIME, None),
            CancelCause::MaxRunningTime => Self::new(MAX_RUNNING_TIME, None),
        }
    }

    /// Reads the columns; `None` when there is no end.
    pub(crate) fn read(row: &PgRow) -> Result<Option<Self>, sqlx::Error> {
        let kind: Option<i16> = row.try_get("end_kind")?;
        let Some(kind) = kind else { return Ok(None) };
        Ok(Some(Self { kind, text: row.try_get("end_text")?, at: row.try_get("end_at")? }))
    }

    /// What it means.
    pub(crate) fn end(&self) -> Result<End, Undecodable> {
        match self.kind {
            VALUE => Ok(End::Value(Payload::from_text(self.some_text()?))),
            TIMEOUT => Ok(End::Timeout),
            REPORTED | CLAIM_TIMEOUT | CORRUPT => self.as_failure().map(End::Failed),
            _ => self.as_cause().map(End::Cancelled),
        }
    }

    /// What it means for a failed task or run.
    pub(crate) fn as_failure(&self) -> Result<Failure, Undecodable> {
        match self.kind {
            REPORTED => Ok(Failure::Reported(Payload::from_text(self.some_text()?))),
            CLAIM_TIMEOUT => Ok(Failure::ClaimTimeout {
                worker: WorkerName::new(self.some_text()?).map_err(|_| "worker")?,
                at: Timestamp::from_millis(self.at.ok_or("end_at")?),
            }),
            CORRUPT => Ok(Failure::Corrupt { what: self.some_text()? }),
            _ => Err("end_kind"),
        }
    }

    fn as_cause(&self) -> Result<CancelCause, Undecodable> {
        match self.kind {
            REQUESTED => Ok(CancelCause::Requested { reason: self.text.as_deref().map(unescaped) }),
            PARENT_CLOSED => Ok(CancelCause::ParentClosed),
            MAX_PENDING_TIME => Ok(CancelCause::MaxPendingTime),
            MAX_RUNNING_TIME => Ok(CancelCause::MaxRunningTime),
            _ => Err("end_kind"),
        }
    }

    fn some_text(&self) -> Result<String, Undecodable> {
        self.text.clone().ok_or("end_text")
    }
}

/// Free text without the one character that PostgreSQL has no text for. Payloads and names never have it.
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
}
