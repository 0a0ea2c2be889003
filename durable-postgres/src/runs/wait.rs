//! Registers waits, and lets runs rest on some of their waits.

use std::collections::{BTreeSet, HashMap};

use durable_core::model::{StepKey, Timestamp};
use durable_core::store::{
    FencedError, MetWait, NewWait, Rest, StoreError, StoreErrorKind, Verb, WaitAnswer, WaitItem, WaitRequest,
    WaitSource,
};
use sqlx::{PgConnection, Row};
use uuid::Uuid;

use crate::error::{Fault, corrupt, invalid};
use crate::rows::{ClosedBy, EndRow, Event, Slot, SlotKey, State, Wait, Why};
use crate::transaction::Step;
use crate::work::{Parents, Time, Work, lock_tasks, wait_kind};

/// The verb, with the time if it is injected.
pub(super) struct Waits {
    pub(super) request: WaitRequest,
    pub(super) injected: Option<i64>,
}

/// A task that a wait names as a child.
struct Child {
    parent: Option<Uuid>,
    join_key: Option<String>,
    spawned_at: i64,
    /// How it ended, and when.
    end: Option<(EndRow, i64)>,
}

type Children = HashMap<Uuid, Child>;

impl Step for Waits {
    const VERB: Verb = Verb::Wait;
    type Answer = Vec<Result<WaitAnswer, FencedError>>;

    async fn run(&self, tx: &mut PgConnection) -> Result<Self::Answer, Fault> {
        let queue = self.request.queue.as_str();
        let items = &self.request.items;
        let time = Time { injected: self.injected, read: None };
        let slots: Vec<SlotKey> = items.iter().flat_map(named).collect();
        let events = self.share_events(tx, &slots).await?;
        let ids: Vec<Uuid> = items.iter().map(|item| item.token.task.as_uuid()).collect();
        let locked = lock_tasks(tx, queue, &ids, Parents::Not).await?;
        let mut work = Work::read(tx, Verb::Wait, queue, time, &locked).await?;
        work.add_events(events);
        let unique: BTreeSet<SlotKey> = slots.into_iter().collect();
        work.read_slots(tx, unique).await?;
        let children = self.read_children(tx).await?;
        let answers = items.iter().map(|item| wait(&mut work, &children, item)).collect();
        work.flush(tx).await?;
        Ok(answers)
    }
}

impl Waits {
    /// Locks the events first, so that none is written between looking at it and registering the wait.
    async fn share_events(&self, tx: &mut PgConnection, slots: &[SlotKey]) -> Result<Vec<Event>, Fault> {
        let queue = self.request.queue.as_str();
        let names: BTreeSet<&str> = self
            .request
            .items
            .iter()
            .flat_map(|item| &item.waits)
            .filter_map(|wait| match &wait.source {
                WaitSource::Event(name) => Some(name.as_str()),
                WaitSource::Child(_) | WaitSource::Time => None,
            })
            .collect();
        let names: Vec<&str> = names.into_iter().collect();
        if !names.is_empty() {
            sqlx::query(include_str!("../sql/shared/events_place.sql"))
                .bind(queue)
                .bind(&names)
                .execute(&mut *tx)
                .await?;
        }
        let (tasks, keys): (Vec<Uuid>, Vec<&str>) = slots.iter().map(|(id, key)| (*id, key.as_str())).unzip();
        let rows = sqlx::query(include_str!("../sql/shared/events_share.sql"))
            .bind(queue)
            .bind(&names)
            .bind(tasks)
            .bind(keys)
            .fetch_all(&mut *tx)
            .await?;
        Ok(rows.iter().map(Event::read).collect::<Result<_, _>>()?)
    }

