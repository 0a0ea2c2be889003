//! Rows as people see them.

use durable_core::model::{
    CancelCause, End, EndState, EventName, Failure, IdempotencyKey, Payload, StepKey, TaskId, TaskName,
    TaskState, Timestamp,
};
use durable_core::store::{Counts, EventView, RestView, TaskView, WaitView};
use durable_core::transition::{EndColumns, Flaw, State, Wait, Why, Written, state_columns, state_of};
use sqlx::Row;
use sqlx::postgres::PgRow;

use crate::rows::{
    Decoded, OfTask, count, end_columns, flaw, moment, payload, task_id, time, wait, worker, written,
};

/// A task, with the standing waits of it and others.
pub(super) fn task(row: &PgRow, waits: &[PgRow]) -> Decoded<TaskView> {
    let state = match state_of(row.try_get("state")?, row.try_get("why")?) {
        Ok(state) => state,
        Err(what) => return Ok(Err(what)),
    };
    let id = TaskId::from_uuid(row.try_get("id")?);
    let end = end_columns(row)?;
    let rest = if state == State::Sleeping(Why::Rest) { rest(row, id, waits)?.map(Some) } else { Ok(None) };
    let named = match named(row, state) {
        Ok(Ok(named)) => named,
        Ok(Err(what)) => return Ok(Err(what)),
        Err(error) => return Err(error),
    };
    let ends = match (ends(state, end), rest) {
        (Ok(ends), Ok(rest)) => (ends, rest),
        (Err(what), _) | (_, Err(what)) => return Ok(Err(what)),
    };
    let ((result, failure, cancelled), rest) = ends;
    Ok(Ok(TaskView {
        id,
        name: named.name,
        state: shown(state),
        params: payload(row, "params")?,
        headers: payload(row, "headers")?,
        policy: payload(row, "policy")?,
        priority: row.try_get("priority")?,
        attempt: row.try_get("attempt")?,
        max_attempts: row.try_get("max_attempts")?,
        claims: count(row.try_get("claims")?),
        idempotency_key: named.idempotency_key,
        parent: task_id(row, "parent")?,
        spawned_at: moment(row, "spawned_at")?,
        first_started_at: time(row, "first_started_at")?,
        ended_at: time(row, "ended_at")?,
        available_at: time(row, "available_at")?.filter(|_| state == State::Pending),
        due: time(row, "due")?,
        lease: named.lease,
        rest,
        closing: row.try_get("closing")?,
        result,
        failure,
        cancelled,
    }))
}

/// The texts of a task that were checked when they came in.
struct Named {
    name: TaskName,
    idempotency_key: Option<IdempotencyKey>,
    lease: Option<(durable_core::model::WorkerName, Timestamp)>,
}

fn named(row: &PgRow, state: State) -> Decoded<Named> {
    let name: String = row.try_get("name")?;
    let own: Option<String> = row.try_get("idem_key")?;
    let holder: Option<String> = row.try_get("worker")?;
    let expires_at = time(row, "expires_at")?;
    let attempt = row.try_get("attempt")?;
    Ok((|| {
        if let Some(what) = flaw(&name, attempt) {
            return Err(what);
        }
        let lease = holder.filter(|_| state == State::Running).zip(expires_at);
        Ok(Named {
            name: TaskName::new(name).map_err(|_| "name")?,
            idempotency_key: own.map(IdempotencyKey::new).transpose().map_err(|_| "idem_key")?,
            lease: lease.map(|(holder, at)| Ok::<_, Flaw>((worker(&holder)?, at))).transpose()?,
        })
    })())
}

type Ends = (Option<Payload>, Option<Failure>, Option<CancelCause>);

fn ends(state: State, end: Option<EndColumns>) -> Result<Ends, Flaw> {
    let State::Ended(_) = state else { return Ok((None, None, None)) };
    Ok(match end.ok_or("end_kind")?.end()? {
        End::Value(result) => (Some(result), None, None),
        End::Failed(failure) => (None, Some(failure), None),
        End::Cancelled(cause) => (None, None, Some(cause)),
        End::Timeout => return Err("end_kind"),
    })
}

fn rest(row: &PgRow, id: TaskId, waits: &[PgRow]) -> Decoded<RestView> {
    let claims = count(row.try_get("claims")?);
    let need: Option<i32> = row.try_get("need")?;
    let read: Vec<OfTask<Wait>> = waits.iter().map(wait).collect::<Result<_, _>>()?;
    let own = read.into_iter().filter(|(task, _)| *task == id).map(|(_, wait)| wait);
    Ok((|| {
        let own = own.collect::<Result<Vec<_>, _>>()?;
        let rested = own.into_iter().filter(|(_, wait)| wait.rests == Some(claims));
        let need = need.and_then(|need| u32::try_from(need).ok()).ok_or("need")?;
        Ok(RestView { keys: rested.map(|(key, _)| key).collect(), need })
    })())
}

/// The standing waits.
pub(super) fn waits(rows: &[PgRow]) -> Decoded<Vec<WaitView>> {
    let read: Vec<OfTask<Wait>> = rows.iter().map(wait).collect::<Result<_, _>>()?;
    let view = |(key, wait): (StepKey, Wait)| {
        let Wait { source, registered_at, deadline, .. } = wait;
        WaitView { key, source, registered_at, deadline }
    };
    Ok(read.into_iter().map(|(_, wait)| wait.map(view)).collect())
}

/// An event; `None` for a placeholder.
pub(super) fn event(row: &PgRow) -> Result<Option<EventView>, sqlx::Error> {
    let name: String = row.try_get("name")?;
    let waking = row.try_get("waking")?;
    Ok(EventName::new(name).ok().zip(written(row)?).map(|(name, written)| {
        let Written { at: written_at, id, payload, metadata } = written;
        EventView { name, payload, metadata, id, written_at, waking }
    }))
}

fn shown(state: State) -> TaskState {
    match state {
        State::Sleeping(_) => TaskState::Sleeping,
        State::Pending => TaskState::Pending,
        State::Running => TaskState::Running,
        State::Ended(end) => TaskState::Ended(end),
    }
}

/// Adds the figures of one state.
pub(super) fn count_state(row: &PgRow, counts: &mut Counts) -> Result<(), sqlx::Error> {
    let number = count(row.try_get("count")?);
    counts.ready += count(row.try_get("ready")?);
    // Why a task sleeps makes no difference. A state that no release has written is in no figure.
    let (_, any_why) = state_columns(State::Sleeping(Why::Start));
    match state_of(row.try_get("state")?, any_why).map(shown) {
        Ok(TaskState::Sleeping) => counts.sleeping = number,
        Ok(TaskState::Pending) => counts.pending = number,
        Ok(TaskState::Running) => counts.running = number,
        Ok(TaskState::Ended(EndState::Completed)) => counts.completed = number,
        Ok(TaskState::Ended(EndState::Failed)) => counts.failed = number,
        Ok(TaskState::Ended(EndState::Cancelled)) => counts.cancelled = number,
        Err(_) => {}
    }
    Ok(())
}

/// The bytes of payload that a task shows.
pub(super) fn task_size(task: &TaskView) -> usize {
    let failure = task.failure.as_ref().map_or(0, Failure::bytes);
    let result = task.result.as_ref().map_or(0, Payload::bytes);
    task.params.bytes() + task.headers.bytes() + task.policy.bytes() + result + failure
}
