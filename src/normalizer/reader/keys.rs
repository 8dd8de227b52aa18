//! Equal keys, equal parts of a set, and the sibling that confirms a mended time: what only a whole
//! bracket can tell.

use super::ahead::skip_literal;
use super::{Fault, Finding, Frame, Read, Reader};
use crate::normalizer::damage::{Agreement, Moment};
use crate::normalizer::json::string_end;

/// Up to this many members a small table on the stack finds equal keys; beyond it they are sorted.
const TABLE_MEMBERS: usize = 64;

/// How much of a value a notice quotes.
const QUOTED_CHARACTERS: usize = 80;

/// One member of an open object.
#[derive(Clone, Copy, Debug)]
pub(super) struct Member {
    hash: u64,
    /// Its key in `out`, with the quotes.
    pub(super) start: usize,
    end: usize,
    /// Its key in the text.
    at: usize,
}

/// A mended time whose sibling may confirm it.
#[derive(Clone, Copy, Debug)]
pub(super) struct PendingMoment {
    /// How many brackets were open.
    pub(super) depth: usize,
    /// Its repair, in [`Reader::repairs`].
    pub(super) repair: usize,
    /// Its key in `out`.
    pub(super) key: usize,
    pub(super) moment: Moment,
}

impl Reader<'_> {
    /// Notes the member whose key has just been written.
    #[inline]
    pub(super) fn push_member(&mut self, start: usize, at: usize) {
        let end = self.out.len();
        let key = self.out.as_bytes().get(start..end).unwrap_or_default();
        self.members.push(Member {
            hash: hash(key),
            start,
            end,
            at,
        });
    }

    pub(super) fn close_object(&mut self, frame: &Frame) -> Read<()> {
        if !self.moments.is_empty() {
            self.confirm_moments(frame)?;
        }
        let members = self.members.get(frame.members..).unwrap_or_default();
        let winners = equal_keys(members, self.out.as_bytes(), &self.no_text);
        if !winners.is_empty() {
            self.merge_members(frame, &winners);
        }
        self.members.truncate(frame.members);
        self.forget_no_text(frame.start);
        self.out.push('}');
        Ok(())
    }

    /// Writes an object again with one member for each key: at the place of the first, with the value
    /// of the last. `winners` holds, for each member, the one whose value it gets, or none.
    fn merge_members(&mut self, frame: &Frame, winners: &[Option<usize>]) {
        let members = self.members.get(frame.members..).unwrap_or_default();
        let value = |index: usize| {
            let from = members.get(index).map_or(0, |member| member.end + 1);
            let to = members
                .get(index + 1)
                .map_or(self.out.len(), |next| next.start - 1);
            self.out.get(from..to).unwrap_or_default()
        };
        let mut merged = String::from("{");
        for (index, (member, winner)) in members.iter().zip(winners).enumerate() {
            let key = self.out.get(member.start..member.end).unwrap_or_default();
            match winner {
                Some(winner) => {
                    if merged.len() > 1 {
                        merged.push(',');
                    }
                    merged.push_str(key);
                    merged.push(':');
                    merged.push_str(value(*winner));
                }
                None => self.notices.push(Finding {
                    at: member.at,
                    was: quoted(self.key_source(member).unwrap_or(key)),
                    became: format!("{key}: {}", quoted(value(index))),
                    why: "an equal key stands before it in the object; the last value wins".into(),
                }),
            }
        }
        self.out.truncate(frame.start);
        self.lone_high = 0;
        self.out.push_str(&merged);
    }

    /// A key as it stands in the text; `None` where its end is not plain to see.
    fn key_source(&self, member: &Member) -> Option<&str> {
        let mut at = member.at;
        loop {
            at = match self.byte(at)? {
                b':' => return Some(self.slice(member.at, at).trim_end()),
                0x80.. => return None,
                _ => skip_literal(self.bytes, at).unwrap_or(at + 1),
            };
        }
    }

    /// Notes where the last part of the open set ends, unless a comma after it has told.
    pub(super) fn end_part(&mut self, at: usize) {
        if let Some(part) = self.parts.last_mut().filter(|part| part.0 == part.1) {
            part.1 = at;
        }
    }

    pub(super) fn close_set(&mut self, frame: &Frame) {
        self.end_part(self.at.saturating_sub(1));
        let from = frame.start + 1;
        let body = self.out.get(from..).unwrap_or_default();
        let mut seen = std::collections::BTreeSet::new();
        let mut kept = Vec::new();
        for ((start, end), (at, source_end)) in elements(body).into_iter().zip(&self.parts) {
            let element = body.get(start..end).unwrap_or_default();
            if seen.insert(identity(element, from + start, &self.no_text)) {
                kept.push(element);
            } else {
                self.notices.push(Finding {
                    at: *at,
                    was: quoted(self.slice(*at, *source_end).trim_end()),
                    became: String::new(),
                    why: "an equal value stands before it in the set".into(),
                });
            }
        }
        if kept.iter().map(|element| element.len() + 1).sum::<usize>() != body.len() + 1 {
            let merged = kept.join(",");
            self.out.truncate(from);
            self.lone_high = 0;
            self.out.push_str(&merged);
        }
        self.forget_no_text(frame.start);
        self.out.push(']');
    }

    fn forget_no_text(&mut self, from: usize) {
        while self.no_text.last().is_some_and(|place| *place >= from) {
            self.no_text.pop();
        }
    }

    /// Holds mended times against the sibling that says the same in milliseconds.
    fn confirm_moments(&mut self, frame: &Frame) -> Read<()> {
        let depth = self.frames.len() + 1;
        while let Some(pending) = self.moments.last().copied().filter(|m| m.depth >= depth) {
            self.moments.pop();
            if pending.depth > depth {
                continue;
            }
            let Some((name, value)) = self.sibling(frame, &pending) else {
                continue;
            };
            let Some(finding) = self.repairs.get_mut(pending.repair) else {
                continue;
            };
            let but = match pending.moment.compared_with(value) {
                Agreement::Same => "",
                Agreement::SameButZone => " but for the time zone",
                Agreement::Different => {
                    return Err(Fault::new(
                        finding.at,
                        format!(
                            "the time could be {}, but `{name}` {value} contradicts it",
                            finding.became
                        ),
                    ));
                }
            };
            let why = &finding.why;
            finding.why = format!("{why}; `{name}` {value} confirms it{but}");
        }
        Ok(())
    }

    /// The member that says a time in milliseconds: its own name with `Seconds` after it, else
    /// `timestampSeconds` where no member `timestamp` has a better claim to it.
    fn sibling(&self, frame: &Frame, pending: &PendingMoment) -> Option<(String, i64)> {
        let members = self.members.get(frame.members..)?;
        let name = |member: &Member| self.out.get(member.start + 1..member.end - 1);
        let own = name(members.iter().find(|member| member.start == pending.key)?)?;
        let find = |wanted: &str| {
            members
                .iter()
                .position(|member| name(member) == Some(wanted))
        };
        let wanted = format!("{own}Seconds");
        let (wanted, index) = match (find(&wanted), find("timestamp")) {
            (Some(index), _) => (wanted, index),
            (None, None) => ("timestampSeconds".to_owned(), find("timestampSeconds")?),
            (None, Some(_)) => return None,
        };
        let from = members.get(index)?.end + 1;
        let to = members
            .get(index + 1)
            .map_or(self.out.len(), |next| next.start - 1);
        let value = self.out.get(from..to)?.trim_matches('"').parse().ok()?;
        Some((wanted, value))
    }
}

