//! Every statement stands on the indexes that its header names, even if it was planned while the tables were empty.

mod support;

use anyhow::Context;
use sqlx::{PgConnection, Row};
use support::bench::Bench;

/// A statement, prepared under the name `s`.
macro_rules! statements {
    ($($file:literal),* $(,)?) => {
        [$(($file, concat!("prepare s as\n", include_str!(concat!("../src/sql/", $file))))),*]
    };
}

const STATEMENTS: [(&str, &str); 54] = statements![
    "checkpoints/load.sql",
    "inspect/counts.sql",
    "inspect/events.sql",
    "inspect/task.sql",
    "inspect/task_history.sql",
    "inspect/task_waits.sql",
    "inspect/tasks.sql",
    "queues/drop_queue.sql",
    "queues/drop_queue_lock.sql",
    "queues/find_queue.sql",
    "queues/list_queues.sql",
    "queues/put_queue.sql",
    "runs/claim_held.sql",
    "runs/claim_look.sql",
    "runs/claim_tail.sql",
    "runs/claim_take.sql",
    "runs/wait_children.sql",
    "shared/children_lock.sql",
    "shared/closing_clear.sql",
    "shared/event_waits.sql",
    "shared/events_lock.sql",
    "shared/events_place.sql",
    "shared/events_share.sql",
    "shared/events_share_free.sql",
    "shared/events_write.sql",
    "shared/history_write.sql",
    "shared/queue_share.sql",
    "shared/rest_due.sql",
    "shared/slots_read.sql",
    "shared/tasks_lock.sql",
    "shared/tasks_lock_free.sql",
    "shared/tasks_read.sql",
    "shared/tasks_write.sql",
    "shared/waits_delete.sql",
    "shared/waits_write.sql",
    "signals/notify.sql",
    "tasks/cancel_below.sql",
    "tasks/outcome.sql",
    "tasks/retry.sql",
    "tasks/retry_from.sql",
    "tasks/spawn.sql",
    "tasks/spawn_existing.sql",
    "upkeep/closing_lock.sql",
    "upkeep/due_scan.sql",
    "upkeep/due_waits.sql",
    "upkeep/purge_events.sql",
    "upkeep/purge_events_lock.sql",
    "upkeep/purge_history.sql",
    "upkeep/purge_mark.sql",
    "upkeep/purge_more.sql",
    "upkeep/purge_tasks.sql",
    "upkeep/tick_look.sql",
    "upkeep/tick_tail.sql",
    "upkeep/waking_lock.sql",
];

/// What explains `s`, by the number of its parameters: planned once for all, it asks for no values.
const EXPLAIN: [&str; 20] = [
    "explain execute s",
    "explain execute s (null)",
    "explain execute s (null, null)",
    "explain execute s (null, null, null)",
    "explain execute s (null, null, null, null)",
    "explain execute s (null, null, null, null, null)",
    "explain execute s (null, null, null, null, null, null)",
    "explain execute s (null, null, null, null, null, null, null)",
    "explain execute s (null, null, null, null, null, null, null, null)",
    "explain execute s (null, null, null, null, null, null, null, null, null)",
    "explain execute s (null, null, null, null, null, null, null, null, null, null)",
    "explain execute s (null, null, null, null, null, null, null, null, null, null, null)",
    "explain execute s (null, null, null, null, null, null, null, null, null, null, null, null)",
    "explain execute s (null, null, null, null, null, null, null, null, null, null, null, null, null)",
    "explain execute s (null, null, null, null, null, null, null, null, null, null, null, null, null, null)",
    "explain execute s (null, null, null, null, null, null, null, null, null, null, null, null, null, null, null)",
    "explain execute s (null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null)",
    "explain execute s (null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null)",
    "explain execute s (null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null)",
    "explain execute s (null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null)",
];

/// The columns that the condition on an index must fix, or it reads all of a queue.
const FIXED: [(&str, &str); 9] = [
    ("tasks_pkey", "id"),
    ("tasks_pending", "name"),
    ("tasks_held", "call"),
    ("tasks_ended", "state"),
    ("tasks_children", "parent"),
    ("history_pkey", "task"),
    ("history_key", "key"),
    ("waits_pkey", "task"),
    ("events_pkey", "name"),
];

/// What reads all of a queue on purpose, page by page or to count it.
const WHOLE: [&str; 2] = ["inspect/counts.sql", "queues/drop_queue.sql"];

async fn plan(connection: &mut PgConnection, statement: &'static str) -> anyhow::Result<Vec<String>> {
    sqlx::raw_sql(statement).execute(&mut *connection).await?;
    let parameters: i32 = sqlx::query_scalar(
        "select coalesce(array_length(parameter_types, 1), 0) from pg_prepared_statements where name = 's'",
    )
    .fetch_one(&mut *connection)
    .await?;
    let explain = EXPLAIN.get(usize::try_from(parameters)?).context("so many parameters")?;
    let rows = sqlx::raw_sql(*explain).fetch_all(&mut *connection).await?;
    sqlx::raw_sql("deallocate s").execute(&mut *connection).await?;
    Ok(rows.iter().map(|row| row.try_get(0)).collect::<Result<_, _>>()?)
}

/// What is wrong with a plan.
fn faults(file: &str, statement: &str, plan: &[String]) -> Vec<String> {
    let header = statement.lines().skip_while(|line| !line.starts_with("-- index"));
    let header = header.take_while(|line| line.starts_with("--"));
    let named: Vec<&str> = header.flat_map(|line| line.split([',', ' '])).collect();
    let mut faults = Vec::new();
    for (place, line) in plan.iter().enumerate() {
        if line.contains("Seq Scan on") || line.contains("Hash Join") || line.contains("Merge Join") {
            faults.push(format!("{file}: {}", line.trim()));
        }
        let Some(index) = line.split(" using ").nth(1).and_then(|rest| rest.split(' ').next()) else {
            continue;
        };
        if !named.contains(&index) {
            faults.push(format!("{file}: the header does not name {index}"));
        }
        let condition = plan.iter().skip(place + 1).find(|line| line.contains("Index Cond:"));
        let condition = condition.map_or("", String::as_str);
        let fixed = FIXED.iter().filter(|(name, _)| *name == index).all(|(_, column)| {
            condition.contains(&format!("({column} = ")) || condition.contains(&format!("({column} > "))
        });
        if !fixed && !WHOLE.contains(&file) {
            faults.push(format!("{file}: {index} by {}", condition.trim()));
        }
    }
    faults
}

#[tokio::test]
async fn every_statement_stands_on_its_indexes_planned_empty() -> anyhow::Result<()> {
    let bench = Bench::open(1).await?;
    let mut connection = bench.store.pool().acquire().await?;
    for analysed in [false, true] {
        if analysed {
            sqlx::raw_sql("delete from durable.queues; vacuum analyze").execute(&mut *connection).await.ok();
            sqlx::raw_sql("analyze").execute(&mut *connection).await?;
        }
        let mut found = Vec::new();
        for (file, statement) in STATEMENTS {
            found.extend(faults(file, statement, &plan(&mut connection, statement).await?));
        }
        assert_eq!(found, Vec::<String>::new(), "analysed: {analysed}");
    }
    drop(connection);
    bench.close().await
}
