//! The streams of a tape as their clients took them: one after the other where a client came back, and
//! what passed without reaching it.
//!
//! Streams that follow each other are one strand. What a replay makes of that is not known here.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::exchange::{
    Body, Carrier, LAST_EVENT, Micros, Notification, NotificationId, Operation, OperationId,
    ServerSent, What,
};
use crate::tape::Event;

/// The strands of one tape.
#[derive(Debug, Default)]
pub(super) struct Strands {
    of: BTreeMap<OperationId, Strand>,
    unheard: BTreeSet<NotificationId>,
}

/// Where the stream belongs that an operation opens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Strand {
    /// The operation that opened its first stream.
    pub(super) first: OperationId,
    /// The operation whose stream this one goes on with: its client said what it had seen last there.
    pub(super) resumes: Option<OperationId>,
    /// Which strand of its session it is, from 1.
    pub(super) number: usize,
}

/// Tells the data of a notification; `None` where its tape was changed.
type DataOf<'a> = &'a dyn Fn(&Notification) -> Option<Body>;

/// A strand in the making.
struct Draft<'a> {
    first: &'a Operation,
    number: usize,
    last: OperationId,
    /// What came on it so far.
    heard: Vec<&'a Notification>,
}

impl Strands {
    /// The strands of the streams that these operations opened, of a tape with these other events. The data of
    /// its notifications is told where it is asked for.
    pub(super) fn of(
        openings: &[Arc<Operation>],
        events: &[(usize, Event)],
        data: DataOf<'_>,
    ) -> Strands {
        let mut closed: BTreeMap<OperationId, Micros> = BTreeMap::new();
        let mut heard: BTreeMap<OperationId, Vec<&Notification>> = BTreeMap::new();
        for (_, event) in events {
            match event {
                Event::Fact(fact) => {
                    if let What::Closed(end) = &fact.what {
                        closed.insert(end.stream, fact.at);
                    }
                }
                Event::Notification(notification) => {
                    if let Some(stream) = notification.carrier.stream() {
                        heard.entry(stream).or_default().push(notification);
                    }
                }
                Event::Contract(_) | Event::Operation(_) | Event::Gap(_) => {}
            }
        }
        let mut openings: Vec<&Operation> = openings.iter().map(AsRef::as_ref).collect();
        openings.sort_by_key(|operation| operation.at);
        let mut strands = Strands::default();
        let mut drafts: Vec<Draft> = Vec::new();
        for opening in openings {
            let come = heard.remove(&opening.id).unwrap_or_default();
            strands.add(&mut drafts, (&closed, data), opening, come);
        }
        strands
    }

    /// The strand of the stream that this operation opened, if it opened one.
    pub(super) fn get(&self, operation: OperationId) -> Option<Strand> {
        self.of.get(&operation).copied()
    }

    /// Whether a notification was sent and never reached its client, which then got it again.
    pub(super) fn is_unheard(&self, notification: NotificationId) -> bool {
        self.unheard.contains(&notification)
    }

    /// Adds a stream, on which this came.
    fn add<'a>(
        &mut self,
        drafts: &mut Vec<Draft<'a>>,
        (closed, data): (&BTreeMap<OperationId, Micros>, DataOf<'_>),
        opening: &'a Operation,
        come: Vec<&'a Notification>,
    ) {
        let seen = opening.request.headers.get(LAST_EVENT);
        let seen = seen.map(String::from_utf8_lossy);
        let ended = |draft: &Draft| closed.get(&draft.last).copied();
        let fits = |draft: &&mut Draft| follows(draft.first, opening);
        // The end of a lost stream may be noticed when its client has come back already.
        let resumed = drafts.iter_mut().filter(fits).filter(|draft| {
            let seen = seen.as_deref();
            seen.is_some_and(|seen| draft.heard.iter().any(|event| is_named(event, seen)))
        });
        let resumed = resumed.min_by_key(|draft| ended(draft).unwrap_or(Micros(u64::MAX)));
        let draft = match resumed {
            Some(draft) => Some(draft),
            None => drafts
                .iter_mut()
                .filter(fits)
                .find(|draft| ended(draft).is_some_and(|at| at <= opening.at)),
        };
        let Some(draft) = draft else {
            let of_session = |draft: &&Draft| draft.first.session == opening.session;
            let draft = Draft {
                first: opening,
                number: drafts.iter().filter(of_session).count() + 1,
                last: opening.id,
                heard: come,
            };
            self.of.insert(opening.id, draft.strand(None));
            drafts.push(draft);
            return;
        };
        let resumes = seen.as_ref().map(|_| draft.last);
        self.of.insert(opening.id, draft.strand(resumes));
        if let Some(seen) = seen.as_deref() {
            self.unheard.extend(again(&draft.heard, seen, &come, data));
        }
        draft.last = opening.id;
        draft.heard.extend(come);
    }
}

impl Draft<'_> {
    fn strand(&self, resumes: Option<OperationId>) -> Strand {
        Strand {
            first: self.first.id,
            resumes,
            number: self.number,
        }
    }
}

/// Whether a stream is of the kind of another, at the same path.
fn follows(first: &Operation, other: &Operation) -> bool {
    let path = |operation: &Operation| {
        let target = &operation.request.target;
        target.split('?').next().unwrap_or_default().to_owned()
    };
    first.session == other.session && first.form == other.form && path(first) == path(other)
}

/// Of what a client was sent, that which it had not seen, by its own word, and got again.
fn again<'a>(
    sent: &'a [&Notification],
    seen: &str,
    come: &'a [&Notification],
    data: DataOf<'a>,
) -> impl Iterator<Item = NotificationId> + 'a {
    let last = sent.iter().rposition(|event| is_named(event, seen));
    let unseen = last.map_or(&[][..], |last| sent.get(last + 1..).unwrap_or_default());
    let comes_again = |event: &&&Notification| come.iter().any(|other| is_same(event, other, data));
    unseen.iter().filter(comes_again).map(|event| event.id)
}

fn is_named(notification: &Notification, id: &str) -> bool {
    event(notification).is_some_and(|event| event.id.as_deref() == Some(id))
}

/// Whether two notifications are one event with an identifier.
fn is_same(one: &Notification, other: &Notification, data: DataOf<'_>) -> bool {
    let (Some(first), Some(second)) = (event(one), event(other)) else {
        return false;
    };
    first.id.is_some()
        && (&first.id, &first.event) == (&second.id, &second.event)
        && data(one) == data(other)
}

fn event(notification: &Notification) -> Option<&ServerSent> {
    match &notification.carrier {
        Carrier::Event(event) => Some(event),
        Carrier::Line(_) | Carrier::Message(_) | Carrier::Bayeux => None,
    }
}
