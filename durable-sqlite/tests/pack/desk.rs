//! A file with a queue in it, a store, and short words for its verbs.

use std::path::PathBuf;
use std::time::Duration;

use durable_core::model::{
    CallId, CheckpointKind, EmitId, EventName, Lease, Millis, Payload, QueueName, StepKey, TaskId, TaskName,
    Token, WorkerName,
};
use durable_core::store::{
    Checkpoints, Claim, ClaimRequest, Effect, EmitRequest, Ending, EventWrite, Events, FencedError, NewTask,
    NewWait, Outcome, OutcomeRequest, PutQueueRequest, QueueState, Queues, Rest, RunEnd, Runs, SaveAnswer,
    SaveItem, SaveRequest, SpawnRequest, StoreError, Tasks, WaitAnswer, WaitItem, WaitRequest, WaitSource,
};
use durable_sqlite::SqliteStore;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, SqliteConnection};
use tempfile::TempDir;

/// A directory with a file in it; it goes with the test.
pub(crate) struct Place {
    directory: TempDir,
}

impl Place {
    pub(crate) fn new() -> Self {
        Self { directory: tempfile::tempdir().unwrap() }
    }

    pub(crate) fn file(&self) -> PathBuf {
        self.directory.path().join("store.db")
    }

    pub(crate) fn log(&self) -> PathBuf {
        self.directory.path().join("store.db-wal")
    }

    pub(crate) fn url(&self) -> String {
        format!("sqlite:{}", self.file().display())
    }

    /// Opens the file with a queue in it.
    pub(crate) async fn open(&self) -> Desk {
        self.open_with("").await
    }

    /// Opens it with parameters, such as `?synchronous=normal`.
    pub(crate) async fn open_with(&self, parameters: &str) -> Desk {
        Desk::open(&format!("{}{parameters}", self.url())).await
    }

    /// A connection beside the store's.
    pub(crate) async fn connect(&self) -> SqliteConnection {
        SqliteConnectOptions::new().filename(self.file()).connect().await.unwrap()
    }

    /// Checks the store's own invariants, and SQLite's.
    pub(crate) async fn check(&self) {
        let mut connection = self.connect().await;
        let broken: Vec<String> = sqlx::query_scalar(include_str!("../support/invariants.sql"))
            .fetch_all(&mut connection)
            .await
            .unwrap();
        assert_eq!(broken, Vec::<String>::new());
        assert_eq!(text(&mut connection, "pragma integrity_check").await, "ok");
        // A connection that is only dropped is closed some time later.
        connection.close().await.unwrap();
    }
}

/// A store and its queue.
#[derive(Clone)]
pub(crate) struct Desk {
    pub(crate) store: SqliteStore,
    pub(crate) queue: QueueName,
}

impl Desk {
    pub(crate) async fn open(url: &str) -> Self {
        let store = SqliteStore::open(url).await.unwrap();
        let queue = QueueName::new("orders").unwrap();
        store.put_queue(PutQueueRequest::new(queue.clone(), QueueState::Open)).await.unwrap();
        Self { store, queue }
    }

    pub(crate) fn over(&self, store: SqliteStore) -> Self {
        Self { store, queue: self.queue.clone() }
    }

    pub(crate) async fn spawn(&self, task: NewTask) -> Result<TaskId, StoreError> {
        let id = task.id;
        self.store.spawn(SpawnRequest::new(self.queue.clone(), vec![task])).await.map(|_| id)
    }

    pub(crate) async fn claim(&self, name: &str, max: u32) -> Result<Vec<Claim>, StoreError> {
        Ok(self.store.claim(self.claiming(name, max)).await?.claims)
    }

    /// A claim of tasks with this name, for a minute.
    pub(crate) fn claiming(&self, name: &str, max: u32) -> ClaimRequest {
        let lease = Lease::new(Duration::from_secs(60)).unwrap();
        let names = vec![TaskName::new(name).unwrap()];
        ClaimRequest::new(self.queue.clone(), CallId::new(), worker(), names, max, lease)
    }

    /// Spawns and claims one task.
    pub(crate) async fn running(&self) -> Token {
        self.spawn(job("job")).await.unwrap();
        self.claim("job", 1).await.unwrap()[0].token
    }