/// For each member the one whose value it gets, none where an equal key stands before it; empty where
/// all keys differ. `1` and `'1'` are two keys to Python and one to JSON, whose readers take the value of
/// the one that Python wrote later.
fn equal_keys(members: &[Member], out: &[u8], no_text: &[usize]) -> Vec<Option<usize>> {
    if members.len() < 2 || (members.len() <= TABLE_MEMBERS && all_differ(members, out)) {
        return Vec::new();
    }
    let key = |index: usize| {
        members
            .get(index)
            .and_then(|member| out.get(member.start..member.end))
    };
    let mut order: Vec<usize> = (0..members.len()).collect();
    order.sort_by(|&a, &b| key(a).cmp(&key(b)).then(a.cmp(&b)));
    let mut winners: Vec<Option<usize>> = (0..members.len()).map(Some).collect();
    let mut found = false;
    for group in order.chunk_by(|&a, &b| key(a) == key(b)) {
        if let [first, _, ..] = group {
            found = true;
            let is_text = |index: &&usize| {
                members
                    .get(**index)
                    .is_some_and(|member| no_text.binary_search(&member.start).is_err())
            };
            let first_is_text = is_text(&first);
            let other = group.iter().rfind(|index| is_text(index) != first_is_text);
            let last = other.or(group.last()).unwrap_or(first);
            for &index in group {
                if let Some(winner) = winners.get_mut(index) {
                    *winner = (index == *first).then_some(*last);
                }
            }
        }
    }
    if found { winners } else { Vec::new() }
}

