//! The kill matrix: `cargo run -p durable-mutants`, or with `-- --full` every mutant against every case.

use std::process::ExitCode;

use durable_conformance::mutants::{Scope, matrix};
use durable_mutants::{ELSEWHERE, control, mutants};

#[tokio::main]
async fn main() -> ExitCode {
    let full = std::env::args().any(|argument| argument == "--full");
    let only: Vec<_> = std::env::args().skip(1).filter(|argument| !argument.starts_with("--")).collect();
    let mut chosen = mutants();
    chosen.retain(|mutant| only.is_empty() || only.iter().any(|id| id == mutant.id));
    let matrix = matrix(control(), chosen, if full { Scope::Full } else { Scope::Named }).await;
    println!("{matrix}");
    for line in ELSEWHERE {
        println!("{:<5} not here: {}", line.id, line.why);
    }
    let problems = matrix.problems();
    for problem in &problems {
        println!("\n{problem}");
    }
    if problems.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
