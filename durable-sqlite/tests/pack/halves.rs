//! A process that is killed inside a transaction, with a part of it in the file already.

use durable_core::store::Outcome;

use super::child::{self, Child};
use super::desk::{Desk, Place, execute, figure};

/// The end of a run with a waiting parent, statement by statement: none may be seen without the others.
const HALF: [&str; 5] = [
    "insert into durable_history (task, ord, kind, key, end_kind, end_text, attempt, started_at, ended_at)
     select seq, last_order + 1, 0, 'half', 0, '1', 1, 0, 0 from durable_tasks where state = 2",
    "delete from durable_waits",
    "update durable_tasks set state = 3, ended_at = 0, end_kind = 0, end_text = '\"half\"', due = null where state = 2",
    "update durable_tasks set state = 1, why = null, available_at = 0 where state = 0",
    "insert into durable_events (queue, name, written_at, payload, metadata, id)
     select 'orders', 'half' || value, 0, hex(zeroblob(20000)), '{}', '' from
     json_each('[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20]')",
];
/// So few pages that the statements above do not fit: what is not committed goes into the log all the same.
const SMALL_CACHE: &str = "pragma cache_size = 4; pragma cache_spill = 4";

/// Does so many of the statements, says so, and waits to be killed.
async fn do_half(url: &str, statements: usize) {
    let place = url.strip_prefix("sqlite:").unwrap().split('?').next().unwrap();
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(place);
    let mut connection = sqlx::ConnectOptions::connect(&options).await.unwrap();
    execute(&mut connection, SMALL_CACHE).await;
    execute(&mut connection, "begin immediate").await;
    for statement in &HALF[..statements] {
        execute(&mut connection, statement).await;
    }
    child::say("inside");
    std::future::pending::<()>().await;
}

/// A running task with a checkpoint, and one at rest.
async fn fill(desk: &Desk) -> durable_core::model::Token {
    let resting = desk.running().await;
    desk.rest(resting, "e").await.unwrap();
    let running = desk.running().await;
    desk.save(running, "a", "1").await.unwrap();
    running
}

async fn kill_at(statements: usize) {
    let place = Place::new();
    let desk = place.open().await;
    let running = fill(&desk).await;
    let before = std::fs::metadata(place.log()).unwrap().len();
    let mut child = Child::start(
        "halves::sq5_a_process_killed_inside_a_transaction_leaves_nothing_of_it",
        &format!("{}?{statements}", place.url()),
    );
    assert_eq!(child.says().as_deref(), Some("inside"));
    if statements == HALF.len() {
        let grown = std::fs::metadata(place.log()).unwrap().len() - before;
        assert!(grown > 100_000, "the half is to be in the log, which grew by {grown} bytes");
    }
    child.kill();
    // The handle that was open all the while goes on, at once.
    assert_eq!(desk.outcome(running.task).await.unwrap(), Outcome::Live);
    desk.save(running, "b", "2").await.unwrap();
    place.check().await;
    desk.complete(running).await.unwrap();
    desk.emit("e", "1").await.unwrap();
    assert_eq!(desk.claim("job", 10).await.unwrap().len(), 1, "the task at rest");
    let mut looking = place.connect().await;
    for nothing in [
        "select count(*) from durable_history where key = 'half'",
        "select count(*) from durable_events where name <> 'e'",
        "select count(*) from durable_tasks where end_text = '\"half\"'",
    ] {
        assert_eq!(figure(&mut looking, nothing).await, 0, "after {statements} statements: {nothing}");
    }
    // A handle that is opened later sees the same.
    desk.store.close().await;
    assert!(matches!(place.open().await.outcome(running.task).await.unwrap(), Outcome::Completed(_)));
    place.check().await;
}

#[tokio::test]
async fn sq5_a_process_killed_inside_a_transaction_leaves_nothing_of_it() {
    if let Some(url) = child::url() {
        return do_half(&url, url.split_once('?').unwrap().1.parse().unwrap()).await;
    }
    for statements in 1..=HALF.len() {
        kill_at(statements).await;
    }
}

/// Makes the tables and does not commit.
async fn migrate_by_half(url: &str) {
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(url.strip_prefix("sqlite:").unwrap());
    let options = options.create_if_missing(true).journal_mode(sqlx::sqlite::SqliteJournalMode::Wal);
    let mut connection = sqlx::ConnectOptions::connect(&options).await.unwrap();
    execute(&mut connection, SMALL_CACHE).await;
    execute(
        &mut connection,
        "begin immediate; create table durable_schema (version integer primary key) strict",
    )
    .await;
    execute(&mut connection, include_str!("../../migrations/0001_tables.sql")).await;
    child::say("inside");
    std::future::pending::<()>().await;
}

#[tokio::test]
async fn cx_8_a_process_killed_inside_a_migration_leaves_nothing_and_the_next_one_migrates() {
    if let Some(url) = child::url() {
        return migrate_by_half(&url).await;
    }
    let place = Place::new();
    let test = "halves::cx_8_a_process_killed_inside_a_migration_leaves_nothing_and_the_next_one_migrates";
    let mut child = Child::start(test, &place.url());
    assert_eq!(child.says().as_deref(), Some("inside"));
    // One that starts meanwhile waits for it, and migrates once it is gone.
    let url = place.url();
    let waiting = tokio::spawn(async move { durable_sqlite::SqliteStore::open(&url).await });
    tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    assert!(!waiting.is_finished());
    child.kill();
    waiting.await.unwrap().unwrap();
    fill(&place.open().await).await;
    place.check().await;
}
