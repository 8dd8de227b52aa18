//! By what the recorded service and its clients knew each session: cookies, tokens, users, and the
//! client identifiers of their handshakes.
//!
//! A live client that shows one of them again is tied to that session. Who may take a session is
//! the business of [`super::cast`].

use std::collections::{BTreeMap, BTreeSet};

use crate::exchange::credentials::Credential;
use crate::exchange::{Fact, What};

/// A shorter value than this may be a language or a colour; the services' own identifiers are longer.
const MIN_TELLING: usize = 8;

/// What on the tapes tells one session from all others.
#[derive(Debug, Default)]
pub(super) struct Ties {
    holders: BTreeMap<Credential, Holder>,
    clients: BTreeMap<usize, Vec<String>>,
    /// By what the user chose to tell clients apart.
    named: BTreeMap<String, Holder>,
    ears: BTreeMap<usize, Ears>,
    /// Values that stand in for placeholders, and whose they are.
    stand_ins: BTreeMap<String, usize>,
    /// What clients brought with them, by session.
    brought: BTreeMap<usize, BTreeSet<Credential>>,
}

/// Whether a session listened for notifications when it was recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Ears {
    /// It only called operations, as the parts of a page do that carry no cookie.
    None,
    /// It did, or nothing says that it did not.
    Some,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Holder {
    One(usize),
    /// Several sessions have it, so that it tells nothing.
    Many,
}

impl Ties {
    /// Learns what an operation of this session shows.
    pub(super) fn learn<'a>(
        &mut self,
        session: usize,
        credentials: impl IntoIterator<Item = &'a Credential>,
    ) {
        for credential in credentials.into_iter().filter(|one| tells(one)) {
            hold(&mut self.holders, credential.clone(), session);
        }
    }

    /// Learns that this value, which stands in for a placeholder, is of this session.
    pub(super) fn learn_stand_in(&mut self, session: usize, value: String) {
        self.stand_ins.insert(value, session);
    }

    /// Learns that the client of this session brought this credential with it.
    pub(super) fn learn_brought(&mut self, session: usize, credential: Credential) {
        let brought = self.brought.entry(session).or_default();
        brought.insert(credential);
    }

    /// What the client of a session brought with it.
    pub(super) fn brought(&self, session: usize) -> impl Iterator<Item = &Credential> {
        self.brought.get(&session).into_iter().flatten()
    }

    /// Whether any client brought something with it.
    pub(super) fn has_brought(&self) -> bool {
        !self.brought.is_empty()
    }

    /// Whether a credential stands on the tapes, or stands in for one.
    pub(super) fn has(&self, credential: &Credential) -> bool {
        self.holders.contains_key(credential) || self.stand_ins.contains_key(credential.value())
    }

    /// The session that a value was made for, in place of a placeholder.
    pub(super) fn stand_in(&self, value: &str) -> Option<usize> {
        self.stand_ins.get(value).copied()
    }

    /// Learns that a request of this session names its client so.
    pub(super) fn learn_named(&mut self, session: usize, client: String) {
        hold(&mut self.named, client, session);
    }

    /// The session whose requests alone name their client so.
    pub(super) fn named(&self, client: &str) -> Option<usize> {
        match self.named.get(client)? {
            Holder::One(session) => Some(*session),
            Holder::Many => None,
        }
    }

    /// Learns what else is known of this session.
    pub(super) fn learn_fact(&mut self, session: usize, fact: &Fact) {
        if let What::Handshake { client, .. } = &fact.what {
            let clients = self.clients.entry(session).or_default();
            if !clients.contains(client) {
                clients.push(client.clone());
            }
        }
    }

    /// Learns whether a session listened on one tape; it is enough that it did on one of several.
    pub(super) fn learn_ears(&mut self, session: usize, ears: Ears) {
        let known = self.ears.entry(session).or_insert(ears);
        *known = ears.max(*known);
    }

    /// Whether a session may be that of a client that listens and that nothing else ties.
    pub(super) fn listens(&self, session: usize) -> bool {
        self.ears.get(&session) != Some(&Ears::None)
    }

    /// The session that one of these credentials is of, if all that tell anything tell the same.
    pub(super) fn session_of(&self, shown: &[Credential]) -> Option<usize> {
        let mut found = shown
            .iter()
            .filter_map(|credential| self.holder(credential));
        let first = found.next()?;
        found.all(|other| other == first).then_some(first)
    }

    /// Whether one session alone has this credential.
    pub(super) fn knows(&self, credential: &Credential) -> bool {
        self.holder(credential).is_some()
    }

    /// The session that alone has this credential.
    fn holder(&self, credential: &Credential) -> Option<usize> {
        match self.holders.get(credential) {
            Some(Holder::One(session)) => Some(*session),
            Some(Holder::Many) => None,
            None => self.stand_in(credential.value()),
        }
    }

    /// The client identifiers that the handshakes of a session gave, in order.
    pub(super) fn clients(&self, session: usize) -> &[String] {
        self.clients.get(&session).map_or(&[], Vec::as_slice)
    }
}

