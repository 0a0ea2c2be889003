//! Every statement stands on an index, whatever is in the tables and whether they were analysed (U4).

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use sqlx::{AssertSqlSafe, Row, SqliteConnection};

use super::desk::{Place, execute, job};
use super::is_heavy;

/// How many tasks stand in the way: asleep, ended, and of other names, a third each.
fn backlog() -> usize {
    if is_heavy() { 1_000_000 } else { 60_000 }
}

/// Where a queue is read from its start: counting reads all of it, of the others the first row is enough.
const FROM_THE_START: [&str; 4] =
    ["inspect/counts.sql", "queues/look_queue.sql", "upkeep/purge_garbage.sql", "upkeep/purge_more.sql"];

const FILL: &str = "
    with recursive n (i) as (select 1 union all select i + 1 from n where i < $1)
    insert into durable_tasks (
        queue, id, depth, name, priority, spawned_at, state, why, available_at, due, attempt, limit_from, claims,
        last_order, checkpoints, ended_at, end_kind, need, rest_due
    )
    select 'orders', printf('%032x', i), 0, iif(i % 3 = 0, 'foreign', 'job'), 9, 0,
           iif(i % 3 = 0, 1, iif(i % 3 = 1, 0, 3)),                     -- pending, asleep, completed
           iif(i % 3 = 1, 2, null), iif(i % 3 = 0, 0, null), iif(i % 3 = 1, 9000000000000, null), 1, 0, 1, 0, 0,
           iif(i % 3 = 2, i, null), iif(i % 3 = 2, 0, null), iif(i % 3 = 1, 1, null), iif(i % 3 = 1, 9000000000000, null)
    from n
";

fn statement_files() -> Vec<PathBuf> {
    let roles = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/sql");
    let entries =
        |directory: PathBuf| std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> = entries(roles).flat_map(entries).collect();
    files.sort();
    assert!(files.len() >= 43, "{files:?}");
    files
}

fn name_of(file: &Path) -> String {
    let parts: Vec<_> = file.iter().rev().take(2).map(|part| part.to_str().unwrap()).collect();
    format!("{}/{}", parts[1], parts[0])
}

/// The statements of a file, without its comments.
fn statements(file: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(file).unwrap();
    let code: Vec<&str> = text.lines().map(|line| line.split("--").next().unwrap()).collect();
    let code = code.join("\n");
    code.split(';').map(str::trim).filter(|statement| !statement.is_empty()).map(str::to_owned).collect()
}

/// The names by which a statement calls our tables.
fn names_of_tables(statement: &str) -> Vec<&str> {
    const KEYWORDS: [&str; 13] = [
        "where", "set", "on", "indexed", "cross", "left", "join", "order", "group", "limit", "union",
        "values", "as",
    ];
    let words: Vec<&str> = statement
        .split(|letter: char| {
            !letter.is_ascii_alphanumeric() && letter != '_' && letter != '(' && letter != ')'
        })
        .filter(|word| !word.is_empty())
        .collect();
    let mut names = Vec::new();
    for pair in words.windows(2).filter(|pair| pair[0].starts_with("durable_")) {
        names.push(pair[0]);
        let alias = pair[1].trim_end_matches(')');
        if !KEYWORDS.contains(&alias) && !alias.starts_with('(') {
            names.push(alias);
        }
    }
    names
}

async fn plan(connection: &mut SqliteConnection, statement: &str) -> Vec<String> {
    let explain = format!("explain query plan {statement}");
    let rows = sqlx::raw_sql(AssertSqlSafe(explain)).fetch_all(connection).await;
    let rows = rows.unwrap_or_else(|error| panic!("{error}: {statement}"));
    rows.iter().map(|row| row.get("detail")).collect()
}

