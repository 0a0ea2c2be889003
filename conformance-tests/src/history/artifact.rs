//! Where a history of a failed run is kept.

use std::path::PathBuf;

use super::data::History;
use crate::report::directory;

impl History {
    /// Writes the history into its store's directory below `target/conformance`.
    ///
    /// # Errors
    ///
    /// When no file can be written there.
    pub fn keep(&self) -> std::io::Result<PathBuf> {
        let directory = directory(&self.store).join("histories");
        std::fs::create_dir_all(&directory)?;
        let plain = |letter: char| if letter.is_ascii_alphanumeric() { letter } else { '-' };
        let (case, unique) = (self.case.chars().map(plain).collect::<String>(), uuid::Uuid::now_v7());
        let file = directory.join(format!("{case}-{}.json", unique.simple()));
        std::fs::write(&file, self.to_json()?)?;
        Ok(file)
    }
}
