//! Where choices come again, message by message. Most messages of a tape have something that came before, and
//! many the same at the same places, so they are kept in little room and made larger for whoever asks.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::ops::Range;

use super::super::plan::{narrow, wide};
use super::places::Spans;
use crate::matcher::Spelling;

/// Among how many messages one is looked for that has the same echoes: who says the same over and over, says it
/// soon again.
const MAX_RECENT: usize = 1024;

/// A place at which a choice comes again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Echo {
    pub(super) range: Range<usize>,
    pub(super) choice: usize,
    pub(super) spelling: Spelling,
}

/// The echoes in one message.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Message {
    pub(super) target: Vec<Echo>,
    /// By the number of the header field.
    pub(super) headers: Vec<(usize, Vec<Echo>)>,
    pub(super) body: Vec<Echo>,
    /// By the number of the trailer field.
    pub(super) trailers: Vec<(usize, Vec<Echo>)>,
}

/// The echoes in all messages of a kind.
#[derive(Debug, Default)]
pub(super) struct Echoes {
    kept: Vec<Kept>,
    messages: Spans,
    /// Some of those that were noted last, by what tells them apart.
    recent: Vec<Range<usize>>,
}

/// An echo as it is kept. What is searched is far shorter than these numbers can tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Kept {
    start: u32,
    length: u32,
    choice: u32,
    /// The number of its header or trailer field.
    field: u32,
    part: Where,
    spelling: Spelling,
}

/// In which part of a message an echo is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Where {
    Target,
    Header,
    Body,
    Trailer,
}

impl Echoes {
    /// Notes the echoes in the message at a place, if it has any.
    pub(super) fn note(&mut self, place: usize, message: &Message) {
        self.keep(place, &message.kept());
    }

    /// Must be called when all were noted, before any is asked for. Forgets those of choices that are not these.
    pub(super) fn tidy(&mut self, is_kept: &impl Fn(usize) -> bool) {
        let keep = |echo: &Kept| is_kept(wide(echo.choice));
        if !self.kept.iter().all(keep) {
            let Echoes { kept, messages, .. } = std::mem::take(self);
            for (place, span) in messages.iter() {
                let echoes = kept.get(span).unwrap_or_default().iter().copied();
                self.keep(place, &echoes.filter(keep).collect::<Vec<_>>());
            }
        }
        self.recent = Vec::new();
        self.kept.shrink_to_fit();
        self.messages.sort();
    }

    /// The echoes in the message at a place; `None` where there are none.
    pub(super) fn at(&self, place: usize) -> Option<Message> {
        let here = self.kept.get(self.messages.at(place))?;
        (!here.is_empty()).then(|| Message::of(here))
    }

    fn keep(&mut self, place: usize, echoes: &[Kept]) {
        if echoes.is_empty() {
            return;
        }
        self.recent.resize(MAX_RECENT, 0..0);
        let slot = slot(echoes);
        let recent = self.recent.get(slot).cloned().unwrap_or_default();
        let span = if self.kept.get(recent.clone()) == Some(echoes) {
            recent
        } else {
            let first = self.kept.len();
            self.kept.extend_from_slice(echoes);
            first..self.kept.len()
        };
        self.messages.note(place, &span);
        if let Some(recent) = self.recent.get_mut(slot) {
            *recent = span;
        }
    }
}

impl Message {
    fn kept(&self) -> Vec<Kept> {
        let mut kept = Vec::new();
        let mut keep = |part: Where, field: usize, echoes: &[Echo]| {
            kept.extend(echoes.iter().map(|echo| Kept {
                start: narrow(echo.range.start),
                length: narrow(echo.range.len()),
                choice: narrow(echo.choice),
                field: narrow(field),
                part,
                spelling: echo.spelling,
            }));
        };
        keep(Where::Target, 0, &self.target);
        for (field, echoes) in &self.headers {
            keep(Where::Header, *field, echoes);
        }
        keep(Where::Body, 0, &self.body);
        for (field, echoes) in &self.trailers {
            keep(Where::Trailer, *field, echoes);
        }
        kept
    }

