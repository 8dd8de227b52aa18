//! JSON, edited in its source: a string or a number gets another in its place, and all else stays as
//! it was written, byte for byte.
//!
//! It reads what it can: of damaged or torn JSON the strings are found too. Which of them are secrets,
//! others decide.

use std::borrow::Cow;
use std::ops::Range;

use memchr::memchr2;

use super::spelling::Spelling;

/// How deep members are told apart by all the names above them. Deeper ones are judged by their own.
const MAX_DEPTH: usize = 256;

/// What may be put in the place of what stands in JSON.
pub(super) trait Leaves {
    /// What takes the place of a member's name; `None` where it stays. A text that is owned was spelled
    /// otherwise in the source.
    fn name(&mut self, text: Cow<'_, str>) -> Option<String>;

    /// What takes the place of a string.
    fn string(&mut self, at: &At<'_>, text: Cow<'_, str>) -> Option<String>;

    /// What takes the place of a number.
    fn number(&mut self, at: &At<'_>, text: &str) -> Option<String>;
}

/// Where a value stands.
pub(super) struct At<'a> {
    source: &'a str,
    outer: &'a [Level],
    level: Option<&'a Level>,
    key: Option<Key>,
}

/// The name of a member: where it stands in the source, and how it is spelled there.
#[derive(Clone, Copy, Debug)]
struct Key {
    start: usize,
    end: usize,
    spelling: Spelling,
}

/// What was opened and not closed.
#[derive(Clone, Debug)]
struct Level {
    /// The name under which it stands.
    key: Option<Key>,
    /// The number of the element that comes next, in an array.
    element: Option<usize>,
}

impl<'a> At<'a> {
    /// The name of the member that it is, or in whose array it stands.
    pub(super) fn name(&self) -> Option<Cow<'a, str>> {
        if let Some(key) = self.key {
            return self.read(key);
        }
        let arrays = self.level.into_iter().chain(self.outer.iter().rev());
        let mut arrays = arrays.take_while(|level| level.element.is_some());
        arrays.find_map(|level| self.read(level.key?))
    }

    /// The name of the object in which the member stands.
    pub(super) fn parent(&self) -> Option<Cow<'a, str>> {
        self.read(self.level?.key?)
    }

    /// The names and numbers on the way to it, as a JSON Pointer (RFC 6901).
    pub(super) fn pointer(&self) -> String {
        let mut pointer = String::new();
        let mut step = |step: &str| {
            pointer.push('/');
            pointer.push_str(&step.replace('~', "~0").replace('/', "~1"));
        };
        let mut number = None;
        for level in self.outer.iter().chain(self.level) {
            match (level.key.and_then(|key| self.read(key)), number) {
                (Some(name), _) => step(&name),
                (None, Some(number)) => step(&usize::to_string(&number)),
                (None, None) => {}
            }
            number = level.element;
        }
        match (self.key.and_then(|key| self.read(key)), number) {
            (Some(name), _) => step(&name),
            (None, Some(number)) => step(&number.to_string()),
            (None, None) => {}
        }
        pointer
    }

    fn read(&self, key: Key) -> Option<Cow<'a, str>> {
        let source = self.source.get(key.start..key.end)?;
        Some(key.spelling.read(source))
    }
}

/// The JSON with what `leaves` puts into it; `None` where all stays.
pub(super) fn edit(source: &str, leaves: &mut dyn Leaves) -> Option<String> {
    let mut editor = Editor {
        source,
        outer: Vec::new(),
        level: None,
        beyond: 0,
        key: None,
        out: String::new(),
        copied: 0,
    };
    editor.run(leaves);
    let rest = source.get(editor.copied..).unwrap_or_default();
    (editor.copied > 0).then(|| editor.out + rest)
}

struct Editor<'a> {
    source: &'a str,
    /// The levels around the innermost, which most JSON has none of.
    outer: Vec<Level>,
    level: Option<Level>,
    /// How many levels are open beyond those that are kept.
    beyond: usize,
    /// The name that was read last, whose value comes next.
    key: Option<Key>,
    out: String,
    copied: usize,
}

