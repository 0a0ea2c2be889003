//! Rows as people see them.

use durable_core::model::{
    CancelCause, End, EventName, Failure, IdempotencyKey, Payload, StepKey, TaskId, TaskName, TaskState,
    Timestamp,
};
use durable_core::store::{Counts, HistoryEntry, RestView, TaskView, WaitSource, WaitView};
use sqlx::Row;
use sqlx::postgres::PgRow;
use uuid::Uuid;

use crate::rows::{EndRow, Slot, SlotKey, State, Undecodable, Wait, count, flaw, key, worker};

type Decoded<T> = Result<Result<T, Undecodable>, sqlx::Error>;

/// A task, with the standing waits of it and others.
pub(super) fn task(row: &PgRow, waits: &[PgRow]) -> Decoded<TaskView> {
    let state = match State::read(row.try_get("state")?, row.try_get("why")?) {
        Ok(state) => state,
        Err(what) => return Ok(Err(what)),
    };
    let id: Uuid = row.try_get("id")?;
    let end = EndRow::read(row)?;
    let rest = if state == State::Sleeping(crate::rows::Why::Rest) {
        rest(row, id, waits)?.map(Some)
    } else {
        Ok(None)
    };
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
    let parent: Option<Uuid> = row.try_get("parent")?;
    Ok(Ok(TaskView {
        id: TaskId::from_uuid(id),
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
        parent: parent.map(TaskId::from_uuid),
        spawned_at: Timestamp::from_millis(row.try_get("spawned_at")?),
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
            lease: lease.map(|(holder, at)| Ok::<_, Undecodable>((worker(&holder)?, at))).transpose()?,
        })
    })())
}

type Ends = (Option<Payload>, Option<Failure>, Option<CancelCause>);

fn ends(state: State, end: Option<EndRow>) -> Result<Ends, Undecodable> {
    let State::Ended(_) = state else { return Ok((None, None, None)) };
    Ok(match end.ok_or("end_kind")?.end()? {
        End::Value(result) => (Some(result), None, None),
        End::Failed(failure) => (None, Some(failure), None),
        End::Cancelled(cause) => (None, None, Some(cause)),
        End::Timeout => return Err("end_kind"),
    })
}

fn rest(row: &PgRow, id: Uuid, waits: &[PgRow]) -> Decoded<RestView> {
    let claims: i64 = row.try_get("claims")?;
    let need: Option<i32> = row.try_get("need")?;
    let mut keys = Vec::new();
    for wait in waits {
        let ((task, text), wait) = Slot::read_wait(wait)?;
        if task == id && wait.rests == Some(claims) {
            match key(&text) {
                Ok(key) => keys.push(key),
                Err(what) => return Ok(Err(what)),
            }
        }
    }
    Ok(need.and_then(|need| u32::try_from(need).ok()).map(|need| RestView { keys, need }).ok_or("need"))
}

/// The standing waits.
pub(super) fn waits(rows: &[PgRow]) -> Decoded<Vec<WaitView>> {
    let read: Vec<(SlotKey, Wait)> = rows.iter().map(Slot::read_wait).collect::<Result<_, _>>()?;
    Ok(read.into_iter().map(|((_, text), wait)| wait_view(&text, wait)).collect())
}

fn wait_view(text: &str, wait: Wait) -> Result<WaitView, Undecodable> {
    let key: StepKey = key(text)?;
    let source = match wait.source {
        Wait::TIME => WaitSource::Time,
        Wait::EVENT => WaitSource::Event(EventName::new(wait.event.ok_or("event")?).map_err(|_| "event")?),
        Wait::CHILD => WaitSource::Child(TaskId::from_uuid(wait.child.ok_or("child")?)),
        _ => return Err("source"),
    };
    Ok(WaitView {
        key,
        source,
        registered_at: Timestamp::from_millis(wait.registered_at),
        deadline: wait.deadline.map(Timestamp::from_millis),
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

fn payload(row: &PgRow, column: &'static str) -> Result<Payload, sqlx::Error> {
    row.try_get::<String, _>(column).map(Payload::from_text)
}

fn time(row: &PgRow, column: &'static str) -> Result<Option<Timestamp>, sqlx::Error> {
    Ok(row.try_get::<Option<i64>, _>(column)?.map(Timestamp::from_millis))
}

/// Adds the figures of one state.
pub(super) fn count_state(row: &PgRow, counts: &mut Counts) -> Result<(), sqlx::Error> {
    let number = count(row.try_get("count")?);
    counts.ready += count(row.try_get("ready")?);
    match row.try_get::<i16, _>("state")? {
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

/// The bytes of payload that a task shows.
pub(super) fn task_size(task: &TaskView) -> usize {
    let failure = task.failure.as_ref().map_or(0, failure_size);
    let result = task.result.as_ref().map_or(0, payload_size);
    payload_size(&task.params) + payload_size(&task.headers) + payload_size(&task.policy) + result + failure
}

/// The bytes of payload of an entry.
pub(super) fn entry_size(entry: &HistoryEntry) -> usize {
    match entry {
        HistoryEntry::Run(run) => failure_size(&run.failure),
        HistoryEntry::Checkpoint { checkpoint, .. } => match &checkpoint.end {
            End::Value(payload) => payload_size(payload),
            End::Failed(failure) => failure_size(failure),
            End::Timeout | End::Cancelled(_) => 0,
        },
    }
}

fn failure_size(failure: &Failure) -> usize {
    match failure {
        Failure::Reported(payload) => payload_size(payload),
        Failure::ClaimTimeout { .. } | Failure::Corrupt { .. } => 0,
    }
}

fn payload_size(payload: &Payload) -> usize {
    payload.as_str().len()
}
