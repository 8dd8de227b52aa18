//! What belongs to the sheets of paper and not to the text: running titles and page numbers.
//!
//! It stands wherever a sheet ended, also in the middle of a value, so it must go before anything
//! is read. A line goes only where it can be nothing else: a footer whose number counts up, or whose
//! words also stand alone on the page (the cover), a running title beside such a footer or at a form
//! feed. What might be content stays, for the normalizer to refuse with its place.

use std::collections::{BTreeMap, BTreeSet};

use super::heading::{recognise, undecorated};
use super::line::Line;

/// Longer lines are prose.
const LONGEST: usize = 80;

/// The lines without furniture, and without the blank lines around it.
pub(super) fn strip(lines: Vec<Line>, title: &str) -> Vec<Line> {
    let marks = mark(&lines, title);
    let mut kept = Vec::with_capacity(lines.len());
    let mut edge = Edge::Text;
    for (line, mark) in lines.into_iter().zip(marks) {
        match mark {
            Mark::Furniture => {
                while kept.last().is_some_and(Line::is_blank) {
                    kept.pop();
                }
                edge = Edge::Furniture;
            }
            Mark::Text if line.is_blank() && edge == Edge::Furniture => {}
            Mark::Text => {
                edge = Edge::Text;
                kept.push(line);
            }
        }
    }
    kept
}

/// The title of the page: what stands above its first section, and best what recurs.
pub(super) fn title(lines: &[Line]) -> Option<String> {
    let first_section = lines
        .iter()
        .position(|line| is_section(line.trimmed()))
        .unwrap_or(lines.len());
    let above: Vec<&str> = lines
        .iter()
        .take(first_section)
        .map(Line::trimmed)
        .filter(|text| !text.is_empty())
        .collect();
    let marked = above.iter().find(|text| {
        text.starts_with("# ")
            || (text.starts_with("= ") || text.starts_with('=')) && text.ends_with('=')
    });
    if let Some(marked) = marked {
        return Some(undecorated(marked).to_owned());
    }
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for line in lines {
        *counts.entry(line.trimmed()).or_default() += 1;
    }
    let titles = || above.iter().copied().filter(|text| is_title(text));
    let recurring = titles().find(|text| counts.get(text).is_some_and(|count| *count > 1));
    let beside_prose = || {
        let pairs = above.iter().zip(above.iter().skip(1));
        pairs
            .filter(|(text, next)| is_title(text) && next.starts_with("This operation"))
            .map(|(text, _)| *text)
            .next()
    };
    recurring
        .or_else(beside_prose)
        .or_else(|| titles().next())
        .map(str::to_owned)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mark {
    Text,
    Furniture,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Edge {
    Text,
    Furniture,
}

/// A line that ends or begins with a number, as a footer does.
struct Footer<'a> {
    index: usize,
    /// Its words; none for a bare page number.
    stem: &'a str,
    number: usize,
}

/// Where the first section of a page begins.
fn is_section(text: &str) -> bool {
    let lower = undecorated(text).to_lowercase();
    lower == "overview" || lower.starts_with("request url") || recognise(text).is_some()
}

fn is_title(text: &str) -> bool {
    is_plain(text)
        && text.len() <= 60
        && !text.ends_with(['.', '!', '?'])
        && text.starts_with(|c: char| c.is_uppercase())
        && !text.to_lowercase().starts_with("jump to")
        && text != "Contents"
}

/// Whether a line can be a title or footer at all: words, and nothing that a sample is written with.
fn is_plain(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= LONGEST
        && !text.contains(['{', '}', '[', ']', '"', '\'', ',', ';', '=', '<', '>', '\\'])
        && !text.contains([':', '\u{2018}', '\u{2019}', '\u{201c}', '\u{201d}'])
}

fn several_words(text: &str) -> bool {
    text.split_whitespace().nth(1).is_some()
}

/// Reads `Reference 12`, `12 Reference`, `Reference | Page 12 of 40`, `12`, `- 12 -`.
fn footer(index: usize, text: &str) -> Option<Footer<'_>> {
    if !is_plain(text) {
        return None;
    }
    let rules = |c: char| {
        c.is_whitespace() || matches!(c, '|' | '-' | '\u{2013}' | '\u{2014}' | '\u{2022}')
    };
    let mut rest = text.trim_matches(rules);
    let is_number = |word: &str| word.len() <= 4 && word.bytes().all(|b| b.is_ascii_digit());
    if let Some((head, total)) = rest.rsplit_once(" of ")
        && is_number(total)
    {
        rest = head;
    }
    let (stem, number) = match (
        rest.rsplit_once(char::is_whitespace),
        rest.split_once(char::is_whitespace),
    ) {
        (Some((stem, number)), _) if is_number(number) => (stem, number),
        (_, Some((number, stem))) if is_number(number) => (stem, number),
        _ if is_number(rest) => ("", rest),
        _ => return None,
    };
    let stem = stem.trim_matches(rules);
    let stem = stem.strip_suffix("Page").unwrap_or(stem);
    let stem = stem
        .strip_suffix("page")
        .unwrap_or(stem)
        .trim_matches(rules);
    Some(Footer {
        index,
        stem,
        number: number.parse().ok()?,
    })
}

