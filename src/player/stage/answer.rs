//! Answers live operations: with what is recorded, or a refusal; and notes what was done.

use std::sync::Arc;

use http::HeaderMap;

use crate::bayeux::{ClientId, Message, Verdict};
use crate::exchange::{End, Micros, Request, Response, Session, Stream, coding};
use crate::journal::{self, Answered, Miss, Part, Remark};

use super::super::cast::Identity;
use super::super::fields;
use super::super::plan::{Content, Planned, Recorded, Times};
use super::super::publish;
use super::super::refusal::{Kind, Refusal};
use super::super::settings::{Misses, OnExhausted};
use super::alike::{Change, License};
use super::choice::{Choice, How};
use super::outlets::OutletId;
use super::secret::Live;
use super::{Quiet, Send, Stage};

/// How many characters of a value a remark shows.
const MAX_SHOWN: usize = 60;

/// The answer to an operation.
#[derive(Clone, Debug)]
pub(crate) enum Answer {
    /// A recorded response. The caller says [`Stage::answered`] when it is out.
    Recorded {
        operation: usize,
        said: Said,
        awaited: Awaited,
        /// How long to wait with it.
        delay: Micros,
        /// The stream that it opens.
        outlet: Option<(OutletId, Stream)>,
    },
    /// No recorded response is for it.
    Refused(Refusal),
}

/// How a recorded response is said again.
#[derive(Clone, Debug)]
pub(crate) enum Said {
    /// As it was recorded in this operation.
    AsRecorded(Arc<Recorded>),
    /// With what live clients chose in it.
    Live(Response),
}

/// Whether anything waits until an answer is out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Awaited {
    /// Something may.
    Yes,
    /// Nothing is released by it, so that nobody need hear of it.
    No,
}

impl Answer {
    /// The operation that answers, whether anything waits until that is out, and the response; `None`
    /// for a refusal.
    pub(crate) fn recorded(&self) -> Option<(usize, Awaited, &Response)> {
        let Answer::Recorded {
            operation,
            said,
            awaited,
            ..
        } = self
        else {
            return None;
        };
        let response = match said {
            Said::Live(response) => response,
            Said::AsRecorded(recorded) => &recorded.operation().response,
        };
        Some((*operation, *awaited, response))
    }

    /// Whether the content of the response is coded.
    pub(crate) fn is_coded(&self) -> bool {
        match self {
            Answer::Recorded { said, .. } => match said {
                Said::Live(response) => coding::is_coded(&response.headers),
                Said::AsRecorded(recorded) => recorded.sent().content == Content::Coded,
            },
            Answer::Refused(_) => false,
        }
    }

    /// The fields of the response as they are sent, in a map whose own are needed no more; none for a refusal.
    pub(crate) fn fields(&self, map: HeaderMap) -> HeaderMap {
        match self {
            Answer::Recorded { said, .. } => match said {
                Said::Live(response) => fields::sendable(&response.headers),
                Said::AsRecorded(recorded) => fields::sent_again(map, &recorded.sent().fields),
            },
            Answer::Refused(_) => HeaderMap::new(),
        }
    }
}

impl Stage {
    /// Answers a live operation.
    pub(crate) fn operation(
        &mut self,
        now: Micros,
        identity: &Identity,
        live: &Request,
    ) -> (Answer, Vec<Send>) {
        match self.play(now, identity, live) {
            Ok(answer) => (answer, self.advance(now)),
            Err(refusal) => {
                if self.settings.misses == Misses::Forwarded && refusal.kind.is_miss() {
                    let told = self.veil.request(live);
                    self.journal.forwarded(miss(&told, refusal.message.clone()));
                } else {
                    self.missed(live, refusal.message.clone());
                }
                (Answer::Refused(refusal), self.end_if_changed(now))
            }
        }
    }

