//! What went wrong, and whether the write may have happened.

use std::sync::Arc;

use durable_core::model::Invalid;
use durable_core::store::{StoreError, StoreErrorKind, Verb};
use durable_core::transition::Flaw;

type Source = Box<dyn std::error::Error + Send + Sync>;

/// Why a store could not be opened. It repeats nothing of the URL.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The URL or an option has no meaning.
    #[error(transparent)]
    Invalid(#[from] Invalid),
    /// A missing file is created, a missing directory is not.
    #[error("the directory of the database file does not exist")]
    NoDirectory,
    /// The file cannot be opened or made.
    #[error(
        "the database file cannot be opened or created: it has to be a file, in a directory that may be written"
    )]
    NoAccess,
    /// The file is something else.
    #[error("the file is not a SQLite database")]
    NotADatabase,
    /// The file may be read and not written.
    #[error("the database is read-only")]
    ReadOnly,
    /// Several readers beside a writer need a write-ahead log, which needs a local file system.
    #[error("the database cannot keep a write-ahead log where it is")]
    NoLog,
    /// A later release of this crate has been at work.
    #[error("the tables are those of a newer release: version {found}, and this one knows {known}")]
    Newer {
        /// The version of the tables.
        found: i64,
        /// The newest version that this release knows.
        known: i64,
    },
    /// The database answered with a fault, such as a lock that another process does not give up.
    #[error("the database cannot be opened: {context}")]
    Fault {
        /// What kind of fault.
        kind: StoreErrorKind,
        /// What is wrong.
        context: &'static str,
        /// The driver's own error.
        source: Source,
    },
}

impl From<sqlx::Error> for OpenError {
    fn from(error: sqlx::Error) -> Self {
        match primary_code(&error) {
            Some(code::NOTADB) => return Self::NotADatabase,
            Some(code::READONLY) => return Self::ReadOnly,
            Some(code::CANTOPEN | code::PERM | code::AUTH) => return Self::NoAccess,
            _ => {}
        }
        let (kind, context) = meaning(&error);
        Self::Fault { kind, context, source: error.into() }
    }
}

/// A fault inside a transaction: the database's, or the verb's own answer.
#[derive(Debug)]
pub(crate) enum Fault {
    /// The driver's or the database's.
    Sql(sqlx::Error),
    /// The driver's or the database's, in a call that was to commit.
    Commit(sqlx::Error),
    /// The verb's own, raised before its first write.
    Store(StoreError),
    /// A row that cannot be decoded where that fails the verb: which column.
    Flaw(Flaw),
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
    /// The fault as the caller sees it; a fault in the middle of a transaction was rolled back.
    pub(crate) fn into_store(self, verb: Verb) -> StoreError {
        match self {
            Self::Store(error) => error,
            Self::Sql(error) => classify(verb, &Arc::new(error), false),
            Self::Commit(error) => {
                let may_have_happened = !is_surely_undone(&error);
                classify(verb, &Arc::new(error), may_have_happened)
            }
            Self::Flaw(flaw) => corrupt(verb, flaw),
        }
    }
}

/// A fault of the database as the caller sees it: each of those whom it concerns.
pub(crate) fn classify(verb: Verb, error: &Arc<sqlx::Error>, may_have_happened: bool) -> StoreError {
    let (kind, context) = meaning(error);
    let mut fault = StoreError::new(kind, verb, context);
    fault.may_have_happened = may_have_happened;
    // A column or a parameter that does not fit may show what is in it.
    if shows_no_payload(error) { fault.with_source(Arc::clone(error)) } else { fault }
}

/// A record that cannot be decoded.
pub(crate) fn corrupt(verb: Verb, what: impl Into<String>) -> StoreError {
    StoreError::new(StoreErrorKind::Corrupt, verb, what)
}

/// Whether another connection is in the way for now.
pub(crate) fn is_busy(error: &sqlx::Error) -> bool {
    matches!(primary_code(error), Some(code::BUSY | code::LOCKED | code::PROTOCOL))
}

