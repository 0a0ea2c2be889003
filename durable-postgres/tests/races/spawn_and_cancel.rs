//! A task spawns a child while it is cancelled.

use durable_core::model::{EndState, TaskState};
use durable_core::store::{CancelAnswer, FencedError};

use crate::stage::{BOTH_ORDERS, First, Held, close, meet};
use crate::support::bench::{Bench, job};

#[tokio::test]
async fn a_child_that_is_spawned_while_its_parent_is_cancelled_is_no_orphan() -> anyhow::Result<()> {
    for first in BOTH_ORDERS {
        let bench = Bench::open(6).await?;
        let parent = bench.running().await?.token;
        let child = job()?;
        let id = child.id;
        let held = Held::task(&bench, parent.task).await?;
        let (spawned, cancelled) = meet(
            &bench,
            held,
            first,
            async move |bench| Ok(bench.spawn_as_child(parent, "join", child).await),
            async move |bench| bench.cancel(parent.task).await,
        )
        .await?;
        assert_eq!(cancelled, CancelAnswer::Cancelled { closing: false });
        match first {
            First::One => {
                assert_eq!(spawned?, id);
                assert_eq!(bench.view(id).await?.state, TaskState::Ended(EndState::Cancelled));
            }
            First::Other => {
                let refused = spawned.err().and_then(|error| error.downcast::<FencedError>().ok());
                assert!(matches!(refused, Some(FencedError::Cancelled)), "{refused:?}");
                assert!(bench.view(id).await.is_err(), "nothing was spawned");
            }
        }
        close(bench).await?;
    }
    Ok(())
}
