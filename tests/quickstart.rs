//! The order desk of `examples/quickstart`, as a user runs it.

#![cfg(all(feature = "memory", feature = "sqlite"))]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "the helpers of tests are tests too")]

use std::process::{Command, Output, Stdio};
use std::{env, fs};

use serde_json::Value;

const DATA: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/data/orders.json");

fn command(args: &[&str]) -> Command {
    // Cargo builds it where that is still to be done: no test runs a stale example.
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["run", "--quiet", "--example", "quickstart"]);
    cargo.args(cfg!(feature = "postgres").then_some("--features=postgres")).arg("--").args(args);
    cargo.current_dir(env!("CARGO_MANIFEST_DIR"));
    cargo
}

/// Runs the order desk on a store of its own, unless the arguments name another.
fn quickstart(args: &[&str]) -> Output {
    command(&[&["--store", "memory:"], args].concat()).output().expect("cargo starts")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// Writes a data file for a test.
fn data_file(name: &str, data: &str) -> String {
    let file = format!("{}/{name}.json", env!("CARGO_TARGET_TMPDIR"));
    fs::write(&file, data).unwrap();
    file
}

/// Runs the order desk on these data.
fn quickstart_on(name: &str, data: &str) -> Output {
    quickstart(&["--data", &data_file(name, data)])
}

/// Asserts that a run ends with this code, prints nothing but an error, and says all of this in it.
fn assert_refused(output: &Output, code: i32, says: &[&str]) {
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    assert_eq!(output.status.code(), Some(code), "{out}{err}");
    assert_eq!(out, "");
    assert!(err.starts_with("error: ") && err.lines().count() == 1, "{err}");
    for word in says {
        assert!(err.contains(word), "`{word}` is missing: {err}");
    }
}

fn order(id: &str, quantity: u32) -> String {
    let line = format!(r#"{{"sku":"A","name":"a thing","quantity":{quantity},"unit_price_cents":123450}}"#);
    format!(r#"{{"id":"{id}","lines":[{line}]}}"#)
}

/// The rows of the table, cell by cell.
fn rows(table: &str) -> Vec<Vec<&str>> {
    let rows = table.lines().filter(|line| line.starts_with("ORD-"));
    rows.map(|row| row.split_whitespace().collect()).collect()
}

fn cents(shown: &str) -> u64 {
    shown.replace(['$', ',', '.'], "").parse().unwrap()
}

fn total(order: &Value) -> u64 {
    let lines = order["lines"].as_array().unwrap().iter();
    lines.map(|line| line["quantity"].as_u64().unwrap() * line["unit_price_cents"].as_u64().unwrap()).sum()
}

#[test]
fn the_orders_of_the_data_file_end_as_their_data_say() {
    let output = quickstart(&[]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert!(text(&output.stderr).contains("25 of 25 orders done"));
    let table = text(&output.stdout);
    let rows = rows(&table);
    let orders: Vec<Value> = serde_json::from_str(&fs::read_to_string(DATA).unwrap()).unwrap();
    assert_eq!((rows.len(), orders.len()), (25, 25));

    for (row, order) in rows.iter().zip(&orders) {
        let trouble = order["trouble"].as_str();
        let status = if trouble == Some("never_packed") { "refunded" } else { "completed" };
        let attempts = if trouble.is_some_and(|it| it.ends_with("down_once")) { "2" } else { "1" };
        assert_eq!(row[..2], [order["id"].as_str().unwrap(), status], "{table}");
        assert_eq!(cents(row[2]), total(order), "{table}");
        assert_eq!(row[3], attempts, "{table}");
    }
    assert!(rows.iter().any(|row| row[1] == "refunded"), "{table}");
    assert!(rows.iter().any(|row| row[3] == "2"), "{table}");
}

#[test]
fn a_step_runs_once_and_each_failure_costs_one_more_run_of_the_step_that_failed() {
    let output = quickstart(&[]);
    let table = text(&output.stdout);
    for row in rows(&table) {
        let steps_run = if row[3] == "2" { "4" } else { "3" };
        assert_eq!(row[4], steps_run, "{table}");
        assert!(row[5].parse::<u32>().unwrap() > 0, "{table}");
    }
}

#[test]
fn the_table_is_aligned_and_shows_money_with_separators() {
    let output = quickstart_on("two", &format!("[{},{}]", order("ORD-1", 1), order("ORD-20000", 1_000)));
    let printed = text(&output.stdout);
    let (table, _) = printed.split_once("\n\n").expect("an empty line follows the table");
    let widths: Vec<usize> = table.lines().map(str::len).collect();
    assert_eq!(widths.len(), 4, "{table}");
    assert!(widths.iter().all(|width| *width == widths[0]), "{table}");
    assert!(table.contains("      $1,234.50") && table.contains("  $1,234,500.00"), "{table}");
}

#[test]
fn a_line_below_the_table_says_what_its_figures_mean() {
    let output = quickstart_on("legend", &format!("[{}]", order("ORD-1", 1)));
    let printed = text(&output.stdout);
    let (_, legend) = printed.split_once("\n\n").expect("an empty line follows the table");
    assert_eq!(legend.lines().count(), 1, "{legend}");
    for column in ["attempts:", "steps run:", "replayed:"] {
        assert!(legend.contains(column), "`{column}` is missing: {legend}");
    }
}

#[test]
fn progress_says_what_it_waits_for_and_says_nothing_twice() {
    let unpacked = order("ORD-1", 1).replacen('{', r#"{"trouble":"never_packed","patience_ms":1500,"#, 1);
    let output = quickstart_on("unpacked", &format!("[{unpacked}]"));
    let progress = text(&output.stderr);
    assert!(progress.contains("left: 1 whose parcel never comes"), "{progress}");
    let mut lines: Vec<_> = progress.lines().collect();
    let said = lines.len();
    lines.sort_unstable();
    lines.dedup();
    assert_eq!(lines.len(), said, "{progress}");
}

#[test]
fn a_retry_is_no_failure_and_a_failure_is_none_of_the_retries() {
    let output = quickstart(&[]);
    let progress = text(&output.stderr);
    assert!(progress.contains(" runs, 3 retried\n") && !progress.contains("failed"), "{progress}");
    let output = quickstart_on("bad", &format!("[{}]", order("ORD-1", 0)));
    let progress = text(&output.stderr);
    assert!(
        progress.contains("1 of 1 orders done, ") && progress.contains(" 0 retried, 1 failed"),
        "{progress}"
    );
}

#[test]
fn a_reader_that_has_seen_enough_ends_it_quietly() {
    let file = data_file("unread", &format!("[{}]", order("ORD-1", 1)));
    for args in [&["--store", "memory:", "--data", &file][..], &["--help"]] {
        let mut child = command(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        let errors = text(&output.stderr);
        assert!(output.status.success() && !errors.contains("error"), "{errors}");
    }
}

#[test]
fn an_order_that_fails_is_a_row_with_its_reason_on_stderr() {
    let output = quickstart_on("failing", &format!("[{},{}]", order("ORD-1", 0), order("ORD-2", 1)));
    assert_eq!(output.status.code(), Some(1));
    let table = text(&output.stdout);
    let rows = rows(&table);
    assert_eq!(rows[0], ["ORD-1", "failed", "-", "1", "1", "0"], "{table}");
    assert_eq!(rows[1][..2], ["ORD-2", "completed"], "{table}");
    assert!(text(&output.stderr).contains("ORD-1: none of A is ordered"), "{}", text(&output.stderr));
}

#[test]
fn an_order_waits_for_its_parcel_as_long_as_its_data_say() {
    let hasty = order("ORD-1", 1).replacen('{', r#"{"trouble":"never_packed","patience_ms":1,"#, 1);
    let output = quickstart_on("hasty", &format!("[{hasty},{}]", order("ORD-2", 1)));
    let table = text(&output.stdout);
    let rows = rows(&table);
    assert_eq!(rows.iter().map(|row| row[1]).collect::<Vec<_>>(), ["refunded", "completed"], "{table}");
}

#[test]
fn the_ledger_has_a_line_with_a_key_of_its_own_for_each_effect() {
    let ledger = format!("{}/three.ledger", env!("CARGO_TARGET_TMPDIR"));
    fs::write(&ledger, "of tasks whose store is gone\n").unwrap();
    let hasty = order("ORD-2", 1).replacen('{', r#"{"trouble":"never_packed","patience_ms":1,"#, 1);
    let file = data_file("three", &format!("[{},{hasty}]", order("ORD-1", 2)));
    assert!(quickstart(&["--data", &file, "--ledger", &ledger]).status.success());

    let lines = fs::read_to_string(ledger).unwrap();
    let mut done: Vec<String> = Vec::new();
    for line in lines.lines() {
        let (task, what) = line.split_once(':').unwrap();
        assert_eq!(task.len(), 36, "{lines}");
        done.push(what.to_owned());
    }
    done.sort();
    let due = [
        "charge ORD-1 $2,469.00",
        "charge ORD-2 $1,234.50",
        "receipt ORD-1 $2,469.00",
        "refund ORD-2 $1,234.50",
    ];
    assert_eq!(done, due);
}

#[test]
fn a_second_run_finds_its_orders_done_until_a_reset() {
    let store = format!("sqlite:{}/again.db", env!("CARGO_TARGET_TMPDIR"));
    let run = |quantity: u32, options: &[&str]| {
        let file = data_file(&format!("again-{quantity}"), &format!("[{}]", order("ORD-1", quantity)));
        quickstart(&[&["--store", &store, "--data", &file], options].concat())
    };
    let new = run(1, &["--reset", "--kill-after", "99"]);
    assert!(new.status.success() && !text(&new.stderr).contains("resumed"), "{}", text(&new.stderr));
    assert!(text(&new.stderr).contains("not killed: there were 97 effects too few"), "{}", text(&new.stderr));
    assert!(
        !fs::exists(format!("{}/again.db-wal", env!("CARGO_TARGET_TMPDIR"))).unwrap(),
        "one file is left"
    );

    let again = run(1, &[]);
    assert!(text(&again.stderr).contains("resumed: 1 of 1 orders were done"), "{}", text(&again.stderr));
    assert_eq!(rows(&text(&again.stdout))[0][..5], ["ORD-1", "completed", "$1,234.50", "1", "0"]);

    assert_refused(&run(2, &[]), 1, &["other data", "--reset"]);
    assert!(run(2, &["--reset"]).status.success());
    let ledger = fs::read_to_string(format!("{}/again.ledger", env!("CARGO_TARGET_TMPDIR"))).unwrap();
    assert_eq!(ledger.lines().count(), 2, "{ledger}");
}

#[test]
fn bad_options_are_refused_with_code_2() {
    assert_refused(&quickstart(&["--stroe", "memory:"]), 2, &["--stroe", "--help"]);
    assert_refused(&quickstart(&["--store"]), 2, &["--store", "value"]);
    assert_refused(&quickstart(&["orders.json"]), 2, &["without an option"]);
    assert_refused(&quickstart(&["--kill-after", "0"]), 2, &["--kill-after", "from 1 on"]);
    assert_refused(&quickstart(&["--reset=all"]), 2, &["--reset", "no value"]);
}

#[test]
fn a_store_that_cannot_be_opened_is_refused_without_its_password() {
    let output = quickstart(&["--store", "postgres://ada:hunter2@127.0.0.1:1/orders?acquire_timeout=100"]);
    assert_refused(&output, 1, &["postgres"]);
    assert!(!text(&output.stderr).contains("hunter2"));
    assert_refused(&quickstart(&["--store=nowhere:"]), 1, &["nowhere", "memory:"]);
}

#[test]
fn bad_data_are_refused_with_what_is_wrong_and_where() {
    assert_refused(&quickstart(&["--data", "missing.json"]), 1, &["missing.json", "No such file"]);
    assert_refused(&quickstart_on("malformed", "[{"), 1, &["malformed.json", "line 1"]);
    assert_refused(&quickstart_on("misspelt", r#"[{"id":"ORD-1","line":[]}]"#), 1, &["line"]);
    assert_refused(&quickstart_on("empty", "[]"), 1, &["empty.json", "no orders"]);
    assert_refused(&quickstart_on("bare", r#"[{"id":"ORD-1","lines":[]}]"#), 1, &["ORD-1", "no lines"]);
    let twice = format!("[{},{}]", order("ORD-1", 1), order("ORD-1", 2));
    assert_refused(&quickstart_on("twice", &twice), 1, &["ORD-1", "twice"]);
}

#[test]
fn help_names_every_option() {
    let output = quickstart(&["--help"]);
    assert!(output.status.success());
    let help = text(&output.stdout);
    for option in ["--kill-after N", "--reset", "--store URL", "--ledger FILE", "--data FILE"] {
        assert!(help.contains(option), "`{option}` is missing: {help}");
    }
}
