//! The report for people.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use super::{CaseReport, Counts, Failure, FailureKind, Report, Status, Verdict, durability, hints};
use crate::level::{Capability, Level};

impl Report {
    /// The groups of the cases, in the suite's order.
    pub(super) fn groups(&self) -> Vec<&'static str> {
        let mut groups: Vec<_> = self.cases.iter().map(|case| case.group).collect();
        groups.dedup();
        groups
    }

    fn table(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{:<14}{:>5}{:>5}{:>10}{:>5}{:>5}{:>9}",
            "group", "pass", "fail", "expected", "skip", "n/a", "time"
        )?;
        for group in self.groups() {
            let cases = || self.cases.iter().filter(|case| case.group == group);
            let took = cases().map(|case| case.took).sum();
            row(f, group, Self::count(cases()), took)?;
        }
        row(f, "all", self.counts(), self.cases.iter().map(|case| case.took).sum())
    }

    fn header(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { suite, store, version, seed, .. } = self;
        writeln!(f, "durable-conformance {suite} over {store} {version}, seed {seed}")?;
        match self.capabilities {
            Some(declared) => write!(f, "durability {} · hints {}", durability(declared), hints(declared))?,
            None => write!(f, "no capabilities: no handle was opened")?,
        }
        for hook in self.missing_hooks() {
            write!(f, " · no hook {hook}")?;
        }
        writeln!(f)
    }

    fn not_run(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut reasons: BTreeMap<String, usize> = BTreeMap::new();
        for case in &self.cases {
            match &case.status {
                Status::NotRun(missing) => *reasons.entry(format!("not run: {missing}")).or_default() += 1,
                Status::ExpectedFailure { reason, .. } => {
                    *reasons.entry(format!("expected to fail: {}: {reason}", case.name)).or_default() += 1;
                }
                _ => {}
            }
        }
        reasons.iter().try_for_each(|(reason, count)| writeln!(f, "{count} {reason}"))
    }

    fn levels(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verdict = match self.verdict() {
            Verdict::Conformant => "CONFORMANT, as far as it ran",
            Verdict::Violated => "NOT CONFORMANT",
            Verdict::Unusable => "UNUSABLE: the harness, or a case, does not work",
            Verdict::Incomplete => "INCOMPLETE",
            Verdict::UnexpectedPass => "UNEXPECTED PASS: take it off the list of expected failures",
        };
        let verdict = if self.whole && verdict.starts_with("CONF") { "CONFORMANT" } else { verdict };
        write!(f, "verdict: {verdict}   levels:")?;
        for level in Level::ALL {
            write!(f, " {level} {}", self.mark(level))?;
        }
        writeln!(f, "   declared: {}", self.declared)
    }

    /// Reached, not reached, or not meant to be.
    pub(super) fn mark(&self, level: Level) -> &'static str {
        if self.reaches(level) {
            "✓"
        } else if !self.whole || level == Level::Durable && !self.declares(Capability::Durable) {
            "–"
        } else {
            "✗"
        }
    }
}

fn row(f: &mut fmt::Formatter<'_>, name: &str, counts: Counts, took: Duration) -> fmt::Result {
    let Counts { passed, failed, expected, skipped, not_declared } = counts;
    writeln!(
        f,
        "{name:<14}{passed:>5}{failed:>5}{expected:>10}{skipped:>5}{not_declared:>5}{:>8.1}s",
        took.as_secs_f64()
    )
}

impl fmt::Display for Report {
    /// With the failures; without them by `{:#}`, for who has shown them before.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.header(f)?;
        self.table(f)?;
        let failed = self.cases.iter().filter(|case| case.status.failure().is_some());
        for case in failed.take(if f.alternate() { 0 } else { usize::MAX }) {
            writeln!(f, "\nFAIL {}\n{}", case.name, failure(case, &self.store, self.seed))?;
        }
        self.not_run(f)?;
        self.levels(f)?;
        let Counts { passed, failed, expected, skipped, not_declared } = self.counts();
        write!(f, "{passed} passed, {failed} failed, {} skipped", expected + skipped + not_declared)
    }
}

/// What a failed case says: the rule, why it matters, what came, the calls, and how to see it again.
pub(crate) fn failure(case: &CaseReport, store: &str, seed: u64) -> String {
    let Some(Failure { kind, what, got, wanted, calls, call_count, namespace }) = case.status.failure()
    else {
        return String::new();
    };
    let level = case.capability.map_or("mandatory", Capability::name);
    let shown = calls.len();
    let broken = match kind {
        FailureKind::Violation => "",
        FailureKind::Invariant => "an invariant: ",
        FailureKind::Panic => "a panic: ",
        FailureKind::Timeout => "no end: ",
        FailureKind::Harness => "the harness: ",
        FailureKind::Defect => "a defect of the suite: ",
    };
    format!(
        "  rule   {} ({}; {level})\n  why    {}\n  what   {broken}{what}\n  got    {got}\n  wanted {wanted}\n  calls  \
         {shown} of {call_count}: {}\n  in     namespace {namespace} of {store}\n  replay {}",
        case.rules.join(", "),
        case.ids.join(", "),
        case.why,
        calls.join(" · "),
        replay(&case.name, seed)
    )
}

/// The command that runs one case again, as far as the surroundings tell.
fn replay(case: &str, seed: u64) -> String {
    let package = std::env::var("CARGO_PKG_NAME").map(|name| format!(" -p {name}")).unwrap_or_default();
    let program = std::env::current_exe().unwrap_or_default();
    let stem = program.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    let test = stem.rsplit_once('-').map_or(stem.as_str(), |(name, _)| name);
    format!("cargo test{package} --test {test} -- --exact {case} --seed {seed}")
}