fn mark(lines: &[Line], title: &str) -> Vec<Mark> {
    let neighbours = Neighbours::new(lines);
    let footers: Vec<Footer<'_>> = lines
        .iter()
        .enumerate()
        .filter(|(_, line)| recognise(&line.text).is_none())
        .filter_map(|(index, line)| footer(index, line.trimmed()))
        .collect();
    let stems = running(lines, &footers, title, &neighbours);
    let mut marks = vec![Mark::Text; lines.len()];
    let mut set = |index: usize| {
        if let Some(mark) = marks.get_mut(index) {
            *mark = Mark::Furniture;
        }
    };
    for footer in footers.iter().filter(|footer| stems.contains(footer.stem)) {
        set(footer.index);
    }
    let is_running = |index: usize| {
        let text = neighbours.text(index);
        text == title || stems.contains(text)
    };
    // A bare number is a page number where it counts the sheets and a sheet ends or begins there,
    // or where a running title stands beside it.
    for footer in footers.iter().filter(|footer| footer.stem.is_empty()) {
        let sheet = lines.get(footer.index).map_or(0, |line| line.sheet + 1);
        let counts = neighbours.at_sheet_edge(footer.index) && footer.number == sheet;
        let beside = neighbours.around(footer.index).any(is_running);
        if (counts && !neighbours.may_be_value(footer.index)) || beside {
            set(footer.index);
        }
    }
    spread(&neighbours, &mut marks, is_running);
    marks
}

/// The words of the footers that are surely footers.
fn running<'a>(
    lines: &'a [Line],
    footers: &[Footer<'a>],
    title: &str,
    neighbours: &Neighbours<'_>,
) -> BTreeSet<&'a str> {
    let alone: BTreeSet<&str> = lines.iter().map(Line::trimmed).collect();
    let mut groups: BTreeMap<&str, Vec<&Footer<'_>>> = BTreeMap::new();
    for footer in footers.iter().filter(|footer| !footer.stem.is_empty()) {
        groups.entry(footer.stem).or_default().push(footer);
    }
    groups
        .into_iter()
        .filter(|(stem, group)| {
            let counts_up = group.len() > 1
                && group
                    .iter()
                    .zip(group.iter().skip(1))
                    .all(|(one, next)| one.number < next.number);
            let at_edge = group
                .iter()
                .any(|footer| neighbours.at_sheet_edge(footer.index));
            let beside_title = group.iter().any(|footer| {
                neighbours
                    .around(footer.index)
                    .any(|index| neighbours.text(index) == title)
            });
            *stem == title
                || (several_words(stem)
                    && (counts_up || at_edge || beside_title || alone.contains(stem)))
        })
        .map(|(stem, _)| stem)
        .collect()
}

/// Marks what stands beside furniture and runs along with it: the title, the words of a footer
/// without its number, and a line that does so twice.
fn spread(neighbours: &Neighbours<'_>, marks: &mut [Mark], is_running: impl Fn(usize) -> bool) {
    let is_furniture = |marks: &[Mark], index: usize| marks.get(index) == Some(&Mark::Furniture);
    for index in neighbours.indices() {
        if is_running(index)
            && !is_furniture(marks, index)
            && (neighbours.at_sheet_edge(index)
                || neighbours
                    .around(index)
                    .any(|other| is_furniture(marks, other)))
            && let Some(mark) = marks.get_mut(index)
        {
            *mark = Mark::Furniture;
        }
    }
    let mut beside: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for index in neighbours
        .indices()
        .filter(|index| !is_furniture(marks, *index))
    {
        let text = neighbours.text(index);
        let can_run = is_plain(text) && several_words(text) && recognise(text).is_none();
        if can_run
            && neighbours
                .around(index)
                .any(|other| is_furniture(marks, other))
        {
            beside.entry(text).or_default().push(index);
        }
    }
    for index in beside
        .into_values()
        .filter(|found| found.len() > 1)
        .flatten()
    {
        if let Some(mark) = marks.get_mut(index) {
            *mark = Mark::Furniture;
        }
    }
}

/// The lines that are not blank, each with the one before and after it.
struct Neighbours<'a> {
    lines: &'a [Line],
    /// The indices of the lines that are not blank, in order.
    filled: Vec<usize>,
    /// For each line, where in `filled` it stands or would stand.
    rank: Vec<usize>,
}

impl<'a> Neighbours<'a> {
    fn new(lines: &'a [Line]) -> Self {
        let mut filled = Vec::new();
        let mut rank = Vec::with_capacity(lines.len());
        for (index, line) in lines.iter().enumerate() {
            rank.push(filled.len());
            if !line.is_blank() {
                filled.push(index);
            }
        }
        Neighbours {
            lines,
            filled,
            rank,
        }
    }

