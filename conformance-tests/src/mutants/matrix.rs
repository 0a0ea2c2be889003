//! The kill matrix: which case finds which mutant out.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;

use super::Mutant;
use crate::cases::cases;
use crate::harness::Harness;
use crate::registry::Case;
use crate::report::{CaseReport, FailureKind, Status};
use crate::run::{SEED, run_case_within};

/// What a case may take on a broken store, where some go round in circles.
const MOST: Duration = Duration::from_secs(30);
/// What a case may take on the unbroken one.
const MOST_OF_CONTROL: Duration = Duration::from_secs(600);
/// How many cases run at once.
const AT_ONCE: usize = 8;
/// How many characters are kept of what a failure saw.
const KEPT: usize = 400;

/// Which cases meet which mutants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Each mutant meets the cases that are named for it, until one kills it.
    Named,
    /// Each mutant meets the cases that are named for it, and all that are not heavy.
    Light,
    /// Each mutant meets every case.
    Full,
}

/// What became of one mutant.
#[derive(Debug)]
pub struct Row {
    /// The mutant.
    pub mutant: Mutant,
    /// How the cases ended that it met.
    pub cases: Vec<CaseReport>,
}

/// Every mutant, and the control: the same store unbroken, against every case that any mutant met.
#[derive(Debug)]
pub struct Matrix {
    /// How the cases ended over the store that nobody broke.
    pub control: Vec<CaseReport>,
    /// The mutants, in their order.
    pub mutants: Vec<Row>,
}

/// Runs the mutants and the control, all on the same seed.
pub async fn matrix(control: Arc<dyn Harness>, mutants: Vec<Mutant>, scope: Scope) -> Matrix {
    let rows =
        mutants.into_iter().enumerate().map(|(at, mutant)| async move { (at, meets(mutant, scope).await) });
    let rows: BTreeMap<_, _> = futures::stream::iter(rows).buffer_unordered(AT_ONCE).collect().await;
    let mutants: Vec<Row> = rows.into_values().collect();
    let met: BTreeSet<_> = mutants.iter().flat_map(|row| &row.cases).map(|case| case.name.as_str()).collect();
    let met = cases().into_iter().filter(|case| met.contains(case.name().as_str()));
    let runs = met.map(|case| run(case, control.clone(), MOST_OF_CONTROL));
    Matrix { control: futures::stream::iter(runs).buffered(AT_ONCE).collect().await, mutants }
}

/// Runs the cases that a mutant meets, one after the other.
async fn meets(mutant: Mutant, scope: Scope) -> Row {
    let mut row = Row { mutant, cases: Vec::new() };
    let mut left = cases();
    left.retain(|case| match scope {
        Scope::Named => row.mutant.names(&case.name(), case.ids),
        Scope::Light => !case.heavy || row.mutant.names(&case.name(), case.ids),
        Scope::Full => true,
    });
    // What is soon done comes first.
    left.sort_by_key(|case| case.heavy);
    for case in left {
        row.cases.push(run(case, row.mutant.harness.clone(), MOST).await);
        if scope == Scope::Named && !row.killers().is_empty() {
            break;
        }
    }
    row
}

/// Runs a case without a check after each step, as heavy ones are: it is the case that has to find a mutant out.
async fn run(case: Case, harness: Arc<dyn Harness>, most: Duration) -> CaseReport {
    brief(run_case_within(case.heavy(), harness, SEED, most).await)
}

/// What is kept of a report: ten thousands of them are.
fn brief(mut report: CaseReport) -> CaseReport {
    if let Status::Failed(failure) = &mut report.status {
        failure.calls = Vec::new();
        for text in [&mut failure.got, &mut failure.wanted] {
            *text = text.chars().take(KEPT).collect();
        }
    }
    report
}

/// The case found the store to break the contract, by its own assertions.
fn is_violation(case: &CaseReport) -> bool {
    case.status.failure().is_some_and(|failure| failure.kind == FailureKind::Violation)
}

impl Row {
    /// The cases named for the mutant that found it out.
    pub fn killers(&self) -> Vec<&str> {
        self.named().filter(|case| is_violation(case)).map(|case| case.name.as_str()).collect()
    }

    /// All cases that found it out.
    pub fn found_by(&self) -> Vec<&str> {
        self.cases.iter().filter(|case| is_violation(case)).map(|case| case.name.as_str()).collect()
    }

    fn named(&self) -> impl Iterator<Item = &CaseReport> {
        self.cases.iter().filter(|case| self.mutant.names(&case.name, case.ids))
    }

    /// Why the mutant counts as alive; `None` if a case named for it has killed it.
    pub fn survival(&self) -> Option<String> {
        if !self.killers().is_empty() {
            return None;
        }
        let ends: Vec<_> = self.named().map(|case| format!("{} {}", case.name, ended(case))).collect();
        let killers = self.mutant.killers.join(" or ");
        Some(if ends.is_empty() { format!("there is no case {killers}") } else { ends.join("; ") })
    }
}

/// How a case ended, in words.
fn ended(case: &CaseReport) -> String {
    match &case.status {
        Status::NotRun(missing) => format!("was not run: {missing}"),
        status => match status.failure() {
            Some(failure) => format!("ended with {:?}: {}, {}", failure.kind, failure.what, failure.got),
            None => "passed".to_owned(),
        },
    }
}

impl Matrix {
    /// What is wrong with the gallery, in lines; none if every mutant is killed and the control is green.
    pub fn problems(&self) -> Vec<String> {
        let failed = self.control.iter().filter(|case| case.status.failure().is_some());
        let not_green = failed.map(|case| format!("the control: {} {}", case.name, ended(case)));
        let survivors = self.mutants.iter().filter_map(|row| {
            let why = row.survival()?;
            Some(format!("mutant {} survives ({}): {why}", row.mutant.id, row.mutant.breaks))
        });
        not_green.chain(survivors).collect()
    }

    /// The cases that met every mutant and found none out.
    pub fn idle(&self) -> Vec<&str> {
        let busy: BTreeSet<_> = self.mutants.iter().flat_map(Row::found_by).collect();
        let mut met: BTreeMap<&str, usize> = BTreeMap::new();
        for case in self.mutants.iter().flat_map(|row| &row.cases) {
            *met.entry(&case.name).or_default() += 1;
        }
        let is_idle = |name: &&str| !busy.contains(name) && met.get(name) == Some(&self.mutants.len());
        self.control.iter().map(|case| case.name.as_str()).filter(is_idle).collect()
    }
}

/// A table: each mutant, its verdict, and the cases named for it that killed it.
impl fmt::Display for Matrix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for row in &self.mutants {
            let killers = row.killers();
            let verdict = if killers.is_empty() { "SURVIVES" } else { "killed" };
            writeln!(f, "{:<5} {verdict:<9} {}", row.mutant.id, row.mutant.breaks)?;
            for killer in killers {
                writeln!(f, "{:16}by {killer}", "")?;
            }
        }
        let killed = self.mutants.iter().filter(|row| !row.killers().is_empty()).count();
        let passed = self.control.iter().filter(|case| case.status == Status::Passed).count();
        writeln!(f, "control: {passed} of {} cases passed", self.control.len())?;
        write!(f, "{killed} of {} mutants killed", self.mutants.len())
    }
}
