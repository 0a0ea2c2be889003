//! The tables, brought to the version of this release.

use std::time::Instant;

use sqlx::{Row, SqliteConnection};

use crate::engine::patiently;
use crate::error::OpenError;

/// The migrations: the one at index `n` makes version `n + 1`.
pub(crate) const MIGRATIONS: [&str; 1] = [include_str!("../migrations/0001_tables.sql")];

/// The version's table; `user_version` is the application's.
const SCHEMA: &str = "create table if not exists durable_schema (version integer primary key) strict";

/// Fails if nothing can be written: on a read-only database an immediate transaction begins, and only reads.
const PROBE: &str = "update durable_schema set version = version where false";

/// Makes the tables those of this release, in one transaction: of several processes that start at once, one migrates
/// and the others wait for it.
pub(crate) async fn migrate(
    connection: &mut SqliteConnection,
    migrations: &[&'static str],
    deadline: Instant,
) -> Result<(), OpenError> {
    patiently(deadline, async || execute(connection, "begin immediate").await).await?;
    let outcome = bring(connection, migrations).await;
    if outcome.is_err() {
        // What follows is that the connection is closed, which rolls back as well.
        let _ = execute(connection, "rollback").await;
        return outcome;
    }
    patiently(deadline, async || execute(connection, "commit").await).await?;
    Ok(())
}

async fn bring(connection: &mut SqliteConnection, migrations: &[&'static str]) -> Result<(), OpenError> {
    execute(connection, SCHEMA).await?;
    execute(connection, PROBE).await?;
    let found = version(connection).await?;
    let known = i64::try_from(migrations.len()).unwrap_or(i64::MAX);
    if found > known {
        return Err(OpenError::Newer { found, known });
    }
    for (migration, version) in migrations.iter().zip(1_i64..).filter(|(_, version)| *version > found) {
        sqlx::raw_sql(*migration).execute(&mut *connection).await?;
        sqlx::query("insert into durable_schema (version) values ($1)")
            .bind(version)
            .execute(&mut *connection)
            .await?;
    }
    Ok(())
}

async fn version(connection: &mut SqliteConnection) -> Result<i64, sqlx::Error> {
    let row =
        sqlx::query("select coalesce(max(version), 0) from durable_schema").fetch_one(connection).await?;
    row.try_get(0)
}

async fn execute(connection: &mut SqliteConnection, statement: &'static str) -> Result<(), sqlx::Error> {
    sqlx::query(statement).execute(connection).await.map(drop)
}
