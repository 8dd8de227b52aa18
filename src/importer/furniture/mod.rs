//! What belongs to the sheets of paper and not to the text: running titles and page numbers.
//!
//! It stands wherever a sheet ended, also in the middle of a value, so it must go before anything
//! is read. A line goes only where it can be nothing else: a footer whose number counts up, or whose
//! words also stand alone on the page (the cover), a running title beside such a footer or at a form
//! feed. What might be content stays, for the normalizer to refuse with its place.

mod footer;
mod neighbours;
mod title;

use std::collections::{BTreeMap, BTreeSet};

use super::heading::recognise;
use super::line::Line;
use footer::{Footer, footer};
use neighbours::Neighbours;

pub(super) use title::title;

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
    for index in numbers(&footers, &neighbours) {
        set(index);
    }
    for footer in footers.iter().filter(|footer| footer.stem.is_empty()) {
        if neighbours.around(footer.index).any(is_running) {
            set(footer.index);
        }
    }
    spread(&neighbours, &mut marks, is_running);
    marks
}

/// The bare numbers that are page numbers: they stand where a sheet ends or begins, and run on one by
/// one with the sheets, from whatever number the first has.
fn numbers(footers: &[Footer<'_>], neighbours: &Neighbours<'_>) -> Vec<usize> {
    let bare = || footers.iter().filter(|footer| footer.stem.is_empty());
    let mut runs: BTreeMap<i64, Vec<usize>> = BTreeMap::new();
    let run = |footer: &Footer<'_>| {
        let number = i64::try_from(footer.number).unwrap_or(i64::MAX);
        number - i64::try_from(neighbours.sheet(footer.index)).unwrap_or(i64::MAX)
    };
    for footer in bare().filter(|footer| {
        neighbours.at_sheet_edge(footer.index) && !neighbours.may_be_value(footer.index)
    }) {
        runs.entry(run(footer)).or_default().push(footer.index);
    }
    // Where numbers disagree, the longest run counts the sheets, and of equally long ones the run
    // that counts from the first sheet of the file; the others may be content.
    let longest = runs.values().map(Vec::len).max().unwrap_or_default();
    let mut longest = runs.iter().filter(|(_, found)| found.len() == longest);
    let offset = match (longest.next(), longest.next()) {
        (Some((offset, _)), None) => *offset,
        _ => 1,
    };
    let mut found = runs.remove(&offset).unwrap_or_default();
    // Behind the last sheet there may be no form feed.
    let last = bare().filter(|footer| {
        neighbours.is_last(footer.index)
            && !neighbours.at_sheet_edge(footer.index)
            && run(footer) == offset
    });
    if !found.is_empty() {
        found.extend(last.map(|footer| footer.index));
    }
    found
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

#[cfg(test)]
mod tests {
    use super::super::line::lines;
    use super::*;

    fn stripped(text: &str, title: &str) -> String {
        let kept = strip(lines(text), title);
        let kept: Vec<&str> = kept.iter().map(|line| line.text.as_str()).collect();
        kept.join("\n")
    }

    fn filled(text: &str) -> Vec<&str> {
        text.lines().filter(|line| !line.is_empty()).collect()
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
    fn numbers_of_sheets_go_whatever_the_first_is() {
        for (text, expected) in [
            (
                "'a': 'http://h/users/\n\n5\n\n\u{c}abc'",
                "'a': 'http://h/users/\nabc'",
            ),
            (
                "{'a': 1,\n\n\u{c}'b': 2,\n\n1\n\n\u{c}'c': 3,\n2\n\u{c}'d': 4}\n\n3",
                "{'a': 1,\n\n'b': 2,\n'c': 3,\n'd': 4}",
            ),
            (
                "{'a': 1,\n\n5\n\n\u{c}'b':\n- 6 -\n\u{c}2}",
                "{'a': 1,\n'b':\n2}",
            ),
            ("{'a': 1,\nPage 2 of 9\n\u{c}'b': 2}", "{'a': 1,\n'b': 2}"),
            ("x\n\u{c}Page 31/99\ny\n\u{c}32 / 99\nz", "x\n\ny\nz"),
            (
                "a\n11\n\u{c}b\n740\n\u{c}c\n13\n\u{c}d",
                "a\nb\n740\n\nc\nd",
            ),
        ] {
            assert_eq!(
                filled(&stripped(text, "Mute")),
                filled(expected),
                "{text:?}"
            );
        }
    }

    #[test]
    fn numbers_at_the_edge_of_a_sheet_that_are_values_stay() {
        for text in [
            "{'a':\n5\n\u{c}}",
            "{'a':\n5\n\u{c}, 'b': 1}",
            "{'a':\n5\n\u{c}'b': 1}",
            "[1,\n2\n\u{c}]",
            "[1,\n\u{c}2\n]",
            "a\n40\n\u{c}b\n7\n\u{c}c",
        ] {
            let expected = text.replace('\u{c}', "\n");
            assert_eq!(
                filled(&stripped(text, "Mute")),
                filled(&expected),
                "{text:?}"
            );
        }
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
}
