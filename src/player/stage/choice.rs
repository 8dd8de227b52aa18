//! Which recorded operation answers a live request, and how a request is refused that none does.

use crate::matcher::{self, Mismatch};

use super::super::cast::{Hold, Identity};
use super::super::plan::{Planned, Times};
use super::super::refusal::{Kind, Refusal};
use super::super::settings::OnExhausted;
use super::Stage;
use super::alike::{Alike, Among, Change};
use super::secret::Live;

/// With how many operations a request is compared that nothing answers, and with how many more that were called
/// at its path: of a long tape not all can be read again to tell which was the closest.
const MAX_COMPARED: usize = 10_000;

/// The longest list of operations whose memory is kept: most requests mean one or a few.
const MAX_KEPT: usize = 64;

/// The operation that answers a live request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Choice {
    pub(super) operation: usize,
    pub(super) how: How,
    /// In what the request differs from the recorded one.
    pub(super) changes: Vec<Change>,
}

/// How an operation came to be chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum How {
    /// It is the next.
    Next,
    /// It has answered before, and may again.
    Again,
    /// It was recorded after a change that has not happened yet, and there is none before it.
    Early,
}

impl Stage {
    /// Which recorded operation answers a live request, or why none does. A client that logs in as
    /// somebody else than its cookies say becomes that client.
    pub(super) fn choose(
        &mut self,
        identity: &Identity,
        live: &Live<'_>,
    ) -> Result<Choice, Refusal> {
        let chosen = self.closest(identity, live);
        // What could not be read may have been the answer.
        match self.plan.fault() {
            Some(_) => Err(self.changed()),
            None => chosen,
        }
    }

    fn closest(&mut self, identity: &Identity, live: &Live<'_>) -> Result<Choice, Refusal> {
        let tie = self
            .cast
            .tied(&self.plan.ties, identity)
            .map_err(|unknown| Refusal::plain(Kind::Session, unknown.to_string()))?;
        self.veil.learn_all(live.request);
        let tied = tie.map(|tie| tie.seat);
        let loosely = tie.is_some_and(|tie| tie.hold == Hold::Loose);
        let room = std::mem::take(&mut self.over);
        let exact = self.matching_in(room, tied, live);
        let closest = self.closest_to(&exact, (tied, loosely), identity, live);
        if exact.capacity() <= MAX_KEPT {
            self.over = exact;
        }
        closest
    }

    /// The same, where these operations answer the request.
    fn closest_to(
        &mut self,
        exact: &[usize],
        (tied, loosely): (Option<usize>, bool),
        identity: &Identity,
        live: &Live<'_>,
    ) -> Result<Choice, Refusal> {
        if let Some(operation) = self.resumed(exact, live.request) {
            return Ok(self.plain(operation));
        }
        if let Some(choice) = self.next(exact) {
            return Ok(choice);
        }
        if exact.is_empty()
            && loosely
            && let Some(seat) = self.elsewhere(&self.matching(None, live))
        {
            self.cast.relocate(&self.plan.ties, identity, seat);
            if let Some(choice) = self.next(&self.matching(Some(seat), live)) {
                return Ok(choice);
            }
        }
        // Where the tape has it as it is, others matter only if they are left.
        let among = if exact.is_empty() {
            Among::All
        } else {
            Among::Left
        };
        let mut alike = self.alike(tied, live, among);
        if alike.is_empty() && exact.is_empty() && loosely {
            let anywhere = self.alike(None, live, among);
            let places: Vec<usize> = anywhere.iter().map(|alike| alike.operation).collect();
            if let Some(seat) = self.elsewhere(&places) {
                self.cast.relocate(&self.plan.ties, identity, seat);
                alike = self.alike(Some(seat), live, among);
            }
        }
        if let Some(choice) = self.next_alike(&alike) {
            return Ok(choice);
        }
        let alike: Vec<usize> = alike.iter().map(|alike| alike.operation).collect();
        let matching = if exact.is_empty() { &alike } else { exact };
        self.again(matching).ok_or_else(|| {
            let last = matching.last().and_then(|last| {
                let planned = self.plan.operations.get(*last)?;
                Some((planned, self.plan.recorded(*last)?))
            });
            let refusal = last.map(|(planned, recorded)| {
                Refusal::exhausted(
                    &self.veil.request(live.request),
                    &recorded,
                    self.name(planned.session()),
                    matching.len(),
                )
            });
            refusal.unwrap_or_else(|| self.refuse(tied, live))
        })
    }

