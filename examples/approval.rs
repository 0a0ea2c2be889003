//! A human approval: the task rests until somebody answers, or until patience ends.

use std::{borrow::Cow, time::Duration};

use durable::{Durable, Select, Task, TaskContext, TaskResult, WorkerOptions, async_trait};

#[derive(Default)]
struct Expense;

#[async_trait]
impl Task for Expense {
    fn name(&self) -> Cow<'static, str> {
        "expense".into()
    }
    /// The expense's number.
    type Params = u32;
    type Output = String;

    async fn run(&self, number: u32, mut ctx: TaskContext, _: ()) -> TaskResult<String> {
        ctx.step("ask", number, |number, _| async move {
            println!("please approve expense {number}");
            Ok(())
        })
        .await?;
        let answer = Select::event(format!("approved:{number}"));
        let patience = Select::timer("patience", Duration::from_secs(1));
        // Which came first is stored: a late answer changes nothing.
        let first = ctx.select("answer or patience", [answer, patience]).await?;
        Ok(match first.index {
            0 => format!("expense {number} is approved by {}", first.value::<String>()?),
            _ => format!("expense {number} is rejected: nobody answered"),
        })
    }
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let store = durable::connect("memory:").await?;
    let durable = Durable::builder().store(store).register::<Expense>()?.build()?;
    durable.create_queue().await?;
    let worker = durable.start_worker(WorkerOptions::default()).await?;

    let expenses = [durable.spawn::<Expense>(1).await?, durable.spawn::<Expense>(2).await?];
    tokio::time::sleep(Duration::from_millis(300)).await;
    durable.emit_event("approved:1", "Ada").await?;
    for task in expenses {
        let result = durable.wait_for_result(task, Duration::from_secs(10)).await?;
        println!("{}", result.output::<String>()?);
    }
    worker.shutdown().await;
    Ok(())
}
