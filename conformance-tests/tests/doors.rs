//! Both doors of the suite: the command line of a test binary, which this program opens by running itself, and `run`.

#![allow(clippy::expect_used, reason = "a test may fail")]

use std::path::Path;
use std::process::{Command, ExitCode, Output};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use durable_conformance::layer::{Call, Layer, Layered};
use durable_conformance::{Config, Harness, Namespace, Report, Verdict};
use durable_core::model::Clock;
use durable_core::store::{Store, StoreError, StoreErrorKind, Verb};
use durable_memory::MemoryStore;
use libtest_mimic::{Arguments, Failed, Trial};

/// What the program is when it is run by itself: a suite over a store that is right, or wrong in some way.
const STORE: &str = "DOORS_STORE";

struct Memory {
    kind: String,
    opened: Mutex<Vec<(Namespace, MemoryStore)>>,
}

impl Memory {
    fn new(kind: &str) -> Self {
        Self { kind: kind.to_owned(), opened: Mutex::default() }
    }
}

/// A store that has `cancel`, and says that it has not.
#[derive(Debug)]
struct WithoutCancel;

impl Layer for WithoutCancel {
    type Ticket = ();

    async fn before(&self, call: Call) -> Result<(), StoreError> {
        match call.verb {
            Verb::Cancel => Err(StoreError::new(StoreErrorKind::Unsupported, call.verb, "not today")),
            _ => Ok(()),
        }
    }

    async fn after(&self, (): ()) -> Result<(), StoreError> {
        Ok(())
    }
}

#[async_trait]
impl Harness for Memory {
    fn name(&self) -> &'static str {
        "doors"
    }

    fn verbs(&self) -> Vec<Verb> {
        if self.kind == "without verbs" { Vec::new() } else { Verb::ALL.to_vec() }
    }

    async fn open(&self, namespace: &Namespace, clock: Clock) -> anyhow::Result<Arc<dyn Store>> {
        anyhow::ensure!(self.kind != "closed", "the door is closed");
        let mut opened = self.opened.lock().unwrap_or_else(PoisonError::into_inner);
        let known = opened.iter().find(|(name, _)| name == namespace).map(|(_, store)| store.clone());
        let store = known.unwrap_or_else(|| MemoryStore::with_clock(clock));
        opened.push((namespace.clone(), store.clone()));
        let store: Arc<dyn Store> = Arc::new(store);
        Ok(if self.kind == "without cancel" { Arc::new(Layered::new(store, WithoutCancel)) } else { store })
    }

    async fn destroy(&self, namespace: &Namespace) -> anyhow::Result<()> {
        self.opened.lock().unwrap_or_else(PoisonError::into_inner).retain(|(name, _)| name != namespace);
        Ok(())
    }
}

/// Runs this program as a suite over such a store.
fn suite(store: &str, package: &Path, words: &[&str]) -> (u8, String) {
    let program = std::env::current_exe().expect("this program");
    let Output { status, stdout, .. } = Command::new(program)
        .args(words)
        .env(STORE, store)
        .env("CARGO_MANIFEST_DIR", package)
        .output()
        .expect("it runs");
    let code = status.code().and_then(|code| u8::try_from(code).ok()).expect("an exit code");
    (code, String::from_utf8_lossy(&stdout).into_owned())
}

fn cancel_group(store: &str, expected: &str) -> (u8, String) {
    let package = tempfile::tempdir().expect("a directory");
    std::fs::write(package.path().join("conformance.toml"), expected).expect("a file");
    suite(store, package.path(), &["--exact", CA_8])
}

const CA_8: &str = "cancel::ca_8_cancelling_an_unknown_task_is_not_found";

fn expecting(case: &str, until: &str) -> String {
    format!("[[expected]]\ncase = {case:?}\nreason = \"issue 12\"\nuntil = {until}\n")
}

fn last_line(output: &str) -> &str {
    output.lines().last().unwrap_or_default()
}

fn a_file_that_cannot_be_replayed_exits_with_1() {
    let (code, output) = suite("right", Path::new("."), &["replay", "none.json"]);
    assert_eq!(code, 1, "{output}");
    assert!(output.contains("none.json"), "{output}");
}

/// nextest lists every binary before it runs anything.
fn a_list_opens_no_store() {
    let (code, output) = suite("closed", Path::new("."), &["--list", "--format", "terse"]);
    let lines: Vec<_> = output.lines().collect();
    assert_eq!((code, lines.len()), (0, durable_conformance::cases().len()));
    assert!(lines.contains(&format!("{CA_8}: test").as_str()), "{output}");
}

/// nextest runs each case in a process of its own.
fn one_case_runs_by_its_exact_name() {
    let (code, output) = suite("right", Path::new("."), &["--nocapture", "--exact", CA_8]);
    assert_eq!((code, last_line(&output)), (0, "1 passed, 0 failed, 0 skipped"), "{output}");
}

