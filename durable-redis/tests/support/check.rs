//! Checks the invariants of everything under a prefix.
#![allow(dead_code, unreachable_pub, missing_docs, reason = "each test binary uses a part of it")]

use std::collections::BTreeMap;

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

/// The fixed keys, as `keys.rs` orders them.
const FIXED: [&str; 10] = ["q", "~never", "d", "x", "y", "n", "m", "v", "i", "k"];

/// What does not hold in any queue under a prefix.
pub fn problems(connection: &mut redis::Connection, prefix: &str) -> redis::RedisResult<Vec<String>> {
    let mut queues: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for key in super::keys(connection, prefix) {
        let key = String::from_utf8_lossy(&key).into_owned();
        if let Some((base, _)) = key.split_once("}:") {
            queues.entry(format!("{base}}}:")).or_default().push(key);
        }
    }
    let mut problems = Vec::new();
    for (base, keys) in queues {
        let fixed = FIXED.map(|role| format!("{base}{role}"));
        let mut command = redis::cmd("EVAL");
        command.arg(CHECK).arg(fixed.len()).arg(&fixed).arg("0").arg(keys);
        problems.extend(command.query::<Vec<String>>(connection)?);
    }
    Ok(problems)
}
