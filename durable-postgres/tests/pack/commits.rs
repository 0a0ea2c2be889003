//! A connection that is lost at its commit: the call may have happened, and making it again is safe.

use std::sync::OnceLock;

use durable_core::model::{
    CheckpointKind, EmitId, EventName, Millis, ParentClosePolicy, Payload, StepKey, TaskState, Token,
};
use durable_core::store::{
    Checkpoints, ClaimAnswer, Effect, EmitAnswer, EmitRequest, EndAnswer, Ending, EventWrite, Events,
    NewWait, ParentLink, Rest, RetryAfter, RunEnd, Runs, SaveAnswer, SaveItem, SaveRequest, SpawnAnswer,
    SpawnRequest, StoreError, StoreErrorKind, Tasks, WaitAnswer, WaitItem, WaitRequest, WaitSource,
};
use durable_postgres::PostgresOptions;

use crate::support::Server;
use crate::support::bench::{Bench, job};
use crate::support::proxy::{Plan, Proxy};
use crate::{bench_at, database};

const CUTS: [Plan; 2] = [Plan::CutBeforeCommit, Plan::CutAfterCommit];

/// The server on the loopback that these tests and those of time limits share.
pub(crate) fn shared() -> &'static (Server, u16) {
    static SERVER: OnceLock<(Server, u16)> = OnceLock::new();
    SERVER.get_or_init(|| Server::on_a_port("-c fsync=off").unwrap())
}

/// A store behind a proxy.
pub(crate) async fn behind_a_proxy(
    parameters: &str,
    options: PostgresOptions,
) -> anyhow::Result<(Bench, Proxy)> {
    let (server, port) = shared();
    let proxy = Proxy::before(*port).await?;
    let url = proxy.url(&database(server).await?);
    Ok((bench_at(&format!("{url}{parameters}"), options).await?, proxy))
}

/// Makes a call whose commit is lost, and makes it again.
async fn twice<A: std::fmt::Debug>(
    proxy: &Proxy,
    cut: Plan,
    call: impl AsyncFn() -> Result<A, StoreError>,
) -> anyhow::Result<A> {
    proxy.set(cut);
    let lost = call().await.unwrap_err();
    assert!(proxy.is_done(), "{lost:?}");
    assert_eq!((lost.kind, lost.may_have_happened), (StoreErrorKind::Unavailable, true), "{lost:?}");
    Ok(call().await?)
}

#[tokio::test]
async fn c7_a_spawn_whose_commit_is_lost_spawns_once() -> anyhow::Result<()> {
    for cut in CUTS {
        let (bench, proxy) = behind_a_proxy("", PostgresOptions::default()).await?;
        let request = SpawnRequest::new(bench.queue.clone(), vec![job()?, job()?]);
        let answer = twice(&proxy, cut, async || bench.store.spawn(request.clone()).await).await?;
        let SpawnAnswer::Spawned(spawned) = answer else { panic!("{answer:?}") };
        assert_eq!(spawned[0].created, cut == Plan::CutBeforeCommit);
        assert_eq!(bench.claim(10).await?.claims.len(), 2);
    }
    Ok(())
}

#[tokio::test]
async fn c7_a_save_whose_commit_is_lost_spawns_its_child_once() -> anyhow::Result<()> {
    for cut in CUTS {
        let (bench, proxy) = behind_a_proxy("", PostgresOptions::default()).await?;
        let mut child = job()?;
        let join_key = StepKey::new("join")?;
        child.parent = Some(ParentLink { join_key, on_close: ParentClosePolicy::Cancel });
        let item = SaveItem {
            token: bench.running().await?.token,
            key: StepKey::new("spawn")?,
            kind: CheckpointKind::Spawn,
            payload: Payload::from_text("null"),
            took: Millis::ZERO,
            effect: Effect::Spawn(vec![child]),
        };
        let request = SaveRequest::new(bench.queue.clone(), vec![item]);
        let mut answer = twice(&proxy, cut, async || bench.store.save(request.clone()).await).await?;
        assert!(matches!(answer.remove(0)?, SaveAnswer::Stored { .. }));
        assert_eq!(bench.claim(10).await?.claims.len(), 1);
    }
    Ok(())
}

#[tokio::test]
async fn c7_a_claim_with_ends_whose_commit_is_lost_ends_and_claims_once() -> anyhow::Result<()> {
    for cut in CUTS {
        let (bench, proxy) = behind_a_proxy("", PostgresOptions::default()).await?;
        let token = bench.running().await?.token;
        bench.spawn(vec![job()?, job()?]).await?;
        // What rests on nothing but its own row goes by one statement: this goes by a transaction.
        let ending = Ending::Fail { failure: Payload::from_text("1"), retry: RetryAfter::Never };
        let request = bench.claim_request(1)?.ending(vec![RunEnd { token, ending }]);
        let answer = twice(&proxy, cut, async || bench.store.claim(request.clone()).await).await?;
        let ClaimAnswer { ends, claims, .. } = answer;
        assert!(matches!(ends[..], [Ok(EndAnswer::Failed)]), "{ends:?}");
        assert_eq!(claims.len(), 1);
        assert_eq!(bench.claim(10).await?.claims.len(), 1, "the other is still there");
    }
    Ok(())
}

