//! Where a sample begins and ends among the lines of a page.
//!
//! It only finds the extent, and so never fails: what the text means, and whether it can be read
//! at all, is the normalizer's to say. Brackets are counted outside of strings, and strings are
//! followed through the damage that pages have: broken over lines, unescaped quotes, no last quote.

mod form;
mod scanner;

use super::heading::{Heading, recognise};
use super::line::{Line, Place};
use super::request_line;
use form::{closers, is_lone_footer, is_prose, skip_marks};
use scanner::Scanner;

pub(super) use form::is_member;

/// The lines of one sample.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Block {
    /// Never empty.
    pub(super) lines: Vec<Line>,
    /// Where it begins.
    pub(super) place: Place,
}

/// A sample, and where the page goes on behind it.
#[derive(Debug)]
pub(super) struct Cut {
    pub(super) block: Block,
    /// What follows on the sample's last line.
    pub(super) rest: Option<Line>,
    /// Lines in it that can only be footers, though nothing else on the page shows it.
    pub(super) footers: Vec<Line>,
    /// The index of the first line that it has no part of.
    pub(super) next: usize,
}

impl Block {
    /// The text, for the normalizer.
    pub(super) fn text(&self) -> String {
        let lines: Vec<&str> = self.lines.iter().map(|line| line.text.as_str()).collect();
        lines.join("\n")
    }

    /// Where a line and column of the text, from 1, stand on the page.
    pub(super) fn place(&self, line: usize, column: usize) -> Place {
        let index = line
            .saturating_sub(1)
            .min(self.lines.len().saturating_sub(1));
        self.lines
            .get(index)
            .map_or(self.place, |line| line.place(column))
    }

    /// The words in the sample's braces, where it holds no data at all: `{ Missing }`.
    pub(super) fn words(&self) -> Option<String> {
        let text = self.text();
        let inner = text.trim_matches(|c: char| c.is_whitespace() || "{}[].".contains(c));
        let is_words = inner.starts_with(char::is_alphabetic)
            && inner.chars().all(|c| c.is_alphanumeric() || c == ' ');
        is_words.then(|| inner.to_owned())
    }
}

/// The byte of a line from which a sample begins on it.
pub(super) fn start(text: &str) -> Option<usize> {
    let after_marks = skip_marks(text);
    let rest = text.get(after_marks..)?;
    let opens = match rest.chars().next()? {
        '{' => true,
        '[' => {
            let inner = rest.get(1..)?.trim_start();
            inner.is_empty()
                || inner.starts_with(['{', '[', ']', '\'', '"'])
                || inner.starts_with(|c: char| c.is_ascii_digit())
        }
        _ => is_member(rest),
    };
    // The normalizer knows table signs and diff signs, and must see them on the first line too if
    // it is to see them on the others; tags end where the sample begins.
    opens.then(|| {
        text.get(..after_marks)
            .and_then(|marks| marks.rfind('>'))
            .map_or(0, |tag| tag + 1)
    })
}

/// The sample that begins at `lines[first]`, which is given apart since it may be cut.
pub(super) fn cut(line: Line, lines: &[Line], first: usize, title: &str) -> Cut {
    let place = line.start();
    let mut scanner = Scanner::default();
    let mut taken = Vec::new();
    let mut current = line;
    let mut next = first + 1;
    let mut rest = None;
    let mut footers = Vec::new();
    loop {
        if let Some(end) = scanner.scan(&current.text) {
            let end = end + closers(current.text.get(end..).unwrap_or_default());
            let (head, tail) = current.split(end);
            taken.push(head);
            rest = (!tail.is_blank()).then_some(tail);
            break;
        }
        taken.push(current);
        let Some(line) = lines.get(next) else { break };
        if is_stop(line) {
            break;
        }
        // One brace too few and then a heading: `}Response`.
        if let Some(at) = glued_heading(&line.text) {
            let (head, tail) = line.split(at);
            taken.push(head);
            rest = Some(tail);
            next += 1;
            break;
        }
        next += 1;
        // Only the running title stands bare in the middle of a value.
        current = if line.trimmed() == title && !title.is_empty() {
            line.split(0).0
        } else if is_lone_footer(line.trimmed()) {
            footers.push(line.clone());
            line.split(0).0
        } else {
            line.clone()
        };
    }
    match scanner.depth {
        0 => go_on(&mut taken, &mut rest, lines, &mut next),
        _ => drop_prose(&mut taken),
    }
    let block = Block {
        lines: taken,
        place,
    };
    Cut {
        block,
        rest,
        footers,
        next,
    }
}

