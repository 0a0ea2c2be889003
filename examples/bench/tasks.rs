//! The tasks that are measured.

use std::borrow::Cow;

use durable::{Task, TaskContext, TaskResult, async_trait};

/// Does nothing.
#[derive(Default)]
pub(crate) struct Empty;

#[async_trait]
impl Task for Empty {
    fn name(&self) -> Cow<'static, str> {
        "empty".into()
    }
    type Params = ();
    type Output = ();

    async fn run(&self, (): (), _: TaskContext, (): ()) -> TaskResult<()> {
        Ok(())
    }
}

/// Stores so many results, one after another; waits for an event first if there is a name.
#[derive(Default)]
pub(crate) struct Steps;

#[async_trait]
impl Task for Steps {
    fn name(&self) -> Cow<'static, str> {
        "steps".into()
    }
    type Params = (usize, Option<String>);
    type Output = ();

    async fn run(
        &self,
        (steps, event): (usize, Option<String>),
        mut ctx: TaskContext,
        (): (),
    ) -> TaskResult<()> {
        if let Some(event) = event {
            ctx.await_event::<()>(&event, None).await?;
        }
        for step in 0..steps {
            ctx.step("step", step, |step, _| async move { Ok(step) }).await?;
        }
        Ok(())
    }
}
