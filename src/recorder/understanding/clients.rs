//! Who is who: which client sent a request, and what its session is called.
//!
//! Clients are told apart by what the service gave them (cookies, tokens), by the user of their
//! credentials, by their Bayeux `clientId`, and at last by their connection. A client has no name
//! before something of it is written; a name that was provisional is made good once the client
//! logs in, and whoever turns out to be a client known before becomes it.

mod keys;
mod names;

use std::collections::BTreeSet;

use crate::exchange::Session;

use super::Connection;
use super::credentials::{Evidence, Given, Looks};
use super::identifier;
use super::recent::{Numbered, Recent};
use keys::{Holder, Key, Trust, keys};

/// How many credentials are remembered; a client has a handful at a time.
const MAX_KEYS: usize = 131_072;

/// How many connections are remembered: as many as a proxy can hold open, and some that are closed.
const MAX_CONNECTIONS: usize = 65_536;

/// How many Bayeux clients one client is taken to be at once: tabs of one browser.
const MAX_TABS: usize = 64;

/// The number of a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Who(u64);

/// Who sent a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Arrival {
    /// The client.
    pub(super) who: Who,
    /// How it was known.
    pub(super) by: By,
}

/// How a client was known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum By {
    /// By something that it sent.
    Credential,
    /// By its connection alone.
    Connection,
}

/// What a request is about, as far as it helps to know the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// It begins a Bayeux session.
    Handshake,
    /// Anything else.
    Other,
}

/// Something that came out about clients.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Discovery {
    /// What was recorded as `was` belongs to `session`.
    Was {
        /// The session.
        session: Session,
        /// Its provisional name.
        was: Session,
    },
    /// Two clients are one.
    Same {
        /// The one that is no more.
        from: Who,
        /// Who it is.
        to: Who,
    },
}

/// The clients.
#[derive(Debug)]
pub(super) struct Clients {
    next: u64,
    provisional: u64,
    known: Numbered<Who, Client>,
    moved: Numbered<Who, Who>,
    keys: Recent<Key, Holder>,
    connections: Numbered<Connection, Who>,
    logins: Recent<String, Who>,
    names: Recent<String, ()>,
    discoveries: Vec<Discovery>,
}

#[derive(Debug, Default)]
struct Client {
    session: Option<Session>,
    login: Option<String>,
    habit: Habit,
    /// The names of the cookies that it has.
    cookies: BTreeSet<String>,
    /// Its Bayeux clients that the service knows.
    tabs: BTreeSet<String>,
    polls: u32,
    standing: Standing,
}

/// Whether a client shows credentials.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Habit {
    #[default]
    Anonymous,
    Presents,
}

/// Whether a client was told to shake hands again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Standing {
    #[default]
    Known,
    Forgotten,
}

impl Clients {
    /// No clients yet; the names are not free. So many are remembered.
    pub(super) fn new(taken: &[Session], most: usize) -> Self {
        let mut clients = Clients {
            next: 0,
            provisional: 0,
            known: Numbered::new(most),
            moved: Numbered::new(most),
            keys: Recent::new(MAX_KEYS),
            connections: Numbered::new(MAX_CONNECTIONS),
            logins: Recent::new(most),
            names: Recent::new(MAX_KEYS),
            discoveries: Vec::new(),
        };
        for session in taken {
            clients.resume(session);
        }
        clients
    }

    /// Finds out who sends a request.
    pub(super) fn arrive(
        &mut self,
        connection: Connection,
        evidence: &Evidence,
        purpose: Purpose,
    ) -> Arrival {
        let mut keys = keys(evidence);
        // A cookie that looks like no secret, and was not seen given, may be anybody's.
        keys.retain(|key| match key {
            Key::Cookie(_, value) => identifier::is_minted(value) || self.keys.get(key).is_some(),
            Key::Chosen(_) | Key::Token(_) | Key::User(_) | Key::Bayeux(_) => true,
        });
        let found = self.find(&keys, evidence, connection, purpose);
        let mut arrival = found.unwrap_or_else(|| Arrival {
            who: self.create(),
            by: if keys.is_empty() {
                By::Connection
            } else {
                By::Credential
            },
        });
        if self.logs_in_as_another(&arrival, evidence) {
            // Its credentials are still those of the client who it was.
            arrival = Arrival {
                who: self.create(),
                by: By::Connection,
            };
        } else {
            self.bind_all(&keys, arrival.who);
            arrival.who = self.user_is_known(evidence, arrival.who);
        }
        self.connections.insert(&connection, arrival.who);
        arrival
    }

    /// Learns from a response: what it gave, and whether a login was let in. Returns who the client
    /// is, now that more is known.
    pub(super) fn answered(
        &mut self,
        arrival: Arrival,
        connection: Connection,
        evidence: &Evidence,
        given: &Given,
        let_in: bool,
    ) -> Who {
        let mut who = self.current(arrival.who);
        let login = evidence.login.as_ref().filter(|login| {
            let gives = !given.cookies.is_empty() || !given.tokens.is_empty();
            let_in && (login.looks == Looks::Certain || gives)
        });
        if arrival.by == By::Connection && login.is_none() && self.replaces_cookies(who, given) {
            who = self.create();
            self.connections.insert(&connection, who);
        }
        if let Some(login) = login {
            who = self.named(who, &login.name);
        }
        for name in &given.taken {
            let held = evidence
                .cookies
                .iter()
                .filter(|(candidate, _)| candidate == name);
            for (name, value) in held {
                self.keys.remove(&Key::Cookie(name.clone(), value.clone()));
            }
            self.client(who).cookies.remove(name);
        }
        let cookies = given
            .cookies
            .iter()
            .map(|(name, value)| Key::Cookie(name.clone(), value.clone()));
        let tokens = given.tokens.iter().map(|token| Key::Token(token.clone()));
        if login.is_some() {
            for key in keys(evidence)
                .iter()
                .filter(|key| matches!(key, Key::Cookie(..)))
            {
                self.hand_over(key, who, Trust::Seen);
            }
        }
        for key in cookies.chain(tokens) {
            if let Some(hasty) = self.hasty(&key, who) {
                self.merge(hasty, who);
            }
            if login.is_some() {
                self.hand_over(&key, who, Trust::Given);
            } else {
                self.bind(&key, who, Trust::Given);
            }
        }
        let names = given.cookies.iter().map(|(name, _)| name.clone());
        self.client(who).cookies.extend(names);
        who
    }

