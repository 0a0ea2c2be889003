//! Rows of events that were looked for and never written: a purge looks at its share of them, and comes round.

mod support;

use durable_core::model::{Clock, ManualClock, Millis, Timestamp};
use durable_core::store::{PurgeRequest, Upkeep};
use support::bench::Bench;

/// How many tasks wait, each for an event of its own; their names come first.
const AWAITED: i64 = 500;
/// How many a purge looks at.
const SHARE: u32 = 100;

async fn placeholders(bench: &Bench) -> anyhow::Result<i64> {
    let statement = "select count(*) from durable.events where written_at is null";
    Ok(sqlx::query_scalar(statement).fetch_one(bench.store.pool()).await?)
}

#[tokio::test]
async fn u1_a_purge_comes_to_a_placeholder_behind_many_that_tasks_wait_for() -> anyhow::Result<()> {
    let clock = ManualClock::starting_at(Timestamp::from_millis(1_000_000));
    let bench = Bench::open(2).await?;
    let store = bench.store.with_clock(Clock::Manual(clock.clone()));
    let bench = Bench { store, ..bench };
    sqlx::query(
        "with made as (
           insert into durable.events (queue, name)
           select 'q', 'a' || n from generate_series(1, $1) n union all select 'q', 'z'
         )
         insert into durable.waits (queue, task, key, source, event, registered_at)
         select 'q', gen_random_uuid(), 'k', 1, 'a' || n, 0 from generate_series(1, $1) n",
    )
    .bind(AWAITED)
    .execute(bench.store.pool())
    .await?;
    let age = Millis::new(1_000);
    let request = PurgeRequest::new(bench.queue.clone(), Vec::new(), age, SHARE).with_events();
    for _ in 0..AWAITED / i64::from(SHARE) {
        assert_eq!(placeholders(&bench).await?, AWAITED + 1, "each purge looks at its share");
        bench.store.purge(request.clone()).await?;
    }
    bench.store.purge(request.clone()).await?;
    assert_eq!(placeholders(&bench).await?, AWAITED);
    // What is not waited for any more goes when it is looked at again, after the age.
    sqlx::query("delete from durable.waits").execute(bench.store.pool()).await?;
    bench.store.purge(request.clone()).await?;
    assert_eq!(placeholders(&bench).await?, AWAITED, "it was looked at a moment ago");
    clock.advance(std::time::Duration::from_secs(1));
    bench.store.purge(request).await?;
    assert_eq!(placeholders(&bench).await?, AWAITED - i64::from(SHARE));
    bench.close().await
}
