//! What a spawn may say about its task, and how that becomes a request.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};
use serde_json::Value as JsonValue;
use std::time::Duration;

use crate::error::{DurableError, DurableResult};
use crate::model::{
    IdempotencyKey, Invalid, Millis, ParentClosePolicy, Payload, StepKey, TaskId, TaskName, canonical_hash,
};
use crate::policy::{CancellationPolicy, RetryStrategy};
use crate::store::{Idempotency, NewTask, ParentLink};

/// The prefix of header keys that are the framework's own.
const RESERVED_HEADER_PREFIX: &str = "durable::";
/// The limit on a payload unless the client sets another: 4 MiB.
pub const DEFAULT_PAYLOAD_LIMIT: usize = 4 << 20;
/// As `max_attempts`: never fail for good by the number of attempts.
pub const UNLIMITED_ATTEMPTS: u32 = u32::MAX;

/// What a spawn may say; what it leaves out comes from the client's defaults.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SpawnOptions {
    /// After how many attempts the task fails for good, at least 1; [`UNLIMITED_ATTEMPTS`] for never.
    pub max_attempts: Option<u32>,
    /// When a failed attempt is followed by the next.
    pub retry_strategy: Option<RetryStrategy>,
    /// When the task is cancelled by itself.
    pub cancellation: Option<CancellationPolicy>,
    /// Data beside the params, for tracing and the like. Keys starting with `durable::` are reserved.
    pub headers: Option<HashMap<String, JsonValue>>,
    /// Higher runs first; 0 unless said otherwise.
    pub priority: i16,
    /// How long from now until the task may start.
    pub delay: Option<Duration>,
    /// A queue holds one task for a key, until that is purged. Not for children: the checkpoint of their spawn is
    /// one.
    pub idempotency_key: Option<String>,
    /// For a child: what becomes of it when its parent ends.
    pub parent_close: ParentClosePolicy,
}

/// What a client's spawns say unless their options do.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct SpawnDefaults {
    /// 5.
    pub(crate) max_attempts: u32,
    /// Fixed, 5 s.
    pub(crate) retry_strategy: RetryStrategy,
    /// No limits.
    pub(crate) cancellation: CancellationPolicy,
}

impl Default for SpawnDefaults {
    fn default() -> Self {
        Self {
            max_attempts: 5,
            retry_strategy: RetryStrategy::default(),
            cancellation: CancellationPolicy::default(),
        }
    }
}

/// What a store keeps for core with each task.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct StoredPolicy {
    pub(crate) retry: RetryStrategy,
}

/// Everything that turns params and options into a request.
#[derive(Debug, Clone)]
pub(crate) struct SpawnRules {
    pub(crate) defaults: SpawnDefaults,
    pub(crate) payload_limit: usize,
}

impl SpawnRules {
    /// A value as a payload, or an error that names it.
    pub(crate) fn payload<T: Serialize + ?Sized>(
        &self,
        what: &'static str,
        value: &T,
    ) -> DurableResult<Payload> {
        Payload::of(value, self.payload_limit).map_err(|error| DurableError::Payload { what, error })
    }

    /// A task without a parent.
    pub(crate) fn root(
        &self,
        name: TaskName,
        params: Payload,
        options: &SpawnOptions,
    ) -> DurableResult<NewTask> {
        let idempotency = match &options.idempotency_key {
            None => None,
            Some(key) => Some(Idempotency {
                key: IdempotencyKey::new(key)?,
                fingerprint: fingerprint(&name, &params)?,
            }),
        };
        let mut task = self.task(name, params, options)?;
        task.idempotency = idempotency;
        Ok(task)
    }

    /// A child whose end goes to the parent's checkpoint of [`join_key`].
    pub(crate) fn child(
        &self,
        name: TaskName,
        params: Payload,
        options: &SpawnOptions,
    ) -> DurableResult<NewTask> {
        if options.idempotency_key.is_some() {
            let problem = "a child has none: the checkpoint of its spawn is one";
            return Err(Invalid::new("idempotency key", problem).into());
        }
        let mut task = self.task(name, params, options)?;
        task.parent = Some(ParentLink { join_key: join_key(task.id)?, on_close: options.parent_close });
        Ok(task)
    }

    fn task(&self, name: TaskName, params: Payload, options: &SpawnOptions) -> DurableResult<NewTask> {
        let defaults = &self.defaults;
        let retry = options.retry_strategy.as_ref().unwrap_or(&defaults.retry_strategy);
        let limits = options.cancellation.as_ref().unwrap_or(&defaults.cancellation);
        if let Some(problem) = retry.problem() {
            return Err(Invalid::new("retry strategy", problem).into());
        }
        let mut task = NewTask::new(TaskId::new(), name, params);
        task.headers = self.headers(options)?;
        task.policy = self.payload("retry strategy", &StoredPolicy { retry: retry.clone() })?;
        task.priority = options.priority;
        task.max_attempts = max_attempts(options.max_attempts.unwrap_or(defaults.max_attempts), retry)?;
        task.delay = Millis::at_least(options.delay.unwrap_or_default())?;
        task.max_pending = limit("max_pending_time", limits.max_pending_time)?;
        task.max_running = limit("max_running_time", limits.max_running_time)?;
        Ok(task)
    }

