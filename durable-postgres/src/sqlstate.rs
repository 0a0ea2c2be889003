//! What the server's codes mean, and what may be shown of its answers.

use durable_core::store::StoreErrorKind;
use sqlx::postgres::{PgDatabaseError, PgSeverity};

/// What makes the same transaction worth beginning again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Remedy {
    /// Nothing that can be done from here.
    None,
    /// A moment: another transaction was in the way.
    Wait,
    /// Statements that are prepared anew.
    Prepare,
    /// Another connection: this one is dead, or leads to a server that is no primary any more.
    Connect,
}

/// What the driver's error calls for.
pub(crate) fn remedy(error: &sqlx::Error) -> Remedy {
    match error {
        sqlx::Error::Io(_) => Remedy::Connect,
        sqlx::Error::Database(_) => of_server(error).map_or(Remedy::None, |answer| {
            if is_stale_plan(answer) { Remedy::Prepare } else { of_code(answer.code()) }
        }),
        _ => Remedy::None,
    }
}

fn of_code(code: &str) -> Remedy {
    match code {
        // Serialization, deadlock, a lock that was not granted in time, two that make the same row.
        "40001" | "40P01" | "55P03" | "23505" => Remedy::Wait,
        // A statement that this session does not know, or knows already.
        "26000" | "42P05" => Remedy::Prepare,
        // Ended while idle, by the operator, by a crash, or while starting; and read-only, as after a failover.
        "25P03" | "57P01" | "57P02" | "57P03" | "57P05" | "25006" => Remedy::Connect,
        code if code.starts_with("08") => Remedy::Connect,
        _ => Remedy::None,
    }
}

/// `cached plan must not change result type`: its code is that of everything unsupported, and its message is translated.
fn is_stale_plan(answer: &PgDatabaseError) -> bool {
    answer.code() == "0A000"
        && answer.routine().is_some_and(|routine| routine.starts_with("RevalidateCached"))
}

/// Whether a commit that ended in this error was surely rolled back.
///
/// An error that ends the transaction says so; one that ends the session may come after the commit, and before its answer.
pub(crate) fn is_rolled_back(error: &sqlx::Error) -> bool {
    let is_known = |code: &str| !matches!(code, "40003" | "08007");
    of_server(error)
        .is_some_and(|answer| matches!(answer.severity(), PgSeverity::Error) && is_known(answer.code()))
}

/// The kind of an error, and what it says to a person.
pub(crate) fn meaning(error: &sqlx::Error) -> (StoreErrorKind, &'static str) {
    use StoreErrorKind::{Corrupt, Unavailable};
    match error {
        sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_) => (Corrupt, "a column cannot be decoded"),
        sqlx::Error::PoolTimedOut => {
            (Unavailable, "no connection in time: all are in use, or the server takes no more")
        }
        sqlx::Error::PoolClosed => (Unavailable, "the store is closed"),
        error => of_server(error)
            .map_or((Unavailable, "the server does not answer"), |answer| of_state(answer.code())),
    }
}

/// The same for an error of `begin`: to read and write is all that it asks for, and a standby calls that unsupported.
pub(crate) fn meaning_of_begin(error: &sqlx::Error) -> (StoreErrorKind, &'static str) {
    let is_refused = of_server(error).is_some_and(|answer| answer.code() == "0A000");
    if is_refused { of_state("25006") } else { meaning(error) }
}

fn of_state(code: &str) -> (StoreErrorKind, &'static str) {
    use StoreErrorKind::{Conflict, Corrupt, Invalid, Unavailable, Unsupported};
    match (code.get(..2).unwrap_or_default(), code) {
        (_, "57014") => (Unavailable, "the statement was cancelled, by the server's time limit or by hand"),
        (_, "55P03") => (Unavailable, "a lock was not granted within the server's time limit"),
        (_, "25P03" | "57P05") => (Unavailable, "the server ended an idle session"),
        (_, "25006") => (Unavailable, "the server is read-only: a standby, or set so"),
        (_, "57P01" | "57P02") => {
            (Unavailable, "the server ended the session: it stops, or somebody asked it to")
        }
        (_, "57P03") => (Unavailable, "the server is starting, stopping or recovering"),
        (_, "57P04" | "3D000") => (Unavailable, "the server has no such database"),
        (_, "53100") => (Unavailable, "the server's disk is full"),
        (_, "53300") => (Unavailable, "the server takes no more connections"),
        (_, "26000" | "42P05") => {
            (Unavailable, "the session is not the one of before: say `pooler=transaction` behind a pooler")
        }
        (_, "42501") => (Unsupported, "the login may not do this: grant it"),
        (_, "XX001" | "XX002") => (Corrupt, "the server's files are damaged"),
        ("08", _) => (Unavailable, "the connection was lost"),
        ("0A", _) => (Unsupported, "the server does not support it"),
        ("22" | "54", _) => (Invalid, "the server refuses a value"),
        ("23", _) => (Conflict, "a constraint of the tables"),
        ("28", _) => (Unavailable, "the server refuses the login"),
        ("40", _) => (Unavailable, "other transactions are in the way, time and again"),
        ("42" | "3F", _) => (Unsupported, "the tables are not as expected"),
        ("53", _) => (Unavailable, "the server is out of resources"),
        _ => (Unavailable, "the server asks to come back"),
    }
}

