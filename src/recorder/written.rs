//! What the proxy waits for before more may pass.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll, ready};

use super::Shared;
use super::dealt::{Asks, Number};
use super::workplace::Calling;

/// Resolves when the end of an exchange is as durable as the user asked for; or when the disk lets it
/// wait for too long, which the recorder has said then.
#[must_use = "the client may have the last byte only when this has resolved"]
pub struct Written(Option<Waiting>);

/// Waits for the writer to deal with a message.
struct Waiting {
    shared: Arc<Shared>,
    number: Number,
    stage: Stage,
}

enum Stage {
    /// It has to see that the writer is called.
    New,
    /// It calls the writer, as soon as others have done what they are about to.
    Calls(Pin<Box<dyn Future<Output = ()> + Send>>),
    Waits(Asks),
}

impl Written {
    /// Nothing is waited for.
    pub(super) fn at_once() -> Written {
        Written(None)
    }

    /// It waits until the writer has dealt with this message, as long as that is of use; after calling the writer,
    /// where that is left to it and nobody else is about to.
    pub(super) fn waiting(shared: Arc<Shared>, number: Number) -> Written {
        Written(Some(Waiting {
            shared,
            number,
            stage: Stage::New,
        }))
    }

    /// Whether nothing is waited for.
    pub(super) fn is_immediate(&self) -> bool {
        self.0.is_none()
    }
}

impl Waiting {
    /// Sees that the writer is called.
    fn begin(&self) -> Stage {
        if self.shared.calling == Calling::Waiters
            && let Some(call) = Call::of(&self.shared)
            && self.shared.backlog.is_busy()
        {
            // What is about to end does so first, and is written along.
            return Stage::Calls(Box::pin(async move {
                tokio::task::yield_now().await;
                drop(call);
            }));
        }
        Stage::Waits(Asks::First)
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<()> {
        loop {
            match &mut self.stage {
                Stage::New => self.stage = self.begin(),
                Stage::Calls(call) => {
                    ready!(call.as_mut().poll(context));
                    self.stage = Stage::Waits(Asks::First);
                }
                Stage::Waits(asks) => {
                    let asks = std::mem::replace(asks, Asks::Again);
                    return self.shared.backlog.poll_dealt(self.number, asks, context);
                }
            }
        }
    }
}

/// A call for the writer that is about to be made, for all who wait by then: it is, as soon as this is dropped.
struct Call(Arc<Shared>);

impl Call {
    /// The one call that is about to be made; `None` where somebody else is about to make it.
    fn of(shared: &Arc<Shared>) -> Option<Call> {
        let before = shared.about_to_call.swap(true, Ordering::AcqRel);
        (!before).then(|| Call(Arc::clone(shared)))
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        // Whoever left the call to this one has put into the queue before what is waited for.
        self.0.about_to_call.swap(false, Ordering::AcqRel);
        self.0.call();
    }
}

impl fmt::Debug for Written {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Written").field(&self.0.is_none()).finish()
    }
}

impl Future for Written {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let Some(waiting) = &mut self.0 else {
            return Poll::Ready(());
        };
        ready!(waiting.poll(context));
        self.0 = None;
        Poll::Ready(())
    }
}
