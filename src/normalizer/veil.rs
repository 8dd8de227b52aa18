//! Damage that lies over whole lines: bold marks, table pipes, the columns of a wiki's diff.
//!
//! A sample that cannot be read as it is gets these marks blanked out, one kind after the other, until
//! it can. Blanks take as many bytes as the marks did, so that every place stays the same. What the
//! marks cover is the reader's work.

use super::finding::{Fault, Finding, Read};
use super::reader::{self, Reading};

/// The marks that a wiki puts before the lines of a diff.
const DIFF_MARKS: [char; 3] = ['+', '-', '−'];

/// The marks of one kind in a text, and what to tell of them.
struct Lifted {
    marks: Vec<(usize, usize)>,
    findings: Vec<Finding>,
}

/// Blanks out one kind of mark; nothing where a text has none, a fault where it has them in two ways.
type Lift = fn(&str) -> Read<Option<Lifted>>;

/// Reads a sample, with its veils lifted where that is what it takes.
pub(super) fn read(text: &str) -> Read<Reading> {
    let mut fault = match reader::read(text) {
        Ok(reading) => return Ok(reading),
        Err(fault) => fault,
    };
    let mut current = text.to_owned();
    let mut marks = Vec::new();
    let mut findings = Vec::new();
    let lifts: [Lift; 4] = [
        |text| Ok(lift_bold(text)),
        |text| Ok(lift_pipes(text)),
        |text| Ok(lift_second_column(text)),
        lift_diff_marks,
    ];
    for lift in lifts {
        match lift(&current) {
            Ok(None) => {}
            Ok(Some(lifted)) => {
                current = blanked(&current, &lifted.marks, b' ');
                marks.extend(lifted.marks);
                findings.extend(lifted.findings);
                if let Ok(mut reading) = reader::read(&current) {
                    refuse_marks_in_values(&current, &marks, &reading)?;
                    reading.repairs.append(&mut findings);
                    return Ok(reading);
                }
            }
            Err(reason) => fault = reason,
        }
    }
    Err(fault)
}

/// Marks between tokens leave nothing behind, and so it does not matter what they are blanked out with.
/// Where it does, one of them stands inside a value.
fn refuse_marks_in_values(blank: &str, marks: &[(usize, usize)], reading: &Reading) -> Read<()> {
    let matter = |marks: &[(usize, usize)]| match reader::read(&blanked(blank, marks, b'\t')) {
        Ok(other) => other.json != reading.json,
        Err(_) => true,
    };
    if !matter(marks) {
        return Ok(());
    }
    let mut ordered = marks.to_vec();
    ordered.sort_unstable();
    let (mut innocent, mut guilty) = (0, ordered.len());
    while guilty - innocent > 1 {
        let middle = usize::midpoint(innocent, guilty);
        if matter(ordered.get(..middle).unwrap_or_default()) {
            guilty = middle;
        } else {
            innocent = middle;
        }
    }
    let at = ordered.get(innocent).map_or(0, |(from, _)| *from);
    Err(Fault::new(
        at,
        "a mark of the page stands inside a value: expected the value without it",
    ))
}

/// Blanks out `'''`, in pairs on a line.
fn lift_bold(text: &str) -> Option<Lifted> {
    const MARK: &str = "'''";
    let mut marks = Vec::new();
    let mut findings = Vec::new();
    for (start, line) in lines(text) {
        let places: Vec<usize> = line.match_indices(MARK).map(|(at, _)| start + at).collect();
        for pair in places.chunks(2) {
            let [open, close] = pair else {
                return None;
            };
            let end = close + MARK.len();
            findings.push(Finding {
                at: *open,
                was: text.get(*open..end).unwrap_or_default().into(),
                became: text
                    .get(open + MARK.len()..*close)
                    .unwrap_or_default()
                    .into(),
                why: "a wiki's marks for bold are no part of the sample".into(),
            });
            marks.extend([(*open, open + MARK.len()), (*close, end)]);
        }
    }
    lifted(marks, findings)
}

/// Blanks out table pipes at the beginnings and ends of lines.
fn lift_pipes(text: &str) -> Option<Lifted> {
    let mut marks = Vec::new();
    for (start, line) in lines(text) {
        let content = line.trim_start();
        let inside = content.trim_start_matches('|');
        let from = start + line.len() - content.len();
        marks.push((from, from + content.len() - inside.len()));
        let content = inside.trim_end();
        let before = content.trim_end_matches('|');
        let from = start + line.len() - inside.len() + before.len();
        marks.push((from, from + content.len() - before.len()));
    }
    marks.retain(|(from, to)| from < to);
    let why = "a table's pipes are no part of the sample";
    let findings = dropped(text, &marks, why);
    lifted(marks, findings)
}

