//! Another process: this program, run once more for one test, which finds out by the environment that it is the child.

use std::io::{BufRead, BufReader};
use std::process::{Child as Process, ChildStdout, Command, ExitStatus, Stdio};

use super::desk::Desk;

const URL: &str = "DURABLE_SQLITE_PACK_URL";
const MARK: &str = "child: ";

/// What a child says; it is killed when this goes.
pub(crate) struct Child {
    process: Process,
    lines: BufReader<ChildStdout>,
}

impl Child {
    /// Runs `test`, given as `module::name`, in another process on what the URL names.
    pub(crate) fn start(test: &str, url: &str) -> Self {
        Self::start_by(Command::new(std::env::current_exe().unwrap()), test, url)
    }

    /// The same by a command that runs this program with the arguments that it is given.
    pub(crate) fn start_by(mut command: Command, test: &str, url: &str) -> Self {
        let mut process = command
            .args(["--exact", test, "--include-ignored", "--nocapture", "--test-threads", "1"])
            .env(URL, url)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(process.stdout.take().unwrap());
        Self { process, lines }
    }

    /// The next thing that it says; `None` when it has ended.
    pub(crate) fn says(&mut self) -> Option<String> {
        let mut line = String::new();
        loop {
            line.clear();
            if self.lines.read_line(&mut line).unwrap() == 0 {
                return None;
            }
            // Half a line is what it was killed at.
            if let Some((_, said)) = line.strip_suffix('\n').and_then(|line| line.split_once(MARK)) {
                return Some(said.to_owned());
            }
        }
    }

    /// `SIGKILL`, and what it had said until then.
    pub(crate) fn kill(mut self) -> Vec<String> {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
        std::iter::from_fn(|| self.says()).collect()
    }

    /// Waits for its end.
    pub(crate) fn ends(mut self) -> ExitStatus {
        while self.says().is_some() {}
        self.process.wait().unwrap()
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The URL that a child is to work on; nothing in the process that started it.
pub(crate) fn url() -> Option<String> {
    std::env::var(URL).ok()
}

/// The same, opened.
pub(crate) async fn desk() -> Option<Desk> {
    Some(Desk::open(&url()?).await)
}

/// Says something to the process that started this one.
pub(crate) fn say(what: &str) {
    println!("{MARK}{what}");
}
