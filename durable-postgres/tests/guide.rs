//! What the operating guide says can be done by hand.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail")]

mod support;

use durable_core::model::{EventName, IdempotencyKey, Payload, TaskId};
use durable_core::store::{
    CountsRequest, Ending, Idempotency, Inspect, RetryAfter, RunEnd, Runs, WaitSource,
};
use sqlx::postgres::PgRow;
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use support::Server;
use support::bench::{Bench, job};

const GUIDE: &str = include_str!("../../docs/operating-postgres.md");

/// The statements of the guide.
fn statements() -> Vec<&'static str> {
    GUIDE.split("```sql\n").skip(1).filter_map(|rest| rest.split("```").next()).collect()
}

/// Tasks in every state, waits, events, children; gives a task that has some of each.
async fn fill(bench: &Bench) -> anyhow::Result<TaskId> {
    let parent = bench.running().await?.token;
    bench.spawn_child(parent).await?;
    bench.claim_one().await?;
    bench.rest(parent, "paid", WaitSource::Event(EventName::new("paid")?)).await?;
    let failed = bench.running().await?.token;
    let ending = Ending::Fail { failure: Payload::from_text("\"the printer\""), retry: RetryAfter::Never };
    let end = vec![RunEnd { token: failed, ending }];
    bench.store.claim(bench.claim_request(0)?.ending(end)).await?;
    let completed = bench.running().await?.token;
    bench.complete(completed).await?;
    let mut keyed = job()?;
    keyed.idempotency = Some(Idempotency { key: IdempotencyKey::new("INV-9")?, fingerprint: "f".into() });
    bench.spawn(vec![keyed]).await?;
    bench.emit("shipped").await?;
    Ok(parent.task)
}

/// Runs a statement with what it leaves open filled in.
async fn run(
    connection: &mut PgConnection,
    statement: &str,
    bench: &Bench,
    task: TaskId,
) -> anyhow::Result<Vec<PgRow>> {
    let task = task.to_string();
    let named = [("<task>", task.as_str()), ("<queue>", bench.queue.as_str()), ("<key>", "INV-9")];
    let statement =
        named.iter().fold(statement.to_owned(), |statement, (name, value)| statement.replace(name, value));
    // The guide's own text, with names of this test filled in as a person would.
    let rows = sqlx::raw_sql(AssertSqlSafe(statement.clone())).fetch_all(connection).await;
    rows.map_err(|error| anyhow::anyhow!("{error}: {statement}"))
}

#[tokio::test]
async fn every_statement_of_the_guide_works_and_finds_something() -> anyhow::Result<()> {
    let bench = Bench::open(3).await?;
    let task = fill(&bench).await?;
    let mut shell = PgConnection::connect(&Server::get().url_of(&bench.database)).await?;
    sqlx::raw_sql("create role desk").execute(&mut shell).await?;
    // Somebody waits for somebody.
    let mut held = bench.store.pool().begin().await?;
    sqlx::raw_sql("select from durable.queues for update").execute(&mut *held).await?;
    let waiting = tokio::spawn({
        let bench = bench.clone();
        async move { bench.emit("late").await }
    });
    bench.blocked(1).await?;
    let statements = statements();
    assert!(statements.len() >= 14, "{}", statements.len());
    for statement in statements {
        let rows = run(&mut shell, statement, &bench, task).await?;
        assert!(statement.contains("grant ") || !rows.is_empty(), "it finds nothing: {statement}");
    }
    held.rollback().await?;
    waiting.await??;
    sqlx::raw_sql("drop owned by desk; drop role desk").execute(&mut shell).await?;
    shell.close().await?;
    bench.close().await
}

#[tokio::test]
async fn the_guides_states_and_reasons_are_those_of_the_store() -> anyhow::Result<()> {
    let bench = Bench::open(2).await?;
    fill(&bench).await?;
    let counts = bench.store.counts(CountsRequest::new(bench.queue.clone())).await?;
    let told =
        [counts.sleeping, counts.pending, counts.running, counts.completed, counts.failed, counts.cancelled];
    for (state, told) in (0_i16..).zip(told) {
        let by_hand: i64 = sqlx::query_scalar("select count(*) from durable.tasks where state = $1")
            .bind(state)
            .fetch_one(bench.store.pool())
            .await?;
        assert_eq!(u64::try_from(by_hand)?, told, "state {state}");
    }
    let why: i16 = sqlx::query_scalar("select why from durable.tasks where state = 0")
        .fetch_one(bench.store.pool())
        .await?;
    assert_eq!(why, 2, "at rest on its waits");
    bench.close().await
}
