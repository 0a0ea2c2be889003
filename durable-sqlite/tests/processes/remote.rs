//! A handle whose verbs run in the other process.

#![allow(clippy::expect_used, clippy::panic, reason = "without the other process there is nothing to test")]

use std::collections::HashMap;
use std::fmt;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use durable_core::model::{Clock, Timestamp};
use durable_core::store::Verb;
use tempfile::TempDir;
use tokio::net::UnixListener;
use tokio::sync::{OnceCell, mpsc, oneshot};

use super::frame;
use super::wire::{received, sent};

/// The environment variable that names the socket to the process which is the peer.
pub(crate) const SOCKET: &str = "DURABLE_SQLITE_SOCKET";

/// What is asked of the peer: its handle, the time by a manual clock, and the verb, or `None` to open or close.
pub(crate) struct Asked {
    pub(crate) call: u64,
    pub(crate) handle: u64,
    pub(crate) now: Option<Timestamp>,
    pub(crate) verb: Option<Verb>,
    pub(crate) body: Vec<u8>,
}

/// The other process: this very program, run once more. It ends with this.
pub(crate) struct Peer {
    _directory: TempDir,
    child: Child,
    asked: mpsc::UnboundedSender<Vec<u8>>,
    waiting: Waiting,
    next: AtomicU64,
}

type Waiting = Arc<Mutex<HashMap<u64, oneshot::Sender<Vec<u8>>>>>;

impl Peer {
    async fn start() -> Self {
        let directory = tempfile::tempdir().expect("a directory for the socket");
        let socket = directory.path().join("peer");
        let listener = UnixListener::bind(&socket).expect("a socket");
        let program = std::env::current_exe().expect("this program");
        let child = Command::new(program)
            .env(SOCKET, &socket)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .expect("the other process");
        let (stream, _) = listener.accept().await.expect("the other process");
        let (from, to) = stream.into_split();
        let (asked, outgoing) = mpsc::unbounded_channel();
        let waiting = Waiting::default();
        tokio::spawn(frame::write_all(to, outgoing));
        tokio::spawn(hand_out(frame::Reader::new(from), waiting.clone()));
        Self { _directory: directory, child, asked, waiting, next: AtomicU64::new(0) }
    }

    fn number(&self) -> u64 {
        self.next.fetch_add(1, Ordering::Relaxed)
    }

    async fn ask(&self, handle: u64, now: Option<Timestamp>, verb: Option<Verb>, body: Vec<u8>) -> Vec<u8> {
        let call = self.number();
        let (reply, answer) = oneshot::channel();
        self.waiting.lock().expect("no panic").insert(call, reply);
        self.asked.send(sent(&Asked { call, handle, now, verb, body })).expect("the other process");
        answer.await.expect("an answer of the other process")
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

async fn hand_out(mut frames: frame::Reader, waiting: Waiting) {
    while let Some(bytes) = frames.next().await {
        let (call, body): (u64, Vec<u8>) = received(&bytes);
        let reply = waiting.lock().expect("no panic").remove(&call);
        // Nobody waits if the call was dropped: it runs to its end there all the same.
        let _ = reply.map(|reply| reply.send(body));
    }
    // Who still waits hears that it has ended.
    waiting.lock().expect("no panic").clear();
}

/// The peer of a run of the suite, started when it is first needed.
#[derive(Default)]
pub(crate) struct Elsewhere(OnceCell<Peer>);

impl Elsewhere {
    /// Opens a handle there.
    pub(crate) async fn open(self: &Arc<Self>, url: &str, clock: Clock) -> anyhow::Result<Remote> {
        let peer = self.0.get_or_init(Peer::start).await;
        let handle = peer.number();
        let opened = peer.ask(handle, clock.injected(), None, sent(&Some(url.to_owned()))).await;
        received::<Result<(), String>>(&opened).map_err(anyhow::Error::msg)?;
        Ok(Remote { elsewhere: self.clone(), handle, clock })
    }
}

/// A handle there.
#[derive(Clone)]
pub(crate) struct Remote {
    elsewhere: Arc<Elsewhere>,
    handle: u64,
    clock: Clock,
}

impl Remote {
    fn peer(&self) -> &Peer {
        self.elsewhere.0.get().expect("it was started to open this handle")
    }

    pub(crate) async fn call(&self, verb: Verb, request: Vec<u8>) -> Vec<u8> {
        self.peer().ask(self.handle, self.clock.injected(), Some(verb), request).await
    }

    pub(crate) async fn close(&self) {
        self.peer().ask(self.handle, None, None, sent(&None::<String>)).await;
    }
}

impl fmt::Debug for Remote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Remote").field("handle", &self.handle).finish_non_exhaustive()
    }
}