#[tokio::test]
async fn c7_a_wait_whose_commit_is_lost_rests_once_and_is_woken() -> anyhow::Result<()> {
    for cut in CUTS {
        let (bench, proxy) = behind_a_proxy("", PostgresOptions::default()).await?;
        let (token, key) = (bench.running().await?.token, StepKey::new("k")?);
        let source = WaitSource::Event(EventName::new("e")?);
        let waits = vec![NewWait { key: key.clone(), source, deadline: None }];
        let item = WaitItem { token, waits, rest: Some(Rest { keys: vec![key], need: 1 }) };
        let request = WaitRequest::new(bench.queue.clone(), vec![item]);
        let mut answer = twice(&proxy, cut, async || bench.store.wait(request.clone()).await).await?;
        assert_eq!(answer.remove(0)?, WaitAnswer::Suspended);
        bench.emit("e").await?;
        assert_eq!(bench.view(token.task).await?.state, TaskState::Pending);
    }
    Ok(())
}

#[tokio::test]
async fn c7_an_emit_whose_commit_is_lost_is_written_once() -> anyhow::Result<()> {
    for cut in CUTS {
        let (bench, proxy) = behind_a_proxy("", PostgresOptions::default()).await?;
        let event = EventWrite {
            name: EventName::new("e")?,
            payload: Payload::from_text("7"),
            metadata: Payload::from_text("{}"),
            id: EmitId::new(),
        };
        let request = EmitRequest::new(bench.queue.clone(), event);
        let answer = twice(&proxy, cut, async || bench.store.emit(request.clone()).await).await?;
        let expected = if cut == Plan::CutBeforeCommit { EmitAnswer::Written } else { EmitAnswer::Repeated };
        assert_eq!(answer, expected);
    }
    Ok(())
}

/// A parent that rests on its child, which runs: its end is written to both, wakes the parent, and claims it.
async fn family(bench: &Bench) -> anyhow::Result<(Token, Token)> {
    let parent = bench.running().await?.token;
    let child = bench.spawn_child(parent).await?;
    let token = bench.claim_one().await?.token;
    assert_eq!(bench.rest(parent, "join", WaitSource::Child(child)).await?, WaitAnswer::Suspended);
    Ok((parent, token))
}

#[tokio::test]
async fn cx_6_a_verb_that_is_cut_at_any_message_writes_all_or_nothing() -> anyhow::Result<()> {
    let (bench, proxy) = behind_a_proxy("", PostgresOptions::default().connections(1)).await?;
    for messages in 0.. {
        let (parent, child) = family(&bench).await?;
        let ending = Ending::Complete { result: Payload::from_text("1") };
        let request = bench.claim_request(9)?.ending(vec![RunEnd { token: child, ending }]);
        proxy.set(Plan::CutAfter(messages));
        let answer = bench.store.claim(request.clone()).await;
        let is_cut = proxy.is_done();
        proxy.set(Plan::Pass);
        let answer = match answer {
            // What was cut before its commit is begun again.
            Err(error) if error.may_have_happened => bench.store.claim(request).await?,
            answer => answer?,
        };
        assert!(matches!(answer.ends[..], [Ok(EndAnswer::Completed)]), "{messages}: {:?}", answer.ends);
        let claimed: Vec<_> = answer.claims.iter().map(|claim| claim.token).collect();
        assert!(matches!(claimed[..], [Token { task, claim: 2, .. }] if task == parent.task), "{claimed:?}");
        let broken: Vec<String> = sqlx::query_scalar(include_str!("../support/invariants.sql"))
            .fetch_all(bench.store.pool())
            .await?;
        assert_eq!(broken, Vec::<String>::new(), "{messages}");
        bench.complete(claimed[0]).await?;
        if !is_cut {
            assert!(messages > 3, "a verb has several messages");
            return Ok(());
        }
    }
    Ok(())
}

#[tokio::test]
async fn cx_6_a_spawn_of_one_task_that_is_cut_is_made_again_and_spawns_it_once() -> anyhow::Result<()> {
    let (bench, proxy) = behind_a_proxy("", PostgresOptions::default().connections(1)).await?;
    for messages in 0.. {
        proxy.set(Plan::CutAfter(messages));
        let answer = bench.spawn(vec![job()?]).await;
        let is_cut = proxy.is_done();
        proxy.set(Plan::Pass);
        answer.map_err(|error| error.context(format!("cut after {messages} messages")))?;
        let token = bench.claim_one().await?.token;
        assert_eq!(bench.claim(10).await?.claims.len(), 0, "{messages}");
        bench.complete(token).await?;
        if !is_cut {
            assert!(messages > 0, "a call is a message at least");
            return Ok(());
        }
    }
    Ok(())
}

#[tokio::test]
async fn cx_6_a_completion_that_is_cut_is_made_again_and_takes_the_next_once() -> anyhow::Result<()> {
    let (bench, proxy) = behind_a_proxy("", PostgresOptions::default().connections(1)).await?;
    for messages in 0.. {
        let token = bench.running().await?.token;
        bench.spawn(vec![job()?, job()?]).await?;
        let ending = Ending::Complete { result: Payload::from_text("1") };
        let request = bench.claim_request(1)?.ending(vec![RunEnd { token, ending }]);
        proxy.set(Plan::CutAfter(messages));
        let answer = bench.store.claim(request).await;
        let is_cut = proxy.is_done();
        proxy.set(Plan::Pass);
        let ClaimAnswer { ends, claims, .. } = answer?;
        assert!(matches!(ends[..], [Ok(EndAnswer::Completed)]), "{messages}: {ends:?}");
        assert_eq!(claims.len(), 1, "{messages}");
        bench.complete(claims[0].token).await?;
        let last = bench.claim_one().await?.token;
        bench.complete(last).await?;
        if !is_cut {
            assert!(messages > 0, "a call is a message at least");
            return Ok(());
        }
    }
    Ok(())
}