/// Blanks out the right half where every line says the same thing twice, side by side.
fn lift_second_column(text: &str) -> Option<Lifted> {
    let mut marks = Vec::new();
    let mut count = 0;
    for (start, line) in lines(text).filter(|(_, line)| !line.trim().is_empty()) {
        let right = second_half(line)?;
        let content = line.trim_start();
        let from = start + line.len() - content.len();
        if let Some(mark) = content.chars().next().filter(|c| DIFF_MARKS.contains(c)) {
            marks.push((from, from + mark.len_utf8()));
        }
        marks.push((start + right, start + line.trim_end().len()));
        count += 1;
    }
    if count < 2 {
        return None;
    }
    let why = "the two columns of a wiki's diff say the same";
    let findings = dropped(text, &marks, why);
    lifted(marks, findings)
}

/// Blanks out the marks of a diff where they leave one version: all lines bear the same mark, or some
/// are new and none is gone.
fn lift_diff_marks(text: &str) -> Read<Option<Lifted>> {
    let mut added = Vec::new();
    let mut removed = Vec::new();
    let mut unmarked = 0;
    for (start, line) in lines(text).filter(|(_, line)| !line.trim().is_empty()) {
        let content = line.trim_start();
        let from = start + line.len() - content.len();
        let after = content.trim_start_matches(DIFF_MARKS);
        let signed = after.starts_with(|c: char| c.is_ascii_digit() || c == '.');
        let mark = content
            .chars()
            .next()
            .filter(|c| DIFF_MARKS.contains(c) && !signed);
        match mark {
            Some('+') => added.push((from, from + 1)),
            Some(mark) => removed.push((from, from + mark.len_utf8())),
            None => unmarked += 1,
        }
    }
    let why = "a diff's marks are no part of the sample";
    if added.len() + removed.len() + unmarked < 2 {
        return Ok(None);
    }
    let marks = match (added.is_empty(), removed.as_slice(), unmarked) {
        (false, [], _) => added,
        (true, [_, ..], 0) => removed,
        (false, [(at, _), ..], _) => {
            return Err(Fault::new(
                *at,
                "the lines are a diff's, removed ones and added ones: expected one version",
            ));
        }
        _ => return Ok(None),
    };
    let findings = dropped(text, &marks, why);
    Ok(lifted(marks, findings))
}

/// Where the second half of a line begins, if it says the same as the first.
fn second_half(line: &str) -> Option<usize> {
    let bare = |half: &str| -> String {
        half.trim_start_matches(|c: char| c.is_whitespace() || DIFF_MARKS.contains(&c))
            .trim_end()
            .into()
    };
    let mut gaps = line.char_indices().filter(|(_, c)| c.is_whitespace());
    gaps.find_map(|(at, _)| {
        let (left, right) = line.split_at_checked(at)?;
        let left = bare(left);
        (!left.is_empty() && left == bare(right)).then_some(at)
    })
    .map(|at| {
        let right = line.get(at..).unwrap_or_default();
        at + right.len() - right.trim_start().len()
    })
}

/// The lines of a text, each with its first byte's place.
fn lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut start = 0;
    text.split('\n').map(move |line| {
        let here = start;
        start += line.len() + 1;
        (here, line)
    })
}

fn dropped(text: &str, marks: &[(usize, usize)], why: &str) -> Vec<Finding> {
    marks
        .iter()
        .map(|&(from, to)| Finding {
            at: from,
            was: text.get(from..to).unwrap_or_default().into(),
            became: String::new(),
            why: why.into(),
        })
        .collect()
}

/// The marks of one kind; `None` where there are none.
fn lifted(marks: Vec<(usize, usize)>, findings: Vec<Finding>) -> Option<Lifted> {
    (!marks.is_empty()).then_some(Lifted { marks, findings })
}

/// The text with its marks blanked out.
fn blanked(text: &str, marks: &[(usize, usize)], blank: u8) -> String {
    let mut bytes = text.as_bytes().to_vec();
    for &(from, to) in marks {
        if let Some(mark) = bytes.get_mut(from..to) {
            mark.fill(blank);
        }
    }
    String::from_utf8(bytes).unwrap_or_default()
}
