//! Live requests that bring secrets: which live secret may stand where something else stands on the
//! tape, and what that makes of the request that is expected.

use std::borrow::Cow;
use std::cell::OnceCell;
use std::collections::BTreeSet;
use std::sync::Arc;

use crate::exchange::{Request, credentials};
use crate::journal::Remark;
use crate::matcher::{Field, Key, Mismatch, Part, Rules};

use super::super::cast::Identity;
use super::super::plan::{Here, Planned, Recorded, Times};
use super::super::values::ChoiceId;
use super::super::values::secret::{self, Constancy, Seat};
use super::Stage;

/// A live request, taken apart at most once, and only where it must be.
pub(super) struct Live<'a> {
    pub(super) request: &'a Request,
    /// Where the operations stand that were called at its path.
    pub(super) path: Here,
    key: OnceCell<Key>,
    fields: OnceCell<Vec<Field>>,
    /// The first operation that was found to answer it, which is the one that does as a rule.
    found: OnceCell<(usize, Arc<Recorded>)>,
    /// The sessions whose secrets are others.
    barred: BTreeSet<usize>,
}

/// The request that an operation waits for.
pub(super) enum Expected<'a> {
    /// The recorded one.
    Recorded(&'a Recorded),
    /// One with live values in it.
    Live(Request),
}

impl Expected<'_> {
    pub(super) fn request(&self) -> &Request {
        match self {
            Expected::Recorded(recorded) => &recorded.operation().request,
            Expected::Live(request) => request,
        }
    }

    /// The request, taken apart.
    pub(super) fn key(&self, rules: &Rules) -> Cow<'_, Key> {
        match self {
            Expected::Recorded(recorded) => Cow::Borrowed(recorded.key(rules)),
            Expected::Live(request) => Cow::Owned(Key::of(request, rules)),
        }
    }
}

impl Live<'_> {
    /// The request, taken apart.
    pub(super) fn key(&self, rules: &Rules) -> &Key {
        self.key.get_or_init(|| Key::of(self.request, rules))
    }

    /// The value at the place of a seat.
    fn at(&self, seat: &Seat) -> Option<&str> {
        let fields = self.fields.get_or_init(|| secret::fields(self.request));
        let mut fields = fields.iter();
        let here = |field: &&Field| field.part == seat.part && field.pointer == seat.pointer;
        fields.find(here).map(|field| field.text.as_str())
    }

    /// Notes that this operation may answer it.
    pub(super) fn find(&self, place: usize, recorded: Arc<Recorded>) {
        self.found.get_or_init(|| (place, recorded));
    }

    /// This operation, if it was the first that was found to answer.
    pub(super) fn found(&self, place: usize) -> Option<Arc<Recorded>> {
        let (found, recorded) = self.found.get()?;
        (*found == place).then(|| Arc::clone(recorded))
    }

    pub(super) fn is_barred(&self, session: usize) -> bool {
        self.barred.contains(&session)
    }
}

