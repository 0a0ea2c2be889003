//! Two processes on one file (SQ-3): the suite's cases with every second handle in another process.
//!
//! Each case works on its file through a handle of this process and one of a second process, which is this program run
//! once more; verbs and answers go over a socket. Without a filter the groups about concurrency run, with
//! `DURABLE_SQLITE_PROCESSES=all` all but that about hints, which do not cross.

mod frame;
#[path = "../support/harness.rs"]
mod harness;
mod peer;
mod remote;
mod types;
mod verbs;
mod wire;

use std::collections::HashMap;
use std::process::{Command, ExitCode};
use std::sync::Arc;

use async_trait::async_trait;
use durable_conformance::{Harness, Namespace};
use durable_core::model::{Clock, QueueName, TaskId};
use durable_core::store::{Store, Verb};
use tokio::sync::Mutex;

use harness::Sqlite;
use remote::{Elsewhere, Remote};

/// What several writers may get wrong: races, wake-ups, deadlocks, crashes, repeats, and opening at once.
const GROUPS: [&str; 6] = ["races::", "wakes::", "deadlocks::", "crash::", "repeats::", "handles::"];

struct Processes {
    here: Sqlite,
    elsewhere: Arc<Elsewhere>,
    opened: Mutex<HashMap<Namespace, Opened>>,
}

#[derive(Default)]
struct Opened {
    turn: usize,
    remote: Vec<Remote>,
}

#[async_trait]
impl Harness for Processes {
    fn name(&self) -> &'static str {
        "durable-sqlite in two processes"
    }

    fn verbs(&self) -> Vec<Verb> {
        Verb::ALL.into_iter().filter(|verb| *verb != Verb::Hints).collect()
    }

    async fn open(&self, namespace: &Namespace, clock: Clock) -> anyhow::Result<Arc<dyn Store>> {
        if self.is_here(namespace).await {
            return self.here.open(namespace, clock).await;
        }
        let remote = self.elsewhere.open(&self.here.url(namespace), clock).await?;
        self.opened.lock().await.entry(namespace.clone()).or_default().remote.push(remote.clone());
        Ok(Arc::new(remote))
    }

    async fn destroy(&self, namespace: &Namespace) -> anyhow::Result<()> {
        let opened = self.opened.lock().await.remove(namespace).unwrap_or_default();
        for remote in opened.remote {
            remote.close().await;
        }
        self.here.destroy(namespace).await
    }

    async fn check(&self, namespace: &Namespace) -> Result<(), String> {
        self.here.check(namespace).await
    }

    async fn corrupt(
        &self,
        namespace: &Namespace,
        queue: &QueueName,
        task: TaskId,
    ) -> Option<anyhow::Result<()>> {
        self.here.corrupt(namespace, queue, task).await
    }
}

impl Processes {
    /// The first handle of a namespace is this process's, the next the other's, and so on.
    async fn is_here(&self, namespace: &Namespace) -> bool {
        let mut opened = self.opened.lock().await;
        let turn = &mut opened.entry(namespace.clone()).or_default().turn;
        *turn += 1;
        !turn.is_multiple_of(2)
    }
}

fn main() -> ExitCode {
    if let Some(socket) = std::env::var_os(remote::SOCKET) {
        peer::serve(socket.as_ref());
        return ExitCode::SUCCESS;
    }
    let all = std::env::var_os("DURABLE_SQLITE_PROCESSES").is_some_and(|which| which == "all");
    if std::env::args().len() == 1 && !all {
        return with_filters();
    }
    durable_conformance::main(Processes {
        here: Sqlite::new(),
        elsewhere: Arc::default(),
        opened: Mutex::default(),
    })
}

/// The suite reads its filters from the command line.
#[allow(clippy::expect_used, reason = "without itself it cannot run")]
fn with_filters() -> ExitCode {
    let program = std::env::current_exe().expect("this program");
    let ended = Command::new(program).args(GROUPS).status().expect("this program once more");
    if ended.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
