//! What the driver's errors mean to a caller.

use durable_core::store::{StoreError, StoreErrorKind, Verb};
use redis::{ErrorKind, RedisError, ServerErrorKind};

/// Why a store could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The key prefix has a brace or a control character.
    #[error("the key prefix may have no brace and no control character")]
    Prefix,
    /// The address is none, or nobody answers there.
    #[error("cannot open the connection to Redis")]
    Connection(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// Says what a failed call means.
pub(crate) fn classify(verb: Verb, error: RedisError) -> StoreError {
    let (kind, may_have_happened, context) = match error.kind() {
        ErrorKind::Server(kind) => server(kind),
        ErrorKind::Extension => extension(error.code()),
        ErrorKind::Io => (
            StoreErrorKind::Unavailable,
            !error.is_connection_refusal(),
            "the connection to the server failed",
        ),
        ErrorKind::Parse | ErrorKind::UnexpectedReturnType => {
            (StoreErrorKind::Corrupt, true, "the server's answer cannot be read")
        }
        _ => (StoreErrorKind::Unavailable, false, "the call was not sent"),
    };
    let mut fault = StoreError::new(kind, verb, context);
    fault.may_have_happened = may_have_happened;
    fault.with_source(error)
}

fn server(kind: ServerErrorKind) -> (StoreErrorKind, bool, &'static str) {
    match kind {
        ServerErrorKind::Moved
        | ServerErrorKind::Ask
        | ServerErrorKind::TryAgain
        | ServerErrorKind::ClusterDown
        | ServerErrorKind::MasterDown
        | ServerErrorKind::ReadOnly
        | ServerErrorKind::BusyLoading => {
            (StoreErrorKind::Unavailable, false, "the server does not serve the queue's slot now")
        }
        ServerErrorKind::NoPerm => {
            (StoreErrorKind::Unsupported, false, "the server's access rules forbid a command")
        }
        // A script that fails midway keeps what it has written.
        _ => (StoreErrorKind::Corrupt, true, "the script failed"),
    }
}

fn extension(code: Option<&str>) -> (StoreErrorKind, bool, &'static str) {
    match code {
        Some("BUSY" | "UNKILLABLE") => {
            (StoreErrorKind::Unavailable, false, "the server is busy with another script")
        }
        Some("OOM") => (StoreErrorKind::Unavailable, false, "the server is out of memory"),
        Some("NOREPLICAS" | "MISCONF" | "STALE" | "NOAUTH") => {
            (StoreErrorKind::Unavailable, false, "the server takes no writes now")
        }
        _ => (StoreErrorKind::Corrupt, true, "the script failed"),
    }
}
