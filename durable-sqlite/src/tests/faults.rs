//! What a database may answer, and what the caller hears of it.

use std::os::unix::fs::FileExt;

use durable_core::store::StoreErrorKind;

use super::world::{Count, Put, Run, World, seen};

#[tokio::test]
async fn sq6_a_full_disk_is_unavailable_and_nothing_was_written() {
    let world = World::new();
    let store = world.open().await;
    store.write(Run("pragma max_page_count = 1")).await.unwrap();
    let much = Run("insert into durable_queues select printf('%d%s', value, hex(randomblob(900))), 0 \
                    from json_each('[1,2,3,4,5,6,7,8,9,10]')");
    let fault = store.write(much).await.unwrap_err();
    assert_eq!((fault.kind, fault.may_have_happened), (StoreErrorKind::Unavailable, false), "{fault}");
    assert_eq!(fault.context, "the disk is full");
    store.write(Run("pragma max_page_count = 100000")).await.unwrap();
    assert_eq!(store.read(Count).await.unwrap(), 0);
    store.write(much).await.unwrap();
    assert_eq!(seen(&mut world.connect().await).await, 10);
}

#[tokio::test]
async fn sq6_a_damaged_page_is_corrupt() {
    let world = World::new();
    let store = world.open().await;
    store.write(Put::named("a")).await.unwrap();
    store.close().await;
    let file = std::fs::File::options().write(true).open(world.file()).unwrap();
    let pages = file.metadata().unwrap().len() / 4_096;
    // All but the first, which has the header and the schema.
    for page in 1..pages {
        file.write_all_at(&[0xa5; 4_096], page * 4_096).unwrap();
    }
    drop(file);
    let error = match crate::SqliteStore::open(&world.url()).await {
        Ok(store) => store.read(Count).await.unwrap_err().kind,
        Err(crate::OpenError::Fault { kind, .. }) => kind,
        Err(other) => panic!("{other}"),
    };
    assert_eq!(error, StoreErrorKind::Corrupt);
}

#[tokio::test]
async fn sq6_a_database_that_has_become_read_only_is_unavailable() {
    let world = World::new();
    let store = world.open().await;
    store.write(Run("pragma query_only = on")).await.unwrap();
    let fault = store.write(Put::named("a")).await.unwrap_err();
    assert_eq!((fault.kind, fault.may_have_happened), (StoreErrorKind::Unavailable, false));
    assert_eq!(fault.context, "the database is read-only");
}

#[tokio::test]
async fn tables_that_are_gone_are_corrupt() {
    let world = World::new();
    let store = world.open().await;
    store.write(Run("drop table durable_queues")).await.unwrap();
    for fault in [store.write(Put::named("a")).await.unwrap_err(), store.read(Count).await.unwrap_err()] {
        assert_eq!(fault.kind, StoreErrorKind::Corrupt);
        assert_eq!(fault.context, "the tables are not those of this release");
    }
}

#[tokio::test]
async fn a_value_that_is_too_big_is_invalid() {
    let world = World::new();
    let store = world.open().await;
    let fault = store.write(Run("select zeroblob(1000000001)")).await.unwrap_err();
    assert_eq!(fault.kind, StoreErrorKind::Invalid);
}

#[tokio::test]
async fn no_fault_shows_what_was_written() {
    let world = World::new();
    let store = world.open().await;
    store.write(Put::named("hunter2")).await.unwrap();
    for fault in [
        store.write(Put::named("hunter2")).await.unwrap_err(),
        store.write(Run("insert into durable_queues values ('b', 'hunter2')")).await.unwrap_err(),
        store.write(Run("select json('{hunter2')")).await.unwrap_err(),
    ] {
        assert!(!format!("{fault} {fault:?}").contains("hunter2"), "{fault:?}");
    }
}

#[tokio::test]
async fn a_reader_writes_nothing() {
    let world = World::new();
    let store = world.open().await;
    store.read(Put::named("a")).await.unwrap_err();
    assert_eq!(store.read(Count).await.unwrap(), 0);
}
