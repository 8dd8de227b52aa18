//! Credentials, and whose they are.
//!
//! What else is known of a client is the business of [`Clients`].

use crate::recorder::understanding::credentials::Evidence;
use crate::recorder::understanding::identifier;

use super::{Clients, Habit, Who};

/// A credential.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Key {
    Chosen(String),
    Cookie(String, String),
    Token(String),
    User(String),
    Bayeux(String),
}

/// Whose a credential is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Holder {
    One(Who, Trust),
    /// Several clients have it, so that it tells nothing: a language, a node, an application's key.
    Many,
}

/// How much a credential tells of its holder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Trust {
    /// It was only seen sent: it may be an application's key.
    Seen,
    /// The service gave it to this client, or it names the client.
    Given,
}

impl Clients {
    /// Who the credentials of a request say that it is from: first those that the service gave,
    /// then a user's name, a `clientId`, and what was only seen sent before.
    pub(super) fn shown(&self, keys: &[Key], evidence: &Evidence) -> Option<Who> {
        let user = evidence.user.as_deref();
        let rank = |key: &Key, trust| match (key, trust) {
            (Key::Cookie(..) | Key::Token(_), Trust::Given) => 0,
            (Key::User(_) | Key::Chosen(_), _) => 1,
            (Key::Bayeux(_), _) => 2,
            (Key::Cookie(..) | Key::Token(_), Trust::Seen) => 3,
        };
        let held = keys.iter().filter_map(|key| match self.keys.get(key)? {
            Holder::One(who, trust) => Some((rank(key, *trust), self.current(*who))),
            Holder::Many => None,
        });
        // Who names himself is nobody else, whatever cookies he has.
        let same = |who| user.is_none_or(|user| self.login(who).is_none_or(|login| login == user));
        held.filter(|(_, who)| same(*who))
            .min_by_key(|(rank, _)| *rank)
            .map(|(_, who)| who)
    }

    pub(super) fn bind_all(&mut self, keys: &[Key], who: Who) {
        let shows = |key: &Key| !matches!(key, Key::Bayeux(_));
        if keys.iter().any(shows) {
            self.client(who).habit = Habit::Presents;
        }
        for key in keys {
            self.bind(key, who, trust(key));
            if let Key::Cookie(name, _) = key {
                let cookies = &mut self.client(who).cookies;
                if !cookies.contains(name) {
                    cookies.insert(name.clone());
                }
            }
        }
    }

    /// Gives a credential to a client. One that is another's already tells nothing from now on; but
    /// a `clientId` is never shared, so that a nameless holder is the same client.
    pub(super) fn bind(&mut self, key: &Key, who: Who, trust: Trust) {
        let found = self.keys.find(key).map(|(place, held)| (place, *held));
        let held = match found {
            None => None,
            Some((_, Holder::One(holder, held))) => Some((self.current(holder), held)),
            Some((_, Holder::Many)) => return,
        };
        let bound = match (held, key) {
            (None, _) => Holder::One(who, trust),
            (Some((holder, held)), _) if holder == who => Holder::One(who, trust.max(held)),
            (Some((holder, _)), Key::Bayeux(_)) if self.is_anonymous(holder) => {
                self.merge(holder, who);
                return;
            }
            (Some(_), Key::Bayeux(_) | Key::Chosen(_) | Key::User(_)) => return,
            (Some((_, held)), Key::Cookie(..) | Key::Token(_)) if held < trust => {
                Holder::One(who, trust)
            }
            (Some(_), Key::Cookie(..) | Key::Token(_)) => Holder::Many,
        };
        match found {
            // As nearly always: what is sent now was sent before.
            Some((place, held)) if held == bound => self.keys.use_at(place),
            _ => self.keys.insert(key, bound),
        }
    }

    /// Gives a credential to the client that logged in with it, or was given it then.
    pub(super) fn hand_over(&mut self, key: &Key, who: Who, trust: Trust) {
        let held = match self.keys.get(key) {
            Some(Holder::Many) => return,
            Some(Holder::One(_, held)) => *held,
            None => trust,
        };
        self.keys.insert(key, Holder::One(who, held.max(trust)));
    }

    /// Who is another by name only: somebody without one, who has shown what is given to `who` right now.
    /// A client may go on as soon as it has the head of a response, and before the response is over.
    pub(super) fn hasty(&self, given: &Key, who: Who) -> Option<Who> {
        let (Key::Cookie(_, value) | Key::Token(value)) = given else {
            return None;
        };
        let Some(Holder::One(holder, Trust::Seen)) = self.keys.get(given) else {
            return None;
        };
        let other = self.current(*holder);
        let nameless = other != who && self.login(other).is_none();
        (nameless && identifier::is_minted(value)).then_some(other)
    }

    pub(super) fn holder(&self, key: &Key) -> Option<Who> {
        match self.keys.get(key)? {
            Holder::One(who, _) => Some(self.current(*who)),
            Holder::Many => None,
        }
    }
}

/// The credentials of a request, those first that tell the most. Cookies that look like no secret
/// tell only where the service gave them to one client.
pub(super) fn keys(evidence: &Evidence) -> Vec<Key> {
    if let Some(chosen) = &evidence.chosen {
        return vec![Key::Chosen(chosen.clone())];
    }
    let cookie = |(name, value): &(String, String)| Key::Cookie(name.clone(), value.clone());
    let (minted, plain): (Vec<_>, Vec<_>) = evidence
        .cookies
        .iter()
        .partition(|(_, value)| identifier::is_minted(value));
    let minted = minted.into_iter().map(cookie);
    let tokens = evidence.tokens.iter().cloned().map(Key::Token);
    let plain = plain.into_iter().map(cookie);
    let user = evidence.user.iter().cloned().map(Key::User);
    let bayeux = evidence.bayeux.iter().cloned().map(Key::Bayeux);
    minted
        .chain(tokens)
        .chain(plain)
        .chain(user)
        .chain(bayeux)
        .collect()
}

/// How much a credential tells that was sent: a name tells who sends it, the rest may be shared.
fn trust(key: &Key) -> Trust {
    match key {
        Key::Chosen(_) | Key::User(_) | Key::Bayeux(_) => Trust::Given,
        Key::Cookie(..) | Key::Token(_) => Trust::Seen,
    }
}
