//! How the suites open the store.

use std::collections::BTreeMap;
use std::process::Command;
use std::sync::{Arc, Mutex, OnceLock};

use async_trait::async_trait;
use durable_conformance::{Harness, Level, Namespace};
use durable_core::model::{Clock, QueueName, TaskId};
use durable_core::store::Store;
use durable_redis::{RedisOptions, RedisStore};

use crate::support::{URL, check, connect, keys, remove, url};

/// One prefix for each namespace.
pub(crate) struct Redis;

/// One connection for all checks: they come after every call.
static CHECKER: OnceLock<Mutex<redis::Connection>> = OnceLock::new();

/// A check looks at every record. Of a long case, whose records grow with its calls, every 16th call is checked.
fn is_to_check(namespace: &Namespace) -> bool {
    static CALLS: Mutex<BTreeMap<Namespace, u32>> = Mutex::new(BTreeMap::new());
    let mut calls = CALLS.lock().unwrap();
    let count = calls.entry(namespace.clone()).or_default();
    *count += 1;
    *count <= 64 || count.is_multiple_of(16)
}

/// How many keys there are of each kind, which is the word after the queue's tag.
fn count(keys: &[Vec<u8>]) -> BTreeMap<String, u64> {
    let mut counts = BTreeMap::new();
    for key in keys {
        let key = String::from_utf8_lossy(key);
        let kind =
            key.rsplit_once('}').map_or(&*key, |(_, rest)| rest).split(':').find(|word| !word.is_empty());
        *counts.entry(kind.unwrap_or_default().to_owned()).or_default() += 1;
    }
    counts
}

fn prefix(namespace: &Namespace) -> String {
    format!("{namespace}:")
}

#[async_trait]
impl Harness for Redis {
    fn name(&self) -> &'static str {
        "durable-redis"
    }

    fn version(&self) -> &'static str {
        env!("CARGO_PKG_VERSION")
    }

    fn level(&self) -> Level {
        Level::Full
    }

    async fn open(&self, namespace: &Namespace, clock: Clock) -> anyhow::Result<Arc<dyn Store>> {
        let options = RedisOptions::default().prefix(prefix(namespace)).clock(clock);
        Ok(Arc::new(RedisStore::open(url(), options).await?))
    }

    async fn destroy(&self, namespace: &Namespace) -> anyhow::Result<()> {
        remove(&mut connect(), &prefix(namespace));
        Ok(())
    }

    async fn check(&self, namespace: &Namespace) -> Result<(), String> {
        if !is_to_check(namespace) {
            return Ok(());
        }
        let mut connection = CHECKER.get_or_init(|| Mutex::new(connect())).lock().unwrap();
        match check::problems(&mut connection, &prefix(namespace)) {
            Ok(problems) if problems.is_empty() => Ok(()),
            Ok(problems) => Err(problems.join("; ")),
            Err(error) => Err(error.to_string()),
        }
    }

    fn process(&self) -> Option<Command> {
        let mut command = Command::new(std::env::current_exe().ok()?);
        command.env(URL, url());
        Some(command)
    }

    async fn residue(&self, namespace: &Namespace) -> Option<anyhow::Result<BTreeMap<String, u64>>> {
        Some(Ok(count(&keys(&mut connect(), &prefix(namespace)))))
    }

    async fn corrupt(
        &self,
        namespace: &Namespace,
        _queue: &QueueName,
        task: TaskId,
    ) -> Option<anyhow::Result<()>> {
        let mut connection = connect();
        let record = keys(&mut connection, &prefix(namespace))
            .into_iter()
            .find(|key| key.ends_with(format!(":t:{task}").as_bytes()))?;
        let spoilt: redis::RedisResult<()> =
            redis::cmd("HSET").arg(record).arg("attempt").arg("not a number").query(&mut connection);
        Some(spoilt.map_err(Into::into))
    }
}
