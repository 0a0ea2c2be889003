//! Writing back, and telling who may want to hear of it.

use durable_core::model::{EventName, TaskId, Timestamp};
use durable_core::store::HistoryEntry;
use durable_core::transition::{
    EndColumns, EventRecord, TaskRecord, Wait, closed_columns, kind_number, source_columns, state_columns,
};
use serde_json::{Value, json};

use super::Work;
use crate::engine::{Call, Statement, Tx, statement};
use crate::error::Fault;
use crate::rows::{RUN, json as array};
use crate::tasks::{NewRow, insertion, tell_inserted};

const FLUSH: Statement = statement!("shared/flush.sql");
const CLEAR: Statement = statement!("shared/closing_clear.sql");

impl Work<'_> {
    /// Writes what has changed, as the last thing that the step does.
    pub(crate) async fn finish(&self, tx: &mut Tx<'_, '_>) -> Result<(), Fault> {
        self.insert_children(tx).await?;
        if !self.records.closing_above().is_empty() {
            return self.write(tx).await;
        }
        if self.records.has_changes() {
            tx.last(self.changes(FLUSH)).await?;
        }
        self.tell(tx);
        Ok(())
    }

    /// Writes what has changed, with more to come in the same transaction.
    pub(crate) async fn write(&self, tx: &mut Tx<'_, '_>) -> Result<(), Fault> {
        tx.sets(self.changes(FLUSH)).await?;
        let closing = self.records.closing_above();
        if !closing.is_empty() {
            tx.sets(CLEAR.bind(self.queue.as_str()).bind(array(closing))).await?;
        }
        self.tell(tx);
        Ok(())
    }

    async fn insert_children(&self, tx: &mut Tx<'_, '_>) -> Result<(), Fault> {
        let children: Vec<NewRow<'_>> = self.records.spawned().iter().map(NewRow::child).collect();
        if children.is_empty() {
            return Ok(());
        }
        let call = insertion(self.queue, tx.now(), &children);
        tx.sets(call).await?;
        tell_inserted(tx, self.queue, &children);
        Ok(())
    }

    /// A call of `flush.sql`, or of one that begins with it: its parameters are the first seven.
    pub(crate) fn changes(&self, statement: Statement) -> Call {
        let records = &self.records;
        let history: Vec<Value> =
            records.history().iter().filter_map(|(id, entry)| self.entry(*id, entry)).collect();
        let removed: Vec<_> =
            records.removed_waits().filter_map(|(id, key)| Some((self.seq(id)?, key.as_str()))).collect();
        let waits: Vec<Value> = records
            .changed_waits()
            .filter_map(|(id, key, wait)| Some(wait_row(self.seq(id)?, key.as_str(), wait)))
            .collect();
        let tasks: Vec<Value> =
            records.changed_tasks().filter_map(|task| Some(task_row(self.seq(task.id)?, task))).collect();
        let until = |task: &TaskRecord| task.limit().map(|(at, _)| at.as_millis());
        let rests: Vec<_> = records
            .stale_rests()
            .filter_map(|task| Some((self.seq(task.id)?, task.claims, until(task))))
            .collect();
        let events: Vec<Value> = records.changed_events().filter_map(event_row).collect();
        statement
            .bind(self.queue.as_str())
            .bind(array(&history))
            .bind(array(&removed))
            .bind(array(&waits))
            .bind(array(&tasks))
            .bind(array(&rests))
            .bind(array(&events))
    }

    fn seq(&self, id: TaskId) -> Option<i64> {
        self.seqs.get(&id).copied()
    }

    fn entry(&self, id: TaskId, entry: &HistoryEntry) -> Option<Value> {
        let seq = self.seq(id)?;
        Some(match entry {
            HistoryEntry::Checkpoint { checkpoint: stored, .. } => {
                let end = EndColumns::from(&stored.end);
                json!([
                    seq,
                    stored.order,
                    kind_number(stored.kind),
                    stored.key.as_str(),
                    end.kind,
                    end.text,
                    end.at,
                    stored.attempt,
                    stored.worker.as_ref().map(AsRef::<str>::as_ref),
                    stored.started_at.as_millis(),
                    stored.ended_at.as_millis(),
                ])
            }
            HistoryEntry::Run(run) => {
                let end = EndColumns::from(&run.failure);
                let at = run.ended_at.as_millis();
                json!([
                    seq,
                    run.order,
                    RUN,
                    null,
                    end.kind,
                    end.text,
                    end.at,
                    run.attempt,
                    run.worker.as_str(),
                    at,
                    at,
                ])
            }
        })
    }

    /// Tells what has changed, once it is written.
    pub(crate) fn tell(&self, tx: &mut Tx<'_, '_>) {
        for hint in self.records.hints() {
            tx.tell(self.queue, hint);
        }
    }
}

fn millis(at: Option<Timestamp>) -> Option<i64> {
    at.map(Timestamp::as_millis)
}

fn wait_row(seq: i64, key: &str, wait: &Wait) -> Value {
    let (source, event, child) = source_columns(&wait.source);
    let event = event.map(EventName::as_str);
    let at = wait.registered_at.as_millis();
    json!([seq, key, source, event, child, at, millis(wait.deadline), wait.rests])
}

fn task_row(seq: i64, task: &TaskRecord) -> Value {
    let (state, why) = state_columns(task.state);
    let end = task.end.as_ref().map(EndColumns::from);
    let end = end.map_or((None, None, None), |end| (Some(end.kind), end.text, end.at));
    let (closed, closed_due) = task.closed.map(closed_columns).unzip();
    json!([
        seq,
        state,
        why,
        millis(task.available_at),
        millis(task.due()),
        task.attempt,
        millis(task.ended_at),
        end.0,
        end.1,
        end.2,
        millis(task.closing_since),
        millis(task.expires_at),
        closed,
        closed_due.flatten(),
        task.need,
        millis(task.rest_due),
        task.last_order,
        task.checkpoints,
    ])
}

fn event_row(event: &EventRecord) -> Option<Value> {
    let written = event.written.as_ref()?;
    let unreached = millis(event.first_unreached);
    let (payload, metadata) = (written.payload.as_str(), written.metadata.as_str());
    Some(json!([event.name.as_str(), written.at.as_millis(), payload, metadata, written.id, unreached]))
}
