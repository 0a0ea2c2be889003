//! Migrations.

use std::time::{Duration, Instant};

use super::world::{World, execute, seen};
use crate::OpenError;
use crate::migrate::{MIGRATIONS, migrate};

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(5)
}

#[tokio::test]
async fn tables_of_a_newer_release_are_refused() {
    let world = World::new();
    world.open().await.close().await;
    let mut connection = world.connect().await;
    execute(&mut connection, "insert into durable_schema values (1000)").await;
    let OpenError::Newer { found, known } = world.refused().await else { panic!("it is newer") };
    assert_eq!((found, known), (1000, i64::try_from(MIGRATIONS.len()).unwrap()));
}

#[tokio::test]
async fn an_older_file_gets_what_it_lacks_and_keeps_what_it_has() {
    let world = World::new();
    let mut connection = world.connect().await;
    migrate(&mut connection, &MIGRATIONS, soon()).await.unwrap();
    execute(&mut connection, "insert into durable_queues values ('a', 0)").await;
    let mut longer = MIGRATIONS.to_vec();
    longer.push("create table durable_later (id integer) strict; insert into durable_later values (1)");
    for _ in 0..2 {
        migrate(&mut connection, &longer, soon()).await.unwrap();
    }
    assert_eq!(seen(&mut connection).await, 1);
    let later: i64 =
        sqlx::query_scalar("select sum(id) from durable_later").fetch_one(&mut connection).await.unwrap();
    assert_eq!(later, 1);
}

#[tokio::test]
async fn a_migration_that_fails_leaves_nothing() {
    let world = World::new();
    let mut connection = world.connect().await;
    let broken = ["create table durable_half (id integer)", "create table durable_half (id integer)"];
    migrate(&mut connection, &broken, soon()).await.unwrap_err();
    let tables: i64 =
        sqlx::query_scalar("select count(*) from sqlite_schema").fetch_one(&mut connection).await.unwrap();
    assert_eq!(tables, 0);
}

#[test]
fn sq12_stores_that_open_a_new_file_at_once_all_get_it() {
    for _ in 0..20 {
        let world = World::new();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
                    runtime.block_on(async { world.open().await.close().await });
                });
            }
        });
    }
}
