//! The guide keeps its promises.

#![allow(clippy::unwrap_used, reason = "what is missing fails the test")]

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{fs, iter};

const GUIDE: &str = include_str!("../../docs/writing-a-store.md");
const HARNESS: &str = include_str!(concat!(env!("OUT_DIR"), "/tests/conformance.rs"));

#[test]
fn a_harness_is_at_most_25_lines_of_rust_and_3_of_cargo_toml() {
    let lines = |text: &str| text.trim_end().lines().count();
    assert!(lines(HARNESS) <= 25, "{} lines", lines(HARNESS));
    let manifest = block_with("[[test]]");
    let test = manifest.split_once("[[test]]").map(|(_, test)| format!("[[test]]{test}")).unwrap();
    assert!(lines(&test) <= 3, "{test}");
    assert!(test.contains("harness = false"));
}

#[test]
fn the_manifest_names_what_the_store_is_built_with() {
    let manifest = block_with("[dependencies]");
    let (_, dependencies) = manifest.split_once("[dependencies]").unwrap();
    let own = include_str!("../Cargo.toml");
    for name in dependencies.lines().filter_map(|line| line.split_once(" =")).map(|(name, _)| name) {
        assert!(own.contains(&format!("\n{name}")), "{name}");
    }
}

#[test]
fn every_file_of_the_guide_is_formatted() {
    let files: Vec<PathBuf> = sources(Path::new(env!("OUT_DIR")));
    assert!(files.len() > 10, "{files:?}");
    let config = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
    let formatted = Command::new("rustfmt")
        .args(["--check", "--edition", "2024", "--config-path", config])
        .args(&files)
        .output()
        .unwrap();
    assert!(formatted.status.success(), "{}", String::from_utf8_lossy(&formatted.stdout));
}

/// The block of TOML that has a text.
fn block_with(text: &str) -> &'static str {
    let mut blocks = GUIDE.split("```toml\n").skip(1).filter_map(|block| block.split("\n```").next());
    blocks.find(|block| block.contains(text)).unwrap()
}

fn sources(directory: &Path) -> Vec<PathBuf> {
    let below = |path: PathBuf| if path.is_dir() { sources(&path) } else { iter::once(path).collect() };
    fs::read_dir(directory).unwrap().flat_map(|entry| below(entry.unwrap().path())).collect()
}