    fn indices(&self) -> impl Iterator<Item = usize> + '_ {
        self.filled.iter().copied()
    }

    fn text(&self, index: usize) -> &'a str {
        self.lines.get(index).map_or("", Line::trimmed)
    }

    /// The nearest lines before and after, leaving out blank ones.
    fn around(&self, index: usize) -> impl Iterator<Item = usize> + '_ {
        let rank = self.rank.get(index).copied().unwrap_or_default();
        let before = rank.checked_sub(1);
        [before, Some(rank + 1)]
            .into_iter()
            .flatten()
            .filter_map(|rank| self.filled.get(rank).copied())
    }

    /// Whether a bare number would be a value between the lines around it.
    fn may_be_value(&self, index: usize) -> bool {
        let mut before = "";
        let mut after = "";
        for other in self.around(index) {
            *(if other < index {
                &mut before
            } else {
                &mut after
            }) = self.text(other);
        }
        before.ends_with(':')
            || (before.ends_with(['[', '(', ',']) && after.starts_with([']', ')', ',']))
    }

    /// Whether it is the first or last line of a sheet that a form feed begins or ends.
    fn at_sheet_edge(&self, index: usize) -> bool {
        let sheet = |index: usize| self.lines.get(index).map(|line| line.sheet);
        let last = self.lines.last().map(|line| line.sheet);
        let own = sheet(index);
        let rank = self.rank.get(index).copied().unwrap_or_default();
        let at = |rank: Option<usize>| {
            rank.and_then(|rank| self.filled.get(rank))
                .and_then(|index| sheet(*index))
        };
        let ends = own < last && at(Some(rank + 1)) != own;
        let begins = own > Some(0) && at(rank.checked_sub(1)) != own;
        ends || begins
    }
}

#[cfg(test)]
mod tests {
    use super::super::line::lines;
    use super::*;

    fn stripped(text: &str, title: &str) -> String {
        let kept = strip(lines(text), title);
        let kept: Vec<&str> = kept.iter().map(|line| line.text.as_str()).collect();
        kept.join("\n")
    }

    #[test]
    fn a_footer_whose_words_stand_on_the_cover_goes() {
        let text = "Hold\n\nRest Book\n\nHold\nOverview\n'uri': 'http://x/\n\nHold\n\nRest Book 2\n\n914',\n}";
        assert_eq!(
            stripped(text, "Hold"),
            "Hold\n\nRest Book\n\nHold\nOverview\n'uri': 'http://x/\n914',\n}"
        );
    }

    #[test]
    fn footers_that_count_up_go_without_a_cover() {
        let text = "{\nBook of Calls 4\n'a': 1,\n5 Book of Calls\nMuted\n}\nThe Guide\nBook of Calls | Page 6 of 9\nx\nThe Guide\nBook of Calls 7\ny";
        assert_eq!(stripped(text, "Mute"), "{\n'a': 1,\nMuted\n}\nx\ny");
    }

    #[test]
    fn form_feeds_and_numbers_of_sheets_go() {
        let text = "'a': 'x/\n\n1\n\u{c}Mute\ny',\n[\n2\n]\n\u{c}3";
        assert_eq!(stripped(text, "Mute"), "'a': 'x/\ny',\n[\n2\n]");
        assert_eq!(stripped("[\n1\n\u{c}]", "Mute"), "[\n1\n\n]");
    }

    #[test]
    fn content_that_recurs_stays() {
        for text in [
            "},\n},\n},\n'visibility': 'All',\n'visibility': 'All'",
            "[\n1,\n2,\n3\n]\n[\n1,\n2,\n3\n]",
            "[\nNone\n]\n[\nNone\n]",
            "index: 6\nindex: 7",
            "{\n12\n}",
            "Notification 1\nNotification 2",
            "Sample 1\nSample 2",
            "a line of prose 7",
            "Mute",
        ] {
            assert_eq!(stripped(text, "Mute"), text);
        }
    }

    #[test]
    fn the_title_is_found() {
        for (text, expected) in [
            (
                "Legal words here.\nMuteCall\nWeb Book\n1/2/2020\nMuteCall\nThis operation is\nOverview",
                "MuteCall",
            ),
            ("Accept\nThis operation is part.\nOverview", "Accept"),
            (
                "Jump to: navigation, search\n\nAccept\nWhen a chat is offered.\nRequest URL /x",
                "Accept",
            ),
            ("nav\n# Mute Call\nText\n## Overview", "Mute Call"),
            ("== Mute ==\nRequest\n", "Mute"),
        ] {
            assert_eq!(title(&lines(text)).as_deref(), Some(expected), "{text}");
        }
        assert_eq!(title(&lines("Request\nPOST /x")), None);
    }
}
