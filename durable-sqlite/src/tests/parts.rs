//! Steps that go on after their last statement was committed: of these the claim of a task that cannot be decoded is one.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use durable_core::store::Verb;
use tokio::sync::{mpsc, watch};

use super::world::{Run, World, begin, seen};
use crate::engine::{Statement, Step, Tx, statement};
use crate::error::Fault;

const PUT: Statement = statement!("queues/put_queue.sql");

/// Commits a queue, waits to be let on, and then runs a statement.
struct InTwoParts {
    second: &'static str,
    runs: Arc<AtomicU32>,
    arrived: mpsc::UnboundedSender<()>,
    open: watch::Receiver<bool>,
}

impl Step for InTwoParts {
    const VERB: Verb = Verb::Claim;
    type Answer = ();

    async fn run(&self, tx: &mut Tx<'_, '_>) -> Result<(), Fault> {
        self.runs.fetch_add(1, Ordering::SeqCst);
        tx.connection().await?;
        tx.last(PUT.bind("first part").bind(0)).await?;
        let _ = self.arrived.send(());
        let _ = self.open.clone().wait_for(|open| *open).await;
        sqlx::query(self.second).execute(tx.connection().await?).await?;
        Ok(())
    }
}

#[tokio::test]
async fn c7_what_is_committed_in_part_may_have_happened_when_the_rest_is_lost() {
    let world = World::new();
    let store = world.open().await;
    let (arrived, _arrivals) = mpsc::unbounded_channel();
    let (_open, open) = watch::channel(true);
    let step = InTwoParts { second: "rollback", runs: Arc::default(), arrived, open };
    let fault = store.write(step).await.unwrap_err();
    assert!(fault.may_have_happened, "{fault}");
    assert_eq!(seen(&mut world.connect().await).await, 1);
}

#[tokio::test]
async fn what_is_committed_in_part_is_not_run_again_for_the_fault_of_another() {
    let world = World::new();
    let store = world.open().await;
    let (arrived, mut arrivals) = mpsc::unbounded_channel();
    let (let_on, open) = watch::channel(false);
    let runs = Arc::<AtomicU32>::default();
    let second = "insert into durable_queues values ('second part', 0)";
    let call = begin(&store, InTwoParts { second, runs: runs.clone(), arrived, open }).await;
    arrivals.recv().await.unwrap();
    let faulty = begin(&store, Run("select nothing")).await;
    let_on.send(true).unwrap();
    call.await.unwrap().unwrap();
    faulty.await.unwrap().unwrap_err();
    assert_eq!(runs.load(Ordering::SeqCst), 1);
    assert_eq!(seen(&mut world.connect().await).await, 2);
}
