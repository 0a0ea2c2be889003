//! What a case did so far: its calls, the ones that have not returned, and the first broken invariant.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use durable_core::store::Verb;

use crate::expect::Violation;
use crate::harness::Namespace;
use crate::level::Missing;

/// How many of the last calls a failure shows.
const SHOWN: usize = 24;

/// The record of one case, shared by its handles.
#[derive(Debug, Default)]
pub(crate) struct Journal(Mutex<Record>);

#[derive(Debug, Default)]
struct Record {
    calls: u64,
    pending: BTreeMap<u64, String>,
    recent: VecDeque<String>,
    verbs: BTreeSet<Verb>,
    permitted: BTreeSet<Verb>,
    elsewhere: Vec<Namespace>,
    broken: Option<Violation>,
    missing: Option<Missing>,
    is_defect: bool,
}

impl Record {
    fn show(&mut self, line: String) {
        self.recent.push_back(line);
        if self.recent.len() > SHOWN {
            self.recent.pop_front();
        }
    }
}

impl Journal {
    fn record(&self) -> MutexGuard<'_, Record> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes that a call starts; it is pending until the ticket is dropped.
    pub(crate) fn starts(self: &Arc<Self>, verb: Verb, handle: &str, said: &str) -> Pending {
        let mut record = self.record();
        record.calls += 1;
        let number = record.calls;
        let line = format!("{number} {handle}.{verb}({said})");
        record.verbs.insert(verb);
        record.pending.insert(number, line.clone());
        record.show(line);
        Pending { journal: self.clone(), number }
    }

    /// Notes a broken invariant; the first one counts.
    pub(crate) fn breaks(&self, violation: Violation) {
        self.record().broken.get_or_insert(violation);
    }

    /// Notes why the case could not be run.
    pub(crate) fn lacks(&self, missing: Missing) {
        self.record().missing = Some(missing);
    }

    /// The first broken invariant.
    pub(crate) fn broken(&self) -> Option<Violation> {
        self.record().broken.clone()
    }

    /// Why the case could not be run.
    pub(crate) fn missing(&self) -> Option<Missing> {
        self.record().missing
    }

    /// Notes that what the case found wrong is the suite itself.
    pub(crate) fn is_the_suites(&self) {
        self.record().is_defect = true;
    }

    /// What the case found wrong is the suite itself.
    pub(crate) fn is_defect(&self) -> bool {
        self.record().is_defect
    }

    /// Notes that the case asked whether the store has a verb, and so may call it.
    pub(crate) fn permits(&self, verb: Verb) {
        self.record().permitted.insert(verb);
    }

    /// Notes that the case opened another namespace.
    pub(crate) fn opens(&self, namespace: &Namespace) {
        self.record().elsewhere.push(namespace.clone());
    }

    /// Notes that the case removed a namespace that it had opened.
    pub(crate) fn closes(&self, namespace: &Namespace) {
        self.record().elsewhere.retain(|other| other != namespace);
    }

    /// The namespaces that the case opened besides its own.
    pub(crate) fn elsewhere(&self) -> Vec<Namespace> {
        self.record().elsewhere.clone()
    }

    /// The verbs that the case called.
    pub(crate) fn verbs(&self) -> BTreeSet<Verb> {
        self.record().verbs.clone()
    }

    /// The verbs that the case asked for before it called them.
    pub(crate) fn permitted(&self) -> BTreeSet<Verb> {
        self.record().permitted.clone()
    }

    /// The last calls, for a report.
    pub(crate) fn recent(&self) -> Vec<String> {
        self.record().recent.iter().cloned().collect()
    }

    /// How many calls there were.
    pub(crate) fn calls(&self) -> u64 {
        self.record().calls
    }

    /// How many calls have returned.
    pub(crate) fn returned(&self) -> u64 {
        let record = self.record();
        record.calls.saturating_sub(u64::try_from(record.pending.len()).unwrap_or(u64::MAX))
    }

    /// Notes that the clock was moved.
    pub(crate) fn passes(&self, millis: u64) {
        self.record().show(format!("+{millis} ms"));
    }

    /// The calls that have not returned.
    pub(crate) fn pending(&self) -> String {
        let record = self.record();
        let lines: Vec<_> = record.pending.values().map(String::as_str).collect();
        if lines.is_empty() { "no call at all".to_owned() } else { lines.join(" · ") }
    }
}

/// A call that has not returned.
#[derive(Debug)]
pub(crate) struct Pending {
    journal: Arc<Journal>,
    number: u64,
}

impl Drop for Pending {
    fn drop(&mut self) {
        self.journal.record().pending.remove(&self.number);
    }
}
