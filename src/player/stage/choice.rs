//! Which recorded operation answers a live request, and how a request is refused that none does.

use crate::exchange::Request;
use crate::matcher::{self, Key, Mismatch};

use super::super::cast::{Hold, Identity, Tie};
use super::super::plan::{Planned, Times};
use super::super::refusal::{Kind, Refusal};
use super::super::settings::OnExhausted;
use super::Stage;

/// The operation that answers a live request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Choice {
    pub(super) operation: usize,
    pub(super) how: How,
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
        live: &Request,
    ) -> Result<Choice, Refusal> {
        let tied = self
            .cast
            .tied(&self.plan.ties, identity)
            .map_err(|unknown| Refusal::plain(Kind::Session, unknown.to_string()))?;
        let key = Key::of(live);
        let mut matching = self.matching(tied.map(|tie| tie.seat), &key);
        if matching.is_empty()
            && let Some(Tie {
                hold: Hold::Loose, ..
            }) = tied
            && let Some(seat) = self.elsewhere(&key)
        {
            self.cast.relocate(&self.plan.ties, identity, seat);
            matching = self.matching(Some(seat), &key);
        }
        let tied = tied.map(|tie| tie.seat);
        let Some(&first) = matching.first() else {
            return Err(self.refuse(tied, live, &key));
        };
        let fresh = matching.iter().copied().find(|place| self.is_fresh(*place));
        if self.times(fresh.unwrap_or(first)) == Times::Any {
            return Ok(self.read(&matching, fresh.unwrap_or(first)));
        }
        if let Some(operation) = fresh {
            return Ok(Choice {
                operation,
                how: How::Next,
            });
        }
        self.again(&matching).ok_or_else(|| {
            let last = matching
                .last()
                .and_then(|last| self.plan.operations.get(*last));
            let refusal = last.map(|planned| {
                Refusal::exhausted(live, planned, self.name(planned.session), matching.len())
            });
            refusal.unwrap_or_else(|| self.refuse(tied, live, &key))
        })
    }

    /// The operations that answer a live request, in recorded order: those of the session that the
    /// client is tied to, or of any, if nothing ties it.
    fn matching(&self, tied: Option<usize>, key: &Key) -> Vec<usize> {
        self.candidates(tied)
            .filter(|(_, planned)| planned.key.is_answer_to(key, &self.plan.contracts))
            .map(|(place, _)| place)
            .collect()
    }

    /// The one session without a client whose operation answers this request as no other's does.
    fn elsewhere(&self, key: &Key) -> Option<usize> {
        let free = |place: &usize| {
            let planned = self.plan.operations.get(*place)?;
            let free = self.cast.listener(planned.session).is_none();
            (free && planned.times != Times::Any).then_some(planned.session)
        };
        let matching = self.matching(None, key);
        let mut sessions = matching.iter().filter_map(free);
        let first = sessions.next()?;
        sessions.all(|other| other == first).then_some(first)
    }

    /// The answer of a read: of those recorded between the latest change that has happened and the
    /// next, in recorded order, the last again and again. `first` says whose.
    fn read(&self, matching: &[usize], first: usize) -> Choice {
        let planned = |place: usize| self.plan.operations.get(place);
        let lane = planned(first).map(|planned| planned.lane);
        let reached = lane.map_or(0, |lane| self.run.epoch(lane));
        let own = |place: &usize| {
            let planned = planned(*place)?;
            let past = Some(planned.lane) == lane && planned.epoch <= reached;
            // The same request may have notified somebody once: that one comes once alone.
            let read = planned.times == Times::Any;
            (past && read).then_some((*place, planned.epoch))
        };
        let past: Vec<(usize, usize)> = matching.iter().filter_map(own).collect();
        let Some(latest) = past.iter().map(|(_, epoch)| *epoch).max() else {
            return Choice {
                operation: first,
                how: How::Early,
            };
        };
        let now = || past.iter().filter(|(_, epoch)| *epoch == latest);
        let next = now().find(|(place, _)| self.is_fresh(*place));
        let how = if next.is_some() {
            How::Next
        } else {
            How::Again
        };
        let operation = next
            .or(now().next_back())
            .map_or(first, |(place, _)| *place);
        Choice { operation, how }
    }

    /// What answers an operation that has come as often as it was recorded, if anything may.
    fn again(&self, matching: &[usize]) -> Option<Choice> {
        let last = matching.last().copied()?;
        let operation = match self.settings.on_exhausted {
            OnExhausted::Refuse if self.times(last) == Times::Exactly => return None,
            OnExhausted::Refuse | OnExhausted::Last => last,
            // The one that was served least is the next of the round.
            OnExhausted::Loop => matching
                .iter()
                .copied()
                .min_by_key(|place| self.run.served(*place))?,
        };
        Some(Choice {
            operation,
            how: How::Again,
        })
    }

    fn times(&self, place: usize) -> Times {
        let planned = self.plan.operations.get(place);
        planned.map(|planned| planned.times).unwrap_or_default()
    }

    fn is_fresh(&self, place: usize) -> bool {
        self.run.served(place) == 0
    }

    /// The operations that a client may call: those of its session, or any, if nothing ties it.
    fn candidates(&self, tied: Option<usize>) -> impl Iterator<Item = (usize, &Planned)> {
        let planned = self.plan.operations.iter().enumerate();
        planned.filter(move |(_, planned)| tied.is_none_or(|seat| planned.session == seat))
    }

    fn refuse(&self, tied: Option<usize>, live: &Request, key: &Key) -> Refusal {
        let breach = self
            .plan
            .contracts
            .iter()
            .find_map(|contract| matcher::breach(contract, key));
        if let Some(breach) = breach {
            return Refusal::breach(live, &breach);
        }
        let compare =
            |(_, planned): (usize, &Planned)| planned.key.mismatches(key, &self.plan.contracts);
        let found: Vec<Vec<Mismatch>> = self.candidates(None).map(compare).collect();
        let nearest = matcher::nearest(found.iter().map(Vec::as_slice));
        let near = nearest.and_then(|place| {
            let planned = self.plan.operations.get(place)?;
            Some((
                planned,
                self.name(planned.session),
                found.get(place)?.as_slice(),
            ))
        });
        Refusal::miss(live, near, tied.map(|seat| self.name(seat)))
    }
}
