//! The kill matrix: which case finds which mutant out.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use futures::StreamExt;

use super::Mutant;
use super::trial::{Fate, run};
use crate::cases::cases;
use crate::harness::Harness;
use crate::registry::Case;

/// How many cases run at once.
const AT_ONCE: usize = 4;

/// Which cases meet which mutants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Each mutant meets the cases that are named for it.
    Named,
    /// Each mutant meets every case.
    Full,
}

/// What became of one mutant.
#[derive(Debug)]
pub struct Row {
    /// The mutant.
    pub mutant: Mutant,
    /// The cases that it met, and how they ended.
    pub fates: Vec<(Case, Fate)>,
}

/// Every mutant, and the control: the same store unbroken, against every case that any mutant met.
#[derive(Debug)]
pub struct Matrix {
    /// How the cases ended over the store that nobody broke.
    pub control: Vec<(Case, Fate)>,
    /// The mutants, in their order.
    pub mutants: Vec<Row>,
}

/// Runs the mutants and the control.
pub async fn matrix(control: Arc<dyn Harness>, mutants: Vec<Mutant>, scope: Scope) -> Matrix {
    let meets = |mutant: &Mutant| {
        let met = cases().into_iter().filter(|case| scope == Scope::Full || is_named(case, mutant));
        met.collect::<Vec<_>>()
    };
    let met: BTreeSet<_> = mutants.iter().flat_map(meets).map(|case| case.name()).collect();
    let of_control = cases().into_iter().filter(|case| met.contains(&case.name())).collect();
    let of_mutants = mutants.iter().map(|mutant| (mutant.harness.clone(), meets(mutant)));
    let mut fates = fates([(control, of_control)].into_iter().chain(of_mutants).collect()).await.into_iter();
    Matrix {
        control: fates.next().unwrap_or_default(),
        mutants: mutants.into_iter().zip(fates).map(|(mutant, fates)| Row { mutant, fates }).collect(),
    }
}

/// A case is named for a mutant, by one of its ids or by its name.
fn is_named(case: &Case, mutant: &Mutant) -> bool {
    mutant.killers.iter().any(|killer| case.ids.contains(killer) || case.name() == *killer)
}

/// How the cases of each store ended, in their order.
async fn fates(stores: Vec<(Arc<dyn Harness>, Vec<Case>)>) -> Vec<Vec<(Case, Fate)>> {
    let mut ended: Vec<_> = stores.iter().map(|_| Vec::new()).collect();
    let calls = stores.into_iter().enumerate().flat_map(|(row, (harness, cases))| {
        cases.into_iter().enumerate().map(move |(column, case)| (row, column, case, harness.clone()))
    });
    let running = calls
        .map(|(row, column, case, harness)| async move { (row, column, case, run(case, harness).await) });
    let mut running = futures::stream::iter(running).buffer_unordered(AT_ONCE);
    while let Some((row, column, case, fate)) = running.next().await {
        if let Some(ended) = ended.get_mut(row) {
            ended.push((column, case, fate));
        }
    }
    let in_order = |mut row: Vec<(usize, Case, Fate)>| {
        row.sort_by_key(|(column, ..)| *column);
        row.into_iter().map(|(_, case, fate)| (case, fate)).collect()
    };
    ended.into_iter().map(in_order).collect()
}

impl Row {
    /// The cases named for the mutant that found it out.
    pub fn killers(&self) -> Vec<String> {
        self.violated().filter(|case| is_named(case, &self.mutant)).map(Case::name).collect()
    }

    /// All cases that found it out.
    pub fn found_by(&self) -> Vec<String> {
        self.violated().map(Case::name).collect()
    }

    fn violated(&self) -> impl Iterator<Item = &Case> {
        self.fates.iter().filter(|(_, fate)| matches!(fate, Fate::Violated(_))).map(|(case, _)| case)
    }

    /// Why the mutant counts as alive; `None` if a case named for it has killed it.
    pub fn survival(&self) -> Option<String> {
        if !self.killers().is_empty() {
            return None;
        }
        let ended = |(case, fate): &(Case, Fate)| match fate {
            Fate::Passed => format!("{} passed", case.name()),
            Fate::NotRun(reason) => format!("{} was not run: {reason}", case.name()),
            Fate::Violated(_) => format!("{} found it, but is not named for it", case.name()),
            Fate::Broken(how) => format!("{} broke: {how}", case.name()),
        };
        let ends: Vec<_> = self.fates.iter().filter(|(case, _)| is_named(case, &self.mutant)).collect();
        if ends.is_empty() {
            return Some(format!("no case carries {}", self.mutant.killers.join(" or ")));
        }
        Some(ends.into_iter().map(ended).collect::<Vec<_>>().join("; "))
    }
}

impl Matrix {
    /// What is wrong with the gallery, in lines; empty if every mutant is killed and the control is green.
    pub fn problems(&self) -> Vec<String> {
        let not_green = self.control.iter().filter_map(|(case, fate)| match fate {
            Fate::Passed | Fate::NotRun(_) => None,
            Fate::Violated(how) | Fate::Broken(how) => Some(format!("the control, {}: {how}", case.name())),
        });
        let survivors = self.mutants.iter().filter_map(|row| {
            let why = row.survival()?;
            Some(format!("mutant {} survives ({}): {why}", row.mutant.id, row.mutant.breaks))
        });
        not_green.chain(survivors).collect()
    }

    /// The cases that met every mutant and found none out.
    pub fn idle(&self) -> Vec<String> {
        let busy: BTreeSet<_> = self.mutants.iter().flat_map(Row::found_by).collect();
        self.control.iter().map(|(case, _)| case.name()).filter(|name| !busy.contains(name)).collect()
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
        let killed = self.mutants.iter().filter(|row| row.survival().is_none()).count();
        let green = self.control.iter().filter(|(_, fate)| *fate == Fate::Passed).count();
        writeln!(f, "control: {green} of {} cases passed", self.control.len())?;
        write!(f, "{killed} of {} mutants killed", self.mutants.len())
    }
}
