//! Data that the first version of the tables was left with, as `pg_dump` wrote them, are gone on with.
//!
//! The dump is kept as it is. What every later release must find in it: a task that waits for a worker, one whose holder
//! died, one at rest on an event with a child that has ended, one that failed, one that is done, and odd payloads.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test may fail")]

mod support;

use durable_core::model::{EndState, Payload, QueueName, TaskId, TaskState};
use durable_core::store::{
    Checkpoints, Inspect, LoadRequest, Outcome, OutcomeRequest, RetryRequest, Tasks, TasksRequest,
};
use durable_postgres::{PostgresOptions, PostgresStore};
use sqlx::{Connection, PgConnection};
use support::Server;
use support::bench::{Bench, job};
use uuid::Uuid;

const DUMP: &str = include_str!("data/version_1.sql");

/// A payload that a careless store would change.
const ODD: &str = r#"{"nul":"\u0000","big":18446744073709551615,"half":9007199254740993,"e":1e2,"z":-0.0,"a":[],"b":{},"b":1}"#;

/// A database as the first version left it, opened by this release.
async fn opened() -> anyhow::Result<Bench> {
    let database = format!("t{}", Uuid::now_v7().simple());
    Server::get().create_database(&database).await?;
    let mut connection = PgConnection::connect(&Server::get().url_of(&database)).await?;
    sqlx::raw_sql(DUMP).execute(&mut connection).await?;
    connection.close().await?;
    let url = Server::get().url_of(&database);
    let store = PostgresStore::open_with(&url, PostgresOptions::default().connections(2)).await?;
    Ok(Bench { store, queue: QueueName::new("q")?, database })
}

/// The tasks by state.
async fn ids(bench: &Bench, state: TaskState) -> anyhow::Result<Vec<TaskId>> {
    let mut request = TasksRequest::new(bench.queue.clone(), None);
    request.state = Some(state);
    Ok(bench.store.tasks(request).await?.items.into_iter().map(|task| task.id).collect())
}

async fn outcome(bench: &Bench, task: TaskId) -> anyhow::Result<Outcome> {
    Ok(bench.store.outcome(OutcomeRequest::new(bench.queue.clone(), task)).await?)
}

#[tokio::test]
async fn what_the_first_version_left_is_gone_on_with() -> anyhow::Result<()> {
    let bench = opened().await?;
    let done = ids(&bench, TaskState::Ended(EndState::Completed)).await?;
    let results = [outcome(&bench, done[0]).await?, outcome(&bench, done[1]).await?];
    assert!(results.contains(&Outcome::Completed(Payload::from_text(ODD))), "{results:?}");
    let failed = ids(&bench, TaskState::Ended(EndState::Failed)).await?[0];
    bench.store.retry(RetryRequest::new(bench.queue.clone(), failed, 1, None)).await?;
    bench.emit("paid").await?;
    bench.spawn(vec![job()?]).await?;
    // The one that waited, the one whose lease is over, the one that rested, the one that failed, the new one.
    let claims = bench.claim(10).await?.claims;
    assert_eq!(claims.len(), 5);
    for claim in &claims {
        let request = LoadRequest::new(bench.queue.clone(), claim.token, 0, 100);
        let stored = bench.store.load(request).await?.checkpoints;
        assert_eq!(u64::try_from(stored.len())?, claim.checkpoints);
        bench.complete(claim.token).await?;
    }
    let broken: Vec<String> =
        sqlx::query_scalar(include_str!("support/invariants.sql")).fetch_all(bench.store.pool()).await?;
    assert_eq!(broken, Vec::<String>::new());
    bench.close().await
}

/// Makes the data anew; a dump of this release replaces the one that is kept only until it is released.
#[tokio::test]
#[ignore = "it writes the dump: once, before the first release"]
async fn write_the_dump() -> anyhow::Result<()> {
    use durable_core::model::EventName;
    use durable_core::store::{Ending, RetryAfter, RunEnd, Runs, WaitSource};
    let bench = Bench::open(2).await?;
    let parent = bench.running().await?.token;
    bench.spawn_child(parent).await?;
    let child = bench.claim_one().await?.token;
    bench.complete(child).await?;
    bench.rest(parent, "wait", WaitSource::Event(EventName::new("paid")?)).await?;
    let odd = bench.running().await?.token;
    let ending = Ending::Complete { result: Payload::from_text(ODD) };
    bench.store.claim(bench.claim_request(0)?.ending(vec![RunEnd { token: odd, ending }])).await?;
    let failed = bench.running().await?.token;
    let ending = Ending::Fail { failure: Payload::from_text("\"no\""), retry: RetryAfter::Never };
    bench.store.claim(bench.claim_request(0)?.ending(vec![RunEnd { token: failed, ending }])).await?;
    bench.running().await?;
    bench.spawn(vec![job()?]).await?;
    // The holder died long ago.
    sqlx::raw_sql("update durable.tasks set expires_at = 1, due = 1 where state = 2")
        .execute(bench.store.pool())
        .await?;
    let server = Server::get().url_of(&bench.database);
    let dump = std::process::Command::new("pg_dump")
        .args(["--no-owner", "--no-privileges", "--inserts", "--schema=durable", &server])
        .output()?;
    anyhow::ensure!(dump.status.success(), "{}", String::from_utf8_lossy(&dump.stderr));
    let text = String::from_utf8(dump.stdout)?;
    let kept =
        text.lines().filter(|line| !line.starts_with('\\') && !line.starts_with("--") && !line.is_empty());
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/version_1.sql");
    std::fs::write(file, kept.collect::<Vec<_>>().join("\n") + "\n")?;
    bench.close().await
}
