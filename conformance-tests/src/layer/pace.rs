//! Two paces: a store that always yields, and one that never does.

use std::pin::pin;
use std::task::{Context, Poll, Waker};

use durable_core::store::StoreError;

use super::{Call, Layer, Made};

/// Yields to the scheduler before and after every call, so that others run in between.
#[derive(Debug, Clone, Copy, Default)]
pub struct AlwaysYield;

impl Layer for AlwaysYield {
    type Ticket = ();

    async fn before(&self, _call: Call) -> Result<(), StoreError> {
        tokio::task::yield_now().await;
        Ok(())
    }

    async fn after(&self, (): ()) -> Result<(), StoreError> {
        tokio::task::yield_now().await;
        Ok(())
    }
}

/// Answers every call at its first poll, by polling until the store is done.
///
/// Only for stores that need no reactor, such as the one in memory: with another it would poll for ever.
#[derive(Debug, Clone, Copy, Default)]
pub struct NeverYield;

impl Layer for NeverYield {
    type Ticket = ();

    async fn before(&self, _call: Call) -> Result<(), StoreError> {
        Ok(())
    }

    async fn drive<F: Made>(
        &self,
        (): &mut (),
        make: impl Fn() -> F + Send + Sync + 'static,
    ) -> Result<F::Output, StoreError> {
        let mut call = pin!(make());
        loop {
            if let Poll::Ready(answer) = call.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
                return Ok(answer);
            }
            std::thread::yield_now();
        }
    }

    async fn after(&self, (): ()) -> Result<(), StoreError> {
        Ok(())
    }
}
