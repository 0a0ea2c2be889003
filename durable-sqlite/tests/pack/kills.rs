//! Processes that are killed while they write, again and again: what was acknowledged is there (SQ-5, CX-5).

use std::collections::HashSet;

use durable_core::model::{StepKey, TaskId};
use durable_core::store::{EventsRequest, HistoryEntry, Inspect, Outcome, StoreErrorKind, TaskRequest};

use super::child::{self, Child};
use super::desk::{Desk, Place, job};
use super::times;

/// How many calls of a child are under way at once.
const AT_ONCE: usize = 8;
/// How much a child may say before it is killed, at most.
const LONGEST: u64 = 120;

/// Spawns, claims, saves, emits and completes for ever; says what was acknowledged, after it was.
async fn work(desk: Desk) {
    let lines = (0..AT_ONCE).map(|lane| tokio::spawn(work_in_lane(desk.clone(), lane)));
    for line in lines.collect::<Vec<_>>() {
        line.await.unwrap();
    }
}

async fn work_in_lane(desk: Desk, lane: usize) {
    let name = format!("of {} {lane}", std::process::id());
    for round in 0.. {
        let task = desk.spawn(job(&name)).await.unwrap();
        child::say(&format!("spawned {task}"));
        let token = desk.claim(&name, 1).await.unwrap()[0].token;
        desk.save(token, "step", "1").await.unwrap();
        child::say(&format!("saved {task}"));
        desk.emit(&format!("{name} {round}"), "1").await.unwrap();
        child::say(&format!("emitted {name} {round}"));
        desk.complete(token).await.unwrap();
        child::say(&format!("completed {task}"));
    }
}

/// Looks for what a child has said.
async fn assert_there(desk: &Desk, said: &[String]) {
    let events = events(desk).await;
    for line in said {
        let (what, which) = line.split_once(' ').unwrap();
        let is_there = match what {
            "spawned" => desk.outcome(which.parse().unwrap()).await.unwrap() != Outcome::NotFound,
            "saved" => has_step(desk, which.parse().unwrap()).await,
            "emitted" => events.contains(which),
            "completed" => {
                matches!(desk.outcome(which.parse().unwrap()).await.unwrap(), Outcome::Completed(_))
            }
            other => panic!("{other}"),
        };
        assert!(is_there, "acknowledged and gone: {line}");
    }
}

async fn events(desk: &Desk) -> HashSet<String> {
    let (mut names, mut cursor) = (HashSet::new(), None);
    loop {
        let page = desk.store.events(EventsRequest::new(desk.queue.clone(), cursor)).await.unwrap();
        names.extend(page.items.iter().map(|event| event.name.as_str().to_owned()));
        cursor = page.next;
        if cursor.is_none() {
            return names;
        }
    }
}

async fn has_step(desk: &Desk, task: TaskId) -> bool {
    let detail = desk.store.task(TaskRequest::new(desk.queue.clone(), task)).await.unwrap().unwrap();
    let key = StepKey::new("step").unwrap();
    detail
        .history
        .items
        .iter()
        .any(|entry| matches!(entry, HistoryEntry::Checkpoint { checkpoint, .. } if checkpoint.key == key))
}

/// Writes beside the children as long as they live; the only fault that it may meet is a typed busy one.
async fn write_beside(desk: Desk, stop: tokio::sync::watch::Receiver<bool>) -> usize {
    let mut written = 0;
    while !*stop.borrow() {
        match desk.spawn(job("beside")).await {
            Ok(_) => written += 1,
            Err(fault) => {
                assert_eq!(
                    (fault.kind, fault.may_have_happened),
                    (StoreErrorKind::Unavailable, false),
                    "{fault}"
                );
            }
        }
        tokio::time::sleep(std::time::Duration::from_millis(2)).await;
    }
    written
}

async fn kill_again_and_again(test: &str, parameters: &str) {
    let place = Place::new();
    let desk = place.open_with(parameters).await;
    let (stop, stopped) = tokio::sync::watch::channel(false);
    let beside = tokio::spawn(write_beside(desk.clone(), stopped));
    let mut chance = seed();
    println!("seed {chance}");
    for _ in 0..times(8) {
        chance = chance.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let lines = usize::try_from((chance >> 33) % LONGEST).unwrap() + 1;
        let mut child = Child::start(test, &format!("{}{parameters}", place.url()));
        let said = tokio::task::spawn_blocking(move || {
            let mut said: Vec<_> = (0..lines).map_while(|_| child.says()).collect();
            assert_eq!(said.len(), lines, "the child has ended by itself");
            said.extend(child.kill());
            said
        });
        assert_there(&desk, &said.await.unwrap()).await;
        place.check().await;
    }
    stop.send(true).unwrap();
    assert!(beside.await.unwrap() > 0, "nothing was written beside");
    place.check().await;
}

fn seed() -> u64 {
    let given = std::env::var("DURABLE_SQLITE_SEED").ok().and_then(|seed| seed.parse().ok());
    given.unwrap_or_else(|| std::hash::BuildHasher::hash_one(&std::hash::RandomState::new(), 0))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sq5_what_was_acknowledged_survives_the_kill_of_its_process_with_full() {
    if let Some(desk) = child::desk().await {
        return work(desk).await;
    }
    let test = "kills::sq5_what_was_acknowledged_survives_the_kill_of_its_process_with_full";
    kill_again_and_again(test, "").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sq5_what_was_acknowledged_survives_the_kill_of_its_process_with_normal() {
    if let Some(desk) = child::desk().await {
        return work(desk).await;
    }
    let test = "kills::sq5_what_was_acknowledged_survives_the_kill_of_its_process_with_normal";
    kill_again_and_again(test, "?synchronous=normal").await;
}
