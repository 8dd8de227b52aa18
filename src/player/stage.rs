//! One run, sans-I/O: live requests in, answers and effects out.
//!
//! It joins the cast, the run, the Bayeux server and the journal. Time is an argument.

mod alike;
mod answer;
mod choice;
mod fault;
mod handing;
mod heard;
pub(super) mod outlets;
pub(super) mod progress;
mod room;
mod secret;
mod streaming;
#[cfg(test)]
mod tests;
mod under_way;
mod veil;

use std::collections::BTreeSet;
use std::sync::Arc;

use bytes::Bytes;

use crate::bayeux::{self, Admission, ClientId, Effect, Exchange, Message};
use crate::exchange::{Micros, NotificationId, Session};
use crate::journal::Journal;

use super::cast::{Cast, Identity, Role, Taken};
use super::plan::Plan;
use super::run::{Absent, Run};
use super::settings::{Absence, Settings};
use super::values::Bound;
pub(crate) use answer::{Answer, Awaited};
use outlets::Outlets;
use under_way::UnderWay;
use veil::Veil;

/// What the caller must send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Send {
    pub(crate) exchange: Exchange,
    pub(crate) messages: Vec<Bytes>,
}

/// One run of a plan.
#[derive(Debug)]
pub(crate) struct Stage {
    plan: Arc<Plan>,
    settings: Settings,
    cast: Cast,
    run: Run,
    bayeux: bayeux::Server,
    journal: Journal,
    /// What live clients chose.
    bound: Bound,
    /// The same as it may be told: without the secrets in it.
    told: Bound,
    veil: Veil,
    /// The notification behind each event that was given to the Bayeux server.
    events: Vec<usize>,
    under_way: UnderWay,
    /// The streams that are open.
    outlets: Outlets,
    /// Notifications that go out again to a client that has not seen them.
    again: BTreeSet<usize>,
    /// How often each notification has reached a client.
    heard: Vec<usize>,
    /// The lane from which on what is due is still to be handed over, where it was much.
    rest: Option<usize>,
    quiet: Quiet,
    /// The operations that answered a request that is over, whose list the next takes.
    over: Vec<usize>,
}

/// How long nothing has happened: what tells that a session is absent.
#[derive(Debug)]
enum Quiet {
    /// No player listens, so nobody waits for anyone.
    Alone,
    /// Since then.
    Since(Micros),
    /// Long enough: who has not come is absent.
    Over,
}

impl Stage {
    /// A run of a plan: the copy of the conversation that has this number, from 0.
    pub(crate) fn new(plan: Arc<Plan>, settings: Settings, copy: usize) -> Stage {
        Stage {
            cast: Cast::new(&plan.sessions, &plan.stand_ins.given, copy),
            run: Run::new(&plan, settings.pace),
            bayeux: bayeux::Server::new(settings.bayeux),
            journal: Journal::keeping(settings.caps.journal),
            bound: plan.given(copy),
            told: plan.given(copy),
            veil: Veil::new(plan.secret_names()),
            events: Vec::new(),
            under_way: UnderWay::default(),
            outlets: Outlets::default(),
            again: BTreeSet::new(),
            heard: vec![0; plan.notifications.len()],
            rest: None,
            quiet: Quiet::Alone,
            over: Vec::new(),
            plan,
            settings,
        }
    }

    pub(crate) fn journal(&self) -> &Journal {
        &self.journal
    }

    pub(crate) fn plan(&self) -> &Plan {
        &self.plan
    }

    /// The session that a client is tied to already.
    pub(crate) fn session_of(&self, identity: &Identity) -> Option<&Session> {
        let tie = self.cast.tied(&self.plan.ties, identity).ok()??;
        self.plan.sessions.get(tie.seat)
    }

    /// How many polls are held.
    pub(crate) fn polls_held(&self) -> usize {
        self.bayeux.held()
    }

    /// How many sessions a client has, or had.
    pub(crate) fn claimed(&self) -> usize {
        let seats = 0..self.plan.sessions.len();
        seats.filter(|seat| !self.cast.is_vacant(*seat)).count()
    }

    /// Takes the messages of a request to the Bayeux endpoint. The cookie is one to be set.
    pub(crate) fn messages(
        &mut self,
        now: Micros,
        exchange: Exchange,
        identity: &Identity,
        role: Role,
        messages: &[Message],
    ) -> (Vec<Send>, Option<String>) {
        let mut taken: Vec<Taken> = Vec::new();
        let unknown = self
            .cast
            .is_stranger(&self.plan.ties, identity)
            .then(|| as_nobody(messages));
        let messages = unknown.as_deref().unwrap_or(messages);
        let (published, verdict) = self.published(now, identity, messages);
        let (cast, ties) = (&mut self.cast, &self.plan.ties);
        let mut admit = || match cast.take(ties, identity, role) {
            Ok(seat) => {
                let client = seat.client.clone();
                taken.push(seat);
                Admission::Granted(client)
            }
            Err(reason) => Admission::Refused(reason.to_string()),
        };
        let effects = self
            .bayeux
            .receive(now, exchange, messages, &verdict, &mut admit);
        let mut sends = self.carry_out(now, effects);
        if let Some(operation) = published {
            self.run.answer(now, &self.plan, operation);
        }
        let mut cookie = None;
        for Taken { seat, before, .. } in taken {
            self.run.begin(now, seat);
            if role == Role::Player && !matches!(self.quiet, Quiet::Over) {
                self.quiet = Quiet::Since(now);
            }
            if let Some(before) = before {
                let effects = self.bayeux.take_over(&before);
                sends.extend(self.carry_out(now, effects));
            }
            let minted = self.cast.browser(seat).map(str::to_owned);
            cookie = minted.filter(|minted| identity.browser.as_ref() != Some(minted));
        }
        sends.extend(self.advance(now));
        (sends, cookie)
    }

