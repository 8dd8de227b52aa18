//! Python's bytes literals, which become strings where they are UTF-8.

use super::ahead::{Kind, ends_line};
use super::escape::Escapes;
use super::string::Stop;
use super::{Fault, Read, Reader};
use crate::normalizer::json::push_escaped;

impl Reader<'_> {
    /// Reads a bytes literal, and those that Python joins to it.
    pub(super) fn bytes_literal(&mut self) -> Read<()> {
        let source = self.at;
        self.dialects.only_python();
        let mut bytes = Vec::new();
        let mut end = self.at;
        while let Some(prefix) = self.prefix() {
            let new_line = ends_line(self.slice(end, self.at));
            if prefix.kind != Kind::Bytes || (self.frames.is_empty() && new_line) {
                break;
            }
            self.at += prefix.length;
            let stop = self.opening(self.peek().unwrap_or(b'"'));
            self.raw_bytes(stop, prefix.escapes, &mut bytes)?;
            end = self.at;
            self.blank()?;
        }
        let Ok(text) = String::from_utf8(bytes) else {
            return Err(Fault::new(
                source,
                "these bytes are not UTF-8, so no JSON string says them",
            ));
        };
        self.no_text.push(self.out.len());
        self.out.push('"');
        for c in text.chars() {
            push_escaped(&mut self.out, c);
        }
        self.out.push('"');
        self.last_string = None;
        Ok(())
    }

    fn raw_bytes(&mut self, stop: Stop, escapes: Escapes, bytes: &mut Vec<u8>) -> Read<()> {
        let open = self.at;
        loop {
            let Some(byte) = self.peek() else {
                return Err(Fault::new(open, "the bytes have no closing quote"));
            };
            let rest = self.bytes.get(self.at..).unwrap_or_default();
            match (byte, stop) {
                (_, Stop::Quote(quote)) if byte == quote => {
                    self.at += 1;
                    return Ok(());
                }
                (_, Stop::Triple(quote)) if rest.starts_with(&[quote; 3]) => {
                    self.at += 3;
                    return Ok(());
                }
                (b'\n' | b'\r', Stop::Quote(_) | Stop::At(_)) => {
                    return self.fault("the bytes are broken over lines");
                }
                (b'\r', Stop::Triple(_)) => {
                    if rest.get(1) != Some(&b'\n') {
                        bytes.push(b'\n');
                    }
                    self.at += 1;
                }
                (b'\\', _) => self.byte_escape(escapes, bytes)?,
                (0x80.., _) => {
                    return self.fault("a bytes literal holds ASCII and escapes only");
                }
                _ => {
                    bytes.push(byte);
                    self.at += 1;
                }
            }
        }
    }

    fn byte_escape(&mut self, escapes: Escapes, bytes: &mut Vec<u8>) -> Read<()> {
        let Some(next) = self.byte(self.at + 1) else {
            return self.fault("a backslash stands at the end of the sample");
        };
        let value = match (escapes, next) {
            (Escapes::Keep | Escapes::OnlyUnicode, _) => {
                bytes.push(b'\\');
                self.at += 1;
                if matches!(next, b'"' | b'\'' | b'\\') {
                    bytes.push(next);
                    self.at += 1;
                }
                return Ok(());
            }
            (Escapes::Read, b'\n') => {
                self.at += 2;
                return Ok(());
            }
            (Escapes::Read, b'\r') => {
                self.at += if self.byte(self.at + 2) == Some(b'\n') {
                    3
                } else {
                    2
                };
                return Ok(());
            }
            (Escapes::Read, b'x') => {
                let code = self.hexadecimal(2)?;
                bytes.extend(u8::try_from(code));
                self.at += 4;
                return Ok(());
            }
            (Escapes::Read, b'0'..=b'7') => {
                let digits = self.octal_digits(self.at + 1);
                let code = digits
                    .bytes()
                    .fold(0, |code, digit| code * 8 + u32::from(digit - b'0'));
                let length = digits.len();
                bytes.extend(u8::try_from(code & 0xff));
                self.at += 1 + length;
                return Ok(());
            }
            (Escapes::Read, b'n') => b'\n',
            (Escapes::Read, b't') => b'\t',
            (Escapes::Read, b'r') => b'\r',
            (Escapes::Read, b'a') => 0x07,
            (Escapes::Read, b'b') => 0x08,
            (Escapes::Read, b'f') => 0x0c,
            (Escapes::Read, b'v') => 0x0b,
            (Escapes::Read, b'"' | b'\'' | b'\\') => next,
            (Escapes::Read, _) => {
                bytes.push(b'\\');
                self.at += 1;
                return Ok(());
            }
        };
        bytes.push(value);
        self.at += 2;
        Ok(())
    }
}