/// What is wrong with a plan.
fn defects<'p>(file: &str, statement: &str, plan: &'p [String]) -> Vec<&'p String> {
    let ours = names_of_tables(statement);
    let is_wrong = |line: &&String| {
        let scans = line
            .strip_prefix("SCAN ")
            .is_some_and(|rest| ours.contains(&rest.split(' ').next().unwrap()) && !rest.contains("VIRTUAL"));
        let from_start = line.ends_with("(queue=?)") && !FROM_THE_START.contains(&file);
        scans || from_start || line.contains("AUTOMATIC")
    };
    plan.iter().filter(is_wrong).collect()
}

async fn check_all(connection: &mut SqliteConnection, when: &str) {
    for file in statement_files() {
        let name = name_of(&file);
        for statement in statements(&file) {
            let plan = plan(connection, &statement).await;
            let defects = defects(&name, &statement, &plan);
            assert!(defects.is_empty(), "{when}, {name}: {defects:#?} in {plan:#?}");
        }
    }
}

async fn fill(connection: &mut SqliteConnection) {
    sqlx::query(FILL).bind(i64::try_from(backlog()).unwrap()).execute(&mut *connection).await.unwrap();
    let inputs = "insert into durable_inputs select seq, 'null', '{}', 'null' from durable_tasks where true on conflict do nothing";
    execute(connection, inputs).await;
}

#[tokio::test]
async fn u4_every_statement_stands_on_an_index_empty_full_and_analysed() {
    let place = Place::new();
    let _desk = place.open().await;
    let mut connection = place.connect().await;
    check_all(&mut connection, "empty").await;
    execute(&mut connection, "analyze").await;
    check_all(&mut connection, "empty and analysed").await;
    fill(&mut connection).await;
    check_all(&mut connection, "full, with the statistics of empty tables").await;
    execute(&mut connection, "analyze").await;
    check_all(&mut connection, "full and analysed").await;
}

#[test]
fn u4_a_scan_of_a_table_is_found() {
    let statement = "select 1 from durable_tasks t cross join json_each($1) n";
    for (line, is_wrong) in [
        ("SCAN t", true),
        ("SCAN t USING INDEX durable_tasks_id", true),
        ("SCAN durable_tasks", true),
        ("SEARCH t USING AUTOMATIC COVERING INDEX (queue=?)", true),
        ("SEARCH t USING INDEX durable_tasks_id (queue=?)", true),
        ("SCAN n VIRTUAL TABLE INDEX 1:", false),
        ("SEARCH t USING INDEX durable_tasks_id (queue=? AND id=?)", false),
    ] {
        let plan = [line.to_owned()];
        assert_eq!(!defects("a/b.sql", statement, &plan).is_empty(), is_wrong, "{line}");
    }
}

/// How many instructions of SQLite's machine a statement takes.
async fn cost(connection: &mut SqliteConnection, file: &str, name: &str) -> u64 {
    let count = Arc::new(AtomicU64::new(0));
    let counter = count.clone();
    connection.lock_handle().await.unwrap().set_progress_handler(1, move || {
        counter.fetch_add(1, Ordering::Relaxed);
        true
    });
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/sql").join(file);
    let text = std::fs::read_to_string(path).unwrap();
    let parameters = parameters(&text, name);
    let mut query = sqlx::query(AssertSqlSafe(text));
    for parameter in parameters {
        query = match parameter {
            Parameter::Text(text) => query.bind(text),
            Parameter::Figure(figure) => query.bind(figure),
        };
    }
    query.fetch_all(&mut *connection).await.unwrap();
    connection.lock_handle().await.unwrap().remove_progress_handler();
    count.load(Ordering::Relaxed)
}

enum Parameter {
    Text(String),
    Figure(i64),
}

/// What a claim, and the tick in it, run, for tasks that are there and for none: each with what its header calls its
/// parameters, by their numbers.
fn of_a_claim() -> Vec<(&'static str, &'static str)> {
    vec![
        ("runs/claim_look.sql", "job"),
        ("runs/claim_take.sql", "job"),
        ("runs/claim_take.sql", "nothing"),
        ("runs/claim_held.sql", "job"),
        ("runs/claim_tail.sql", "nothing"),
        ("upkeep/due_scan.sql", "job"),
        ("upkeep/tick_tail.sql", "job"),
    ]
}

