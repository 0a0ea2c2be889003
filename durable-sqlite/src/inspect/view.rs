//! Rows as people see them.

use durable_core::model::{CancelCause, End, Failure, Payload, TaskState};
use durable_core::store::{Counts, EventView, HistoryEntry, MAX_RECORDS, RestView, TaskView, WaitView};
use durable_core::transition::{EventRecord, Flaw, SlotKey, State, Wait, Why, state_of};
use sqlx::sqlite::SqliteRow;

use crate::engine::{Statement, Tx, statement};
use crate::error::Fault;
use crate::records::{decoded, limit};
use crate::rows::{self, RUN, count, end, get, payload, text, time};

const WAITS: Statement = statement!("inspect/task_waits.sql");

/// The standing waits of a task.
pub(super) async fn waits(tx: &mut Tx<'_, '_>, queue: &str, id: &str) -> Result<Vec<(SlotKey, Wait)>, Fault> {
    let rows = tx.rows(WAITS.bind(queue).bind(id).bind(limit(MAX_RECORDS))).await?;
    decoded(rows.iter().map(rows::wait).collect())
}

/// The standing waits of a task that rests: of no other are they shown in a list.
pub(super) async fn waits_of_resting(
    tx: &mut Tx<'_, '_>,
    queue: &str,
    row: &SqliteRow,
) -> Result<Vec<(SlotKey, Wait)>, Fault> {
    if state(row) != Ok(State::Sleeping(Why::Rest)) {
        return Ok(Vec::new());
    }
    let id: &str = decoded(get(row, "id"))?;
    waits(tx, queue, id).await
}

fn state(row: &SqliteRow) -> Result<State, Flaw> {
    state_of(get(row, "state")?, get(row, "why")?)
}

/// A task with its standing waits.
pub(super) fn task(row: &SqliteRow, waits: &[(SlotKey, Wait)]) -> Result<TaskView, Flaw> {
    let state = state(row)?;
    let attempt = get(row, "attempt")?;
    if attempt < 1 {
        return Err("attempt");
    }
    let (result, failure, cancelled) = ends(row, state)?;
    Ok(TaskView {
        id: text(row, "id")?.ok_or("id")?,
        name: text(row, "name")?.ok_or("name")?,
        state: shown(state),
        params: payload(row, "params")?,
        headers: payload(row, "headers")?,
        policy: payload(row, "policy")?,
        priority: get(row, "priority")?,
        attempt,
        max_attempts: get(row, "max_attempts")?,
        claims: count(row, "claims")?,
        idempotency_key: text(row, "idem_key")?,
        parent: text(row, "parent")?,
        spawned_at: time(row, "spawned_at")?.ok_or("spawned_at")?,
        first_started_at: time(row, "first_started_at")?,
        ended_at: time(row, "ended_at")?,
        available_at: time(row, "available_at")?.filter(|_| state == State::Pending),
        due: time(row, "due")?,
        lease: text(row, "worker")?.filter(|_| state == State::Running).zip(time(row, "expires_at")?),
        rest: rest(row, state, waits)?,
        closing: time(row, "closing_since")?.is_some(),
        result,
        failure,
        cancelled,
    })
}

fn rest(row: &SqliteRow, state: State, waits: &[(SlotKey, Wait)]) -> Result<Option<RestView>, Flaw> {
    if state != State::Sleeping(Why::Rest) {
        return Ok(None);
    }
    let claims = Some(count(row, "claims")?);
    let keys = waits.iter().filter(|(_, wait)| wait.rests == claims).map(|((_, key), _)| key.clone());
    Ok(Some(RestView { keys: keys.collect(), need: get(row, "need")? }))
}

type Ends = (Option<Payload>, Option<Failure>, Option<CancelCause>);

fn ends(row: &SqliteRow, state: State) -> Result<Ends, Flaw> {
    let State::Ended(_) = state else { return Ok((None, None, None)) };
    Ok(match end(row)?.ok_or("end_kind")?.end()? {
        End::Value(result) => (Some(result), None, None),
        End::Failed(failure) => (None, Some(failure), None),
        End::Cancelled(cause) => (None, None, Some(cause)),
        End::Timeout => return Err("end_kind"),
    })
}

fn shown(state: State) -> TaskState {
    match state {
        State::Sleeping(_) => TaskState::Sleeping,
        State::Pending => TaskState::Pending,
        State::Running => TaskState::Running,
        State::Ended(end) => TaskState::Ended(end),
    }
}

/// A standing wait.
pub(super) fn wait(((_, key), wait): (SlotKey, Wait)) -> WaitView {
    WaitView { key, source: wait.source, registered_at: wait.registered_at, deadline: wait.deadline }
}

/// An entry of the history.
pub(super) fn entry(row: &SqliteRow) -> Result<HistoryEntry, Flaw> {
    if get::<i16>(row, "kind")? == RUN {
        return rows::run(row).map(HistoryEntry::Run);
    }
    Ok(HistoryEntry::Checkpoint { checkpoint: rows::checkpoint(row)?, aside: get(row, "aside")? })
}

/// An event.
pub(super) fn event(event: EventRecord) -> Result<EventView, Flaw> {
    let written = event.written.ok_or("written_at")?;
    Ok(EventView {
        name: event.name,
        payload: written.payload,
        metadata: written.metadata,
        id: written.id,
        written_at: written.at,
        waking: event.first_unreached.is_some(),
    })
}

/// The bytes of payload that a task shows.
pub(super) fn bytes(task: &TaskView) -> usize {
    let failure = task.failure.as_ref().map_or(0, Failure::bytes);
    let result = task.result.as_ref().map_or(0, Payload::bytes);
    task.params.bytes() + task.headers.bytes() + task.policy.bytes() + result + failure
}

/// Adds the figures of one state.
pub(super) fn count_state(row: &SqliteRow, counts: &mut Counts) -> Result<(), Flaw> {
    let number = count(row, "count")?;
    counts.ready += count(row, "ready")?;
    match get::<i16>(row, "state")? {
        0 => counts.sleeping = number,
        1 => counts.pending = number,
        2 => counts.running = number,
        3 => counts.completed = number,
        4 => counts.failed = number,
        5 => counts.cancelled = number,
        // A state that no release has written: it is in no figure.
        _ => {}
    }
    Ok(())
}
