//! A second process on the same data: it writes, says what was acknowledged, and may be killed at it.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::process::{Command, ExitCode, Stdio};
use std::sync::Arc;

use durable_core::model::{CallId, Clock, QueueName, TaskId, WorkerName};
use durable_core::store::{
    ClaimRequest, EmitRequest, PutQueueRequest, QueueState, RunEnd, SaveRequest, SpawnRequest, Store,
};

use crate::ctx::job_name;
use crate::ctx::steps::{LEASE, complete, event, job, key, lease, step, write as written_event};
use crate::expect::{Violation, one};
use crate::harness::{Harness, Namespace};

/// The first argument of a test binary that is to be such a process.
pub(crate) const WORD: &str = "write-as-another-process";
/// The queue that it makes and writes into.
pub(crate) const QUEUE: &str = "written";
/// The key of its checkpoints.
pub(crate) const STEP: &str = "step";
/// What its checkpoints and events hold.
pub(crate) const SAVED: &str = r#"{"saved":1}"#;

/// What the store has acknowledged to another process.
#[derive(Debug, Default)]
pub(crate) struct Acknowledged {
    /// The tasks, and how many of their checkpoints and ends were acknowledged.
    pub(crate) tasks: BTreeMap<TaskId, Task>,
    /// The events.
    pub(crate) events: Vec<String>,
}

/// What was acknowledged of one task, after its spawn.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Task {
    /// Its checkpoint.
    pub(crate) saved: bool,
    /// Its end.
    pub(crate) completed: bool,
}

impl Acknowledged {
    fn hear(&mut self, line: &str) -> anyhow::Result<()> {
        let (what, of) = line.split_once(' ').ok_or_else(|| anyhow::anyhow!("it said {line:?}"))?;
        if what == "emitted" {
            self.events.push(of.to_owned());
            return Ok(());
        }
        let task = self.tasks.entry(TaskId::from_uuid(of.parse()?)).or_default();
        match what {
            "spawned" => {}
            "saved" => task.saved = true,
            "completed" => task.completed = true,
            _ => anyhow::bail!("it said {line:?}"),
        }
        Ok(())
    }
}

/// Has another process write, and kills it (SIGKILL) when it has been told of so many writes; without a number it is left to
/// end by itself, after a few. It blocks.
pub(crate) fn write(
    mut command: Command,
    namespace: &Namespace,
    kill_after: Option<usize>,
) -> anyhow::Result<Acknowledged> {
    let rounds = if kill_after.is_some() { usize::MAX } else { 10 };
    command.args([WORD, namespace.as_str(), &rounds.to_string()]).stdout(Stdio::piped());
    let mut child = command.spawn()?;
    let output = child.stdout.take().ok_or_else(|| anyhow::anyhow!("no output"))?;
    let (mut acknowledged, mut heard) = (Acknowledged::default(), 0);
    for line in BufReader::new(output).lines() {
        acknowledged.hear(&line?)?;
        heard += 1;
        // What it says until it is gone was acknowledged, too.
        if Some(heard) == kill_after {
            child.kill()?;
        }
    }
    let status = child.wait()?;
    anyhow::ensure!(status.success() == kill_after.is_none(), "the other process ended with {status}");
    anyhow::ensure!(heard > 0, "the other process wrote nothing");
    Ok(acknowledged)
}

/// The other process.
pub(crate) async fn main(harness: Arc<dyn Harness>, arguments: &[String]) -> ExitCode {
    match writing(harness, arguments).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn writing(harness: Arc<dyn Harness>, arguments: &[String]) -> anyhow::Result<()> {
    let [namespace, rounds] = arguments else { anyhow::bail!("a namespace and a number of rounds") };
    let store = harness.open(&Namespace::known(namespace), Clock::Own).await?;
    let queue = QueueName::new(QUEUE)?;
    store.put_queue(PutQueueRequest::new(queue.clone(), QueueState::Open)).await?;
    for round in 0..rounds.parse()? {
        let written = one_round(&*store, &queue, round).await;
        written.map_err(|violation| anyhow::anyhow!("{violation}"))?;
    }
    Ok(())
}

/// One task, its checkpoint, an event; every third task does not end.
async fn one_round(store: &dyn Store, queue: &QueueName, round: usize) -> Result<(), Violation> {
    let task = job()?;
    let id = task.id;
    store.spawn(SpawnRequest::new(queue.clone(), vec![task])).await?;
    say("spawned", id)?;
    let claimed = one("the claims", store.claim(claim(queue, 1)?).await?.claims)?.token;
    let item = step(claimed, &key(STEP)?, SAVED);
    one("the answers", store.save(SaveRequest::new(queue.clone(), vec![item])).await?)??;
    say("saved", claimed.task)?;
    let name = format!("e{round}");
    store.emit(EmitRequest::new(queue.clone(), written_event(&event(&name)?, SAVED))).await?;
    say("emitted", name)?;
    if round % 3 < 2 {
        let end = RunEnd { token: claimed, ending: complete() };
        one("the answers", store.claim(claim(queue, 0)?.ending(vec![end])).await?.ends)??;
        say("completed", claimed.task)?;
    }
    Ok(())
}

fn claim(queue: &QueueName, max: u32) -> Result<ClaimRequest, Violation> {
    let (worker, names) = (WorkerName::new("another")?, vec![job_name()?]);
    Ok(ClaimRequest::new(queue.clone(), CallId::new(), worker, names, max, lease(LEASE)?))
}

/// Says what the store has acknowledged, at once.
fn say(what: &str, of: impl std::fmt::Display) -> Result<(), Violation> {
    let mut output = std::io::stdout().lock();
    let said = writeln!(output, "{what} {of}").and_then(|()| output.flush());
    said.map_err(|error| Violation::new("the output of the other process", error.to_string(), "a reader"))
}