/// Whether no two of a few keys are equal.
fn all_differ(members: &[Member], out: &[u8]) -> bool {
    let mut table = [0_u8; 256];
    for (number, member) in (1_u8..).zip(members) {
        let mut slot = member.hash.to_le_bytes()[7];
        loop {
            let Some(entry) = table.get_mut(usize::from(slot)) else {
                return false;
            };
            if *entry == 0 {
                *entry = number;
                break;
            }
            let equal = members.get(usize::from(*entry) - 1).is_some_and(|other| {
                other.hash == member.hash
                    && out.get(other.start..other.end) == out.get(member.start..member.end)
            });
            if equal {
                return false;
            }
            slot = slot.wrapping_add(1);
        }
    }
    true
}

/// A quick hash of a key: its length, and its first and last eight bytes.
fn hash(key: &[u8]) -> u64 {
    const MIX: u64 = 0x9e37_79b9_7f4a_7c15;
    let (first, last) = match (key.first_chunk::<8>(), key.last_chunk::<8>()) {
        (Some(first), Some(last)) => (u64::from_le_bytes(*first), u64::from_le_bytes(*last)),
        _ => (
            key.iter()
                .fold(0, |sum, &byte| (sum << 8) | u64::from(byte)),
            0,
        ),
    };
    let length = key.len() as u64;
    (first.wrapping_mul(MIX) ^ last.rotate_left(29) ^ length).wrapping_mul(MIX)
}

/// A value as a notice quotes it.
fn quoted(value: &str) -> String {
    match value.char_indices().nth(QUOTED_CHARACTERS) {
        Some((place, _)) => format!("{}…", value.get(..place).unwrap_or_default()),
        None => value.to_owned(),
    }
}

/// The places of the elements in the inside of a compact JSON array.
fn elements(body: &str) -> Vec<(usize, usize)> {
    let mut found = Vec::new();
    let mut depth = 0_usize;
    let mut start = 0;
    let mut at = 0;
    let bytes = body.as_bytes();
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'"' => at = string_end(bytes, at) - 1,
            b'[' | b'{' => depth += 1,
            b']' | b'}' => depth = depth.saturating_sub(1),
            b',' if depth == 0 => {
                found.push((start, at));
                start = at + 1;
            }
            _ => {}
        }
        at += 1;
    }
    if start < body.len() {
        found.push((start, body.len()));
    }
    found
}

/// A JSON value written so that what is equal in Python is equal: `1`, `1.0` and `true` are, a string
/// and bytes are not. `start` is its place in `out`.
fn identity(element: &str, start: usize, no_text: &[usize]) -> String {
    let bytes = element.as_bytes();
    let mut identity = String::new();
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let end = match byte {
            b'"' => {
                if no_text.contains(&(start + at)) {
                    identity.push('b');
                }
                string_end(bytes, at)
            }
            b'[' | b']' | b'{' | b'}' | b',' | b':' => at + 1,
            _ => {
                let rest = bytes.get(at..).unwrap_or_default();
                at + rest
                    .iter()
                    .take_while(|byte| !matches!(byte, b',' | b']' | b'}' | b':'))
                    .count()
            }
        };
        let token = element.get(at..end).unwrap_or_default();
        match token {
            "true" => identity.push('1'),
            "false" => identity.push('0'),
            _ if token.starts_with(|c: char| c.is_ascii_digit() || c == '-') => {
                identity.push_str(&super::number::identity(token));
            }
            _ => identity.push_str(token),
        }
        at = end;
    }
    identity
}
