//! A queue is dropped while something comes into it.

use durable_core::store::{
    DropQueueAnswer, DropQueueRequest, Queues, SpawnAnswer, SpawnRequest, StoreErrorKind, Tasks,
};

use crate::stage::{BOTH_ORDERS, First, Held, close, meet};
use crate::support::bench::{Bench, job};

async fn drop_queue(bench: Bench) -> anyhow::Result<DropQueueAnswer> {
    Ok(bench.store.drop_queue(DropQueueRequest::new(bench.queue.clone())).await?)
}

#[tokio::test]
async fn a_task_that_is_spawned_while_its_queue_is_dropped_is_in_a_queue() -> anyhow::Result<()> {
    for first in BOTH_ORDERS {
        let bench = Bench::open(6).await?;
        let request = SpawnRequest::new(bench.queue.clone(), vec![job()?]);
        let held = Held::queue(&bench).await?;
        let (spawned, dropped) = meet(
            &bench,
            held,
            first,
            async move |bench| Ok(bench.store.spawn(request).await),
            async move |bench| drop_queue(bench).await,
        )
        .await?;
        match first {
            First::One => {
                assert!(matches!(spawned?, SpawnAnswer::Spawned(_)));
                assert_eq!(dropped, DropQueueAnswer::NotEmpty);
            }
            First::Other => {
                assert_eq!(spawned.map_err(|error| error.kind), Err(StoreErrorKind::NotFound));
                assert_eq!(dropped, DropQueueAnswer::Dropped);
            }
        }
        let homeless: i64 = sqlx::query_scalar(
            "select count(*) from durable.tasks t where not exists (select 1 from durable.queues q where q.name = t.queue)",
        )
        .fetch_one(bench.store.pool())
        .await?;
        assert_eq!(homeless, 0, "{first:?}");
        close(bench).await?;
    }
    Ok(())
}

#[tokio::test]
async fn an_event_that_is_emitted_while_its_queue_is_dropped_is_in_a_queue() -> anyhow::Result<()> {
    for first in BOTH_ORDERS {
        let bench = Bench::open(6).await?;
        let held = Held::queue(&bench).await?;
        let (emitted, dropped) = meet(
            &bench,
            held,
            first,
            async move |bench| Ok(bench.emit("e").await),
            async move |bench| drop_queue(bench).await,
        )
        .await?;
        let (is_emitted, answer) = match first {
            First::One => (true, DropQueueAnswer::NotEmpty),
            First::Other => (false, DropQueueAnswer::Dropped),
        };
        assert_eq!((emitted.is_ok(), dropped), (is_emitted, answer));
        let events: i64 =
            sqlx::query_scalar("select count(*) from durable.events").fetch_one(bench.store.pool()).await?;
        assert_eq!(events, i64::from(is_emitted));
        close(bench).await?;
    }
    Ok(())
}
