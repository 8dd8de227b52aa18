//! Who plays whom: which live client is tied to which recorded session.

mod copied;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use crate::bayeux::ClientId;
use crate::exchange::Session;
use crate::exchange::credentials::Credential;

use super::claims::Claims;
use super::copies::Mark;
use super::standin::StandIn;
use super::ties::Ties;

/// How many hexadecimal digits of a digest make an identifier: as many as `CometD`'s own have.
const MINTED_DIGITS: usize = 40;

/// For whom a client listens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// It plays its session.
    Player,
    /// It only looks on: it makes nobody else absent, and takes no session from a player.
    Spectator,
}

/// By what a live client can be recognized.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Identity {
    /// The session that an `Antiphon-Session` header asks for.
    pub(crate) session: Option<String>,
    /// The value by which the user wants clients told apart.
    pub(crate) named: Option<String>,
    /// The user of HTTP Basic authentication.
    pub(crate) user: Option<String>,
    /// The value of the `BAYEUX_BROWSER` cookie.
    pub(crate) browser: Option<String>,
    /// The copy of the conversation that it says it is in.
    pub(crate) copy: Option<Mark>,
    /// Everything that the recorded service may have known it by.
    pub(crate) shown: Vec<Credential>,
}

/// The session that a live client is tied to, and how firmly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Tie {
    pub(super) seat: usize,
    pub(super) hold: Hold,
}

/// How firmly a client is tied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hold {
    /// It named itself, or it shook hands here.
    Firm,
    /// It has a cookie or token of that session. A service gives those before it knows who the
    /// client is, so a login as somebody else moves the client.
    Loose,
}

/// Why a live client has no session.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NoSeat {
    #[error("there is no session {0:?}; the sessions are {1}")]
    Unknown(String, String),
    #[error("every session has its client already: {0}")]
    Full(String),
    #[error("{0} has its client already, and only that one hears its notifications")]
    Taken(String),
}

/// The recorded sessions and their live clients.
#[derive(Debug)]
pub(super) struct Cast {
    seats: Vec<Seat>,
    /// The seats by the names of their sessions.
    names: BTreeMap<String, usize>,
    /// The seats by the cookies that tie a browser to them.
    browsers: BTreeMap<String, usize>,
    /// How many seats nobody has held.
    vacancies: usize,
    users: BTreeMap<String, usize>,
    /// The sessions of clients that are told apart as the user wants.
    chosen: BTreeMap<String, usize>,
    /// The number of the copy of the conversation, from 0.
    copy: usize,
    clients: BTreeMap<ClientId, usize>,
    /// Credentials of one session whose live client has logged in as another.
    moved: BTreeMap<Credential, usize>,
    claims: Claims,
    /// The stand-ins of this copy, with what they are in the first.
    stand_ins: BTreeMap<String, String>,
}

#[derive(Debug)]
struct Seat {
    session: Session,
    browser: String,
    holder: Holder,
    handshakes: usize,
}

/// Who holds a session.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Holder {
    /// Nobody has, in this run.
    Nobody,
    /// Somebody called its operations, and nobody listens yet.
    Caller,
    /// A client listens.
    Client(ClientId, Role),
    /// A client did, and has gone.
    Gone,
}

/// A place that a client has just taken.
#[derive(Debug)]
pub(super) struct Taken {
    pub(super) client: ClientId,
    pub(super) seat: usize,
    /// The client that had it.
    pub(super) before: Option<ClientId>,
}

impl Cast {
    /// The sessions of this copy of the conversation.
    pub(super) fn new(sessions: &[Session], stand_ins: &[StandIn], copy: usize) -> Cast {
        let seats: Vec<Seat> = sessions
            .iter()
            .map(|session| Seat {
                session: session.clone(),
                browser: minted("browser", session, copy, 0),
                holder: Holder::Nobody,
                handshakes: 0,
            })
            .collect();
        let named = |(place, seat): (usize, &Seat)| (seat.session.name().to_owned(), place);
        let browsing = |(place, seat): (usize, &Seat)| (seat.browser.clone(), place);
        Cast {
            names: seats.iter().enumerate().map(named).collect(),
            browsers: seats.iter().enumerate().map(browsing).collect(),
            vacancies: seats.len(),
            seats,
            users: BTreeMap::new(),
            chosen: BTreeMap::new(),
            copy,
            clients: BTreeMap::new(),
            moved: BTreeMap::new(),
            claims: Claims::default(),
            stand_ins: stand_ins
                .iter()
                .map(|stand_in| (stand_in.text(copy), stand_in.text(0)))
                .collect(),
        }
    }

