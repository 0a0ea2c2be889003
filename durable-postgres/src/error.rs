//! What went wrong, and whether the write may have happened.

use durable_core::model::Invalid;
use durable_core::store::{StoreError, StoreErrorKind, Verb};
use sqlx::error::DatabaseError;

use crate::sqlstate::{self, Remedy};

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
        match error.as_database_error().and_then(DatabaseError::code).as_deref() {
            Some("28000" | "28P01") => Self::Login,
            Some("3D000") => Self::NoDatabase,
            Some("42501") => Self::NoAccess,
            _ => {
                let (kind, context) = sqlstate::meaning(&error);
                Self::Fault { kind, context, source: sqlstate::shown(error) }
            }
        }
    }
}

/// What ended an attempt at a transaction.
#[derive(Debug)]
pub(crate) enum Fault {
    /// The driver's or the server's, while connecting or beginning.
    Begin(sqlx::Error),
    /// The driver's or the server's, in the transaction.
    Sql(sqlx::Error),
    /// The driver's or the server's, in answer to the commit.
    Commit(sqlx::Error),
    /// No answer within the time allowed.
    Late {
        /// Whether it was the commit's that did not come.
        at_commit: bool,
    },
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
    /// What it calls for.
    pub(crate) fn remedy(&self) -> Remedy {
        match self {
            Self::Begin(error) | Self::Sql(error) | Self::Commit(error) => sqlstate::remedy(error),
            // Its answer may still come, to whoever uses the connection next.
            Self::Late { .. } => Remedy::Connect,
            Self::Again => Remedy::Wait,
            Self::Store(_) => Remedy::None,
        }
    }

    /// Whether the same transaction, begun again after the remedy, may succeed, and cannot happen twice.
    pub(crate) fn may_begin_again(&self) -> bool {
        let is_too_late = matches!(self, Self::Late { .. });
        self.remedy() != Remedy::None && !is_too_late && !self.may_have_happened()
    }

    /// Whether the transaction may be committed all the same.
    fn may_have_happened(&self) -> bool {
        match self {
            Self::Commit(error) => !sqlstate::is_rolled_back(error),
            Self::Late { at_commit } => *at_commit,
            Self::Begin(_) | Self::Sql(_) | Self::Store(_) | Self::Again => false,
        }
    }

    /// The fault as the caller sees it.
    pub(crate) fn into_store(self, verb: Verb) -> StoreError {
        let may_have_happened = self.may_have_happened();
        let (kind, context, source) = match self {
            Self::Store(error) => return error,
            Self::Again => return StoreError::unavailable(verb, "the record keeps changing", false),
            Self::Late { .. } => {
                let context = "the server does not answer within the time allowed";
                return StoreError::unavailable(verb, context, may_have_happened);
            }
            Self::Begin(error) => {
                let (kind, context) = sqlstate::meaning_of_begin(&error);
                (kind, context, error)
            }
            Self::Sql(error) | Self::Commit(error) => {
                let (kind, context) = sqlstate::meaning(&error);
                (kind, context, error)
            }
        };
        let mut fault = StoreError::new(kind, verb, context);
        fault.may_have_happened = may_have_happened;
        fault.with_source(sqlstate::shown(source))
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