    async fn read_children(&self, tx: &mut PgConnection) -> Result<Children, Fault> {
        let ids: Vec<Uuid> = self
            .request
            .items
            .iter()
            .flat_map(|item| &item.waits)
            .filter_map(|wait| match &wait.source {
                WaitSource::Child(id) => Some(id.as_uuid()),
                WaitSource::Event(_) | WaitSource::Time => None,
            })
            .collect();
        if ids.is_empty() {
            return Ok(Children::new());
        }
        let rows = sqlx::query(include_str!("../sql/runs/wait_children.sql"))
            .bind(self.request.queue.as_str())
            .bind(ids)
            .fetch_all(&mut *tx)
            .await?;
        let mut children = Children::new();
        for row in &rows {
            let ended_at: Option<i64> = row.try_get("ended_at")?;
            let child = Child {
                parent: row.try_get("parent")?,
                join_key: row.try_get("join_key")?,
                spawned_at: row.try_get("spawned_at")?,
                end: EndRow::read(row)?.zip(ended_at),
            };
            children.insert(row.try_get("id")?, child);
        }
        Ok(children)
    }
}

/// The keys that an item names.
fn named(item: &WaitItem) -> impl Iterator<Item = SlotKey> {
    let task = item.token.task.as_uuid();
    let rest = item.rest.iter().flat_map(|rest| &rest.keys);
    item.waits.iter().map(|wait| &wait.key).chain(rest).map(move |key| (task, key.as_str().to_owned()))
}

/// One item, in one step.
fn wait(work: &mut Work, children: &Children, item: &WaitItem) -> Result<WaitAnswer, FencedError> {
    if work.newest(item.token)?.closed.is_some_and(|closed| closed.by == ClosedBy::Wait) {
        return Ok(WaitAnswer::Suspended);
    }
    let id = work.fence(item.token)?.id;
    check(work, children, id, item)?;
    for wait in &item.waits {
        register(work, children, id, wait);
    }
    let ended = end_named(work, item);
    let Some(rest) = &item.rest else {
        return if ended.is_empty() { Ok(WaitAnswer::Registered) } else { met(work, &ended) };
    };
    let keys: BTreeSet<&StepKey> = rest.keys.iter().collect();
    let done = ended.iter().filter(|(_, key)| keys.iter().any(|named| named.as_str() == key)).count();
    let done = u32::try_from(done).unwrap_or(u32::MAX);
    if done >= rest.need {
        return met(work, &ended);
    }
    suspend(work, id, &keys, rest.need - done);
    Ok(WaitAnswer::Suspended)
}

/// Refuses an item before anything of it is written.
fn check(work: &Work, children: &Children, id: Uuid, item: &WaitItem) -> Result<(), StoreError> {
    for wait in &item.waits {
        let key = (id, wait.key.as_str().to_owned());
        if !matches!(work.slot(&key), Slot::Free) {
            continue;
        }
        match &wait.source {
            WaitSource::Time if wait.deadline.is_none() => {
                return Err(invalid(Verb::Wait, "wait", "a wait for time has no deadline"));
            }
            WaitSource::Child(child) => {
                let known = children.get(&child.as_uuid());
                let own = known.is_some_and(|child| {
                    child.parent == Some(id) && child.join_key.as_deref() == Some(wait.key.as_str())
                });
                if !own {
                    let context = format!("task {child} is no child of {} under this key", item.token.task);
                    return Err(StoreError::new(StoreErrorKind::NotFound, Verb::Wait, context));
                }
            }
            _ => {}
        }
    }
    item.rest.as_ref().map_or(Ok(()), |rest| check_rest(work, id, item, rest))
}

fn check_rest(work: &Work, id: Uuid, item: &WaitItem, rest: &Rest) -> Result<(), StoreError> {
    let unique: BTreeSet<&StepKey> = rest.keys.iter().collect();
    if rest.need == 0 || usize::try_from(rest.need).is_ok_and(|need| need > unique.len()) {
        return Err(invalid(Verb::Wait, "rest", "it needs none of its keys, or more than there are"));
    }
    let unknown = unique.into_iter().find(|key| {
        matches!(work.slot(&(id, key.as_str().to_owned())), Slot::Free)
            && !item.waits.iter().any(|wait| wait.key == **key)
    });
    match unknown {
        Some(key) => Err(invalid(Verb::Wait, "rest", format!("{key} is neither a wait nor a checkpoint"))),
        None => Ok(()),
    }
}