impl Editor<'_> {
    fn run(&mut self, leaves: &mut dyn Leaves) {
        let bytes = self.source.as_bytes();
        let mut at = 0;
        while let Some(byte) = bytes.get(at) {
            match byte {
                b'"' => at = self.string(at + 1, leaves),
                b'{' => self.open(None),
                b'[' => self.open(Some(0)),
                b'}' | b']' => self.close(),
                b',' => self.next(),
                b'-' | b'0'..=b'9' => {
                    at = self.number(at, leaves);
                    continue;
                }
                _ => {}
            }
            at += 1;
        }
    }

    fn open(&mut self, element: Option<usize>) {
        let key = self.key.take();
        if self.outer.len() + 1 < MAX_DEPTH {
            let level = Level { key, element };
            self.outer.extend(self.level.replace(level));
        } else {
            self.beyond += 1;
        }
    }

    fn close(&mut self) {
        self.key = None;
        if self.beyond > 0 {
            self.beyond -= 1;
        } else {
            self.level = self.outer.pop();
        }
    }

    fn next(&mut self) {
        self.key = None;
        if self.beyond == 0
            && let Some(level) = &mut self.level
            && let Some(element) = &mut level.element
        {
            *element += 1;
        }
    }

    /// Takes the string that begins behind the quote; returns where its closing quote stands.
    fn string(&mut self, start: usize, leaves: &mut dyn Leaves) -> usize {
        let bytes = self.source.as_bytes();
        let (mut end, mut spelling) = (start, Spelling::Plain);
        while let Some(rest) = bytes.get(end..) {
            match memchr2(b'"', b'\\', rest) {
                Some(at) if rest.get(at) == Some(&b'\\') => {
                    spelling = Spelling::Json;
                    end += at + 2;
                }
                Some(at) => {
                    end += at;
                    break;
                }
                None => end = bytes.len() + 1,
            }
        }
        let end = end.min(bytes.len());
        let inside = start..end;
        let Some(source) = self.source.get(inside.clone()) else {
            return end;
        };
        let text = spelling.read(source);
        let mut after = bytes.get(end + 1..).unwrap_or_default().iter();
        let is_name = after.find(|byte| !byte.is_ascii_whitespace()) == Some(&b':');
        let new = if is_name {
            self.key = Some(Key {
                start,
                end,
                spelling,
            });
            leaves.name(text)
        } else {
            let new = leaves.string(&self.place(), text);
            self.key = None;
            new
        };
        if let Some(new) = new {
            let new = Spelling::Json.write(source, &new);
            self.replace(inside, &new);
        }
        end
    }

    /// Takes the number that begins here; returns where it ends. An exponent stays.
    fn number(&mut self, start: usize, leaves: &mut dyn Leaves) -> usize {
        let rest = self.source.as_bytes().get(start..).unwrap_or_default();
        let length = |fits: fn(&u8) -> bool| rest.iter().take_while(|byte| fits(byte)).count();
        let mantissa = length(|byte| matches!(byte, b'-' | b'.' | b'0'..=b'9'));
        let whole = length(|byte| matches!(byte, b'-' | b'+' | b'.' | b'0'..=b'9' | b'e' | b'E'));
        let range = start..start + mantissa;
        if let Some(text) = self.source.get(range.clone())
            && let Some(new) = leaves.number(&self.place(), text)
        {
            self.replace(range, &number_like(text, &new));
        }
        self.key = None;
        start + whole
    }

    fn place(&self) -> At<'_> {
        At {
            source: self.source,
            outer: &self.outer,
            level: self.level.as_ref(),
            key: self.key,
        }
    }

    fn replace(&mut self, range: Range<usize>, new: &str) {
        let before = self
            .source
            .get(self.copied..range.start)
            .unwrap_or_default();
        self.out.push_str(before);
        self.out.push_str(new);
        self.copied = range.end;
    }
}

/// A number that is one in JSON too: no zero stands before other digits.
fn number_like(was: &str, new: &str) -> String {
    if serde_json::from_str::<serde_json::Number>(new).is_ok() {
        return new.to_owned();
    }
    let digits = new.bytes().zip(was.bytes());
    let fixed = digits.map(|(new, was)| match (new, was) {
        (b'0'..=b'9', b'0') => b'0',
        (b'0', _) => b'1',
        _ => new,
    });
    let fixed: String = fixed.map(char::from).collect();
    match serde_json::from_str::<serde_json::Number>(&fixed) {
        Ok(_) => fixed,
        Err(_) => "0".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Notes what it is shown, and turns small letters of strings to capitals.
    #[derive(Default)]
    struct Shouting(Vec<String>);

    impl Leaves for Shouting {
        fn name(&mut self, _: Cow<'_, str>) -> Option<String> {
            None
        }

        fn string(&mut self, at: &At<'_>, text: Cow<'_, str>) -> Option<String> {
            let name = at.name().unwrap_or_default();
            self.0.push(format!("{} {name} {text}", at.pointer()));
            let loud = text.to_uppercase();
            (loud != text).then_some(loud)
        }

        fn number(&mut self, at: &At<'_>, text: &str) -> Option<String> {
            self.0.push(format!("{} = {text}", at.pointer()));
            text.contains("77").then(|| text.replace("77", "05"))
        }
    }

    fn shouted(source: &str) -> (Option<String>, Vec<String>) {
        let mut leaves = Shouting::default();
        let out = edit(source, &mut leaves);
        (out, leaves.0)
    }

    #[test]
    fn only_what_changes_is_written_anew() {
        let source = r#"{ "a" : ["x", 1.0e2, {"b/c":"\u0079\"" ,"a":true}], "a":771, "n":-0 }"#;
        let (out, seen) = shouted(source);
        let expected = r#"{ "a" : ["X", 1.0e2, {"b/c":"\u0059\"" ,"a":true}], "a":151, "n":-0 }"#;
        assert_eq!(out.as_deref(), Some(expected));
        assert_eq!(
            seen,
            [
                "/a/0 a x",
                "/a/1 = 1.0",
                "/a/2/b~1c b/c y\"",
                "/a = 771",
                "/n = -0"
            ]
        );
        assert_eq!(shouted(r#"[1,"X"]"#).0, None);
    }

    #[test]
    fn strings_of_torn_json_and_of_several_values_are_found() {
        let (out, seen) = shouted("{\"a\":\"x\"}\n{\"b\":{\"c\":\"yz");
        assert_eq!(out.as_deref(), Some("{\"a\":\"X\"}\n{\"b\":{\"c\":\"YZ"));
        assert_eq!(seen, ["/a a x", "/b/c c yz"]);
        assert_eq!(shouted("[\"a\\").0.as_deref(), Some("[\"A\\"));
    }

    #[test]
    fn deep_json_is_read_to_its_end() {
        let deep = "[{\"a\":".repeat(5_000);
        let (out, seen) = shouted(&format!("{deep}\"x\""));
        assert_eq!(out, Some(format!("{deep}\"X\"")));
        assert_eq!(seen.len(), 1);
        assert!(
            seen[0].ends_with("/a a x"),
            "{}",
            &seen[0][seen[0].len() - 20..]
        );
    }
}
