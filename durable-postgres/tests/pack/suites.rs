//! A good part of the suite, where the server or what stands before it is not as usual.

use std::sync::Arc;

use durable_conformance::{Config, Verdict};
use sqlx::{Connection, PgConnection};

use crate::harness::{GROUPS, Postgres, Way};
use crate::support::Server;
use crate::support::pooler::Pooler;

const REPEATABLE: &str = "alter database {database} set default_transaction_isolation = 'repeatable read'";
const SERIALIZABLE: &str = "alter database {database} set default_transaction_isolation = 'serializable'";

/// Tables of the same names where an unqualified name would be looked for first, and every setting that changes how values
/// are written or what a transaction may do.
const HOSTILE: &str = "
    create schema evil;
    create table evil.tasks (); create table evil.queues (); create table evil.history ();
    create table evil.events (); create table evil.waits (); create table evil.versions ();
    create function evil.coalesce(bigint, bigint) returns bigint language sql as 'select 0::bigint';
    alter database {database} set search_path = evil;
    alter database {database} set timezone = 'Pacific/Chatham';
    alter database {database} set datestyle = 'SQL, DMY';
    alter database {database} set intervalstyle = 'sql_standard';
    alter database {database} set extra_float_digits = '-15';
    alter database {database} set bytea_output = 'escape';
    alter database {database} set standard_conforming_strings = off;
    alter database {database} set default_transaction_read_only = on";

async fn conforms(harness: Postgres, config: &Config, cases: usize) {
    let report = durable_conformance::run(Arc::new(harness), config).await;
    assert_eq!(report.verdict(), Verdict::Conformant, "{report}");
    assert!(report.counts().passed > cases, "{report}");
}

/// A part of the suite that has every verb.
async fn conforms_in_part(harness: Postgres) {
    conforms(harness, &GROUPS.into_iter().fold(Config::default(), Config::only), 80).await;
}

async fn through_a_pooler() -> anyhow::Result<Postgres> {
    Ok(Postgres::opened(Way::Pooler(Pooler::before(Server::get().url()).await?), ""))
}

/// A part of the suite in which verbs meet.
async fn conforms_where_verbs_meet(harness: Postgres) {
    let groups = ["ends::", "wait::", "children::", "events::"];
    conforms(harness, &groups.into_iter().fold(Config::default(), Config::only), 35).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn pg_3_repeatable_read_by_default_changes_nothing() {
    conforms_where_verbs_meet(Postgres::opened(Way::Url, REPEATABLE)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn pg_3_serializable_by_default_changes_nothing_in_a_pool_of_the_applications_own() {
    conforms_where_verbs_meet(Postgres::opened(Way::Pool, SERIALIZABLE)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn pg_4_a_pooler_that_gives_out_connections_by_transaction_changes_nothing() -> anyhow::Result<()> {
    conforms_in_part(through_a_pooler().await?).await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn pg_6_a_plain_login_is_enough_though_paths_and_settings_are_hostile() -> anyhow::Result<()> {
    let mut admin = PgConnection::connect(Server::get().url()).await?;
    sqlx::raw_sql("create role plain login").execute(&mut admin).await?;
    conforms_in_part(Postgres::opened(Way::Login("plain"), HOSTILE)).await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
#[ignore = "the whole suite takes minutes: scripts/long runs it"]
async fn pg_4_the_whole_suite_through_a_pooler() -> anyhow::Result<()> {
    conforms(through_a_pooler().await?, &Config::default(), 300).await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
#[ignore = "the whole suite takes minutes: scripts/long runs it"]
async fn pg_3_the_whole_suite_under_every_isolation() {
    for (way, prepare) in [(Way::Url, REPEATABLE), (Way::Url, SERIALIZABLE), (Way::Pool, SERIALIZABLE)] {
        conforms(Postgres::opened(way, prepare), &Config::default(), 300).await;
    }
}
