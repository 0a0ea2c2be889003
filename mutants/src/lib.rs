//! The gallery of mutants: the memory store, broken in one way each, and what finds it out.
//!
//! The memory store itself knows nothing of this. The build script takes its sources, makes the edits of all mutants in
//! them (`gallery`) and puts the result here, where every edit is a choice at run time: which mutant a store is, it is
//! told when it is opened (`mutation`). Without one it is the control, which behaves as the store does.

#[allow(dead_code, reason = "the build script reads the edits")]
mod edit;
mod elsewhere;
mod gallery;
mod harness;
mod mutation;
mod torn;
mod wrongs;

pub use elsewhere::{ELSEWHERE, Elsewhere};
pub use harness::{control, mutants};

include!(concat!(env!("OUT_DIR"), "/store/lib.rs"));
