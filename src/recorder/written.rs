//! What the proxy waits for before more may pass.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};

use tokio::sync::{oneshot, watch};

use super::Shared;
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

    /// It waits for the writer's word, as long as that is of use; after calling the writer, where that is left
    /// to it and nobody else is about to.
    pub(super) fn waiting(
        word: oneshot::Receiver<()>,
        mut waiting: watch::Receiver<Waiting>,
        caller: Option<Arc<Shared>>,
    ) -> Written {
        Written(Some(Box::pin(async move {
            if let Some(call) = caller.and_then(Call::of) {
                if call.0.backlog.is_busy() {
                    // What is about to end does so first, and is written along.
                    tokio::task::yield_now().await;
                }
                drop(call);
            }
            // A change is never missed, as the word itself may be that is taken back before anybody looks.
            let pointless = async {
                let word = *waiting.borrow();
                if word == Waiting::Useful {
                    let _ = waiting.changed().await; // it fails where nobody is left to wait for
                }
            };
            // A writer that has gone answers with an error. It has said why, and the client must not
            // wait for ever.
            tokio::select! {
                biased;
                _ = word => {}
                () = pointless => {}
            }
        })))
    }

    /// Whether nothing is waited for.
    pub(super) fn is_immediate(&self) -> bool {
        self.0.is_none()
    }
}

/// A call for the writer that is about to be made, for all who wait by then: it is, as soon as this is dropped.
struct Call(Arc<Shared>);

impl Call {
    /// The one call that is about to be made; `None` where somebody else is about to make it.
    fn of(shared: Arc<Shared>) -> Option<Call> {
        let before = shared.about_to_call.swap(true, Ordering::AcqRel);
        (!before).then(|| Call(shared))
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
        let over = waiting.as_mut().poll(context);
        if over.is_ready() {
            self.0 = None;
        }
        over
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    #[test]
    fn whoever_waits_is_let_go_though_the_writer_has_caught_up_since() {
        let (behind, waiting) = watch::channel(Waiting::Useful);
        let (_word, unsaid) = oneshot::channel();
        let mut written = Written::waiting(unsaid, waiting, None);
        assert_eq!((&mut written).now_or_never(), None);
        behind.send_replace(Waiting::Pointless);
        behind.send_replace(Waiting::Useful);
        assert_eq!(written.now_or_never(), Some(()));
    }

    #[test]
    fn whoever_comes_while_it_is_pointless_does_not_wait() {
        let (_behind, waiting) = watch::channel(Waiting::Pointless);
        let (_word, unsaid) = oneshot::channel();
        let written = Written::waiting(unsaid, waiting, None);
        assert_eq!(written.now_or_never(), Some(()));
    }
}
