//! Fan-out: a child for each part of the work, and one result out of all of theirs.

use std::{borrow::Cow, time::Duration};

use durable::{Durable, SpawnOptions, Task, TaskContext, TaskResult, WorkerOptions, async_trait};

#[derive(Default)]
struct CountText;

#[async_trait]
impl Task for CountText {
    fn name(&self) -> Cow<'static, str> {
        "count-text".into()
    }
    type Params = Vec<String>;
    type Output = usize;

    async fn run(&self, lines: Vec<String>, mut ctx: TaskContext, _: ()) -> TaskResult<usize> {
        let children = ctx.spawn_many::<CountLine>("line", lines, SpawnOptions::default()).await?;
        // The task rests here, and wakes once, when the last child has ended. One that failed ends the sum with `?`.
        let counts = ctx.join_all(children).await?;
        counts.into_iter().sum()
    }
}

#[derive(Default)]
struct CountLine;

#[async_trait]
impl Task for CountLine {
    fn name(&self) -> Cow<'static, str> {
        "count-line".into()
    }
    type Params = String;
    type Output = usize;

    async fn run(&self, line: String, _: TaskContext, _: ()) -> TaskResult<usize> {
        let words = line.split_whitespace().count();
        println!("{words} words: {line}");
        Ok(words)
    }
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let store = durable::connect("memory:").await?;
    let builder = Durable::builder().store(store).register::<CountText>()?.register::<CountLine>()?;
    let durable = builder.build()?;
    durable.create_queue().await?;
    let worker = durable.start_worker(WorkerOptions { concurrency: 4, ..Default::default() }).await?;

    let lines = ["what is done is kept", "what is not is done again", "nothing is done twice"];
    let task = durable.spawn::<CountText>(lines.map(str::to_owned).to_vec()).await?;
    let result = durable.wait_for_result(task, Duration::from_secs(10)).await?;
    println!("{} words in all", result.output::<usize>()?);
    worker.shutdown().await;
    Ok(())
}
