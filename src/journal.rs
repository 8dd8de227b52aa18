//! What one run exchanged: the transcript of each session with its digest, and the misses.
//!
//! The memory is bounded; the digest is not: it covers every entry, also those that were dropped
//! from the lists. It decides nothing and compares nothing.

mod bounded;
mod identity;
mod lane;
mod running;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;

use crate::exchange::{NotificationId, OperationId, Session};

pub use bounded::Bounded;
pub use identity::Identity;
pub use lane::{Lane, Way};

/// The most entries that are kept of each list unless the user chooses; a run of a long tape exchanges more, and its digest
/// tells as much.
pub const DEFAULT_MAX_ENTRIES: usize = 100_000;

/// The most bytes of notifications that are kept, of all sessions together: a run of a long tape may deliver more
/// than fits into the memory.
const MAX_DATA: usize = 64 * 1024 * 1024;

/// The most misses that are kept: a client that loops on one would otherwise fill the memory.
const MAX_MISSES: usize = 1_000;

/// The most tolerances that are kept, and repeats; their number is told in full.
const MAX_REMARKS: usize = 1_000;

/// The methods of RFC 9110 §9.3 and RFC 5789 that clients of services call, the most frequent first.
const METHODS: &[&str] = &["GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS"];

/// The record of one run.
#[derive(Clone, Debug)]
pub struct Journal {
    /// How many entries each list keeps; those of misses and remarks never more than their own most.
    most: usize,
    /// How many bytes of notifications are kept at most.
    most_data: usize,
    data: usize,
    sessions: BTreeMap<Session, Lane>,
    misses: Bounded<Miss>,
    repeats: Bounded<Remark>,
    tolerances: Bounded<Remark>,
    chosen: Bounded<Remark>,
    secrets: Bounded<Remark>,
    forwarded: Bounded<Miss>,
}

/// An operation that was answered from the tape.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answered {
    /// Its number on the tape.
    pub operation: OperationId,
    /// The method of the live request.
    pub method: Cow<'static, str>,
    /// Its target.
    pub target: Arc<str>,
    /// The status of the response.
    pub status: u16,
    /// Whether a run without it would be another.
    pub part: Part,
}

/// What an operation is to the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// It is a step of the conversation, and counts in the digest.
    Step,
    /// It only reads. How often a client does is its own business, so the digest leaves it out.
    Read,
}

/// Something about an operation that a person who reads the report should know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remark {
    /// Whose it is.
    pub session: Session,
    /// Its number on the tape.
    pub operation: OperationId,
    /// What there is to say, as a sentence's end: `came again`.
    pub what: Cow<'static, str>,
}

/// A notification that was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivered {
    /// Its number on the tape.
    pub notification: NotificationId,
    /// Its channel.
    pub channel: String,
    /// Its payload, which is text.
    pub data: Bytes,
}

/// A live request that was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Miss {
    /// The method of the request.
    pub method: String,
    /// Its target.
    pub target: String,
    /// Why it was refused.
    pub reason: String,
}

/// A method as it is kept: nearly all are known, and take no memory of their own.
pub fn method(method: &str) -> Cow<'static, str> {
    let mut known = METHODS.iter();
    match known.find(|known| **known == method) {
        Some(known) => Cow::Borrowed(known),
        None => Cow::Owned(method.to_owned()),
    }
}

impl Default for Journal {
    fn default() -> Self {
        Journal::keeping(DEFAULT_MAX_ENTRIES)
    }
}

impl Journal {
    /// A journal that keeps so many entries of each list.
    pub fn keeping(most: usize) -> Journal {
        Journal {
            most,
            most_data: MAX_DATA,
            data: 0,
            sessions: BTreeMap::new(),
            misses: Bounded::default(),
            repeats: Bounded::default(),
            tolerances: Bounded::default(),
            chosen: Bounded::default(),
            secrets: Bounded::default(),
            forwarded: Bounded::default(),
        }
    }

    /// How many entries are kept, of all lists together.
    pub fn kept(&self) -> usize {
        let lanes = self.sessions.values();
        let exchanged =
            lanes.map(|lane| lane.operations().kept().len() + lane.notifications().kept().len());
        let missed = self.misses.kept().len() + self.forwarded.kept().len();
        let remarks = [&self.repeats, &self.tolerances, &self.chosen, &self.secrets];
        let said = remarks.iter().map(|remarks| remarks.kept().len());
        exchanged.chain(said).sum::<usize>() + missed
    }

