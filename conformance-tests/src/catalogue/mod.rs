//! The catalogue: everything that a store is held to, by an id that is never reused, and where it is held.
//!
//! The contract (`docs/contract.md`) is the law, this its case list.
//! A case carries the ids that it holds; what only a test outside of the suite can hold, or what waits for something
//! that is not there yet, says so.

mod ends;
mod packs;
mod runs;
mod tasks;
mod waits;
mod world;

use std::sync::LazyLock;

/// One demand on a store, or on the worker over it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Item {
    /// Its id: a group and a number, never reused.
    pub id: &'static str,
    /// What is demanded, in one sentence.
    pub title: &'static str,
    /// Of whom.
    pub level: Demand,
    /// Where it is held.
    pub held: Held,
    /// What the contract leaves out of it, or answers otherwise.
    pub note: Option<&'static str>,
}

/// Of whom an [`Item`] is demanded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Demand {
    /// Of every store.
    Mandatory,
    /// Of a store that declares this.
    Capability(&'static str),
    /// Of the stores of one family: their own tests hold it.
    Backend,
    /// Of core's worker, over any store.
    Worker,
}

/// Where an [`Item`] is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Held {
    /// By cases of the suite that carry its id.
    Cases,
    /// By such cases, and by these tests: `file::function`.
    CasesAnd(&'static [&'static str]),
    /// By these tests alone: `file::function`.
    Tests(&'static [&'static str]),
    /// Nowhere yet; it waits for this.
    Waits(&'static str),
}

/// Every item, in the order of the groups.
pub fn catalogue() -> &'static [Item] {
    static ITEMS: LazyLock<Vec<Item>> = LazyLock::new(|| {
        [tasks::ITEMS, runs::ITEMS, waits::ITEMS, ends::ITEMS, world::ITEMS, packs::ITEMS].concat()
    });
    &ITEMS
}

/// Mandatory, held by cases.
const fn cases(id: &'static str, title: &'static str) -> Item {
    Item { id, title, level: Demand::Mandatory, held: Held::Cases, note: None }
}

/// Mandatory, held by cases and by these tests.
const fn both(id: &'static str, title: &'static str, tests: &'static [&'static str]) -> Item {
    Item { held: Held::CasesAnd(tests), ..cases(id, title) }
}

/// Mandatory, held by these tests alone.
const fn tests(id: &'static str, title: &'static str, tests: &'static [&'static str]) -> Item {
    Item { held: Held::Tests(tests), ..cases(id, title) }
}

/// Mandatory, and waiting for this.
const fn waits(id: &'static str, title: &'static str, what_for: &'static str) -> Item {
    Item { held: Held::Waits(what_for), ..cases(id, title) }
}

impl Item {
    /// Demanded of those who declare `capability`.
    const fn of(self, capability: &'static str) -> Self {
        Self { level: Demand::Capability(capability), ..self }
    }

    /// Demanded of one family of stores.
    const fn backend(self) -> Self {
        Self { level: Demand::Backend, ..self }
    }

    /// Demanded of the worker.
    const fn worker(self) -> Self {
        Self { level: Demand::Worker, ..self }
    }

    /// Says what the contract leaves out, or answers otherwise.
    const fn note(self, note: &'static str) -> Self {
        Self { note: Some(note), ..self }
    }

    /// The letters of its id.
    pub fn group(&self) -> &'static str {
        self.id.split('-').next().unwrap_or(self.id)
    }
}

#[cfg(test)]
mod unit {
    use std::collections::{BTreeMap, BTreeSet};

    use super::*;
    use crate::cases;

    /// How many items each group has.
    const GROUPS: [(&str, usize); 24] = [
        ("MT", 12),
        ("QU", 12),
        ("SP", 18),
        ("CL", 38),
        ("CP", 17),
        ("SL", 14),
        ("EV", 29),
        ("CH", 25),
        ("CA", 14),
        ("RT", 14),
        ("MX", 10),
        ("RE", 12),
        ("CK", 9),
        ("CO", 10),
        ("CX", 8),
        ("AM", 12),
        ("PF", 12),
        ("NM", 7),
        ("BL", 9),
        ("PG", 18),
        ("RD", 20),
        ("SQ", 12),
        ("ME", 5),
        ("OB", 3),
    ];

    fn carried() -> BTreeSet<&'static str> {
        cases().iter().flat_map(|case| case.ids).copied().collect()
    }

    #[test]
    fn no_number_of_a_group_is_missing_or_there_twice() {
        let mut found: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for item in catalogue().iter().filter(|item| item.id != "CR") {
            let number: usize = item.id.rsplit('-').next().unwrap().parse().unwrap();
            found.entry(item.group()).or_default().push(number);
        }
        let wanted = GROUPS.map(|(group, count)| (group, (1..=count).collect())).into();
        assert_eq!(found, wanted);
    }

    #[test]
    fn every_case_carries_ids_of_the_catalogue_alone() {
        let known: BTreeSet<_> = catalogue().iter().map(|item| item.id).collect();
        let unknown: Vec<_> = carried().into_iter().filter(|id| !known.contains(id)).collect();
        assert!(unknown.is_empty(), "{unknown:?}");
    }

    #[test]
    fn what_cases_hold_has_a_case_and_nothing_else_has() {
        let carried = carried();
        let by_cases = |item: &Item| matches!(item.held, Held::Cases | Held::CasesAnd(_));
        let wrong: Vec<_> = catalogue()
            .iter()
            .filter(|item| carried.contains(item.id) != by_cases(item))
            .map(|item| item.id)
            .collect();
        assert!(wrong.is_empty(), "{wrong:?}");
    }

    #[test]
    fn every_title_is_one_sentence() {
        for Item { id, title, .. } in catalogue() {
            assert!(title.ends_with('.') && !title.trim_end_matches('.').contains(". "), "{id}: {title}");
        }
    }
}