    /// The next of these operations that answer a request, if one is left or they only read.
    fn next(&self, matching: &[usize]) -> Option<Choice> {
        let due = |place: &usize| self.is_fresh(*place) && !self.is_ahead(*place);
        let fresh = self.first_begun(matching.iter().copied().filter(due));
        let first = fresh.or(matching.first().copied())?;
        if self.times(first) == Times::Any {
            return Some(self.read(matching, first));
        }
        fresh.map(|operation| Choice {
            operation,
            how: How::Next,
            changes: Vec::new(),
        })
    }

    /// Of operations in the order of the tape, the one that its session called first there. Where two were under way
    /// at once, the one that was answered later stands behind the other, whichever was called before.
    fn first_begun(&self, mut places: impl Iterator<Item = usize>) -> Option<usize> {
        let first = places.next()?;
        let planned = |place: usize| self.plan.operations.get(place);
        let lane = planned(first).map(Planned::lane);
        let same = places.filter(|place| planned(*place).map(Planned::lane) == lane);
        std::iter::once(first)
            .chain(same)
            .min_by_key(|place| planned(*place).map(|planned| planned.at))
    }

    /// The next of operations from which a request differs: of the closest that are left.
    fn next_alike(&self, alike: &[Alike]) -> Option<Choice> {
        let left = |alike: &&Alike| self.is_left(alike.operation);
        let distance = alike.iter().filter(left).map(Alike::distance).min()?;
        let closest = alike.iter().filter(left);
        let closest = closest.filter(|alike| alike.distance() == distance);
        let places: Vec<usize> = closest.map(|alike| alike.operation).collect();
        let choice = self.next(&places).or_else(|| self.again(&places))?;
        let chosen = |alike: &&Alike| alike.operation == choice.operation;
        let changes = alike.iter().find(chosen)?.changes.clone();
        Some(Choice { changes, ..choice })
    }

    /// Whether an operation may answer now.
    pub(super) fn is_left(&self, place: usize) -> bool {
        let left = self.is_fresh(place) || self.times(place) != Times::Exactly;
        left && !self.is_ahead(place)
    }

    /// The operations that answer a live request, in recorded order: those of the session that the
    /// client is tied to, or of any, if nothing ties it.
    pub(super) fn matching(&self, tied: Option<usize>, live: &Live<'_>) -> Vec<usize> {
        self.matching_in(Vec::new(), tied, live)
    }

    /// The same, in the memory of another list.
    fn matching_in(
        &self,
        mut matching: Vec<usize>,
        tied: Option<usize>,
        live: &Live<'_>,
    ) -> Vec<usize> {
        let rules = &self.plan.reading.rules;
        let answers = |place: usize, planned: &Planned| {
            if live.is_barred(planned.session()) {
                return false;
            }
            let Some(recorded) = self.plan.recorded(place) else {
                return false;
            };
            if recorded.operation().request.method != live.request.method {
                return false;
            }
            let expected = self.expected(place, planned, &recorded, live);
            // Most requests are the same to the letter, and taking one apart costs more than all else.
            let answers = matcher::is_same(expected.request(), live.request, rules)
                || expected
                    .key(rules)
                    .is_answer_to(live.key(rules), &self.plan.contracts);
            if answers {
                live.find(place, recorded);
            }
            answers
        };
        let places = self.plan.at(live.path, &self.bound);
        let candidates = self.candidates_among(tied, places);
        let answering = candidates.filter(|(place, planned)| answers(*place, planned));
        matching.clear();
        matching.extend(answering.map(|(place, _)| place));
        self.acquainted(matching, live)
    }

    /// The one session without a client that has one of these operations as no other has.
    fn elsewhere(&self, matching: &[usize]) -> Option<usize> {
        let free = |place: &usize| {
            let planned = self.plan.operations.get(*place)?;
            let free = self.cast.listener(planned.session()).is_none();
            (free && planned.times != Times::Any).then_some(planned.session())
        };
        let mut sessions = matching.iter().filter_map(free);
        let first = sessions.next()?;
        sessions.all(|other| other == first).then_some(first)
    }

    /// The answer of a read: of those recorded between the latest change that has happened and the
    /// next, in recorded order, the last again and again. `first` says whose.
    fn read(&self, matching: &[usize], first: usize) -> Choice {
        let planned = |place: usize| self.plan.operations.get(place);
        let lane = planned(first).map(Planned::lane);
        let reached = lane.map_or(0, |lane| self.run.epoch(lane));
        let own = |place: &usize| {
            let planned = planned(*place)?;
            let past = Some(planned.lane()) == lane && planned.epoch() <= reached;
            // The same request may have notified somebody once: that one comes once alone.
            let read = planned.times == Times::Any;
            (past && read).then_some((*place, planned.epoch()))
        };
        let past: Vec<(usize, usize)> = matching.iter().filter_map(own).collect();
        let Some(latest) = past.iter().map(|(_, epoch)| *epoch).max() else {
            return Choice {
                operation: first,
                how: How::Early,
                changes: Vec::new(),
            };
        };
        let now = || past.iter().filter(|(_, epoch)| *epoch == latest);
        let places = now().map(|(place, _)| *place);
        let next = self.first_begun(places.filter(|place| self.is_fresh(*place)));
        let how = if next.is_some() {
            How::Next
        } else {
            How::Again
        };
        let last = || now().next_back().map(|(place, _)| *place);
        let operation = next.or_else(last).unwrap_or(first);
        Choice {
            operation,
            how,
            changes: Vec::new(),
        }
    }

