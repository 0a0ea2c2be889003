//! Runs: claim (which ends runs, too), extend, wait.

mod claim;
mod end;
mod extend;
mod wait;

pub(crate) use claim::claim;
pub(crate) use extend::extend;
pub(crate) use wait::wait;
