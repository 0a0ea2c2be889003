//! The kill matrix: `cargo run -p durable-mutants`.
//!
//! Each mutant meets the cases named for it, until one kills it. With `-- --full` it meets every case, with `-- --light` all but
//! heavy ones that are not named for it, and `docs/kill-matrix.md` is written. With ids behind (`-- 26 58`) only those
//! mutants run.

mod kill_matrix;

use std::process::ExitCode;

use durable_conformance::mutants::{Scope, matrix};
use durable_mutants::{ELSEWHERE, control, mutants};

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/kill-matrix.md");

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    let (options, ids): (Vec<_>, Vec<_>) = std::env::args().skip(1).partition(|word| word.starts_with("--"));
    let scope = match options.first().map(String::as_str) {
        None => Scope::Named,
        Some("--light") => Scope::Light,
        Some("--full") => Scope::Full,
        Some(other) => anyhow::bail!("{other} is neither --light nor --full"),
    };
    let mut chosen = mutants();
    chosen.retain(|mutant| ids.is_empty() || ids.iter().any(|id| id == mutant.id));
    let matrix = matrix(control(), chosen, scope).await;
    println!("{matrix}");
    let mut problems = matrix.problems();
    if ids.is_empty() {
        for line in ELSEWHERE {
            println!("{:<5} has no mutant here: {}", line.id, line.why);
        }
        if scope != Scope::Named {
            problems.extend(kill_matrix::questioned(&matrix));
            std::fs::write(PAGE, kill_matrix::page(&matrix, scope))?;
        }
    }
    for problem in &problems {
        println!("\n{problem}");
    }
    Ok(if problems.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