/// Registers a wait that is new, or ends it at once.
fn register(work: &mut Work, children: &Children, id: Uuid, wait: &NewWait) {
    let key = (id, wait.key.as_str().to_owned());
    if !matches!(work.slot(&key), Slot::Free) {
        return;
    }
    let now_up = Timestamp::from_millis(work.now_up());
    let deadline = wait.deadline.map(|deadline| deadline.fix(now_up).as_millis());
    let (source, event, child) = match &wait.source {
        WaitSource::Time => (Wait::TIME, None, None),
        WaitSource::Event(name) => (Wait::EVENT, Some(name.as_str().to_owned()), None),
        WaitSource::Child(child) => (Wait::CHILD, None, Some(child.as_uuid())),
    };
    let kind = wait_kind(source);
    if event.as_deref().is_some_and(|name| !work.is_locked(name)) {
        // Its placeholder was purged between the two statements.
        work.stale = true;
        return;
    }
    // An event that exists is a value whatever the deadline: a timeout of zero polls.
    let written = event.as_deref().and_then(|name| work.event(name));
    if let Some((payload, at)) = written.and_then(|event| Some((event.payload.clone(), event.written_at?))) {
        return work.end_slot(key, kind, EndRow::value_text(payload), work.now, at);
    }
    let child_end = child.and_then(|child| children.get(&child)).and_then(|child| {
        let (end, at) = child.end.clone()?;
        Some((end, child.spawned_at, at))
    });
    if let Some((end, spawned_at, at)) = child_end {
        return work.end_slot(key, kind, end, spawned_at, at);
    }
    if let Some(at) = deadline.filter(|deadline| *deadline <= work.now) {
        return work.end_slot(key, kind, EndRow::timeout(), work.now, at);
    }
    let wait = Wait { source, event, child, registered_at: work.now, deadline, rests: None };
    work.put_slot(key, Slot::Standing(wait));
}

/// The named waits that have ended, in the order they are named; those whose time has come end now.
fn end_named(work: &mut Work, item: &WaitItem) -> Vec<SlotKey> {
    let mut seen = BTreeSet::new();
    let mut ended = Vec::new();
    for key in named(item) {
        if !seen.insert(key.clone()) {
            continue;
        }
        work.end_if_due(&key);
        if matches!(work.slot(&key), Slot::Ended(_)) {
            ended.push(key);
        }
    }
    ended
}

fn met(work: &Work, ended: &[SlotKey]) -> Result<WaitAnswer, FencedError> {
    let mut waits = Vec::with_capacity(ended.len());
    for key in ended {
        let Slot::Ended(stored) = work.slot(key) else { continue };
        waits.push(MetWait {
            key: StepKey::new(&key.1).map_err(|_| corrupt(Verb::Wait, "key"))?,
            end: stored.end.end().map_err(|what| corrupt(Verb::Wait, what))?,
            at: Timestamp::from_millis(stored.at),
        });
    }
    Ok(WaitAnswer::Met(waits))
}

/// The task sleeps until `need` of its standing waits among `keys` have ended; its claim is over.
fn suspend(work: &mut Work, id: Uuid, keys: &BTreeSet<&StepKey>, need: u32) {
    let Some(claims) = work.task(id).map(|task| task.claims) else { return };
    let mut earliest: Option<i64> = None;
    for key in keys {
        let key = (id, key.as_str().to_owned());
        let Slot::Standing(wait) = work.slot(&key) else { continue };
        let mut wait = wait.clone();
        earliest = match (earliest, wait.deadline) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
        wait.rests = Some(claims);
        work.put_slot(key, Slot::Standing(wait));
    }
    work.close(id, ClosedBy::Wait, None);
    if let Some(task) = work.edit(id) {
        task.state = State::Sleeping(Why::Rest);
        task.available_at = None;
        task.expires_at = None;
        task.need = i32::try_from(need).ok();
        task.rest_due = earliest;
    }
}
