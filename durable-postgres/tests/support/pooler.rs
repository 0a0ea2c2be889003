//! A pgbouncer that gives out its connections by transaction.

use std::process::{Child, ChildStdin, Stdio};
use std::str::FromStr;
use std::time::Duration;

use anyhow::{Context, ensure};
use sqlx::postgres::PgConnectOptions;

use super::server::{free_port, run_as_server};

/// It keeps nothing of a session: no prepared statements, and few connections, so that each is used by all in turn.
const SETTINGS: &str = "
[pgbouncer]
listen_addr = 127.0.0.1
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = 3
max_client_conn = 500
server_idle_timeout = 2
server_check_delay = 0
log_connections = 0
log_disconnections = 0
";

const KEEPER: &str = r#"
trap '' INT HUP TERM
dir=$(mktemp -d); printf '%s' "$1" >"$dir/ini"
"$(command -v pgbouncer || echo /usr/sbin/pgbouncer)" -q "$dir/ini" >/dev/null 2>&1 & pooler=$!
echo "$dir"; cat >/dev/null
kill "$pooler"; rm -rf "$dir"
"#;

/// A pooler that is there for this process alone.
#[derive(Debug)]
pub(crate) struct Pooler {
    port: u16,
    /// It ends when this pipe closes, however the process ends.
    _keeper: (Child, ChildStdin),
}

impl Pooler {
    /// Starts one before a server.
    pub(crate) async fn before(url: &str) -> anyhow::Result<Self> {
        let (server, port) = (PgConnectOptions::from_str(url)?, free_port()?);
        let host = server.get_socket().map_or(server.get_host().into(), |dir| dir.to_string_lossy());
        let databases = format!("[databases]\n* = host={host} port={} user=postgres", server.get_port());
        let settings = format!("{databases}\n{SETTINGS}\nlisten_port = {port}\n");
        let mut keeper = run_as_server(&["sh", "-c", KEEPER, "keeper", &settings])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .context("the pooler's keeper")?;
        let pipe = keeper.stdin.take().context("the keeper's input")?;
        let pooler = Self { port, _keeper: (keeper, pipe) };
        ensure!(pooler.listens().await, "there is no pooler: apt-get install pgbouncer");
        Ok(pooler)
    }

    pub(crate) fn url(&self, database: &str) -> String {
        format!("postgres://postgres@127.0.0.1:{}/{database}?sslmode=disable", self.port)
    }

    async fn listens(&self) -> bool {
        for _ in 0..500 {
            if tokio::net::TcpStream::connect(("127.0.0.1", self.port)).await.is_ok() {
                return true;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        false
    }
}
