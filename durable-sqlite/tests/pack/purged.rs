//! Numbers of purged tasks (SQ-9).

use durable_core::model::{EndState, Millis};
use durable_core::store::{Inspect, PurgeRequest, TaskRequest, Upkeep};

use super::desk::{Desk, Place, figure, job};

/// Purges everything that has ended, to the last record.
async fn purge(desk: &Desk) {
    let states = vec![EndState::Completed, EndState::Failed, EndState::Cancelled];
    let request = PurgeRequest::new(desk.queue.clone(), states, Millis::ZERO, 1_000);
    while desk.store.purge(request.clone()).await.unwrap().more {}
}

#[tokio::test]
async fn sq9_the_number_of_a_purged_task_is_never_used_again() {
    let place = Place::new();
    let mut desk = place.open().await;
    let mut looking = place.connect().await;
    let mut last = 0;
    for round in 0..4 {
        let token = desk.running().await;
        desk.save(token, &format!("of round {round}"), "1").await.unwrap();
        desk.complete(token).await.unwrap();
        let number = figure(&mut looking, "select max(seq) from durable_tasks").await;
        assert!(number > last, "{number} after {last}");
        last = number;
        purge(&desk).await;
        assert_eq!(figure(&mut looking, "select count(*) from durable_tasks").await, 0);
        if round == 1 {
            desk.store.close().await;
            desk = place.open().await;
        }
    }
    place.check().await;
}

#[tokio::test]
async fn sq9_a_new_task_gets_nothing_of_one_whose_history_is_still_being_purged() {
    let place = Place::new();
    let desk = place.open().await;
    let token = desk.running().await;
    for n in 0..20 {
        desk.save(token, &format!("k{n}"), "1").await.unwrap();
    }
    desk.complete(token).await.unwrap();
    let request = PurgeRequest::new(desk.queue.clone(), vec![EndState::Completed], Millis::ZERO, 5);
    assert!(desk.store.purge(request).await.unwrap().more, "garbage is left");
    let task = desk.spawn(job("job")).await.unwrap();
    let detail = desk.store.task(TaskRequest::new(desk.queue.clone(), task)).await.unwrap().unwrap();
    assert!(detail.history.items.is_empty(), "{detail:?}");
    assert_eq!(desk.claim("job", 1).await.unwrap()[0].checkpoints, 0);
    purge(&desk).await;
    let mut looking = place.connect().await;
    assert_eq!(figure(&mut looking, "select count(*) from durable_history").await, 0);
    assert_eq!(figure(&mut looking, "select count(*) from durable_garbage").await, 0);
    place.check().await;
}
