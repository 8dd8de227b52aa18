//! Lays compact JSON out over lines. It does not check the JSON.

use super::json::string_end;

/// How far one level is set in.
const STEP: usize = 2;

/// How long laid-out text may become. Deep nesting of small values can grow by a thousand times; a
/// sample of the greatest size with ordinary nesting stays well below this.
const LENGTH_LIMIT: usize = 1 << 30;

/// One member a line, set in by two spaces; `None` where that would be too long.
pub(super) fn indented(json: &str) -> Option<String> {
    let bytes = json.as_bytes();
    let mut out = String::with_capacity(json.len() * 2);
    let mut depth = 0;
    let mut copied = 0;
    let mut at = 0;
    let mut before = 0;
    while let Some(&byte) = bytes.get(at) {
        let piece = |to: usize| json.get(copied..to).unwrap_or_default();
        match byte {
            b'"' => at = string_end(bytes, at) - 1,
            b'{' | b'[' => {
                out.push_str(piece(at + 1));
                depth += 1;
                copied = at + 1;
                if !matches!(bytes.get(at + 1), Some(b'}' | b']')) {
                    new_line(&mut out, depth);
                }
            }
            b'}' | b']' => {
                out.push_str(piece(at));
                depth -= 1;
                copied = at;
                if !matches!(before, b'{' | b'[') {
                    new_line(&mut out, depth);
                }
            }
            b',' => {
                out.push_str(piece(at + 1));
                copied = at + 1;
                new_line(&mut out, depth);
            }
            b':' => {
                out.push_str(piece(at + 1));
                out.push(' ');
                copied = at + 1;
            }
            _ => {}
        }
        if out.len() > LENGTH_LIMIT {
            return None;
        }
        before = byte;
        at += 1;
    }
    out.push_str(json.get(copied..).unwrap_or_default());
    Some(out)
}

fn new_line(out: &mut String, depth: usize) {
    const SPACES: &str = "                                                                ";
    out.push('\n');
    let mut left = depth * STEP;
    while left > 0 {
        let some = left.min(SPACES.len());
        out.push_str(SPACES.get(..some).unwrap_or_default());
        left -= some;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layout_is_that_of_serde_json() {
        for json in [
            "1",
            "[]",
            "{}",
            r#""a,b:[c]{\"d\\""#,
            r#"{"a":[1,2,{"b":[]}],"c":{},"d":"x:y,\"z\""}"#,
        ] {
            let value: serde_json::Value = serde_json::from_str(json).unwrap();
            assert_eq!(
                indented(json).unwrap(),
                serde_json::to_string_pretty(&value).unwrap()
            );
        }
    }
}
