//! A client: it calls one handle, one call at a time, and each call is recorded.

use std::fmt;
use std::future::Future;
use std::sync::Arc;

use durable_core::model::{QueueName, TaskId, Timestamp};
use durable_core::store::{
    CancelAnswer, CancelRequest, CheckpointPage, ClaimAnswer, ClaimRequest, EmitAnswer, EmitRequest,
    ExtendItem, ExtendRequest, FencedError, LoadRequest, Outcome, OutcomeRequest, SaveAnswer, SaveItem,
    SaveRequest, SpawnAnswer, SpawnRequest, Store, StoreError, TickAnswer, TickRequest, WaitAnswer, WaitItem,
    WaitRequest,
};

use super::data::{Action, Operation, Reply};
use super::recorder::Recorder;
use super::translate::{self, fault, fenced};

/// How an item of a fenced verb is answered: by a fault of the whole call, or by its own answer.
type Item<T> = Result<Result<T, FencedError>, StoreError>;

/// One worker or caller. Its answers are the store's own.
#[derive(Clone)]
pub struct Client {
    recorder: Arc<Recorder>,
    name: String,
    handle: String,
    store: Arc<dyn Store>,
    queue: QueueName,
}

macro_rules! slot {
    ($verb:ident, $value:expr) => {
        |action| {
            if let Action::$verb { answer, .. } = action {
                *answer = $value;
            }
        }
    };
}

impl Client {
    pub(super) fn new(
        recorder: Arc<Recorder>,
        name: String,
        handle: String,
        store: Arc<dyn Store>,
        queue: QueueName,
    ) -> Self {
        Self { recorder, name, handle, store, queue }
    }

    /// The client's name in the history.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The queue of its calls.
    pub fn queue(&self) -> &QueueName {
        &self.queue
    }

    /// Who keeps its record.
    pub fn recorder(&self) -> &Arc<Recorder> {
        &self.recorder
    }

    /// The same client on another queue.
    pub fn on(&self, queue: &QueueName) -> Self {
        Self { queue: queue.clone(), ..self.clone() }
    }

    /// Calls, and notes both ends of the call; a call that is dropped keeps its unknown answer.
    async fn call<T, S: FnOnce(&mut Action)>(
        &self,
        action: Action,
        step: impl Future<Output = T>,
        note: impl FnOnce(&T) -> S,
    ) -> T {
        let _still = self.recorder.holds_still().await;
        let at = self.recorder.time();
        let number = self.recorder.invoked(|invoked| Operation {
            client: self.name.clone(),
            handle: self.handle.clone(),
            queue: self.queue.as_str().to_owned(),
            invoked,
            returned: None,
            at,
            action,
        });
        let answer = step.await;
        self.recorder.returned(number, note(&answer));
        answer
    }

    /// Spawns tasks.
    ///
    /// # Errors
    ///
    /// The store's own, as of every other call here.
    pub async fn spawn(&self, request: SpawnRequest) -> Result<SpawnAnswer, StoreError> {
        let tasks = request.tasks.iter().map(translate::task).collect();
        let action = Action::Spawn { tasks, answer: Reply::Unknown };
        self.call(action, self.store.spawn(request), |answer| {
            let reply = fault(answer, translate::spawned);
            slot!(Spawn, reply)
        })
        .await
    }

    /// Ends runs and claims tasks.
    ///
    /// # Errors
    ///
    /// The store's own.
    pub async fn claim(&self, request: ClaimRequest) -> Result<ClaimAnswer, StoreError> {
        let action = Action::Claim { request: translate::claim(&request), answer: Reply::Unknown };
        self.call(action, self.store.claim(request), |answer| {
            let reply = fault(answer, translate::claimed);
            slot!(Claim, reply)
        })
        .await
    }

    /// Extends one lease.
    ///
    /// # Errors
    ///
    /// The store's own.
    pub async fn extend(&self, item: ExtendItem) -> Item<Timestamp> {
        let token = translate::token(item.token);
        let action = Action::Extend { token, lease: item.lease.millis(), answer: Reply::Unknown };
        let step =
            async { only(self.store.extend(ExtendRequest::new(self.queue.clone(), vec![item])).await) };
        self.call(action, step, |answer| {
            let reply = fenced(answer, |until| *until);
            slot!(Extend, reply)
        })
        .await
    }

