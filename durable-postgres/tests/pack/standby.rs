//! A standby: it can be read, it refuses to write, and it takes over.

use std::sync::Arc;

use durable_core::store::TaskRequest;
use durable_core::store::{Inspect, StoreErrorKind};
use durable_postgres::PostgresOptions;

use crate::support::bench::{Bench, job};
use crate::support::{Server, Setup, free_port};
use crate::{assert_undone, bench_at, database, fault};

#[tokio::test]
async fn pg_1_a_standby_is_read_refuses_to_write_and_takes_over() -> anyhow::Result<()> {
    let (primary, port) = Server::on_a_port("-c fsync=off")?;
    let name = database(&primary).await?;
    let before = bench_at(&primary.url_of(&name), PostgresOptions::default()).await?;
    before.spawn(vec![job()?]).await?;
    let task = before.claim_one().await?.token.task;
    let (settings, primary_port, own) = ("-c fsync=off".to_owned(), Some(port), free_port()?);
    let setup = Setup { settings, port: Some(own), primary: primary_port };
    let standby = Arc::new(Server::of_its_own(&setup)?);
    let store = standby.handle(&name, 2).await?;
    let bench = Bench { store, queue: before.queue.clone(), database: name };

    let read = bench.store.task(TaskRequest::new(bench.queue.clone(), task)).await?;
    assert_eq!(read.map(|detail| detail.task.id), Some(task));
    let refused = fault(bench.spawn(vec![job()?]).await);
    assert_undone(&refused);
    assert_eq!(refused.kind, StoreErrorKind::Unavailable);
    assert!(refused.context.contains("read-only"), "{refused}");

    standby.tell("promote").await?;
    bench.spawn(vec![job()?]).await?;
    assert_eq!(bench.claim(10).await?.claims.len(), 1);
    Ok(())
}