    /// The session that a client is tied to already; `None` where nothing ties it yet.
    pub(super) fn tied(&self, ties: &Ties, identity: &Identity) -> Result<Option<Tie>, NoSeat> {
        let identity = &*self.recognized(identity);
        let firm = |seat| Tie {
            seat,
            hold: Hold::Firm,
        };
        if let Some(name) = &identity.session {
            let unknown = || NoSeat::Unknown(name.clone(), self.all_names());
            return self.named(name).map(firm).ok_or_else(unknown).map(Some);
        }
        let by_choice = |client: &String| {
            let came = || self.chosen.get(client).copied();
            ties.named(client)
                .or_else(|| self.named(client))
                .or_else(came)
        };
        if let Some(seat) = identity.named.as_ref().and_then(by_choice) {
            return Ok(Some(firm(seat)));
        }
        let by_user = |user: &String| {
            let recorded = || ties.session_of(&[Credential::User(user.clone())]);
            let came = || self.users.get(user).copied();
            self.named(user).or_else(recorded).or_else(came)
        };
        let by_cookie = |cookie: &String| self.browsers.get(cookie).copied();
        let by_tape = || {
            let moved = identity
                .shown
                .iter()
                .find_map(|shown| self.moved.get(shown));
            let moved = moved.copied();
            moved
                .or_else(|| ties.session_of(&identity.shown))
                .or_else(|| self.claims.session_of(&identity.shown))
        };
        Ok(identity
            .user
            .as_ref()
            .and_then(by_user)
            .map(firm)
            .or_else(|| {
                by_tape().map(|seat| Tie {
                    seat,
                    hold: Hold::Loose,
                })
            })
            .or_else(|| identity.browser.as_ref().and_then(by_cookie).map(firm)))
    }

    /// Moves a client that is tied loosely to the session that it has logged in as.
    pub(super) fn relocate(&mut self, ties: &Ties, identity: &Identity, seat: usize) {
        let identity = self.recognized(identity).into_owned();
        self.claims.forget(&identity.shown);
        let telling = identity.shown.iter().filter(|shown| ties.knows(shown));
        self.moved
            .extend(telling.map(|shown| (shown.clone(), seat)));
    }

    /// Gives a client that shakes hands its session: the one it is tied to; else, of those that
    /// listened when they were recorded, the next that nobody has held, else the first whose client
    /// has gone.
    pub(super) fn take(
        &mut self,
        ties: &Ties,
        identity: &Identity,
        role: Role,
    ) -> Result<Taken, NoSeat> {
        let barred = self.barred(ties, identity);
        let free = |holder: fn(&Holder) -> bool| {
            let mut seats = self.seats.iter().enumerate();
            seats
                .find(|(place, seat)| {
                    ties.listens(*place) && holder(&seat.holder) && !barred.contains(place)
                })
                .map(|(place, _)| place)
        };
        let place = match self.tied(ties, identity)? {
            Some(tie) => tie.seat,
            None => free(|holder| matches!(holder, Holder::Nobody | Holder::Caller))
                .or_else(|| free(|holder| *holder == Holder::Gone))
                .ok_or_else(|| NoSeat::Full(self.all_names()))?,
        };
        let Some(seat) = self.seats.get_mut(place) else {
            return Err(NoSeat::Full(self.all_names()));
        };
        if role == Role::Spectator && matches!(seat.holder, Holder::Client(_, Role::Player)) {
            return Err(NoSeat::Taken(seat.session.to_string()));
        }
        // What the recorded handshake gave, so that what the client sends of it elsewhere is as
        // recorded.
        let recorded = ties
            .clients(place)
            .get(seat.handshakes)
            .filter(|_| self.copy == 0)
            .cloned()
            .map(|id| ClientId(id.into()));
        seat.handshakes += 1;
        let client = recorded
            .filter(|recorded| !self.clients.contains_key(recorded))
            .unwrap_or_else(|| {
                ClientId(minted("client", &seat.session, self.copy, seat.handshakes).into())
            });
        let before = match std::mem::replace(&mut seat.holder, Holder::Client(client.clone(), role))
        {
            Holder::Client(before, _) => Some(before),
            Holder::Nobody => {
                self.vacancies -= 1;
                None
            }
            Holder::Caller | Holder::Gone => None,
        };
        self.clients.insert(client.clone(), place);
        self.tie(ties, identity, place);
        Ok(Taken {
            client,
            seat: place,
            before,
        })
    }

