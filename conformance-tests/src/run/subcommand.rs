//! What a test binary does in place of a run of cases.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use crate::harness::Harness;
use crate::model::replay;
use crate::mutants::{Scope, matrix, wrapped};
use crate::process;
use crate::report::Verdict;

/// A first word that is no filter.
pub(super) enum Subcommand<'a> {
    /// Makes the calls of a file again.
    Replay(PathBuf),
    /// Spoils the store in known ways, and wants the suite to notice each.
    Mutants,
    /// Writes, as another process of a case.
    Write(&'a [String]),
}

impl<'a> Subcommand<'a> {
    /// The subcommand of a command line, if it has one.
    pub(super) fn parse(words: &'a [String]) -> Option<Self> {
        let [_, first, rest @ ..] = words else { return None };
        match (first.as_str(), rest) {
            ("replay", [file]) => Some(Self::Replay(file.into())),
            ("mutants", []) => Some(Self::Mutants),
            (process::WORD, rest) => Some(Self::Write(rest)),
            _ => None,
        }
    }

    pub(super) async fn run(self, harness: Arc<dyn Harness>) -> ExitCode {
        match self {
            Self::Replay(file) => match replay(harness, &file).await {
                Ok(()) => {
                    println!("the store does what the memory store does");
                    ExitCode::SUCCESS
                }
                Err(violation) => {
                    println!("{violation}");
                    Verdict::Violated.into()
                }
            },
            Self::Mutants => {
                let mutants = wrapped(&harness);
                let matrix = matrix(harness, mutants, Scope::Named).await;
                println!("{matrix}");
                if matrix.problems().is_empty() { ExitCode::SUCCESS } else { Verdict::Violated.into() }
            }
            Self::Write(arguments) => process::main(harness, arguments).await,
        }
    }
}
