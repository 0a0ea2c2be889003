//! What the test binaries share.

#![allow(dead_code, unused_imports, reason = "each test binary uses a part")]

pub(crate) mod bench;
pub(crate) mod ears;
pub(crate) mod pooler;
pub(crate) mod proxy;
mod server;

pub(crate) use server::{Server, Setup, URL, free_port};
