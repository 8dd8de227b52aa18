//! `antiphon normalize`: a loosely written sample in, exact JSON out.

use std::fs::File;
use std::io::{self, BufRead, BufReader, ErrorKind, Read, Write};
use std::path::PathBuf;

use anyhow::Context as _;

use super::exit::{Because as _, Failure, Outcome, Trouble};
use super::{output, tapes};
use crate::normalizer::{
    Layout, Mending, Normalized, Options, Repair, SAMPLE_LIMIT, Unreadable, normalize,
};

/// How many columns of a source line an error shows; a longer line is cut to the part around the place.
const SHOWN_COLUMNS: usize = 100;

/// Make exact JSON of a sample: a Python literal, JSON, JSON5, or any of them damaged by a page.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Normalize {
    /// The sample; `-` is standard input.
    #[arg(default_value = "-")]
    file: PathBuf,
    /// Write the JSON without white space.
    #[arg(long)]
    compact: bool,
    /// Read every line as a sample of its own and write one line of compact JSON for each; an empty
    /// one where the sample cannot be read.
    #[arg(long)]
    lines: bool,
    /// Refuse samples that need a repair. What is ordinary Python or JSON5 needs none.
    #[arg(long)]
    strict: bool,
}

const EXAMPLES: &str = "\
Examples:
  antiphon normalize sample.txt                        JSON laid out over lines
  echo \"{'ok': True, 'n': 7L}\" | antiphon normalize    from standard input
  antiphon normalize --lines --compact < samples.txt   one sample a line, one JSON a line
  antiphon normalize --strict sample.txt               refuse what needs a repair

The JSON goes to stdout. Each repair goes to stderr: LINE:COLUMN: \"was\" -> \"became\": why.
A sample that cannot be read: exit 1, nothing on stdout, and the place on stderr.";

impl Normalize {
    pub(super) fn run(self) -> Result<Outcome, Failure> {
        let mut input = self.open().because(Trouble::Io)?;
        if self.lines {
            return self.each_line(&mut *input).because(Trouble::Io);
        }
        let bytes = read_sample(&mut *input, &tapes::name(&self.file)).because(Trouble::Io)?;
        let options = self.options();
        match decode(&bytes).and_then(|text| Ok((text, normalize(text, options)?))) {
            Ok((_, normalized)) => {
                for words in remarks(&normalized) {
                    output::say(&words);
                }
                output::data(&format!("{}\n", normalized.json))?;
                Ok(Outcome::Done)
            }
            Err(unreadable) => {
                output::say(&report(&String::from_utf8_lossy(&bytes), &unreadable));
                Ok(Outcome::Different)
            }
        }
    }

    fn options(&self) -> Options {
        Options {
            mending: if self.strict {
                Mending::Refuse
            } else {
                Mending::Repair
            },
            layout: if self.compact || self.lines {
                Layout::Compact
            } else {
                Layout::Indented
            },
        }
    }

    fn open(&self) -> anyhow::Result<Box<dyn BufRead>> {
        if tapes::is_piped(&self.file) {
            return Ok(Box::new(io::stdin().lock()));
        }
        let file = File::open(&self.file)
            .with_context(|| format!("cannot read {}", tapes::name(&self.file)))?;
        Ok(Box::new(BufReader::with_capacity(1 << 16, file)))
    }

    /// Reads samples as they come, so that the memory holds one at a time.
    fn each_line(&self, input: &mut dyn BufRead) -> anyhow::Result<Outcome> {
        let mut out = io::BufWriter::with_capacity(1 << 16, io::stdout().lock());
        let mut outcome = Outcome::Done;
        let mut line = Vec::new();
        for number in 1.. {
            line.clear();
            let context = || format!("cannot read {}", tapes::name(&self.file));
            if read_line(input, &mut line).with_context(context)? == 0 {
                break;
            }
            let json = match decode(&line).and_then(|text| normalize(text, self.options())) {
                Ok(normalized) => {
                    for words in remarks_at(number, &normalized) {
                        output::say(&words);
                    }
                    normalized.json
                }
                Err(unreadable) => {
                    outcome = Outcome::Different;
                    let column = unreadable.column;
                    output::say(&format!("{number}:{column}: {}", unreadable.message));
                    String::new()
                }
            };
            let written = out
                .write_all(json.as_bytes())
                .and_then(|()| out.write_all(b"\n"));
            if reader_is_gone(written)? {
                return Ok(outcome);
            }
        }
        reader_is_gone(out.flush())?;
        Ok(outcome)
    }
}

/// Whether nobody reads stdout any more: whoever did has had what they wanted.
fn reader_is_gone(written: io::Result<()>) -> anyhow::Result<bool> {
    match written {
        Ok(()) => Ok(false),
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(true),
        Err(error) => Err(error).context("cannot write to stdout"),
    }
}

/// Reads one sample, and one byte more than it may have so that it is refused for its length.
fn read_sample(input: &mut dyn BufRead, name: &str) -> anyhow::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    input
        .take(SAMPLE_LIMIT as u64 + 1)
        .read_to_end(&mut bytes)
        .with_context(|| format!("cannot read {name}"))?;
    Ok(bytes)
}