    fn headers(&self, options: &SpawnOptions) -> DurableResult<Payload> {
        let Some(headers) = &options.headers else { return Ok(Payload::from_text("{}")) };
        if let Some(key) = headers.keys().find(|key| key.starts_with(RESERVED_HEADER_PREFIX)) {
            return Err(DurableError::ReservedHeaderPrefix { key: key.clone() });
        }
        self.payload("headers", headers)
    }
}

/// The key of the parent's checkpoint that a child's end is written to. It is never numbered.
pub(crate) fn join_key(child: TaskId) -> DurableResult<StepKey> {
    let hash = canonical_hash(&()).map_err(|error| DurableError::Payload { what: "key", error })?;
    Ok(crate::model::checkpoint_key("", &format!("$awaitEvent:$child:{child}"), &hash, 1)?)
}

fn fingerprint(name: &TaskName, params: &Payload) -> DurableResult<String> {
    let invalid = |message: String| DurableError::Params { task: name.to_string(), message };
    let value: JsonValue = params.read().map_err(|error| invalid(error.to_string()))?;
    canonical_hash(&(name.as_str(), value)).map_err(|error| invalid(error.to_string()))
}

fn max_attempts(asked: u32, retry: &RetryStrategy) -> DurableResult<Option<i32>> {
    match (asked, retry) {
        (0, _) => Err(Invalid::new("max_attempts", "it is 0; a task has at least one attempt").into()),
        (_, RetryStrategy::None) => Ok(Some(1)),
        (attempts, _) => Ok(i32::try_from(attempts).ok()),
    }
}

fn limit(what: &'static str, limit: Option<Duration>) -> DurableResult<Option<Millis>> {
    let Some(limit) = limit else { return Ok(None) };
    match Millis::at_least(limit)? {
        Millis::ZERO => Err(Invalid::new(what, "it is zero").into()),
        millis => Ok(Some(millis)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spawn(options: &SpawnOptions) -> DurableResult<NewTask> {
        let rules = SpawnRules { defaults: SpawnDefaults::default(), payload_limit: DEFAULT_PAYLOAD_LIMIT };
        rules.root(TaskName::new("t").unwrap(), Payload::from_text("1"), options)
    }

    #[test]
    fn defaults_are_five_attempts_and_no_limits() {
        let task = spawn(&SpawnOptions::default()).unwrap();
        assert_eq!((task.max_attempts, task.max_pending, task.max_running), (Some(5), None, None));
    }

    #[test]
    fn no_retry_strategy_is_one_attempt() {
        let options = SpawnOptions { retry_strategy: Some(RetryStrategy::None), ..Default::default() };
        assert_eq!(spawn(&options).unwrap().max_attempts, Some(1));
    }

    #[test]
    fn no_attempts_at_all_are_refused() {
        assert!(spawn(&SpawnOptions { max_attempts: Some(0), ..Default::default() }).is_err());
    }

    #[test]
    fn unlimited_attempts_have_no_figure() {
        let options = SpawnOptions { max_attempts: Some(UNLIMITED_ATTEMPTS), ..Default::default() };
        assert_eq!(spawn(&options).unwrap().max_attempts, None);
    }

    #[test]
    fn reserved_headers_are_refused() {
        let headers = HashMap::from([("durable::trace".to_owned(), JsonValue::Null)]);
        let refused = spawn(&SpawnOptions { headers: Some(headers), ..Default::default() });
        assert!(matches!(refused, Err(DurableError::ReservedHeaderPrefix { .. })));
    }

    #[test]
    fn a_limit_of_zero_is_refused() {
        let cancellation =
            CancellationPolicy { max_pending_time: Some(Duration::ZERO), max_running_time: None };
        assert!(spawn(&SpawnOptions { cancellation: Some(cancellation), ..Default::default() }).is_err());
    }

    #[test]
    fn a_fingerprint_is_of_name_and_canonical_params() {
        let of = |name: &str, params: &str| {
            fingerprint(&TaskName::new(name).unwrap(), &Payload::from_text(params)).unwrap()
        };
        assert_eq!(of("t", r#"{"a":1,"b":2}"#), of("t", r#"{"b":2,"a":1}"#));
        assert_ne!(of("t", "1"), of("u", "1"));
        assert_ne!(of("t", "1"), of("t", "2"));
    }
}
