//! Scripts: static Lua, run by its hash and loaded when the server does not know it.

use std::sync::OnceLock;

use redis::aio::ConnectionManager;
use redis::{Cmd, ErrorKind, RedisResult, ServerErrorKind, Value};

use crate::args::Args;
use crate::keys::Keys;

/// The script of one verb: the helpers, in an order in which each knows those before it, and the verb's own file.
macro_rules! script {
    ($verb:literal) => {
        $crate::script::Script::new(concat!(
            include_str!("lua/lib/head.lua"),
            include_str!("lua/lib/args.lua"),
            include_str!("lua/lib/clock.lua"),
            include_str!("lua/lib/task.lua"),
            include_str!("lua/lib/due.lua"),
            include_str!("lua/lib/history.lua"),
            include_str!("lua/lib/event.lua"),
            include_str!("lua/lib/wait.lua"),
            include_str!("lua/lib/moves.lua"),
            include_str!("lua/lib/spread.lua"),
            include_str!("lua/lib/emit.lua"),
            include_str!("lua/lib/spawn.lua"),
            include_str!("lua/lib/upkeep.lua"),
            include_str!("lua/lib/view.lua"),
            include_str!("lua/lib/removal.lua"),
            include_str!(concat!("lua/", $verb, ".lua")),
        ))
    };
}
pub(crate) use script;

/// One static script.
#[derive(Debug)]
pub(crate) struct Script {
    source: &'static str,
    hash: OnceLock<String>,
}

impl Script {
    pub(crate) const fn new(source: &'static str) -> Self {
        Self { source, hash: OnceLock::new() }
    }

    fn hash(&self) -> &str {
        self.hash.get_or_init(|| redis::Script::new(self.source).get_hash().to_owned())
    }

    /// Runs the script once. A server that does not know it has run nothing, and gets the source.
    pub(crate) async fn run(
        &self,
        connection: &mut ConnectionManager,
        keys: &Keys,
        args: &Args<'_>,
    ) -> RedisResult<Value> {
        let by_hash = command("EVALSHA", self.hash(), keys, args);
        match by_hash.query_async(connection).await {
            Err(error) if error.kind() == ErrorKind::Server(ServerErrorKind::NoScript) => {
                command("EVAL", self.source, keys, args).query_async(connection).await
            }
            answer => answer,
        }
    }
}

fn command(name: &str, script: &str, keys: &Keys, args: &Args<'_>) -> Cmd {
    let keys = keys.fixed();
    let mut command = redis::cmd(name);
    command.arg(script).arg(keys.len()).arg(&keys);
    for arg in args.as_slice() {
        command.arg(arg.as_bytes());
    }
    command
}
