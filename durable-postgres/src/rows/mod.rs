//! Records as they are stored, and how they are read.

mod end;
mod event;
mod names;
mod slot;
mod task;

pub(crate) use end::EndRow;
pub(crate) use event::Event;
pub(crate) use names::{
    RUN, checkpoint, count, key, kind_number, queue_state, queue_state_number, run_view, worker,
};
pub(crate) use slot::{Ended, Slot, SlotKey, Wait};
pub(crate) use task::{Closed, ClosedBy, State, Task, Why, flaw, later};

/// The part of a record that cannot be decoded.
pub(crate) type Undecodable = &'static str;
