//! The quickstart as a process.

use std::io::Write as _;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use std::{env, fs, io, thread};

use anyhow::{Context as _, bail, ensure};
use serde_json::Value;

use crate::chance::Moment;

/// How many tasks the quickstart runs at once.
pub(crate) const SLOTS: usize = 4;
/// How long a run may take that nobody kills. The leases of a killed one are 2 s.
const LONGEST: Duration = Duration::from_secs(90);
/// How often to look at it.
const LOOK: Duration = Duration::from_micros(500);
const HIDES_CHECKPOINTS: bool = cfg!(feature = "__hide-checkpoints");

/// A store, and the ledger of what its tasks did.
pub(crate) struct Desk {
    pub(crate) store: String,
    pub(crate) ledger: PathBuf,
}

/// One run of the quickstart; it is killed when it is dropped.
pub(crate) struct Running(Option<Child>);

/// One order of the table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) order: String,
    pub(crate) status: String,
    pub(crate) total: String,
}

/// The store that the environment names.
pub(crate) fn given_store() -> Option<String> {
    env::var("DURABLE_TORTURE_STORE").ok()
}

/// One test at a time: two on one store, or on two processors, would disturb each other.
pub(crate) fn turn() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Desk {
    /// A desk on the given store, or on a new file.
    pub(crate) fn new(name: &str) -> anyhow::Result<Self> {
        let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join("torture").join(name);
        match fs::remove_dir_all(&dir) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error.into()),
            _ => fs::create_dir_all(&dir)?,
        }
        let store = given_store().unwrap_or_else(|| format!("sqlite:{}", dir.join("desk.db").display()));
        Ok(Self { store, ledger: dir.join("ledger") })
    }

    /// Starts the quickstart.
    pub(crate) fn start(&self, options: &[&str]) -> anyhow::Result<Running> {
        let mut command = Command::new(&*BINARY);
        command.args(["--store", &self.store, "--ledger"]).arg(&self.ledger).args(options);
        let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
        Ok(Running(Some(child)))
    }
}

impl Running {
    /// Kills the process at this moment, unless it has ended by then.
    pub(crate) fn killed_at(mut self, moment: Moment, ledger: &Path) -> anyhow::Result<Output> {
        let length = || fs::metadata(ledger).map_or(0, |file| file.len());
        // A reset makes it shorter first.
        let mut least = length();
        self.wait(moment.latest, || {
            let now = length();
            least = least.min(now);
            now - least >= moment.growth
        })?;
        self.output()
    }

    /// Waits for the end, which must come.
    pub(crate) fn ended(mut self) -> anyhow::Result<Output> {
        let in_time = self.wait(LONGEST, || false)?;
        let output = self.output()?;
        ensure!(in_time, "it did not end in {LONGEST:?}: {}", text(&output.stderr));
        Ok(output)
    }

    /// Whether it ends by itself before this time and before it is enough.
    fn wait(&mut self, time: Duration, mut enough: impl FnMut() -> bool) -> anyhow::Result<bool> {
        let until = Instant::now() + time;
        let child = self.0.as_mut().context("it has ended")?;
        while child.try_wait()?.is_none() {
            if Instant::now() >= until || enough() {
                return Ok(false);
            }
            // Real time: it is another process.
            thread::sleep(LOOK);
        }
        Ok(true)
    }

    fn output(&mut self) -> anyhow::Result<Output> {
        let mut child = self.0.take().context("it has ended")?;
        // On Unix this is SIGKILL; a process that has ended takes no harm from it.
        child.kill()?;
        Ok(child.wait_with_output()?)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(child) = &mut self.0 {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// Whether a process died of `kill -9`, its own or ours.
pub(crate) fn was_killed(output: &Output) -> bool {
    output.status.signal() == Some(9)
}

/// The table that a run ended with; that it ended well is part of it.
pub(crate) fn table(output: &Output) -> anyhow::Result<Vec<Row>> {
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    ensure!(output.status.success(), "the quickstart ended with {}:\n{out}{err}", output.status);
    let rows = out.lines().filter(|line| line.starts_with("ORD-"));
    rows.map(|row| match row.split_whitespace().collect::<Vec<_>>()[..] {
        [order, status, total, ..] => {
            Ok(Row { order: order.into(), status: status.into(), total: total.into() })
        }
        _ => bail!("no row: {row}"),
    })
    .collect()
}

/// The table of a run that nobody disturbs.
pub(crate) fn undisturbed() -> anyhow::Result<Vec<Row>> {
    let desk = Desk { store: "memory:".to_owned(), ..Desk::new("undisturbed")? };
    let table = table(&desk.start(&[])?.ended()?)?;
    ensure!(!table.is_empty(), "the table has no rows");
    Ok(table)
}

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// The quickstart, built with the features of this test: `cargo run` would put a process between us and it.
static BINARY: LazyLock<PathBuf> = LazyLock::new(|| build().expect("the quickstart builds"));

fn build() -> anyhow::Result<PathBuf> {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["build", "--quiet", "--example", "quickstart", "--message-format", "json"]);
    cargo.args(HIDES_CHECKPOINTS.then_some("--features=__hide-checkpoints"));
    cargo.args(cfg!(feature = "postgres").then_some("--features=postgres"));
    let output = cargo.current_dir(env!("CARGO_MANIFEST_DIR")).output()?;
    io::stderr().write_all(&output.stderr)?;
    ensure!(output.status.success(), "the quickstart does not build");
    let messages = text(&output.stdout);
    let built = messages.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let mut built = built.filter(|message| message["target"]["name"] == "quickstart");
    let binary = built.find_map(|message| Some(PathBuf::from(message["executable"].as_str()?)));
    binary.context("cargo names no binary")
}
