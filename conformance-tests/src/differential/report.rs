//! What a failure says, for people.

use std::fmt;

use super::things::Things;
use crate::expect::Violation;

/// How much of a line is shown.
const SHOWN: usize = 1_500;

/// Short names for ids.
pub(super) struct Names(Vec<(String, String)>);

impl Names {
    pub(super) fn of(things: &Things) -> Self {
        let tasks = things.tasks.iter().enumerate().map(|(i, id)| (format!("TaskId({id})"), format!("t{i}")));
        let calls = things.calls.iter().enumerate().map(|(i, id)| (format!("CallId({id})"), format!("c{i}")));
        let emits = things.emits.iter().enumerate().map(|(i, id)| (format!("EmitId({id})"), format!("e{i}")));
        Self(tasks.chain(calls).chain(emits).collect())
    }

    pub(super) fn shorten(&self, text: &str) -> String {
        let replaced = |text: String, (long, short): &(String, String)| text.replace(long, short);
        let text = self.0.iter().fold(text.to_owned(), replaced);
        text.lines().map(cut).collect::<Vec<_>>().join("\n")
    }
}

/// The line, or its begin when it is about a crowd.
fn cut(line: &str) -> String {
    let shown: String = line.chars().take(SHOWN).collect();
    if shown.len() == line.len() { shown } else { format!("{shown} …") }
}

/// Why a run fails.
pub enum Failure {
    /// The store is not as the memory store.
    Differs {
        /// The store, by its harness.
        store: &'static str,
        /// The seed that shows it.
        seed: u64,
        /// What is otherwise.
        violation: Box<Violation>,
        /// How many calls it took at first.
        calls: usize,
        /// The fewest calls that show it, each with the answer of the memory store.
        shrunk: Vec<String>,
    },
    /// The calls did not meet what they should have met.
    Missed(Vec<String>),
    /// There was no run.
    NotRun(String),
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Differs { store, seed, violation, calls, shrunk } => {
                writeln!(f, "{store} is not as the memory store: seed {seed}\n{violation}\n")?;
                writeln!(f, "  after these of {calls} calls, each with the answer of the memory store")?;
                let numbered = shrunk.iter().enumerate();
                numbered.into_iter().try_for_each(|(number, call)| writeln!(f, "    {number:2}  {call}"))
            }
            Self::Missed(outcomes) => write!(f, "never seen: {}", outcomes.join("; ")),
            Self::NotRun(why) => f.write_str(why),
        }
    }
}

/// What a test that returns a failure prints.
impl fmt::Debug for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for Failure {}
