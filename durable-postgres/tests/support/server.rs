//! A throwaway server for one test binary, and a database for each namespace.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::OnceLock;

use anyhow::{Context, bail, ensure};
use durable_postgres::{PostgresOptions, PostgresStore};
use sqlx::{AssertSqlSafe, Connection, PgConnection};

/// Names a server to test against, in place of one that is started.
pub(crate) const URL: &str = "DURABLE_TEST_POSTGRES_URL";

/// A server that is there for this process alone.
#[derive(Debug)]
pub(crate) struct Server {
    url: String,
    /// The keeper stops the server when this pipe closes, however the process ends.
    _keeper: Option<(Child, ChildStdin)>,
}

/// Starts the server, says so in one line, waits for the pipe to close, and removes everything.
///
/// Durability is switched off: what a test writes nobody needs after a crash. So is autovacuum: what is analysed, and what
/// is not, a test decides.
const KEEPER: &str = r#"
trap '' INT HUP TERM
bin=$1; dir=$2
stop() { "$bin/pg_ctl" -D "$dir/data" -m immediate stop >/dev/null 2>&1; rm -rf "$dir"; }
"$bin/initdb" -D "$dir/data" -U postgres -A trust --no-sync --encoding=UTF8 --locale=C >"$dir/log" 2>&1 &&
"$bin/pg_ctl" -D "$dir/data" -w -l "$dir/log" -o "-c fsync=off -c full_page_writes=off -c max_connections=500 \
  -c listen_addresses='' -c unix_socket_directories='$dir' -c autovacuum=off -c deadlock_timeout=100ms" start >/dev/null 2>&1 &&
echo ready || { cat "$dir/log"; stop; exit 1; }
cat >/dev/null
stop
"#;

impl Server {
    /// The server of this test binary.
    ///
    /// # Panics
    ///
    /// Without a server: a test against PostgreSQL that is skipped says nothing.
    #[allow(clippy::panic, reason = "it fails the test, as it should")]
    pub(crate) fn get() -> &'static Self {
        static SERVER: OnceLock<Server> = OnceLock::new();
        SERVER.get_or_init(|| match Self::start() {
            Ok(server) => server,
            Err(error) => panic!("no PostgreSQL to test against: {error:#}"),
        })
    }

    fn start() -> anyhow::Result<Self> {
        if let Ok(url) = std::env::var(URL) {
            return Ok(Self { url, _keeper: None });
        }
        let bin = binaries()?;
        let dir = run_as_server(&[
            "mktemp",
            "-d",
            "-p",
            &std::env::temp_dir().to_string_lossy(),
            "durable-pg-XXXXXX",
        ])
        .stderr(Stdio::inherit())
        .output()
        .context("a directory for the server")?;
        ensure!(dir.status.success(), "a directory for the server: {}", dir.status);
        let dir = String::from_utf8(dir.stdout)?.trim().to_owned();
        let mut keeper = run_as_server(&["sh", "-c", KEEPER, "keeper", &bin.to_string_lossy(), &dir])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("the server's keeper")?;
        let pipe = keeper.stdin.take().context("the keeper's input")?;
        let mut lines = BufReader::new(keeper.stdout.take().context("the keeper's output")?).lines();
        let first = lines.next().transpose()?.unwrap_or_default();
        if first != "ready" {
            let log: Vec<String> = lines.map_while(Result::ok).collect();
            bail!("the server does not start: {first}\n{}", log.join("\n"));
        }
        Ok(Self {
            url: format!("postgres://postgres@localhost/postgres?host={dir}"),
            _keeper: Some((keeper, pipe)),
        })
    }

    /// Where it is.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Opens a store in a database of its own, which is made unless another process has made it.
    pub(crate) async fn store(&self, database: &str, connections: u32) -> anyhow::Result<PostgresStore> {
        self.create_database(database).await?;
        self.handle(database, connections).await
    }

    /// Opens one more handle on a database that is there.
    pub(crate) async fn handle(&self, database: &str, connections: u32) -> anyhow::Result<PostgresStore> {
        let options = PostgresOptions::default().connections(connections);
        Ok(PostgresStore::open_with(&self.url_of(database), options).await?)
    }

    /// Where a database is.
    pub(crate) fn url_of(&self, database: &str) -> String {
        let (place, query) = self.url.split_once('?').unwrap_or((&self.url, ""));
        let server = place.rsplit_once('/').map_or(place, |(server, _)| server);
        format!("{server}/{database}?{query}")
    }

    /// Makes a database: some 20 ms from a template that has nothing in it.
    pub(crate) async fn create_database(&self, database: &str) -> anyhow::Result<()> {
        let mut connection = PgConnection::connect(&self.url).await?;
        // A name cannot be a parameter of a utility statement.
        let statement = format!("create database \"{database}\" template template0 strategy file_copy");
        let made = sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut connection).await;
        connection.close().await?;
        match made {
            // Another process has made it, before or meanwhile.
            Err(sqlx::Error::Database(error))
                if matches!(error.code().as_deref(), Some("42P04" | "23505")) =>
            {
                Ok(())
            }
            made => Ok(made.map(drop)?),
        }
    }

    /// How many deadlocks the server has broken in a database, as far as the connections have ended.
    pub(crate) async fn deadlocks(&self, database: &str) -> anyhow::Result<i64> {
        let mut connection = PgConnection::connect(&self.url).await?;
        let statement = "select deadlocks from pg_stat_database where datname = $1";
        Ok(sqlx::query_scalar(statement).bind(database).fetch_one(&mut connection).await?)
    }

    /// Removes a database and all that is in it.
    pub(crate) async fn drop_database(&self, database: &str) -> anyhow::Result<()> {
        let mut connection = PgConnection::connect(&self.url).await?;
        let statement = format!("drop database if exists \"{database}\" with (force)");
        sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut connection).await?;
        connection.close().await?;
        Ok(())
    }
}

/// The newest server that is installed.
fn binaries() -> anyhow::Result<PathBuf> {
    let mut found: Vec<(u32, PathBuf)> = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .filter_map(Result::ok)
        .filter_map(|entry| Some((entry.file_name().to_str()?.parse().ok()?, entry.path().join("bin"))))
        .filter(|(_, bin)| bin.join("initdb").exists())
        .collect();
    found.sort();
    if let Some((_, bin)) = found.pop() {
        return Ok(bin);
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let on_path = std::env::split_paths(&path).find(|bin| bin.join("initdb").exists());
    on_path.context("there is neither a server nor DURABLE_TEST_POSTGRES_URL: apt-get install postgresql")
}

/// The server refuses to run as root: then it runs as `postgres`.
fn run_as_server(command: &[&str]) -> Command {
    let id = Command::new("id").arg("-u").output();
    let is_root = id.is_ok_and(|id| id.stdout.trim_ascii() == b"0");
    let words =
        if is_root { [&["runuser", "-u", "postgres", "--"], command].concat() } else { command.to_vec() };
    let mut words = words.into_iter();
    let mut built = Command::new(words.next().unwrap_or_default());
    built.args(words).current_dir("/");
    built
}
