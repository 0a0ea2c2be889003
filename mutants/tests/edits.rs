//! How edits are made in a source.

#[path = "../src/edit.rs"]
#[allow(dead_code, reason = "only its edits are needed here")]
mod edit;
#[path = "../build/patch.rs"]
mod patch;

use edit::{Edit, edit, verbatim};

const SOURCE: &str = "fn f() -> bool {\n    g();\n    1 <= 2 && 2 <= 3\n}\n";

fn edited(edits: &[(&'static str, Edit)]) -> Result<String, String> {
    let edits: Vec<_> = edits.iter().map(|(mutant, edit)| (*mutant, edit)).collect();
    patch::apply("f.rs", SOURCE, &edits)
}

#[test]
fn an_edit_is_a_choice_at_run_time() {
    let source = edited(&[("7", edit("f.rs", "⟦1 <= 2⟧ &&", "1 < 2"))]).unwrap();
    assert!(
        source.contains("(if crate::mutation::is(\"7\") { 1 < 2 } else { 1 <= 2 }) && 2 <= 3"),
        "{source}"
    );
}

#[test]
fn edits_of_one_place_are_one_choice() {
    let edits = [("7", edit("f.rs", "⟦g();⟧", "")), ("8", edit("f.rs", "{\n    ⟦g();⟧", "g(); g();"))];
    let source = edited(&edits).unwrap();
    let choice =
        "if crate::mutation::is(\"7\") {  } else if crate::mutation::is(\"8\") { g(); g(); } else { g(); }";
    assert!(source.contains(choice), "{source}");
}

#[test]
fn where_nothing_is_marked_a_mutant_does_something_besides() {
    let source = edited(&[("7", edit("f.rs", "⟦⟧g();", "h();"))]).unwrap();
    assert!(source.contains("if crate::mutation::is(\"7\") { h(); } g();"), "{source}");
}

#[test]
fn an_edit_that_does_not_fit_once_names_its_mutant() {
    for find in ["⟦4⟧", "⟦2⟧"] {
        let problem = edited(&[("7", edit("f.rs", find, "5"))]).unwrap_err();
        assert!(problem.contains("mutant \"7\"") && problem.contains("not once"), "{problem}");
    }
}

#[test]
fn edits_that_overlap_are_refused() {
    let problem =
        edited(&[("7", edit("f.rs", "⟦1 <= 2⟧", "true")), ("8", edit("f.rs", "⟦2 && 2⟧", "2"))]).unwrap_err();
    assert!(problem.contains("overlap"), "{problem}");
}

#[test]
fn what_stands_verbatim_asks_for_its_mutant_and_stands_alone() {
    let problem = edited(&[("7", verbatim("f.rs", "⟦⟧g();", "h();"))]).unwrap_err();
    assert!(problem.contains("does not ask"), "{problem}");
    let both = [("7", verbatim("f.rs", "⟦g();⟧", "is(\"7\");")), ("8", edit("f.rs", "⟦g();⟧", ""))];
    assert!(edited(&both).unwrap_err().contains("where others are"));
}
