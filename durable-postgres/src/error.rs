//! What went wrong, and whether the write may have happened.

use durable_core::model::Invalid;
use durable_core::store::{StoreError, StoreErrorKind, Verb};

type Source = Box<dyn std::error::Error + Send + Sync>;

/// Why a store could not be opened. It repeats nothing of the URL.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The URL or an option has no meaning.
    #[error(transparent)]
    Invalid(#[from] Invalid),
    /// The server knows no such user, or refuses the password.
    #[error("the server refuses the login")]
    Login,
    /// The server has no such database.
    #[error("the server has no database of that name")]
    NoDatabase,
    /// The login may not do what opening needs.
    #[error(
        "the login may not use the schema `durable`, or not create it: grant it, or have the migrations applied"
    )]
    NoAccess,
    /// The server repeats the writes of another and takes none.
    #[error("the server is a standby, which takes no writes")]
    Standby,
    /// The tables are those of an earlier release, or missing, and the options forbid to change them.
    #[error(
        "the tables are of version {found}, and this release needs {known}: apply the migrations, or allow them"
    )]
    Older {
        /// The version of the tables; 0 without any.
        found: i32,
        /// The version that this release needs.
        known: i32,
    },
    /// A later release has been at work, and admits this one no longer.
    #[error(
        "the tables are of version {found}, for releases that know {admits} or newer, and this one knows {known}"
    )]
    Newer {
        /// The version of the tables.
        found: i32,
        /// The oldest version whose release may work on them.
        admits: i32,
        /// The newest version that this release knows.
        known: i32,
    },
    /// The server answered with a fault, or not at all.
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
        match code(&error).as_deref() {
            Some("28000" | "28P01") => Self::Login,
            Some("3D000") => Self::NoDatabase,
            Some("42501") => Self::NoAccess,
            _ => {
                let (kind, context) = meaning(&error);
                Self::Fault { kind, context, source: error.into() }
            }
        }
    }
}

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
    let (kind, context) = meaning(&error);
    let mut fault = StoreError::new(kind, verb, context);
    // What the server answers it has rolled back.
    fault.may_have_happened = may_have_happened && code(&error).is_none();
    fault.with_source(error)
}

fn meaning(error: &sqlx::Error) -> (StoreErrorKind, &'static str) {
    use StoreErrorKind::{Conflict, Corrupt, Invalid, Unavailable, Unsupported};
    match (error, code(error).as_deref().and_then(|code| code.get(..2))) {
        (_, Some("22" | "54")) => (Invalid, "the server refuses a value"),
        (_, Some("23")) => (Conflict, "a constraint of the tables"),
        (_, Some("42" | "3F")) => (Unsupported, "the tables are not as expected"),
        // Rolled back, out of resources, shutting down.
        (_, Some(_)) => (Unavailable, "the server asks to come back"),
        (sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_), None) => {
            (Corrupt, "a column cannot be decoded")
        }
        (sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed, None) => (Unavailable, "no connection"),
        (_, None) => (Unavailable, "the server does not answer"),
    }
}
