//! Logins that may not do what they are asked to.

use durable_core::store::StoreErrorKind;
use durable_postgres::{OpenError, PostgresOptions, PostgresStore};
use sqlx::AssertSqlSafe;

use crate::support::Server;
use crate::support::bench::{Bench, job};
use crate::{bench_at, database, fault};

async fn role(bench: &Bench, name: &str) -> anyhow::Result<String> {
    let role = format!("{name}_{}", bench.database);
    // A role's name cannot be a parameter; here and below it is made by the test.
    let words = AssertSqlSafe(format!("create role {role} login"));
    sqlx::raw_sql(words).execute(bench.store.pool()).await?;
    Ok(role)
}

fn url_as(role: &str, database: &str) -> String {
    Server::get().url_of(database).replacen("postgres@", &format!("{role}@"), 1)
}

#[tokio::test]
async fn pg_6_a_login_without_rights_is_told_so_when_it_opens() -> anyhow::Result<()> {
    let bench = Bench::open(2).await?;
    let role = role(&bench, "nobody").await?;
    let refused = PostgresStore::open(&url_as(&role, &bench.database)).await;
    assert!(matches!(refused, Err(OpenError::NoAccess)), "{refused:?}");
    bench.close().await
}

#[tokio::test]
async fn pg_6_a_right_that_is_taken_away_is_unsupported() -> anyhow::Result<()> {
    let bench = Bench::open(2).await?;
    let role = role(&bench, "reader").await?;
    let grants = format!(
        "grant usage on schema durable to {role}; grant select on all tables in schema durable to {role}"
    );
    sqlx::raw_sql(AssertSqlSafe(grants)).execute(bench.store.pool()).await?;
    let store = PostgresStore::open(&url_as(&role, &bench.database)).await?;
    let reader = Bench { store, ..bench.clone() };
    let refused = fault(reader.spawn(vec![job()?]).await);
    assert_eq!((refused.kind, refused.may_have_happened), (StoreErrorKind::Unsupported, false));
    reader.store.close().await;
    bench.close().await
}

#[tokio::test]
async fn pg_6_a_login_that_owns_nothing_but_the_schema_makes_the_tables() -> anyhow::Result<()> {
    let server = Server::get();
    let name = database(server).await?;
    let admin = Bench { database: name.clone(), ..Bench::open(1).await? };
    let role = role(&admin, "owner").await?;
    let grant = AssertSqlSafe(format!("grant create on database \"{name}\" to {role}"));
    sqlx::raw_sql(grant).execute(admin.store.pool()).await?;
    let bench = bench_at(&url_as(&role, &name), PostgresOptions::default()).await?;
    bench.spawn(vec![job()?]).await?;
    assert_eq!(bench.claim(10).await?.claims.len(), 1);
    bench.store.close().await;
    server.drop_database(&name).await
}
