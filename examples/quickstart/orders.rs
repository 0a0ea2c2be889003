//! The orders, read from a file and checked.

use std::collections::HashSet;
use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use serde::{Deserialize, Serialize};

use crate::money::Cents;

/// One order of the file.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Order {
    /// For example `ORD-1001`.
    pub(crate) id: String,
    pub(crate) lines: Vec<Line>,
    /// How long its customer waits for the parcel before the money goes back: an hour unless the order says so.
    #[serde(default = "an_hour")]
    patience_ms: u64,
    /// What goes wrong on its way, so that there is something to see.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) trouble: Option<Trouble>,
}

/// A number of one thing.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Line {
    pub(crate) sku: String,
    pub(crate) name: String,
    pub(crate) quantity: u32,
    #[serde(rename = "unit_price_cents")]
    pub(crate) unit_price: Cents,
}

/// What goes wrong with an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Trouble {
    /// The payment gateway does not answer the first charge.
    GatewayDownOnce,
    /// The mail server does not take the first receipt.
    MailDownOnce,
    /// The warehouse never packs it.
    NeverPacked,
}

/// In milliseconds.
const fn an_hour() -> u64 {
    60 * 60 * 1_000
}

impl Order {
    /// How long it waits for its parcel. That time goes on while no process runs.
    pub(crate) const fn patience(&self) -> Duration {
        Duration::from_millis(self.patience_ms)
    }

    /// What the order costs.
    pub(crate) fn total(&self) -> anyhow::Result<Cents> {
        let mut total = Cents::default();
        for line in &self.lines {
            ensure!(line.quantity > 0, "{}: none of {} is ordered", self.id, line.sku);
            let amount = line.unit_price.times(line.quantity).and_then(|amount| total.plus(amount));
            total = amount.with_context(|| format!("{}: the total is too large", self.id))?;
        }
        Ok(total)
    }
}

/// Reads the orders of a JSON file.
pub(crate) fn read(path: &Path) -> anyhow::Result<Vec<Order>> {
    let text = fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    parse(&text).with_context(|| format!("{} is not as it should be", path.display()))
}

fn parse(text: &str) -> anyhow::Result<Vec<Order>> {
    let orders: Vec<Order> = serde_json::from_str(text)?;
    ensure!(!orders.is_empty(), "there are no orders in it");
    let mut ids = HashSet::new();
    for order in &orders {
        ensure!(!order.id.trim().is_empty(), "an order has no id");
        ensure!(!order.lines.is_empty(), "order {} has no lines", order.id);
        if !ids.insert(order.id.as_str()) {
            bail!("order {} is there twice", order.id);
        }
    }
    Ok(orders)
}
