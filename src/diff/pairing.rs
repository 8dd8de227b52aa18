//! Which session of one tape is compared with which of the other, and which events stand for each other.
//!
//! It knows what was noted of events, and not the events.

use std::collections::{BTreeMap, BTreeSet};

use crate::compare::{Aligned, align};
use crate::exchange::{OperationId, Session};
use crate::tape::Step;

use super::seen::{Lane, Seen};

/// Two sessions, or one that has no other, with the events of one kind.
#[derive(Debug)]
pub(super) struct Conversation<'a> {
    /// The session on the left tape.
    pub(super) left: Option<&'a Session>,
    /// The session on the right tape.
    pub(super) right: Option<&'a Session>,
    /// The kind of events.
    pub(super) lane: Lane,
    /// The events by their places on the tapes.
    aligned: Vec<Aligned>,
}

/// The events of two tapes, paired.
#[derive(Debug)]
pub(super) struct Pairing<'a> {
    conversations: Vec<Conversation<'a>>,
    /// The operations of the left tape, with those that stand for them on the right one.
    operations: BTreeMap<OperationId, OperationId>,
}

/// A session of a tape, or what belongs to none there.
type Party<'a> = Option<&'a Session>;

/// The events of one tape by session and kind, each by its place.
type Lanes<'a> = BTreeMap<(Party<'a>, Lane), Vec<usize>>;

impl<'a> Pairing<'a> {
    /// Pairs the events of two tapes. Sessions of the same name are one, unless `chosen` says otherwise; those that
    /// are left are paired in the order in which they appear.
    pub(super) fn of(
        left: &'a [Step<Option<Seen>>],
        right: &'a [Step<Option<Seen>>],
        chosen: &'a [(Session, Session)],
    ) -> Pairing<'a> {
        let (ours, theirs) = (lanes(left), lanes(right));
        let sessions = sessions(&appearing(left), &appearing(right), chosen);
        let mut pairing = Pairing {
            conversations: Vec::new(),
            operations: BTreeMap::new(),
        };
        for (one, other) in sessions {
            for lane in Lane::ALL {
                let of = |lanes: &Lanes<'a>, session: Option<Party<'a>>| {
                    let places = session.and_then(|session| lanes.get(&(session, lane)));
                    places.cloned().unwrap_or_default()
                };
                let aligned = aligned(left, &of(&ours, one), right, &of(&theirs, other));
                pairing.note(left, right, &aligned);
                pairing.conversations.push(Conversation {
                    left: one.flatten(),
                    right: other.flatten(),
                    lane,
                    aligned,
                });
            }
        }
        pairing
    }

    /// All events of both tapes, those that stand for each other together.
    pub(super) fn events(&self) -> impl Iterator<Item = (&Conversation<'a>, Aligned)> {
        self.conversations.iter().flat_map(|conversation| {
            conversation
                .aligned
                .iter()
                .map(move |one| (conversation, *one))
        })
    }

    /// The operation of the right tape that stands for one of the left tape.
    pub(super) fn operation(&self, left: OperationId) -> Option<OperationId> {
        self.operations.get(&left).copied()
    }

    fn note(
        &mut self,
        left: &[Step<Option<Seen>>],
        right: &[Step<Option<Seen>>],
        aligned: &[Aligned],
    ) {
        let operation = |steps: &[Step<_>], place: usize| steps.get(place)?.subject.operation();
        for one in aligned {
            if let Aligned::Both(ours, theirs) = *one
                && let Some(ours) = operation(left, ours)
                && let Some(theirs) = operation(right, theirs)
            {
                self.operations.insert(ours, theirs);
            }
        }
    }
}

/// The events at these places of two tapes, paired; by their places on the tapes.
fn aligned(
    left: &[Step<Option<Seen>>],
    ours: &[usize],
    right: &[Step<Option<Seen>>],
    theirs: &[usize],
) -> Vec<Aligned> {
    let keys = |steps: &[Step<Option<Seen>>], places: &[usize]| -> Vec<[u128; 3]> {
        let keys = |place: &usize| Some(steps.get(*place)?.kept.as_ref()?.keys);
        places.iter().filter_map(keys).collect()
    };
    let at = |places: &[usize], place: usize| places.get(place).copied().unwrap_or_default();
    let found = align(&keys(left, ours), &keys(right, theirs)).into_iter();
    let on_tapes = found.map(|one| match one {
        Aligned::Both(one, other) => Aligned::Both(at(ours, one), at(theirs, other)),
        Aligned::Left(one) => Aligned::Left(at(ours, one)),
        Aligned::Right(other) => Aligned::Right(at(theirs, other)),
    });
    on_tapes.collect()
}

