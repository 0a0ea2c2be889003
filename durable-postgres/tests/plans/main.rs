//! The cost of a statement depends neither on what sleeps, ended or has another name, nor on ANALYZE, nor on when it was
//! planned.

#[path = "../support/mod.rs"]
mod support;

mod statements;

use durable_core::model::TaskId;
use sqlx::{Connection, PgConnection, Row};
use statements::{STATEMENTS, Statement};
use support::Server;
use support::bench::{Bench, job};

/// Makes the backlog a million of each kind.
const LONG: &str = "DURABLE_TEST_LONG";

/// Sleepers and foreign names, all with a higher priority than what is asked for, and ended tasks.
const FILL: &str = include_str!("../support/fill.sql");
const SCENE: &str = include_str!("scene.sql");

/// The ids of the first hundred tasks of one kind of the scene.
const HUNDRED: &str = "create function hundred(kind text) returns uuid[] language sql as $$ \
    select array_agg(('00000000-0000-0000-' || kind || '-' || lpad(n::text, 12, '0'))::uuid) from generate_series(1, 100) n \
    $$";

/// How many tasks of each kind stand in the way: together a million.
fn backlog() -> i32 {
    if std::env::var_os(LONG).is_some() { 1_000_000 } else { 333_334 }
}

/// What each transaction sets for itself where the connections are not the store's own.
const SETTINGS: &str = include_str!("../../src/sql/session/settings.sql");

/// A connection with every statement prepared.
struct Session {
    connection: PgConnection,
    /// It is the store's own, set from the start; else it is as an application's pool has it.
    is_own: bool,
}

impl Session {
    async fn prepare(connection: PgConnection, is_own: bool) -> anyhow::Result<Self> {
        let mut session = Self { connection, is_own };
        for statement in &STATEMENTS {
            sqlx::raw_sql(statement.prepare).execute(&mut session.connection).await?;
            session.plan(statement).await?;
        }
        Ok(session)
    }

    /// What a statement does and costs; nothing of it stays.
    async fn plan(&mut self, statement: &Statement) -> anyhow::Result<String> {
        let mut tx = self.connection.begin().await?;
        if !self.is_own {
            sqlx::raw_sql(SETTINGS).execute(&mut *tx).await?;
        }
        let rows = sqlx::raw_sql(statement.explain).fetch_all(&mut *tx).await?;
        tx.rollback().await?;
        let lines: Vec<String> = rows.iter().map(|row| row.try_get(0)).collect::<Result<_, _>>()?;
        Ok(lines.join("\n"))
    }

    async fn check(&mut self, when: &str) -> anyhow::Result<()> {
        let mut found = Vec::new();
        for statement in &STATEMENTS {
            let plan = self.plan(statement).await?;
            found.extend(faults(statement, &plan));
        }
        assert!(found.is_empty(), "{when}, own connection: {}:\n{}", self.is_own, found.join("\n\n"));
        Ok(())
    }

    async fn run(&mut self, command: &'static str) -> anyhow::Result<()> {
        sqlx::raw_sql(command).execute(&mut self.connection).await?;
        Ok(())
    }
}

/// The pages that the whole statement has touched.
fn pages(plan: &str) -> u64 {
    let line = plan.lines().find(|line| line.trim_start().starts_with("Buffers:")).unwrap_or_default();
    let counts =
        line.split_whitespace().filter(|word| !word.starts_with("dirtied") && !word.starts_with("written"));
    counts.filter_map(|word| word.split('=').nth(1)?.parse::<u64>().ok()).sum()
}

/// What is wrong with a plan, and what it has cost.
fn faults(statement: &Statement, plan: &str) -> Option<String> {
    let pages = pages(plan);
    let fault = if plan.contains("Seq Scan on") {
        "a scan of a whole table".to_owned()
    } else if !plan.contains(statement.index) {
        format!("not by {}", statement.index)
    } else if !(1..=statement.most).contains(&pages) {
        format!("{pages} pages, at most {} are right", statement.most)
    } else {
        return None;
    };
    Some(format!("{}: {fault}\n{plan}", statement.name))
}

#[tokio::test]
async fn u4_statements_stand_on_their_indexes_analysed_or_not() -> anyhow::Result<()> {
    let bench = Bench::open(1).await?;
    // Planned on empty, analysed tables: the plans that stay are the ones that go wrong later.
    sqlx::raw_sql(HUNDRED).execute(bench.store.pool()).await?;
    sqlx::raw_sql("analyze").execute(bench.store.pool()).await?;
    let own = bench.store.pool().acquire().await?.detach();
    let given = PgConnection::connect(&Server::get().url_of(&bench.database)).await?;
    let mut sessions = [Session::prepare(own, true).await?, Session::prepare(given, false).await?];
    sqlx::query(FILL).bind(backlog()).execute(bench.store.pool()).await?;
    sqlx::raw_sql(SCENE).execute(bench.store.pool()).await?;
    for session in &mut sessions {
        session.check("planned empty").await?;
        session.run("discard plans").await?;
        session.check("planned full, not analysed").await?;
    }
    sqlx::raw_sql("analyze").execute(bench.store.pool()).await?;
    for mut session in sessions {
        session.run("discard plans").await?;
        session.check("analysed").await?;
        session.connection.close().await?;
    }
    bench.close().await
}

#[tokio::test]
async fn u4_a_claim_finds_its_tasks_behind_a_backlog() -> anyhow::Result<()> {
    // One connection, so that its statistics are those of the whole test.
    let bench = Bench::open(1).await?;
    sqlx::query(FILL).bind(backlog() / 10).execute(bench.store.pool()).await?;
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
