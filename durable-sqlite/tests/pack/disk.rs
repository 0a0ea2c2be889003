//! A file that may not grow, a disk that is full, and a file that may not be written (SQ-6).

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use durable_core::model::{EndState, Millis, TaskId};
use durable_core::store::{Outcome, PurgeRequest, StoreError, StoreErrorKind, Upkeep};
use durable_sqlite::{OpenError, SqliteStore};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::child::{self, Child};
use super::desk::{Desk, Place, job, json, text};

/// What was asked of a store until it could not, and a while longer.
#[derive(Default)]
struct Asked {
    acknowledged: Vec<TaskId>,
    failed: Vec<(TaskId, StoreError)>,
}

/// Spawns until it has failed some times.
async fn spawn_until_it_fails(desk: &Desk, asked: &mut Asked) {
    while asked.failed.len() < 5 {
        assert!(asked.acknowledged.len() < 5_000, "it never fails");
        let mut task = job("job");
        task.params = json(&format!("\"{}\"", "x".repeat(5_000)));
        let id = task.id;
        match desk.spawn(task).await {
            Ok(task) => asked.acknowledged.push(task),
            Err(fault) => asked.failed.push((id, fault)),
        }
    }
}

/// What was acknowledged is there; of what failed there is nothing if it is said to.
async fn assert_honest(desk: &Desk, asked: &Asked) {
    for task in &asked.acknowledged {
        assert_eq!(desk.outcome(*task).await.unwrap(), Outcome::Live);
    }
    for (task, fault) in &asked.failed {
        assert_eq!(fault.kind, StoreErrorKind::Unavailable, "{fault}");
        if !fault.may_have_happened {
            assert_eq!(desk.outcome(*task).await.unwrap(), Outcome::NotFound, "{fault}");
        }
    }
}

/// The same store works on.
async fn goes_on(desk: &Desk) {
    let token = desk.claim("job", 1).await.unwrap()[0].token;
    desk.save(token, "k", "1").await.unwrap();
    desk.complete(token).await.unwrap();
    let purge = PurgeRequest::new(desk.queue.clone(), vec![EndState::Completed], Millis::ZERO, 10);
    assert_eq!(desk.store.purge(purge).await.unwrap().purged, 1);
    desk.spawn(job("job")).await.unwrap();
}

fn place_of(url: &str) -> &Path {
    Path::new(url.strip_prefix("sqlite:").unwrap())
}

async fn is_whole(url: &str) {
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(place_of(url));
    let mut connection = sqlx::ConnectOptions::connect(&options).await.unwrap();
    let broken: Vec<String> = sqlx::query_scalar(include_str!("../support/invariants.sql"))
        .fetch_all(&mut connection)
        .await
        .unwrap();
    assert_eq!(broken, Vec::<String>::new());
    assert_eq!(text(&mut connection, "pragma integrity_check").await, "ok");
}

/// Under a limit on the size of files, writing fails as on a broken disk: `IOERR`.
async fn under_a_limit(url: &str) {
    let desk = Desk::open(url).await;
    let mut asked = Asked::default();
    asked.acknowledged.push(desk.spawn(job("job")).await.unwrap());
    let free = getrlimit(Resource::Fsize);
    let log = place_of(url).with_extension("db-wal");
    let current = Some(std::fs::metadata(log).unwrap().len() + 100_000);
    setrlimit(Resource::Fsize, Rlimit { current, ..free }).unwrap();
    spawn_until_it_fails(&desk, &mut asked).await;
    for (_, fault) in &asked.failed {
        // The commit itself may have got as far as the disk before something failed.
        let told = (&*fault.context, fault.may_have_happened);
        assert_eq!(told, ("the database file cannot be read or written", true), "{fault}");
    }
    assert_honest(&desk, &asked).await;
    setrlimit(Resource::Fsize, free).unwrap();
    goes_on(&desk).await;
    is_whole(url).await;
}

