//! `spawn`, from the client.

use crate::prelude::*;

const GROUP: &str = "spawn";

pub(super) const CASES: &[Case] = &[
    case!(
        sp_3_a_new_task_is_as_it_was_asked_for,
        ["SP-2", "SP-3", "SP-4"],
        ["S1", "N2"],
        [Spawn, Task],
        "What a store drops or rounds of a task is missing when the task runs."
    ),
    case!(
        sp_5_a_delayed_task_sleeps_until_it_is_due,
        ["SP-5"],
        ["K1"],
        [Spawn, Task],
        "A delayed task that is pending is run early."
    ),
    case!(
        s1_the_same_id_is_the_same_task,
        ["SP-16"],
        ["S1", "C7"],
        [Spawn, Claim],
        "A spawn whose reply was lost is repeated, and must not run its task twice."
    ),
    case!(
        sp_6_the_same_key_is_the_first_task,
        ["SP-6"],
        ["S1"],
        [Spawn, Claim],
        "An idempotency key that makes a second task charges a customer twice."
    ),
    case!(
        sp_8_a_key_with_other_params_is_a_conflict,
        ["SP-8"],
        ["S1", "S3"],
        [Spawn, Claim],
        "A caller whose params were silently replaced acts on a result that is not his."
    ),
    case!(
        sp_9_a_key_outlives_its_task_until_the_purge,
        ["SP-9", "SP-10"],
        ["S1", "U3"],
        [Spawn, Claim, Cancel, Purge, Outcome],
        "A key that ends with its task lets a late repeat run everything again."
    ),
    case!(
        sp_12_keys_are_compared_byte_by_byte,
        ["SP-12", "NM-2"],
        ["S1", "N1"],
        [Spawn],
        "Keys that are folded together lose a task that nobody else will run."
    ),
    case!(
        sp_13_a_batch_over_the_limit_is_invalid,
        ["SP-13"],
        ["S3"],
        [Spawn, Claim],
        "A batch that is cut off in silence loses tasks."
    )
    .heavy(),
    case!(
        sp_14_a_batch_is_all_or_nothing_and_in_order,
        ["SP-14"],
        ["S3"],
        [Spawn, Claim],
        "Half a batch cannot be told from a whole one."
    ),
    case!(
        sp_14_twice_in_one_batch_is_one_task,
        ["SP-14"],
        ["S1", "S3"],
        [Spawn, Claim],
        "A batch is as if its items came one after another."
    ),
];

