//! A throwaway Redis for one test binary: cluster-enabled, with every slot on it.
#![allow(dead_code, unreachable_pub, missing_docs, reason = "each test binary uses a part of it")]

pub mod check;
pub mod steps;

use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use durable_core::model::Clock;
use durable_redis::{RedisOptions, RedisStore};

/// Names a server to test against, in place of one that is started.
pub const URL: &str = "DURABLE_TEST_REDIS_URL";

/// The shell waits for the end of its input, which comes with the end of this process however it ends, and then
/// stops the server and removes its folder.
const KEEPER: &str = r#"dir=$(mktemp -d) && cd "$dir" || exit 1
redis-server --dir "$dir" "$@" >/dev/null 2>&1 & server=$!
cat >/dev/null; kill "$server"; wait "$server"; rm -rf "$dir""#;

/// A server of our own.
#[derive(Debug)]
pub struct Server {
    pub url: String,
    keeper: Child,
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.keeper.stdin.take());
        let _ = self.keeper.wait();
    }
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

impl Server {
    /// Starts a cluster node without slots.
    pub fn start() -> Self {
        let installed = Command::new("redis-server").arg("--version").stdout(Stdio::null()).status();
        assert!(
            installed.is_ok_and(|status| status.success()),
            "no redis-server on this machine: apt-get install redis-server"
        );
        let (port, bus) = (free_port().to_string(), free_port().to_string());
        let mut keeper = Command::new("sh");
        keeper.args(["-c", KEEPER, "sh", "--port", &port, "--cluster-port", &bus, "--bind", "127.0.0.1"]);
        keeper.args(["--cluster-enabled", "yes", "--save", "", "--appendonly", "no"]);
        let keeper = keeper.stdin(Stdio::piped()).spawn().unwrap();
        let server = Self { url: format!("redis://127.0.0.1:{port}"), keeper };
        patiently("the server answers", || server.try_connect().is_some());
        server
    }

    /// Starts a cluster of one node that has every slot.
    pub fn start_cluster() -> Self {
        let server = Self::start();
        let () =
            redis::cmd("CLUSTER").arg(&["ADDSLOTSRANGE", "0", "16383"]).query(&mut server.connect()).unwrap();
        server.wait_until_ok();
        server
    }

    pub fn wait_until_ok(&self) {
        patiently("cluster_state is ok", || {
            let info: String = redis::cmd("CLUSTER").arg("INFO").query(&mut self.connect()).unwrap();
            info.contains("cluster_state:ok")
        });
    }

    fn try_connect(&self) -> Option<redis::Connection> {
        let mut connection = redis::Client::open(self.url.as_str()).ok()?.get_connection().ok()?;
        redis::cmd("PING").query::<String>(&mut connection).ok().map(|_| connection)
    }

    pub fn connect(&self) -> redis::Connection {
        self.try_connect().expect("the server has gone")
    }
}

/// Looks again and again, for ten seconds, until it is so.
pub fn patiently(what: &str, mut is_so: impl FnMut() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < Duration::from_secs(10), "waited too long until {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// The address of this binary's server: `DURABLE_TEST_REDIS_URL`, or one that is started now.
pub fn url() -> &'static str {
    static FOUND: OnceLock<String> = OnceLock::new();
    static SERVER: OnceLock<Server> = OnceLock::new();
    FOUND.get_or_init(|| match std::env::var(URL) {
        Ok(url) => url,
        Err(_) => SERVER.get_or_init(Server::start_cluster).url.clone(),
    })
}

/// A plain connection to this binary's server.
pub fn connect() -> redis::Connection {
    redis::Client::open(url()).unwrap().get_connection().unwrap()
}

/// A store on this binary's server.
pub async fn store(prefix: &str, clock: Clock) -> RedisStore {
    RedisStore::open(url(), RedisOptions::default().prefix(prefix).clock(clock)).await.unwrap()
}

/// Every key under a prefix.
pub fn keys(connection: &mut redis::Connection, prefix: &str) -> Vec<Vec<u8>> {
    let (mut cursor, mut found) = (0_u64, Vec::new());
    loop {
        let (next, page): (u64, Vec<Vec<u8>>) = redis::cmd("SCAN")
            .arg(cursor)
            .arg("MATCH")
            .arg(format!("{prefix}*"))
            .arg("COUNT")
            .arg(1_000)
            .query(connection)
            .unwrap();
        found.extend(page);
        if next == 0 {
            return found;
        }
        cursor = next;
    }
}

/// Removes every key under a prefix.
pub fn remove(connection: &mut redis::Connection, prefix: &str) {
    for key in keys(connection, prefix) {
        let () = redis::cmd("UNLINK").arg(key).query(connection).unwrap();
    }
}
