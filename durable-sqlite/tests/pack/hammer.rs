//! Three processes and this one work off one queue: each task once, nobody starves, no fault but a typed busy one (SQ-3).

use std::collections::HashMap;
use std::time::{Duration, Instant};

use durable_core::store::{
    Claim, Counts, CountsRequest, Inspect, SpawnRequest, StoreError, StoreErrorKind, Tasks,
};

use super::child::{self, Child};
use super::desk::{Desk, Place, job};
use super::times;

const PEERS: usize = 3;
const LANES: usize = 4;
/// The longest that one call may take: a writer never waits for good, and seldom long.
const PATIENCE: Duration = Duration::from_secs(4);

/// A call, repeated as long as it is answered "busy", which must come in time.
async fn patiently<T>(mut call: impl AsyncFnMut() -> Result<T, StoreError>) -> T {
    loop {
        let begun = Instant::now();
        let answer = call().await;
        assert!(begun.elapsed() < PATIENCE, "a call took {:?}", begun.elapsed());
        match answer {
            Ok(answer) => return answer,
            Err(fault) => {
                let typed = (fault.kind, fault.may_have_happened);
                assert_eq!(typed, (StoreErrorKind::Unavailable, false), "{fault}");
            }
        }
    }
}

/// Works until nothing is left; gives what it held.
async fn work(desk: &Desk) -> Vec<String> {
    futures::future::join_all((0..LANES).map(|_| work_in_lane(desk))).await.concat()
}

async fn work_in_lane(desk: &Desk) -> Vec<String> {
    let mut held = Vec::new();
    loop {
        let claims: Vec<Claim> = patiently(async || desk.claim("job", 2).await).await;
        if claims.is_empty() {
            return held;
        }
        for claim in claims {
            patiently(async || desk.save(claim.token, "k", "1").await).await;
            patiently(async || desk.complete(claim.token).await).await;
            held.push(format!("{} {}", claim.token.task, claim.token));
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sq3_processes_on_one_queue_do_each_task_once_and_none_starves() {
    if let Some(desk) = child::desk().await {
        child::say("ready");
        while counts(&desk).await.pending == 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        return work(&desk).await.iter().for_each(|held| child::say(held));
    }
    let place = Place::new();
    let desk = place.open().await;
    let test = "hammer::sq3_processes_on_one_queue_do_each_task_once_and_none_starves";
    let mut peers: Vec<Child> = (0..PEERS).map(|_| Child::start(test, &place.url())).collect();
    for peer in &mut peers {
        assert_eq!(peer.says().as_deref(), Some("ready"));
    }
    let tasks: Vec<_> = (0..times(400)).map(|_| job("job")).collect();
    for batch in tasks.chunks(400) {
        let request = SpawnRequest::new(desk.queue.clone(), batch.to_vec());
        patiently(async || desk.store.spawn(request.clone()).await).await;
    }
    let here = work(&desk).await;
    let there = peers.into_iter().map(|mut peer| {
        tokio::task::spawn_blocking(move || {
            let held: Vec<String> = std::iter::from_fn(|| peer.says()).collect();
            assert!(peer.ends().success());
            held
        })
    });
    let mut held = vec![here];
    for peer in there {
        held.push(peer.await.unwrap());
    }
    let shares: Vec<usize> = held.iter().map(Vec::len).collect();
    println!("shares {shares:?}");
    assert!(shares.iter().all(|share| *share >= tasks.len() / 20), "somebody starves: {shares:?}");
    let mut tokens: HashMap<String, String> = HashMap::new();
    for (task, token) in held.iter().flatten().map(|held| held.split_once(' ').unwrap()) {
        let other = tokens.insert(task.to_owned(), token.to_owned());
        assert_eq!(other, None, "{task} was held twice");
    }
    assert_eq!(tokens.len(), tasks.len());
    assert!(tasks.iter().all(|task| tokens.contains_key(&task.id.to_string())));
    assert_eq!(counts(&desk).await.completed, u64::try_from(tasks.len()).unwrap());
    place.check().await;
}

async fn counts(desk: &Desk) -> Counts {
    desk.store.counts(CountsRequest::new(desk.queue.clone())).await.unwrap()
}
