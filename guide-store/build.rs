//! Puts the code blocks of the guide together, as they stand: the first line of each says to which file it belongs.

use std::collections::BTreeMap;
use std::env::var_os;
use std::path::PathBuf;
use std::{fs, io};

const GUIDE: &str = "../docs/writing-a-store.md";

fn main() -> io::Result<()> {
    println!("cargo::rerun-if-changed={GUIDE}");
    let out = PathBuf::from(var_os("OUT_DIR").unwrap_or_default());
    let mut files: BTreeMap<&str, String> = BTreeMap::new();
    let guide = fs::read_to_string(GUIDE)?;
    for (file, code) in guide.split("```rust\n// ").skip(1).filter_map(|block| block.split_once('\n')) {
        let code = code.split("\n```").next().unwrap_or_default();
        let text = files.entry(file).or_default();
        if !text.is_empty() {
            text.push('\n');
        }
        text.push_str(code);
        text.push('\n');
    }
    for (file, text) in files {
        let path = out.join(file);
        path.parent().map_or(Ok(()), fs::create_dir_all)?;
        fs::write(path, text)?;
    }
    Ok(())
}