/// Whether a line can have no part of a sample: a heading, a request line, the end of the element
/// that held it.
fn is_stop(line: &Line) -> bool {
    line.trimmed().starts_with("</")
        || recognise(&line.text).is_some()
        || request_line::read(line).is_some()
}

/// Takes what still belongs to a sample whose brackets are closed: one brace too many, or the
/// members behind a brace that came too early.
fn go_on(taken: &mut Vec<Line>, rest: &mut Option<Line>, lines: &[Line], next: &mut usize) {
    let continues = |text: &str| {
        let text = text.trim();
        let behind_comma = text.trim_start_matches(',').trim_start();
        let before_comma = text.trim_end_matches(',');
        is_member(behind_comma)
            || (!before_comma.is_empty() && closers(before_comma) == before_comma.len())
    };
    if let Some(line) = rest.take_if(|line| continues(&line.text)) {
        match taken.last_mut() {
            Some(last) => last.text.push_str(&line.text),
            None => taken.push(line),
        }
    }
    if rest.is_some() {
        return;
    }
    let mut until = *next;
    let mut goes_on = false;
    while let Some(line) = lines.get(until).filter(|line| !is_stop(line)) {
        if !line.is_blank() && !goes_on {
            if !continues(&line.text) {
                break;
            }
            goes_on = true;
        }
        if goes_on && start(&line.text).is_some_and(|_| !is_member(line.trimmed())) {
            break;
        }
        until += 1;
    }
    let is_outside = |line: &Line| line.is_blank() || is_prose(line.trimmed());
    while until > *next && lines.get(until - 1).is_some_and(is_outside) {
        until -= 1;
    }
    if goes_on {
        taken.extend(lines.get(*next..until).unwrap_or_default().iter().cloned());
        *next = until;
    }
}

/// Leaves out the prose behind a sample that no bracket ends.
fn drop_prose(taken: &mut Vec<Line>) {
    while taken.len() > 1
        && taken
            .last()
            .is_some_and(|line| line.is_blank() || is_prose(line.trimmed()))
    {
        taken.pop();
    }
}

/// The byte at which a heading begins behind the closing brackets at the start of a line.
fn glued_heading(text: &str) -> Option<usize> {
    let at = closers(text);
    let tail = text.get(at..)?;
    (at > 0 && matches!(recognise(tail), Some(Heading::Part(_)))).then_some(at)
}

#[cfg(test)]
mod tests {
    use super::super::line::lines;
    use super::*;

    /// The samples of a text, each as its text, and what is left between them.
    fn cuts(text: &str) -> (Vec<String>, Vec<String>) {
        let lines = lines(text);
        let (mut samples, mut others) = (Vec::new(), Vec::new());
        let mut queue: Vec<(Line, usize)> = Vec::new();
        let mut next = 0;
        while let Some((line, index)) = queue
            .pop()
            .or_else(|| lines.get(next).map(|line| (line.clone(), next)))
        {
            next = next.max(index + 1);
            let Some(at) = start(&line.text) else {
                if !line.is_blank() {
                    others.push(line.trimmed().to_owned());
                }
                continue;
            };
            let cut = cut(line.split(at).1, &lines, index, "Mute");
            samples.push(cut.block.text());
            next = cut.next;
            queue.extend(cut.rest.map(|rest| (rest, cut.next - 1)));
        }
        (samples, others)
    }

