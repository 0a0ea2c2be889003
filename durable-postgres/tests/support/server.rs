//! A throwaway server for one test binary, and a database for each namespace.

use std::io::{BufRead, BufReader, Lines, Write};
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use anyhow::{Context, bail, ensure};
use durable_postgres::{PostgresOptions, PostgresStore};
use sqlx::{AssertSqlSafe, Connection, PgConnection};

/// Names a server to test against, in place of one that is started.
pub(crate) const URL: &str = "DURABLE_TEST_POSTGRES_URL";

/// A server that is there for this process alone.
#[derive(Debug)]
pub(crate) struct Server {
    url: String,
    keeper: Option<Mutex<Keeper>>,
}

/// What a server of the tests' own is made of, and set to.
#[derive(Debug, Clone, Default)]
pub(crate) struct Setup {
    /// Words for `postgres`.
    pub(crate) settings: String,
    /// Where it listens besides its socket.
    pub(crate) port: Option<u16>,
    /// The port of a server whose standby it is.
    pub(crate) primary: Option<u16>,
}

/// Durability is switched off: what a test writes nobody needs after a crash. So is autovacuum: what is analysed, and what
/// is not, a test decides.
const SETTINGS: &str = "-c fsync=off -c full_page_writes=off -c max_connections=500 -c autovacuum=off \
  -c deadlock_timeout=100ms";

/// Starts the server, says so in one line, does what it is told, and removes everything when the pipe closes.
const KEEPER: &str = r#"
trap '' INT HUP TERM
bin=$1; dir=$2; settings=$3; primary=$4
make() {
  if [ -n "$primary" ]; then "$bin/pg_basebackup" -h 127.0.0.1 -p "$primary" -U postgres -D "$dir/data" -R -c fast
  else "$bin/initdb" -D "$dir/data" -U postgres -A trust --no-sync --encoding=UTF8 --locale=C; fi
}
control() { "$bin/pg_ctl" -D "$dir/data" -w -t 30 "$@" >/dev/null 2>&1; }
start() { control -l "$dir/log" -o "$settings -c unix_socket_directories='$dir'" start; }
kill_all() {
  main=$(head -n 1 "$dir/data/postmaster.pid")
  kill -STOP "$main"; all="$main $(pgrep -P "$main")"
  kill -KILL $all
  for one in $all; do while kill -0 "$one" 2>/dev/null; do sleep 0.01; done; done
}
make >"$dir/log" 2>&1 && start && echo ready || { cat "$dir/log"; control -m immediate stop; rm -rf "$dir"; exit 1; }
while read -r order; do
  case $order in
    start) start ;;
    kill) kill_all ;;
    stop) control -m fast stop ;;
    promote) control promote ;;
  esac && echo done || { tail -n 5 "$dir/log"; echo failed; }
done
control -m immediate stop
rm -rf "$dir"
"#;

/// The process that keeps a server: it ends when its input closes, however this process ends.
#[derive(Debug)]
struct Keeper {
    /// Kept for its pipes.
    _process: Child,
    orders: ChildStdin,
    answers: Lines<BufReader<ChildStdout>>,
}

impl Keeper {
    fn start(setup: &Setup, dir: &str) -> anyhow::Result<Self> {
        let (bin, primary) = (binaries()?, setup.primary.map_or(String::new(), |port| port.to_string()));
        let listen = setup.port.map_or("-c listen_addresses=''".to_owned(), |port| {
            format!("-c listen_addresses=127.0.0.1 -c port={port}")
        });
        let settings = format!("{} {listen}", setup.settings);
        let words = ["sh", "-c", KEEPER, "keeper", &bin.to_string_lossy(), dir, &settings, &primary];
        let mut process = run_as_server(&words)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("the server's keeper")?;
        let orders = process.stdin.take().context("the keeper's input")?;
        let mut answers = BufReader::new(process.stdout.take().context("the keeper's output")?).lines();
        let first = answers.next().transpose()?.unwrap_or_default();
        if first != "ready" {
            let log: Vec<String> = answers.map_while(Result::ok).collect();
            bail!("the server does not start: {first}\n{}", log.join("\n"));
        }
        Ok(Self { _process: process, orders, answers })
    }

    fn tell(&mut self, order: &str) -> anyhow::Result<()> {
        writeln!(self.orders, "{order}")?;
        let answer = self.answers.next().transpose()?.unwrap_or_default();
        ensure!(answer == "done", "{order}: {answer}");
        Ok(())
    }
}

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
            return Ok(Self { url, keeper: None });
        }
        Self::of_its_own(&Setup { settings: SETTINGS.to_owned(), ..Setup::default() })
    }

    /// A server that can be stopped, killed and started.
    pub(crate) fn of_its_own(setup: &Setup) -> anyhow::Result<Self> {
        let temporary = std::env::temp_dir();
        let make = ["mktemp", "-d", "-p", &temporary.to_string_lossy(), "durable-pg-XXXXXX"];
        let dir =
            run_as_server(&make).stderr(Stdio::inherit()).output().context("a directory for the server")?;
        ensure!(dir.status.success(), "a directory for the server: {}", dir.status);
        let dir = String::from_utf8(dir.stdout)?.trim().to_owned();
        let keeper = Some(Mutex::new(Keeper::start(setup, &dir)?));
        let url = match setup.port {
            Some(port) => format!("postgres://postgres@127.0.0.1:{port}/postgres?sslmode=disable"),
            None => format!("postgres://postgres@localhost/postgres?host={dir}"),
        };
        Ok(Self { url, keeper })
    }

    /// One that listens on a port of the loopback, where nothing but speed is switched off.
    pub(crate) fn on_a_port(settings: &str) -> anyhow::Result<(Self, u16)> {
        let port = free_port()?;
        let settings = settings.to_owned();
        Ok((Self::of_its_own(&Setup { settings, port: Some(port), primary: None })?, port))
    }

    /// Starts, stops, kills or promotes it.
    pub(crate) async fn tell(self: &Arc<Self>, order: &'static str) -> anyhow::Result<()> {
        let server = self.clone();
        let told = tokio::task::spawn_blocking(move || {
            let keeper = server.keeper.as_ref().context("the server is not the tests' own")?;
            keeper.lock().unwrap_or_else(PoisonError::into_inner).tell(order)
        });
        told.await?
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

/// A port of the loopback that nobody listens on.
pub(crate) fn free_port() -> anyhow::Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

/// The server refuses to run as root: then it runs as `postgres`.
pub(crate) fn run_as_server(command: &[&str]) -> Command {
    let id = Command::new("id").arg("-u").output();
    let is_root = id.is_ok_and(|id| id.stdout.trim_ascii() == b"0");
    let words =
        if is_root { [&["runuser", "-u", "postgres", "--"], command].concat() } else { command.to_vec() };
    let mut words = words.into_iter();
    let mut built = Command::new(words.next().unwrap_or_default());
    built.args(words).current_dir("/");
    built
}
