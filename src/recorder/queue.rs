//! The way of the messages to the writer: in order, and taken many at a time.
//!
//! To wake a thread costs more than to understand what it is woken for. So the writer is woken once for all that
//! comes while it is awake, and where nobody waits for what comes it gathers some more first. How much may
//! wait, and who finds no room, is the business of [`super::backlog`].

use std::collections::VecDeque;
use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use tokio::time::timeout;

use super::dealt::Number;
use super::doorbell::{Doorbell, Hearing};

/// How long messages gather for which nobody waits: long enough that a busy service wakes the writer a
/// thousand times a second and not for each exchange, short enough that no person sees it.
const GATHERING: Duration = Duration::from_millis(1);

/// Whether somebody waits for what comes of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Urgency {
    /// Nobody does.
    CanWait,
    /// Somebody does, or the messages that wait take too much room.
    Now,
}

/// How messages gather for which nobody waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Gathering {
    /// For [`GATHERING`], once the first has come.
    Briefly,
    /// Until somebody waits, or [`Sender::hurry`] is called.
    UntilCalled,
}

/// Where messages are put in. There is one, which its owners share.
#[derive(Debug)]
pub(super) struct Sender<T>(Arc<Queue<T>>);

/// Where they are taken out. Dropping it drops what waits.
#[derive(Debug)]
pub(super) struct Receiver<T> {
    queue: Arc<Queue<T>>,
    /// What was taken out and not looked at.
    taken: VecDeque<T>,
    /// The number of the message that came out last.
    last: Number,
    /// When the oldest of what was last taken out had been put in.
    since: Instant,
    gathering: Gathering,
    /// Where the doorbell is heard, from the first time on that the receiver waits.
    hearing: Option<Hearing>,
}

/// The other side is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Gone;

#[derive(Debug)]
struct Queue<T> {
    state: Mutex<State<T>>,
    /// What the receiver is called with instead of its waker.
    doorbell: Option<Doorbell>,
}

#[derive(Debug)]
struct State<T> {
    messages: VecDeque<T>,
    /// The number of the message that was put in last.
    last: Number,
    /// When the oldest of them was put in. To look at the clock for each would take longer than to put it in.
    since: Instant,
    urgency: Urgency,
    reader: Reader,
    /// Calls a receiver that does not look by itself.
    waker: Waker,
    sender: Presence,
}

/// What the receiver does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reader {
    /// It looks again before it sleeps.
    Awake,
    /// It is to be called when anything comes.
    Asleep,
    /// It is to be called when something urgent comes.
    Gathers,
    /// It will never look again.
    Gone,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Presence {
    There,
    Gone,
}

/// A queue, and its two ends. The receiver of one with a doorbell must be looked at in a runtime whose workers wait
/// for files.
pub(super) fn queue<T>(
    gathering: Gathering,
    doorbell: Option<Doorbell>,
) -> (Sender<T>, Receiver<T>) {
    let queue = Arc::new(Queue {
        doorbell,
        state: Mutex::new(State {
            messages: VecDeque::new(),
            last: Number::NONE,
            since: Instant::now(),
            urgency: Urgency::CanWait,
            reader: Reader::Awake,
            waker: Waker::noop().clone(),
            sender: Presence::There,
        }),
    });
    let receiver = Receiver {
        queue: Arc::clone(&queue),
        taken: VecDeque::new(),
        last: Number::NONE,
        since: Instant::now(),
        gathering,
        hearing: None,
    };
    (Sender(queue), receiver)
}

impl<T> Sender<T> {
    /// Puts a message in, which has this number then; returns at once.
    pub(super) fn send(&self, message: T, urgency: Urgency) -> Result<Number, Gone> {
        let mut state = self.0.state();
        if state.reader == Reader::Gone {
            return Err(Gone);
        }
        if state.messages.is_empty() {
            state.since = Instant::now();
        }
        state.messages.push_back(message);
        state.last = state.last.next();
        let number = state.last;
        if urgency == Urgency::Now {
            state.urgency = Urgency::Now;
        }
        self.0.call(state);
        Ok(number)
    }
}

impl<T> Sender<T> {
    /// Has what waits be taken now.
    pub(super) fn hurry(&self) {
        let mut state = self.0.state();
        if !state.messages.is_empty() {
            state.urgency = Urgency::Now;
            self.0.call(state);
        }
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.sender = Presence::Gone;
        state.urgency = Urgency::Now;
        self.0.call(state);
    }
}

impl<T> Receiver<T> {
    /// Whether there is a message.
    pub(super) fn has_more(&self) -> bool {
        !self.taken.is_empty() || !self.queue.state().messages.is_empty()
    }

    /// The number of the message that came out last.
    pub(super) fn last(&self) -> Number {
        self.last
    }

    /// Since when the message that came out last may have waited: it has for no longer.
    pub(super) fn since(&self) -> Instant {
        self.since
    }

    /// The next message, of those that are there.
    pub(super) fn try_next(&mut self) -> Option<T> {
        if self.taken.is_empty() {
            let mut state = self.queue.state();
            state.urgency = Urgency::CanWait;
            std::mem::swap(&mut state.messages, &mut self.taken);
            self.since = state.since;
        }
        let message = self.taken.pop_front()?;
        self.last = self.last.next();
        Some(message)
    }

    /// Takes nothing in any more, and gives what is there.
    pub(super) fn shut(mut self) -> VecDeque<T> {
        let mut left = std::mem::take(&mut self.taken);
        let mut state = self.queue.state();
        state.reader = Reader::Gone;
        left.append(&mut state.messages);
        drop(state);
        left
    }