impl Stage {
    /// A live request, to be taken apart.
    pub(super) fn look_at<'a>(&self, identity: &Identity, request: &'a Request) -> Live<'a> {
        Live {
            path: self.plan.here(&request.target),
            request,
            key: OnceCell::new(),
            fields: OnceCell::new(),
            found: OnceCell::new(),
            barred: self.cast.barred(&self.plan.ties, identity),
        }
    }

    /// The request that an operation waits for: the recorded one, with what live clients chose in
    /// the places of what was chosen on the tape, and the live request's own secrets where they are
    /// accepted.
    pub(super) fn expected<'a>(
        &self,
        place: usize,
        planned: &Planned,
        recorded: &'a Recorded,
        live: &Live<'_>,
    ) -> Expected<'a> {
        if !self.plan.may_flow(&self.bound) {
            return Expected::Recorded(recorded);
        }
        let request = &recorded.operation().request;
        let mut bound = Cow::Borrowed(&self.bound);
        if request.method == live.request.method {
            for (choice, value) in self.brought(place, planned, live) {
                bound.to_mut().bind(choice, value.to_owned());
            }
        }
        match self.plan.request(place, request, &bound) {
            Some(request) => Expected::Live(request),
            None => Expected::Recorded(recorded),
        }
    }

    /// The secrets that a live request brings to an operation, where they are accepted and not yet
    /// known.
    fn brought<'l>(
        &self,
        place: usize,
        planned: &Planned,
        live: &'l Live<'_>,
    ) -> Vec<(ChoiceId, &'l str)> {
        let seats = self.plan.seats(place).iter();
        let value = |seat: &Seat| {
            let value = live.at(seat)?;
            let new = self.bound.get(seat.choice) != Some(value) && seat.text != value;
            let accepted = new && self.accepts(seat, planned, value);
            accepted.then_some((seat.choice, value))
        };
        seats.filter_map(value).collect()
    }

    /// Whether a live value may stand for what stands at this place on the tape.
    fn accepts(&self, seat: &Seat, planned: &Planned, value: &str) -> bool {
        let owner = self.cast.stand_in_of(&self.plan.ties, value);
        if owner.is_some_and(|owner| owner != planned.session()) {
            return false;
        }
        if seat.constancy == Constancy::Unknown {
            return true;
        }
        if let Some(bound) = self.bound.get(seat.choice) {
            return bound == value;
        }
        let mut beside = self.plan.values().secrets_beside(seat.choice);
        let taken = beside.any(|other| self.bound.get(other) == Some(value));
        !taken && !self.plan.values().is_secret(value)
    }

    /// Whether an operation would have to learn a secret from a live request to answer it.
    pub(super) fn learns_from(&self, place: usize, planned: &Planned, live: &Live<'_>) -> bool {
        let same = |choice: ChoiceId| {
            let mut seats = self.plan.seats(place).iter();
            seats.any(|seat| {
                let compared = seat.part != Part::Header && seat.constancy == Constancy::Same;
                compared && seat.choice == choice
            })
        };
        let brought = self.brought(place, planned, live).into_iter();
        brought.into_iter().any(|(choice, _)| same(choice))
    }

    /// Of operations that answer a live request, those that know its secrets already, if one of them
    /// has an answer left: equal secrets were equal on the tape.
    pub(super) fn acquainted(&self, matching: Vec<usize>, live: &Live<'_>) -> Vec<usize> {
        if !self.plan.have_secrets() {
            return matching;
        }
        let knows = |place: &usize| {
            let planned = self.plan.operations.get(*place);
            planned.is_some_and(|planned| !self.learns_from(*place, planned, live))
        };
        let known: Vec<usize> = matching.iter().copied().filter(knows).collect();
        let left = |place: &usize| self.is_fresh(*place) || self.times(*place) != Times::Exactly;
        if known.iter().any(left) {
            known
        } else {
            matching
        }
    }

    /// Whether a header field that is compared differs only in a secret that is accepted.
    pub(super) fn is_secret_apart(
        &self,
        place: usize,
        planned: &Planned,
        recorded: &Recorded,
        mismatch: &Mismatch,
        live: &Live<'_>,
    ) -> bool {
        if mismatch.part != Part::Header {
            return false;
        }
        let pointer = &mismatch.difference.pointer;
        let below = format!("{pointer}/");
        let user = |request: &Request| {
            let shown = credentials::shown(request.headers.iter()).into_iter();
            let mut users = shown.filter(|one| matches!(one, credentials::Credential::User(_)));
            users.next()
        };
        let mut seats = self.plan.seats(place).iter();
        seats.any(|seat| {
            let here = seat.pointer == *pointer || seat.pointer.starts_with(&below);
            let accepted = |value: &str| {
                self.bound.get(seat.choice) == Some(value) || self.accepts(seat, planned, value)
            };
            let header = seat.part == Part::Header && here && *pointer != "/cookie";
            header
                && live.at(seat).is_some_and(accepted)
                && user(&recorded.operation().request) == user(live.request)
        })
    }

    /// The target of a live request that an operation answers, with what stands for secrets on the tape
    /// in their places.
    pub(super) fn told_target<'a>(&self, place: usize, live: &'a Request) -> Cow<'a, str> {
        let seats = self.plan.seats(place);
        self.veil.target(&live.target, &|field| {
            let mut seats = seats.iter();
            let seat = seats.find(|seat| seat.part == field.part && seat.pointer == field.pointer);
            field.spelling.of(&seat?.text)
        })
    }

    /// A mismatch with an operation as it may be told.
    pub(super) fn covered(&self, place: usize, mismatch: &Mismatch) -> Mismatch {
        let pointer = &mismatch.difference.pointer;
        let mut seats = self.plan.seats(place).iter();
        let seat = seats.any(|seat| {
            let same = seat.part == mismatch.part;
            same && (seat.pointer == *pointer || seat.part == Part::Path)
        });
        self.veil.mismatch(mismatch, seat)
    }

    /// Learns the secrets of a live request that an operation is about to answer.
    pub(super) fn learn_secrets(&mut self, place: usize, planned: &Planned, live: &Live<'_>) {
        let brought: Vec<(ChoiceId, String)> = self
            .brought(place, planned, live)
            .into_iter()
            .map(|(choice, value)| (choice, value.to_owned()))
            .collect();
        for (choice, value) in brought {
            let mut seats = self.plan.seats(place).iter();
            let Some(seat) = seats.find(|seat| seat.choice == choice) else {
                continue;
            };
            let place = format!("{} {}", seat.part.name(), seat.pointer);
            let what = format!("had a secret of its own in {}", place.trim_end());
            self.journal.brought(Remark {
                session: self.session(planned),
                operation: planned.id,
                what: what.into(),
            });
            self.veil.learn(&value);
            self.bound.bind(choice, value);
        }
    }
}
