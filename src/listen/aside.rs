//! Something that is waited for beside the work of a task, and nearly never comes.
//!
//! A task is woken for its work over and over. What it waits for beside that is asked only when it has woken
//! the task itself, which costs next to nothing as long as it does not.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use futures_util::task::AtomicWaker;

/// A future that is polled when it has something to say. It must not be polled again when it has said it.
pub(super) struct Aside<F> {
    future: F,
    ear: Arc<Ear>,
    /// Wakes the ear.
    ears_waker: Waker,
    /// The task that was to be woken last.
    task: Option<Waker>,
}

/// Hears that the future has something to say.
struct Ear {
    heard: AtomicBool,
    task: AtomicWaker,
}

impl<F: Future + Unpin> Aside<F> {
    /// Waits for this.
    pub(super) fn new(future: F) -> Aside<F> {
        let ear = Arc::new(Ear {
            heard: AtomicBool::new(true), // it has not been asked yet
            task: AtomicWaker::new(),
        });
        Aside {
            future,
            ears_waker: Waker::from(Arc::clone(&ear)),
            ear,
            task: None,
        }
    }
}

impl<F: Future + Unpin> Future for Aside<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let this = &mut *self;
        let task = context.waker();
        if !this
            .task
            .as_ref()
            .is_some_and(|known| known.will_wake(task))
        {
            this.ear.task.register(task);
            this.task = Some(task.clone());
        }
        // Looked at after the task is known: whatever is said from now on wakes it.
        let heard = &this.ear.heard;
        if !heard.load(Ordering::Relaxed) || !heard.swap(false, Ordering::AcqRel) {
            return Poll::Pending;
        }
        let mut context = Context::from_waker(&this.ears_waker);
        Pin::new(&mut this.future).poll(&mut context)
    }
}

impl Wake for Ear {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.heard.store(true, Ordering::Release);
        self.task.wake();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use tokio::sync::watch;

    use super::*;
    use crate::listen::stopped;

    /// A future that counts how often it is asked.
    struct Counted<F>(Pin<Box<F>>, Arc<AtomicUsize>);

    impl<F: Future> Future for Counted<F> {
        type Output = F::Output;

        fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
            self.1.fetch_add(1, Ordering::Relaxed);
            self.0.as_mut().poll(context)
        }
    }

    #[derive(Default)]
    struct Woken(AtomicUsize);

    impl Wake for Woken {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn it_is_asked_only_when_it_has_something_to_say() {
        let (stop, stops) = watch::channel(false);
        let asked = Arc::new(AtomicUsize::new(0));
        let counted = Counted(Box::pin(stopped(stops)), Arc::clone(&asked));
        let mut aside = Aside::new(counted);
        let tasks = [Arc::new(Woken::default()), Arc::new(Woken::default())];
        let mut poll = |task: &Arc<Woken>| {
            let waker = Waker::from(Arc::clone(task));
            Pin::new(&mut aside).poll(&mut Context::from_waker(&waker))
        };
        for task in [&tasks[0], &tasks[0], &tasks[0], &tasks[1]] {
            assert_eq!(poll(task), Poll::Pending);
        }
        assert_eq!(asked.load(Ordering::Relaxed), 1);
        stop.send(true).unwrap();
        let woken = tasks.each_ref().map(|task| task.0.load(Ordering::Relaxed));
        assert_eq!(woken, [0, 1], "the task that asked last");
        assert_eq!(poll(&tasks[1]), Poll::Ready(()));
        assert_eq!(asked.load(Ordering::Relaxed), 2);
    }
}
