//! Ends of runs, as a claim brings them.

use super::{Closed, Records};
use crate::model::Token;
use crate::store::{EndAnswer, Ending, FencedError, RunEnd};

impl Records {
    /// Ends one run.
    ///
    /// # Errors
    ///
    /// As [`Runs::claim`](crate::store::Runs::claim) answers for one end; nothing was written.
    pub fn end_run(&mut self, end: &RunEnd) -> Result<EndAnswer, FencedError> {
        if let Some(answer) = self.repeated(end.token, &end.ending)? {
            return Ok(answer);
        }
        let id = self.fence(end.token)?.id;
        Ok(match &end.ending {
            Ending::Complete { result } => {
                self.complete(id, result.clone());
                EndAnswer::Completed
            }
            Ending::Fail { failure, retry } => match self.fail(id, failure.clone(), *retry) {
                Some(due) => EndAnswer::Retrying { due },
                None => EndAnswer::Failed,
            },
            Ending::Release { after } => EndAnswer::Released { due: self.release(id, *after) },
        })
    }

    /// The answer that the same token and verb got before (rule C7).
    fn repeated(&self, token: Token, ending: &Ending) -> Result<Option<EndAnswer>, FencedError> {
        Ok(match (self.newest(token)?.closed, ending) {
            (Some(Closed::Complete), Ending::Complete { .. }) => Some(EndAnswer::Completed),
            (Some(Closed::Fail(None)), Ending::Fail { .. }) => Some(EndAnswer::Failed),
            (Some(Closed::Fail(Some(due))), Ending::Fail { .. }) => Some(EndAnswer::Retrying { due }),
            (Some(Closed::Release(due)), Ending::Release { .. }) => Some(EndAnswer::Released { due }),
            _ => None,
        })
    }
}
