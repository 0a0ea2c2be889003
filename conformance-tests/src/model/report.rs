//! What a failure says, and the file that keeps it.

use std::fmt;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::op::Call;
use crate::expect::Violation;
use crate::report::directory;

/// Where a store is not as the memory store.
#[derive(Debug)]
pub(super) struct Difference {
    /// The store, by its harness.
    pub(super) store: &'static str,
    /// The seed that shows it, unless the calls are from a file.
    pub(super) seed: Option<u64>,
    pub(super) violation: Violation,
    /// How many calls it took at first.
    pub(super) calls: usize,
    /// The fewest calls that show it.
    pub(super) least: Vec<Call>,
    /// These calls, each with the answer of the memory store.
    pub(super) log: Vec<String>,
}

/// What a file keeps of a failure; the calls alone are enough to replay it.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Kept {
    /// What it shows, in a sentence.
    pub(super) shows: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) log: Vec<String>,
    pub(super) calls: Vec<Call>,
}

impl Difference {
    /// The violation, with the calls that show it and the way to make them again.
    pub(super) fn told(&self) -> Violation {
        let replay = match (self.save(), self.seed) {
            (Ok(path), _) => format!("replay {}", path.display()),
            (Err(_), Some(seed)) => format!("DURABLE_SEEDS={seed}..{}", seed + 1),
            (Err(error), None) => format!("not kept: {error}"),
        };
        Violation { what: format!("{self}\n  again  {replay}"), ..self.violation.clone() }
    }

    fn save(&self) -> std::io::Result<PathBuf> {
        let directory = directory(self.store);
        std::fs::create_dir_all(&directory)?;
        let name = self.seed.map_or_else(|| "replayed".to_owned(), |seed| seed.to_string());
        let path = directory.join(format!("model-{name}.json"));
        let shows = format!("{} of {}", self.violation.what, self.store);
        let kept = Kept { shows, log: self.log.clone(), calls: self.least.clone() };
        std::fs::write(&path, serde_json::to_vec_pretty(&kept)?)?;
        Ok(path)
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, after {} of {} random calls", self.violation.what, self.least.len(), self.calls)?;
        self.seed.into_iter().try_for_each(|seed| write!(f, " (seed {seed})"))?;
        let numbered = self.log.iter().enumerate();
        numbered.into_iter().try_for_each(|(number, call)| write!(f, "\n    {:2}  {call}", number + 1))
    }
}
