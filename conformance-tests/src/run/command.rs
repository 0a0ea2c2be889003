//! The command line of a test binary without libtest, which understands libtest's.

use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};

use libtest_mimic::{Arguments, Completion, Failed, Trial};
use tokio::runtime::{Handle, Runtime};

use super::case::run_case;
use super::subcommand::Subcommand;
use super::{SEED, summary};
use crate::cases::cases;
use crate::harness::Harness;
use crate::registry::Case;
use crate::report::{CaseReport, Expected, Status, Verdict, failure_text};

/// Runs the suite against a store: the `main` of a test binary with `harness = false`.
///
/// It understands the command line of libtest (filters, `--exact`, `--skip`, `--list`, `--test-threads`…), and
///
/// - `--seed N`: what is left to chance comes from `N`; 1 unless given;
/// - `replay FILE`: makes the random calls again that a failure has kept;
/// - `mutants`: spoils the store in known ways, and wants the suite to notice each.
///
/// It prints a report, whose last line is `N passed, N failed, N skipped`. A run of all cases writes it as
/// `report.json`, `junit.xml` and `statement.md` below `target/conformance`, too. Failures that `conformance.toml`
/// beside the package's `Cargo.toml` lists are expected ([`Expected`]). The exit code is that of the [`Verdict`].
pub fn main(harness: impl Harness) -> ExitCode {
    let runtime = match tokio::runtime::Builder::new_multi_thread().worker_threads(4).enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return unusable(&format!("no runtime: {error}")),
    };
    let words: Vec<String> = std::env::args().collect();
    let harness: Arc<dyn Harness> = Arc::new(harness);
    if let Some(subcommand) = Subcommand::parse(&words) {
        return runtime.block_on(subcommand.run(harness));
    }
    let command = match Command::parse(words) {
        Ok(command) => command,
        Err(error) => return unusable(&error),
    };
    let code = command.run(&harness, &runtime);
    // A hung case must not keep the process.
    runtime.shutdown_background();
    code
}

fn unusable(why: &str) -> ExitCode {
    println!("{why}\n0 passed, 0 failed, 0 skipped");
    Verdict::Unusable.into()
}

/// What the command line asks for.
#[derive(Debug)]
struct Command {
    arguments: Arguments,
    filters: Vec<String>,
    seed: u64,
}

impl Command {
    /// libtest takes several filters, the parser only one: they are taken out first, and so is the seed.
    fn parse(command_line: Vec<String>) -> Result<Self, String> {
        const WITH_VALUE: [&str; 6] = ["--skip", "--test-threads", "--format", "--color", "--logfile", "-Z"];
        let (mut options, mut filters, mut seed) = (Vec::new(), Vec::new(), SEED);
        let mut words = command_line.into_iter();
        options.extend(words.next());
        while let Some(word) = words.next() {
            if word == "--seed" {
                let given = words.next().and_then(|value| value.parse().ok());
                seed = given.ok_or("--seed wants a whole number")?;
            } else if WITH_VALUE.contains(&word.as_str()) {
                options.push(word);
                options.extend(words.next());
            } else if word.starts_with('-') {
                options.push(word);
            } else {
                filters.push(word);
            }
        }
        Ok(Self { arguments: Arguments::from_iter(options), filters, seed })
    }

    fn selects(&self, case: &Case) -> bool {
        let name = case.name();
        let names =
            |filter: &String| if self.arguments.exact { name == *filter } else { name.contains(filter) };
        self.filters.is_empty() || self.filters.iter().any(names)
    }

    /// Nothing narrows the run down.
    fn is_whole(&self) -> bool {
        self.filters.is_empty() && !self.arguments.ignored && self.arguments.skip.is_empty()
    }