#[tokio::test]
async fn sq6_a_file_that_cannot_be_written_for_a_while_is_typed_and_the_same_store_goes_on() {
    if let Some(url) = child::url() {
        return under_a_limit(&url).await;
    }
    let place = Place::new();
    // Over the limit there is a signal, which ends the process unless it is ignored.
    let mut command = Command::new("sh");
    command.args(["-c", r#"trap "" XFSZ; exec "$0" "$@""#]).arg(std::env::current_exe().unwrap());
    let test = "disk::sq6_a_file_that_cannot_be_written_for_a_while_is_typed_and_the_same_store_goes_on";
    assert!(Child::start_by(command, test, &place.url()).ends().success());
    place.check().await;
}

/// On a disk of its own, which a file of no use fills.
async fn on_a_small_disk(url: &str) {
    let desk = Desk::open(url).await;
    let mut asked = Asked::default();
    asked.acknowledged.push(desk.spawn(job("job")).await.unwrap());
    let ballast = place_of(url).with_file_name("ballast");
    std::fs::write(&ballast, vec![0; 3 << 20]).unwrap();
    spawn_until_it_fails(&desk, &mut asked).await;
    for (_, fault) in &asked.failed {
        assert_eq!((&*fault.context, fault.may_have_happened), ("the disk is full", false), "{fault}");
    }
    assert_honest(&desk, &asked).await;
    std::fs::remove_file(ballast).unwrap();
    goes_on(&desk).await;
    is_whole(url).await;
}

#[tokio::test]
#[ignore = "needs the right to mount: the command `unshare`, and user namespaces if not root"]
async fn sq6_a_full_disk_is_typed_nothing_is_half_written_and_the_same_store_goes_on() {
    if let Some(url) = child::url() {
        return on_a_small_disk(&url).await;
    }
    let place = Place::new();
    let mut command = Command::new("unshare");
    if !rustix::process::geteuid().is_root() {
        command.arg("--map-root-user");
    }
    let mount = format!(
        r#"mount -t tmpfs -o size=4m none "{}" && exec "$0" "$@""#,
        place.file().parent().unwrap().display()
    );
    command.args(["--mount", "sh", "-c", &mount]).arg(std::env::current_exe().unwrap());
    let test = "disk::sq6_a_full_disk_is_typed_nothing_is_half_written_and_the_same_store_goes_on";
    assert!(Child::start_by(command, test, &place.url()).ends().success());
}

/// Opens what it may not write.
async fn is_refused(url: &str) {
    assert!(matches!(SqliteStore::open(url).await, Err(OpenError::ReadOnly)));
}

#[tokio::test]
async fn sq6_what_this_user_may_not_write_is_refused_when_it_is_opened() {
    if let Some(url) = child::url() {
        return is_refused(&url).await;
    }
    let test = "disk::sq6_what_this_user_may_not_write_is_refused_when_it_is_opened";
    for (of_file, of_directory) in [(0o444, 0o755), (0o644, 0o555), (0o444, 0o555)] {
        let place = Place::new();
        place.open().await.store.close().await;
        let directory = place.file().parent().unwrap().to_owned();
        std::fs::set_permissions(place.file(), PermissionsExt::from_mode(of_file)).unwrap();
        std::fs::set_permissions(&directory, PermissionsExt::from_mode(of_directory)).unwrap();
        let ended = Child::start_by(without_override(), test, &place.url()).ends();
        std::fs::set_permissions(&directory, PermissionsExt::from_mode(0o755)).unwrap();
        assert!(ended.success(), "{of_file:o} in {of_directory:o}");
    }
}

/// Runs this program; root without what lets it write everywhere.
fn without_override() -> Command {
    let program = std::env::current_exe().unwrap();
    if !rustix::process::geteuid().is_root() {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    command.args(["--bounding-set", "-dac_override,-dac_read_search"]).arg(program);
    command
}
