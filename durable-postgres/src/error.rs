//! What went wrong, and whether the write may have happened.

use durable_core::model::Invalid;
use durable_core::store::{StoreError, StoreErrorKind, Verb};

/// A fault inside a transaction: the server's, or the verb's own answer.
#[derive(Debug)]
pub(crate) enum Fault {
    /// The driver's or the server's.
    Sql(sqlx::Error),
    /// The driver's or the server's, before anything was done.
    Begin(sqlx::Error),
    /// The verb's own.
    Store(StoreError),
    /// What was read has changed since; begin again.
    Again,
}

impl From<sqlx::Error> for Fault {
    fn from(error: sqlx::Error) -> Self {
        Self::Sql(error)
    }
}

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl Fault {
    /// Whether the same transaction, begun again, may succeed.
    pub(crate) fn is_transient(&self) -> bool {
        match self {
            // A connection that died while it was idle; a new one may be alive, and nothing has been sent on this.
            Self::Again | Self::Begin(sqlx::Error::Io(_)) => true,
            Self::Store(_) | Self::Begin(_) => false,
            Self::Sql(error) => matches!(code(error).as_deref(), Some("40001" | "40P01" | "23505")),
        }
    }

    /// The fault as the caller sees it.
    pub(crate) fn into_store(self, verb: Verb, may_have_happened: bool) -> StoreError {
        match self {
            Self::Store(error) => error,
            Self::Again => StoreError::unavailable(verb, "the record keeps changing", false),
            Self::Begin(error) => classify(error, verb, false),
            Self::Sql(error) => classify(error, verb, may_have_happened),
        }
    }
}

/// A request without a meaning.
pub(crate) fn invalid(verb: Verb, what: &'static str, problem: impl Into<String>) -> StoreError {
    StoreError::invalid(verb, &Invalid::new(what, problem))
}

/// A record that cannot be decoded.
pub(crate) fn corrupt(verb: Verb, what: impl Into<String>) -> StoreError {
    StoreError::new(StoreErrorKind::Corrupt, verb, what)
}

fn code(error: &sqlx::Error) -> Option<String> {
    error.as_database_error()?.code().map(std::borrow::Cow::into_owned)
}

fn classify(error: sqlx::Error, verb: Verb, may_have_happened: bool) -> StoreError {
    let fault = match (&error, code(&error).as_deref().and_then(|code| code.get(..2))) {
        // The statement was refused as it stands.
        (_, Some("22" | "54")) => {
            StoreError::new(StoreErrorKind::Invalid, verb, "the server refuses a value")
        }
        (_, Some("23")) => StoreError::new(StoreErrorKind::Conflict, verb, "a constraint of the tables"),
        (_, Some("42" | "3F")) => {
            StoreError::new(StoreErrorKind::Unsupported, verb, "the tables are not as expected")
        }
        // Rolled back, out of resources, shutting down: the server says that nothing was written.
        (_, Some(_)) => StoreError::unavailable(verb, "the server asks to come back", false),
        (sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_), None) => {
            StoreError::new(StoreErrorKind::Corrupt, verb, "a column cannot be decoded")
        }
        (sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed, None) => {
            StoreError::unavailable(verb, "no connection", false)
        }
        (_, None) => StoreError::unavailable(verb, "the server does not answer", may_have_happened),
    };
    fault.with_source(error)
}
