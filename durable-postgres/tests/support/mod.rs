//! What the test binaries share.

#![allow(dead_code, unused_imports, reason = "each test binary uses a part")]

pub(crate) mod bench;
mod server;

pub(crate) use server::{Server, URL};