    /// What answers an operation that has come as often as it was recorded, if anything may.
    fn again(&self, matching: &[usize]) -> Option<Choice> {
        let mut due = matching.iter().copied();
        let last = due.rfind(|place| !self.is_ahead(*place))?;
        let operation = match self.settings.on_exhausted {
            OnExhausted::Refuse if self.times(last) == Times::Exactly => return None,
            OnExhausted::Refuse | OnExhausted::Last => last,
            // The one that was served least is the next of the round.
            OnExhausted::Loop => matching
                .iter()
                .copied()
                .filter(|place| !self.is_ahead(*place))
                .min_by_key(|place| self.run.served(*place))?,
        };
        Some(Choice {
            operation,
            how: How::Again,
            changes: Vec::new(),
        })
    }

    /// An operation that answers a request which does not differ from the recorded one.
    fn plain(&self, operation: usize) -> Choice {
        let how = if self.is_fresh(operation) {
            How::Next
        } else {
            How::Again
        };
        Choice {
            operation,
            how,
            changes: Vec::new(),
        }
    }

    pub(super) fn times(&self, place: usize) -> Times {
        let planned = self.plan.operations.get(place);
        planned.map(|planned| planned.times).unwrap_or_default()
    }

    pub(super) fn is_fresh(&self, place: usize) -> bool {
        match self.times(place) {
            // One that has happened by itself was not needed, and another comes next.
            Times::Stream => !self.run.has_happened(place),
            Times::Exactly | Times::AtLeast | Times::Any => self.run.served(place) == 0,
        }
    }

    /// Those of these operations that a client may call: of its session, or any, if nothing ties it.
    pub(super) fn candidates_among(
        &self,
        tied: Option<usize>,
        places: impl Iterator<Item = usize>,
    ) -> impl Iterator<Item = (usize, &Planned)> {
        let planned = places.filter_map(|place| Some((place, self.plan.operations.get(place)?)));
        planned.filter(move |(_, planned)| tied.is_none_or(|seat| planned.session() == seat))
    }

    fn refuse(&self, tied: Option<usize>, live: &Live<'_>) -> Refusal {
        let told = self.veil.request(live.request);
        let rules = &self.plan.reading.rules;
        let breach = self
            .plan
            .contracts
            .iter()
            .find_map(|contract| matcher::breach(contract, live.key(rules)));
        if let Some(breach) = breach {
            return Refusal::breach(&told, &breach);
        }
        let near = self.nearest(live).and_then(|(place, mismatches)| {
            let planned = self.plan.operations.get(place)?;
            let mismatches = mismatches.iter();
            let covered = mismatches.map(|mismatch| self.covered(place, mismatch));
            let covered: Vec<Mismatch> = covered.collect();
            Some((
                self.plan.recorded(place)?,
                self.name(planned.session()),
                covered,
            ))
        });
        let near = near
            .as_ref()
            .map(|(recorded, session, covered)| (&**recorded, *session, covered.as_slice()));
        Refusal::miss(&told, near, tied.map(|seat| self.name(seat)))
    }

    /// The operation that is the closest to a live request, and how the two differ; of equals the first.
    fn nearest(&self, live: &Live<'_>) -> Option<(usize, Vec<Mismatch>)> {
        let rules = &self.plan.reading.rules;
        let all = self.plan.operations.len();
        let here = self.plan.paths.at(live.path);
        let beyond = here.filter(|place| *place >= MAX_COMPARED);
        let mut nearest: Option<(usize, Vec<Mismatch>)> = None;
        let mut least = usize::MAX;
        for place in (0..all.min(MAX_COMPARED)).chain(beyond.take(MAX_COMPARED)) {
            let planned = self.plan.operations.get(place)?;
            let recorded = self.plan.recorded(place)?;
            let expected = self.expected(place, planned, &recorded, live);
            let mismatches = expected
                .key(rules)
                .mismatches(live.key(rules), &self.plan.contracts);
            let distance = matcher::distance(&mismatches);
            if distance < least {
                least = distance;
                nearest = Some((place, mismatches));
            }
        }
        nearest
    }
}
