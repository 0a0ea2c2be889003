//! Does what is due, earliest first, without waiting for what another holds.

use std::collections::{BTreeSet, HashMap, HashSet};

use durable_core::model::{TaskId, Timestamp};
use durable_core::store::{ExpiredRun, Verb};
use sqlx::{PgConnection, Row};
use uuid::Uuid;

use crate::error::Fault;
use crate::rows::{Event, Slot, SlotKey, State, Task, Wait, Why, worker};
use crate::work::{Parents, Time, Work, cascade, lock_free_tasks};

/// How many more candidates are looked at than are done: as many may be held by others.
const SPARE: usize = 32;
/// The most deadlines that are worked off at once.
const MOST_WAITS: i64 = 1_000;

/// What was done.
#[derive(Debug, Default)]
pub(crate) struct Done {
    pub(crate) started: u32,
    pub(crate) woken: u32,
    pub(crate) expired: Vec<ExpiredRun>,
    pub(crate) limited: u32,
    pub(crate) closed: usize,
    pub(crate) closing_left: i64,
    /// How many things in all, cancelled children aside.
    pub(crate) things: usize,
}

/// A task that may be due.
struct Candidate {
    id: Uuid,
    parent: Option<Uuid>,
    rests: bool,
}

/// Does at most `most` things that are due.
pub(crate) async fn do_due(
    tx: &mut PgConnection,
    verb: Verb,
    queue: &str,
    time: Time,
    most: usize,
    budget: &mut usize,
) -> Result<Done, Fault> {
    let candidates = scan(tx, queue, time, most).await?;
    if candidates.is_empty() {
        return Ok(Done::default());
    }
    let mut round = Round::begin(tx, verb, queue, time, &candidates).await?;
    let mut done = Done::default();
    while done.things < most
        && let Some((.., id)) = round.due.pop_first()
    {
        round.step(id, &mut done);
    }
    round.work.flush(tx).await?;
    let closing = std::mem::take(&mut round.work.closing);
    let spread = cascade(tx, verb, queue, time, closing, budget).await?;
    done.closed = spread.closed;
    done.closing_left = spread.left;
    Ok(done)
}

async fn scan(tx: &mut PgConnection, queue: &str, time: Time, most: usize) -> Result<Vec<Candidate>, Fault> {
    let rows = sqlx::query(include_str!("../sql/upkeep/due_scan.sql"))
        .bind(queue)
        .bind(time.parameter())
        .bind(i64::try_from(most.saturating_add(SPARE)).unwrap_or(i64::MAX))
        .fetch_all(&mut *tx)
        .await?;
    let read = |row: &sqlx::postgres::PgRow| {
        Ok(Candidate { id: row.try_get("id")?, parent: row.try_get("parent")?, rests: row.try_get("rests")? })
    };
    rows.iter().map(read).collect::<Result<_, sqlx::Error>>().map_err(Fault::Sql)
}

/// At the same moment a limit comes before everything else (rule T4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    Limit,
    Other,
}

/// The tasks that are due and free, in order.
struct Round {
    work: Work,
    /// What this transaction has locked.
    free: HashSet<Uuid>,
    /// The events that nobody is writing now.
    quiet: HashSet<String>,
    /// The deadlines that have come, by task.
    deadlines: HashMap<Uuid, BTreeSet<(i64, String)>>,
    /// When, a limit before all else, whose.
    due: BTreeSet<(i64, Rank, Uuid)>,
}

impl Round {
    async fn begin(
        tx: &mut PgConnection,
        verb: Verb,
        queue: &str,
        time: Time,
        candidates: &[Candidate],
    ) -> Result<Self, Fault> {
        let ids: Vec<Uuid> = candidates.iter().map(|candidate| candidate.id).collect();
        let resting: Vec<Uuid> =
            candidates.iter().filter(|candidate| candidate.rests).map(|candidate| candidate.id).collect();
        let events = share_free_events(tx, queue, time, resting).await?;
        let free: HashSet<Uuid> = lock_free_tasks(tx, queue, &ids, Parents::Too).await?.into_iter().collect();
        // Parents that another holds are read, too: whether they are there decides whether their child may end.
        let parents = candidates.iter().filter_map(|candidate| candidate.parent);
        let known: Vec<Uuid> =
            free.iter().copied().chain(parents).collect::<BTreeSet<_>>().into_iter().collect();
        let mut work = Work::read(tx, verb, queue, time, &known).await?;
        let quiet = events.iter().map(|event| event.name.clone()).collect();
        work.add_events(events);
        let mut round = Self { work, free, quiet, deadlines: HashMap::new(), due: BTreeSet::new() };
        let ids: Vec<Uuid> = ids.into_iter().filter(|id| round.free.contains(id)).collect();
        round.read_deadlines(tx, &ids).await?;
        let keys: Vec<SlotKey> = round
            .work
            .join_keys(ids.iter().copied())
            .into_iter()
            .filter(|key| round.free.contains(&key.0))
            .collect();
        round.work.read_slots(tx, keys).await?;
        for id in ids {
            round.line_up(id);
        }
        Ok(round)
    }

