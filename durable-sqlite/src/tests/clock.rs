//! When the clock is read.

use std::time::Duration;

use durable_core::model::{Clock, ManualClock, Timestamp};
use durable_core::store::Verb;

use super::world::World;
use crate::engine::{Statement, Step, Tx, statement};
use crate::error::Fault;

const FIND: Statement = statement!("queues/find_queue.sql");

/// The time that a step has which looks when the clock has moved on.
struct Later(ManualClock);

impl Step for Later {
    const VERB: Verb = Verb::Load;
    type Answer = Timestamp;

    async fn run(&self, tx: &mut Tx<'_, '_>) -> Result<Timestamp, Fault> {
        self.0.advance(Duration::from_secs(1));
        tx.row(FIND.bind("q")).await?;
        Ok(tx.now().at)
    }
}

#[tokio::test]
async fn k1_a_reader_never_measures_what_it_sees_by_a_later_time() {
    let world = World::new();
    let clock = ManualClock::starting_at(Timestamp::from_millis(1_000));
    let store = world.open().await.with_clock(Clock::Manual(clock.clone()));
    // A lease that is extended between the look and the clock would be over by what was seen.
    assert_eq!(store.read(Later(clock.clone())).await.unwrap(), Timestamp::from_millis(1_000));
    // A writer has the lock: nothing comes between.
    assert_eq!(store.write(Later(clock)).await.unwrap(), Timestamp::from_millis(3_000));
}
