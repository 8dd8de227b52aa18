//! Lines of JSON in a response that stays open.

use bytes::Bytes;

use super::{Item, MAX_MESSAGE};

/// Reads a stream of lines.
#[derive(Debug, Default)]
pub struct Lines {
    line: Vec<u8>,
    room: Room,
}

/// Whether a line is still short enough to be read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Room {
    #[default]
    Enough,
    None,
}

impl Lines {
    /// Reads the next bytes, and returns the lines that they complete.
    pub fn push(&mut self, bytes: &[u8]) -> Vec<Item> {
        let mut items = Vec::new();
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            let (content, whole) = match piece.split_last() {
                Some((b'\n', content)) => (content, true),
                _ => (piece, false),
            };
            if self.line.len() + content.len() > MAX_MESSAGE {
                self.room = Room::None;
                self.line.clear();
            }
            if self.room == Room::Enough {
                self.line.extend_from_slice(content);
            }
            if whole {
                items.push(self.ended());
            }
        }
        items
    }

    /// The stream is over: what its last line is, if it was not ended.
    pub fn end(&mut self) -> Option<Item> {
        let open = !self.line.is_empty() || self.room == Room::None;
        open.then(|| self.ended())
    }

    fn ended(&mut self) -> Item {
        let line = std::mem::take(&mut self.line);
        if std::mem::take(&mut self.room) == Room::None {
            Item::Lost
        } else if line.iter().all(u8::is_ascii_whitespace) {
            // It keeps the connection alive, and says nothing.
            Item::Comment(String::from_utf8_lossy(&line).into_owned())
        } else {
            Item::Line(Bytes::from(line))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(text: &str) -> Item {
        Item::Line(Bytes::copy_from_slice(text.as_bytes()))
    }

    #[test]
    fn lines_are_told_apart_however_they_arrive() {
        let stream = "{\"a\":1}\n\n{\"b\":\"é\"}\r\n \n[2]";
        for piece in 1..stream.len() {
            let mut lines = Lines::default();
            let pieces = stream.as_bytes().chunks(piece);
            let mut items: Vec<Item> = pieces.flat_map(|piece| lines.push(piece)).collect();
            items.extend(lines.end());
            let expected = [
                line("{\"a\":1}"),
                Item::Comment(String::new()),
                line("{\"b\":\"é\"}\r"),
                Item::Comment(" ".into()),
                line("[2]"),
            ];
            assert_eq!(items, expected, "{piece}");
            assert_eq!(lines.end(), None);
        }
    }

    #[test]
    fn a_line_that_is_too_long_is_passed_over_and_said() {
        let mut lines = Lines::default();
        let chunk = vec![b'x'; 1 << 20];
        for _ in 0..=16 {
            assert_eq!(lines.push(&chunk), []);
        }
        assert_eq!(lines.push(b"\n1\n"), [Item::Lost, line("1")]);
    }
}
