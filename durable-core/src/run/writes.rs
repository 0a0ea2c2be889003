//! Writes under claims, gathered across running tasks.
//!
//! What is ready together goes to the store in one call; when idle a write goes at once. A call without an answer
//! is repeated unchanged until it is answered or the lease is gone (contract, section 1). A batch that hangs is
//! taken apart, so that one task's hanging write costs no other its lease.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures::future::BoxFuture;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, timeout};

use super::backoff::Backoff;
use super::lease::Owner;
use crate::error::Control;
use crate::model::TaskId;
use crate::store::{FencedError, MAX_BYTES, MAX_RECORDS, StoreError, StoreErrorKind, Verb};

/// How long a batch may keep the next one waiting.
const STALL: Duration = Duration::from_millis(50);
/// How long a call may take before it is repeated, at most; a quarter of the shortest lease if that is less.
const PATIENCE: Duration = Duration::from_secs(5);

pub(crate) type Answer<W> = Result<<W as Write>::Answer, FencedError>;

/// One of the store's batched verbs.
#[async_trait]
pub(crate) trait Write: Send + Sync + 'static {
    type Item: Clone + Send + Sync + 'static;
    type Answer: Send + 'static;
    const VERB: Verb;

    /// How many records the item touches.
    fn weight(_item: &Self::Item) -> usize {
        1
    }

    /// How many bytes of payload it carries.
    fn bytes(_item: &Self::Item) -> usize {
        0
    }

    async fn call(
        &self,
        items: Vec<Self::Item>,
    ) -> Result<Vec<Result<Self::Answer, FencedError>>, StoreError>;

    /// What an answer to a call sent at `sent` means for the lease.
    fn settled(&self, _owner: &Owner, _item: &Self::Item, _answer: &Self::Answer, _sent: Instant) {}
}

struct Entry<W: Write> {
    item: W::Item,
    owner: Arc<Owner>,
    reply: oneshot::Sender<Answer<W>>,
}

/// Where writes of one verb are handed in.
pub(crate) struct Gather<W: Write> {
    entries: mpsc::UnboundedSender<Entry<W>>,
}

impl<W: Write> Clone for Gather<W> {
    fn clone(&self) -> Self {
        Self { entries: self.entries.clone() }
    }
}

impl<W: Write> std::fmt::Debug for Gather<W> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Gather({})", W::VERB)
    }
}

impl<W: Write> Gather<W> {
    /// Starts gathering; it ends when the last handle is gone.
    pub(crate) fn start(write: W) -> Self {
        let (entries, received) = mpsc::unbounded_channel();
        tokio::spawn(gather(Arc::new(write), received));
        Self { entries }
    }

    /// Hands a write in now. The answer comes even if nobody waits for it.
    pub(crate) fn send(&self, owner: &Arc<Owner>, item: W::Item) -> oneshot::Receiver<Answer<W>> {
        let (reply, answer) = oneshot::channel();
        // A failed send drops the reply, which the receiver sees as a lost claim: the worker is gone.
        let _ = self.entries.send(Entry { item, owner: owner.clone(), reply });
        answer
    }
}

async fn gather<W: Write>(write: Arc<W>, mut received: mpsc::UnboundedReceiver<Entry<W>>) {
    let mut ready = VecDeque::new();
    loop {
        if ready.is_empty() {
            match received.recv().await {
                Some(entry) => ready.push_back(entry),
                None => return,
            }
        }
        while let Ok(entry) = received.try_recv() {
            ready.push_back(entry);
        }
        let mut call = deliver(write.clone(), take_batch(&mut ready));
        if timeout(STALL, &mut call).await.is_err() {
            tokio::spawn(call);
        }
    }
}

