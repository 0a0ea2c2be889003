//! What the server's settings promise, read when the store is opened (rule F3).

use durable_core::store::Durability;
use sqlx::{PgConnection, Row};

use crate::error::OpenError;

/// Reads what an acknowledged write survives, and warns about each setting that makes it less than the end of the machine.
pub(crate) async fn durability(connection: &mut PgConnection) -> Result<Durability, OpenError> {
    let settings =
        sqlx::raw_sql(include_str!("sql/signals/promises.sql")).fetch_one(&mut *connection).await?;
    if settings.try_get("standby")? {
        tracing::warn!(
            "the server is a standby: until it takes over, everything can be read and nothing written"
        );
    }
    let (fsync, commit): (bool, bool) = (settings.try_get("fsync")?, settings.try_get("synchronous_commit")?);
    if !fsync {
        tracing::warn!(
            "the server runs with fsync = off: the end of its machine may lose or damage everything"
        );
    }
    if !settings.try_get::<bool, _>("full_page_writes")? {
        tracing::warn!(
            "the server runs with full_page_writes = off: the end of its machine may damage pages"
        );
    }
    if !commit {
        tracing::warn!(
            "synchronous_commit is off: the last acknowledged writes may go with the end of the server"
        );
    }
    Ok(if fsync && commit { Durability::Synced } else { Durability::Buffered })
}