fn a_store_that_breaks_the_contract_exits_with_1() {
    let (code, output) = suite("without cancel", Path::new("."), &["--exact", CA_8]);
    assert_eq!((code, last_line(&output)), (1, "0 passed, 1 failed, 0 skipped"), "{output}");
    for line in
        ["rule   T2", "why    ", "what   ", "got    ", "wanted ", "calls  ", "in     ", "replay cargo test"]
    {
        assert!(output.contains(line), "{line} is not in {output}");
    }
}

fn a_store_that_cannot_be_opened_exits_with_2() {
    let (code, output) = suite("closed", Path::new("."), &["--exact", CA_8]);
    assert_eq!(code, 2, "{output}");
    assert!(output.contains("the door is closed"), "{output}");
}

fn an_option_that_means_nothing_exits_with_2() {
    assert_eq!(suite("right", Path::new("."), &["--seed", "often"]).0, 2);
}

fn a_run_in_which_no_case_ran_exits_with_3() {
    let (code, output) = suite("without verbs", Path::new("."), &["--exact", CA_8]);
    assert_eq!((code, last_line(&output)), (3, "0 passed, 0 failed, 1 skipped"), "{output}");
    assert!(output.contains("1 not run: the store has no put_queue"), "{output}");
}

fn an_expected_failure_is_shown_and_exits_with_0() {
    let (code, output) = cancel_group("without cancel", &expecting(CA_8, "2999-12-31"));
    assert_eq!((code, last_line(&output)), (0, "0 passed, 0 failed, 1 skipped"), "{output}");
    assert!(output.contains("issue 12 (until 2999-12-31)"), "{output}");
}

fn an_expected_failure_past_its_day_exits_with_1() {
    assert_eq!(cancel_group("without cancel", &expecting(CA_8, "2026-01-31")).0, 1);
}

fn an_unexpected_pass_exits_with_4() {
    assert_eq!(cancel_group("right", &expecting(CA_8, "2999-12-31")).0, 4);
}

fn a_list_of_expected_failures_that_names_no_case_exits_with_2() {
    let (code, output) = cancel_group("right", &expecting("cancel::none", "2999-12-31"));
    assert_eq!(code, 2, "{output}");
    assert!(output.contains("cancel::none"), "{output}");
}

fn run(store: &str, config: &Config) -> Report {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    runtime.block_on(durable_conformance::run(Arc::new(Memory::new(store)), config))
}

fn the_function_gives_a_report() {
    let report = run("right", &Config::default().only("cancel::"));
    assert_eq!(report.verdict(), Verdict::Conformant);
    assert!(report.counts().passed > 5 && report.cases.iter().all(|case| case.group == "cancel"));
}

fn the_function_reports_a_violation() {
    let report = run("without cancel", &Config::default().only(CA_8));
    let failure = report.cases.first().and_then(|case| case.status.failure()).expect("a failure");
    assert_eq!(report.verdict(), Verdict::Violated);
    assert!(failure.got.contains("Unsupported"), "{failure:?}");
}

fn every_format_names_the_failed_case() {
    let report = run("without cancel", &Config::default().only(CA_8));
    let (json, junit) = (report.json().expect("JSON"), report.junit().expect("XML"));
    for (format, text) in [("JSON", json), ("JUnit", junit), ("Markdown", report.statement())] {
        assert!(text.contains(CA_8), "{format}: {text}");
    }
}

fn main() -> ExitCode {
    if let Ok(kind) = std::env::var(STORE) {
        return durable_conformance::main(Memory::new(&kind));
    }
    let test = |name: &str, test: fn()| {
        Trial::test(name, move || {
            test();
            Ok::<(), Failed>(())
        })
    };
    let tests = vec![
        test("a_list_opens_no_store", a_list_opens_no_store),
        test("one_case_runs_by_its_exact_name", one_case_runs_by_its_exact_name),
        test("a_store_that_breaks_the_contract_exits_with_1", a_store_that_breaks_the_contract_exits_with_1),
        test("a_store_that_cannot_be_opened_exits_with_2", a_store_that_cannot_be_opened_exits_with_2),
        test("an_option_that_means_nothing_exits_with_2", an_option_that_means_nothing_exits_with_2),
        test("a_run_in_which_no_case_ran_exits_with_3", a_run_in_which_no_case_ran_exits_with_3),
        test("an_expected_failure_is_shown_and_exits_with_0", an_expected_failure_is_shown_and_exits_with_0),
        test("an_expected_failure_past_its_day_exits_with_1", an_expected_failure_past_its_day_exits_with_1),
        test("an_unexpected_pass_exits_with_4", an_unexpected_pass_exits_with_4),
        test(
            "a_list_of_expected_failures_that_names_no_case_exits_with_2",
            a_list_of_expected_failures_that_names_no_case_exits_with_2,
        ),
        test("a_file_that_cannot_be_replayed_exits_with_1", a_file_that_cannot_be_replayed_exits_with_1),
        test("the_function_gives_a_report", the_function_gives_a_report),
        test("the_function_reports_a_violation", the_function_reports_a_violation),
        test("every_format_names_the_failed_case", every_format_names_the_failed_case),
    ];
    libtest_mimic::run(&Arguments::from_args(), tests).exit_code()
}