    /// The same for a request that is granted also where the tape has none like it: that is no miss.
    pub(crate) fn offered(
        &mut self,
        now: Micros,
        identity: &Identity,
        live: &Request,
    ) -> (Option<Answer>, Vec<Send>) {
        match self.play(now, identity, live) {
            Ok(answer) => (Some(answer), self.advance(now)),
            Err(_) => (None, Vec::new()),
        }
    }

    /// Notes that the answer to an operation is out.
    pub(crate) fn answered(&mut self, now: Micros, operation: usize) -> Vec<Send> {
        self.run.answer(now, &self.plan, operation);
        self.advance(now)
    }

    /// Takes what messages publish as an operation: which it is, and what to answer.
    pub(super) fn published(
        &mut self,
        now: Micros,
        identity: &Identity,
        messages: &[Message],
    ) -> (Option<usize>, Verdict) {
        let by = |message: &Message| Some(ClientId(message.client_id.as_deref()?.into()));
        let request = publish::of(messages);
        let mut publisher = messages.iter().filter(|message| !message.is_meta());
        let client = publisher.find_map(by);
        let (Some(live), Some(client)) = (request, client) else {
            return (None, Verdict::Taken);
        };
        let Some(seat) = self
            .cast
            .seat_of(&client)
            .filter(|_| self.bayeux.knows(&client))
        else {
            // The server answers that it does not know the client.
            return (None, Verdict::Taken);
        };
        let identity = Identity {
            session: Some(self.name(seat).to_owned()),
            ..identity.clone()
        };
        match self.play(now, &identity, &live) {
            Ok(answer) => {
                let Some((operation, _, response)) = answer.recorded() else {
                    return (None, Verdict::Taken);
                };
                let recorded = self.plan.recorded(operation);
                let places = recorded.as_ref().map(|recorded| &recorded.replies[..]);
                let replies = publish::at(response, places.unwrap_or_default());
                (Some(operation), Verdict::Recorded(replies))
            }
            Err(refusal) => {
                self.missed(&live, refusal.message.clone());
                (None, Verdict::Refused(refusal.message))
            }
        }
    }

    /// Plays the operation that answers a live request, if one does.
    pub(super) fn play(
        &mut self,
        now: Micros,
        identity: &Identity,
        request: &Request,
    ) -> Result<Answer, Refusal> {
        let live = self.look_at(identity, request);
        let choice = self.choose(identity, &live)?;
        self.serve(now, identity, &live, choice)
    }

    fn serve(
        &mut self,
        now: Micros,
        identity: &Identity,
        live: &Live<'_>,
        Choice {
            operation: place,
            how,
            changes,
        }: Choice,
    ) -> Result<Answer, Refusal> {
        let gone = || Refusal::plain(Kind::Miss, format!("operation {place} is not planned"));
        let plan = Arc::clone(&self.plan);
        let planned = plan.operations.get(place).ok_or_else(gone)?;
        let kept = live.found(place).or_else(|| plan.recorded(place));
        let kept = kept.ok_or_else(|| self.changed())?;
        let recorded = kept.operation();
        if recorded.end == End::Truncated || recorded.response.body.cut().is_some() {
            let id = recorded.id;
            let message =
                format!("operation {id}: the tape has only the beginning of its response");
            return Err(Refusal::plain(Kind::Cut, message));
        }
        if self.run.served(place) > 0 && self.settings.on_exhausted == OnExhausted::Loop {
            self.run.release_again(now, &plan, place);
        }
        self.remark(planned, how);
        self.learn_secrets(place, planned, live);
        self.accept(planned, changes);
        let live = live.request;
        self.accept_headers(place, planned, &kept, live);
        self.run.receive(now, &plan, place);
        let awaited = if plan.releases.contains_key(&place) {
            Awaited::Yes
        } else {
            self.run.answer(now, &plan, place);
            Awaited::No
        };
        self.cast.called(&plan.ties, identity, planned.session());
        if let Quiet::Since(since) = &mut self.quiet {
            *since = now;
        }
        let entry = Answered {
            operation: recorded.id,
            method: journal::method(&live.method),
            target: kept.target(&self.told_target(place, live)),
            status: recorded.response.status,
            part: match planned.times {
                Times::Any | Times::Stream => Part::Read,
                Times::Exactly | Times::AtLeast => Part::Step,
            },
        };
        self.journal
            .answered(&recorded.session, entry, || kept.identity());
        let delay = self
            .settings
            .pace
            .real(recorded.answered.since(recorded.at));
        let outlet = self.opens(now, place, live);
        let changed = plan.response(place, &recorded.response, &self.bound);
        Ok(Answer::Recorded {
            operation: place,
            outlet,
            said: changed.map_or(Said::AsRecorded(kept), Said::Live),
            awaited,
            delay,
        })
    }

