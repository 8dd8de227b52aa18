//! What stands in for placeholders, told apart by the copy of the conversation in which it was given. Who is tied
//! to whom by it is not decided here.

use std::borrow::Cow;

use super::{Cast, Identity};
use crate::exchange::credentials::Credential;
use crate::player::ties::Ties;

impl Cast {
    /// The session that a live value was given to, in place of a placeholder.
    pub(in crate::player) fn stand_in_of(&self, ties: &Ties, value: &str) -> Option<usize> {
        let value = self.stand_ins.get(value)?;
        let mut moved = self.moved.iter();
        let moved = moved.find(|(credential, _)| credential.value() == value);
        moved
            .map(|(_, seat)| *seat)
            .or_else(|| ties.stand_in(value))
    }

    /// Whether this is the cast of the first copy.
    pub(in crate::player) fn is_first(&self) -> bool {
        self.copy == 0
    }

    /// Whether a client shows a stand-in of this copy.
    pub(in crate::player) fn knows_stand_in(&self, identity: &Identity) -> bool {
        let mut shown = identity.shown.iter();
        shown.any(|credential| self.stand_ins.contains_key(credential.value()))
    }

    /// A client with the stand-ins that it shows as they are in the first copy, on which the tapes are
    /// read; those of other copies are nobody's here.
    pub(super) fn recognized<'a>(&self, identity: &'a Identity) -> Cow<'a, Identity> {
        if self.copy == 0 || self.stand_ins.is_empty() {
            return Cow::Borrowed(identity);
        }
        let here = |value: &String| match self.stand_ins.get(value) {
            Some(first) => Some(first.clone()),
            None if self.stand_ins.values().any(|first| first == value) => None,
            None => Some(value.clone()),
        };
        let shown = identity.shown.iter().filter_map(|credential| {
            Some(match credential {
                Credential::Cookie(name, value) => Credential::Cookie(name.clone(), here(value)?),
                Credential::Token(value) => Credential::Token(here(value)?),
                Credential::User(user) => Credential::User(user.clone()),
            })
        });
        Cow::Owned(Identity {
            named: identity.named.as_ref().and_then(here),
            shown: shown.collect(),
            ..identity.clone()
        })
    }
}