    #[test]
    fn samples_end_where_their_brackets_close() {
        for (text, expected) in [
            ("{\n'a': 1\n}\nprose\n{}\n", vec!["{\n'a': 1\n}", "{}"]),
            (
                "{ \"a\": \"} \\\" }\" } {\"b\": [1]}",
                vec!["{ \"a\": \"} \\\" }\" }", " {\"b\": [1]}"],
            ),
            (
                "{\"a\": \"x=\"==}==\"\"}\n{}",
                vec!["{\"a\": \"x=\"==}==\"\"}", "{}"],
            ),
            (
                "{'a': 'http: //x/\n\n914}',\n'b': 1}\nx",
                vec!["{'a': 'http: //x/\n\n914}',\n'b': 1}"],
            ),
            (
                "{'a': 'lost,\n'b': '}'\n}\n{}",
                vec!["{'a': 'lost,\n'b': '}'\n}", "{}"],
            ),
            (
                "{\u{201c}a\u{201d}: \u{201c}}\u{201d}}",
                vec!["{\u{201c}a\u{201d}: \u{201c}}\u{201d}}"],
            ),
            (
                "{ // it's {\n'a': u'}', # {\n}",
                vec!["{ // it's {\n'a': u'}', # {\n}"],
            ),
            (
                "{'''a''': '''b''',\n'c': ''}\n{}",
                vec!["{'''a''': '''b''',\n'c': ''}", "{}"],
            ),
            ("| {\n| 'a': 1\n| }", vec!["| {\n| 'a': 1\n| }"]),
            (
                "<pre>{\n1: 2}</pre>\n[edit]\n[\n1]",
                vec!["{\n1: 2}", "[\n1]"],
            ),
            ("'a': {\n'b': 1\n}\n}\n", vec!["'a': {\n'b': 1\n}\n}"]),
            ("{'a': 1}}\n{}", vec!["{'a': 1}}", "{}"]),
            (
                "{'a': 1}\n},\n'b': 2\n}\n\n{}",
                vec!["{'a': 1}\n},\n'b': 2\n}", "{}"],
            ),
            ("<pre>\n{'a': 1}\n}\n</pre>\n{}", vec!["{'a': 1}\n}", "{}"]),
            (
                "{'a': 1}\n}\n\nSee what comes below there.\n{}",
                vec!["{'a': 1}\n}", "{}"],
            ),
            ("<pre>{'a': [1\n</pre>\n{}", vec!["{'a': [1", "{}"]),
            ("{'a': [1\n}\nResponse\n{}", vec!["{'a': [1\n}", "{}"]),
            (
                "{'a': {\n}Agent2 First Notification\n{}",
                vec!["{'a': {\n}", "{}"],
            ),
            ("{'a': 'x\nMute\ny'}", vec!["{'a': 'x\n\ny'}"]),
            (
                "{'a': {\n}\n\nFor more words see there.",
                vec!["{'a': {\n}"],
            ),
            ("{'a': 1}\nPOST /x\n{}", vec!["{'a': 1}", "{}"]),
            ("no samples here", vec![]),
        ] {
            assert_eq!(cuts(text).0, expected, "{text}");
        }
    }

    #[test]
    fn what_is_glued_to_the_last_brace_is_left() {
        assert_eq!(cuts("{'a': 1}Response\n{}").1, ["Response"]);
        assert_eq!(cuts("{'a': {'b': 1\n}Response\n{}").1, ["Response"]);
        assert_eq!(cuts("{'a': 1} or {'b': 2}").1, ["or {'b': 2}"]);
    }

    #[test]
    fn a_footer_that_stands_alone_in_a_sample_is_left_out_and_told() {
        let lines = lines("[\nVoice Services Reference 12\nan integer above 0\nHold 2\n]");
        let cut = cut(lines[0].clone(), &lines, 0, "");
        assert_eq!(cut.block.text(), "[\n\nan integer above 0\nHold 2\n]");
        assert_eq!(cut.footers, [lines[1].clone()]);
    }

    #[test]
    fn words_in_braces_are_no_sample() {
        let words = |text: &str| {
            let lines = lines(text);
            cut(lines[0].clone(), &lines, 0, "").block.words()
        };
        assert_eq!(words("{\n Missing\n}").as_deref(), Some("Missing"));
        assert_eq!(words("{}"), None);
        assert_eq!(words("{'a': 1}"), None);
        assert_eq!(words("[12]"), None);
    }
}
