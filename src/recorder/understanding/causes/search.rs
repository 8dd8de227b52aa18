//! The search for a cause in what was learned.
//!
//! It only looks; learning is the business of [`Causes`].

use crate::exchange::{CauseBy, Micros, OperationId};

use crate::recorder::understanding::clients::Who;
use crate::recorder::understanding::content::Part;
use crate::recorder::understanding::identifier::{self, Shape, Token};

use super::known::{How, Known, Weight};
use super::said::Fit;
use super::{Called, Causes, Effect, Outcome, Progress, SETTLED, reference};

/// How many characters of a text tell people which one it is.
const MAX_SHOWN: usize = 64;

/// A cause with the identifier that tells it.
type Found = (OperationId, String);

/// A notification whose cause is looked for.
#[derive(Clone, Copy)]
struct Message<'a> {
    to: Who,
    channel: &'a str,
    parts: &'a [Part<'a>],
}

impl Causes {
    /// The latest operation with the same reference. References are often counted by each client
    /// for itself: another client's operation must have a minted one, or share an identifier too.
    pub(super) fn by_reference(
        &self,
        to: Who,
        parts: &[Part<'_>],
        tokens: &[Token],
    ) -> Option<Found> {
        let mut others = None;
        for reference in parts.iter().filter_map(reference) {
            let referred = self.references.get(&reference).into_iter().flatten();
            for (operation, who) in referred.rev() {
                let found = Some((*operation, reference.1.clone()));
                if *who == to {
                    return found;
                }
                let shares = |token: &Token| {
                    let known = self.tokens.get(&token.text);
                    known.is_some_and(|it| it.touched().any(|it| it.operation == *operation))
                };
                if identifier::is_minted(&reference.1) || tokens.iter().any(shares) {
                    others = others.or(found);
                }
            }
        }
        others
    }

    pub(super) fn by_identifier(
        &self,
        at: Micros,
        to: Who,
        name: Option<&str>,
        channel: &str,
        parts: &[Part<'_>],
        tokens: &[Token],
    ) -> Option<(OperationId, CauseBy)> {
        let (subjects, others): (Vec<&Token>, Vec<&Token>) = tokens
            .iter()
            .partition(|token| self.is_subject(channel, token));
        let message = Message { to, channel, parts };
        let mut shared = self.latest_sharing(&subjects, Weight::Much, message);
        if shared.is_none() && subjects.is_empty() {
            shared = self.latest_sharing(&others, Weight::Much, message);
            shared = shared.or_else(|| self.latest_sharing(&others, Weight::Some, message));
        }
        if let Some((operation, value)) = shared {
            return Some((operation, CauseBy::Identifier(value)));
        }
        let shared = self.latest_sharing(&others, Weight::Much, message);
        // What it is about is new, or it is about nothing in particular: whoever did something last
        // that has to do with it, be it that only the client is the same.
        let own = self.latest_of(to);
        let asked = self.asking(tokens, name);
        if let Some((operation, value)) = self.making(to, channel, tokens, &asked) {
            let by = if Some(operation) == own {
                CauseBy::Session
            } else {
                CauseBy::Identifier(value)
            };
            return Some((operation, by));
        }
        let asked = asked.into_iter().max().max(shared);
        match asked {
            Some((operation, value)) if own.is_none_or(|own| operation >= own) => {
                Some((operation, CauseBy::Identifier(value)))
            }
            _ => {
                let echoed = self.echoed(at, message).filter(|(it, _)| Some(*it) != own);
                if let Some((operation, value)) = echoed {
                    return Some((operation, CauseBy::Identifier(value)));
                }
                let own = own.filter(|own| !self.has_settled(at, to, *own, &subjects));
                own.map(|own| (own, CauseBy::Session))
            }
        }
    }

    /// The latest operation, under way or just answered, that was the first to say what the notification
    /// says again to somebody who has not heard it: as a chat without identifiers passes on a text.
    fn echoed(&self, at: Micros, message: Message<'_>) -> Option<Found> {
        let mut current = self.newest().filter(|(_, called)| {
            called.effect == Effect::Changes
                && called.outcome == Outcome::Fine
                && match called.progress {
                    Progress::UnderWay => true,
                    Progress::Answered(then) => at.since(then) <= SETTLED,
                }
        });
        let (operation, called) = current.find(|(it, _)| self.repeats(*it, message))?;
        let text = &called.said.echo(message.parts)?.text;
        Some((operation, text.chars().take(MAX_SHOWN).collect()))
    }

    /// Whether a notification about something that nobody has named comes too late to be an
    /// operation's: its client has heard of it, and some time has passed.
    fn has_settled(&self, at: Micros, to: Who, own: OperationId, subjects: &[&Token]) -> bool {
        let news = |token: &&Token| token.shape == Shape::Minted && self.is_new(token);
        let called = self.operations.get(&own);
        subjects.iter().any(news)
            && called.is_some_and(|called| match called.progress {
                Progress::UnderWay => false,
                Progress::Answered(then) => called.told.contains(&to) && at.since(then) > SETTLED,
            })
    }

    /// The latest operation that shares an identifier of this weight. Where the notification
    /// repeats what an earlier one was the first to say, or has that one's fields and not the
    /// latest's, it is that one. Of the identifiers the rarest is named.
    fn latest_sharing(
        &self,
        tokens: &[&Token],
        weight: Weight,
        message: Message<'_>,
    ) -> Option<Found> {
        let mut shared: Vec<(OperationId, u64, &str)> = Vec::new();
        for token in tokens {
            let known = self.tokens.get(&token.text);
            let Some(known) = known.filter(|it| it.weight(token) == weight) else {
                continue;
            };
            for touch in known.touched().filter(|it| self.counts(it.operation)) {
                shared.push((touch.operation, known.seen, &token.text));
            }
        }
        let operations = || shared.iter().map(|(operation, ..)| *operation);
        let latest = operations().max()?;
        let echoing = || operations().filter(|it| self.repeats(*it, message)).max();
        let fitting = || {
            let fits = |it: &OperationId| self.fit(*it, message) == Fit::Agrees;
            let differs = self.fit(latest, message) == Fit::Differs;
            operations().filter(fits).max().filter(|_| differs)
        };
        let chosen = if self.repeats(latest, message) {
            latest
        } else {
            echoing().or_else(fitting).unwrap_or(latest)
        };
        let telling = shared.iter().filter(|(operation, ..)| *operation == chosen);
        let (_, _, value) = telling.min_by_key(|(_, seen, _)| *seen)?;
        Some((chosen, (*value).to_owned()))
    }

    fn fit(&self, operation: OperationId, message: Message<'_>) -> Fit {
        let called = self.operations.get(&operation);
        called.map_or(Fit::Apart, |called| called.said.fit(message.parts))
    }

    /// The operations whose requests name something that the notification names too, though it
    /// says little by itself; or its receiver, if it brings something new.
    fn asking(&self, tokens: &[Token], name: Option<&str>) -> Vec<Found> {
        let brings = tokens.iter().any(|token| self.is_new(token));
        let texts = tokens.iter().map(|token| token.text.as_str());
        let mut found = Vec::new();
        for text in texts.chain(name.filter(|_| brings)) {
            let known = self.tokens.get(text);
            let asked = known.into_iter().flat_map(Known::touched).filter(|touch| {
                touch.how == How::Asked
                    && self.counts(touch.operation)
                    && !self.logs_in(touch.operation)
            });
            found.extend(asked.map(|touch| (touch.operation, text.to_owned())));
        }
        found
    }

    /// The operation that seems to have made what the notification is the first to tell of: its
    /// path ends with the collection of such things, and it is under way, or it is the last that
    /// its client did and has made nothing yet. One that names what the notification names comes
    /// first, then one by the receiver.
    fn making(&self, to: Who, channel: &str, tokens: &[Token], asked: &[Found]) -> Option<Found> {
        let fresh: Vec<&Token> = tokens.iter().filter(|token| self.is_new(token)).collect();
        let first = fresh.first()?;
        let inside = fresh
            .iter()
            .flat_map(|token| identifier::kinds(&token.place));
        let inside: Vec<String> = inside.collect();
        let around = identifier::ending(channel);
        let may = |operation: OperationId, called: &Called| match called.progress {
            Progress::UnderWay => !called.made_for.contains(&to),
            Progress::Answered(_) => {
                called.made_for.is_empty() && self.latest_of(called.who) == Some(operation)
            }
        };
        let makers = self.newest().filter(|(operation, called)| {
            called.effect == Effect::Changes
                && called.outcome == Outcome::Fine
                && may(*operation, called)
        });
        let made = makers.filter_map(|(operation, called)| {
            let kind = called.makes.as_ref()?;
            let close = if inside.contains(kind) {
                2
            } else if first.shape == Shape::Minted && around.as_ref() == Some(kind) {
                1
            } else {
                return None;
            };
            let named = asked.iter().find(|(asked, _)| *asked == operation);
            let value = named.map_or(kind, |(_, value)| value);
            Some(((close, named.is_some(), called.who == to, operation), value))
        });
        let ((.., operation), value) = made.max()?;
        Some((operation, value.clone()))
    }

    /// The newest operations, those that came last first.
    fn newest(&self) -> impl Iterator<Item = (OperationId, &Called)> {
        let newest = self.newest.iter().rev();
        newest.filter_map(|operation| Some((*operation, self.operations.get(operation)?)))
    }

    fn is_new(&self, token: &Token) -> bool {
        self.tokens.get(&token.text).is_none()
    }

    fn latest_of(&self, who: Who) -> Option<OperationId> {
        let latest = self.latest.get(&who)?.iter().rev();
        latest.copied().find(|operation| self.counts(*operation))
    }

    fn is_subject(&self, channel: &str, token: &Token) -> bool {
        let place = (channel.to_owned(), token.place.clone());
        self.subjects.get(&place).is_some()
            && (self.tokens.get(&token.text))
                .is_none_or(|known| known.weight(token) == Weight::Much)
    }

    /// Whether the operation may have caused anything. One that was forgotten long ago may.
    fn counts(&self, operation: OperationId) -> bool {
        let called = self.operations.get(&operation);
        called.is_none_or(|called| called.outcome == Outcome::Fine)
    }

    fn logs_in(&self, operation: OperationId) -> bool {
        let called = self.operations.get(&operation);
        called.is_some_and(|called| called.effect == Effect::LogsIn)
    }

    fn repeats(&self, operation: OperationId, message: Message<'_>) -> bool {
        let Message { to, channel, parts } = message;
        self.operations.get(&operation).is_some_and(|called| {
            called.said.is_echoed_by(parts) && !called.heard.contains(&(to, channel.to_owned()))
        })
    }
}
