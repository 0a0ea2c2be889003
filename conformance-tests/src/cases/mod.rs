//! The cases, one file per verb or matter. [`cases`] is the only list.

mod ambiguity;
mod backlog;
mod boundaries;
mod cancel;
mod checkpoints;
mod children;
mod claim;
mod clock;
mod closing;
mod crash;
mod deadlocks;
mod durable;
mod ends;
mod events;
mod failure;
mod handles;
mod histories;
mod inspect;
mod interleavings;
mod isolation;
mod lease;
mod limits;
mod model;
mod names;
mod order;
mod payloads;
mod purge;
mod queues;
mod races;
mod repeats;
mod requests;
mod rest;
mod retry;
mod scale;
mod signals;
mod skew;
mod slots;
mod spawn;
mod spread;
mod stale;
mod tick;
mod wait;
mod wakes;
mod winners;
mod workers;

use crate::registry::Case;

/// Every case of the suite, in the order of the store's roles.
pub fn cases() -> Vec<Case> {
    let files = [
        handles::CASES,
        requests::CASES,
        queues::CASES,
        isolation::CASES,
        spawn::CASES,
        cancel::CASES,
        retry::CASES,
        claim::CASES,
        ends::CASES,
        lease::CASES,
        stale::CASES,
        repeats::CASES,
        ambiguity::CASES,
        wait::CASES,
        rest::CASES,
        checkpoints::CASES,
        children::CASES,
        closing::CASES,
        events::CASES,
        limits::CASES,
        tick::CASES,
        purge::CASES,
        inspect::CASES,
        signals::CASES,
        clock::CASES,
        boundaries::CASES,
        payloads::CASES,
        slots::CASES,
        names::CASES,
        races::CASES,
        skew::CASES,
        winners::CASES,
        order::CASES,
        wakes::CASES,
        deadlocks::CASES,
        interleavings::CASES,
        histories::CASES,
        workers::CASES,
        failure::CASES,
        crash::CASES,
        durable::CASES,
        spread::CASES,
        scale::CASES,
        backlog::CASES,
        model::CASES,
    ];
    files.concat()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// The rules of the contract that a store answers for. `E3` is core's; schedules (`U2`) come later.
    const RULES: [&str; 34] = [
        "K1", "K2", "N1", "N2", "S1", "S2", "S3", "C1", "C2", "C3", "C4", "C5", "C6", "C7", "C8", "P1", "P2",
        "W1", "W2", "W3", "W4", "E1", "E2", "T1", "T2", "T3", "T4", "T5", "U1", "U3", "U4", "F1", "F2", "F3",
    ];

    #[test]
    fn every_rule_has_a_case_and_every_case_a_rule() {
        let covered: BTreeSet<_> = cases().iter().flat_map(|case| case.rules).copied().collect();
        assert_eq!(covered, RULES.into_iter().collect());
    }

    #[test]
    fn every_name_is_there_once() {
        let mut names: Vec<_> = cases().iter().map(Case::name).collect();
        let count = names.len();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), count);
    }

    #[test]
    fn every_case_says_why_it_matters_in_one_sentence() {
        for case in cases() {
            let sentence = case.why.ends_with('.') && !case.why.trim_end_matches('.').contains(". ");
            assert!(sentence, "{}: {}", case.name(), case.why);
        }
    }

    #[test]
    fn an_id_in_a_name_is_an_id_of_the_case() {
        for case in cases() {
            let mut words = case.slug.split('_');
            let (Some(group), Some(number)) = (words.next(), words.next()) else { continue };
            let id = format!("{}-{number}", group.to_uppercase());
            let named = case.ids.contains(&id.as_str()) || number.parse::<u32>().is_err();
            assert!(named, "{} does not have the id {id}", case.name());
        }
    }
}