fn lanes(steps: &[Step<Option<Seen>>]) -> Lanes<'_> {
    let mut lanes = Lanes::new();
    for (place, step) in steps.iter().enumerate() {
        if let Some(seen) = &step.kept {
            let lane = (step.session.as_ref(), seen.lane);
            lanes.entry(lane).or_default().push(place);
        }
    }
    lanes
}

/// The sessions of which something is compared, in the order in which they appear; `None` is what belongs to none.
fn appearing(steps: &[Step<Option<Seen>>]) -> Vec<Party<'_>> {
    let mut seen = BTreeSet::new();
    let compared = steps.iter().filter(|step| step.kept.is_some());
    let sessions = compared.map(|step| step.session.as_ref());
    sessions.filter(|session| seen.insert(*session)).collect()
}

/// The sessions of two tapes, paired, in the order of the left tape and then of the right one. Of each pair one may
/// be missing.
fn sessions<'a>(
    left: &[Party<'a>],
    right: &[Party<'a>],
    chosen: &[(Session, Session)],
) -> Vec<(Option<Party<'a>>, Option<Party<'a>>)> {
    let chosen_for = |one: Option<&Session>| {
        let mut pairs = chosen.iter();
        pairs
            .find(|(left, _)| Some(left) == one)
            .map(|(_, right)| right)
    };
    let is_chosen = |other: Option<&Session>| chosen.iter().any(|(_, right)| Some(right) == other);
    let named = |one: Option<&Session>| {
        let mut right = right.iter().copied();
        match chosen_for(one) {
            Some(wanted) => right.find(|other| *other == Some(wanted)),
            None => right.find(|other| *other == one && !is_chosen(*other)),
        }
    };
    let taken: BTreeSet<Option<&Session>> = left.iter().filter_map(|one| named(*one)).collect();
    let is_free = |other: &Party<'_>| !taken.contains(other) && !is_chosen(*other);
    let mut free = right.iter().copied().filter(is_free);
    let mut pairs: Vec<_> = left
        .iter()
        .map(|one| {
            let other = named(*one).or_else(|| match chosen_for(*one) {
                Some(_) => None,
                None => free.next(),
            });
            (Some(*one), other)
        })
        .collect();
    let paired: BTreeSet<_> = pairs.iter().filter_map(|(_, other)| *other).collect();
    let alone = right.iter().filter(|other| !paired.contains(*other));
    pairs.extend(alone.map(|other| (None, Some(*other))));
    pairs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sessions_of_one_name_are_one_and_the_rest_go_by_their_order() {
        let shown = |left: &str, right: &str, chosen: &str| {
            let names = |text: &str| -> Vec<Session> {
                text.split_whitespace().map(Session::new).collect()
            };
            let (left, right) = (names(left), names(right));
            let chosen: Vec<(Session, Session)> = chosen
                .split_whitespace()
                .filter_map(|pair| pair.split_once('='))
                .map(|(left, right)| (Session::new(left), Session::new(right)))
                .collect();
            let left: Vec<_> = left.iter().map(Some).collect();
            let right: Vec<_> = right.iter().map(Some).collect();
            let name = |one: Option<Option<&Session>>| {
                one.flatten().map_or("-".to_owned(), Session::to_string)
            };
            let pairs = sessions(&left, &right, &chosen).into_iter();
            let pairs = pairs.map(|(one, other)| format!("{}={}", name(one), name(other)));
            pairs.collect::<Vec<_>>().join(" ")
        };
        for (left, right, chosen, expected) in [
            ("a b", "b a", "", "a=a b=b"),
            ("a b", "x b", "", "a=x b=b"),
            ("a b", "b", "", "a=- b=b"),
            ("a", "b a", "", "a=a -=b"),
            ("a b", "a b", "a=b", "a=b b=a"),
            ("a b", "a b c", "a=c", "a=c b=b -=a"),
            ("a b", "x y", "a=y", "a=y b=x"),
            ("a b", "x y", "a=z", "a=- b=x -=y"),
        ] {
            assert_eq!(
                shown(left, right, chosen),
                expected,
                "{left}, {right}, {chosen}"
            );
        }
    }
}