    pub(crate) async fn end(&self, token: Token, ending: Ending) -> Result<(), StoreError> {
        let request = self.claiming("nothing", 0).ending(vec![RunEnd { token, ending }]);
        settled(self.store.claim(request).await?.ends)
    }

    pub(crate) async fn complete(&self, token: Token) -> Result<(), StoreError> {
        self.end(token, Ending::Complete { result: json("1") }).await
    }

    pub(crate) async fn save(&self, token: Token, key: &str, payload: &str) -> Result<(), StoreError> {
        self.save_item(step(token, key, payload)).await
    }

    pub(crate) async fn save_item(&self, item: SaveItem) -> Result<(), StoreError> {
        let answers = self.store.save(SaveRequest::new(self.queue.clone(), vec![item])).await?;
        assert!(
            !matches!(answers[0], Ok(SaveAnswer::Conflict { .. } | SaveAnswer::QueueClosed)),
            "{answers:?}"
        );
        settled(answers)
    }

    /// Rests on an event.
    pub(crate) async fn rest(&self, token: Token, event: &str) -> Result<(), StoreError> {
        let key = StepKey::new("$awaitEvent").unwrap();
        let source = WaitSource::Event(EventName::new(event).unwrap());
        let wait = NewWait { key: key.clone(), source, deadline: None };
        let item = WaitItem { token, waits: vec![wait], rest: Some(Rest { keys: vec![key], need: 1 }) };
        let answers = self.store.wait(WaitRequest::new(self.queue.clone(), vec![item])).await?;
        assert!(!matches!(answers[0], Ok(WaitAnswer::Registered)), "{answers:?}");
        settled(answers)
    }

    pub(crate) async fn emit(&self, name: &str, payload: &str) -> Result<(), StoreError> {
        self.store.emit(EmitRequest::new(self.queue.clone(), write(name, payload))).await.map(drop)
    }

    pub(crate) async fn outcome(&self, task: TaskId) -> Result<Outcome, StoreError> {
        self.store.outcome(OutcomeRequest::new(self.queue.clone(), task)).await
    }
}

/// The fault of the only item; a refusal is a defect of the test.
fn settled<T: std::fmt::Debug>(mut answers: Vec<Result<T, FencedError>>) -> Result<(), StoreError> {
    match answers.remove(0) {
        Ok(_) => Ok(()),
        Err(FencedError::Fault(fault)) => Err(fault),
        Err(refused) => panic!("{refused}"),
    }
}

pub(crate) fn worker() -> WorkerName {
    WorkerName::new("worker").unwrap()
}

pub(crate) fn json(text: &str) -> Payload {
    Payload::from_text(text)
}

pub(crate) fn job(name: &str) -> NewTask {
    NewTask::new(TaskId::new(), TaskName::new(name).unwrap(), json("null"))
}

pub(crate) fn write(name: &str, payload: &str) -> EventWrite {
    let (name, metadata) = (EventName::new(name).unwrap(), json("{}"));
    EventWrite { name, payload: json(payload), metadata, id: EmitId::new() }
}

pub(crate) fn step(token: Token, key: &str, payload: &str) -> SaveItem {
    SaveItem {
        token,
        key: StepKey::new(key).unwrap(),
        kind: CheckpointKind::Step,
        payload: json(payload),
        took: Millis::ZERO,
        effect: Effect::None,
    }
}

/// Runs statements.
pub(crate) async fn execute(connection: &mut SqliteConnection, statements: &str) {
    sqlx::raw_sql(AssertSqlSafe(statements)).execute(connection).await.unwrap();
}

/// The text that a statement gives.
pub(crate) async fn text(connection: &mut SqliteConnection, statement: &str) -> String {
    sqlx::query_scalar(AssertSqlSafe(statement)).fetch_one(connection).await.unwrap()
}

/// The figure that a statement gives.
pub(crate) async fn figure(connection: &mut SqliteConnection, statement: &str) -> i64 {
    sqlx::query_scalar(AssertSqlSafe(statement)).fetch_one(connection).await.unwrap()
}
