//! Checks the invariants of everything under a prefix.
#![allow(dead_code, unreachable_pub, missing_docs, reason = "each test binary uses a part of it")]

use durable_core::model::QueueName;

// The keys as the store spells them.
#[path = "../../src/keys.rs"]
pub(crate) mod keys;

/// The helpers of the scripts, and what checks their work.
const CHECK: &str = concat!(
    include_str!("../../src/lua/lib/head.lua"),
    include_str!("../../src/lua/lib/args.lua"),
    include_str!("../../src/lua/lib/clock.lua"),
    include_str!("../../src/lua/lib/task.lua"),
    include_str!("../../src/lua/lib/due.lua"),
    include_str!("../../src/lua/lib/history.lua"),
    include_str!("../../src/lua/lib/event.lua"),
    include_str!("../../src/lua/lib/wait.lua"),
    include_str!("check.lua"),
);

/// Every key of one queue: those of its slot that have its tag.
fn keys_of(connection: &mut redis::Connection, base: &str) -> redis::RedisResult<Vec<String>> {
    let slot: u16 = redis::cmd("CLUSTER").arg("KEYSLOT").arg(base).query(connection)?;
    let all: Vec<Vec<u8>> =
        redis::cmd("CLUSTER").arg("GETKEYSINSLOT").arg(slot).arg(1_000_000).query(connection)?;
    let all = all.into_iter().map(|key| String::from_utf8_lossy(&key).into_owned());
    Ok(all.filter(|key| key.starts_with(base)).collect())
}

/// What does not hold in any queue under a prefix.
pub fn problems(connection: &mut redis::Connection, prefix: &str) -> redis::RedisResult<Vec<String>> {
    let queues: Vec<String> =
        redis::cmd("ZRANGE").arg(keys::register(prefix)).arg(0).arg(-1).query(connection)?;
    let mut problems = Vec::new();
    for queue in queues {
        let fixed = keys::Keys::new(prefix, &QueueName::new(queue).unwrap()).fixed();
        let base = fixed[0].trim_end_matches('q');
        let keys = keys_of(connection, base)?;
        let mut command = redis::cmd("EVAL");
        command.arg(CHECK).arg(fixed.len()).arg(&fixed).arg("0").arg(keys);
        problems.extend(command.query::<Vec<String>>(connection)?);
    }
    Ok(problems)
}
