//! The files in which the operations of a plan stand, where each is read when it is needed. The latest are kept,
//! since what was asked once is often asked again.
//!
//! A tape that was changed meanwhile plays no more: what it said is not guessed.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use http::{HeaderName, HeaderValue};

use crate::exchange::{Operation, coding};
use crate::journal::Identity;
use crate::matcher::{Key, Rules};
use crate::player::shift::Shift;
use crate::player::{fields, publish};
use crate::tape::reel::{Lost, Source};

use super::{Plan, Planned, paths, wide};

/// How many operations are kept at most: enough for a test that runs over and over.
const MAX_KEPT: usize = 4096;

/// How many bytes of a tape their texts have at most, together. What is made of a text is some three times as
/// large; a tape that is larger than this is read from the pages that the system keeps of it.
const MAX_KEPT_BYTES: usize = 16 * 1024 * 1024;

/// How many operations that were read last are at hand, whether or not there is room for them: more than are
/// looked at at one time. One more place is for the last whose text is long.
const MAX_AT_HAND: usize = 64;

/// A text is long that has more bytes than this.
const LONG: u32 = 16 * 1024;

/// An operation as it is played.
#[derive(Debug)]
pub(in crate::player) struct Recorded {
    pub(in crate::player) operation: Arc<Operation>,
    /// Its request, taken apart where it is first compared so: most are the same to the letter.
    key: OnceLock<Key>,
    sent: OnceLock<Sent>,
    /// The target of its request, for all who note that it was called.
    target: OnceLock<Arc<str>>,
    /// Where it is messages that a Bayeux client published: which of the messages of its response is the
    /// reply to each.
    pub(in crate::player) replies: Vec<Option<usize>>,
    /// What it was on the tape.
    pub(in crate::player) identity: Identity,
}

/// What is known of a response that is sent again and again.
#[derive(Debug)]
pub(in crate::player) struct Sent {
    /// Its fields.
    pub(in crate::player) fields: Vec<(HeaderName, HeaderValue)>,
    pub(in crate::player) content: Content,
}

/// Whether content has content codings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::player) enum Content {
    Plain,
    Coded,
}

/// How the operations of one tape are played.
#[derive(Clone, Debug, Default)]
pub(super) struct Manner {
    /// Where Bayeux is spoken, of the tapes up to this one.
    pub(super) endpoints: Arc<[String]>,
    pub(super) shift: Shift,
}

/// The files of a plan.
#[derive(Debug, Default)]
pub(super) struct Shelf {
    files: Vec<(Source, Manner)>,
    kept: Mutex<Kept>,
    fault: OnceLock<String>,
    /// How many bytes the texts of all operations have.
    texts: usize,
}

/// Operations that were read, each at the place that its number says.
#[derive(Debug, Default)]
struct Kept {
    slots: Vec<Slot>,
    bytes: usize,
    /// Those that were read last, each at the place that its number says: who read one ahead, or compared it, is
    /// the first to ask for it again.
    at_hand: Vec<Option<AtHand>>,
}

/// An operation that was read a moment ago, with its number.
type AtHand = (usize, Arc<Recorded>);

/// Room for an operation.
#[derive(Debug, Default)]
struct Slot {
    /// The one of this slot that was read last. It is kept when it is read again: where a long tape goes by, none
    /// is, and to put each in the place of an older one costs more than to read it.
    read: Option<usize>,
    /// The one that is kept, with how many bytes its text has.
    kept: Option<(usize, usize, Arc<Recorded>)>,
}

impl Shelf {
    /// Adds a file.
    pub(super) fn add(&mut self, source: Source, manner: Manner) {
        self.files.push((source, manner));
    }

    pub(super) fn get(&self, file: u32) -> Option<&(Source, Manner)> {
        self.files.get(usize::try_from(file).ok()?)
    }

    /// Takes note of how many bytes the texts of all operations have.
    pub(super) fn measure(&mut self, operations: &[Planned]) {
        let lengths = operations.iter().map(|planned| wide(planned.spot.length()));
        self.texts = lengths.fold(0, usize::saturating_add);
    }

    /// How many files there are.
    pub(super) fn len(&self) -> usize {
        self.files.len()
    }
}

