//! A saga: when one booking of a trip is refused, those before it are given back, last first.

use std::{borrow::Cow, time::Duration};

use durable::{Durable, Task, TaskContext, TaskResult, WorkerOptions, async_trait};

#[derive(Default)]
struct BookTrip;

#[async_trait]
impl Task for BookTrip {
    fn name(&self) -> Cow<'static, str> {
        "book-trip".into()
    }
    type Params = Vec<String>;
    type Output = String;

    async fn run(&self, parts: Vec<String>, mut ctx: TaskContext, _: ()) -> TaskResult<String> {
        let mut booked = Vec::new();
        for part in parts {
            // A refusal is a value, stored like any other, so a replay meets it again; an error would be retried.
            match ctx.step("book", part, |part, _| async move { Ok(book(&part)) }).await? {
                Ok(booking) => booked.push(booking),
                Err(refusal) => {
                    for booking in booked.into_iter().rev() {
                        ctx.step("give back", booking, |it, _| async move { Ok(give_back(&it)) }).await?;
                    }
                    return Ok(format!("no trip: {refusal}"));
                }
            }
        }
        Ok(format!("booked {}", booked.join(", ")))
    }
}

fn book(part: &str) -> Result<String, String> {
    println!("booking {part}");
    if part == "car" { Err("no car is free".to_owned()) } else { Ok(format!("{part} #42")) }
}

fn give_back(booking: &str) -> String {
    println!("giving back {booking}");
    format!("{booking} is free again")
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let builder = Durable::builder().store(durable::connect("memory:").await?);
    let durable = builder.register::<BookTrip>()?.build()?;
    durable.create_queue().await?;
    let worker = durable.start_worker(WorkerOptions::default()).await?;

    let task = durable.spawn::<BookTrip>(["flight", "hotel", "car"].map(str::to_owned).to_vec()).await?;
    let result = durable.wait_for_result(task, Duration::from_secs(10)).await?;
    println!("{}", result.output::<String>()?);
    worker.shutdown().await;
    Ok(())
}
