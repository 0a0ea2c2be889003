//! From a body's error to what is stored, and to what happens next.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value as JsonValue;

use crate::error::{RetryAdvice, TaskError, advice};
use crate::model::{Millis, Payload};
use crate::options::StoredPolicy;
use crate::run::backoff::random_unit;
use crate::store::{Claim, Ending, RetryAfter};

/// The most of a message that is kept, in bytes: a failure must always fit where a result does.
const MAX_MESSAGE: usize = 16 << 10;

/// Why an attempt failed, as it is stored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TaskFailure {
    /// The kind of error, for example `Step` or `ClaimTimeout`.
    pub name: String,
    /// What happened.
    pub message: String,
    /// The errors below it, outermost first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub causes: Vec<String>,
    /// The step that failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<String>,
    /// The user's own data.
    #[serde(default, skip_serializing_if = "JsonValue::is_null")]
    pub data: JsonValue,
}

impl fmt::Display for TaskFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        self.causes.iter().try_for_each(|cause| write!(f, ": {cause}"))
    }
}

impl TaskFailure {
    /// A failure with a message alone.
    pub fn new(name: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            message: message.into(),
            causes: Vec::new(),
            step: None,
            data: JsonValue::Null,
        }
    }

    pub(crate) fn of(error: &TaskError) -> Self {
        let mut failure = Self::new(error.name(), shortened(error.to_string()));
        match error {
            TaskError::Step { base_name, error } => {
                failure.step = Some(base_name.clone());
                failure.causes = error.chain().skip(1).map(|cause| shortened(cause.to_string())).collect();
            }
            TaskError::SubtaskSpawnFailed { name: step, error }
            | TaskError::EmitEventFailed { event_name: step, error } => {
                failure.step = Some(step.clone());
                failure.causes = error.chain().skip(1).map(|cause| shortened(cause.to_string())).collect();
            }
            TaskError::Store(error) => failure.causes = vec![shortened(error.to_string())],
            TaskError::Timeout { step_name }
            | TaskError::ChildFailed { step_name, .. }
            | TaskError::ChildCancelled { step_name } => failure.step = Some(step_name.clone()),
            TaskError::User { error_data, .. } => failure.data = error_data.clone(),
            _ => {}
        }
        failure
    }

    /// The failure as JSON; the user's data is left out where it would not fit.
    fn payload(&self, limit: usize) -> Payload {
        let bare = || Payload::of(&Self::new(&self.name, &self.message), usize::MAX);
        let payload = Payload::of(self, limit).or_else(|_| bare());
        payload.unwrap_or_else(|_| Payload::from_text(r#"{"name":"Unwritable","message":""}"#))
    }
}

fn shortened(mut text: String) -> String {
    if text.len() > MAX_MESSAGE {
        let end = (0..=MAX_MESSAGE).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        text.truncate(end);
        text.push('…');
    }
    text
}

/// How a failed attempt ends: with another one, or for good.
pub(crate) fn ending(claim: &Claim, error: &TaskError, limit: usize) -> Ending {
    let retry = match delay(claim, error) {
        Some(delay) => RetryAfter::After(Millis::at_least(delay).unwrap_or(Millis::LONGEST)),
        None => RetryAfter::Never,
    };
    Ending::Fail { failure: TaskFailure::of(error).payload(limit), retry }
}

/// How a run ends whose lease is nearly over: the lease was the delay (rule C5).
pub(crate) fn lease_over(claim: &Claim, limit: usize) -> Ending {
    let failure = TaskFailure::new("ClaimTimeout", "the lease ran out while the task was running");
    let retry = if has_attempts_left(claim) { RetryAfter::After(Millis::ZERO) } else { RetryAfter::Never };
    Ending::Fail { failure: failure.payload(limit), retry }
}

fn delay(claim: &Claim, error: &TaskError) -> Option<Duration> {
    let advice = match error {
        TaskError::Step { error, .. } => advice(error),
        TaskError::Store(_) | TaskError::Panicked { .. } | TaskError::User { retryable: true, .. } => None,
        _ => Some(RetryAdvice::Never),
    };
    if !has_attempts_left(claim) {
        return None;
    }
    match advice {
        Some(RetryAdvice::Never) => None,
        Some(RetryAdvice::After(delay)) => Some(delay),
        None => {
            let policy: StoredPolicy = claim.policy.read().unwrap_or_default();
            policy.retry.delay(claim.attempt, random_unit())
        }
    }
}

fn has_attempts_left(claim: &Claim) -> bool {
    claim.max_attempts.is_none_or(|max| claim.attempt < max)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::{permanent, retry_after};
    use crate::model::{CallId, TaskId, TaskName, Timestamp, Token};

    fn claim(attempt: i32) -> Claim {
        Claim {
            token: Token { task: TaskId::new(), call: CallId::new(), claim: 1 },
            name: TaskName::new("t").unwrap(),
            params: Payload::from_text("null"),
            headers: Payload::from_text("{}"),
            policy: Payload::of(&StoredPolicy::default(), usize::MAX).unwrap(),
            parent: None,
            attempt,
            max_attempts: Some(5),
            claimed_at: Timestamp::from_millis(0),
            expires_at: Timestamp::from_millis(1),
            checkpoints: 0,
        }
    }

    fn retry(attempt: i32, error: &TaskError) -> RetryAfter {
        match ending(&claim(attempt), error, 1 << 20) {
            Ending::Fail { retry, .. } => retry,
            other => panic!("{other:?}"),
        }
    }

    fn step(error: anyhow::Error) -> TaskError {
        TaskError::Step { base_name: "s".into(), error }
    }

    const FIVE_SECONDS: RetryAfter = RetryAfter::After(Millis::new(5_000));

    #[test]
    fn steps_and_panics_are_retried_by_the_policy_until_attempts_are_used_up() {
        assert_eq!(retry(1, &step(anyhow::anyhow!("x"))), FIVE_SECONDS);
        assert_eq!(retry(4, &TaskError::Panicked { message: "x".into() }), FIVE_SECONDS);
        assert_eq!(retry(5, &step(anyhow::anyhow!("x"))), RetryAfter::Never);
    }

    #[test]
    fn a_step_may_say_permanent_or_when() {
        assert_eq!(retry(1, &step(permanent(anyhow::anyhow!("x")))), RetryAfter::Never);
        let later = retry_after(Duration::from_secs(60), anyhow::anyhow!("x"));
        assert_eq!(retry(1, &step(later)), RetryAfter::After(Millis::new(60_000)));
        let never = retry_after(Duration::MAX, anyhow::anyhow!("x"));
        assert_eq!(retry(1, &step(never)), RetryAfter::After(Millis::LONGEST), "a delay saturates");
    }

    #[test]
    fn a_user_error_is_permanent_unless_it_is_marked() {
        assert_eq!(retry(1, &TaskError::user_message("x")), RetryAfter::Never);
        assert_eq!(retry(1, &TaskError::user_message("x").retryable()), FIVE_SECONDS);
    }

    #[test]
    fn a_failure_keeps_the_step_the_causes_and_the_users_data() {
        let inner = anyhow::anyhow!("refused").context("charging");
        let failure = TaskFailure::of(&step(inner));
        assert_eq!((failure.step.as_deref(), failure.causes), (Some("s"), vec!["refused".to_owned()]));
        let failure = TaskFailure::of(&TaskError::user(serde_json::json!({"message": "m", "code": 7})));
        assert_eq!(failure.data["code"], 7);
    }

    #[test]
    fn data_that_does_not_fit_is_left_out() {
        let failure =
            TaskFailure::of(&TaskError::user(serde_json::json!({"message": "m", "x": "y".repeat(100)})));
        let stored: TaskFailure = failure.payload(100).read().unwrap();
        assert_eq!((stored.message.as_str(), stored.data), ("m", JsonValue::Null));
    }
}