/// The server's own error, if it is one.
fn of_server(error: &sqlx::Error) -> Option<&PgDatabaseError> {
    error.as_database_error()?.try_downcast_ref()
}

/// The server's answer, without its detail, which shows rows, and without a message that quotes a value.
#[derive(Debug, thiserror::Error)]
#[error("{code}: {message}")]
struct ServerError {
    code: String,
    message: String,
    table: Option<String>,
    constraint: Option<String>,
}

/// What may be shown of an error: no payload, no name that a user gave.
pub(crate) fn shown(error: sqlx::Error) -> Box<dyn std::error::Error + Send + Sync> {
    let Some(answer) = of_server(&error) else { return error.into() };
    let message = if answer.code().starts_with("22") { "(not shown)" } else { answer.message() };
    Box::new(ServerError {
        code: answer.code().to_owned(),
        message: message.to_owned(),
        table: answer.table().map(str::to_owned),
        constraint: answer.constraint().map(str::to_owned),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use StoreErrorKind::{Conflict, Corrupt, Invalid, Unavailable, Unsupported};

    /// Every code that a server is known to answer with, and what becomes of it.
    const CODES: [(&str, Remedy, StoreErrorKind); 32] = [
        ("08000", Remedy::Connect, Unavailable),
        ("08003", Remedy::Connect, Unavailable),
        ("08006", Remedy::Connect, Unavailable),
        ("08P01", Remedy::Connect, Unavailable),
        ("0A000", Remedy::None, Unsupported),
        ("22021", Remedy::None, Invalid),
        ("22P02", Remedy::None, Invalid),
        ("23503", Remedy::None, Conflict),
        ("23505", Remedy::Wait, Conflict),
        ("23514", Remedy::None, Conflict),
        ("25006", Remedy::Connect, Unavailable),
        ("25P03", Remedy::Connect, Unavailable),
        ("26000", Remedy::Prepare, Unavailable),
        ("28P01", Remedy::None, Unavailable),
        ("3D000", Remedy::None, Unavailable),
        ("3F000", Remedy::None, Unsupported),
        ("40001", Remedy::Wait, Unavailable),
        ("40P01", Remedy::Wait, Unavailable),
        ("42501", Remedy::None, Unsupported),
        ("42P01", Remedy::None, Unsupported),
        ("42P05", Remedy::Prepare, Unavailable),
        ("53100", Remedy::None, Unavailable),
        ("53200", Remedy::None, Unavailable),
        ("53300", Remedy::None, Unavailable),
        ("54000", Remedy::None, Invalid),
        ("55P03", Remedy::Wait, Unavailable),
        ("57014", Remedy::None, Unavailable),
        ("57P01", Remedy::Connect, Unavailable),
        ("57P02", Remedy::Connect, Unavailable),
        ("57P03", Remedy::Connect, Unavailable),
        ("57P05", Remedy::Connect, Unavailable),
        ("XX001", Remedy::None, Corrupt),
    ];

    #[test]
    fn pg_1_every_code_is_repeated_or_told_as_what_it_is() {
        for (code, remedy, kind) in CODES {
            assert_eq!((of_code(code), of_state(code).0), (remedy, kind), "{code}");
        }
    }

    #[test]
    fn pg_1_without_an_answer_another_connection_is_tried_and_nothing_is_known() {
        let lost = sqlx::Error::Io(std::io::ErrorKind::ConnectionReset.into());
        assert_eq!((remedy(&lost), meaning(&lost).0), (Remedy::Connect, Unavailable));
        assert!(!is_rolled_back(&lost));
        assert_eq!(remedy(&sqlx::Error::PoolTimedOut), Remedy::None);
    }
}
