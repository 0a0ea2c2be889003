//! Does what is due, earliest first, without waiting for what another holds.

use std::collections::BTreeSet;

use durable_core::model::TaskId;
use durable_core::store::{MAX_RECORDS, Verb};
use durable_core::transition::{DueDone, EventRecord, Slot};
use sqlx::Row;
use sqlx::postgres::PgRow;

use crate::error::Fault;
use crate::rows::{number, task_id, uuids, wait};
use crate::transaction::Tx;
use crate::work::{Cascade, Parents, Time, Work, cascade, lock_free_tasks, read_events};

/// How many more candidates are looked at than are done: as many may be held by others.
const SPARE: usize = 32;

/// A task that may be due.
struct Candidate {
    id: TaskId,
    parent: Option<TaskId>,
    rests: bool,
}

/// Does at most `most` things that are due; what was done, and what it spread to. An end spreads, within the budget, before
/// the next thing is looked at.
pub(crate) async fn do_due(
    tx: &mut Tx<'_>,
    verb: Verb,
    queue: &str,
    time: Time,
    most: usize,
    budget: &mut usize,
) -> Result<(DueDone, Cascade), Fault> {
    let (mut done, mut spread) = (DueDone::default(), Cascade::default());
    while done.things < most {
        let candidates = scan(tx, queue, time, most - done.things).await?;
        if candidates.is_empty() {
            break;
        }
        let (mut work, tasks) = read(tx, verb, queue, time, &candidates).await?;
        let (most, may_spread) = (most - done.things, *budget > 0);
        done.add(if may_spread {
            work.records.do_due_until_closing(&tasks, most)
        } else {
            work.records.do_due(&tasks, most)
        });
        let closing = work.flush(tx).await?;
        let is_all = closing.is_empty() || !may_spread;
        let spreads = cascade(tx, verb, queue, time, closing, budget).await?;
        spread.closed += spreads.closed;
        spread.left += spreads.left;
        if is_all {
            break;
        }
    }
    Ok((done, spread))
}

async fn scan(tx: &mut Tx<'_>, queue: &str, time: Time, most: usize) -> Result<Vec<Candidate>, Fault> {
    let rows = tx
        .query(include_str!("../sql/upkeep/due_scan.sql"))
        .bind(queue)
        .bind(time.parameter())
        .bind(number(most.saturating_add(SPARE)))
        .fetch_all(&mut **tx)
        .await?;
    let read = |row: &PgRow| {
        let id = TaskId::from_uuid(row.try_get("id")?);
        Ok(Candidate { id, parent: task_id(row, "parent")?, rests: row.try_get("rests")? })
    };
    rows.iter().map(read).collect::<Result<_, sqlx::Error>>().map_err(Fault::Sql)
}

/// Locks and reads what nobody else holds; gives the candidates among it, too.
async fn read(
    tx: &mut Tx<'_>,
    verb: Verb,
    queue: &str,
    time: Time,
    candidates: &[Candidate],
) -> Result<(Work, Vec<TaskId>), Fault> {
    let resting: Vec<TaskId> =
        candidates.iter().filter(|candidate| candidate.rests).map(|candidate| candidate.id).collect();
    let events = share_free_events(tx, queue, time, &resting).await?;
    let mut tasks: Vec<TaskId> = candidates.iter().map(|candidate| candidate.id).collect();
    let locked = lock_free_tasks(tx, queue, &tasks, Parents::Too).await?;
    let free: BTreeSet<TaskId> = locked.iter().copied().collect();
    // Parents that another holds are read, too: whether they are there decides whether their child may end.
    let parents = candidates.iter().filter_map(|candidate| candidate.parent);
    let held = parents.filter(|parent| !free.contains(parent)).collect();
    let mut work = Work::read_also(tx, verb, queue, time, &locked, &held).await?;
    work.add_events(events);
    tasks.retain(|task| free.contains(task));
    read_deadlines(tx, queue, &mut work, &tasks).await?;
    let mut keys = work.records.join_keys(tasks.iter().copied());
    keys.retain(|(parent, _)| free.contains(parent));
    work.read_slots(tx, keys).await?;
    Ok((work, tasks))
}

/// Reads the deadlines that have come of tasks at rest.
async fn read_deadlines(
    tx: &mut Tx<'_>,
    queue: &str,
    work: &mut Work,
    tasks: &[TaskId],
) -> Result<(), Fault> {
    let resting = tasks.iter().filter_map(|id| work.records.task(*id)).filter(|task| task.is_resting());
    let (tasks, claims): (Vec<TaskId>, Vec<i64>) = resting.map(|task| (task.id, number(task.claims))).unzip();
    if tasks.is_empty() {
        return Ok(());
    }
    let rows = tx
        .query(include_str!("../sql/upkeep/due_waits.sql"))
        .bind(queue)
        .bind(uuids(&tasks))
        .bind(claims)
        .bind(work.records.now().at.as_millis())
        .bind(number(MAX_RECORDS))
        .fetch_all(&mut **tx)
        .await?;
    for row in &rows {
        let (task, wait) = wait(row)?;
        work.add_slot((task, wait.map(|(key, wait)| (key, Slot::Standing(wait)))));
    }
    Ok(())
}

/// Keeps the events quiet whose waits may time out, as far as nobody is writing them.
async fn share_free_events(
    tx: &mut Tx<'_>,
    queue: &str,
    time: Time,
    resting: &[TaskId],
) -> Result<Vec<EventRecord>, Fault> {
    if resting.is_empty() {
        return Ok(Vec::new());
    }
    let rows = tx
        .query(include_str!("../sql/shared/events_share_free.sql"))
        .bind(queue)
        .bind(uuids(resting))
        .bind(time.parameter())
        .fetch_all(&mut **tx)
        .await?;
    read_events(&rows)
}