/// The next writes that may go together: no more than one verb touches, and never a task with its child (rule C8).
fn take_batch<W: Write>(ready: &mut VecDeque<Entry<W>>) -> Vec<Entry<W>> {
    let mut batch: Vec<Entry<W>> = Vec::with_capacity(ready.len().min(MAX_RECORDS));
    let (mut tasks, mut parents) = (HashSet::<TaskId>::new(), HashSet::<TaskId>::new());
    // A later write of a task that has to wait must not overtake the earlier one.
    let mut waiting = HashSet::<TaskId>::new();
    let (mut weight, mut bytes) = (0, 0);
    for entry in std::mem::take(ready) {
        let (task, parent) = (entry.owner.token.task, entry.owner.parent);
        let (heavier, larger) = (weight + W::weight(&entry.item), bytes + W::bytes(&entry.item));
        let full = heavier > MAX_RECORDS || larger > MAX_BYTES;
        let related = parents.contains(&task) || parent.is_some_and(|parent| tasks.contains(&parent));
        if !batch.is_empty() && (full || related || waiting.contains(&task)) {
            waiting.insert(task);
            ready.push_back(entry);
            continue;
        }
        (weight, bytes) = (heavier, larger);
        tasks.insert(task);
        parents.extend(parent);
        batch.push(entry);
    }
    batch
}

/// Sends a batch until each write has an answer or has lost its lease.
fn deliver<W: Write>(write: Arc<W>, mut batch: Vec<Entry<W>>) -> BoxFuture<'static, ()> {
    Box::pin(async move {
        let mut backoff = Backoff::default();
        loop {
            batch = give_up_lost(batch);
            if batch.is_empty() {
                return;
            }
            let sent = Instant::now();
            let items = batch.iter().map(|entry| entry.item.clone()).collect();
            match timeout(patience(&batch, sent), write.call(items)).await {
                Ok(Ok(answers)) if answers.len() == batch.len() => {
                    batch = settle(&*write, batch, answers, sent);
                    if batch.is_empty() {
                        return;
                    }
                }
                Ok(Err(fault)) if fault.kind == StoreErrorKind::Unavailable => {
                    tracing::debug!(verb = %W::VERB, "unavailable, the call is repeated");
                }
                Ok(outcome) if batch.len() == 1 => return refuse(batch, outcome.err()),
                Ok(_) => return take_apart(&write, batch),
                Err(_) if batch.len() > 1 => return take_apart(&write, batch),
                Err(_) => tracing::warn!(verb = %W::VERB, "no answer in time, the call is repeated"),
            }
            tokio::time::sleep(backoff.next()).await;
        }
    })
}

fn patience<W: Write>(batch: &[Entry<W>], now: Instant) -> Duration {
    let shortest = batch.iter().map(|entry| entry.owner.until().saturating_duration_since(now)).min();
    shortest.map_or(PATIENCE, |left| (left / 4).clamp(Duration::from_millis(5), PATIENCE))
}

fn give_up_lost<W: Write>(batch: Vec<Entry<W>>) -> Vec<Entry<W>> {
    let (kept, lost): (Vec<_>, Vec<_>) = batch.into_iter().partition(|entry| entry.owner.may_write());
    for entry in lost {
        entry.owner.stop(Control::ClaimLost);
        let _ = entry.reply.send(Err(FencedError::ClaimLost));
    }
    kept
}

/// Hands out answers; what comes back is to be repeated.
fn settle<W: Write>(
    write: &W,
    batch: Vec<Entry<W>>,
    answers: Vec<Answer<W>>,
    sent: Instant,
) -> Vec<Entry<W>> {
    let mut again = Vec::new();
    for (entry, answer) in batch.into_iter().zip(answers) {
        match &answer {
            Ok(answer) => write.settled(&entry.owner, &entry.item, answer, sent),
            Err(FencedError::ClaimLost) => entry.owner.stop(Control::ClaimLost),
            Err(FencedError::Cancelled) => entry.owner.stop(Control::Cancelled),
            Err(FencedError::Fault(fault)) if fault.kind == StoreErrorKind::Unavailable => {
                again.push(entry);
                continue;
            }
            Err(FencedError::Fault(_)) => {}
        }
        let _ = entry.reply.send(answer);
    }
    again
}

fn refuse<W: Write>(batch: Vec<Entry<W>>, fault: Option<StoreError>) {
    let fault = fault.unwrap_or_else(|| {
        StoreError::new(StoreErrorKind::Corrupt, W::VERB, "as many answers as items expected")
    });
    if let Some(entry) = batch.into_iter().next() {
        let _ = entry.reply.send(Err(FencedError::Fault(fault)));
    }
}

fn take_apart<W: Write>(write: &Arc<W>, batch: Vec<Entry<W>>) {
    for entry in batch {
        tokio::spawn(deliver(write.clone(), vec![entry]));
    }
}