async fn sp_3_a_new_task_is_as_it_was_asked_for(ctx: Ctx) -> Verdict {
    let asked = job_with(|task| {
        task.params = json(r#"{"n":1}"#);
        task.headers = json(r#"{"h":"x"}"#);
        task.policy = json(r#"{"kind":"fixed"}"#);
        task.priority = i16::MIN;
        task.max_attempts = None;
        task.max_pending = Some(millis(5_000));
        task.max_running = Some(millis(7_000));
    })?;
    let key = IdempotencyKey::new("once")?;
    let mut asked = asked;
    asked.idempotency = Some(Idempotency { key: key.clone(), fingerprint: "f".to_owned() });
    ctx.spawn(asked.clone()).await?;
    let wanted = TaskView {
        id: asked.id,
        name: asked.name,
        state: TaskState::Pending,
        params: asked.params,
        headers: asked.headers,
        policy: asked.policy,
        priority: i16::MIN,
        attempt: 1,
        max_attempts: None,
        claims: 0,
        idempotency_key: Some(key),
        parent: None,
        spawned_at: ctx.now(),
        first_started_at: None,
        ended_at: None,
        available_at: Some(ctx.now()),
        due: Some(ctx.now().after(millis(5_000))),
        lease: None,
        rest: None,
        closing: false,
        result: None,
        failure: None,
        cancelled: None,
    };
    let detail = ctx.detail(asked.id).await?;
    same("the task", &detail.task, &wanted)?;
    same("its waits", &detail.waits, &vec![])?;
    same("its history", &detail.history.items, &vec![])
}

async fn sp_5_a_delayed_task_sleeps_until_it_is_due(ctx: Ctx) -> Verdict {
    let task = ctx.spawn(job_with(|task| task.delay = millis(500))?).await?;
    let view = ctx.view(task).await?;
    same("the state", &view.state, &TaskState::Sleeping)?;
    same("the due time", &view.due, &Some(ctx.now().after(millis(500))))?;
    same("since when it is ready", &view.available_at, &None)?;
    same("what it rests on", &view.rest, &None)
}

async fn s1_the_same_id_is_the_same_task(ctx: Ctx) -> Verdict {
    let task = job_with(|task| task.params = json("1"))?;
    ctx.spawn(task.clone()).await?;
    let before = ctx.snapshot().await?;
    let again = Spawned { task: task.id, created: false };
    ctx.advance(10);
    same("the same spawn again", &ctx.spawn_all(vec![task.clone()]).await?, &vec![again])?;
    ctx.unchanged(&before, "the same spawn again").await?;
    let claim = ctx.claim_task(task.id).await?;
    same("its params", &claim.params, &json("1"))?;
    same("the same spawn while it runs", &ctx.spawn_all(vec![task.clone()]).await?, &vec![again])?;
    ctx.complete(claim.token).await?;
    same("the same spawn after its end", &ctx.spawn_all(vec![task]).await?, &vec![again])?;
    ctx.claims_nothing("a claim after all these repeats").await
}

async fn sp_6_the_same_key_is_the_first_task(ctx: Ctx) -> Verdict {
    let first = job_with(|task| task.params = json("1"))?;
    let keyed = |id: TaskId, params: &str| -> Result<NewTask, Violation> {
        let mut task = keyed("once", "f")?;
        (task.id, task.params) = (id, json(params));
        Ok(task)
    };
    ctx.spawn(keyed(first.id, "1")?).await?;
    let before = ctx.snapshot().await?;
    for _ in 0..3 {
        let again = ctx.spawn_all(vec![keyed(TaskId::new(), "1.0")?]).await?;
        same("a spawn with the same key", &again, &vec![Spawned { task: first.id, created: false }])?;
    }
    ctx.unchanged(&before, "a spawn with the same key").await?;
    same("the params", &ctx.claim_task(first.id).await?.params, &json("1"))
}

async fn sp_8_a_key_with_other_params_is_a_conflict(ctx: Ctx) -> Verdict {
    let first = ctx.spawn(keyed("once", "f")?).await?;
    let before = ctx.snapshot().await?;
    let batch = vec![job()?, keyed("once", "other")?, job()?];
    let answer = ctx.store().spawn(SpawnRequest::new(ctx.queue.clone(), batch)).await?;
    same("the batch with it", &answer, &SpawnAnswer::Conflict { index: 1, existing: first })?;
    ctx.unchanged(&before, "a batch with a conflict").await?;
    ctx.claim_task(first).await?;
    let again = ctx.spawn_all(vec![keyed("once", "f")?]).await?;
    same("the same params", &again, &vec![Spawned { task: first, created: false }])
}

async fn sp_9_a_key_outlives_its_task_until_the_purge(ctx: Ctx) -> Verdict {
    for how in [EndState::Completed, EndState::Failed, EndState::Cancelled] {
        let task = ctx.spawn(keyed("once", "f")?).await?;
        let token = ctx.claim_task(task).await?.token;
        match how {
            EndState::Completed => ctx.complete(token).await?,
            EndState::Failed => same("fail", &ctx.end(token, fail_for_good()).await?, &EndAnswer::Failed)?,
            EndState::Cancelled => {
                same("cancel", &ctx.cancel(task).await?, &CancelAnswer::Cancelled { closing: false })?;
            }
        }
        let again = ctx.spawn_all(vec![keyed("once", "f")?]).await?;
        let first = vec![Spawned { task, created: false }];
        same(&format!("the key of a task that has {how:?}"), &again, &first)?;
        ctx.claims_nothing("a claim of the ended task").await?;
        ctx.purge(0).await?;
        same("the purged task", &ctx.outcome(task).await?, &Outcome::NotFound)?;
    }
    let anew = ctx.spawn(keyed("once", "other")?).await?;
    ctx.claim_task(anew).await?;
    Ok(())
}

async fn sp_12_keys_are_compared_byte_by_byte(ctx: Ctx) -> Verdict {
    let keys = ["k", "K", "k ", " k", "caf\u{e9}", "cafe\u{301}", "ı", "i", "ß", "ss", "a:b", "a", "null"];
    for key in keys {
        ctx.spawn(keyed(key, "f")?).await?;
    }
    let again: Vec<_> = keys.iter().map(|key| keyed(key, "f")).collect::<Result<_, _>>()?;
    let answers = ctx.spawn_all(again).await?;
    let created = answers.iter().filter(|answer| answer.created).count();
    same("how many are new the second time", &created, &0)?;
    ctx.spawn_one().await?;
    ctx.spawn_one().await?;
    Ok(())
}

async fn sp_13_a_batch_over_the_limit_is_invalid(ctx: Ctx) -> Verdict {
    let batch = |count| (0..count).map(|_| job()).collect::<Result<Vec<_>, _>>();
    let too_many = SpawnRequest::new(ctx.queue.clone(), batch(1_001)?);
    fault("a batch of 1,001", ctx.store().spawn(too_many).await, StoreErrorKind::Invalid)?;
    ctx.claims_nothing("a claim after the refused batch").await?;
    let spawned = ctx.spawn_all(batch(1_000)?).await?;
    same("a batch of 1,000", &spawned.iter().filter(|task| task.created).count(), &1_000)
}

async fn sp_14_a_batch_is_all_or_nothing_and_in_order(ctx: Ctx) -> Verdict {
    let known = ctx.spawn_one().await?;
    let mut batch = vec![job()?, job()?, job()?, job()?];
    if let Some(task) = batch.get_mut(2) {
        task.id = known;
    }
    let wanted: Vec<_> = batch.iter().map(|new| Spawned { task: new.id, created: new.id != known }).collect();
    same("the answers", &ctx.spawn_all(batch).await?, &wanted)?;
    same("how many can be claimed", &ctx.claim(10).await?.len(), &4)
}

async fn sp_14_twice_in_one_batch_is_one_task(ctx: Ctx) -> Verdict {
    let (first, plain) = (keyed("once", "f")?, job()?);
    let batch = vec![first.clone(), keyed("once", "f")?, plain.clone(), plain.clone()];
    let of = |task, created| Spawned { task, created };
    let wanted = vec![of(first.id, true), of(first.id, false), of(plain.id, true), of(plain.id, false)];
    same("the answers", &ctx.spawn_all(batch).await?, &wanted)?;
    let before = ctx.snapshot().await?;
    let clash = vec![keyed("new", "f")?, keyed("new", "other")?];
    let answer = ctx.store().spawn(SpawnRequest::new(ctx.queue.clone(), clash)).await?;
    let conflict = matches!(answer, SpawnAnswer::Conflict { index: 1, .. });
    holds("a batch that contradicts itself", conflict, &answer, "a conflict at index 1")?;
    ctx.unchanged(&before, "a batch that contradicts itself").await?;
    same("how many can be claimed", &ctx.claim(10).await?.len(), &2)
}
