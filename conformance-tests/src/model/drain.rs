//! The end of a sequence: whatever its calls have left, a worker that does nothing else ends every task, on both sides.

use durable_core::model::TaskState;
use durable_core::store::RunEnd;

use super::op::{Emit, Event, Name, On, Queue};
use super::pair::Pair;
use super::picks::{Request, task_name};
use crate::ctx::steps::{complete, lease};
use crate::expect::Violation;

/// More rounds than any sequence needs: each ends a generation of tasks, or an attempt.
const ROUNDS: usize = 64;

impl Pair {
    /// Lets everything come to its end, and compares what is left.
    pub(super) async fn drain(&mut self) -> Result<(), Violation> {
        self.begins(On::A).await?;
        self.note(|| "at the end a worker completes what is left".to_owned());
        self.put(Queue::Open).await?;
        for round in 0..ROUNDS {
            self.begins(if round % 2 == 0 { On::B } else { On::A }).await?;
            if self.things.views.iter().all(|view| matches!(view.state, TaskState::Ended(_))) {
                return self.compare_all().await;
            }
            self.round().await?;
        }
        let live = |state| !matches!(state, TaskState::Ended(_));
        let left: Vec<_> = self.things.views.iter().filter(|view| live(view.state)).collect();
        Err(Violation::new("what a worker leaves", format!("{left:#?}"), "no live task"))
    }

    /// Everything is due, every event comes, and every task that is handed out is completed.
    async fn round(&mut self) -> Result<(), Violation> {
        self.much_later();
        while self.tick(1_000).await? {}
        if self.things.views.iter().any(|view| view.rest.is_some()) {
            for event in [Event::E, Event::F, Event::G, Event::Crowd] {
                self.emit(Emit { event, payload: 0 }, false).await?;
            }
            while self.tick(1_000).await? {}
        }
        let before = self.things.tokens.len();
        let names = vec![task_name(Name::A)?, task_name(Name::B)?];
        let request = self.claim_request(names, 1_000, lease(60_000)?, false)?;
        self.ask(Request::Claim(request)).await?;
        let tokens = self.things.tokens.get(before..).unwrap_or_default();
        let ends = tokens.iter().map(|token| RunEnd { token: *token, ending: complete() }).collect();
        let request = self.claim_request(Vec::new(), 0, lease(60_000)?, false)?;
        self.ask(Request::Claim(request.ending(ends))).await
    }
}
