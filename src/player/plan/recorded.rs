//! A recorded operation as it is played, with what is worked out of it where it is first needed.
//!
//! Where it comes from, and how long it is kept, is not known here.

use std::sync::{Arc, OnceLock};

use http::{HeaderName, HeaderValue};

use crate::exchange::{Operation, coding};
use crate::journal::Identity;
use crate::matcher::{Key, Rules};
use crate::player::{fields, publish, values};
use crate::tape::{Likeness, Slate};

use super::Times;
use super::shelf::Manner;

/// An operation as it is played.
#[derive(Debug, Default)]
pub(in crate::player) struct Recorded {
    slate: Slate,
    /// Its request, taken apart where it is first compared so: most are the same to the letter.
    key: OnceLock<Key>,
    /// Whether a client may have made up the value of a header field of its request.
    chosen: OnceLock<bool>,
    sent: OnceLock<Sent>,
    /// The target of its request, for all who note that it was called.
    target: OnceLock<Arc<str>>,
    /// Where it is messages that a Bayeux client published: which of the messages of its response is the
    /// reply to each.
    pub(in crate::player) replies: Vec<Option<usize>>,
    /// What it was on the tape. Of a read nobody asks for it.
    identity: OnceLock<Identity>,
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

impl Recorded {
    /// What it says.
    pub(in crate::player) fn operation(&self) -> &Operation {
        self.slate.operation()
    }

    /// Where another operation may be read: then this is to be [renewed](Recorded::renew).
    pub(super) fn slate(&mut self) -> &mut Slate {
        &mut self.slate
    }

    /// Becomes what another operation was on its tape, which was read in place of this one, and which may come so
    /// often. Whether the header fields of the request and of the response are those of the one before is said.
    pub(super) fn renew(&mut self, [asked, given]: [Likeness; 2], manner: &Manner, times: Times) {
        self.key = OnceLock::new();
        self.target = OnceLock::new();
        self.identity = OnceLock::new();
        if asked == Likeness::Unknown {
            self.chosen = OnceLock::new();
        }
        if given == Likeness::Unknown {
            self.sent = OnceLock::new();
        }
        let published = publish::recorded(self.operation(), &manner.endpoints);
        self.replies = published.map_or_else(Vec::new, |published| {
            self.slate.change().request = published.request;
            published.replies
        });
        let moves = manner.shift.moves();
        if moves || times.is_change() {
            self.identity(); // here nobody waits for it, and later it says another time
        }
        if moves {
            manner.shift.operation(self.slate.change());
        }
    }

    /// What it was on the tape.
    pub(in crate::player) fn identity(&self) -> &Identity {
        self.identity
            .get_or_init(|| Identity::of_operation(self.operation()))
    }

    /// Its request, taken apart for comparing.
    pub(in crate::player) fn key(&self, rules: &Rules) -> &Key {
        self.key
            .get_or_init(|| Key::of(&self.operation().request, rules))
    }

    /// Whether its client may have made up the value of a header field.
    pub(super) fn may_bring_choices(&self) -> bool {
        let headers = &self.operation().request.headers;
        *self
            .chosen
            .get_or_init(|| values::may_bring_choices(headers))
    }

    /// The target of a live request that it answers: nearly always its own, which takes no memory again.
    pub(in crate::player) fn target(&self, told: &str) -> Arc<str> {
        let own = &self.operation().request.target;
        let target = self.target.get_or_init(|| own.as_str().into());
        if own == told {
            Arc::clone(target)
        } else {
            told.into()
        }
    }

    /// Its response as it is sent.
    pub(in crate::player) fn sent(&self) -> &Sent {
        let headers = &self.operation().response.headers;
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
