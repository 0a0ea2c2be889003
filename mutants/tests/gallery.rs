//! The gallery as a whole.

use std::collections::BTreeSet;

use durable_conformance::cases;
use durable_conformance::mutants::{Scope, matrix};
use durable_mutants::{ELSEWHERE, control, mutants};

/// The lines of the catalogue of mutants.
const CATALOGUE: [u32; 76] = [
    1, 2, 3, 5, 6, 7, 8, 10, 11, 12, 13, 14, 15, 16, 18, 19, 20, 21, 22, 24, 26, 27, 28, 29, 30, 31, 32, 34,
    35, 36, 37, 39, 40, 42, 43, 44, 45, 46, 47, 48, 50, 51, 52, 53, 54, 55, 56, 58, 59, 60, 62, 63, 64, 65,
    66, 67, 68, 69, 70, 71, 72, 73, 75, 76, 77, 78, 79, 80, 81, 82, 83, 84, 85, 86, 87, 88,
];

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn every_mutant_is_killed_by_a_case_named_for_it_and_the_control_is_green() {
    let matrix = matrix(control(), mutants(), Scope::Named).await;
    let problems = matrix.problems();
    assert!(problems.is_empty(), "{}", problems.join("\n\n"));
}

#[test]
fn every_line_of_the_catalogue_has_a_mutant_or_says_why_not() {
    let number = |id: &str| id.trim_end_matches(char::is_alphabetic).parse::<u32>().unwrap();
    let here = mutants().into_iter().map(|mutant| mutant.id).chain(ELSEWHERE.iter().map(|line| line.id));
    let numbers: BTreeSet<_> = here.map(number).filter(|number| *number <= 100).collect();
    assert_eq!(numbers, CATALOGUE.into_iter().collect());
}

#[test]
fn every_id_is_there_once() {
    let mut ids: Vec<_> = mutants().into_iter().map(|mutant| mutant.id).collect();
    let count = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), count);
}

#[test]
fn every_killer_is_a_case() {
    let known: BTreeSet<String> = cases()
        .iter()
        .flat_map(|case| case.ids.iter().map(ToString::to_string).chain([case.name()]))
        .collect();
    let unknown: Vec<_> = mutants()
        .iter()
        .flat_map(|mutant| mutant.killers.iter().map(|killer| (mutant.id, *killer)))
        .filter(|(_, killer)| !known.contains(*killer))
        .collect();
    assert!(unknown.is_empty(), "{unknown:?}");
}
