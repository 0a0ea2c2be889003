//! Where a history of a failed run is kept.

use std::path::{Path, PathBuf};

use super::data::History;

impl History {
    /// Writes the history into `conformance` in cargo's target directory, or else in the system's for temporary files.
    ///
    /// # Errors
    ///
    /// When no file can be written there.
    pub fn keep(&self) -> std::io::Result<PathBuf> {
        let folder = target().unwrap_or_else(std::env::temp_dir).join("conformance");
        std::fs::create_dir_all(&folder)?;
        let unique = uuid::Uuid::now_v7().simple();
        let file = folder.join(format!("{}-{:x}-{unique}.json", plain(&self.case), self.seed));
        std::fs::write(&file, self.to_json()?)?;
        Ok(file)
    }
}

/// Cargo's target directory, as seen from a test binary: `<target>/<profile>/deps/<binary>`.
fn target() -> Option<PathBuf> {
    let binary = std::env::current_exe().ok()?;
    let deps = binary.ancestors().find(|folder| folder.file_name().is_some_and(|name| name == "deps"))?;
    deps.parent().and_then(Path::parent).map(Path::to_owned)
}

/// A name that is a file's name on every system.
fn plain(name: &str) -> String {
    name.chars().map(|letter| if letter.is_ascii_alphanumeric() { letter } else { '_' }).collect()
}
