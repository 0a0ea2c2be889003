//! The command line.

use std::ffi::OsString;
use std::path::PathBuf;

use anyhow::{Context as _, bail};

pub(crate) const HELP: &str = "\
An order desk on durable tasks: checks, reserves, charges, waits for the parcel, sends the receipt.

Usage: cargo run --example quickstart -- [OPTIONS]

Options:
  --store URL   where tasks are kept [default: memory:]
  --data FILE   the orders, as JSON [default: examples/data/orders.json]
  -h, --help    show this help
";

const DATA: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/data/orders.json");

/// What the command line asks for.
#[derive(Debug)]
pub(crate) enum Command {
    Help,
    Run(Options),
}

#[derive(Debug)]
pub(crate) struct Options {
    /// The store's URL. It may have a password in it, so no message repeats it.
    pub(crate) store: String,
    pub(crate) data: PathBuf,
}

/// Reads the arguments that follow the program's name.
pub(crate) fn parse(args: impl IntoIterator<Item = OsString>) -> anyhow::Result<Command> {
    let mut options = Options { store: "memory:".to_owned(), data: DATA.into() };
    let mut args = args.into_iter().map(|arg| arg.into_string().ok().context("an argument is not UTF-8"));
    while let Some(arg) = args.next().transpose()? {
        let (name, inline) = match arg.split_once('=') {
            Some((name, value)) => (name, Some(value.to_owned())),
            None => (arg.as_str(), None),
        };
        let mut value = || match inline.clone() {
            Some(value) => Ok(value),
            None => args.next().transpose()?.with_context(|| format!("{name} needs a value")),
        };
        match name {
            "-h" | "--help" => return Ok(Command::Help),
            "--data" => options.data = value()?.into(),
            "--store" => options.store = value()?,
            option if option.starts_with('-') => bail!("unknown option `{option}`; --help lists them"),
            // It may be a URL whose option was forgotten.
            _ => bail!("an argument without an option; --help lists them"),
        }
    }
    Ok(Command::Run(options))
}
