//! Who holds what, who comes first, and what must hold at the end.

use std::future::Future;
use std::time::Duration;

use anyhow::Context;
use durable_core::model::{Clock, ManualClock, TaskId, Timestamp, Token};
use sqlx::{Postgres, Transaction};

use crate::support::Server;
use crate::support::bench::Bench;

/// Which of two calls starts first, and so is let go first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum First {
    One,
    Other,
}

pub(crate) const BOTH_ORDERS: [First; 2] = [First::One, First::Other];

/// What a third connection holds.
pub(crate) struct Held(Transaction<'static, Postgres>);

impl Held {
    async fn by(bench: &Bench, statement: &'static str, what: &str) -> anyhow::Result<Self> {
        let mut held = bench.store.pool().begin().await?;
        let rows = sqlx::query(statement).bind(what).execute(&mut *held).await?;
        anyhow::ensure!(rows.rows_affected() == 1, "there is nothing to hold");
        Ok(Self(held))
    }

    /// The row of a task.
    pub(crate) async fn task(bench: &Bench, task: TaskId) -> anyhow::Result<Self> {
        let statement = "select 1 from durable.tasks where id = $1::uuid for update";
        Self::by(bench, statement, &task.to_string()).await
    }

    /// The row of an event.
    pub(crate) async fn event(bench: &Bench, name: &str) -> anyhow::Result<Self> {
        Self::by(bench, "select 1 from durable.events where name = $1 for update", name).await
    }

    /// The row of an event that nobody has looked for yet.
    pub(crate) async fn new_event(bench: &Bench, name: &str) -> anyhow::Result<Self> {
        Self::by(bench, "insert into durable.events (queue, name) values ('q', $1)", name).await
    }

    /// The row of the queue.
    pub(crate) async fn queue(bench: &Bench) -> anyhow::Result<Self> {
        Self::by(bench, "select 1 from durable.queues where name = $1 for update", bench.queue.as_str()).await
    }

    /// All writes to the tasks: whoever has locked what it needs stops before its first.
    pub(crate) async fn writes_of_tasks(bench: &Bench) -> anyhow::Result<Self> {
        let mut held = bench.store.pool().begin().await?;
        sqlx::query("lock table durable.tasks in share mode").execute(&mut *held).await?;
        Ok(Self(held))
    }

    /// All writes to the history, likewise.
    pub(crate) async fn writes_of_history(bench: &Bench) -> anyhow::Result<Self> {
        let mut held = bench.store.pool().begin().await?;
        sqlx::query("lock table durable.history in share mode").execute(&mut *held).await?;
        Ok(Self(held))
    }

    pub(crate) async fn let_go(self) -> anyhow::Result<()> {
        Ok(self.0.commit().await?)
    }

    /// Undoes what was written, too.
    pub(crate) async fn give_up(self) -> anyhow::Result<()> {
        Ok(self.0.rollback().await?)
    }
}

/// What a call answers that waits for nobody, though something is held.
pub(crate) async fn at_once<A>(call: impl Future<Output = anyhow::Result<A>>) -> anyhow::Result<A> {
    tokio::time::timeout(Duration::from_secs(20), call).await.context("it waits for what is held")?
}

/// Starts two calls, each of which comes to wait before the next step, and lets go of what is held.
pub(crate) async fn meet<A, B, One, Other>(
    bench: &Bench,
    held: Held,
    first: First,
    one: impl FnOnce(Bench) -> One,
    other: impl FnOnce(Bench) -> Other,
) -> anyhow::Result<(A, B)>
where
    A: Send + 'static,
    B: Send + 'static,
    One: Future<Output = anyhow::Result<A>> + Send + 'static,
    Other: Future<Output = anyhow::Result<B>> + Send + 'static,
{
    let (one, other) = (one(bench.clone()), other(bench.clone()));
    let (one, other) = match first {
        First::One => {
            let one = tokio::spawn(one);
            bench.blocked(1).await?;
            (one, tokio::spawn(other))
        }
        First::Other => {
            let other = tokio::spawn(other);
            bench.blocked(1).await?;
            (tokio::spawn(one), other)
        }
    };
    bench.blocked(2).await?;
    held.let_go().await?;
    Ok((one.await??, other.await??))
}

/// A parent that runs, and its children, which run as well.
pub(crate) async fn family(bench: &Bench, children: u32) -> anyhow::Result<(Token, Vec<Token>)> {
    let parent = bench.running().await?.token;
    for n in 0..children {
        bench.spawn_as_child(parent, &format!("join {n}"), crate::support::bench::job()?).await?;
    }
    let claims = bench.claim(children).await?.claims;
    Ok((parent, claims.into_iter().map(|claim| claim.token).collect()))
}

/// A queue whose time a test moves.
pub(crate) async fn open_with_clock(connections: u32) -> anyhow::Result<(Bench, ManualClock)> {
    let clock = ManualClock::starting_at(Timestamp::from_millis(1_000_000));
    let bench = Bench::open(connections).await?;
    let store = bench.store.with_clock(Clock::Manual(clock.clone()));
    Ok((Bench { store, ..bench }, clock))
}

/// The invariants hold, nobody rests on what has come, and the server had to break no deadlock.
pub(crate) async fn close(bench: Bench) -> anyhow::Result<()> {
    let broken: Vec<String> =
        sqlx::query_scalar(include_str!("../support/invariants.sql")).fetch_all(bench.store.pool()).await?;
    assert_eq!(broken, Vec::<String>::new());
    let stuck: Vec<String> =
        sqlx::query_scalar(include_str!("../support/stuck.sql")).fetch_all(bench.store.pool()).await?;
    assert_eq!(stuck, Vec::<String>::new());
    // The figures of a connection are known when it has ended.
    bench.store.close().await;
    assert_eq!(Server::get().deadlocks(&bench.database).await?, 0);
    bench.close().await
}
