//! The files in which the operations of a plan stand, where each is read when it is needed. The latest are kept,
//! since what was asked once is often asked again.
//!
//! A tape that was changed meanwhile plays no more: what it said is not guessed.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use crate::exchange::Operation;
use crate::player::publish;
use crate::player::shift::Shift;
use crate::tape::reel::{Lost, Source};

use super::recorded::Recorded;
use super::{Plan, Planned, wide};

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

/// Whether an operation is there that was read.
enum Found {
    Here(Arc<Recorded>),
    /// It is not: it may be read in place of this one.
    Gone(Option<Arc<Recorded>>),
}

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

impl Plan {
    /// An operation; `None` where its tape was changed, which is then the answer to everything.
    pub(in crate::player) fn recorded(&self, place: usize) -> Option<Arc<Recorded>> {
        let planned = self.operations.get(place)?;
        let over = match self.kept().get(place, planned.spot.length()) {
            Found::Here(recorded) => return Some(recorded),
            Found::Gone(over) => over,
        };
        let recorded = self.read(planned, over.unwrap_or_default())?;
        let displaced = self.kept().keep(place, planned.spot.length(), &recorded);
        // Only now, when others may go on: it is many small pieces of memory.
        drop(displaced);
        Some(recorded)
    }

    /// Reads an operation in place of another, where nobody looks at that any more.
    fn read(&self, planned: &Planned, mut over: Arc<Recorded>) -> Option<Arc<Recorded>> {
        if Arc::get_mut(&mut over).is_none() {
            over = Arc::default();
        }
        let recorded = Arc::get_mut(&mut over)?;
        let (source, manner) = self.shelf.get(planned.file)?;
        let read = source.operation_over(planned.spot, recorded.slate());
        let alike = self.unless_lost(read)?;
        if let Some(settled) = self.sessions.get(planned.session()) {
            recorded.slate().rename(settled);
        }
        recorded.renew(alike, manner, planned.times);
        Some(over)
    }