/// A value for each parameter, by the meaning that the header of a file gives its number.
fn parameters(text: &str, name: &str) -> Vec<Parameter> {
    let comments = text.lines().map_while(|line| line.strip_prefix("--")).collect::<Vec<_>>().join(" ");
    let meanings = comments.split("parameters").nth(1).unwrap().split("returns").next().unwrap().to_owned();
    let value = |meaning: &str| match meaning.split([' ', ',']).next().unwrap() {
        "queue" => Parameter::Text("orders".to_owned()),
        "names" => Parameter::Text(format!("[\"{name}\"]")),
        "call" | "worker" => Parameter::Text("somebody".to_owned()),
        "now" => Parameter::Figure(8_000_000_000_000),
        "lease" => Parameter::Figure(1_000),
        "the" if meaning.contains("bytes") => Parameter::Figure(8 << 20),
        "the" => Parameter::Figure(10),
        other => panic!("{other}: {meaning}"),
    };
    let mut parameters: Vec<Parameter> = Vec::new();
    for part in meanings.split('$').skip(1) {
        let (number, meaning) = part.split_once(' ').unwrap();
        let number: usize = number.parse().unwrap();
        while parameters.len() < number {
            parameters.push(Parameter::Figure(0));
        }
        parameters[number - 1] = value(meaning);
    }
    parameters
}

async fn costs(connection: &mut SqliteConnection) -> Vec<u64> {
    let mut costs = Vec::new();
    for (file, name) in of_a_claim() {
        execute(connection, "begin immediate").await;
        costs.push(cost(connection, file, name).await);
        execute(connection, "rollback").await;
    }
    costs
}

#[tokio::test]
async fn u4_a_claim_takes_as_many_instructions_before_a_backlog_as_without() {
    let place = Place::new();
    let desk = place.open().await;
    for _ in 0..20 {
        desk.spawn(job("job")).await.unwrap();
    }
    let mut connection = place.connect().await;
    let without = costs(&mut connection).await;
    fill(&mut connection).await;
    let with = costs(&mut connection).await;
    execute(&mut connection, "analyze").await;
    let analysed = costs(&mut connection).await;
    for (index, (file, _)) in of_a_claim().iter().enumerate() {
        let most = without[index] + 50;
        assert!(without[index] > 0, "{file} was not counted");
        assert!(
            with[index] <= most,
            "{file}: {} instructions, {} without the backlog",
            with[index],
            without[index]
        );
        assert!(analysed[index] <= most, "{file}: {} instructions once analysed", analysed[index]);
    }
    // And it gets what it asks for.
    let claimed = desk.claim("job", 30).await.unwrap();
    assert_eq!(claimed.len(), 20);
}

#[test]
fn sq11_no_statement_asks_sqlite_for_the_time() {
    for file in statement_files() {
        for statement in statements(&file) {
            for clock in ["strftime", "datetime", "julianday", "unixepoch", "current_time", "'now'", "random"]
            {
                assert!(!statement.contains(clock), "{}: {clock}", name_of(&file));
            }
        }
    }
}

#[test]
fn sq8_no_statement_looks_into_a_payload() {
    for file in statement_files() {
        for statement in statements(&file) {
            for (at, _) in statement.match_indices("->") {
                let of = statement[..at].trim_end().rsplit([' ', '(', ',']).next().unwrap();
                assert_eq!(of, "n.value", "{}: of a parameter's own arrays only", name_of(&file));
            }
            for (at, function) in statement.match_indices("json") {
                let call: String = statement[at + function.len()..].chars().take(7).collect();
                let of_parameter = call.starts_with("_each($");
                assert!(of_parameter, "{}: json{call}", name_of(&file));
            }
        }
    }
}
