//! The command line.

use std::ffi::OsString;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};

pub(crate) const HELP: &str = "\
An order desk on durable tasks: checks, reserves, charges, waits for the parcel, sends the receipt.

Usage: cargo run --example quickstart -- [OPTIONS]

Options:
  --kill-after N  kill this process (kill -9) right after the Nth thing it does to the world outside;
                  run it again without, and it goes on where it stopped
  --reset         delete the tasks and the ledger of earlier runs first
  --store URL     where tasks are kept [default: sqlite:target/quickstart.db]
  --ledger FILE   where a line is written for each charge, refund and receipt
                  [default: beside a file that is the store, otherwise in target/]
  --data FILE     the orders, as JSON [default: examples/data/orders.json]
  -h, --help      show this help
";

/// Where the defaults are. It is the workspace's, wherever Cargo builds.
pub(crate) const TARGET: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/target");
const STORE: &str = concat!("sqlite:", env!("CARGO_MANIFEST_DIR"), "/target/quickstart.db");
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
    /// Where the ledger is, unless it is [beside the store](Options::ledger).
    ledger: Option<PathBuf>,
    pub(crate) kill_after: Option<NonZeroU32>,
    pub(crate) reset: bool,
}

impl Options {
    pub(crate) fn ledger(&self) -> PathBuf {
        self.ledger.clone().unwrap_or_else(|| beside(&self.store))
    }
}

/// The ledger of a store: beside its file if it is one.
fn beside(store: &str) -> PathBuf {
    let (scheme, rest) = store.split_once(':').unwrap_or((store, ""));
    let file = rest.split('?').next().unwrap_or_default().trim_start_matches("//");
    if scheme == "sqlite" && !file.starts_with(':') {
        return Path::new(file).with_extension("ledger");
    }
    Path::new(TARGET).join(format!("quickstart-{scheme}.ledger"))
}

/// Reads the arguments that follow the program's name.
pub(crate) fn parse(args: impl IntoIterator<Item = OsString>) -> anyhow::Result<Command> {
    let mut options =
        Options { store: STORE.to_owned(), data: DATA.into(), ledger: None, kill_after: None, reset: false };
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
            "--kill-after" => options.kill_after = Some(count(name, &value()?)?),
            "--ledger" => options.ledger = Some(value()?.into()),
            "--reset" if inline.is_none() => options.reset = true,
            "--reset" => bail!("--reset takes no value"),
            "--store" => options.store = value()?,
            option if option.starts_with('-') => bail!("unknown option `{option}`; --help lists them"),
            // It may be a URL whose option was forgotten.
            _ => bail!("an argument without an option; --help lists them"),
        }
    }
    Ok(Command::Run(options))
}

fn count(name: &str, text: &str) -> anyhow::Result<NonZeroU32> {
    text.parse().ok().with_context(|| format!("{name} needs a number from 1 on"))
}
