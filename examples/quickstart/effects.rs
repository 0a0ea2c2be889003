//! What the order desk does to the world outside. All of it goes through [`Effects::perform`].

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::bail;
use durable::TaskId;
use serde::Serialize;

use crate::ledger::Ledger;
use crate::money::Cents;
use crate::orders::{Order, Trouble};

/// How long the payment gateway and the mail server take to answer.
const LATENCY: Duration = Duration::from_millis(15);

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Kind {
    Charge,
    Refund,
    Receipt,
}

impl Kind {
    const fn name(self) -> &'static str {
        match self {
            Self::Charge => "charge",
            Self::Refund => "refund",
            Self::Receipt => "receipt",
        }
    }

    /// The trouble that makes its other side not answer the first time.
    const fn trouble(self) -> Option<Trouble> {
        match self {
            Self::Charge => Some(Trouble::GatewayDownOnce),
            Self::Receipt => Some(Trouble::MailDownOnce),
            Self::Refund => None,
        }
    }
}

/// One thing to do. The task that does it and its kind are the idempotency key: who gets it twice does it once.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Effect {
    kind: Kind,
    task: TaskId,
    order: String,
    amount: Cents,
    down_once: bool,
}

impl Effect {
    pub(crate) fn new(kind: Kind, task: TaskId, order: &Order, amount: Cents) -> Self {
        let down_once = order.trouble.is_some() && order.trouble == kind.trouble();
        Self { kind, task, order: order.id.clone(), amount, down_once }
    }

    fn key(&self) -> String {
        format!("{}:{}", self.task, self.kind.name())
    }
}

/// The world outside, as every task of this process sees it.
#[derive(Debug, Clone)]
pub(crate) struct Effects {
    ledger: Arc<Ledger>,
    /// What this process did not get through with yet. Another process will not either, the first time; attempts are
    /// without limit, so that this costs time and nothing else.
    failed: Arc<Mutex<HashSet<(TaskId, Kind)>>>,
}

impl Effects {
    pub(crate) fn new(ledger: Arc<Ledger>) -> Self {
        Self { ledger, failed: Arc::default() }
    }

    /// Does it, and returns the other side's reference.
    pub(crate) async fn perform(&self, effect: Effect) -> anyhow::Result<String> {
        tokio::time::sleep(LATENCY).await;
        let (kind, order) = (effect.kind.name(), &effect.order);
        if effect.down_once && self.is_first_failure(&effect) {
            bail!("{kind} of {} for {order}: no answer", effect.amount);
        }
        // The other side has it from here on; the step's result is stored only after this returns.
        self.ledger.add(&format!("{} {order} {}", effect.key(), effect.amount))?;
        Ok(format!("{kind}-{order}"))
    }

    fn is_first_failure(&self, effect: &Effect) -> bool {
        let mut failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
        failed.insert((effect.task, effect.kind))
    }
}
