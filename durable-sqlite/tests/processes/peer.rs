//! The other process: it opens handles and runs verbs as it is asked, all at once.

#![allow(clippy::expect_used, reason = "a peer that cannot work ends, and the suite fails")]

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use durable_core::model::{Clock, ManualClock, Timestamp};
use durable_sqlite::SqliteStore;
use tokio::net::UnixStream;
use tokio::sync::{Mutex, mpsc};

use super::frame;
use super::remote::Asked;
use super::verbs;
use super::wire::{received, sent};

struct Handle {
    store: SqliteStore,
    clock: Option<ManualClock>,
}

type Handles = Arc<Mutex<HashMap<u64, Arc<Handle>>>>;

/// Serves until the other end is gone.
#[tokio::main]
pub(crate) async fn serve(socket: &Path) {
    let stream = UnixStream::connect(socket).await.expect("the process that started this one");
    let (from, to) = stream.into_split();
    let (answers, outgoing) = mpsc::unbounded_channel();
    tokio::spawn(frame::write_all(to, outgoing));
    let handles = Handles::default();
    let mut frames = frame::Reader::new(from);
    while let Some(bytes) = frames.next().await {
        let asked: Asked = received(&bytes);
        // In the order in which they were sent: a time that was read later counts.
        if let (Some(handle), Some(now)) = (handles.lock().await.get(&asked.handle), asked.now) {
            handle.set(now);
        }
        let (handles, answers) = (handles.clone(), answers.clone());
        tokio::spawn(async move {
            let call = asked.call;
            let answer = answer(&handles, asked).await;
            let _ = answers.send(sent(&(call, answer)));
        });
    }
}

async fn answer(handles: &Handles, asked: Asked) -> Vec<u8> {
    if let Some(verb) = asked.verb {
        let handle = handles.lock().await.get(&asked.handle).cloned().expect("an open handle");
        return verbs::answer(&handle.store, verb, &asked.body).await;
    }
    if let Some(url) = received::<Option<String>>(&asked.body) {
        return sent(&open(handles, asked.handle, &url, asked.now).await);
    }
    let handle = handles.lock().await.remove(&asked.handle).expect("an open handle");
    handle.store.close().await;
    Vec::new()
}

async fn open(handles: &Handles, handle: u64, url: &str, now: Option<Timestamp>) -> Result<(), String> {
    let store = SqliteStore::open(url).await.map_err(|error| error.to_string())?;
    let clock = now.map(ManualClock::starting_at);
    let store = store.with_clock(clock.clone().map_or(Clock::Own, Clock::Manual));
    handles.lock().await.insert(handle, Arc::new(Handle { store, clock }));
    Ok(())
}

impl Handle {
    fn set(&self, now: Timestamp) {
        if let Some(clock) = &self.clock {
            clock.set(now);
        }
    }
}
