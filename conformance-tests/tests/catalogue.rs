//! The catalogue as a document, and what it says of tests outside of the suite.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};

use durable_conformance::{Demand, Held, Item, cases, catalogue};

const HEAD: &str = "\
# The catalogue

Everything that a store is held to, by an id that is never reused. The [contract](contract.md) is the law; this is where each
of its demands is checked: a case of the suite (`group::case`), a test of a crate (`file::function`), or nowhere yet, with what
it waits for. Made from the table in `conformance-tests/src/catalogue`, and renewed by
`DURABLE_BLESS=1 cargo test -p durable-conformance --test catalogue`.
";

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

#[test]
fn every_test_that_the_catalogue_names_is_there() {
    for item in catalogue() {
        for test in tests_of(item) {
            let (file, function) = test.split_once("::").unwrap();
            let text = std::fs::read_to_string(workspace().join(file)).unwrap_or_default();
            assert!(text.contains(&format!("fn {function}(")), "{}: {test}", item.id);
        }
    }
}

#[test]
fn the_document_is_that_of_the_table() {
    let (file, wanted) = (workspace().join("docs/catalogue.md"), document());
    if std::env::var_os("DURABLE_BLESS").is_some() {
        std::fs::write(&file, &wanted).unwrap();
    }
    let there = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(there == wanted, "docs/catalogue.md is stale; DURABLE_BLESS=1 renews it");
}

fn tests_of(item: &Item) -> &'static [&'static str] {
    match item.held {
        Held::CasesAnd(tests) | Held::Tests(tests) => tests,
        Held::Cases | Held::Waits(_) => &[],
    }
}

fn document() -> String {
    let mut carried: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for case in cases() {
        for id in case.ids {
            carried.entry(id).or_default().push(case.name());
        }
    }
    let (mut text, mut group) = (HEAD.to_owned(), "");
    for item in catalogue() {
        if item.group() != group {
            group = item.group();
            let _ =
                write!(text, "\n## {group}\n\n| id | demand | of | held by |\n| --- | --- | --- | --- |\n");
        }
        let places = carried
            .get(item.id)
            .into_iter()
            .flatten()
            .map(String::as_str)
            .chain(tests_of(item).iter().copied());
        let held = match item.held {
            Held::Waits(what_for) => format!("waits for {what_for}"),
            _ => places.map(|place| format!("`{place}`")).collect::<Vec<_>>().join("<br>"),
        };
        let note = item.note.map(|note| format!(" {note}")).unwrap_or_default();
        let _ = writeln!(text, "| {} | {}{note} | {} | {held} |", item.id, item.title, demanded(item.level));
    }
    text
}

fn demanded(level: Demand) -> String {
    match level {
        Demand::Mandatory => "every store".to_owned(),
        Demand::Capability(capability) => format!("`{capability}`"),
        Demand::Backend => "one family".to_owned(),
        Demand::Worker => "the worker".to_owned(),
    }
}