impl Manner {
    /// Whether a request to this path may publish.
    pub(super) fn may_publish(&self, path: &str) -> bool {
        let mut all = self.endpoints.iter();
        all.any(|endpoint| publish::is_below(path, endpoint))
    }
}

impl Recorded {
    /// What is played of an operation on a tape.
    pub(super) fn of(mut operation: Operation, manner: &Manner) -> Recorded {
        let replies = published(&mut operation, manner);
        let identity = Identity::of_operation(&operation);
        manner.shift.operation(&mut operation);
        Recorded {
            identity,
            key: OnceLock::new(),
            sent: OnceLock::new(),
            target: OnceLock::new(),
            operation: Arc::new(operation),
            replies,
        }
    }

    /// Its request, taken apart for comparing.
    pub(in crate::player) fn key(&self, rules: &Rules) -> &Key {
        self.key
            .get_or_init(|| Key::of(&self.operation.request, rules))
    }

    /// The target of a live request that it answers: nearly always its own, which takes no memory again.
    pub(in crate::player) fn target(&self, told: &str) -> Arc<str> {
        let own = &self.operation.request.target;
        let target = self.target.get_or_init(|| own.as_str().into());
        if own == told {
            Arc::clone(target)
        } else {
            told.into()
        }
    }

    /// Its response as it is sent.
    pub(in crate::player) fn sent(&self) -> &Sent {
        let headers = &self.operation.response.headers;
        self.sent.get_or_init(|| Sent {
            fields: fields::checked(headers),
            content: if coding::is_coded(headers) {
                Content::Coded
            } else {
                Content::Plain
            },
        })
    }
}

impl Plan {
    /// An operation; `None` where its tape was changed, which is then the answer to everything.
    pub(in crate::player) fn recorded(&self, place: usize) -> Option<Arc<Recorded>> {
        let planned = self.operations.get(place)?;
        if let Some(recorded) = self.kept().get(place) {
            return Some(recorded);
        }
        let operation = self.as_it_stands(planned)?;
        let (_, manner) = self.shelf.get(planned.file)?;
        let recorded = Arc::new(Recorded::of(operation, manner));
        let displaced = self.kept().keep(place, planned.spot.length(), &recorded);
        // Only now, when others may go on: it is many small pieces of memory.
        drop(displaced);
        Some(recorded)
    }

    /// Reads what a request to this target means as a rule, so that it is at hand for whoever looks closer: to be
    /// called where nobody waits for it.
    pub(in crate::player) fn read_ahead(&self, target: &str) {
        if self.operations.len() <= MAX_KEPT && self.shelf.texts <= MAX_KEPT_BYTES {
            return; // each is soon kept
        }
        if let Some(place) = self.paths.at(paths::digest(paths::path(target))).next() {
            self.recorded(place);
        }
    }

    /// An operation as it is played, for whoever goes through all of them once.
    pub(in crate::player) fn operation(&self, place: usize) -> Option<Arc<Operation>> {
        let planned = self.operations.get(place)?;
        let mut operation = self.as_it_stands(planned)?;
        let (_, manner) = self.shelf.get(planned.file)?;
        published(&mut operation, manner);
        manner.shift.operation(&mut operation);
        Some(Arc::new(operation))
    }

    /// Why the tapes cannot be played any more, if one was changed.
    pub fn fault(&self) -> Option<&str> {
        self.shelf.fault.get().map(String::as_str)
    }

    /// An operation as it stands in a file, under the name that its session has in the end.
    pub(super) fn as_it_stands(&self, planned: &Planned) -> Option<Operation> {
        let (source, _) = self.shelf.get(planned.file)?;
        let mut operation = self.unless_lost(source.operation(planned.spot))?;
        let settled = self.sessions.get(planned.session());
        if let Some(renamed) = settled.filter(|session| **session != operation.session) {
            operation.session.clone_from(renamed);
        }
        Some(operation)
    }

    /// What was read again; where it could not be, the tapes are played no more.
    pub(super) fn unless_lost<T>(&self, read: Result<T, Lost>) -> Option<T> {
        match read {
            Ok(read) => Some(read),
            Err(lost) => {
                let first = self.shelf.fault.set(format!("the tape {lost}"));
                if first.is_ok() {
                    tracing::error!("the tape {lost}: it is played no more");
                }
                None
            }
        }
    }