/// Reads a line without its end; gives how many bytes it took. Of a line over the limit the rest is
/// passed over, so that it is refused for its length and the next line is a line.
fn read_line(input: &mut dyn BufRead, line: &mut Vec<u8>) -> io::Result<usize> {
    let limit = SAMPLE_LIMIT as u64 + 2;
    let taken = input.take(limit).read_until(b'\n', line)?;
    if line.last() == Some(&b'\n') {
        line.pop();
        if line.last() == Some(&b'\r') {
            line.pop();
        }
    } else if taken as u64 == limit {
        input.skip_until(b'\n')?;
    }
    Ok(taken)
}

/// The text of a sample, which must be UTF-8. What is cut at the limit is refused for its length.
fn decode(bytes: &[u8]) -> Result<&str, Unreadable> {
    std::str::from_utf8(bytes).map_err(|error| {
        let sound = bytes.get(..error.valid_up_to()).unwrap_or_default();
        let sound = std::str::from_utf8(sound).unwrap_or_default();
        let last_line = sound.rsplit('\n').next().unwrap_or_default();
        Unreadable {
            line: sound.matches('\n').count() + 1,
            column: last_line.chars().count() + 1,
            message: if bytes.len() > SAMPLE_LIMIT {
                format!("the sample has more than {SAMPLE_LIMIT} bytes, which are the limit")
            } else {
                "this is not UTF-8".into()
            },
        }
    })
}

/// What was changed, in order of place.
fn remarks(normalized: &Normalized) -> Vec<String> {
    in_order(normalized)
        .into_iter()
        .map(|remark| format!("{}:{}: {}", remark.line, remark.column, remark.change()))
        .collect()
}

/// The same for a sample that is line `number` of many.
fn remarks_at(number: usize, normalized: &Normalized) -> Vec<String> {
    in_order(normalized)
        .into_iter()
        .map(|remark| format!("{number}:{}: {}", remark.column, remark.change()))
        .collect()
}

fn in_order(normalized: &Normalized) -> Vec<&Repair> {
    let mut all: Vec<&Repair> = normalized
        .repairs
        .iter()
        .chain(&normalized.notices)
        .collect();
    all.sort_by_key(|remark| (remark.line, remark.column));
    all
}

/// An error with its line and a caret under its place.
fn report(text: &str, unreadable: &Unreadable) -> String {
    let line = text
        .split('\n')
        .nth(unreadable.line.saturating_sub(1))
        .unwrap_or_default()
        .trim_end_matches('\r');
    let (shown, caret) = window(line, unreadable.column.saturating_sub(1));
    format!("{unreadable}\n  {shown}\n  {caret}^")
}

/// The part of a line around a character, fit for a terminal, and the spaces that reach up to it.
pub(super) fn window(line: &str, place: usize) -> (String, String) {
    let skipped = if line.chars().count() > SHOWN_COLUMNS {
        place.saturating_sub(SHOWN_COLUMNS / 2)
    } else {
        0
    };
    let mut shown = String::new();
    let mut caret = String::new();
    if skipped > 0 {
        shown.push('…');
        caret.push(' ');
    }
    let mut characters = line.chars().enumerate().skip(skipped);
    for (index, c) in characters.by_ref().take(SHOWN_COLUMNS) {
        let c = match c {
            '\t' => ' ',
            c if c.is_control() => '\u{fffd}',
            c => c,
        };
        shown.push(c);
        if index < place {
            caret.extend(std::iter::repeat_n(' ', width(c)));
        }
    }
    if characters.next().is_some() {
        shown.push('…');
    }
    (shown, caret)
}

/// How many columns a terminal gives a character: none to marks that combine, two to wide ones.
fn width(c: char) -> usize {
    match u32::from(c) {
        0x0300..=0x036f | 0x200b..=0x200f | 0xfe00..=0xfe0f | 0xfeff => 0,
        0x1100..=0x115f
        | 0x2e80..=0xa4cf
        | 0xac00..=0xd7a3
        | 0xf900..=0xfaff
        | 0xfe30..=0xfe6f
        | 0xff00..=0xff60
        | 0xffe0..=0xffe6
        | 0x1f300..=0x1f64f
        | 0x1f900..=0x1f9ff
        | 0x20000..=0x3fffd => 2,
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_caret_stands_under_its_place() {
        for (line, place, shown, caret) in [
            ("ab", 1, "ab", " "),
            ("\tx", 1, " x", " "),
            ("日本x", 2, "日本x", "    "),
            ("e\u{301}x", 2, "e\u{301}x", " "),
            ("", 0, "", ""),
        ] {
            assert_eq!(
                window(line, place),
                (shown.into(), caret.into()),
                "{line:?}"
            );
        }
    }

    #[test]
    fn a_long_line_is_cut_around_its_place() {
        let line: String = "0123456789".repeat(100);
        let (shown, caret) = window(&line, 500);
        assert_eq!(shown.chars().count(), SHOWN_COLUMNS + 2);
        assert_eq!(shown.chars().nth(caret.chars().count()), Some('0'));
        assert!(shown.starts_with('…') && shown.ends_with('…'));
        let (shown, caret) = window(&line, 3);
        assert!(shown.starts_with("0123") && caret.len() == 3);
    }
}
