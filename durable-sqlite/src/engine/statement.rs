//! Static SQL, and what begins or ends a transaction with it.
//!
//! What costs is the way to the driver's thread and back, many times more than a statement. So one call carries as many
//! statements as it can: several files, the `begin` before the first of them, the `commit` after the last.

use sqlx::sqlite::{Sqlite, SqliteArguments};
use sqlx::{Arguments, Encode, Type};

/// The statements of one call: alone, at the begin and at the end of a writer's transaction, and of a reader's.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Statement {
    pub(crate) alone: &'static str,
    pub(crate) opening: &'static str,
    pub(crate) closing: &'static str,
    pub(crate) looking: &'static str,
}

/// The statements of some files under `src/sql`, which share their parameters: `$1`, never `?1`, of which the driver
/// leaves some unbound when there are several statements.
macro_rules! statement {
    ($($file:literal),+) => {
        $crate::engine::Statement {
            alone: concat!($(include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/src/sql/", $file)), ";\n"),+),
            // It also says whether others have written.
            opening: concat!(
                "begin immediate; pragma data_version;\n",
                $(include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/src/sql/", $file)), ";\n"),+
            ),
            closing: concat!(
                $(include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/src/sql/", $file)), ";\n"),+,
                "commit"
            ),
            looking: concat!(
                "begin;\n",
                $(include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/src/sql/", $file)), ";\n"),+
            ),
        }
    };
}

pub(crate) use statement;

impl Statement {
    /// A call of it, with the first parameter.
    pub(crate) fn bind<'q, T: Encode<'q, Sqlite> + Type<Sqlite>>(self, value: T) -> Call {
        Call { statement: self, arguments: Ok(SqliteArguments::default()) }.bind(value)
    }
}

/// A statement with its parameters.
pub(crate) struct Call {
    pub(super) statement: Statement,
    pub(super) arguments: Result<SqliteArguments, sqlx::Error>,
}

impl Call {
    /// The next parameter.
    pub(crate) fn bind<'q, T: Encode<'q, Sqlite> + Type<Sqlite>>(mut self, value: T) -> Self {
        if let Ok(arguments) = &mut self.arguments
            && let Err(error) = arguments.add(value)
        {
            self.arguments = Err(sqlx::Error::Encode(error));
        }
        self
    }
}
