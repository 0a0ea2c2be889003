//! Builds the mutated memory store: its sources, with the edits of all mutants made in them.

#[path = "src/edit.rs"]
#[allow(dead_code, reason = "what a mutant is called is asked for later")]
mod edit;
#[path = "build/frame.rs"]
mod frame;
#[path = "src/gallery/mod.rs"]
mod gallery;
#[path = "build/patch.rs"]
mod patch;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use edit::Edit;

const STORE: &str = "../durable-memory/src";

/// The edits of each file, with the mutant that each belongs to; those of the frame belong to none.
type Edits = BTreeMap<&'static str, Vec<(&'static str, &'static Edit)>>;

fn main() -> Result<(), String> {
    for watched in [STORE, "src/edit.rs", "src/gallery", "build", "build.rs"] {
        println!("cargo::rerun-if-changed={watched}");
    }
    let out = std::env::var("OUT_DIR").map_err(|error| error.to_string())?;
    let mut edits = Edits::new();
    for edit in frame::FRAME {
        edits.entry(edit.file).or_default().push(("", edit));
    }
    for mutation in gallery::mutations() {
        for edit in mutation.edits {
            edits.entry(edit.file).or_default().push((mutation.id, edit));
        }
    }
    let misfits = copy(Path::new(STORE), "", &Path::new(&out).join("store"), &mut edits)?;
    if !misfits.is_empty() {
        return Err(misfits.join("\n"));
    }
    match edits.first_entry() {
        None => Ok(()),
        Some(left) => Err(format!("the memory store has no file {}, for {:?}", left.key(), left.get())),
    }
}

/// Copies a directory, and edits its files on the way; tells which edits do not fit. `below` is its path, as edits
/// spell it.
fn copy(from: &Path, below: &str, to: &Path, edits: &mut Edits) -> Result<Vec<String>, String> {
    let fault = |error: std::io::Error| format!("{}: {error}", from.display());
    fs::create_dir_all(to).map_err(fault)?;
    let mut misfits = Vec::new();
    for entry in fs::read_dir(from).map_err(fault)? {
        let path = entry.map_err(fault)?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let (file, copied) = (format!("{below}{name}"), to.join(name));
        if path.is_dir() {
            if name != "tests" {
                misfits.extend(copy(&path, &format!("{file}/"), &copied, edits)?);
            }
            continue;
        }
        let source = fs::read_to_string(&path).map_err(fault)?;
        match patch::apply(&file, &source, &edits.remove(file.as_str()).unwrap_or_default()) {
            Ok(edited) if file == "lib.rs" => fs::write(copied, included(&edited)).map_err(fault)?,
            Ok(edited) => fs::write(copied, edited).map_err(fault)?,
            Err(misfit) => misfits.push(misfit),
        }
    }
    Ok(misfits)
}

/// The root of the store as a part of another crate: without documentation of its own, and with modules in which a
/// choice may stand wherever an expression did.
fn included(source: &str) -> String {
    let line = |line: &str| match line.strip_prefix("mod ") {
        Some(module) => format!("#[allow(unused_parens, clippy::all, clippy::pedantic)]\nmod {module}"),
        None => line.to_owned(),
    };
    source.split_inclusive('\n').filter(|line| !line.starts_with("//!")).map(line).collect()
}
