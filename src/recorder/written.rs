//! What the proxy waits for before more may pass.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::sync::{oneshot, watch};

use super::health::Waiting;

/// Resolves when the end of an exchange is as durable as the user asked for; or when the disk lets it
/// wait for too long, which the recorder has said then.
#[must_use = "the client may have the last byte only when this has resolved"]
pub struct Written(Option<Pin<Box<dyn Future<Output = ()> + Send>>>);

impl Written {
    /// Nothing is waited for.
    pub(super) fn at_once() -> Written {
        Written(None)
    }

    /// It waits for the writer's word, as long as that is of use.
    pub(super) fn waiting(
        word: oneshot::Receiver<()>,
        mut waiting: watch::Receiver<Waiting>,
    ) -> Written {
        Written(Some(Box::pin(async move {
            let pointless = waiting.wait_for(|waiting| *waiting == Waiting::Pointless);
            // A writer that has gone answers with an error. It has said why, and the client must not
            // wait for ever.
            tokio::select! {
                biased;
                _ = word => {}
                _ = pointless => {}
            }
        })))
    }

    /// Whether nothing is waited for.
    pub(super) fn is_immediate(&self) -> bool {
        self.0.is_none()
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
        let over = waiting.as_mut().poll(context);
        if over.is_ready() {
            self.0 = None;
        }
        over
    }
}