/// Whether a commit that failed like this, or a statement before it, has surely written nothing once it is rolled back.
pub(crate) fn is_surely_undone(error: &sqlx::Error) -> bool {
    matches!(
        primary_code(error),
        Some(
            code::BUSY
                | code::FULL
                | code::ERROR
                | code::TOOBIG
                | code::CONSTRAINT
                | code::MISMATCH
                | code::CORRUPT
                | code::NOTADB
                | code::READONLY
        )
    )
}

/// Whether there is no transaction to end: some faults have rolled it back already.
pub(crate) fn is_over(error: &sqlx::Error) -> bool {
    primary_code(error) == Some(code::ERROR)
}

fn shows_no_payload(error: &sqlx::Error) -> bool {
    matches!(error, sqlx::Error::Database(_) | sqlx::Error::Io(_) | sqlx::Error::WorkerCrashed)
}

fn meaning(error: &sqlx::Error) -> (StoreErrorKind, &'static str) {
    use StoreErrorKind::{Corrupt, Invalid, Unavailable};
    match error {
        sqlx::Error::Database(database) => code_meaning(primary_code(error), database.message()),
        sqlx::Error::ColumnDecode { .. }
        | sqlx::Error::Decode(_)
        | sqlx::Error::ColumnNotFound(_)
        | sqlx::Error::ColumnIndexOutOfBounds { .. }
        | sqlx::Error::RowNotFound => (Corrupt, "a row cannot be decoded"),
        sqlx::Error::Encode(_) => (Invalid, "a value cannot be stored"),
        _ => (Unavailable, "the connection to the database failed"),
    }
}

fn code_meaning(code: Option<i32>, message: &str) -> (StoreErrorKind, &'static str) {
    use StoreErrorKind::{Conflict, Corrupt, Invalid, Unavailable};
    match code {
        Some(code::BUSY | code::LOCKED | code::PROTOCOL) => {
            (Unavailable, "another connection holds the lock of the database")
        }
        Some(code::FULL) => (Unavailable, "the disk is full"),
        Some(code::READONLY) => (Unavailable, "the database is read-only"),
        Some(code::IOERR | code::CANTOPEN) => (Unavailable, "the database file cannot be read or written"),
        Some(code::PERM | code::AUTH) => (Unavailable, "access to the database file is denied"),
        Some(code::NOMEM) => (Unavailable, "there is not enough memory"),
        Some(code::CORRUPT) => (Corrupt, "the database file is damaged"),
        Some(code::NOTADB) => (Corrupt, "the file is not a SQLite database"),
        Some(code::TOOBIG) => (Invalid, "a value is larger than the database takes"),
        Some(code::CONSTRAINT) => (Conflict, "a constraint of the tables"),
        Some(code::ERROR) if is_of_other_tables(message) => {
            (Corrupt, "the tables are not those of this release")
        }
        Some(code::ERROR | code::MISMATCH) => (Corrupt, "a stored value does not fit its statement"),
        _ => (Unavailable, "the database asks to come back"),
    }
}

fn is_of_other_tables(message: &str) -> bool {
    message.starts_with("no such table")
        || message.starts_with("no such column")
        || message.contains("has no column named")
}

/// The result code without what extends it.
pub(crate) fn primary_code(error: &sqlx::Error) -> Option<i32> {
    let extended: i32 = error.as_database_error()?.code()?.parse().ok()?;
    Some(extended & 0xff)
}

/// SQLite's primary result codes.
pub(crate) mod code {
    pub(crate) const ERROR: i32 = 1;
    pub(crate) const PERM: i32 = 3;
    pub(crate) const BUSY: i32 = 5;
    pub(crate) const LOCKED: i32 = 6;
    pub(crate) const NOMEM: i32 = 7;
    pub(crate) const READONLY: i32 = 8;
    pub(crate) const IOERR: i32 = 10;
    pub(crate) const CORRUPT: i32 = 11;
    pub(crate) const FULL: i32 = 13;
    pub(crate) const CANTOPEN: i32 = 14;
    pub(crate) const PROTOCOL: i32 = 15;
    pub(crate) const TOOBIG: i32 = 18;
    pub(crate) const CONSTRAINT: i32 = 19;
    pub(crate) const MISMATCH: i32 = 20;
    pub(crate) const AUTH: i32 = 23;
    pub(crate) const NOTADB: i32 = 26;
}
