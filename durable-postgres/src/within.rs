//! Spawns and emits in the caller's own transaction.

use durable_core::model::Invalid;
use durable_core::store::{
    EmitAnswer, EmitRequest, SpawnAnswer, SpawnRequest, Spawned, StoreError, StoreErrorKind, Verb,
};
use durable_core::{DurableError, DurableResult};
use sqlx::postgres::PgTransaction;
use sqlx::{Connection, Row};

use crate::error::Fault;
use crate::events::Emit;
use crate::store::PostgresStore;
use crate::tasks::Spawn;
use crate::transaction::{ATTEMPTS, Step, Tx};

impl PostgresStore {
    /// Spawns a task in the caller's own transaction: it is there if that commits, with all that it has written.
    ///
    /// The transaction may be any on the store's database, of the store's own [`pool`](Self::pool) or of another, and
    /// isolated as you like. Whatever is refused or fails here is undone by a savepoint: the transaction goes on without
    /// it, unless the server itself has given it up. Its settings stay as they are.
    ///
    /// ```no_run
    /// # use durable_core::{Durable, SpawnOptions, Task};
    /// # use durable_postgres::PostgresStore;
    /// # async fn order<Ship: Task<Params = i64> + Default>(store: PostgresStore, durable: Durable) -> Result<(), Box<dyn std::error::Error>> {
    /// let mut tx = store.pool().begin().await?;
    /// sqlx::query("insert into orders (id) values ($1)").bind(7).execute(&mut *tx).await?;
    /// store.spawn_in(&mut tx, durable.prepare::<Ship>(&7, &SpawnOptions::default())?).await?;
    /// tx.commit().await?;
    /// # Ok(()) }
    /// ```
    ///
    /// Nothing is repeated here. After a serialization failure or a deadlock, which are `Store` with the kind
    /// `Unavailable`, begin the whole transaction again. How long it may wait for a lock is its own affair, too.
    ///
    /// # Errors
    ///
    /// `IdempotencyConflict`; `QueueClosed`; `Invalid` for a request of more tasks or none; `Store`. No task was
    /// spawned.
    pub async fn spawn_in(
        &self,
        tx: &mut PgTransaction<'_>,
        request: SpawnRequest,
    ) -> DurableResult<Spawned> {
        if request.tasks.len() != 1 {
            let problem = "it has more tasks than one, or none: spawn_many_in takes such";
            return Err(Invalid::new("spawn request", problem).into());
        }
        let spawned = self.spawn_many_in(tx, vec![request]).await?;
        spawned.first().copied().ok_or_else(|| DurableError::Setup("the store spawned nothing".into()))
    }

    /// Spawns many tasks in the caller's own transaction, all or none, however many requests they are.
    ///
    /// Otherwise it is as [`spawn_in`](Self::spawn_in); `Durable::prepare_many` makes the requests.
    ///
    /// # Errors
    ///
    /// `IdempotencyConflict`; `QueueClosed`; `Store`. No task was spawned.
    pub async fn spawn_many_in(
        &self,
        tx: &mut PgTransaction<'_>,
        requests: Vec<SpawnRequest>,
    ) -> DurableResult<Vec<Spawned>> {
        requests.iter().try_for_each(SpawnRequest::check)?;
        let injected = self.injected();
        let spawns = requests.into_iter().map(|request| Spawn { request, injected }).collect();
        let step = SpawnAll(spawns);
        let answers = self.transact_within(tx, &step).await?;
        let mut spawned = Vec::new();
        for (spawn, answer) in step.0.iter().zip(answers) {
            spawned.extend(spawn.request.spawned(answer)?);
        }
        Ok(spawned)
    }

    /// Emits an event in the caller's own transaction: waits end if that commits.
    ///
    /// The event and the tasks that wait for it are locked until then, so keep the rest of the transaction short. Only one
    /// that is `read committed`, the server's default, can do this: a snapshot from before the event was locked does not
    /// show every wait. Two transactions that emit the same events in different orders may be a deadlock; the server
    /// ends one of them.
    ///
    /// Otherwise it is as [`spawn_in`](Self::spawn_in); `Durable::prepare_event` makes the request.
    ///
    /// # Errors
    ///
    /// `Store`, among it `Unsupported` in a transaction of another isolation. Nothing was emitted.
    pub async fn emit_in(
        &self,
        tx: &mut PgTransaction<'_>,
        request: EmitRequest,
    ) -> DurableResult<EmitAnswer> {
        let step = EmitWithin(Emit { request, injected: self.injected() });
        Ok(self.transact_within(tx, &step).await?)
    }

    /// Runs a step in the caller's transaction, whole or not at all.
    async fn transact_within<S: Step>(
        &self,
        tx: &mut PgTransaction<'_>,
        step: &S,
    ) -> Result<S::Answer, StoreError> {
        let mut attempt = 1;
        loop {
            match self.attempt_within(tx, step).await {
                Err(Fault::Again) if attempt < ATTEMPTS => attempt += 1,
                // Whatever happens to the caller's commit, this call has committed nothing.
                answer => return answer.map_err(|fault| fault.into_store(S::VERB)),
            }
        }
    }

    async fn attempt_within<S: Step>(
        &self,
        tx: &mut PgTransaction<'_>,
        step: &S,
    ) -> Result<S::Answer, Fault> {
        let mut savepoint = tx.begin().await?;
        let mut run = Tx::new(&mut savepoint, self.session);
        let answer = step.run(&mut run).await;
        let told = run.into_told();
        match answer {
            Ok(answer) if S::is_kept(&answer) => {
                self.hinter.tell_within(&mut savepoint, &told).await?;
                savepoint.commit().await?;
                Ok(answer)
            }
            answer => {
                // If this fails, the connection is gone, and the caller's transaction with it.
                let _ = savepoint.rollback().await;
                answer
            }
        }
    }
}

/// Several spawns, all or none.
struct SpawnAll(Vec<Spawn>);

impl Step for SpawnAll {
    const VERB: Verb = Verb::Spawn;
    type Answer = Vec<SpawnAnswer>;

    /// Ends with the first that is refused.
    async fn run(&self, tx: &mut Tx<'_>) -> Result<Vec<SpawnAnswer>, Fault> {
        let mut answers = Vec::with_capacity(self.0.len());
        for spawn in &self.0 {
            let answer = spawn.run(tx).await?;
            let is_kept = Spawn::is_kept(&answer);
            answers.push(answer);
            if !is_kept {
                break;
            }
        }
        Ok(answers)
    }

    fn is_kept(answers: &Vec<SpawnAnswer>) -> bool {
        answers.iter().all(Spawn::is_kept)
    }
}

/// An emit where another has begun the transaction.
struct EmitWithin(Emit);

impl Step for EmitWithin {
    const VERB: Verb = Verb::Emit;
    type Answer = EmitAnswer;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<EmitAnswer, Fault> {
        let isolation = tx.query(include_str!("sql/session/isolation.sql")).fetch_one(&mut **tx).await?;
        if matches!(isolation.try_get(0)?, "repeatable read" | "serializable") {
            let context = "the transaction is not `read committed`, and would not see every wait";
            return Err(StoreError::new(StoreErrorKind::Unsupported, Verb::Emit, context).into());
        }
        self.0.run(tx).await
    }
}
