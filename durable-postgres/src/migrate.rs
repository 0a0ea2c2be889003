//! The tables, brought to the version of this release.

use sqlx::{Connection, PgConnection, Row};

use crate::error::OpenError;

/// The migrations: the one at index `n` makes version `n + 1`, and says so in `durable.versions`.
///
/// A release runs beside the one before during a deploy. So a migration adds what its release needs, and admits the
/// version before; what nobody needs any more goes a release later.
const MIGRATIONS: [&str; 1] = [include_str!("../migrations/0001_tables.sql")];

/// The SQL that makes the tables of this release in a database without any, for those who apply migrations by hand.
///
/// It is one transaction. Every release lists what it adds in `durable-postgres/migrations/`; whoever has an earlier
/// version applies what is missing.
pub fn migrations() -> String {
    let lock = include_str!("sql/migrate/lock.sql");
    let schema =
        include_str!("sql/migrate/schema.sql").replace("create schema", "create schema if not exists");
    let tables = MIGRATIONS.join("\n");
    format!("begin;\n\n{lock};\n\n{schema};\n\n{tables}\ncommit;\n")
}

/// What is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Found {
    schema: bool,
    /// The version of the tables; 0 without any.
    version: i32,
    /// The oldest version whose release may work on them.
    admits: i32,
}

/// Compares the tables with what this release knows, and changes them if it may and must.
///
/// Any number of processes may do so at once: one migrates, in one transaction, and the others wait for it.
pub(crate) async fn bring(connection: &mut PgConnection, may_change: bool) -> Result<(), OpenError> {
    bring_to(connection, &MIGRATIONS, may_change).await
}

async fn bring_to(
    connection: &mut PgConnection,
    migrations: &[&'static str],
    may_change: bool,
) -> Result<(), OpenError> {
    let known = i32::try_from(migrations.len()).unwrap_or(i32::MAX);
    if is_current(find(connection).await?, known)? {
        return Ok(());
    }
    if !may_change {
        let found = find(connection).await?.version;
        return Err(OpenError::Older { found, known });
    }
    let mut tx = connection.begin_with(include_str!("sql/session/begin_write.sql")).await?;
    sqlx::query(include_str!("sql/migrate/lock.sql")).execute(&mut *tx).await?;
    let found = find(&mut tx).await?;
    if is_current(found, known)? {
        return Ok(());
    }
    if !found.schema {
        sqlx::raw_sql(include_str!("sql/migrate/schema.sql")).execute(&mut *tx).await?;
    }
    for (migration, version) in migrations.iter().zip(1..) {
        if version > found.version {
            sqlx::raw_sql(*migration).execute(&mut *tx).await?;
        }
    }
    tx.commit().await?;
    Ok(())
}

/// Whether nothing is missing; an error when too much is there.
fn is_current(found: Found, known: i32) -> Result<bool, OpenError> {
    if found.admits > known {
        return Err(OpenError::Newer { found: found.version, admits: found.admits, known });
    }
    Ok(found.version >= known)
}

async fn find(connection: &mut PgConnection) -> Result<Found, sqlx::Error> {
    let exists = sqlx::raw_sql(include_str!("sql/migrate/exists.sql")).fetch_one(&mut *connection).await?;
    let (schema, versions): (bool, bool) = (exists.try_get("schema")?, exists.try_get("versions")?);
    let mut found = Found { schema, version: 0, admits: 0 };
    if versions {
        let version =
            sqlx::raw_sql(include_str!("sql/migrate/version.sql")).fetch_optional(connection).await?;
        if let Some(version) = version {
            (found.version, found.admits) = (version.try_get("version")?, version.try_get("admits")?);
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::Server;

    /// What a later release may bring.
    const LATER: &str = "alter table durable.queues add column note text not null default 'new';
                         insert into durable.versions (version, admits) values (2, 1)";

    async fn database() -> anyhow::Result<PgConnection> {
        let name = format!("t{}", uuid::Uuid::now_v7().simple());
        Server::get().create_database(&name).await?;
        Ok(PgConnection::connect(&Server::get().url_of(&name)).await?)
    }

    #[tokio::test]
    async fn older_tables_get_what_they_lack_and_keep_what_they_have() -> anyhow::Result<()> {
        let mut connection = database().await?;
        bring(&mut connection, true).await?;
        sqlx::raw_sql("insert into durable.queues (name, state) values ('q', 0)")
            .execute(&mut connection)
            .await?;
        let longer = [MIGRATIONS[0], LATER];
        let refused = bring_to(&mut connection, &longer, false).await;
        assert!(matches!(refused, Err(OpenError::Older { found: 1, known: 2 })), "{refused:?}");
        for _ in 0..2 {
            bring_to(&mut connection, &longer, true).await?;
        }
        let note: String =
            sqlx::query_scalar("select note from durable.queues").fetch_one(&mut connection).await?;
        assert_eq!(note, "new");
        // The release before goes on beside this one.
        bring(&mut connection, true).await?;
        Ok(())
    }

    #[tokio::test]
    async fn a_migration_that_fails_leaves_nothing() -> anyhow::Result<()> {
        let mut connection = database().await?;
        bring_to(&mut connection, &[MIGRATIONS[0], "create table durable.queues ()"], true)
            .await
            .unwrap_err();
        assert_eq!(find(&mut connection).await?, Found { schema: false, version: 0, admits: 0 });
        Ok(())
    }
}
