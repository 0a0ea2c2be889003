//! Where what a run leaves goes: below the target directory of the build that runs it.

use std::path::PathBuf;

use super::Report;

/// The target directory that this program was built into, or the one for temporary files.
fn target() -> PathBuf {
    let program = std::env::current_exe().unwrap_or_default();
    let built_into = program.ancestors().find(|path| path.join("CACHEDIR.TAG").is_file());
    built_into.map_or_else(std::env::temp_dir, PathBuf::from)
}

/// The directory for what runs over a store leave.
pub(crate) fn directory(store: &str) -> PathBuf {
    let plain = |letter: char| if letter.is_ascii_alphanumeric() { letter } else { '-' };
    target().join("conformance").join(store.chars().map(plain).collect::<String>())
}

impl Report {
    /// Writes `report.json`, `junit.xml` and `statement.md` into the store's directory below `target/conformance`.
    ///
    /// # Errors
    ///
    /// When they cannot be written.
    pub fn write(&self) -> std::io::Result<PathBuf> {
        let directory = directory(&self.store);
        std::fs::create_dir_all(&directory)?;
        std::fs::write(directory.join("report.json"), self.json()?)?;
        std::fs::write(directory.join("junit.xml"), self.junit()?)?;
        std::fs::write(directory.join("statement.md"), self.statement())?;
        Ok(directory)
    }

    /// The report as JSON.
    ///
    /// # Errors
    ///
    /// Never for a report that a run has made.
    pub fn json(&self) -> std::io::Result<String> {
        Ok(serde_json::to_string_pretty(self)? + "\n")
    }
}
