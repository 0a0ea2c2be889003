//! Prints how fast the hot verbs are beside the least work for the same outcome, through the same driver in the same run.
//!
//! `DURABLE_TEST_POSTGRES_URL=postgres://… cargo run --release -p durable-postgres --example floors` measures that server,
//! which has to keep its fsync for figures that mean something; without the variable it starts one without. Each figure is the
//! median of three rounds, in which the verb and its floor take turns.

#[path = "../tests/support/mod.rs"]
mod support;

use std::time::Instant;

use durable_core::model::{CheckpointKind, Millis, Payload, StepKey, Token};
use durable_core::store::{Checkpoints, Effect, Ending, RunEnd, Runs, SaveItem, SaveRequest};
use futures::future::try_join_all;
use sqlx::{PgPool, Row};
use support::bench::{Bench, job};
use uuid::Uuid;

const ROUNDS: usize = 3;
/// Inserts tasks that are ready.
const INSERT: &str = "insert into floor.tasks (id, name, state, available_at, params) \
    select i, 'job', 1, floor(extract(epoch from statement_timestamp()) * 1000)::bigint, 'null' from unnest($1::uuid[]) i";
/// Stores a checkpoint of each task, and leaves a lease.
const CHECKPOINT: &str = "with t as ( \
      update floor.tasks t set last_order = last_order + 1, \
             due = floor(extract(epoch from statement_timestamp()) * 1000)::bigint + 60000 \
      where t.id = any ($1) and t.state = 2 and t.call = $2 returning t.id, t.last_order \
    ) insert into floor.checkpoints (task, ord, key, payload) select t.id, t.last_order, $3, '1' from t";
/// Completes first, or it deadlocks.
const FINISH_AND_CLAIM: &str = "with done as ( \
      update floor.tasks set state = 3, result = '1', due = null where id = any ($1) and call = $2 and state = 2 returning 1 \
    ), next as materialized ( \
      select id from floor.tasks where name = 'job' and state = 1 and (select count(*) from done) >= 0 \
      order by available_at, id limit $3 for update skip locked \
    ) \
    update floor.tasks t set state = 2, call = $4, \
           due = floor(extract(epoch from statement_timestamp()) * 1000)::bigint + 60000 \
    where t.id = any (array(select id from next)) returning t.id, t.params";

/// The store's queue, and the pool of the floors: the store's own.
struct Pair {
    bench: Bench,
    pool: PgPool,
}

impl Pair {
    async fn floor_spawn(&self, batch: usize) -> anyhow::Result<()> {
        let ids: Vec<Uuid> = (0..batch).map(|_| Uuid::now_v7()).collect();
        sqlx::query(INSERT).bind(ids).execute(&self.pool).await?;
        Ok(())
    }

    async fn spawn(&self, batch: usize) -> anyhow::Result<()> {
        self.bench.spawn((0..batch).map(|_| job()).collect::<anyhow::Result<_>>()?).await
    }

    /// Ends runs and takes as many; gives the new runs.
    async fn floor_claim(&self, ended: &(Vec<Uuid>, Uuid), batch: i64) -> anyhow::Result<(Vec<Uuid>, Uuid)> {
        let call = Uuid::now_v7();
        let statement = sqlx::query(FINISH_AND_CLAIM).bind(&ended.0).bind(ended.1).bind(batch).bind(call);
        let rows = statement.fetch_all(&self.pool).await?;
        Ok((rows.iter().map(|row| row.try_get("id")).collect::<Result<_, _>>()?, call))
    }

    async fn claim(&self, ended: Vec<Token>, batch: u32) -> anyhow::Result<Vec<Token>> {
        let end = |token| RunEnd { token, ending: Ending::Complete { result: Payload::from_text("1") } };
        let request = self.bench.claim_request(batch)?.ending(ended.into_iter().map(end).collect());
        Ok(self.bench.store.claim(request).await?.claims.into_iter().map(|claim| claim.token).collect())
    }

    async fn save(&self, tokens: &[Token], key: &str) -> anyhow::Result<()> {
        let item = |token: &Token| -> anyhow::Result<SaveItem> {
            Ok(SaveItem {
                token: *token,
                key: StepKey::new(key)?,
                kind: CheckpointKind::Step,
                payload: Payload::from_text("1"),
                took: Millis::ZERO,
                effect: Effect::None,
            })
        };
        let items = tokens.iter().map(item).collect::<anyhow::Result<_>>()?;
        self.bench.store.save(SaveRequest::new(self.bench.queue.clone(), items)).await?;
        Ok(())
    }