    fn kept(&self) -> std::sync::MutexGuard<'_, Kept> {
        // Whoever panicked with it left it whole: each of its changes is one assignment.
        self.shelf
            .kept
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    fn get(&self, place: usize) -> Option<Arc<Recorded>> {
        let at_hand = [place % MAX_AT_HAND, MAX_AT_HAND];
        let mut at_hand = at_hand
            .iter()
            .filter_map(|at| self.at_hand.get(*at)?.as_ref());
        if let Some((_, recorded)) = at_hand.find(|(read, _)| *read == place) {
            return Some(Arc::clone(recorded));
        }
        let slot = self.slots.get(place % MAX_KEPT)?;
        let kept = slot.kept.as_ref();
        kept.filter(|(kept, ..)| *kept == place)
            .map(|(.., recorded)| Arc::clone(recorded))
    }

    /// Has an operation at hand, whose text has so many bytes, in place of the one that is returned. It keeps
    /// it in place of the one that has its slot, if it is read again and there is room.
    fn keep(&mut self, place: usize, length: u32, recorded: &Arc<Recorded>) -> Option<AtHand> {
        if self.slots.is_empty() {
            self.slots.resize_with(MAX_KEPT, Slot::default);
            self.at_hand.resize_with(MAX_AT_HAND + 1, || None);
        }
        let at = if length > LONG {
            MAX_AT_HAND
        } else {
            place % MAX_AT_HAND
        };
        let at_hand = self.at_hand.get_mut(at)?;
        let displaced = at_hand.replace((place, Arc::clone(recorded)));
        let slot = self.slots.get_mut(place % MAX_KEPT)?;
        if slot.read.replace(place) != Some(place) {
            return displaced;
        }
        let length = wide(length);
        let before = slot.kept.as_ref().map_or(0, |(_, length, _)| *length);
        let bytes = (self.bytes - before).saturating_add(length);
        if bytes <= MAX_KEPT_BYTES {
            slot.kept = Some((place, length, Arc::clone(recorded)));
            self.bytes = bytes;
        }
        displaced
    }
}

/// Gives an operation what it published as its request, if it did. Where the replies to that are.
pub(super) fn published(operation: &mut Operation, manner: &Manner) -> Vec<Option<usize>> {
    let published = publish::recorded(operation, &manner.endpoints);
    published.map_or_else(Vec::new, |published| {
        operation.request = published.request;
        published.replies
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)] // a test may stop at the first thing that is not as it should be
mod tests {
    use super::super::tests::{plan, tape};
    use super::*;

    #[test]
    fn an_operation_for_which_there_is_no_room_is_read_once_for_a_request() {
        let plan = plan(&[tape("a:op1@0-0 a:op2@1-1")]);
        let (one, other) = (plan.recorded(0).unwrap(), plan.recorded(1).unwrap());
        let mut kept = Kept::default();
        kept.keep(0, u32::MAX, &one);
        assert!(Arc::ptr_eq(&kept.get(0).unwrap(), &one));
        kept.keep(0, u32::MAX, &one);
        assert!(kept.keep(MAX_AT_HAND, 1, &other).is_none());
        let (displaced, _) = kept.keep(1, u32::MAX, &other).unwrap();
        assert_eq!(displaced, 0);
        assert!(kept.get(0).is_none());
        assert!(kept.get(1).is_some() && kept.get(MAX_AT_HAND).is_some());
    }

    #[test]
    fn what_is_read_again_is_kept_until_another_is() {
        let plan = plan(&[tape("a:op1@0-0 a:op2@1-1")]);
        let (one, other) = (plan.recorded(0).unwrap(), plan.recorded(1).unwrap());
        let mut kept = Kept::default();
        let mut read = |place: usize, recorded: &Arc<Recorded>| {
            kept.keep(place, 1, recorded);
            kept.keep(MAX_AT_HAND, 1, &other);
            [0, MAX_KEPT].map(|place| kept.get(place).is_some())
        };
        assert_eq!(read(0, &one), [false, false]);
        assert_eq!(read(0, &one), [true, false]);
        assert_eq!(read(MAX_KEPT, &one), [true, false]);
        assert_eq!(read(MAX_KEPT, &one), [false, true]);
    }
}
