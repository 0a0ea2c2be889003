//! What the catalogue says is held by tests outside of the suite is held by tests that exist.

use std::path::Path;

use durable_conformance::{Held, catalogue};

#[test]
fn every_test_that_the_catalogue_names_is_there() {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    for item in catalogue() {
        let (Held::CasesAnd(tests) | Held::Tests(tests)) = item.held else { continue };
        for test in tests {
            let (file, function) = test.split_once("::").unwrap();
            let text = std::fs::read_to_string(workspace.join(file)).unwrap_or_default();
            assert!(text.contains(&format!("fn {function}(")), "{}: {test}", item.id);
        }
    }
}
