//! The cost of a claim depends neither on what sleeps, ended or has another name, nor on ANALYZE.

mod support;

use durable_core::model::TaskId;
use sqlx::{PgConnection, Row};
use support::bench::{Bench, job};

/// How many tasks of each kind stand in the way.
const BACKLOG: i32 = 100_000;
/// The most pages of 8 KiB that one statement may touch with them in the way.
const MOST_PAGES: u64 = 150;

const TAKE: &str = concat!(
    "prepare take (text, text[], bigint, bigint, bigint, uuid, text, bigint, bigint, boolean) as\n",
    include_str!("../src/sql/runs/claim_take.sql")
);
const LOOK: &str =
    concat!("prepare look (text, bigint, uuid) as\n", include_str!("../src/sql/runs/claim_look.sql"));
const TAIL: &str =
    concat!("prepare tail (text, text[]) as\n", include_str!("../src/sql/runs/claim_tail.sql"));
const DUE: &str =
    concat!("prepare due (text, bigint, bigint) as\n", include_str!("../src/sql/upkeep/due_scan.sql"));

/// Sleepers and foreign names, all with a higher priority than what is asked for, and ended tasks.
const FILL: &str = include_str!("support/fill.sql");

/// Each statement with what runs it and the index that it must stand on.
const STATEMENTS: [(&str, &str, &str); 4] = [
    (
        TAKE,
        "explain (analyze, buffers) execute take ('q', '{job}', 1000, 10, 52, \
         '00000000-0000-0000-0000-000000000001', 'w', 1000, 8000000, true)",
        "tasks_pending",
    ),
    (
        LOOK,
        "explain (analyze, buffers) execute look ('q', 1000, '00000000-0000-0000-0000-000000000001')",
        "tasks_due",
    ),
    (TAIL, "explain (analyze, buffers) execute tail ('q', '{job}')", "tasks_pending"),
    (DUE, "explain (analyze, buffers) execute due ('q', 1000, 132)", "tasks_due"),
];

/// The plan of a statement that is planned once for all parameters, as the store does.
async fn plan(connection: &mut PgConnection, explain: &'static str) -> anyhow::Result<String> {
    let rows = sqlx::raw_sql(explain).fetch_all(connection).await?;
    let lines: Vec<String> = rows.iter().map(|row| row.try_get(0)).collect::<Result<_, _>>()?;
    Ok(lines.join("\n"))
}

/// The pages that the whole statement has touched.
fn pages(plan: &str) -> u64 {
    let line = plan.lines().find(|line| line.trim_start().starts_with("Buffers:")).unwrap_or_default();
    let counts = line.split([' ', '=']).filter_map(|word| word.parse::<u64>().ok());
    counts.sum()
}

async fn check_plans(connection: &mut PgConnection, when: &str) -> anyhow::Result<()> {
    for (_, explain, index) in STATEMENTS {
        let plan = plan(connection, explain).await?;
        assert!(plan.contains(index), "{when}: not by {index}:\n{plan}");
        assert!(!plan.contains("Seq Scan on"), "{when}: a scan of a whole table:\n{plan}");
        let pages = pages(&plan);
        assert!((1..=MOST_PAGES).contains(&pages), "{when}: {pages} pages:\n{plan}");
    }
    Ok(())
}

#[tokio::test]
async fn u4_claims_stand_on_their_indexes_analysed_or_not() -> anyhow::Result<()> {
    let bench = Bench::open(1).await?;
    let mut connection = bench.store.pool().acquire().await?;
    // Planned on empty, analysed tables: the plans that stay are the ones that go wrong later.
    sqlx::raw_sql("analyze").execute(&mut *connection).await?;
    for (statement, explain, _) in STATEMENTS {
        sqlx::raw_sql(statement).execute(&mut *connection).await?;
        plan(&mut connection, explain).await?;
    }
    sqlx::query(FILL).bind(BACKLOG).execute(&mut *connection).await?;
    check_plans(&mut connection, "planned empty").await?;
    sqlx::raw_sql("discard plans").execute(&mut *connection).await?;
    check_plans(&mut connection, "planned full, not analysed").await?;
    sqlx::raw_sql("analyze").execute(&mut *connection).await?;
    check_plans(&mut connection, "analysed").await?;
    drop(connection);
    bench.close().await
}

#[tokio::test]
async fn u4_a_claim_finds_its_tasks_behind_a_backlog() -> anyhow::Result<()> {
    // One connection, so that its statistics are those of the whole test.
    let bench = Bench::open(1).await?;
    sqlx::query(FILL).bind(BACKLOG).execute(bench.store.pool()).await?;
    let mut tasks = vec![job()?, job()?, job()?];
    tasks[2].priority = 1;
    let ids: Vec<TaskId> = tasks.iter().map(|task| task.id).collect();
    bench.spawn(tasks).await?;
    let answer = bench.claim(2).await?;
    let claimed: Vec<TaskId> = answer.claims.iter().map(|claim| claim.token.task).collect();
    assert_eq!(claimed, [ids[2], ids[0]]);
    assert!(answer.more);
    for claim in &answer.claims {
        bench.complete(claim.token).await?;
    }
    assert_eq!(bench.claim_one().await?.token.task, ids[1]);
    sqlx::query("select pg_stat_force_next_flush()").execute(bench.store.pool()).await?;
    let scans: i64 = sqlx::query_scalar(
        "select coalesce(sum(seq_scan), 0)::bigint from pg_stat_user_tables \
         where schemaname = 'durable' and relname <> 'queues'",
    )
    .fetch_one(bench.store.pool())
    .await?;
    // Each index that is built on an empty table has scanned it once.
    let built: i64 = sqlx::query_scalar(
        "select count(*) from pg_indexes where schemaname = 'durable' and tablename <> 'queues'",
    )
    .fetch_one(bench.store.pool())
    .await?;
    assert!(scans <= built, "{scans} scans of whole tables, {built} indexes were built");
    bench.close().await
}
