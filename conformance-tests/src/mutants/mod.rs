//! Mutants: stores that break the contract in one way each, to show that the suite sees it.
//!
//! [`wrapped`] makes them of any correct store, so that a store's author can watch the suite fail on his own. A mutant
//! names the ids of the cases that must find it out; [`matrix`] runs them and says whether they did.
//!
//! ```no_run
//! # use std::sync::Arc;
//! # use durable_conformance::Harness;
//! use durable_conformance::mutants::{Scope, matrix, wrapped};
//!
//! # async fn shown(harness: Arc<dyn Harness>) {
//! let mutants = wrapped(&harness);
//! let matrix = matrix(harness, mutants, Scope::Named).await;
//! println!("{matrix}");
//! assert_eq!(matrix.problems(), Vec::<String>::new());
//! # }
//! ```
//!
//! A mutant is *killed* when a case that carries one of these ids ends with a violation. A panic, a call that does not
//! return and the failure of some other case are no kill: the suite would have been right by accident.

mod answers;
mod matrix;
mod names;
mod payloads;
mod wrong;

use std::fmt;
use std::sync::Arc;

use durable_core::store::Verb;

use crate::harness::Harness;
use wrong::{Make, MutatedHarness};

pub use matrix::{Matrix, Row, Scope, matrix};

/// A store that breaks the contract in one way.
#[derive(Clone)]
pub struct Mutant {
    /// Its number in the catalogue, with a letter where one line there has several variants; the project's own count
    /// from 101.
    pub id: &'static str,
    /// How it breaks the contract.
    pub breaks: &'static str,
    /// The ids of the cases that must find it out, or the name of a case that has none: one of them has to.
    pub killers: &'static [&'static str],
    /// Opens the broken store.
    pub harness: Arc<dyn Harness>,
}

impl Mutant {
    /// A case of this name and with these ids is named for it.
    fn names(&self, case: &str, ids: &[&str]) -> bool {
        self.killers.iter().any(|killer| case == *killer || ids.contains(killer))
    }
}

impl fmt::Debug for Mutant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mutant").field("id", &self.id).field("breaks", &self.breaks).finish_non_exhaustive()
    }
}

/// A mutant that wraps a store.
struct Wrapper {
    id: &'static str,
    breaks: &'static str,
    killers: &'static [&'static str],
    make: Make,
    lacks: Option<Verb>,
}

const fn wrapper(
    id: &'static str,
    breaks: &'static str,
    killers: &'static [&'static str],
    make: Make,
) -> Wrapper {
    Wrapper { id, breaks, killers, make, lacks: None }
}

/// The mutants that can be made of any correct store by wrapping it.
pub fn wrapped(harness: &Arc<dyn Harness>) -> Vec<Mutant> {
    let wrappers = [payloads::MUTANTS, names::MUTANTS, answers::MUTANTS].into_iter().flatten();
    wrappers
        .map(|wrapper| Mutant {
            id: wrapper.id,
            breaks: wrapper.breaks,
            killers: wrapper.killers,
            harness: Arc::new(MutatedHarness::new(harness.clone(), wrapper.make, wrapper.lacks)),
        })
        .collect()
}
