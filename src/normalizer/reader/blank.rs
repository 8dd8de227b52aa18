//! What stands between tokens: white space of every kind, comments, and line joins.

use super::{Dialect, Read, Reader};

impl Reader<'_> {
    /// Passes over what has no meaning.
    #[inline]
    pub(super) fn blank(&mut self) -> Read<()> {
        // Most tokens stand one space or line break apart, or none.
        if let Some(b' ' | b'\n') = self.peek() {
            self.at += 1;
        }
        match self.peek() {
            Some(b',' | b':' | b'"' | b'\'' | b'}' | b']') => Ok(()),
            _ => self.some_blank(),
        }
    }

    #[inline(never)] // It would make every place that passes over blanks slower.
    fn some_blank(&mut self) -> Read<()> {
        while let Some(b' ' | b'\n' | b'\r' | b'\t') = self.peek() {
            self.at += 1;
        }
        match self.peek() {
            Some(b'#' | b'/' | b'\\' | 0x0b | 0x0c | 0x80..) => self.rare_blank(),
            _ => Ok(()),
        }
    }

    #[cold]
    fn rare_blank(&mut self) -> Read<()> {
        loop {
            let rest = self.rest();
            let Some(first) = rest.chars().next() else {
                return Ok(());
            };
            match first {
                '#' => {
                    self.dialects.rule_out(Dialect::Json);
                    self.dialects.rule_out(Dialect::Json5);
                    self.line_comment("#")?;
                }
                '/' if rest.starts_with("//") => {
                    self.dialects.rule_out(Dialect::Json);
                    self.dialects.rule_out(Dialect::Python);
                    self.line_comment("//")?;
                }
                '/' if rest.starts_with("/*") => {
                    self.dialects.rule_out(Dialect::Json);
                    self.dialects.rule_out(Dialect::Python);
                    let Some(length) = rest.find("*/") else {
                        return self.fault("the comment `/*` has no end `*/`");
                    };
                    self.at += length + 2;
                }
                '\\' if rest.starts_with("\\\n") || rest.starts_with("\\\r\n") => {
                    self.dialects.only_python();
                    self.at += 1;
                }
                '\u{c}' => {
                    self.dialects.rule_out(Dialect::Json);
                    self.at += 1;
                }
                ' ' | '\n' | '\r' | '\t' => self.at += 1,
                c if c.is_whitespace() || c == '\u{feff}' => {
                    self.dialects.rule_out(Dialect::Json);
                    self.dialects.rule_out(Dialect::Python);
                    self.at += c.len_utf8();
                }
                _ => return Ok(()),
            }
        }
    }

    /// A comment to the end of its line. On the last line inside a bracket nobody can tell where the
    /// comment ends: the sample's line breaks are gone.
    fn line_comment(&mut self, mark: &str) -> Read<()> {
        match memchr::memchr2(b'\n', b'\r', self.rest().as_bytes()) {
            Some(length) => self.at += length,
            None if self.frames.is_empty() => self.at = self.text.len(),
            None => {
                return self.fault(format!(
                    "the comment `{mark}` runs to the end of the sample inside a bracket: expected a \
                     line break after it"
                ));
            }
        }
        Ok(())
    }
}
