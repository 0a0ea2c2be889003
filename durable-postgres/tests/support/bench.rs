//! A queue with tasks, for the tests that look at the store from below.

use std::time::Duration;

use durable_core::model::{
    CallId, CancelCause, CheckpointKind, Deadline, EmitId, EventName, Lease, Millis, ParentClosePolicy,
    Payload, QueueName, StepKey, TaskId, TaskName, Token, WorkerName,
};
use durable_core::store::{
    CancelAnswer, CancelRequest, Claim, ClaimAnswer, ClaimRequest, Effect, EmitRequest, Ending, EventWrite,
    Events, NewTask, NewWait, ParentLink, PutQueueRequest, QueueState, Queues, Rest, RunEnd, Runs,
    SaveAnswer, SaveItem, SaveRequest, SpawnRequest, Tasks, TickAnswer, TickRequest, Upkeep, WaitAnswer,
    WaitItem, WaitRequest, WaitSource,
};
use durable_core::store::{Checkpoints, Inspect, TaskRequest, TaskView};
use durable_postgres::PostgresStore;
use uuid::Uuid;

use super::Server;

/// A store with one open queue.
#[derive(Debug, Clone)]
pub(crate) struct Bench {
    pub(crate) store: PostgresStore,
    pub(crate) queue: QueueName,
    pub(crate) database: String,
}

impl Bench {
    /// A database of its own with an open queue `q`.
    pub(crate) async fn open(connections: u32) -> anyhow::Result<Self> {
        let database = format!("t{}", Uuid::now_v7().simple());
        let store = Server::get().store(&database, connections).await?;
        let queue = QueueName::new("q")?;
        store.put_queue(PutQueueRequest::new(queue.clone(), QueueState::Open)).await?;
        Ok(Self { store, queue, database })
    }

    pub(crate) async fn spawn(&self, tasks: Vec<NewTask>) -> anyhow::Result<()> {
        self.store.spawn(SpawnRequest::new(self.queue.clone(), tasks)).await?;
        Ok(())
    }

    pub(crate) fn claim_request(&self, max: u32) -> anyhow::Result<ClaimRequest> {
        let (worker, lease) = (WorkerName::new("w")?, Lease::new(Duration::from_secs(60))?);
        let names = vec![TaskName::new("job")?];
        Ok(ClaimRequest::new(self.queue.clone(), CallId::new(), worker, names, max, lease))
    }

    pub(crate) async fn claim(&self, max: u32) -> anyhow::Result<ClaimAnswer> {
        Ok(self.store.claim(self.claim_request(max)?).await?)
    }

    /// Spawns a task and claims it.
    pub(crate) async fn running(&self) -> anyhow::Result<Claim> {
        self.spawn(vec![job()?]).await?;
        self.claim_one().await
    }

    pub(crate) async fn claim_one(&self) -> anyhow::Result<Claim> {
        let mut claims = self.claim(1).await?.claims;
        claims.pop().ok_or_else(|| anyhow::anyhow!("nothing to claim"))
    }

    pub(crate) async fn complete(&self, token: Token) -> anyhow::Result<ClaimAnswer> {
        self.complete_all(&[token]).await
    }

    pub(crate) async fn complete_all(&self, tokens: &[Token]) -> anyhow::Result<ClaimAnswer> {
        let end = |token: &Token| RunEnd {
            token: *token,
            ending: Ending::Complete { result: Payload::from_text("1") },
        };
        let ends = tokens.iter().map(end).collect();
        Ok(self.store.claim(self.claim_request(0)?.ending(ends)).await?)
    }

    pub(crate) async fn cancel(&self, task: TaskId) -> anyhow::Result<CancelAnswer> {
        let cause = CancelCause::Requested { reason: None };
        Ok(self.store.cancel(CancelRequest::new(self.queue.clone(), task, cause)).await?)
    }

    pub(crate) async fn tick(&self) -> anyhow::Result<TickAnswer> {
        Ok(self.store.tick(TickRequest::new(self.queue.clone(), 1_000)).await?)
    }

    /// Spawns a child of a running task; its end is written to `join`.
    pub(crate) async fn spawn_child(&self, parent: Token) -> anyhow::Result<TaskId> {
        self.spawn_as_child(parent, "join", job()?).await
    }

    /// Spawns this task as a child; its end is written to `join`.
    pub(crate) async fn spawn_as_child(
        &self,
        parent: Token,
        join: &str,
        mut child: NewTask,
    ) -> anyhow::Result<TaskId> {
        let id = child.id;
        child.parent =
            Some(ParentLink { join_key: StepKey::new(join)?, on_close: ParentClosePolicy::Cancel });
        let item = SaveItem {
            token: parent,
            key: StepKey::new(format!("spawn {join}"))?,
            kind: CheckpointKind::Spawn,
            payload: Payload::from_text("null"),
            took: Millis::ZERO,
            effect: Effect::Spawn(vec![child]),
        };
        let answer = self.store.save(SaveRequest::new(self.queue.clone(), vec![item])).await?.remove(0)?;
        anyhow::ensure!(matches!(answer, SaveAnswer::Stored { .. }), "the child is not spawned");
        Ok(id)
    }

