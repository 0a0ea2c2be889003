//! The tables: made by any number of processes, by hand, and compared with what a release knows.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail")]

mod support;

use durable_core::model::QueueName;
use durable_core::store::{PutQueueRequest, QueueState, Queues};
use durable_postgres::{OpenError, PostgresOptions, PostgresStore, migrations};
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use support::Server;
use uuid::Uuid;

/// What there is in the schema: tables with their settings, columns and indexes.
const CATALOGUE: &str = "
    select c.relname || ' ' || coalesce(array_to_string(c.reloptions, ','), '') as line
    from pg_class c where c.relnamespace = 'durable'::regnamespace
    union all
    select table_name || '.' || column_name || ' ' || data_type || ' ' || is_nullable || ' ' || coalesce(column_default, '')
    from information_schema.columns where table_schema = 'durable'
    union all
    select indexdef from pg_indexes where schemaname = 'durable'
    order by line";

/// A database without anything in it, and what removes it.
struct Empty {
    name: String,
    url: String,
}

impl Empty {
    async fn new() -> anyhow::Result<Self> {
        let name = format!("t{}", Uuid::now_v7().simple());
        Server::get().create_database(&name).await?;
        let url = Server::get().url_of(&name);
        Ok(Self { name, url })
    }

    async fn run(&self, statements: &str) -> anyhow::Result<()> {
        let mut connection = PgConnection::connect(&self.url).await?;
        // Written by these tests; names of roles and databases, which cannot be parameters, are made here.
        sqlx::raw_sql(AssertSqlSafe(statements)).execute(&mut connection).await?;
        Ok(connection.close().await?)
    }

    async fn catalogue(&self) -> anyhow::Result<Vec<String>> {
        let mut connection = PgConnection::connect(&self.url).await?;
        let lines = sqlx::query_scalar(CATALOGUE).fetch_all(&mut connection).await?;
        connection.close().await?;
        Ok(lines)
    }

    /// Opens a store as a role of its own, which may do what `granted` says.
    async fn opened_by_a_role(&self, granted: &str) -> anyhow::Result<Result<PostgresStore, OpenError>> {
        let role = format!("r{}", Uuid::now_v7().simple());
        self.run(&format!("create role {role} login; {}", granted.replace("ROLE", &role))).await?;
        let url = self.url.replacen("postgres@", &format!("{role}@"), 1);
        anyhow::ensure!(url != self.url, "the role is in the URL");
        Ok(PostgresStore::open(&url).await)
    }

    async fn remove(self) -> anyhow::Result<()> {
        Server::get().drop_database(&self.name).await
    }
}

async fn use_it(store: &PostgresStore) -> anyhow::Result<()> {
    store.put_queue(PutQueueRequest::new(QueueName::new("q")?, QueueState::Open)).await?;
    store.close().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn pg_15_processes_that_start_at_once_all_get_the_tables() -> anyhow::Result<()> {
    let database = Empty::new().await?;
    let opens = (0..16).map(|_| {
        let url = database.url.clone();
        tokio::spawn(async move { use_it(&PostgresStore::open(&url).await?).await })
    });
    for open in futures::future::join_all(opens).await {
        open??;
    }
    database.remove().await
}

#[tokio::test]
async fn the_printed_migrations_make_what_opening_makes() -> anyhow::Result<()> {
    let (opened, by_hand) = (Empty::new().await?, Empty::new().await?);
    PostgresStore::open(&opened.url).await?.close().await;
    by_hand.run(&migrations()).await?;
    assert_eq!(by_hand.catalogue().await?, opened.catalogue().await?);
    let options = PostgresOptions::default().migrate(false);
    use_it(&PostgresStore::open_with(&by_hand.url, options).await?).await?;
    opened.remove().await?;
    by_hand.remove().await
}

#[tokio::test]
async fn tables_that_are_missing_are_told_where_opening_may_not_make_them() -> anyhow::Result<()> {
    let database = Empty::new().await?;
    let options = PostgresOptions::default().migrate(false);
    let refused = PostgresStore::open_with(&database.url, options).await;
    assert!(matches!(refused, Err(OpenError::Older { found: 0, known: 1 })), "{refused:?}");
    assert_eq!(database.catalogue().await.map_err(|error| error.to_string()).unwrap_or_default().len(), 0);
    database.remove().await
}

#[tokio::test]
async fn tables_of_a_newer_release_that_admits_this_one_are_used() -> anyhow::Result<()> {
    let database = Empty::new().await?;
    PostgresStore::open(&database.url).await?.close().await;
    database.run("insert into durable.versions (version, admits) values (2, 1)").await?;
    use_it(&PostgresStore::open(&database.url).await?).await?;
    database.remove().await
}

#[tokio::test]
async fn tables_of_a_newer_release_that_admits_this_one_no_longer_are_refused() -> anyhow::Result<()> {
    let database = Empty::new().await?;
    PostgresStore::open(&database.url).await?.close().await;
    database.run("insert into durable.versions (version, admits) values (3, 2)").await?;
    let refused = PostgresStore::open(&database.url).await;
    assert!(matches!(refused, Err(OpenError::Newer { found: 3, admits: 2, known: 1 })), "{refused:?}");
    database.remove().await
}

#[tokio::test]
async fn pg_6_a_role_that_may_create_in_the_database_makes_the_tables() -> anyhow::Result<()> {
    let database = Empty::new().await?;
    let create = format!("grant create on database \"{}\" to ROLE", database.name);
    use_it(&database.opened_by_a_role(&create).await??).await?;
    database.remove().await
}

#[tokio::test]
async fn pg_6_a_role_needs_no_more_than_reading_and_writing_once_the_tables_are_there() -> anyhow::Result<()>
{
    let database = Empty::new().await?;
    PostgresStore::open(&database.url).await?.close().await;
    let use_only = "grant usage on schema durable to ROLE; \
                    grant select, insert, update, delete on all tables in schema durable to ROLE";
    use_it(&database.opened_by_a_role(use_only).await??).await?;
    database.remove().await
}

#[tokio::test]
async fn pg_6_a_role_that_may_not_is_told_so() -> anyhow::Result<()> {
    let database = Empty::new().await?;
    let refused = database.opened_by_a_role("").await?;
    assert!(matches!(refused, Err(OpenError::NoAccess)), "{refused:?}");
    PostgresStore::open(&database.url).await?.close().await;
    let refused = database.opened_by_a_role("").await?;
    assert!(matches!(refused, Err(OpenError::NoAccess)), "{refused:?}");
    database.remove().await
}
