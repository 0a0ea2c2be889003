//! Group commit.

use super::world::{Count, Has, Put, World, execute, number};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_writers_share_commits_and_all_that_is_acknowledged_is_there() {
    let world = World::new();
    let store = world.open().await;
    let mut writers = tokio::task::JoinSet::new();
    for n in 0..400 {
        let store = store.clone();
        writers.spawn(async move { store.write(Put(format!("q{n}"))).await.unwrap() });
    }
    writers.join_all().await;
    assert_eq!(store.read(Count).await.unwrap(), 400);
}

#[tokio::test]
async fn what_was_written_is_read() {
    let world = World::new();
    let store = world.open().await;
    store.write(Put("a".into())).await.unwrap();
    assert!(store.read(Has("a".into())).await.unwrap());
    store.close().await;
    let mut connection = world.connect().await;
    execute(&mut connection, "select 1").await;
    assert_eq!(number(&mut connection, "select count(*) from durable_queues").await, 1);
}
