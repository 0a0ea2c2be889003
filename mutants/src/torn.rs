//! Verbs in two transactions: what others do in between is lost, and who is stopped in between has done half.

use std::collections::BTreeSet;
use std::fmt::Debug;

use durable_core::model::{EventName, Now, QueueName, TaskId};
use durable_core::store::{ClaimAnswer, ClaimRequest, StoreError, Verb};

use crate::MemoryStore;
use crate::state::{Queue, State};
use crate::task::Task;

/// How often a verb lets others run between its transactions.
const YIELDS: usize = 4;
/// How often a verb asks for a lock that somebody else has.
const ASKS: usize = 500;

impl MemoryStore {
    /// Reads in one transaction and writes in another.
    pub(crate) async fn torn<T, E>(
        &self,
        queue: &QueueName,
        apply: impl FnOnce(&mut State, Now) -> Result<T, E>,
    ) -> Result<T, E> {
        let (changes, answer) = self.planned(queue, apply);
        yields().await;
        changes.all(&mut self.lock());
        answer
    }

    /// Writes a part in one transaction and the rest in another.
    pub(crate) async fn halved<T, E>(
        &self,
        queue: &QueueName,
        apply: impl FnOnce(&mut State, Now) -> Result<T, E>,
    ) -> Result<T, E> {
        let (changes, answer) = self.planned(queue, apply);
        changes.first(&mut self.lock());
        yields().await;
        changes.rest(&mut self.lock());
        answer
    }

    /// Locks the queue in one transaction, and unlocks it in another.
    pub(crate) async fn locked<T, E: From<StoreError>>(
        &self,
        verb: Verb,
        queue: &QueueName,
        apply: impl FnOnce(&mut State, Now) -> Result<T, E>,
    ) -> Result<T, E> {
        for asked in 0.. {
            if self.lock().locked.insert(queue.clone()) {
                break;
            }
            if asked == ASKS {
                return Err(StoreError::unavailable(verb, "somebody holds a lock", false).into());
            }
            yields().await;
        }
        yields().await;
        let answer = self.run(verb, queue, apply);
        self.lock().locked.remove(queue);
        answer
    }

    /// Claims nothing while another claim has the lock.
    pub(crate) async fn gives_up(&self, mut request: ClaimRequest) -> Result<ClaimAnswer, StoreError> {
        let queue = request.queue.clone();
        let alone = self.lock().locked.insert(queue.clone());
        if !alone {
            request.max = 0;
        }
        yields().await;
        let answer = self.run(Verb::Claim, &queue, |state, now| crate::runs::claim(state, now, request));
        if alone {
            self.lock().locked.remove(&queue);
        }
        answer
    }

    /// What a verb would change of what is there now, and its answer.
    fn planned<T, E>(
        &self,
        queue: &QueueName,
        apply: impl FnOnce(&mut State, Now) -> Result<T, E>,
    ) -> (Changes, Result<T, E>) {
        let state = self.lock();
        let mut after = state.clone();
        let answer = apply(&mut after, Now::read(&self.clock));
        let changes = match (state.queues.get(queue), after.queues.remove(queue)) {
            (Some(before), Some(after)) => Changes::between(queue, before, after),
            _ => Changes::default(),
        };
        (changes, answer)
    }
}

/// Lets others run.
pub(crate) async fn yields() {
    for _ in 0..YIELDS {
        tokio::task::yield_now().await;
    }
}

/// What one verb writes.
#[derive(Debug, Default)]
struct Changes {
    after: Option<(QueueName, Queue)>,
    tasks: Vec<TaskId>,
    events: Vec<EventName>,
}

impl Changes {
    fn between(name: &QueueName, before: &Queue, after: Queue) -> Self {
        let ids: BTreeSet<_> = before.tasks.keys().chain(after.tasks.keys()).copied().collect();
        let names: BTreeSet<_> = before.events.keys().chain(after.events.keys()).cloned().collect();
        let tasks = ids.into_iter().filter(|id| differ(before.tasks.get(id), after.tasks.get(id))).collect();
        let events = names
            .into_iter()
            .filter(|name| differ(before.events.get(name), after.events.get(name)))
            .collect();
        Self { after: Some((name.clone(), after)), tasks, events }
    }

    fn all(&self, state: &mut State) {
        self.write(state, &self.tasks, &self.events);
    }

    /// The events; without any, the newest task.
    fn first(&self, state: &mut State) {
        let tasks =
            if self.events.is_empty() { self.tasks.len().saturating_sub(1) } else { self.tasks.len() };
        self.write(state, self.tasks.get(tasks..).unwrap_or_default(), &self.events);
    }

    fn rest(&self, state: &mut State) {
        let tasks =
            if self.events.is_empty() { self.tasks.len().saturating_sub(1) } else { self.tasks.len() };
        self.write(state, self.tasks.get(..tasks).unwrap_or_default(), &[]);
    }

    fn write(&self, state: &mut State, tasks: &[TaskId], events: &[EventName]) {
        let Some((name, after)) = &self.after else { return };
        let Some(queue) = state.queues.get_mut(name) else { return };
        for id in tasks {
            replace(queue, *id, after.tasks.get(id));
        }
        for name in events {
            queue.put_event(name, after.events.get(name).cloned());
        }
        queue.news.ready = true;
    }
}

/// Records of a task are compared as they show themselves.
fn differ<T: Debug>(before: Option<&T>, after: Option<&T>) -> bool {
    format!("{before:?}") != format!("{after:?}")
}

/// Puts a task in the place of the one that is there.
fn replace(queue: &mut Queue, id: TaskId, task: Option<&Task>) {
    for (key, wait) in queue.remove(id).map(|task| task.waits).into_iter().flatten() {
        if let Some(event) = wait.event() {
            queue.index.remove_wait(event, id, &key);
        }
    }
    let Some(task) = task else { return };
    queue.keys.extend(task.idempotency.as_ref().map(|owned| (owned.key.clone(), id)));
    for (key, wait) in &task.waits {
        if let Some(event) = wait.event() {
            queue.index.add_wait(event.clone(), id, key.clone());
        }
    }
    queue.add(task.clone());
}
