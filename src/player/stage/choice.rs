//! Which recorded operation answers a live request, and how a request is refused that none does.

use crate::exchange::Request;
use crate::matcher::{self, Key, Mismatch};

use super::super::cast::Identity;
use super::super::plan::Planned;
use super::super::refusal::{Kind, Refusal};
use super::super::settings::OnExhausted;
use super::Stage;

impl Stage {
    /// Which recorded operation answers a live request, or why none does.
    pub(super) fn choose(&self, identity: &Identity, live: &Request) -> Result<usize, Refusal> {
        let tied = self
            .cast
            .tied(identity)
            .map_err(|unknown| Refusal::plain(Kind::Session, unknown.to_string()))?;
        let key = Key::of(live);
        let matching: Vec<usize> = self
            .candidates(tied)
            .filter(|(_, planned)| planned.key.is_answer_to(&key, &self.plan.contracts))
            .map(|(place, _)| place)
            .collect();
        if let Some(&fresh) = matching.iter().find(|place| self.run.served(**place) == 0) {
            return Ok(fresh);
        }
        let Some(&last) = matching.last() else {
            return Err(self.refuse(tied, live, &key));
        };
        match self.settings.on_exhausted {
            OnExhausted::Refuse => {
                let planned = self.plan.operations.get(last);
                let refusal = planned.map(|planned| {
                    Refusal::exhausted(live, planned, self.name(planned.session), matching.len())
                });
                Err(refusal.unwrap_or_else(|| self.refuse(tied, live, &key)))
            }
            OnExhausted::Last => Ok(last),
            // The one that was served least is the next of the round.
            OnExhausted::Loop => Ok(matching
                .iter()
                .copied()
                .min_by_key(|place| self.run.served(*place))
                .unwrap_or(last)),
        }
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