/// Notes that this session has what tells it from others, if no other has it too.
fn hold<K: Ord>(holders: &mut BTreeMap<K, Holder>, key: K, session: usize) {
    holders
        .entry(key)
        .and_modify(|holder| {
            if *holder != Holder::One(session) {
                *holder = Holder::Many;
            }
        })
        .or_insert(Holder::One(session));
}

/// Whether a credential is one that a single client has: a user, or a value of some length.
fn tells(credential: &Credential) -> bool {
    match credential {
        Credential::User(_) => true,
        Credential::Cookie(_, value) | Credential::Token(value) => value.len() >= MIN_TELLING,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exchange::{Headers, Micros, Session, credentials};

    /// What an operation shows whose request has these fields, and its response those.
    fn shown(sent: &[(&str, &str)], given: &[(&str, &str)]) -> Vec<Credential> {
        let (sent, given): (Headers, Headers) = (
            sent.iter().copied().collect(),
            given.iter().copied().collect(),
        );
        let shown = credentials::shown(sent.iter());
        let given = credentials::given(given.iter());
        shown.into_iter().chain(given).collect()
    }

    fn cookie(value: &str) -> Credential {
        Credential::Cookie("SID".into(), value.into())
    }

    #[test]
    fn what_a_session_was_given_or_sent_ties_a_client_to_it() {
        let mut ties = Ties::default();
        ties.learn(0, &shown(&[], &[("Set-Cookie", "SID=0123456789; Path=/")]));
        ties.learn(1, &shown(&[("cookie", "SID=9876543210; lang=de")], &[]));
        ties.learn(1, &shown(&[("x-csrf-token", "aaaabbbb")], &[]));
        assert_eq!(ties.session_of(&[cookie("0123456789")]), Some(0));
        assert_eq!(ties.session_of(&[cookie("9876543210")]), Some(1));
        assert_eq!(
            ties.session_of(&[Credential::Token("aaaabbbb".into())]),
            Some(1)
        );
        assert_eq!(ties.session_of(&[cookie("other one")]), None);
        let lang = Credential::Cookie("lang".into(), "de".into());
        assert_eq!(ties.session_of(&[lang]), None);
    }

    #[test]
    fn what_several_sessions_have_ties_nobody_and_what_disagrees_neither() {
        let mut ties = Ties::default();
        let shared = ("authorization", "Bearer the-application");
        ties.learn(0, &shown(&[shared, ("cookie", "SID=0123456789")], &[]));
        ties.learn(1, &shown(&[shared, ("cookie", "SID=9876543210")], &[]));
        let application = Credential::Token("the-application".into());
        assert_eq!(ties.session_of(std::slice::from_ref(&application)), None);
        assert_eq!(
            ties.session_of(&[application, cookie("9876543210")]),
            Some(1)
        );
        assert_eq!(
            ties.session_of(&[cookie("0123456789"), cookie("9876543210")]),
            None
        );
    }

    #[test]
    fn a_session_listens_unless_every_tape_says_that_it_did_not() {
        let mut ties = Ties::default();
        for (session, ears) in [
            (0, Ears::None),
            (1, Ears::None),
            (1, Ears::Some),
            (1, Ears::None),
        ] {
            ties.learn_ears(session, ears);
        }
        assert_eq!(
            [0, 1, 2].map(|place| ties.listens(place)),
            [false, true, true]
        );
    }

    #[test]
    fn the_identifiers_of_handshakes_are_kept_in_order() {
        let mut ties = Ties::default();
        for client in ["x1", "x2", "x1"] {
            let what = What::Handshake {
                endpoint: "/c".into(),
                client: client.into(),
            };
            let fact = Fact {
                session: Session::new("a"),
                at: Micros(0),
                what,
            };
            ties.learn_fact(3, &fact);
        }
        assert_eq!(ties.clients(3), ["x1", "x2"]);
        assert!(ties.clients(0).is_empty());
    }
}