    /// Notes what is unusual about an operation that is about to be answered.
    fn remark(&mut self, planned: &Planned, how: How) {
        let remark = |what: &'static str| Remark {
            session: self.session(planned),
            operation: planned.id,
            what: what.into(),
        };
        match (how, planned.times) {
            (How::Next, _) | (How::Again, Times::Any | Times::Stream) => {}
            (How::Again, Times::Exactly | Times::AtLeast) => {
                self.journal.repeated(remark("came again"));
            }
            (How::Early, _) => self.journal.tolerated(remark(
                "was read before a change that stands before it on the tape",
            )),
        }
    }

    /// Takes the differences from the recorded request: binds what the client chose, and notes the
    /// rest.
    fn accept(&mut self, planned: &Planned, changes: Vec<Change>) {
        for change in changes {
            let Change {
                place,
                recorded,
                live,
                license,
            } = change;
            let told = self.veil.text(&live);
            let differs = |why: &str| {
                let what = format!(
                    "had {} instead of {} in {place}{why}",
                    cut(&told),
                    cut(&recorded)
                );
                Remark {
                    session: self.session(planned),
                    operation: planned.id,
                    what: what.into(),
                }
            };
            match license {
                License::Chosen(choice) => {
                    if self.bound.get(choice) != Some(live.as_str()) {
                        self.journal.chose(differs(""));
                        self.bound.bind(choice, live);
                        self.told.bind(choice, told);
                    }
                }
                License::Varies => {
                    self.journal
                        .tolerated(differs(", which differs each time on the tape"));
                }
                License::Ruled => self.journal.tolerated(differs(", by rule")),
                License::Lenient => self.journal.tolerated(differs(", and is never seen again")),
            }
        }
    }

    /// Binds the values that the client chose in header fields, which are not compared.
    fn accept_headers(
        &mut self,
        place: usize,
        planned: &Planned,
        recorded: &Recorded,
        live: &Request,
    ) {
        let mut changes = Vec::new();
        let choices = self.plan.header_choices(place, recorded, &live.headers);
        for (choice, name, recorded) in choices {
            let value = live.headers.get(name).map(String::from_utf8_lossy);
            if let Some(value) = value.filter(|value| value != recorded) {
                changes.push(Change {
                    place: format!("header {name}"),
                    recorded: recorded.to_owned(),
                    live: value.into_owned(),
                    license: License::Chosen(choice),
                });
            }
        }
        self.accept(planned, changes);
    }

    /// Whose an operation is.
    pub(super) fn session(&self, planned: &Planned) -> Session {
        let session = self.plan.sessions.get(planned.session());
        session.map_or_else(|| Session::new(""), Session::clone)
    }

    pub(super) fn missed(&mut self, live: &Request, reason: String) {
        let told = self.veil.request(live);
        tracing::warn!("{reason}");
        self.journal.missed(miss(&told, reason));
    }
}

fn miss(live: &Request, reason: String) -> Miss {
    let (method, target) = (live.method.clone(), live.target.clone());
    Miss {
        method,
        target,
        reason,
    }
}

/// A value as a remark shows it: in quotes, and a long one by its beginning.
fn cut(value: &str) -> String {
    let shown: String = value.chars().take(MAX_SHOWN).collect();
    let more = if shown.len() < value.len() { "…" } else { "" };
    format!("{shown:?}{more}")
}