    fn of(kept: &[Kept]) -> Message {
        let mut message = Message::default();
        for kept in kept {
            let start = wide(kept.start);
            let echo = Echo {
                range: start..start + wide(kept.length),
                choice: wide(kept.choice),
                spelling: kept.spelling,
            };
            let fields = match kept.part {
                Where::Target => {
                    message.target.push(echo);
                    continue;
                }
                Where::Body => {
                    message.body.push(echo);
                    continue;
                }
                Where::Header => &mut message.headers,
                Where::Trailer => &mut message.trailers,
            };
            let field = wide(kept.field);
            match fields.last_mut() {
                Some((last, echoes)) if *last == field => echoes.push(echo),
                _ => fields.push((field, vec![echo])),
            }
        }
        message
    }
}

fn slot(echoes: &[Kept]) -> usize {
    let mut hasher = DefaultHasher::new();
    for echo in echoes {
        (echo.start, echo.choice).hash(&mut hasher);
    }
    usize::try_from(hasher.finish() % MAX_RECENT as u64).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn echoes() -> impl Strategy<Value = Vec<Echo>> {
        let spelling = prop::sample::select(vec![Spelling::String, Spelling::Number]);
        let echo = (0..9_usize, 0..3_usize, 0..6_usize, spelling);
        let echo = echo.prop_map(|(start, length, choice, spelling)| Echo {
            range: start..start + length,
            choice,
            spelling,
        });
        proptest::collection::vec(echo, 0..3)
    }

    /// The echoes in header or trailer fields: those of each together, and no field without any.
    fn fields() -> impl Strategy<Value = Vec<(usize, Vec<Echo>)>> {
        proptest::collection::btree_map(0..9_usize, echoes(), 0..3).prop_map(|fields| {
            let fields = fields.into_iter();
            fields.filter(|(_, echoes)| !echoes.is_empty()).collect()
        })
    }

    fn message() -> impl Strategy<Value = Message> {
        (echoes(), fields(), echoes(), fields()).prop_map(|(target, headers, body, trailers)| {
            Message {
                target,
                headers,
                body,
                trailers,
            }
        })
    }

    /// What is left of a message without the echoes of other choices.
    fn without(mut message: Message, is_kept: impl Fn(usize) -> bool) -> Option<Message> {
        let keep = |echo: &Echo| is_kept(echo.choice);
        message.target.retain(keep);
        message.body.retain(keep);
        for fields in [&mut message.headers, &mut message.trailers] {
            for (_, echoes) in fields.iter_mut() {
                echoes.retain(keep);
            }
            fields.retain(|(_, echoes)| !echoes.is_empty());
        }
        (message != Message::default()).then_some(message)
    }

    proptest! {
        #[test]
        fn what_was_noted_is_there_again(
            messages in proptest::collection::vec(message(), 0..9),
            said in proptest::collection::vec((0..9_usize, 0..9_usize), 0..40),
            least in 0..6_usize,
        ) {
            let mut all = Echoes::default();
            let mut noted = std::collections::BTreeMap::new();
            for (place, which) in said {
                if let (Some(message), false) = (messages.get(which), noted.contains_key(&place)) {
                    all.note(place, message);
                    noted.insert(place, which);
                }
            }
            all.tidy(&|choice| choice >= least);
            for place in 0..9 {
                let message = noted.get(&place).and_then(|which| messages.get(*which));
                let message = message.map(|message| Message::of(&message.kept()));
                let expected = message.and_then(|message| without(message, |choice| choice >= least));
                prop_assert_eq!(all.at(place), expected);
            }
        }

        #[test]
        fn a_message_is_the_same_after_it_was_kept(message in message()) {
            prop_assert_eq!(Message::of(&message.kept()), message);
        }
    }

    #[test]
    fn what_is_said_over_and_over_is_kept_once() {
        let mut all = Echoes::default();
        let message = Message {
            body: vec![Echo {
                range: 3..7,
                choice: 0,
                spelling: Spelling::String,
            }],
            ..Message::default()
        };
        for place in 0..9 {
            all.note(place, &message);
        }
        assert_eq!(all.kept.len(), 1);
    }
}
