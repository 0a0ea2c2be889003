//! Failures that a store's author expects, in a file of their own: shown in every report, each with its reason and its end.

use std::path::{Path, PathBuf};

use durable_core::model::Clock;
use serde::Deserialize;
use thiserror::Error;
use toml::value::Datetime;

use super::{CaseReport, Failure, Status};
use crate::cases::cases;

/// The name of the file, beside the `Cargo.toml` of the store's package.
const FILE: &str = "conformance.toml";

/// Without these nothing else means anything: no store may be expected to fail them.
const SAFETY: [&str; 12] =
    ["CL-4", "CL-5", "CL-10", "CL-31", "CP-4", "CP-6", "CA-10", "EV-3", "SP-7", "CX-1", "CX-5", "PF-2"];

/// The failures that are expected.
///
/// ```toml
/// [[expected]]
/// case = "signals::mt_11_promised_hints_come"   # or an id of the catalogue
/// reason = "the broker drops hints under load, see issue 12"
/// until = 2027-03-31
/// ```
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expected {
    #[serde(default)]
    expected: Vec<Entry>,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    case: String,
    reason: String,
    until: Datetime,
}

/// Why a list of expected failures cannot be used.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ExpectedError {
    /// The file cannot be read.
    #[error("{} cannot be read", path.display())]
    Read {
        /// Of the file.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// It is not what such a file should be.
    #[error("not a list of expected failures: {0}")]
    Parse(#[from] toml::de::Error),
    /// No case is called so.
    #[error("no case has the name or the id {0:?}")]
    Unknown(String),
    /// The case holds a store to what everything else rests on.
    #[error("{0:?} is about safety: a store that fails it is not conformant, so it cannot be expected to")]
    Safety(String),
    /// An entry says nothing by its reason, or no day by its end.
    #[error("the entry of {0:?} needs a reason, and a day as its end, such as 2027-03-31")]
    Incomplete(String),
}

impl Expected {
    /// Reads a list, and checks it against the suite.
    ///
    /// # Errors
    ///
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, ExpectedError> {
        let list: Self = toml::from_str(text)?;
        for entry in &list.expected {
            entry.check()?;
        }
        Ok(list)
    }

    /// Reads `conformance.toml` of the package whose tests are running; without the file nothing is expected.
    ///
    /// # Errors
    ///
    /// What is wrong with it.
    pub fn of_this_package() -> Result<Self, ExpectedError> {
        let package = std::env::var_os("CARGO_MANIFEST_DIR").map_or_else(PathBuf::new, PathBuf::from);
        Self::read(&package.join(FILE))
    }

    fn read(path: &Path) -> Result<Self, ExpectedError> {
        match std::fs::read_to_string(path) {
            Ok(text) => Self::parse(&text),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Self::default()),
            Err(source) => Err(ExpectedError::Read { path: path.to_owned(), source }),
        }
    }

    /// Judges what a case came to by what was expected of it.
    pub(crate) fn judge(&self, case: &mut CaseReport) {
        let today = Clock::Own.now().to_utc().date_naive().to_string();
        let Some(entry) = self.expected.iter().find(|entry| entry.names(case)) else { return };
        case.status = match std::mem::replace(&mut case.status, Status::Passed) {
            Status::Passed => Status::UnexpectedPass { reason: entry.reason.clone() },
            Status::Failed(failure) => entry.failed(failure, &today),
            other => other,
        };
    }
}

impl Entry {
    fn check(&self) -> Result<(), ExpectedError> {
        let named: Vec<_> = cases().into_iter().filter(|case| self.is_of(&case.name(), case.ids)).collect();
        if named.is_empty() {
            return Err(ExpectedError::Unknown(self.case.clone()));
        }
        if named.iter().flat_map(|case| case.ids).any(|id| SAFETY.contains(id)) {
            return Err(ExpectedError::Safety(self.case.clone()));
        }
        if self.reason.trim().is_empty() || self.until.date.is_none() || self.until.time.is_some() {
            return Err(ExpectedError::Incomplete(self.case.clone()));
        }
        Ok(())
    }

    fn names(&self, case: &CaseReport) -> bool {
        self.is_of(&case.name, case.ids)
    }

    fn is_of(&self, name: &str, ids: &[&str]) -> bool {
        self.case == name || ids.contains(&self.case.as_str())
    }

    /// Days written year first compare as text.
    fn failed(&self, failure: Failure, today: &str) -> Status {
        let until = self.until.to_string();
        if until.as_str() < today {
            return Status::Failed(failure);
        }
        Status::ExpectedFailure { failure, reason: format!("{} (until {until})", self.reason) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::tests::{case, failed};

    fn list(case: &str, until: &str) -> Result<Expected, ExpectedError> {
        Expected::parse(&format!("[[expected]]\ncase = {case:?}\nreason = \"why\"\nuntil = {until}"))
    }

    fn judged(until: &str, status: Status) -> Result<Status, ExpectedError> {
        let mut report = case("limits::mx_1", status);
        report.name = "tick::u1_a_bad_task_does_not_stop_the_others".to_owned();
        list(&report.name, until)?.judge(&mut report);
        Ok(report.status)
    }

    #[test]
    fn a_failure_is_expected_up_to_its_day() -> Result<(), ExpectedError> {
        let status = judged("2999-01-01", failed())?;
        assert!(
            matches!(&status, Status::ExpectedFailure { reason, .. } if reason == "why (until 2999-01-01)")
        );
        assert_eq!(judged("2026-01-01", failed())?, failed());
        Ok(())
    }

    #[test]
    fn a_pass_that_was_not_expected_is_told() -> Result<(), ExpectedError> {
        assert_eq!(
            judged("2999-01-01", Status::Passed)?,
            Status::UnexpectedPass { reason: "why".to_owned() }
        );
        Ok(())
    }

    #[test]
    fn nobody_expects_a_store_to_be_unsafe() {
        let safety = list("claim::cl_4_a_claimed_task_is_nobody_elses", "2999-01-01");
        assert!(matches!(safety, Err(ExpectedError::Safety(_))), "{safety:?}");
        assert!(matches!(list("CL-4", "2999-01-01"), Err(ExpectedError::Safety(_))));
    }

    #[test]
    fn what_names_no_case_or_no_day_is_refused() {
        assert!(matches!(list("claim::none", "2999-01-01"), Err(ExpectedError::Unknown(_))));
        assert!(matches!(list("U1", "12:00:00"), Err(ExpectedError::Unknown(_))));
        assert!(matches!(list("CL-36", "12:00:00"), Err(ExpectedError::Incomplete(_))));
        assert!(matches!(list("CL-36", "2999-01-01T00:00:00Z"), Err(ExpectedError::Incomplete(_))));
        assert!(matches!(Expected::parse("expect = 1"), Err(ExpectedError::Parse(_))));
    }
}
