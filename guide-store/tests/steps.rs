//! How far a reader is after each step of the guide, measured.

#![allow(clippy::unwrap_used, reason = "what is missing fails the test")]

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

const GUIDE: &str = include_str!("../../docs/writing-a-store.md");

/// The verbs that each step adds, from the second on.
const STEPS: [&[&str]; 5] = [
    &["PutQueue", "DropQueue", "ListQueues", "Hints"],
    &["Spawn", "Claim", "Extend", "Save", "Load"],
    &["Wait", "Emit", "Tick"],
    &["Cancel", "Retry", "Outcome", "Purge"],
    &["Task", "Tasks", "Events", "Counts"],
];

/// Builds what a reader has after each step, and runs the suite over it. For the table of the guide: minutes, on request.
#[test]
#[ignore = "builds and runs five stores"]
fn after_each_step_all_cases_pass_that_need_no_more() {
    let root = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("redb-store");
    for step in 2..=6 {
        let have: Vec<&str> = STEPS.iter().take(step - 1).copied().flatten().copied().collect();
        write_crate(&root, step, &have);
        let run =
            Command::new(env!("CARGO")).current_dir(&root).args(["test", "--test", "conformance"]).output();
        let said = run.unwrap();
        let text = String::from_utf8_lossy(&said.stdout);
        println!("step {step}: {}", text.lines().last().unwrap_or_default());
        assert!(text.contains(" passed, 0 failed, "), "{text}\n{}", String::from_utf8_lossy(&said.stderr));
    }
}

/// Writes the crate as it is after a step: with `missing` in the place of the verbs that come later.
fn write_crate(root: &Path, step: usize, have: &[&str]) {
    let _ = fs::remove_dir_all(root);
    let so_far = GUIDE.split(&format!("\n## {}. ", step + 1)).next().unwrap();
    for block in so_far.split("```rust\n").skip(1).filter_map(|block| block.split("\n```").next()) {
        let (file, code) = match block.strip_prefix("// ").and_then(|block| block.split_once('\n')) {
            Some((file, code)) => (file, code.to_owned()),
            None if block.contains("fn missing") => ("src/roles.rs", block.to_owned()),
            None => continue,
        };
        append(&root.join(file), &of_step(file, &code, have));
    }
    append(&root.join("Cargo.toml"), &manifest());
}

fn of_step(file: &str, code: &str, have: &[&str]) -> String {
    let mut code = code.to_owned();
    for verb in STEPS.into_iter().flatten().filter(|verb| !have.contains(verb) && file == "src/roles.rs") {
        for how in ["write", "read"] {
            code = code.replace(&format!("    {how} {verb} "), &format!("    missing {verb} "));
            code = code.replace(&format!("self.{how}(Verb::{verb},"), &format!("self.missing(Verb::{verb},"));
        }
    }
    let verbs: Vec<String> = have.iter().map(|verb| format!("Verb::{verb}")).collect();
    let verbs =
        format!("    fn verbs(&self) -> Vec<Verb> {{ vec![{}] }}\n\n    async fn open", verbs.join(", "));
    code.replace("    async fn open", &verbs).replace("store::Store}", "store::{Store, Verb}}")
}

/// The guide's manifest, with the paths of this checkout.
fn manifest() -> String {
    let manifest = GUIDE.split("```toml\n").nth(1).and_then(|block| block.split("\n```").next()).unwrap();
    let workspace = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
    manifest.replace("../durable/", &format!("{workspace}/")) + "\n\n[workspace]\n"
}

fn append(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let before = fs::read_to_string(path).unwrap_or_default();
    fs::write(path, format!("{before}{text}\n\n")).unwrap();
}
