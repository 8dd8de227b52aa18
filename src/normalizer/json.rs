//! Two things that everybody who writes or passes over JSON text needs.

/// Writes a character as it stands in a JSON string.
pub(super) fn push_escaped(out: &mut String, c: char) {
    match c {
        '"' => out.push_str("\\\""),
        '\\' => out.push_str("\\\\"),
        '\n' => out.push_str("\\n"),
        '\r' => out.push_str("\\r"),
        '\t' => out.push_str("\\t"),
        '\u{8}' => out.push_str("\\b"),
        '\u{c}' => out.push_str("\\f"),
        c if c < ' ' => push_code_unit(out, u32::from(c)),
        c => out.push(c),
    }
}

/// Writes the escape of a UTF-16 code unit.
pub(super) fn push_code_unit(out: &mut String, unit: u32) {
    out.push_str("\\u");
    for shift in [12, 8, 4, 0] {
        out.extend(char::from_digit((unit >> shift) & 0xf, 16));
    }
}

/// The byte after the JSON string that opens at `at`.
pub(super) fn string_end(bytes: &[u8], at: usize) -> usize {
    let mut at = at + 1;
    while let Some(rest) = bytes.get(at..) {
        match memchr::memchr2(b'"', b'\\', rest) {
            Some(length) if rest.get(length) == Some(&b'\\') => at += length + 2,
            Some(length) => return at + length + 1,
            None => break,
        }
    }
    bytes.len()
}
