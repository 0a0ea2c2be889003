//! The report for tools that read `JUnit`.

use quick_junit::{NonSuccessKind, Report as Document, TestCase, TestCaseStatus, TestSuite};

use super::{CaseReport, Report, Status, failure_text};

impl Report {
    /// The report as `JUnit` XML: a suite for each group.
    ///
    /// # Errors
    ///
    /// When it cannot be spelled as XML.
    pub fn junit(&self) -> std::io::Result<String> {
        let mut document = Document::new(format!("durable-conformance over {}", self.store));
        for group in self.groups() {
            let mut suite = TestSuite::new(group);
            suite.add_property(("suite", self.suite)).add_property(("seed", self.seed.to_string().as_str()));
            for case in self.cases.iter().filter(|case| case.group == group) {
                suite.add_test_case(self.junit_case(case));
            }
            document.add_test_suite(suite);
        }
        document.to_string().map_err(std::io::Error::other)
    }

    fn junit_case(&self, case: &CaseReport) -> TestCase {
        let mut junit = TestCase::new(&*case.name, junit_status(case));
        junit.set_classname(case.group).set_time(case.took);
        if case.status.failure().is_some() {
            junit.set_system_out(failure_text(case, &self.store, self.seed));
        }
        junit
    }
}

fn junit_status(case: &CaseReport) -> TestCaseStatus {
    let skipped = |why: String| {
        let mut status = TestCaseStatus::skipped();
        status.set_message(why);
        status
    };
    let failed = |why: String| {
        let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
        status.set_message(why).set_type(case.rules.join(", "));
        status
    };
    match &case.status {
        Status::Passed => TestCaseStatus::success(),
        Status::Failed(failure) => failed(format!("{}: got {}", failure.what, failure.got)),
        Status::UnexpectedPass { reason } => failed(format!("passed, although expected to fail: {reason}")),
        Status::ExpectedFailure { reason, .. } => skipped(format!("expected failure: {reason}")),
        Status::NotRun(missing) => skipped(missing.to_string()),
    }
}
