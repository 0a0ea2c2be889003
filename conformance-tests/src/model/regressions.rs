//! Sequences that failed once, on some store: every store gets them first.

use super::report::Kept;
use crate::expect::Violation;

/// Each with its name.
macro_rules! files {
    ($($name:literal),+ $(,)?) => {
        [$(($name, include_str!(concat!("regressions/", $name, ".json")))),+]
    };
}

/// Their files.
const FILES: &[(&str, &str)] = &files!(
    "a_bounded_tick_meets_limits_first",
    "a_child_that_a_limit_ends_reaches_its_waking_parent",
    "an_end_of_a_batch_closes_before_the_next",
    "what_is_due_closes_before_what_is_due_next",
);

/// Each with its name.
pub(super) fn regressions() -> Result<Vec<(&'static str, Kept)>, Violation> {
    FILES.iter().map(|(name, text)| Ok((*name, read(name, text)?))).collect()
}

/// The calls that a file keeps.
pub(super) fn read(name: &str, text: &str) -> Result<Kept, Violation> {
    serde_json::from_str(text).map_err(|error| {
        Violation::new(format!("the calls in {name}"), error.to_string(), "calls as the kit keeps them")
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use super::*;

    #[test]
    fn every_file_is_replayed() -> Result<(), Violation> {
        let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/model/regressions");
        let files = std::fs::read_dir(directory).into_iter().flatten().flatten();
        let files: BTreeSet<_> = files.filter_map(|file| file.file_name().into_string().ok()).collect();
        let replayed = regressions()?.into_iter().map(|(name, _)| format!("{name}.json")).collect();
        assert_eq!(files, replayed);
        Ok(())
    }
}
