//! The report for a README: what a store answers for, as one page of Markdown. It says nothing of the machine, so that a
//! run of the same suite over the same store gives the same page.

use std::fmt::Write;

use durable_core::store::{Capabilities, Durability, HintScope};

use super::{Counts, Report, Status};
use crate::level::Level;

impl Report {
    /// The statement of conformance, as Markdown.
    pub fn statement(&self) -> String {
        let mut page = String::new();
        // Writing to a string cannot fail.
        let _ = self.write_statement(&mut page);
        page
    }

    fn write_statement(&self, page: &mut String) -> std::fmt::Result {
        let Self { suite, store, version, seed, .. } = self;
        writeln!(page, "# Conformance of {store} {version}\n")?;
        writeln!(page, "Written by a run of `durable-conformance` {suite} with seed {seed}; not by hand.\n")?;
        writeln!(page, "| level | reached | what it means |\n| --- | --- | --- |")?;
        for (level, meaning) in Level::ALL.into_iter().zip(MEANINGS) {
            let declared = if level == self.declared { " (declared)" } else { "" };
            writeln!(page, "| {level}{declared} | {} | {meaning} |", self.mark(level))?;
        }
        self.write_promises(page)?;
        self.write_groups(page)?;
        self.write_exceptions(page)
    }

    fn write_promises(&self, page: &mut String) -> std::fmt::Result {
        writeln!(page, "\n| capability | declared |\n| --- | --- |")?;
        if let Some(declared) = self.capabilities {
            writeln!(page, "| an acknowledged write survives | {} |", survives(declared))?;
            writeln!(page, "| hints reach | {} |", reach(declared))?;
        }
        for hook in self.missing_hooks() {
            writeln!(page, "| hook `{hook}` | the harness has none |")?;
        }
        Ok(())
    }

    fn write_groups(&self, page: &mut String) -> std::fmt::Result {
        writeln!(page, "\n| group | passed | failed | expected to fail | skipped | not declared |")?;
        writeln!(page, "| --- | ---: | ---: | ---: | ---: | ---: |")?;
        for group in self.groups() {
            write_row(page, group, Self::count(self.cases.iter().filter(|case| case.group == group)))?;
        }
        write_row(page, "**all**", self.counts())
    }

    fn write_exceptions(&self, page: &mut String) -> std::fmt::Result {
        let mut first = true;
        for case in &self.cases {
            let what = match &case.status {
                Status::Passed => continue,
                Status::Failed(_) => "failed".to_owned(),
                Status::UnexpectedPass { reason } => format!("passed, although expected to fail: {reason}"),
                Status::ExpectedFailure { reason, .. } => format!("expected to fail: {reason}"),
                Status::NotRun(missing) => format!("not run: {missing}"),
            };
            if std::mem::take(&mut first) {
                writeln!(page, "\n| case | ids | |\n| --- | --- | --- |")?;
            }
            writeln!(page, "| `{}` | {} | {what} |", case.name, case.ids.join(", "))?;
        }
        Ok(())
    }
}

const MEANINGS: [&str; 3] = [
    "every mandatory case passed",
    "core, and what was acknowledged survived `kill -9` of the process that wrote it",
    "core, and every case of every declared capability, none left out for want of a hook",
];

fn survives(declared: Capabilities) -> &'static str {
    match declared.durability {
        Durability::Process => "nothing",
        Durability::Buffered => "the end of the process",
        Durability::Synced => "the end of the machine",
    }
}

fn reach(declared: Capabilities) -> &'static str {
    match declared.hints {
        HintScope::None => "nobody: workers poll",
        HintScope::Process => "every handle in the same process",
        HintScope::Everywhere => "every handle",
    }
}

fn write_row(page: &mut String, name: &str, counts: Counts) -> std::fmt::Result {
    let Counts { passed, failed, expected, skipped, not_declared } = counts;
    writeln!(page, "| {name} | {passed} | {failed} | {expected} | {skipped} | {not_declared} |")
}
