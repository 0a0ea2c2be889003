//! One connection is enough: no verb waits for a second one while it holds the first.

#![allow(clippy::unwrap_used, reason = "a test may fail")]

mod harness;
mod support;

use std::sync::Arc;

use durable_conformance::{Config, Verdict};

use harness::{GROUPS, Postgres};

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn co_7_one_connection_is_enough_for_every_verb() {
    let config = GROUPS.into_iter().fold(Config::default(), Config::only);
    let report = durable_conformance::run(Arc::new(Postgres::with_connections(1)), &config).await;
    assert_eq!(report.verdict(), Verdict::Conformant, "{report}");
    assert!(report.counts().passed > 80, "{report}");
}
