//! A bench that is quiet, and ears on its channel.

use std::time::Duration;

use durable_core::model::QueueName;
use durable_core::store::{Hint, Hints, PutQueueRequest, QueueState, Queues, Signals};
use durable_postgres::{PostgresOptions, PostgresStore};
use futures::StreamExt;
use sqlx::postgres::PgListener;

use super::Server;
use super::bench::Bench;

/// Something is ready.
pub(crate) const NOW: Hint = Hint::Work { next_due: None };
/// How long what must come may take.
pub(crate) const SOON: Duration = Duration::from_secs(20);
/// The next hint.
#[expect(clippy::expect_used, reason = "it fails the test, as it should")]
pub(crate) async fn next(hints: &mut Hints) -> Hint {
    tokio::time::timeout(SOON, hints.next()).await.expect("a hint in time").expect("an open store")
}

/// Hints of a handle that listens by now.
pub(crate) async fn heard_by(store: &PostgresStore, queue: &QueueName) -> Hints {
    let mut hints = store.hints(queue);
    assert_eq!(next(&mut hints).await, Hint::Missed, "who begins to listen has missed what was before");
    hints
}

/// Another pool on the same database.
pub(crate) async fn other(bench: &Bench) -> anyhow::Result<PostgresStore> {
    Server::get().handle(&bench.database, 2).await
}

/// A store that sends and listens to nothing.
pub(crate) async fn polling(bench: &Bench) -> anyhow::Result<PostgresStore> {
    let options = PostgresOptions::default().listen(false);
    Ok(PostgresStore::open_with(&Server::get().url_of(&bench.database), options).await?)
}

/// A bench of which nothing is left to tell, and everything that is sent on the channel from now on.
pub(crate) async fn quiet_bench(connections: u32) -> anyhow::Result<(Bench, PgListener)> {
    let bench = Bench::open(connections).await?;
    let mut listener = PgListener::connect(&Server::get().url_of(&bench.database)).await?;
    // It sends a statement of its own, by which it is none of the store's.
    listener.listen_all(["durable"]).await?;
    // It is sent after what is told of the first queue.
    let last = QueueName::new("last")?;
    bench.store.put_queue(PutQueueRequest::new(last, QueueState::Open)).await?;
    while !tokio::time::timeout(SOON, listener.recv()).await??.payload().ends_with(" last") {}
    Ok((bench, listener))
}

/// How many notifications have come before one that is sent now by hand.
pub(crate) async fn count(bench: &Bench, listener: &mut PgListener) -> anyhow::Result<usize> {
    sqlx::query("select pg_notify('durable', 'the end')").execute(bench.store.pool()).await?;
    let mut count = 0;
    while tokio::time::timeout(SOON, listener.recv()).await??.payload() != "the end" {
        count += 1;
    }
    Ok(count)
}
