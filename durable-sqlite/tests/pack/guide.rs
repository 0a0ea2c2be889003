//! What the operating guide says can be done by hand.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use durable_core::model::{
    Deadline, EndState, EventName, IdempotencyKey, Millis, ParentClosePolicy, StepKey, TaskId,
};
use durable_core::store::{
    CountsRequest, Effect, Ending, Idempotency, Inspect, NewWait, Outcome, ParentLink, PurgeRequest, Rest,
    RetryAfter, Runs, SaveItem, Upkeep, WaitItem, WaitRequest, WaitSource,
};
use sqlx::{AssertSqlSafe, Connection, Row};

use super::desk::{Desk, Place, execute, figure, job, json, step};

const GUIDE: &str = include_str!("../../../docs/operating-sqlite.md");

/// The guide's blocks in a language.
fn blocks(language: &str) -> Vec<&'static str> {
    let fence = format!("```{language}\n");
    GUIDE.split(fence.as_str()).skip(1).map(|rest| rest.split("```").next().unwrap()).collect()
}

/// Tasks in every state, waits, events, children; gives a task that has some of each.
async fn fill(desk: &Desk) -> TaskId {
    let parent = desk.running().await;
    let mut child = job("child");
    let join_key = StepKey::new("$awaitEvent:$child").unwrap();
    child.parent = Some(ParentLink { join_key, on_close: ParentClosePolicy::Cancel });
    let spawning = SaveItem { effect: Effect::Spawn(vec![child]), ..step(parent, "$spawn", "[]") };
    desk.save_item(spawning).await.unwrap();
    let key = StepKey::new("$awaitEvent:paid").unwrap();
    let source = WaitSource::Event(EventName::new("paid").unwrap());
    let deadline = Some(Deadline::After(Millis::new(60_000)));
    let waits = vec![NewWait { key: key.clone(), source, deadline }];
    let rest = Some(Rest { keys: vec![key], need: 1 });
    let item = WaitItem { token: parent, waits, rest };
    desk.store.wait(WaitRequest::new(desk.queue.clone(), vec![item])).await.unwrap().remove(0).unwrap();
    let failed = desk.running().await;
    let failure = json(r#"{"name":"Step","message":"the printer is on fire"}"#);
    desk.end(failed, Ending::Fail { failure, retry: RetryAfter::Never }).await.unwrap();
    let completed = desk.running().await;
    desk.complete(completed).await.unwrap();
    desk.running().await;
    let key = IdempotencyKey::new("INV-9").unwrap();
    let mut keyed = job("job");
    keyed.idempotency = Some(Idempotency { key, fingerprint: "f".into() });
    desk.spawn(keyed).await.unwrap();
    desk.emit("shipped", "1").await.unwrap();
    parent.task
}

#[tokio::test]
async fn every_query_of_the_guide_works_and_finds_something() {
    let place = Place::new();
    let desk = place.open().await;
    let task = fill(&desk).await.to_string();
    let mut shell = place.connect().await;
    execute(&mut shell, "pragma query_only = on").await;
    let queries = blocks("sql");
    assert!(queries.len() >= 10);
    for query in queries {
        let named = [("<task>", task.as_str()), ("<queue>", desk.queue.as_str()), ("<key>", "INV-9")];
        let query = named.iter().fold(query.to_owned(), |query, (name, value)| query.replace(name, value));
        let rows = sqlx::raw_sql(AssertSqlSafe(query.clone())).fetch_all(&mut shell).await;
        let rows = rows.unwrap_or_else(|error| panic!("{error}: {query}"));
        assert!(!rows.is_empty(), "it finds nothing: {query}");
        // A time that is no time would be null.
        for column in ["oldest", "claimed", "expires", "deadline", "ended", "written"] {
            let told: Option<Option<String>> = rows[0].try_get(column).ok();
            assert!(
                told.is_none_or(|told| told.is_some_and(|time| time.starts_with("20"))),
                "{column}: {query}"
            );
        }
    }
}

#[tokio::test]
async fn the_guide_s_states_and_reasons_are_those_of_the_store() {
    let place = Place::new();
    let desk = place.open().await;
    fill(&desk).await;
    let mut shell = place.connect().await;
    let counts = desk.store.counts(CountsRequest::new(desk.queue.clone())).await.unwrap();
    for (state, count) in
        [counts.sleeping, counts.pending, counts.running, counts.completed, counts.failed, counts.cancelled]
            .into_iter()
            .enumerate()
    {
        let count_by_hand = format!("select count(*) from durable_tasks where state = {state}");
        let told = figure(&mut shell, &count_by_hand).await;
        assert_eq!(u64::try_from(told).unwrap(), count, "state {state}");
    }
    let resting = "select why from durable_tasks where state = 0";
    assert_eq!(figure(&mut shell, resting).await, 2);
}

/// Writes until it is told to stop; gives what was acknowledged.
async fn write(desk: Desk, stop: Arc<AtomicBool>) -> Vec<TaskId> {
    let mut tasks = Vec::new();
    while !stop.load(Ordering::Relaxed) {
        tasks.push(desk.spawn(job("job")).await.unwrap());
    }
    tasks
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_of_a_running_store_is_a_store_with_all_that_was_there_before_it() {
    let place = Place::new();
    let desk = place.open().await;
    let task = fill(&desk).await;
    let stop = Arc::new(AtomicBool::new(false));
    let writer = tokio::spawn(write(desk.clone(), stop.clone()));
    let copy = Place::new();
    let command = blocks("sh").into_iter().find(|block| block.contains("vacuum into")).unwrap();
    let statement = command.split('"').nth(1).unwrap().replace("backup.db", copy.file().to_str().unwrap());
    let mut shell = place.connect().await;
    execute(&mut shell, &statement).await;
    stop.store(true, Ordering::Relaxed);
    writer.await.unwrap();
    let restored = copy.open().await;
    assert_eq!(restored.outcome(task).await.unwrap(), Outcome::Live);
    restored.running().await;
    copy.check().await;
}

#[tokio::test]
async fn a_file_and_its_log_copied_after_a_crash_are_the_store() {
    let place = Place::new();
    let desk = place.open().await;
    let task = fill(&desk).await;
    let copy = Place::new();
    // As if the process had died: nothing was moved from the log into the file yet.
    std::fs::copy(place.file(), copy.file()).unwrap();
    std::fs::copy(place.log(), copy.log()).unwrap();
    let restored = copy.open().await;
    assert_eq!(restored.outcome(task).await.unwrap(), Outcome::Live);
    copy.check().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_vacuum_beside_an_open_store_makes_the_file_smaller_and_the_store_goes_on() {
    let place = Place::new();
    let desk = place.open().await;
    fill(&desk).await;
    for _ in 0..40 {
        let token = desk.running().await;
        desk.save(token, "k", &format!("\"{}\"", "x".repeat(50_000))).await.unwrap();
        desk.complete(token).await.unwrap();
    }
    let purge = PurgeRequest::new(desk.queue.clone(), vec![EndState::Completed], Millis::ZERO, 1_000);
    while desk.store.purge(purge.clone()).await.unwrap().more {}
    let mut shell = place.connect().await;
    execute(&mut shell, "pragma wal_checkpoint").await;
    let before = std::fs::metadata(place.file()).unwrap().len();
    let stop = Arc::new(AtomicBool::new(false));
    let writer = tokio::spawn(write(desk.clone(), stop.clone()));
    execute(&mut shell, "vacuum").await;
    stop.store(true, Ordering::Relaxed);
    assert!(!writer.await.unwrap().is_empty());
    execute(&mut shell, "pragma wal_checkpoint").await;
    shell.close().await.unwrap();
    let after = std::fs::metadata(place.file()).unwrap().len();
    assert!(after < before / 2, "{before} bytes, then {after}");
    desk.running().await;
    place.check().await;
}
