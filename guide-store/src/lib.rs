//! The store that `docs/writing-a-store.md` builds. All of its code is there.

#![allow(unreachable_pub, missing_debug_implementations, reason = "the guide's own crate asks for neither")]

include!(concat!(env!("OUT_DIR"), "/src/lib.rs"));

/// What the suite needs a hook for: a row that cannot be decoded fails its task alone (rule C6), whatever state that is in.
#[cfg(test)]
mod tests {
    use std::time::Duration;

    use crate::prelude::*;

    /// Spoils the rows of some tasks.
    struct Spoil(Vec<TaskId>);

    impl Step for Spoil {
        type Answer = ();

        fn run(&self, tx: &mut Tx<'_>) -> Result<()> {
            self.0.iter().try_for_each(|id| tx.put(&tx.key("task").id(id), &"spoiled"))
        }
    }

    /// The kinds of which rows are left.
    struct Left;

    impl Step for Left {
        type Answer = Vec<&'static str>;

        fn run(&self, tx: &mut Tx<'_>) -> Result<Vec<&'static str>> {
            let mut kinds = vec!["task", "entries", "spawned", "history", "checkpoint", "wait", "garbage"];
            kinds.extend([
                "pending",
                "running",
                "sleeping",
                "completed",
                "failed",
                "cancelled",
                "due",
                "closing",
            ]);
            kinds.retain(|kind| tx.has(&tx.key(kind)).unwrap());
            Ok(kinds)
        }
    }

    fn queue() -> QueueName {
        QueueName::new("q").unwrap()
    }

    fn job(delay: u32) -> NewTask {
        let mut task = NewTask::new(TaskId::new(), TaskName::new("job").unwrap(), Payload::from_text("1"));
        task.delay = Millis::new(delay);
        task
    }

    fn claims(max: u32) -> ClaimRequest {
        let (worker, names) = (WorkerName::new("w").unwrap(), vec![TaskName::new("job").unwrap()]);
        let lease = Lease::new(Duration::from_secs(1)).unwrap();
        ClaimRequest::new(queue(), CallId::new(), worker, names, max, lease)
    }

    #[tokio::test]
    async fn c6_a_task_that_cannot_be_decoded_fails_alone_in_any_state() {
        let path = std::env::temp_dir().join(format!("guide-{}", TaskId::new()));
        let clock = ManualClock::starting_at(Timestamp::from_millis(1_000_000));
        let store = RedbStore::open(&path, Clock::Manual(clock.clone())).unwrap();
        store.put_queue(PutQueueRequest::new(queue(), QueueState::Open)).await.unwrap();
        let tasks = vec![job(0), job(0), job(0), job(5_000), job(0)];
        let [done, running, ready, asleep, well] = [0, 1, 2, 3, 4].map(|index: usize| tasks[index].id);
        store.spawn(SpawnRequest::new(queue(), tasks)).await.unwrap();
        let complete = |claim: &Claim| {
            let ending = Ending::Complete { result: Payload::from_text("2") };
            claims(0).ending(vec![RunEnd { token: claim.token, ending }])
        };
        let held = store.claim(claims(2)).await.unwrap().claims;
        assert_eq!([held[0].token.task, held[1].token.task], [done, running]);
        store.claim(complete(&held[0])).await.unwrap();

        store.write(Verb::Retry, Some(queue()), Spoil(vec![done, running, ready, asleep])).await.unwrap();
        clock.advance(Duration::from_secs(10));
        let claimed = store.claim(claims(10)).await.unwrap().claims;
        assert_eq!(claimed.iter().map(|claim| claim.token.task).collect::<Vec<_>>(), [well]);
        for task in [running, ready, asleep] {
            let outcome = store.outcome(OutcomeRequest::new(queue(), task)).await.unwrap();
            assert!(matches!(outcome, Outcome::Failed(Failure::Corrupt { .. })), "{outcome:?}");
        }
        store.claim(complete(&claimed[0])).await.unwrap();
        let states = vec![EndState::Completed, EndState::Failed];
        let purge = PurgeRequest::new(queue(), states, Millis::ZERO, 100);
        assert_eq!(store.purge(purge).await.unwrap(), PurgeAnswer { purged: 5, more: false });
        assert!(store.read(Verb::Task, Some(queue()), Left).await.unwrap().is_empty());
        std::fs::remove_file(path).unwrap();
    }
}