    /// The next message, which it waits for; `None` where none came in this time. It takes all that is there
    /// as soon as there is something, and with it what comes while it gathers.
    pub(super) async fn next(&mut self, patience: Option<Duration>) -> Result<Option<T>, Gone> {
        if self.taken.is_empty() {
            if self.hearing.is_none() {
                self.hearing = self.queue.doorbell.as_ref().and_then(Doorbell::hear);
            }
            let first = match self.gathering {
                Gathering::Briefly => Reader::Asleep,
                Gathering::UntilCalled => Reader::Gathers,
            };
            match patience {
                None => self.called(first).await,
                Some(patience) => {
                    // The time is up, or there is something: what is there is taken in either case.
                    let _ = timeout(patience, self.called(first)).await;
                }
            }
            if first == Reader::Asleep && !self.queue.state().messages.is_empty() {
                let _ = timeout(GATHERING, self.called(Reader::Gathers)).await;
            }
            let mut state = self.queue.state();
            state.reader = Reader::Awake;
            if state.messages.is_empty() && state.sender == Presence::Gone {
                return Err(Gone);
            }
        }
        Ok(self.try_next())
    }

    /// Resolves when there is something for a receiver that waits like this.
    fn called(&self, waits: Reader) -> impl Future<Output = ()> {
        poll_fn(move |context| {
            loop {
                if self.queue.state().called(waits, context).is_ready() {
                    return Poll::Ready(());
                }
                match &self.hearing {
                    Some(hearing) if hearing.poll_rung(context).is_ready() => {}
                    Some(_) | None => return Poll::Pending,
                }
            }
        })
    }
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        let mut state = self.queue.state();
        state.reader = Reader::Gone;
        let messages = std::mem::take(&mut state.messages);
        drop(state);
        drop(messages); // whoever waits for one hears of it, and nothing is held meanwhile
    }
}

impl<T> Queue<T> {
    fn state(&self) -> MutexGuard<'_, State<T>> {
        // Nothing under the lock can panic halfway.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Wakes the receiver where it sleeps and there is something for it.
    fn call(&self, mut state: MutexGuard<'_, State<T>>) {
        if state.calls(state.reader) {
            state.reader = Reader::Awake;
            let waker = state.waker.clone();
            drop(state);
            match &self.doorbell {
                Some(doorbell) if doorbell.ring() => {}
                Some(_) | None => waker.wake(),
            }
        }
    }
}

impl<T> State<T> {
    /// Whether there is something for a receiver that does this.
    fn calls(&self, reader: Reader) -> bool {
        match reader {
            Reader::Asleep => !self.messages.is_empty() || self.sender == Presence::Gone,
            Reader::Gathers => self.urgency == Urgency::Now,
            Reader::Awake | Reader::Gone => false,
        }
    }

    fn called(&mut self, waits: Reader, context: &Context<'_>) -> Poll<()> {
        if self.calls(waits) {
            self.reader = Reader::Awake;
            return Poll::Ready(());
        }
        self.reader = waits;
        self.waker.clone_from(context.waker());
        Poll::Pending
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Waits in this thread.
    fn wait<T>(future: impl Future<Output = T>) -> T {
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        runtime.enable_time().build().unwrap().block_on(future)
    }

    #[test]
    fn messages_come_out_in_order_and_none_is_lost() {
        let (sender, mut receiver) = queue(Gathering::Briefly, None);
        let sending = std::thread::spawn(move || {
            for number in 0..10_000 {
                let urgency = match number % 7 {
                    0 => Urgency::Now,
                    _ => Urgency::CanWait,
                };
                sender.send(number, urgency).unwrap();
            }
        });
        let mut next = 0;
        while let Ok(message) = wait(receiver.next(None)) {
            assert_eq!(message, Some(next));
            next += 1;
            while let Some(message) = receiver.try_next() {
                assert_eq!(message, next);
                next += 1;
            }
        }
        assert_eq!(next, 10_000);
        sending.join().unwrap();
    }

    #[test]
    fn whoever_waits_wakes_the_writer_and_others_are_taken_all_the_same() {
        let (sender, mut receiver) = queue(Gathering::Briefly, None);
        assert_eq!(wait(receiver.next(Some(Duration::ZERO))), Ok(None));
        sender.send(1, Urgency::CanWait).unwrap();
        assert_eq!(wait(receiver.next(None)), Ok(Some(1)));
        for urgency in [Urgency::CanWait, Urgency::Now] {
            let waiting = std::thread::spawn(move || (wait(receiver.next(None)), receiver));
            sender.send(2, urgency).unwrap();
            let (message, back) = waiting.join().unwrap();
            assert_eq!(message, Ok(Some(2)));
            receiver = back;
        }
        drop(sender);
        assert_eq!(wait(receiver.next(None)), Err(Gone));
    }

    #[test]
    fn what_waits_is_dropped_with_the_receiver_and_what_comes_is_refused() {
        let (sender, receiver) = queue(Gathering::Briefly, None);
        let (message, kept) = (Arc::new(()), Arc::new(()));
        sender.send(Arc::clone(&message), Urgency::CanWait).unwrap();
        drop(receiver);
        assert_eq!(Arc::strong_count(&message), 1);
        assert_eq!(sender.send(kept, Urgency::Now), Err(Gone));
    }

    #[test]
    fn what_is_there_is_given_when_nothing_is_taken_in_any_more() {
        let (sender, mut receiver) = queue(Gathering::Briefly, None);
        for number in 1..4 {
            sender.send(number, Urgency::CanWait).unwrap();
        }
        assert_eq!(receiver.try_next(), Some(1));
        sender.send(4, Urgency::CanWait).unwrap();
        assert_eq!(receiver.shut(), [2, 3, 4]);
        assert_eq!(sender.send(5, Urgency::Now), Err(Gone));
    }
}
