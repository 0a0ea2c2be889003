//! Levels, verdicts and exit codes.

use super::*;
use FailureKind::{Harness, Timeout, Violation};

pub(crate) fn case(name: &str, status: Status) -> CaseReport {
    let (group, _) = name.split_once("::").unwrap_or((name, ""));
    CaseReport {
        name: name.to_owned(),
        group: Box::leak(group.into()),
        ids: &["MX-1"],
        rules: &["T4"],
        why: "A limit that does not hold is none.",
        capability: None,
        status,
        took: Duration::from_millis(1_234),
    }
}

fn failed_by(kind: FailureKind) -> Status {
    Status::Failed(Failure {
        kind,
        what: "the state".to_owned(),
        got: "Pending".to_owned(),
        wanted: "Cancelled".to_owned(),
        calls: vec!["1 a.spawn".to_owned(), "2 b.tick".to_owned()],
        call_count: 2,
        namespace: "c1".to_owned(),
    })
}

pub(crate) fn failed() -> Status {
    failed_by(Violation)
}

fn of(capability: Capability, status: Status) -> CaseReport {
    CaseReport { capability: Some(capability), ..case("durable::mt_4", status) }
}

pub(crate) fn report(cases: Vec<CaseReport>) -> Report {
    Report {
        schema: 1,
        suite: "0.1.0",
        store: "a store".to_owned(),
        version: "1.2.3".to_owned(),
        seed: 7,
        capabilities: Some(Capabilities { durability: Durability::Synced, hints: HintScope::None }),
        declared: Level::Core,
        whole: true,
        cases,
    }
}

fn levels(cases: Vec<CaseReport>) -> Vec<Level> {
    let report = report(cases);
    Level::ALL.into_iter().filter(|level| report.reaches(*level)).collect()
}

fn passed() -> CaseReport {
    case("limits::mx_1", Status::Passed)
}

fn not_run(missing: Missing) -> Status {
    Status::NotRun(missing)
}

#[test]
fn a_store_that_passes_everything_reaches_every_level() {
    let hints = of(Capability::Hints, not_run(Missing::Capability(Capability::Hints)));
    assert_eq!(levels(vec![passed(), of(Capability::Durable, Status::Passed), hints]), Level::ALL);
}

#[test]
fn a_failed_mandatory_case_costs_every_level() {
    assert_eq!(levels(vec![passed(), case("claim::x", failed())]), []);
    assert_eq!(levels(vec![case("claim::x", not_run(Missing::Verb(durable_core::store::Verb::Save)))]), []);
}

#[test]
fn a_hook_that_is_missing_costs_the_full_level() {
    let cases = vec![
        case("claim::x", not_run(Missing::Hook(Hook::Corrupt))),
        of(Capability::Durable, Status::Passed),
    ];
    assert_eq!(levels(cases), [Level::Core, Level::Durable]);
}

#[test]
fn what_nobody_has_seen_survive_is_not_durable() {
    assert_eq!(
        levels(vec![passed(), of(Capability::Durable, not_run(Missing::Hook(Hook::Process)))]),
        [Level::Core]
    );
    assert_eq!(levels(vec![passed(), of(Capability::Durable, failed())]), [Level::Core]);
}

#[test]
fn a_part_of_the_suite_reaches_no_level() {
    let part = Report { whole: false, ..report(vec![passed()]) };
    assert!(!part.reaches(Level::Core));
    assert_eq!(part.verdict(), Verdict::Conformant);
}

#[test]
fn each_verdict_has_its_exit_code() {
    let code = |cases| report(cases).verdict().code();
    assert_eq!(code(vec![passed()]), 0);
    assert_eq!(code(vec![passed(), case("a::b", failed()), case("a::c", failed_by(Harness))]), 1);
    assert_eq!(code(vec![passed(), case("a::b", failed_by(Harness))]), 2);
    assert_eq!(code(vec![passed(), case("a::b", failed_by(Timeout))]), 3);
    assert_eq!(code(vec![]), 3);
    assert_eq!(code(vec![case("a::b", not_run(Missing::Hook(Hook::Corrupt)))]), 3);
    assert_eq!(code(vec![case("a::b", Status::UnexpectedPass { reason: "why".to_owned() })]), 4);
}

#[test]
fn a_store_that_misses_its_own_level_is_not_conformant() {
    let declared = Report {
        declared: Level::Full,
        ..report(vec![case("a::b", not_run(Missing::Hook(Hook::Corrupt))), passed()])
    };
    assert_eq!(declared.verdict(), Verdict::Incomplete);
}