    async fn read_deadlines(&mut self, tx: &mut PgConnection, ids: &[Uuid]) -> Result<(), Fault> {
        let (tasks, claims): (Vec<Uuid>, Vec<i64>) = ids
            .iter()
            .filter_map(|id| self.work.task(*id))
            .filter(|task| task.is_resting())
            .map(|task| (task.id, task.claims))
            .unzip();
        if tasks.is_empty() {
            return Ok(());
        }
        let rows = sqlx::query(include_str!("../sql/upkeep/due_waits.sql"))
            .bind(&self.work.queue)
            .bind(tasks)
            .bind(claims)
            .bind(self.work.now)
            .bind(MOST_WAITS)
            .fetch_all(&mut *tx)
            .await?;
        for row in &rows {
            let (key, wait) = Slot::read_wait(row)?;
            if let Some(deadline) = wait.deadline {
                self.deadlines.entry(key.0).or_default().insert((deadline, key.1.clone()));
            }
            self.work.add_slot(key, Slot::Standing(wait));
        }
        Ok(())
    }

    /// Puts a task in the line if something of it is due.
    fn line_up(&mut self, id: Uuid) {
        let Some(task) = self.work.task(id) else { return };
        let due = if task.corrupt.is_some() { Some(self.work.now) } else { self.next_due(task) };
        if let Some(due) = due.filter(|due| *due <= self.work.now) {
            let is_limit = task.limit().is_some_and(|(limit, _)| limit == due);
            self.due.insert((due, if is_limit { Rank::Limit } else { Rank::Other }, id));
        }
    }

    fn next_due(&self, task: &Task) -> Option<i64> {
        let first = self.deadlines.get(&task.id).and_then(BTreeSet::first).map(|(deadline, _)| *deadline);
        match (task.is_resting(), first) {
            (true, Some(deadline)) => Some(task.limit().map_or(deadline, |(limit, _)| limit.min(deadline))),
            (true, None) => task.limit().map(|(limit, _)| limit),
            (false, _) => task.due(),
        }
    }

    /// Does the earliest thing of one task.
    fn step(&mut self, id: Uuid, done: &mut Done) {
        let Some(task) = self.work.task(id) else { return };
        let may_end = self.may_end(task);
        let limit = task.limit().filter(|(at, _)| task.is_live() && Some(*at) == self.next_due(task));
        if let Some(what) = task.corrupt {
            if may_end {
                self.work.fail_corrupt(id, what);
                done.things += 1;
            }
            return;
        }
        let did = match (limit, task.state) {
            (Some((_, cause)), _) => may_end && self.limit(id, &cause, done),
            (None, State::Running) => self.expire(id, may_end, done),
            (None, State::Sleeping(Why::Start | Why::Retry)) => self.start(id, done),
            (None, State::Sleeping(Why::Rest)) => self.time_out(id, done),
            (None, State::Pending | State::Ended(_)) => false,
        };
        if did {
            done.things += 1;
            self.line_up(id);
        }
    }

    /// Whether a task's end can be written to its parent now: nobody else holds that, or it is gone.
    fn may_end(&self, task: &Task) -> bool {
        task.parent.is_none_or(|parent| self.free.contains(&parent) || self.work.task(parent).is_none())
    }

    fn limit(&mut self, id: Uuid, cause: &durable_core::model::CancelCause, done: &mut Done) -> bool {
        self.work.cancel(id, cause);
        done.limited += 1;
        true
    }

    fn expire(&mut self, id: Uuid, may_end: bool, done: &mut Done) -> bool {
        let Some(task) = self.work.task(id) else { return false };
        let attempts_left = task.max_attempts.is_none_or(|max| task.attempt < max);
        if !attempts_left && !may_end {
            return false;
        }
        let at = Timestamp::from_millis(task.expires_at.unwrap_or(self.work.now));
        if let Some(Ok(worker)) = task.worker.as_deref().map(worker) {
            done.expired.push(ExpiredRun { task: TaskId::from_uuid(id), attempt: task.attempt, worker, at });
        }
        self.work.expire(id);
        true
    }

    fn start(&mut self, id: Uuid, done: &mut Done) -> bool {
        if let Some(task) = self.work.edit(id) {
            task.state = State::Pending;
        }
        done.started += 1;
        true
    }

    /// Ends the earliest wait whose deadline has come, unless its event is being written.
    fn time_out(&mut self, id: Uuid, done: &mut Done) -> bool {
        let Some((_, key)) = self.deadlines.get_mut(&id).and_then(BTreeSet::pop_first) else { return false };
        let key = (id, key);
        let loud = |wait: &Wait| wait.event.as_ref().is_some_and(|name| !self.quiet.contains(name));
        if matches!(self.work.slot(&key), Slot::Standing(wait) if loud(wait)) {
            return false;
        }
        done.woken += u32::from(self.work.end_if_due(&key));
        true
    }
}

/// Keeps the events quiet whose waits may time out, as far as nobody is writing them.
async fn share_free_events(
    tx: &mut PgConnection,
    queue: &str,
    time: Time,
    resting: Vec<Uuid>,
) -> Result<Vec<Event>, Fault> {
    if resting.is_empty() {
        return Ok(Vec::new());
    }
    let rows = sqlx::query(include_str!("../sql/shared/events_share_free.sql"))
        .bind(queue)
        .bind(resting)
        .bind(time.parameter())
        .fetch_all(&mut *tx)
        .await?;
    Ok(rows.iter().map(Event::read).collect::<Result<_, _>>()?)
}