    /// Rests on one wait.
    pub(crate) async fn rest(
        &self,
        token: Token,
        key: &str,
        source: WaitSource,
    ) -> anyhow::Result<WaitAnswer> {
        let key = StepKey::new(key)?;
        let waits = vec![NewWait { key: key.clone(), source, deadline: None }];
        let item = WaitItem { token, waits, rest: Some(Rest { keys: vec![key], need: 1 }) };
        Ok(self.store.wait(WaitRequest::new(self.queue.clone(), vec![item])).await?.remove(0)?)
    }

    /// Registers a wait and goes on.
    pub(crate) async fn register(&self, token: Token, key: &str, source: WaitSource) -> anyhow::Result<()> {
        let waits = vec![NewWait { key: StepKey::new(key)?, source, deadline: None }];
        let item = WaitItem { token, waits, rest: None };
        self.store.wait(WaitRequest::new(self.queue.clone(), vec![item])).await?.remove(0)?;
        Ok(())
    }

    /// Rests on all of these children, whose ends are written to `join 0`, `join 1` …
    pub(crate) async fn rest_on_children(
        &self,
        token: Token,
        children: &[TaskId],
    ) -> anyhow::Result<WaitAnswer> {
        let mut waits = Vec::new();
        for (n, child) in children.iter().enumerate() {
            let key = StepKey::new(format!("join {n}"))?;
            waits.push(NewWait { key, source: WaitSource::Child(*child), deadline: None });
        }
        let keys: Vec<StepKey> = waits.iter().map(|wait| wait.key.clone()).collect();
        let need = u32::try_from(keys.len())?;
        let item = WaitItem { token, waits, rest: Some(Rest { keys, need }) };
        Ok(self.store.wait(WaitRequest::new(self.queue.clone(), vec![item])).await?.remove(0)?)
    }

    /// Rests on an event, but not for longer than this.
    pub(crate) async fn rest_until(
        &self,
        token: Token,
        event: &str,
        most: Duration,
    ) -> anyhow::Result<WaitAnswer> {
        let key = StepKey::new("k")?;
        let deadline = Some(Deadline::After(Millis::at_least(most)?));
        let waits =
            vec![NewWait { key: key.clone(), source: WaitSource::Event(EventName::new(event)?), deadline }];
        let item = WaitItem { token, waits, rest: Some(Rest { keys: vec![key], need: 1 }) };
        Ok(self.store.wait(WaitRequest::new(self.queue.clone(), vec![item])).await?.remove(0)?)
    }

    /// Rests on the first of several events; `round` makes the keys new.
    pub(crate) async fn rest_on_events(
        &self,
        token: Token,
        round: u64,
        events: &[String],
    ) -> anyhow::Result<WaitAnswer> {
        let mut waits = Vec::new();
        for event in events {
            let source = WaitSource::Event(EventName::new(event)?);
            waits.push(NewWait { key: StepKey::new(format!("{event}-{round}"))?, source, deadline: None });
        }
        let keys = waits.iter().map(|wait| wait.key.clone()).collect();
        let item = WaitItem { token, waits, rest: Some(Rest { keys, need: 1 }) };
        Ok(self.store.wait(WaitRequest::new(self.queue.clone(), vec![item])).await?.remove(0)?)
    }

    pub(crate) async fn emit(&self, name: &str) -> anyhow::Result<()> {
        let event = EventWrite {
            name: EventName::new(name)?,
            payload: Payload::from_text("7"),
            metadata: Payload::from_text("{}"),
            id: EmitId::new(),
        };
        self.store.emit(EmitRequest::new(self.queue.clone(), event)).await?;
        Ok(())
    }

    pub(crate) async fn view(&self, task: TaskId) -> anyhow::Result<TaskView> {
        let detail = self.store.task(TaskRequest::new(self.queue.clone(), task)).await?;
        Ok(detail.ok_or_else(|| anyhow::anyhow!("no such task"))?.task)
    }

    /// Returns when so many connections to the database wait for a lock: what comes next is forced, not timed.
    pub(crate) async fn blocked(&self, wanted: i64) -> anyhow::Result<()> {
        let look = async {
            loop {
                let blocked: i64 = sqlx::query_scalar(
                    "select count(distinct l.pid) from pg_locks l join pg_stat_activity a on a.pid = l.pid \
                     where not l.granted and a.datname = current_database()",
                )
                .fetch_one(self.store.pool())
                .await?;
                if blocked >= wanted {
                    return anyhow::Ok(());
                }
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), look).await?
    }

    pub(crate) async fn close(self) -> anyhow::Result<()> {
        self.store.close().await;
        Server::get().drop_database(&self.database).await
    }
}

/// A task with the name that claims ask for.
pub(crate) fn job() -> anyhow::Result<NewTask> {
    Ok(NewTask::new(TaskId::new(), TaskName::new("job")?, Payload::from_text("null")))
}
