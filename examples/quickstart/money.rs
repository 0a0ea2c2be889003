//! Money: whole cents, never a fraction.

use std::fmt;

use serde::{Deserialize, Serialize};

/// An amount in cents. It is shown as, for example, `$1,234.50`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Cents(pub(crate) u64);

impl Cents {
    pub(crate) fn times(self, quantity: u32) -> Option<Self> {
        self.0.checked_mul(quantity.into()).map(Self)
    }

    pub(crate) fn plus(self, other: Self) -> Option<Self> {
        self.0.checked_add(other.0).map(Self)
    }
}

impl fmt::Display for Cents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let dollars = (self.0 / 100).to_string();
        let mut text = String::from("$");
        for (at, digit) in dollars.chars().enumerate() {
            if at > 0 && (dollars.len() - at).is_multiple_of(3) {
                text.push(',');
            }
            text.push(digit);
        }
        // `pad` keeps the width and the alignment that the caller asks for.
        f.pad(&format!("{text}.{:02}", self.0 % 100))
    }
}
