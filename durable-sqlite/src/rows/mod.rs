//! Rows as the records that they are. What cannot be decoded is named, never guessed.

mod column;
mod history;
mod slot;
mod task;

pub(crate) use column::{get, ids, json, payload, text, time};
pub(crate) use history::{RUN, checkpoint, run};
pub(crate) use slot::{child, event, slot, slot_key, wait};
pub(crate) use task::{count, end, task};