    /// Notes that somebody has called an operation of this session.
    pub(super) fn called(&mut self, ties: &Ties, identity: &Identity, place: usize) {
        self.tie(ties, identity, place);
        if let Some(seat) = self.seats.get_mut(place)
            && seat.holder == Holder::Nobody
        {
            seat.holder = Holder::Caller;
            self.vacancies -= 1;
        }
    }

    /// Notes that a client is gone.
    pub(super) fn left(&mut self, client: &ClientId) {
        if let Some(place) = self.clients.remove(client)
            && let Some(seat) = self.seats.get_mut(place)
            && matches!(&seat.holder, Holder::Client(holder, _) if holder == client)
        {
            seat.holder = Holder::Gone;
        }
    }

    /// The session of a client that listens or did.
    pub(super) fn seat_of(&self, client: &ClientId) -> Option<usize> {
        self.clients.get(client).copied()
    }

    /// The client that listens for a session.
    pub(super) fn listener(&self, place: usize) -> Option<&ClientId> {
        match &self.seats.get(place)?.holder {
            Holder::Client(client, _) => Some(client),
            Holder::Nobody | Holder::Caller | Holder::Gone => None,
        }
    }

    /// Whether nobody has held this session in this run.
    pub(super) fn is_vacant(&self, place: usize) -> bool {
        self.seats
            .get(place)
            .is_some_and(|seat| seat.holder == Holder::Nobody)
    }

    /// Whether there is a session that nobody has held.
    pub(super) fn has_vacancy(&self) -> bool {
        self.vacancies > 0
    }

    /// Whether nobody listens for a session, or has.
    pub(super) fn is_open(&self, place: usize) -> bool {
        let open = |seat: &Seat| matches!(seat.holder, Holder::Nobody | Holder::Caller);
        self.seats.get(place).is_some_and(open)
    }

    /// Whether somebody listens for a session, or did.
    pub(super) fn has_been_heard(&self, place: usize) -> bool {
        let heard = |seat: &Seat| matches!(seat.holder, Holder::Client(..) | Holder::Gone);
        self.seats.get(place).is_some_and(heard)
    }

    /// Whether a request carries a cookie that no session has, and nothing else that ties it.
    pub(super) fn is_stranger(&self, ties: &Ties, identity: &Identity) -> bool {
        let identity = &*self.recognized(identity);
        let known = |cookie: &String| self.browsers.contains_key(cookie);
        let named = identity.session.is_some()
            || identity.named.is_some()
            || identity.user.is_some()
            || ties.session_of(&identity.shown).is_some();
        !named
            && identity
                .browser
                .as_ref()
                .is_some_and(|cookie| !known(cookie))
    }

    /// The cookie that ties a client to this session.
    pub(super) fn browser(&self, place: usize) -> Option<&str> {
        self.seats.get(place).map(|seat| seat.browser.as_str())
    }

    /// A client that the user wants told apart, and a Basic user who is no session's namesake, stay
    /// with the first session that they got.
    fn tie(&mut self, ties: &Ties, identity: &Identity, place: usize) {
        let identity = &*self.recognized(identity);
        self.claims.learn(ties, place, &identity.shown);
        if let (None, Some(client)) = (&identity.session, &identity.named) {
            self.chosen.entry(client.clone()).or_insert(place);
        }
        if let (None, Some(user)) = (&identity.session, &identity.user)
            && self.named(user).is_none()
        {
            self.users.entry(user.clone()).or_insert(place);
        }
    }

    /// The sessions that cannot be this client's, since theirs has shown other secrets; none where the
    /// client is tied to one.
    pub(super) fn barred(&self, ties: &Ties, identity: &Identity) -> BTreeSet<usize> {
        if !ties.has_brought() || !matches!(self.tied(ties, identity), Ok(None)) {
            return BTreeSet::new();
        }
        let seats = 0..self.seats.len();
        seats
            .filter(|seat| self.claims.bars(ties, *seat, &identity.shown))
            .collect()
    }

    fn named(&self, name: &str) -> Option<usize> {
        self.names.get(name).copied()
    }

    fn all_names(&self) -> String {
        let names: Vec<&str> = self.seats.iter().map(|seat| seat.session.name()).collect();
        names.join(", ")
    }
}

/// An identifier that is the same in every run: of what it is, whose, in which copy of the
/// conversation, and a number.
pub(super) fn minted(what: &str, session: &Session, copy: usize, number: usize) -> String {
    let digest = blake3::hash(format!("antiphon {what} {copy} {number} {session}").as_bytes());
    digest.to_hex().chars().take(MINTED_DIGITS).collect()
}