    /// Reads what a request to this target means as a rule, so that it is at hand for whoever looks closer: to be
    /// called where nobody waits for it.
    pub(in crate::player) fn read_ahead(&self, target: &str) {
        if self.operations.len() <= MAX_KEPT && self.shelf.texts <= MAX_KEPT_BYTES {
            return; // each is soon kept
        }
        if let Some(place) = self.paths.at(self.here(target)).next() {
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
    /// An operation whose text has so many bytes.
    fn get(&mut self, place: usize, length: u32) -> Found {
        let at_hand = self.at_hand.get_mut(at_hand(place, length));
        if let Some(Some((read, recorded))) = &at_hand
            && *read == place
        {
            return Found::Here(Arc::clone(recorded));
        }
        let slot = self.slots.get(place % MAX_KEPT);
        match slot.and_then(|slot| slot.kept.as_ref()) {
            Some((kept, _, recorded)) if *kept == place => Found::Here(Arc::clone(recorded)),
            // What took much memory is not to keep it.
            _ if length > LONG => Found::Gone(None),
            _ => {
                let over = at_hand.and_then(Option::take);
                Found::Gone(over.map(|(_, recorded)| recorded))
            }
        }
    }

    /// Has an operation at hand, whose text has so many bytes, in place of the one that is returned. It keeps
    /// it in place of the one that has its slot, if it is read again and there is room.
    fn keep(&mut self, place: usize, length: u32, recorded: &Arc<Recorded>) -> Option<AtHand> {
        if self.slots.is_empty() {
            self.slots.resize_with(MAX_KEPT, Slot::default);
            self.at_hand.resize_with(MAX_AT_HAND + 1, || None);
        }
        let at_hand = self.at_hand.get_mut(at_hand(place, length))?;
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

/// Where an operation is at hand whose text has so many bytes.
fn at_hand(place: usize, length: u32) -> usize {
    if length > LONG {
        MAX_AT_HAND
    } else {
        place % MAX_AT_HAND
    }
}

/// Gives an operation what it published as its request, if it did.
pub(super) fn published(operation: &mut Operation, manner: &Manner) {
    if let Some(published) = publish::recorded(operation, &manner.endpoints) {
        operation.request = published.request;
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)] // a test may stop at the first thing that is not as it should be
mod tests {
    use super::super::tests::{plan, tape};
    use super::*;
    use crate::exchange::Body;
    use crate::journal::Identity;
    use crate::matcher::Key;
    use crate::player::fields;
    use crate::tape::{Event, Tape};

    #[test]
    fn an_operation_for_which_there_is_no_room_is_read_once_for_a_request() {
        let plan = plan(&[tape("a:op1@0-0 a:op2@1-1")]);
        let (one, other) = (plan.recorded(0).unwrap(), plan.recorded(1).unwrap());
        let mut kept = Kept::default();
        kept.keep(0, u32::MAX, &one);
        assert!(is_here(&mut kept, 0, u32::MAX));
        kept.keep(0, u32::MAX, &one);
        assert!(kept.keep(MAX_AT_HAND, 1, &other).is_none());
        let (displaced, _) = kept.keep(1, u32::MAX, &other).unwrap();
        assert_eq!(displaced, 0);
        assert!(!is_here(&mut kept, 0, u32::MAX));
        assert!(is_here(&mut kept, 1, u32::MAX) && is_here(&mut kept, MAX_AT_HAND, 1));
    }

    fn is_here(kept: &mut Kept, place: usize, length: u32) -> bool {
        matches!(kept.get(place, length), Found::Here(_))
    }

    #[test]
    fn an_operation_is_read_in_place_of_one_that_nobody_looks_at() {
        let plan = plan(&[tape("a:op1@0-0 b:op2@1-1")]);
        let planned = |place: usize| plan.operations.get(place).unwrap();
        let alone = plan.operation(1).unwrap();
        let first = plan.read(planned(0), Arc::default()).unwrap();
        let looked_at = Arc::clone(&first);
        let second = plan.read(planned(1), first).unwrap();
        assert!(!Arc::ptr_eq(&second, &looked_at));
        assert_eq!(looked_at.operation(), &*plan.operation(0).unwrap());
        let was = Arc::as_ptr(&looked_at);
        looked_at.key(&plan.reading.rules);
        looked_at.sent();
        looked_at.target("/else");
        let third = plan.read(planned(1), looked_at).unwrap();
        assert_eq!(Arc::as_ptr(&third), was);
        assert_eq!(third.operation(), &*alone);
        let target = &alone.request.target;
        assert_eq!(&*third.target(target), target);
        let rules = &plan.reading.rules;
        let key = Key::of(&alone.request, rules);
        assert!(third.key(rules).is_answer_to(&key, &[]));
        assert_eq!(third.identity(), &Identity::of_operation(&alone));
        assert_eq!(third.identity(), second.identity());
    }

    /// A tape with so many operations of several shapes: as capture writes them and not, alike in some of their
    /// parts, and messages that a Bayeux client publishes.
    fn shapes(count: usize) -> Tape {
        let words = (1..=count).map(|number| format!("a:op{number}@{number}-{number} "));
        let mut tape = tape(&words.collect::<String>());
        for (place, event) in tape.events.iter_mut().enumerate() {
            let Event::Operation(operation) = event else {
                continue;
            };
            let (request, response) = (&mut operation.request, &mut operation.response);
            if place % 3 == 0 {
                request.headers.push("x-of", (place % 2).to_string());
            }
            if place % 5 == 0 {
                response.headers.push("x-of", (place % 4).to_string());
            }
            match place % 7 {
                0 => response.body = Body::default(),
                1 => response.body = Body::new(format!("text {place}")),
                2 => response.body = Body::new(format!("[{place}, 1]")),
                3 => response.body = Body::new(vec![0xff, 0]),
                4 => {
                    request.target = "/notifications".into();
                    let message = format!(r#"{{"id":"1","channel":"/a/{place}","data":{place}}}"#);
                    request.body = Body::new(message);
                }
                _ => {}
            }
        }
        tape
    }

    #[test]
    fn what_several_read_at_one_time_is_what_one_reads() {
        const COUNT: usize = 3 * MAX_AT_HAND;
        let plan = plan(&[shapes(COUNT)]);
        let rules = &plan.reading.rules;
        let read = |step: usize| {
            for turn in 0..10 * COUNT {
                let place = turn * step % COUNT;
                let recorded = plan.recorded(place).unwrap();
                let alone = plan.operation(place).unwrap();
                assert_eq!(recorded.operation(), &*alone, "{place}");
                let fields = fields::checked(&alone.response.headers);
                assert_eq!(recorded.sent().fields, fields, "{place}");
                assert_eq!(recorded.identity(), &Identity::of_operation(&alone));
                let key = Key::of(&alone.request, rules);
                assert!(recorded.key(rules).is_answer_to(&key, &[]), "{place}");
                let publishes = alone.request.method == publish::METHOD;
                assert_eq!(recorded.replies.len(), usize::from(publishes), "{place}");
            }
        };
        std::thread::scope(|scope| {
            for step in [1, MAX_AT_HAND + 1, 5, 2 * MAX_AT_HAND - 1] {
                let read = &read;
                scope.spawn(move || read(step));
            }
        });
    }

    #[test]
    fn what_is_read_again_is_kept_until_another_is() {
        let plan = plan(&[tape("a:op1@0-0 a:op2@1-1")]);
        let (one, other) = (plan.recorded(0).unwrap(), plan.recorded(1).unwrap());
        let mut kept = Kept::default();
        let mut read = |place: usize, recorded: &Arc<Recorded>| {
            kept.keep(place, 1, recorded);
            kept.keep(MAX_AT_HAND, 1, &other);
            [0, MAX_KEPT].map(|place| is_here(&mut kept, place, 1))
        };
        assert_eq!(read(0, &one), [false, false]);
        assert_eq!(read(0, &one), [true, false]);
        assert_eq!(read(MAX_KEPT, &one), [true, false]);
        assert_eq!(read(MAX_KEPT, &one), [false, true]);
    }
}