    /// Registers the waits of one run, and rests.
    ///
    /// # Errors
    ///
    /// The store's own.
    pub async fn wait(&self, item: WaitItem) -> Item<WaitAnswer> {
        let action = Action::Wait { item: translate::rests(&item), answer: Reply::Unknown };
        let step = async { only(self.store.wait(WaitRequest::new(self.queue.clone(), vec![item])).await) };
        self.call(action, step, |answer| {
            let reply = fenced(answer, translate::waited);
            slot!(Wait, reply)
        })
        .await
    }

    /// Loads a page of checkpoints.
    ///
    /// # Errors
    ///
    /// The store's own.
    pub async fn load(&self, request: LoadRequest) -> Result<CheckpointPage, FencedError> {
        let (token, after) = (translate::token(request.token), request.after);
        let action = Action::Load { token, after, answer: Reply::Unknown };
        self.call(action, self.store.load(request), |answer| {
            let reply = translate::loaded(answer);
            slot!(Load, reply)
        })
        .await
    }

    /// Saves one checkpoint.
    ///
    /// # Errors
    ///
    /// The store's own.
    pub async fn save(&self, item: SaveItem) -> Item<SaveAnswer> {
        let action = Action::Save { item: translate::saving(&item), answer: Reply::Unknown };
        let step = async { only(self.store.save(SaveRequest::new(self.queue.clone(), vec![item])).await) };
        self.call(action, step, |answer| {
            let reply = fenced(answer, translate::saved);
            slot!(Save, reply)
        })
        .await
    }

    /// Emits an event.
    ///
    /// # Errors
    ///
    /// The store's own.
    pub async fn emit(&self, request: EmitRequest) -> Result<EmitAnswer, StoreError> {
        let (event, only_if_absent) = (translate::event(&request.event), request.only_if_absent);
        let action = Action::Emit { event, only_if_absent, answer: Reply::Unknown };
        self.call(action, self.store.emit(request), |answer| {
            let reply = fault(answer, |answer| translate::emitted(*answer));
            slot!(Emit, reply)
        })
        .await
    }

    /// Cancels a task.
    ///
    /// # Errors
    ///
    /// The store's own.
    pub async fn cancel(&self, request: CancelRequest) -> Result<CancelAnswer, StoreError> {
        let action = Action::Cancel { task: request.task, answer: Reply::Unknown };
        self.call(action, self.store.cancel(request), |answer| {
            let reply = fault(answer, |answer| translate::cancelled(*answer));
            slot!(Cancel, reply)
        })
        .await
    }

    /// Asks how a task ended.
    ///
    /// # Errors
    ///
    /// The store's own.
    pub async fn outcome(&self, task: TaskId) -> Result<Outcome, StoreError> {
        let action = Action::Outcome { task, answer: Reply::Unknown };
        let step = self.store.outcome(OutcomeRequest::new(self.queue.clone(), task));
        self.call(action, step, |answer| {
            let reply = fault(answer, translate::outcome);
            slot!(Outcome, reply)
        })
        .await
    }

    /// Does what is due.
    ///
    /// # Errors
    ///
    /// The store's own.
    pub async fn tick(&self, limit: u32) -> Result<TickAnswer, StoreError> {
        let action = Action::Tick { limit, answer: Reply::Unknown };
        let step = self.store.tick(TickRequest::new(self.queue.clone(), limit));
        self.call(action, step, |answer| {
            let reply = fault(answer, translate::ticked);
            slot!(Tick, reply)
        })
        .await
    }
}

/// The one answer of a batch of one; another number of answers is no answer.
fn only<T>(answers: Result<Vec<Result<T, FencedError>>, StoreError>) -> Item<T> {
    let mut answers = answers?;
    match (answers.pop(), answers.is_empty()) {
        (Some(answer), true) => Ok(answer),
        _ => Err(StoreError::new(
            durable_core::store::StoreErrorKind::Invalid,
            durable_core::store::Verb::Wait,
            "a batch of one has not one answer",
        )),
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("name", &self.name)
            .field("handle", &self.handle)
            .finish_non_exhaustive()
    }
}
