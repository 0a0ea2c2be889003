//! No error shows what was written, whatever the server says of it.

use std::error::Error;
use std::fmt::Write;

use durable_core::model::Payload;
use durable_core::store::StoreErrorKind;

use crate::fault;
use crate::support::bench::{Bench, job};

/// All that a log would show of an error.
fn all_of(error: &dyn Error) -> String {
    let mut text = String::new();
    let mut next = Some(error);
    while let Some(error) = next {
        writeln!(text, "{error} {error:?}").unwrap();
        next = error.source();
    }
    text
}

#[tokio::test]
async fn ob_3_a_broken_constraint_does_not_show_the_row() -> anyhow::Result<()> {
    let bench = Bench::open(2).await?;
    let never = "alter table durable.tasks add constraint never check (attempt < 0) not valid";
    sqlx::raw_sql(never).execute(bench.store.pool()).await?;
    let mut task = job()?;
    task.params = Payload::from_text("\"hunter2\"");
    let refused = fault(bench.spawn(vec![task]).await);
    assert_eq!(refused.kind, StoreErrorKind::Conflict);
    let text = all_of(&refused);
    assert!(text.contains("never"), "what is wrong is still told: {text}");
    assert!(!text.contains("hunter2"), "{text}");
    bench.close().await
}

#[tokio::test]
async fn ob_3_a_server_that_refuses_a_value_does_not_show_it() -> anyhow::Result<()> {
    let bench = Bench::open(2).await?;
    let narrow = "alter table durable.tasks add column n int generated always as (params::int) stored";
    sqlx::raw_sql(narrow).execute(bench.store.pool()).await?;
    let mut task = job()?;
    task.params = Payload::from_text("\"hunter2\"");
    let refused = fault(bench.spawn(vec![task]).await);
    assert_eq!(refused.kind, StoreErrorKind::Invalid);
    assert!(!all_of(&refused).contains("hunter2"), "{}", all_of(&refused));
    bench.close().await
}
