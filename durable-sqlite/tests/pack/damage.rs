//! One damaged page, each in turn: typed faults, nothing half done, and the rest goes on (SQ-6).

use std::fs::File;
use std::os::unix::fs::FileExt;

use durable_core::model::{EndState, Millis};
use durable_core::store::{
    CountsRequest, Ending, Inspect, PurgeRequest, StoreError, StoreErrorKind, TaskRequest, TickRequest,
    Upkeep,
};
use durable_sqlite::{OpenError, SqliteStore};
use sqlx::{Connection, Row};

use super::desk::{Desk, Place, execute, figure, job, json};

const PAGE: u64 = 4_096;

/// A file in which every table and index has something, and is whole; it gives the first page of each.
async fn filled(place: &Place) -> (Desk, Vec<(String, u64)>) {
    let desk = place.open().await;
    for n in 0..40 {
        let token = desk.running().await;
        desk.save(token, "k", "1").await.unwrap();
        match n % 4 {
            0 => desk.rest(token, "e").await.unwrap(),
            1 => desk.complete(token).await.unwrap(),
            2 => desk.emit(&format!("e{n}"), "1").await.unwrap(),
            _ => {}
        }
        desk.spawn(job("waiting")).await.unwrap();
    }
    desk.store.close().await;
    let mut looking = place.connect().await;
    execute(&mut looking, "pragma wal_checkpoint(truncate)").await;
    let roots = sqlx::query(
        "select name, rootpage from sqlite_schema where name like 'durable_%' and rootpage > 0 \
         or name like 'sqlite_autoindex_durable_%'",
    );
    let roots = roots.fetch_all(&mut looking).await.unwrap();
    looking.close().await.unwrap();
    let roots = roots.iter().map(|row| (row.get(0), u64::try_from(row.get::<i64, _>(1)).unwrap()));
    (desk, roots.collect())
}

fn page(file: &File, number: u64) -> Vec<u8> {
    let mut bytes = vec![0; usize::try_from(PAGE).unwrap()];
    file.read_exact_at(&mut bytes, (number - 1) * PAGE).unwrap();
    bytes
}

/// Some of everything; the faults.
async fn tries_everything(desk: &Desk) -> Vec<StoreError> {
    let mut faults = Vec::new();
    let mut keep = |answer: Result<(), StoreError>| faults.extend(answer.err());
    let new = job("job");
    let task = new.id;
    keep(desk.spawn(new).await.map(drop));
    match desk.claim("job", 1).await {
        Ok(claims) => {
            for claim in claims {
                keep(desk.save(claim.token, "k", "1").await);
                keep(desk.emit("e", "1").await);
                keep(desk.end(claim.token, Ending::Complete { result: json("1") }).await);
            }
        }
        Err(fault) => keep(Err(fault)),
    }
    keep(desk.outcome(task).await.map(drop));
    keep(desk.store.task(TaskRequest::new(desk.queue.clone(), task)).await.map(drop));
    keep(desk.store.counts(CountsRequest::new(desk.queue.clone())).await.map(drop));
    keep(desk.store.tick(TickRequest::new(desk.queue.clone(), 100)).await.map(drop));
    let purge = PurgeRequest::new(desk.queue.clone(), vec![EndState::Failed], Millis::ZERO, 10);
    keep(desk.store.purge(purge.with_events()).await.map(drop));
    faults
}

#[tokio::test]
async fn sq6_one_damaged_page_gives_typed_faults_and_harms_nothing_else() {
    let place = Place::new();
    let (closed, roots) = filled(&place).await;
    let whole = std::fs::read(place.file()).unwrap();
    assert!(roots.len() > 15, "{roots:?}");
    let mut found = 0;
    for (name, number) in &roots {
        std::fs::write(place.file(), &whole).unwrap();
        let file = File::options().read(true).write(true).open(place.file()).unwrap();
        let good = page(&file, *number);
        file.write_all_at(&[0xa5; 4_096], (number - 1) * PAGE).unwrap();
        let store = match SqliteStore::open(&place.url()).await {
            Ok(store) => store,
            Err(OpenError::Fault { kind: StoreErrorKind::Corrupt, .. }) => continue,
            Err(other) => panic!("{name}: {other}"),
        };
        let desk = closed.over(store);
        for fault in tries_everything(&desk).await {
            assert_eq!(
                (fault.kind, fault.may_have_happened),
                (StoreErrorKind::Corrupt, false),
                "{name}: {fault}"
            );
            found += 1;
        }
        // Once the page is whole again, and anybody has written, so that nobody goes by what he read before, so is
        // everything, and the same store works on.
        file.write_all_at(&good, (number - 1) * PAGE).unwrap();
        let mut other = place.connect().await;
        execute(&mut other, "pragma user_version = 1").await;
        let faults = tries_everything(&desk).await;
        assert!(faults.is_empty(), "{name}, after it was mended: {faults:?}");
        desk.store.close().await;
        place.check().await;
        assert_eq!(figure(&mut other, "select count(*) from durable_garbage").await, 0);
        other.close().await.unwrap();
    }
    assert!(found > 15, "only {found} faults");
}
