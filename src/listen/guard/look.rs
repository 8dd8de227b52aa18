//! The guard's eyes: how many of a client's bytes may go on, and what becomes of the others.
//!
//! What bytes mean the framing knows; here nothing is read.

use bytes::Buf as _;
use tokio::io::ReadBuf;

use crate::listen::framing::Step;
use crate::listen::refusal::Refusal;

use super::{Fate, Guard, OWN};

/// How many of the bytes that were looked at may go on, and why not the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Looked {
    /// They want more behind them, or an answer first; or there are none.
    Good(usize),
    /// None: they begin with so many that nobody needs.
    Idle(usize),
    /// They begin a request that is refused.
    Refused(usize),
    /// They are the rest of content that has gone on and is broken.
    Broken(usize),
}

impl Guard {
    /// Looks at what is held, and finds out how much of it may go on.
    pub(super) fn look(&mut self) {
        let mut held = std::mem::take(&mut self.held);
        self.good = loop {
            match self.follow(&held) {
                Looked::Good(good) => break good,
                Looked::Idle(count) => held.advance(count),
                Looked::Broken(good) => {
                    held.truncate(good);
                    break good;
                }
                Looked::Refused(good) => {
                    held.truncate(good);
                    held.extend_from_slice(OWN);
                    break held.len();
                }
            }
        };
        self.held = held;
    }

    /// Looks at what was read straight into hyper's buffer, behind its first `before` bytes, and takes out
    /// what is not to go on yet.
    pub(super) fn look_at(&mut self, buffer: &mut ReadBuf<'_>, before: usize) {
        let fresh = buffer.filled().get(before..).unwrap_or_default();
        let good = match self.follow(fresh) {
            Looked::Good(good) => {
                self.held
                    .extend_from_slice(fresh.get(good..).unwrap_or_default());
                good
            }
            Looked::Idle(count) => {
                self.held
                    .extend_from_slice(fresh.get(count..).unwrap_or_default());
                0
            }
            Looked::Broken(good) => good,
            Looked::Refused(good) => {
                self.hold_own();
                good
            }
        };
        buffer.set_filled(before + good);
    }

    /// Refuses the request of which a part is held.
    pub(super) fn refuse_held(&mut self, refusal: Refusal) {
        self.refuse(None, 0, refusal);
        self.held.clear();
        self.hold_own();
    }

    /// Has the guard's own request come next, where nothing is held.
    fn hold_own(&mut self) {
        self.held.extend_from_slice(OWN);
        self.good = OWN.len();
    }

    /// Follows the messages in the bytes that come next.
    fn follow(&mut self, bytes: &[u8]) -> Looked {
        let mut good = 0;
        // Where the message that is looked at begins, if it begins in these bytes.
        let mut begin = None;
        loop {
            match self.framing.step(bytes.get(good..).unwrap_or_default()) {
                Ok(Step::Head(count)) => {
                    begin = self.framing.in_content().then_some(good);
                    good += count;
                    self.patience.forget();
                    if !self.framing.is_through() {
                        self.connection.let_through();
                    }
                    if self.framing.awaits_answer() {
                        self.connection.offered();
                        return Looked::Good(good);
                    }
                }
                Ok(Step::End(count)) => {
                    begin = None;
                    good += count;
                }
                Ok(Step::Content(count)) => return Looked::Good(good + count),
                Ok(Step::Skip(count)) if good == 0 => return Looked::Idle(count),
                // It is skipped when what stands before it has gone on.
                Ok(Step::Skip(_) | Step::Wait) => return Looked::Good(good),
                Err(refusal) => return self.refuse(begin, good, refusal),
            }
        }
    }

    /// Refuses the request that begins at `begin` of the bytes that are looked at; that which comes behind
    /// the good ones, where no content is under way; or else the rest of content that has begun to go on.
    fn refuse(&mut self, begin: Option<usize>, good: usize, refusal: Refusal) -> Looked {
        self.connection.refuse(refusal);
        let place = match begin {
            Some(begin) => begin,
            None if self.framing.in_content() => {
                self.break_off();
                return Looked::Broken(good);
            }
            None => {
                self.connection.let_through();
                good
            }
        };
        self.fate = Fate::Refused;
        Looked::Refused(place)
    }

    fn break_off(&mut self) {
        self.connection.break_off();
        self.fate = Fate::Broken;
    }
}