    /// Notes that a recorded operation answered a live request.
    ///
    /// The digest is of the identity of what was recorded: where a live client chose other values, the
    /// conversation is the same as long as they stand in the same places.
    pub fn answered<'a>(
        &mut self,
        session: &Session,
        entry: Answered,
        recorded: impl FnOnce() -> &'a Identity,
    ) {
        let most = self.most;
        self.lane(session).answered(entry, recorded, most);
    }

    /// Notes that a recorded notification has reached a client of this session.
    pub fn delivered(
        &mut self,
        session: &Session,
        way: Way,
        entry: Delivered,
        recorded: &Identity,
    ) {
        let most = self.most;
        let lane = self.lane(session);
        let before = lane.data();
        lane.delivered(way, entry, recorded, most);
        let after = lane.data();
        self.data = self.data - before + after;
        self.make_room();
    }

    /// Notes a miss.
    pub fn missed(&mut self, miss: Miss) {
        self.misses.push(miss, self.most.min(MAX_MISSES));
    }

    /// Notes a miss that was sent on to the service.
    pub fn forwarded(&mut self, miss: Miss) {
        self.forwarded.push(miss, self.most.min(MAX_MISSES));
    }

    /// The misses that were sent on to the service.
    pub fn sent_on(&self) -> &Bounded<Miss> {
        &self.forwarded
    }

    /// Notes that an operation came again.
    pub fn repeated(&mut self, remark: Remark) {
        self.repeats.push(remark, self.most.min(MAX_REMARKS));
    }

    /// Notes that a request was answered though it was not quite as recorded.
    pub fn tolerated(&mut self, remark: Remark) {
        self.tolerances.push(remark, self.most.min(MAX_REMARKS));
    }

    /// Notes that a client chose a value of its own.
    pub fn chose(&mut self, remark: Remark) {
        self.chosen.push(remark, self.most.min(MAX_REMARKS));
    }

    /// Notes that a client has a secret of its own.
    pub fn brought(&mut self, remark: Remark) {
        self.secrets.push(remark, self.most.min(MAX_REMARKS));
    }

    /// Where clients had secrets of their own.
    pub fn secrets(&self) -> &Bounded<Remark> {
        &self.secrets
    }

    /// The values that clients chose themselves.
    pub fn chosen(&self) -> &Bounded<Remark> {
        &self.chosen
    }

    /// The operations that came again.
    pub fn repeats(&self) -> &Bounded<Remark> {
        &self.repeats
    }

    /// What was answered though it was not quite as recorded.
    pub fn tolerances(&self) -> &Bounded<Remark> {
        &self.tolerances
    }

    /// The sessions that exchanged anything, by name.
    pub fn sessions(&self) -> impl Iterator<Item = (&Session, &Lane)> {
        self.sessions.iter()
    }

    /// The misses.
    pub fn misses(&self) -> &Bounded<Miss> {
        &self.misses
    }

    /// The digest of the whole transcript: equal where each session exchanged the same, in the same
    /// order, whatever the order between sessions. Misses are no part of it, nor is a session that
    /// only read.
    pub fn digest(&self) -> String {
        let mut hash = blake3::Hasher::new();
        let told = |(_, lane): &(&Session, &Lane)| lane.tells_something();
        for (session, lane) in self.sessions.iter().filter(told) {
            add(&mut hash, session.name().as_bytes());
            add(&mut hash, lane.hash().as_bytes());
        }
        named(hash.finalize())
    }

    /// Drops what is more than may be kept: of whoever has most, so that nobody loses all for another.
    fn make_room(&mut self) {
        while self.data > self.most_data {
            let lanes = self.sessions.values_mut();
            let Some(lane) = lanes.max_by_key(|lane| lane.data()) else {
                return;
            };
            let before = lane.data();
            lane.drop_oldest();
            self.data -= before - lane.data();
        }
    }

    fn lane(&mut self, session: &Session) -> &mut Lane {
        self.sessions.entry(session.clone()).or_default()
    }
}

/// Adds a part and its length, so that no two lists of parts run together to the same bytes.
fn add(hash: &mut blake3::Hasher, part: &[u8]) {
    hash.update(&length(part)).update(part);
}

/// How many bytes stand before a part, for its length.
const LENGTH: usize = size_of::<u64>();

fn length(part: &[u8]) -> [u8; LENGTH] {
    let length = u64::try_from(part.len()).unwrap_or(u64::MAX);
    length.to_le_bytes()
}

fn named(hash: blake3::Hash) -> String {
    format!("blake3:{hash}")
}