    fn run(&self, harness: &Arc<dyn Harness>, runtime: &Runtime) -> ExitCode {
        let selected: Vec<_> = cases().into_iter().filter(|case| self.selects(case)).collect();
        if self.arguments.list {
            // Nothing is opened for a list.
            let listed = selected.into_iter().map(|case| Trial::test(case.name(), || Ok(()))).collect();
            return libtest_mimic::run(&self.arguments, listed).exit_code();
        }
        let expected = match Expected::of_this_package() {
            Ok(expected) => expected,
            Err(error) => return unusable(&error.to_string()),
        };
        let shared = Arc::new(Shared {
            harness: harness.clone(),
            seed: self.seed,
            expected,
            reports: Mutex::default(),
        });
        let trials = selected.iter().map(|case| shared.trial(*case, runtime.handle())).collect();
        let conclusion = libtest_mimic::run(&self.arguments, trials);
        let report =
            runtime.block_on(summary(&**harness, self.seed, self.is_whole(), shared.in_order(&selected)));
        if report.whole
            && let Err(error) = report.write()
        {
            return unusable(&format!("the report cannot be written: {error}"));
        }
        println!("{report:#}");
        // A filter that selects nothing is what a runner of all tests passes to every binary.
        if conclusion.num_filtered_out > 0 || !report.whole && report.cases.is_empty() {
            return conclusion.exit_code();
        }
        report.verdict().into()
    }
}

/// What the trials of one run share.
struct Shared {
    harness: Arc<dyn Harness>,
    seed: u64,
    expected: Expected,
    reports: Mutex<Vec<CaseReport>>,
}

impl Shared {
    fn trial(self: &Arc<Self>, case: Case, runtime: &Handle) -> Trial {
        let (shared, runtime) = (self.clone(), runtime.clone());
        Trial::ignorable_test(case.name(), move || {
            let mut report = runtime.block_on(run_case(case, shared.harness.clone(), shared.seed));
            shared.expected.judge(&mut report);
            let completion = shared.completion(&report);
            shared.reports.lock().unwrap_or_else(PoisonError::into_inner).push(report);
            completion
        })
    }

    /// What libtest is told of a case.
    fn completion(&self, report: &CaseReport) -> Result<Completion, Failed> {
        match &report.status {
            Status::Passed => Ok(Completion::Completed),
            Status::Failed(_) => Err(failure_text(report, self.harness.name(), self.seed).into()),
            Status::UnexpectedPass { reason } => {
                Err(format!("passed, although expected to fail: {reason}").into())
            }
            Status::ExpectedFailure { reason, .. } => {
                Ok(Completion::ignored_with(format!("expected failure: {reason}")))
            }
            Status::NotRun(missing) => Ok(Completion::ignored_with(missing.to_string())),
        }
    }

    /// The reports in the order of the suite.
    fn in_order(&self, selected: &[Case]) -> Vec<CaseReport> {
        let mut reports = std::mem::take(&mut *self.reports.lock().unwrap_or_else(PoisonError::into_inner));
        let place = |report: &CaseReport| selected.iter().position(|case| case.name() == report.name);
        reports.sort_by_cached_key(place);
        reports
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(words: &[&str]) -> Result<Command, String> {
        Command::parse(["suite"].iter().chain(words).map(ToString::to_string).collect())
    }

    fn names(words: &[&str]) -> Result<Vec<String>, String> {
        let command = parsed(words)?;
        let selected = cases().into_iter().filter(|case| command.selects(case));
        Ok(selected.map(|case| case.name()).collect())
    }

    #[test]
    fn several_filters_select_what_any_of_them_names() -> Result<(), String> {
        let both =
            names(&["--test-threads", "1", "limits::", "--nocapture", "tick::", "--skip", "queues::"])?;
        assert_eq!(both.len(), names(&["limits::"])?.len() + names(&["tick::"])?.len());
        assert!(both.len() > 5);
        Ok(())
    }

    #[test]
    fn an_exact_filter_selects_one_case() -> Result<(), String> {
        let name = "repeats::every_answer_of_wait_and_claim_is_repeatable";
        assert_eq!(names(&["--exact", name])?, [name]);
        assert!(names(&["--exact", "repeats::"])?.is_empty());
        Ok(())
    }

    #[test]
    fn the_value_of_an_option_is_no_filter() -> Result<(), String> {
        let command =
            parsed(&["--list", "--format", "terse", "--skip=claim", "--seed", "7", "--skip", "wait"])?;
        assert!(command.filters.is_empty() && command.arguments.list);
        assert_eq!((command.arguments.skip, command.seed), (vec!["claim".to_owned(), "wait".to_owned()], 7));
        Ok(())
    }

    #[test]
    fn a_seed_that_is_no_number_is_refused() {
        assert!(parsed(&["--seed", "x"]).is_err());
        assert!(parsed(&["--seed"]).is_err());
    }
}
