//! Callers that go away: what they asked for is done later, or not at all (SQ-10, AM-10).

use std::pin::pin;

use durable_core::store::Outcome;
use futures::FutureExt;

use super::desk::{Place, execute, job};

#[tokio::test]
async fn sq10_a_call_that_is_dropped_on_its_way_happens_whole_later_and_may_be_repeated() {
    let place = Place::new();
    let desk = place.open().await;
    let token = desk.running().await;
    let mut lock = place.connect().await;
    execute(&mut lock, "begin immediate").await;
    let task = job("job");
    // Each is asked for, and nobody waits for the answer.
    assert!(pin!(desk.spawn(task.clone())).now_or_never().is_none());
    assert!(pin!(desk.save(token, "k", "1")).now_or_never().is_none());
    assert!(pin!(desk.complete(token)).now_or_never().is_none());
    assert_eq!(desk.outcome(task.id).await.unwrap(), Outcome::NotFound);
    execute(&mut lock, "rollback").await;
    // Whoever asks again is behind them in the line.
    desk.spawn(task.clone()).await.unwrap();
    desk.complete(token).await.unwrap();
    assert_eq!(desk.outcome(task.id).await.unwrap(), Outcome::Live);
    assert!(matches!(desk.outcome(token.task).await.unwrap(), Outcome::Completed(_)));
    execute(&mut lock, "begin immediate; rollback").await;
    place.check().await;
}

#[tokio::test]
async fn sq10_a_call_that_is_never_polled_does_nothing() {
    let place = Place::new();
    let desk = place.open().await;
    let task = job("job");
    let id = task.id;
    drop(desk.spawn(task));
    assert_eq!(desk.outcome(id).await.unwrap(), Outcome::NotFound);
}

#[tokio::test]
async fn sq10_a_store_that_is_dropped_with_calls_on_their_way_ends_them_first() {
    let place = Place::new();
    let desk = place.open().await;
    let tasks: Vec<_> = (0..20).map(|_| job("job")).collect();
    for task in &tasks {
        assert!(pin!(desk.spawn(task.clone())).now_or_never().is_none());
    }
    drop(desk);
    let desk = place.open().await;
    for task in &tasks {
        // Also this one goes over the lock, and so comes after what the dropped store was asked for.
        desk.spawn(job("other")).await.unwrap();
        while desk.outcome(task.id).await.unwrap() == Outcome::NotFound {
            tokio::task::yield_now().await;
        }
    }
}
