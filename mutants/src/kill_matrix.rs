//! The page `docs/kill-matrix.md`.

use std::fmt::Write;

use durable_conformance::mutants::{Matrix, Row, Scope};
use durable_mutants::ELSEWHERE;

/// Why cases that kill no mutant are there: a line each, the name and the reason with a colon and a space between them.
const IDLE: &str = include_str!("../idle.txt");

/// The reason for which a case may kill no mutant.
fn reason(case: &str) -> Option<&'static str> {
    IDLE.lines().filter_map(|line| line.split_once(": ")).find(|(name, _)| *name == case).map(|(_, why)| why)
}

/// The cases that kill no mutant, and nobody says why.
pub(crate) fn questioned(matrix: &Matrix) -> Vec<String> {
    let idle = matrix.idle().into_iter().filter(|case| reason(case).is_none());
    idle.map(|case| format!("{case} kills no mutant, and mutants/idle.txt does not say why")).collect()
}

/// The whole page.
pub(crate) fn page(matrix: &Matrix, scope: Scope) -> String {
    let mut page = String::from(HEAD);
    page.push_str(if scope == Scope::Full { "" } else { LIGHT });
    page.push_str(MUTANTS_HEAD);
    for row in &matrix.mutants {
        let _ = writeln!(page, "| {} | {} | {} |", row.mutant.id, row.mutant.breaks, killers(row));
    }
    page.push_str(IDLE_HEAD);
    for case in matrix.idle() {
        let _ = writeln!(page, "| `{case}` | {} |", reason(case).unwrap_or("**questioned**"));
    }
    page.push_str(ELSEWHERE_HEAD);
    for line in ELSEWHERE {
        let _ = writeln!(page, "| {} | {} |", line.id, line.why);
    }
    page
}

/// The cases named for the mutant in bold, then the others.
fn killers(row: &Row) -> String {
    let named = row.killers();
    let others =
        row.found_by().into_iter().filter(|case| !named.contains(case)).map(|case| format!("`{case}`"));
    named.iter().map(|case| format!("**`{case}`**")).chain(others).collect::<Vec<_>>().join(", ")
}

const HEAD: &str = "# The kill matrix

Written by `cargo run -p durable-mutants -- --light` (or `--full`), never by hand. How the gallery works:
[ARCHITECTURE.md](../ARCHITECTURE.md#mutants).

Which case finds which mutant out. The cases that are named for a mutant, of which one has to, are in bold.
";

const LIGHT: &str = "Heavy cases met the mutants alone for which they are named.
";

const MUTANTS_HEAD: &str = "
| mutant | how it breaks the contract | found by |
| --- | --- | --- |
";

const IDLE_HEAD: &str = "
## Cases that find no mutant

| case | why it is there |
| --- | --- |
";

const ELSEWHERE_HEAD: &str = "
## Lines of the catalogue without a mutant

| mutant | why |
| --- | --- |
";
