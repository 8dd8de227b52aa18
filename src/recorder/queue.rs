//! The way of the messages to the writer: in order, and taken many at a time.
//!
//! To wake a thread costs more than to understand what it is woken for. So the writer is woken once for all that
//! comes while it is awake, and where nobody waits for what comes it gathers some more first. How much may
//! wait, and who finds no room, is the business of [`super::backlog`].

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::dealt::Number;

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
}

/// The other side is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Gone;

#[derive(Debug)]
struct Queue<T> {
    state: Mutex<State<T>>,
    /// Calls a receiver that does not look by itself.
    called: Condvar,
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

/// A queue, and its two ends.
pub(super) fn queue<T>() -> (Sender<T>, Receiver<T>) {
    let queue = Arc::new(Queue {
        called: Condvar::new(),
        state: Mutex::new(State {
            messages: VecDeque::new(),
            last: Number::NONE,
            since: Instant::now(),
            urgency: Urgency::CanWait,
            reader: Reader::Awake,
            sender: Presence::There,
        }),
    });
    let receiver = Receiver {
        queue: Arc::clone(&queue),
        taken: VecDeque::new(),
        last: Number::NONE,
        since: Instant::now(),
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

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.sender = Presence::Gone;
        state.urgency = Urgency::Now;
        self.0.call(state);
    }
}

impl<T> Receiver<T> {
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
    pub(super) fn next(&mut self, patience: Option<Duration>) -> Result<Option<T>, Gone> {
        if self.taken.is_empty() {
            let mut state = self
                .queue
                .wait(self.queue.state(), Reader::Asleep, patience);
            if !state.messages.is_empty() {
                state = self.queue.wait(state, Reader::Gathers, Some(GATHERING));
            }
            if state.messages.is_empty() && state.sender == Presence::Gone {
                return Err(Gone);
            }
        }
        Ok(self.try_next())
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
        if state.calls() {
            state.reader = Reader::Awake;
            drop(state);
            self.called.notify_one();
        }
    }

    /// Waits like this until there is something, or for as long.
    fn wait<'a>(
        &'a self,
        mut state: MutexGuard<'a, State<T>>,
        reader: Reader,
        patience: Option<Duration>,
    ) -> MutexGuard<'a, State<T>> {
        state.reader = reader;
        let waits = |state: &mut State<T>| state.reader == reader && !state.calls();
        let mut state = match patience {
            None => {
                let waited = self.called.wait_while(state, waits);
                waited.unwrap_or_else(PoisonError::into_inner)
            }
            Some(patience) => {
                let waited = self.called.wait_timeout_while(state, patience, waits);
                waited.unwrap_or_else(PoisonError::into_inner).0
            }
        };
        state.reader = Reader::Awake;
        state
    }
}

impl<T> State<T> {
    /// Whether there is something for the receiver, which does not know of it.
    fn calls(&self) -> bool {
        match self.reader {
            Reader::Asleep => !self.messages.is_empty() || self.sender == Presence::Gone,
            Reader::Gathers => self.urgency == Urgency::Now,
            Reader::Awake | Reader::Gone => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_come_out_in_order_and_none_is_lost() {
        let (sender, mut receiver) = queue();
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
        while let Ok(message) = receiver.next(None) {
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
        let (sender, mut receiver) = queue();
        assert_eq!(receiver.next(Some(Duration::ZERO)), Ok(None));
        sender.send(1, Urgency::CanWait).unwrap();
        assert_eq!(receiver.next(None), Ok(Some(1)));
        for urgency in [Urgency::CanWait, Urgency::Now] {
            let waiting = std::thread::spawn(move || (receiver.next(None), receiver));
            sender.send(2, urgency).unwrap();
            let (message, back) = waiting.join().unwrap();
            assert_eq!(message, Ok(Some(2)));
            receiver = back;
        }
        drop(sender);
        assert_eq!(receiver.next(None), Err(Gone));
    }

    #[test]
    fn what_waits_is_dropped_with_the_receiver_and_what_comes_is_refused() {
        let (sender, receiver) = queue();
        let (message, kept) = (Arc::new(()), Arc::new(()));
        sender.send(Arc::clone(&message), Urgency::CanWait).unwrap();
        drop(receiver);
        assert_eq!(Arc::strong_count(&message), 1);
        assert_eq!(sender.send(kept, Urgency::Now), Err(Gone));
    }

    #[test]
    fn what_is_there_is_given_when_nothing_is_taken_in_any_more() {
        let (sender, mut receiver) = queue();
        for number in 1..4 {
            sender.send(number, Urgency::CanWait).unwrap();
        }
        assert_eq!(receiver.try_next(), Some(1));
        sender.send(4, Urgency::CanWait).unwrap();
        assert_eq!(receiver.shut(), [2, 3, 4]);
        assert_eq!(sender.send(5, Urgency::Now), Err(Gone));
    }
}
