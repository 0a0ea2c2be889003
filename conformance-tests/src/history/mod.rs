//! Histories: what several clients did to one store at once, recorded, written, read again and checked.
//!
//! A [`Recorder`] gives out [`Client`]s, one for each worker or caller: a client has one call at a time, and each of its
//! calls is an [`Operation`] with the place of its invocation and of its answer in one order. [`check`] has a pure function
//! for each property: it takes a [`History`] and gives the first [`Violation`](crate::Violation). So a history of a
//! failed run can be checked again, later and elsewhere:
//!
//! ```
//! use durable_conformance::history::{History, check};
//!
//! # let written = r#"{"form":1,"store":"s","case":"c","seed":1,"operations":[],"last":[]}"#;
//! let history = History::from_json(written)?;
//! check::all(&history).map_err(|violation| violation.to_string())?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod artifact;
pub mod check;
mod client;
mod data;
mod facts;
mod last;
mod lines;
mod recorder;
mod translate;

pub use client::Client;
pub use data::*;
pub use recorder::Recorder;