    /// The connection of a held poll is gone.
    pub(crate) fn cancel(&mut self, now: Micros, exchange: Exchange) {
        self.bayeux.cancel(now, exchange);
    }

    /// Does what time alone makes due.
    pub(crate) fn tick(&mut self, now: Micros) -> Vec<Send> {
        let effects = self.bayeux.tick(now);
        let mut sends = self.carry_out(now, effects);
        if let (Quiet::Since(since), Absence::After(wait)) = (&self.quiet, self.settings.absence)
            && since.after(wait) <= now
        {
            self.quiet = Quiet::Over;
            for (place, session) in self.plan.sessions.iter().enumerate() {
                if self.cast.is_vacant(place) {
                    tracing::info!("{session} has not come: its operations happen by themselves");
                    self.run.begin(now, place);
                }
            }
        }
        sends.extend(self.advance(now));
        sends
    }

    /// When [`Stage::tick`] next has something to do.
    pub(crate) fn deadline(&self) -> Option<Micros> {
        if self.is_unfinished() {
            return Some(Micros::default());
        }
        let quiet = match (&self.quiet, self.settings.absence) {
            (Quiet::Since(since), Absence::After(wait)) if self.cast.has_vacancy() => {
                Some(since.after(wait))
            }
            _ => None,
        };
        [self.bayeux.deadline(), self.run.next_due(), quiet]
            .into_iter()
            .flatten()
            .min()
    }

    /// Answers every held poll.
    pub(crate) fn release_all(&mut self, now: Micros) -> Vec<Send> {
        let effects = self.bayeux.release_all(now);
        self.carry_out(now, effects)
    }

    /// Works out what follows from what has happened.
    fn settle(&mut self, now: Micros) {
        let cast = &self.cast;
        let vacant = |session| cast.is_vacant(session);
        let absent = match self.quiet {
            Quiet::Over if cast.has_vacancy() => Absent::Those(&vacant),
            Quiet::Over | Quiet::Since(_) | Quiet::Alone => Absent::Nobody,
        };
        for operation in self.run.settle(now, &self.plan, absent) {
            if let Some(planned) = self.plan.operations.get(operation) {
                let (session, id) = (self.name(planned.session()), planned.id);
                tracing::info!(
                    "operation {id} of {session}, who is absent, has happened by itself"
                );
            }
        }
    }

    /// Releases the next notifications, in recorded order, at the pace of steps: at most so many, and
    /// which they are.
    pub(crate) fn step(&mut self, now: Micros, count: usize) -> (Vec<Send>, Vec<NotificationId>) {
        let mut released = Vec::new();
        let mut sends = self.advance(now);
        while released.len() < count {
            let due = |place: &usize| self.run.due(now, *place);
            let open =
                std::iter::successors(self.run.open_from(0), |place| self.run.open_from(place + 1));
            let mut lanes: Vec<usize> = open.filter(|place| due(place).is_some()).collect();
            lanes.sort_by_key(due);
            let handed = lanes
                .into_iter()
                .find_map(|place| self.hand_over(now, place));
            let Some(notification) = handed else {
                break;
            };
            let due = self.plan.notifications.get(notification);
            released.extend(due.map(|due| due.notification.id));
            sends.extend(self.advance(now));
        }
        (sends, released)
    }

    /// Notes what the Bayeux server says has happened, and collects what it wants sent.
    fn carry_out(&mut self, now: Micros, effects: Vec<Effect>) -> Vec<Send> {
        let mut sends = Vec::new();
        for effect in effects {
            match effect {
                Effect::Reply { exchange, messages } => sends.push(Send { exchange, messages }),
                Effect::Delivered { token, client } => self.delivered(now, token, &client),
                Effect::Left {
                    client,
                    undelivered,
                } => {
                    for token in undelivered.into_iter().rev() {
                        if let Some(&notification) = self.events.get(token) {
                            self.put_back(now, notification);
                        }
                    }
                    self.cast.left(&client);
                }
                // What it hears now is looked at with everything else that may be due.
                Effect::Subscribed { .. } => {}
            }
        }
        sends
    }

    fn delivered(&mut self, now: Micros, token: usize, client: &ClientId) {
        if let (Some(&place), Some(seat)) = (self.events.get(token), self.cast.seat_of(client)) {
            self.heard_by(now, place, seat);
        }
    }

    fn name(&self, seat: usize) -> &str {
        self.plan.sessions.get(seat).map_or("", Session::name)
    }
}

/// The same messages by nobody that the server knows: it found their sender by identifier and cookie.
fn as_nobody(messages: &[Message]) -> Vec<Message> {
    let nobody = |message: &Message| Message {
        client_id: None,
        ..message.clone()
    };
    messages.iter().map(nobody).collect()
}