    /// The name under which a client logged in.
    pub(super) fn login(&self, who: Who) -> Option<&str> {
        self.known.get(&self.current(who))?.login.as_deref()
    }

    /// Who a client is, now that more may be known.
    pub(super) fn current(&self, who: Who) -> Who {
        // A client is moved to one that was known before it, so that this comes to an end.
        let mut who = who;
        while let Some(to) = self.moved.get(&who) {
            who = *to;
        }
        who
    }

    /// What came out since this was asked the last time.
    pub(super) fn discoveries(&mut self) -> Vec<Discovery> {
        std::mem::take(&mut self.discoveries)
    }

    /// Whether some client has this Bayeux `clientId`.
    pub(super) fn has_bayeux(&self, id: &str) -> bool {
        self.keys.get(&Key::Bayeux(id.to_owned())).is_some()
    }

    /// Learns that a handshake gave a client this `clientId`.
    pub(super) fn shook_hands(&mut self, who: Who, id: &str) {
        self.keys
            .insert(&Key::Bayeux(id.to_owned()), Holder::One(who, Trust::Given));
        let client = self.client(who);
        client.standing = Standing::Known;
        if client.tabs.len() < MAX_TABS {
            client.tabs.insert(id.to_owned());
        }
    }

    /// Learns that a Bayeux client is gone: it disconnected.
    pub(super) fn left(&mut self, who: Who, id: &str) {
        self.client(who).tabs.remove(id);
    }

    /// Learns that the service no longer knows a Bayeux client.
    pub(super) fn forgotten(&mut self, who: Who, id: &str) {
        let client = self.client(who);
        client.tabs.remove(id);
        client.standing = Standing::Forgotten;
    }

    /// Learns that a poll of a client is under way.
    pub(super) fn poll_begins(&mut self, who: Who) {
        let client = self.client(who);
        client.polls = client.polls.saturating_add(1);
    }

    /// Learns that a poll of a client is over.
    pub(super) fn poll_ends(&mut self, who: Who) {
        let client = self.client(who);
        client.polls = client.polls.saturating_sub(1);
    }

    fn find(
        &mut self,
        keys: &[Key],
        evidence: &Evidence,
        connection: Connection,
        purpose: Purpose,
    ) -> Option<Arrival> {
        let credential = |who| Arrival {
            who,
            by: By::Credential,
        };
        if let Some(key @ Key::Chosen(_)) = keys.first() {
            return self.holder(key).map(credential);
        }
        if let Some(who) = self.shown(keys, evidence) {
            return Some(credential(who));
        }
        let last = self
            .connections
            .get(&connection)
            .map(|who| self.current(*who));
        let free = last.filter(|who| self.is_anonymous(*who));
        match (keys.is_empty(), purpose) {
            (false, _) => free.map(credential),
            (true, Purpose::Handshake) => self.shakes_again(last).map(|who| Arrival {
                who,
                by: By::Connection,
            }),
            (true, Purpose::Other) => last.map(|who| Arrival {
                who,
                by: By::Connection,
            }),
        }
    }

    /// Who shakes hands with no more to show than a connection: the client that used it before,
    /// unless that one has a Bayeux session already; or the only one that was told to.
    fn shakes_again(&self, last: Option<Who>) -> Option<Who> {
        if let Some(client) = last.and_then(|last| self.known.get(&last)) {
            return last.filter(|_| client.tabs.is_empty());
        }
        let forgotten = |client: &Client| {
            client.standing == Standing::Forgotten
                && client.habit == Habit::Anonymous
                && client.tabs.is_empty()
        };
        let mut waiting = self.known.iter().filter(|(_, client)| forgotten(client));
        let only = waiting.next().map(|(who, _)| *who);
        only.filter(|_| waiting.next().is_none())
    }

    fn is_anonymous(&self, who: Who) -> bool {
        let client = self.known.get(&who);
        client.is_some_and(|it| it.login.is_none() && it.habit == Habit::Anonymous)
    }

    fn logs_in_as_another(&self, arrival: &Arrival, evidence: &Evidence) -> bool {
        let (Some(login), Some(known)) = (&evidence.login, self.login(arrival.who)) else {
            return false;
        };
        let sure = arrival.by == By::Connection || login.looks == Looks::Certain;
        evidence.chosen.is_none() && sure && known != login.name
    }

    /// Whether a client that sends its cookies is given others of their names as if it had none:
    /// then it is somebody else on the same connection.
    fn replaces_cookies(&self, who: Who, given: &Given) -> bool {
        self.known.get(&who).is_some_and(|client| {
            client.habit == Habit::Presents
                && given
                    .cookies
                    .iter()
                    .any(|(name, _)| client.cookies.contains(name))
        })
    }

    fn client(&mut self, who: Who) -> &mut Client {
        self.known.entry(self.current(who), Client::default)
    }

    fn create(&mut self) -> Who {
        self.next += 1;
        let who = Who(self.next);
        self.client(who);
        who
    }
}
