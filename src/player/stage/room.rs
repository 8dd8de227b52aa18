//! Whether a client that nobody knows may be meant by a copy of the conversation.

use super::super::cast::Identity;
use super::super::copies::Ask;
use super::super::plan::Times;
use super::Stage;
use super::alike::Among;
use super::secret::Live;

impl Stage {
    /// Whether nothing has happened yet.
    pub(crate) fn is_untouched(&self) -> bool {
        (0..self.plan.sessions.len()).all(|seat| self.cast.is_vacant(seat))
    }

    /// Whether the messages are of a client that shook hands here.
    pub(crate) fn has_client(&self, ask: Ask<'_>) -> bool {
        ask.client()
            .is_some_and(|client| self.cast.seat_of(&client).is_some())
    }

    /// Whether a client shows what this copy alone has given.
    pub(crate) fn has_given(&self, identity: &Identity) -> bool {
        self.cast.knows_stand_in(identity)
    }

    /// Whether a new client that asks this finds a session here: for its messages one that nobody
    /// listens for, for an operation one that nobody has.
    pub(crate) fn has_room(&self, identity: &Identity, ask: Ask<'_>) -> bool {
        let tied = self.cast.tied(&self.plan.ties, identity);
        let Ok(tied) = tied.map(|tie| tie.map(|tie| tie.seat)) else {
            return true;
        };
        let mut seats = 0..self.plan.sessions.len();
        match (ask, tied) {
            (Ask::Messages(_), Some(seat)) => self.cast.is_open(seat),
            (Ask::Messages(_), None) => {
                seats.any(|seat| self.plan.ties.listens(seat) && self.cast.is_open(seat))
            }
            (Ask::Operation(live), tied) => {
                let matching = self.means(tied, &self.look_at(identity, live));
                let vacant = |place: &usize| {
                    let planned = self.plan.operations.get(*place);
                    planned.is_some_and(|planned| self.cast.is_vacant(planned.session()))
                };
                matching.iter().any(vacant) || matching.is_empty()
            }
        }
    }

    /// Whether what a client asks means anything here.
    pub(crate) fn answers(&self, identity: &Identity, ask: Ask<'_>) -> bool {
        let tied = self.cast.tied(&self.plan.ties, identity);
        match (ask, tied.map(|tie| tie.map(|tie| tie.seat))) {
            (Ask::Messages(_), _) | (_, Err(_)) => true,
            (Ask::Operation(live), Ok(tied)) => {
                !self.means(tied, &self.look_at(identity, live)).is_empty()
            }
        }
    }

    /// Whether a client logs in as somebody who has logged in before, and who is somebody else.
    pub(crate) fn is_anothers(&self, identity: &Identity, ask: Ask<'_>) -> bool {
        let Ask::Operation(live) = ask else {
            return false;
        };
        let tied = self.cast.tied(&self.plan.ties, identity).ok().flatten();
        let matching = self.means(None, &self.look_at(identity, live));
        let taken = |place: &usize| {
            let planned = self.plan.operations.get(*place);
            planned.is_some_and(|planned| {
                planned.times == Times::AtLeast
                    && self.run.served(*place) > 0
                    && tied.is_none_or(|tie| tie.seat != planned.session())
            })
        };
        !matching.is_empty() && matching.iter().all(taken)
    }

    /// The operations that a live request may mean.
    fn means(&self, tied: Option<usize>, live: &Live<'_>) -> Vec<usize> {
        let exact = self.matching(tied, live);
        if exact.is_empty() {
            let alike = self.alike(tied, live, Among::All).into_iter();
            alike.map(|alike| alike.operation).collect()
        } else {
            exact
        }
    }
}
