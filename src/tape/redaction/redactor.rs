//! Puts pseudonyms in the places of secrets, event by event.
//!
//! A secret that was seen once where its name says what it is, is replaced wherever it comes again.
//! Where the key comes from and where it goes is not its business.

use std::collections::BTreeSet;

#[cfg(test)]
use super::Part;
use super::fitting::Fitting;
use super::memory::Memory;
use super::seen::{Knowledge, Outcome, Piece, Seen};
use super::shape::Key;
use super::{Edit, Redaction, RuleError, Rules, Secret, Where};
use crate::exchange::Headers;
use crate::tape::{Event, Header, Tape};

/// What replaces secrets.
#[derive(Debug)]
pub struct Redactor {
    redaction: Redaction,
    rules: Rules,
    pen: Pen,
}

/// What writes pseudonyms.
#[derive(Debug)]
struct Pen {
    key: Key,
    fitting: Fitting,
    memory: Memory,
    /// What are pseudonyms already, by an earlier redaction: they stay.
    settled: BTreeSet<String>,
    draft: Draft,
    seen: Seen,
}

/// Whether what is written holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Draft {
    /// Secrets are learned meanwhile. If there are any, it is thrown away, since they may stand further up.
    Rough,
    Fair,
}

impl Redactor {
    /// One that follows these rules, and makes pseudonyms with this key.
    pub fn new(redaction: Redaction, key: Key) -> Result<Redactor, RuleError> {
        let rules = Rules::new(&redaction)?;
        let pen = Pen {
            key,
            fitting: Fitting {
                patterns: rules.patterns.clone(),
                personal: rules.personal,
            },
            memory: Memory::default(),
            settled: BTreeSet::new(),
            draft: Draft::Fair,
            seen: Seen::default(),
        };
        Ok(Redactor {
            redaction,
            rules,
            pen,
        })
    }

    /// The rules, as a tape says them.
    pub fn redaction(&self) -> &Redaction {
        &self.redaction
    }

    /// The rules, made ready.
    pub fn rules(&self) -> &Rules {
        &self.rules
    }

    /// How many secrets it does not know any more: they are replaced only where their names stand.
    pub fn forgotten(&self) -> u64 {
        self.pen.memory.forgotten()
    }

    /// Learns the secrets of an event without changing it.
    pub fn learn(&mut self, event: &Event) {
        for Secret { value, .. } in self.rules.secrets(event) {
            if !self.pen.settled.contains(&value) {
                let pseudonym = self.pen.pseudonym(&value);
                self.pen.memory.learn(&value, &pseudonym);
            }
        }
    }

    /// Puts pseudonyms in the places of the secrets of an event.
    pub fn redact(&mut self, event: &mut Event) {
        self.pen.draft = Draft::Rough;
        let mut edits = self.rules.edits(event, &mut self.pen);
        self.pen.draft = Draft::Fair;
        if self.pen.memory.is_stale() {
            edits = self.rules.edits(event, &mut self.pen);
        }
        edits.apply(event);
    }

    /// Puts pseudonyms into what a tape says of itself, and notes there by which rules.
    pub fn header(&mut self, header: &mut Header) {
        self.pen.draft = Draft::Fair; // should an event have failed in a rough one
        for text in [&mut header.title, &mut header.source] {
            self.rules.edit_text(text, &mut self.pen);
        }
        header.redaction = Some(self.redaction.clone());
    }

    /// Puts pseudonyms in the places of all secrets of a tape, also where they stand before the place
    /// that says what they are. Those that an earlier redaction put there stay.
    pub fn tape(&mut self, tape: &mut Tape) {
        if let Some(earlier) = Rules::that_hold(&tape.header) {
            for event in &tape.events {
                self.settle(&earlier, event);
            }
        }
        for event in &tape.events {
            self.learn(event);
        }
        for event in &mut tape.events {
            self.replace(event);
        }
        self.header(&mut tape.header);
    }

    /// Notes what an earlier redaction, by these rules, put into an event. Of a tape, all events are noted before
    /// any is learned, in all of its files.
    pub fn settle(&mut self, earlier: &Rules, event: &Event) {
        let made = earlier.secrets(event).into_iter();
        self.pen.settled.extend(made.map(|secret| secret.value));
    }

    /// Puts pseudonyms in the places of the secrets of an event, as far as they are known. Of a tape, all events
    /// are learned before.
    pub fn replace(&mut self, event: &mut Event) {
        self.pen.draft = Draft::Fair; // as above
        self.rules.edits(event, &mut self.pen).apply(event);
    }
}

#[cfg(test)]
impl Redactor {
    /// Forgets which pieces it has gone through.
    pub(super) fn look_anew(&mut self) {
        self.pen.seen = Seen::default();
    }

    /// What became of a header field that it has gone through, where that holds still.
    pub(super) fn seen(&self, name: &str, value: &str) -> Option<Outcome<&[u8]>> {
        let knowledge = self.pen.knowledge()?;
        let value = value.as_bytes();
        self.pen.seen(Piece::Field { name, value }, knowledge)
    }

    /// What takes the place of a secret, by what is known of it and drawn anew.
    pub(super) fn made(&mut self, value: &str) -> (Option<String>, String) {
        let at = Where {
            part: Part::Fact,
            path: &"text",
        };
        (self.pen.secret(at, value), self.pen.pseudonym(value))
    }
}

impl Pen {
    fn pseudonym(&self, value: &str) -> String {
        self.fitting.fitted(value, self.key.pseudonym(value))
    }
}

impl Edit for Pen {
    fn secret(&mut self, _: Where<'_>, value: &str) -> Option<String> {
        if self.settled.contains(value) {
            return None;
        }
        if let Some(made) = self.memory.whole(value) {
            return Some(made); // to draw it anew would give the same
        }
        let pseudonym = self.pseudonym(value);
        if self.draft == Draft::Rough {
            self.memory.learn(value, &pseudonym);
        }
        Some(pseudonym)
    }

    fn other(&mut self, octets: &[u8]) -> Option<Vec<u8>> {
        // To find all at once again and again would take long, and is in vain.
        let in_vain = self.draft == Draft::Rough && self.memory.is_stale();
        (!in_vain).then(|| self.memory.replace(octets))?
    }

    fn name(&mut self, name: &str) -> Option<String> {
        self.memory.whole(name)
    }

    fn knowledge(&self) -> Option<Knowledge> {
        // Until it was asked for what it learned last, nothing is looked for in a rough draft.
        (!self.memory.is_stale()).then(|| Knowledge {
            learned: self.memory.changes(),
            settled: self.settled.len(),
        })
    }

    fn seen(&self, piece: Piece<'_>, knowledge: Knowledge) -> Option<Outcome<&[u8]>> {
        self.seen.get(piece, knowledge)
    }

    fn note(&mut self, piece: Piece<'_>, new: Option<&[u8]>, knowledge: Knowledge) {
        // A secret in it that is not known is learned now, or stays unknown: in a fair draft one might be there that
        // is still to be learned when the piece comes again.
        if self.draft == Draft::Rough {
            self.seen.note(piece, new, knowledge);
        }
    }

    fn seen_head(&self, fields: &Headers, knowledge: Knowledge) -> Option<Outcome<&Headers>> {
        self.seen.head(fields, knowledge)
    }

    fn note_head(&mut self, fields: &Headers, new: Option<&Headers>, knowledge: Knowledge) {
        if self.draft == Draft::Rough {
            self.seen.note_head(fields, new, knowledge); // as each of them
        }
    }
}