    async fn spawns(&self, clients: usize, batch: usize, calls: usize) -> anyhow::Result<[f64; 2]> {
        let floor = rate(batch * calls, async {
            let client = || async {
                for _ in 0..calls / clients {
                    self.floor_spawn(batch).await?;
                }
                anyhow::Ok(())
            };
            try_join_all((0..clients).map(|_| client())).await.map(drop)
        });
        let floor = floor.await?;
        let store = rate(batch * calls, async {
            let client = || async {
                for _ in 0..calls / clients {
                    self.spawn(batch).await?;
                }
                anyhow::Ok(())
            };
            try_join_all((0..clients).map(|_| client())).await.map(drop)
        });
        Ok([floor, store.await?])
    }

    async fn tasks(&self, batch: u32, calls: usize) -> anyhow::Result<[f64; 2]> {
        let count = usize::try_from(batch)? * calls;
        for _ in 0..=count / 500 {
            self.floor_spawn(500).await?;
            self.spawn(500).await?;
        }
        let mut runs = (Vec::new(), Uuid::nil());
        let floor = rate(count, async {
            for _ in 0..calls {
                runs = self.floor_claim(&runs, batch.into()).await?;
            }
            Ok(())
        });
        let floor = floor.await?;
        let mut tokens = Vec::new();
        let store = rate(count, async {
            for _ in 0..calls {
                tokens = self.claim(std::mem::take(&mut tokens), batch).await?;
            }
            Ok(())
        });
        Ok([floor, store.await?])
    }

    async fn checkpoints(&self, batch: u32, calls: usize) -> anyhow::Result<[f64; 2]> {
        self.floor_spawn(usize::try_from(batch)?).await?;
        self.spawn(usize::try_from(batch)?).await?;
        let (ids, call) = self.floor_claim(&(Vec::new(), Uuid::nil()), batch.into()).await?;
        let tokens = self.claim(Vec::new(), batch).await?;
        let floor = rate(ids.len() * calls, async {
            for key in 0..calls {
                let statement = sqlx::query(CHECKPOINT).bind(&ids).bind(call).bind(format!("step-{key}"));
                statement.execute(&self.pool).await?;
            }
            Ok(())
        });
        let floor = floor.await?;
        let store = rate(tokens.len() * calls, async {
            for key in 0..calls {
                self.save(&tokens, &format!("step-{key}")).await?;
            }
            Ok(())
        });
        Ok([floor, store.await?])
    }
}

#[expect(clippy::cast_precision_loss, reason = "small counts")]
async fn rate(count: usize, work: impl Future<Output = anyhow::Result<()>>) -> anyhow::Result<f64> {
    let start = Instant::now();
    work.await?;
    Ok(count as f64 / start.elapsed().as_secs_f64())
}

async fn print(name: &str, round: impl AsyncFn() -> anyhow::Result<[f64; 2]>) -> anyhow::Result<()> {
    let (mut floors, mut stores) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let [floor, store] = round().await?;
        floors.push(floor);
        stores.push(store);
    }
    let median = |mut rates: Vec<f64>| {
        rates.sort_by(f64::total_cmp);
        rates.get(ROUNDS / 2).copied().unwrap_or_default()
    };
    let (floor, store) = (median(floors), median(stores));
    println!("{name:36} floor {floor:>8.0}   store {store:>8.0}   {:.2}", store / floor);
    Ok(())
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let bench = Bench::open(16).await?;
    let pool = bench.store.pool().clone();
    sqlx::raw_sql(include_str!("floors.sql")).execute(&pool).await?;
    let pair = Pair { bench, pool };
    print("spawns/s, 1 client", async || pair.spawns(1, 1, 2_000).await).await?;
    print("spawns/s, 16 clients", async || pair.spawns(16, 1, 8_000).await).await?;
    print("spawns/s, a hundred at a time", async || pair.spawns(1, 100, 200).await).await?;
    print("tasks/s, 1 ended and 1 taken", async || pair.tasks(1, 2_000).await).await?;
    print("tasks/s, 50 ended and 50 taken", async || pair.tasks(50, 400).await).await?;
    print("checkpoints/s, one at a time", async || pair.checkpoints(1, 2_000).await).await?;
    print("checkpoints/s, of 10 tasks together", async || pair.checkpoints(10, 1_000).await).await?;
    print("checkpoints/s, of 50 tasks together", async || pair.checkpoints(50, 400).await).await?;
    pair.bench.close().await
}
