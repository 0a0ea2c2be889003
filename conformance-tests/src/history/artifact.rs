//! A history as text, and where that of a failed run is kept.

use std::path::PathBuf;

use super::data::{FORM, History};
use crate::report::directory;

impl History {
    /// The history as JSON text.
    ///
    /// # Errors
    ///
    /// Never for a history that a recorder made.
    pub fn to_json(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string(self)
    }

    /// Reads what [`History::to_json`] wrote.
    ///
    /// # Errors
    ///
    /// When the text is no history of a form that is known.
    pub fn from_json(text: &str) -> Result<Self, serde_json::Error> {
        let read: Self = serde_json::from_str(text)?;
        if read.form == FORM {
            return Ok(read);
        }
        Err(serde::de::Error::custom(format!("a history of form {}, not {FORM}", read.form)))
    }

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
