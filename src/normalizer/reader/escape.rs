//! Backslash escapes, and the escapes that JSON needs.

use super::{Dialect, Fault, Meaning, Read, Reader};
use crate::normalizer::json::{push_code_unit, push_escaped};

/// Which escapes a string has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Escapes {
    /// All of them.
    Read,
    /// None: a raw string.
    Keep,
    /// Only `\u`: a raw Unicode string of Python 2.
    OnlyUnicode,
}

impl<'t> Reader<'t> {
    /// Reads the escape at the backslash that is read next.
    pub(super) fn escape(&mut self, escapes: Escapes) -> Read<()> {
        let Some(c) = self.rest().chars().nth(1) else {
            return self.fault("a backslash stands at the end of the sample");
        };
        match (escapes, c) {
            (Escapes::Read, _) => self.full_escape(c),
            (Escapes::OnlyUnicode, 'u') => self.code(4),
            (Escapes::Keep | Escapes::OnlyUnicode, _) => {
                self.out.push_str("\\\\");
                self.at += 1;
                // A quote after a backslash does not end a raw string, nor is a backslash after a
                // backslash the start of another pair.
                if matches!(c, '"' | '\'' | '\\') {
                    push_escaped(&mut self.out, c);
                    self.at += 1;
                }
                Ok(())
            }
        }
    }

    fn full_escape(&mut self, c: char) -> Read<()> {
        let json = match c {
            'n' => "\\n",
            't' => "\\t",
            'r' => "\\r",
            'b' => "\\b",
            'f' => "\\f",
            '"' => "\\\"",
            '\\' => "\\\\",
            'u' => return self.code(4),
            '/' => {
                self.slash();
                return Ok(());
            }
            '\'' => self.not_json("'"),
            'v' => self.not_json("\\u000b"),
            '\n' => self.not_json(""),
            '\r' => {
                if self.byte(self.at + 2) == Some(b'\n') {
                    self.at += 1;
                }
                self.not_json("")
            }
            'x' => {
                self.dialects.rule_out(Dialect::Json);
                return self.code(2);
            }
            'U' => {
                self.dialects.only_python();
                return self.code(8);
            }
            'N' => return self.fault("`\\N{...}` names a character: write the character itself"),
            '0'..='7' => {
                self.octal();
                return Ok(());
            }
            _ => return self.unknown_escape(c),
        };
        self.out.push_str(json);
        self.at += 2;
        Ok(())
    }

    fn not_json(&mut self, json: &'static str) -> &'static str {
        self.dialects.rule_out(Dialect::Json);
        json
    }

    /// `\/` is a slash to JSON and JSON5, and two characters to Python.
    fn slash(&mut self) {
        self.disputed_escape = true;
        match self.meaning {
            Meaning::Json | Meaning::Json5 => self.out.push('/'),
            Meaning::Python => self.out.push_str("\\\\/"),
            Meaning::Mixed => {
                self.repair(self.at, "\\/", "/", "only JSON's writers escape a slash");
                self.out.push('/');
            }
        }
        self.at += 2;
    }

    /// Python keeps the backslash of what is no escape (and has `\a`); JSON5 drops it; JSON has none.
    fn unknown_escape(&mut self, c: char) -> Read<()> {
        self.dialects.rule_out(Dialect::Json);
        self.disputed_escape = true;
        if matches!(self.meaning, Meaning::Json5 | Meaning::Mixed) {
            return self.fault(format!(
                "`\\{}` is no escape that JSON has, and others read it in two ways",
                c.escape_debug()
            ));
        }
        if c == 'a' {
            self.out.push_str("\\u0007");
        } else {
            self.out.push_str("\\\\");
            push_escaped(&mut self.out, c);
        }
        self.at += 1 + c.len_utf8();
        Ok(())
    }

    fn octal(&mut self) {
        let digits = self.octal_digits(self.at + 1);
        let code = digits
            .bytes()
            .fold(0, |code, digit| code * 8 + u32::from(digit - b'0'));
        let next = self.byte(self.at + 1 + digits.len());
        if digits == "0" && !matches!(next, Some(b'8' | b'9')) {
            self.dialects.rule_out(Dialect::Json);
        } else {
            self.dialects.only_python();
        }
        self.at += 1 + digits.len();
        self.push_code(code);
    }

    /// Up to three octal digits.
    pub(super) fn octal_digits(&self, from: usize) -> &'t str {
        let rest = self.bytes.get(from..).unwrap_or_default();
        let length = rest
            .iter()
            .take(3)
            .take_while(|byte| matches!(byte, b'0'..=b'7'))
            .count();
        self.slice(from, from + length)
    }

    /// Reads `\u`, `\x` or `\U` with its `count` digits.
    fn code(&mut self, count: usize) -> Read<()> {
        let code = self.hexadecimal(count)?;
        if code > u32::from(char::MAX) {
            return self.fault(format!("there is no character {code:#x}"));
        }
        self.at += 2 + count;
        self.push_code(code);
        Ok(())
    }

    /// The number in the `count` digits after the escape that is read next.
    pub(super) fn hexadecimal(&self, count: usize) -> Read<u32> {
        let from = self.at + 2;
        let digits = self.slice(from, from + count);
        if digits.len() == count
            && digits.bytes().all(|digit| digit.is_ascii_hexdigit())
            && let Ok(code) = u32::from_str_radix(digits, 16)
        {
            return Ok(code);
        }
        Err(Fault::new(
            self.at,
            format!(
                "`{}` is cut short: expected {count} hexadecimal digits",
                self.slice(self.at, from)
            ),
        ))
    }

    /// Writes a code point or a half of a surrogate pair; the second half joins the first.
    fn push_code(&mut self, code: u32) {
        match (code, char::from_u32(code)) {
            (_, Some(c)) => push_escaped(&mut self.out, c),
            (0xd800..=0xdbff, _) => {
                push_code_unit(&mut self.out, code);
                self.lone_high = self.out.len();
            }
            (low, None) => match self.joined(low) {
                Some(c) => {
                    self.out.truncate(self.out.len() - "\\ud800".len());
                    self.out.push(c);
                }
                None => push_code_unit(&mut self.out, low),
            },
        }
    }

    fn joined(&self, low: u32) -> Option<char> {
        if self.lone_high != self.out.len() {
            return None;
        }
        let digits = self.out.get(self.out.len().checked_sub(4)?..)?;
        let high = u32::from_str_radix(digits, 16).ok()?;
        if !(0xd800..=0xdbff).contains(&high) {
            return None;
        }
        char::from_u32(0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00))
    }
}
