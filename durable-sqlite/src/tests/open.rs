//! What can be opened, and what is refused.

use std::os::unix::fs::FileExt;

use durable_core::model::{Clock, ManualClock, Timestamp};

use super::world::{Ask, Put, World, execute, seen};
use crate::{OpenError, SqliteOptions, SqliteStore, Synchronous};

#[tokio::test]
async fn a_missing_file_is_created_and_holds_a_log() {
    let world = World::new();
    world.open().await.close().await;
    let mut header = [0; 20];
    std::fs::File::open(world.file()).unwrap().read_exact_at(&mut header, 0).unwrap();
    assert_eq!(header[18..20], [2, 2]);
}

#[tokio::test]
async fn a_missing_directory_is_told() {
    let world = World::new();
    let url = format!("sqlite:{}", world.path("none/store.db").display());
    assert!(matches!(SqliteStore::open(&url).await, Err(OpenError::NoDirectory)));
}

#[tokio::test]
async fn a_directory_is_no_database() {
    let world = World::new();
    std::fs::create_dir(world.file()).unwrap();
    assert!(matches!(world.refused().await, OpenError::NoAccess));
}

#[tokio::test]
async fn a_file_that_is_something_else_is_refused_and_left_as_it_is() {
    let world = World::new();
    let letter = "Dear reader, this is no database. ".repeat(300);
    std::fs::write(world.file(), &letter).unwrap();
    assert!(matches!(world.refused().await, OpenError::NotADatabase));
    assert_eq!(std::fs::read_to_string(world.file()).unwrap(), letter);
}

#[tokio::test]
async fn sq6_a_file_that_cannot_be_written_is_refused_at_once() {
    let world = World::new();
    world.open().await.close().await;
    // A write version that SQLite does not know is read-only for it, also for root.
    let file = std::fs::File::options().write(true).open(world.file()).unwrap();
    file.write_all_at(&[3], 18).unwrap();
    drop(file);
    assert!(matches!(world.refused().await, OpenError::ReadOnly));
}

#[tokio::test]
async fn the_application_s_own_tables_and_version_stay() {
    let world = World::new();
    let mut own = world.connect().await;
    execute(&mut own, "create table orders (id integer primary key); pragma user_version = 7").await;
    let store = world.open().await;
    store.write(Put::named("a")).await.unwrap();
    assert_eq!(seen(&mut own).await, 1);
    execute(&mut own, "insert into orders values (1)").await;
    let version: i64 = sqlx::query_scalar("pragma user_version").fetch_one(&mut own).await.unwrap();
    assert_eq!(version, 7);
}

#[tokio::test]
async fn odd_paths_are_files_of_that_name() {
    let world = World::new();
    for name in ["file:odd", "a b?c#d%", "ä\u{1f980}", ":memory:x"] {
        let encoded = name.replace('%', "%25").replace('?', "%3f");
        let url = format!("sqlite:{}", world.path(&encoded).display());
        SqliteStore::open(&url).await.unwrap().close().await;
        assert!(world.path(name).is_file(), "{name}");
    }
}

#[tokio::test]
async fn neither_a_store_nor_an_error_shows_the_path() {
    let world = World::new();
    let url = format!("sqlite:{}", world.path("hunter2.db").display());
    let store = SqliteStore::open(&url).await.unwrap();
    assert!(!format!("{store:?}").contains("hunter2"));
    let url = format!("sqlite:{}", world.path("hunter2/store.db").display());
    let error = SqliteStore::open(&url).await.unwrap_err();
    assert!(!format!("{error} {error:?}").contains("hunter2"));
}

#[tokio::test]
async fn k1_every_handle_reads_its_own_clock_when_the_lock_is_held() {
    let world = World::new();
    let clock = ManualClock::starting_at(Timestamp::from_millis(1_000));
    let store = world.open().await.with_clock(Clock::Manual(clock.clone()));
    let mut lock = world.lock().await;
    let call = super::world::begin(&store, super::world::Time).await;
    clock.set(Timestamp::from_millis(2_000));
    execute(&mut lock, "rollback").await;
    assert_eq!(call.await.unwrap().unwrap(), Timestamp::from_millis(2_000));
}

#[tokio::test(start_paused = true)]
async fn k1_a_clock_that_follows_tokio_follows_the_caller_s() {
    let world = World::new();
    let start = Timestamp::from_millis(1_000);
    let store = world.open().await.with_clock(Clock::following_tokio(start));
    let earlier = store.write(super::world::Time).await.unwrap();
    tokio::time::advance(std::time::Duration::from_secs(5)).await;
    let later = store.write(super::world::Time).await.unwrap();
    assert_eq!(later.since(earlier).as_i64(), 5_000);
}

#[tokio::test]
async fn sq5_the_connection_that_writes_syncs_as_it_was_asked_to() {
    let world = World::new();
    for (synchronous, level) in [(Synchronous::Full, 2), (Synchronous::Normal, 1)] {
        let options = SqliteOptions::default().synchronous(synchronous);
        let store = SqliteStore::open_with(&world.url(), options).await.unwrap();
        assert_eq!(store.write(Ask("pragma synchronous")).await.unwrap(), level, "{synchronous:?}");
        assert_eq!(store.write(Ask("pragma fullfsync")).await.unwrap(), 1);
        store.close().await;
    }
}
