//! Pseudonyms: values of the same shape as secrets, from which nobody without the key learns these.
//!
//! Equal values have equal pseudonyms under one key, wherever they stand. Where values stand is not
//! its business.

#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};

use super::json::{self, At, Leaves};

/// How many bytes a key has.
pub const KEY_BYTES: usize = blake3::KEY_LEN;

/// How often another pseudonym is tried where one is the secret itself.
const MAX_ROUNDS: u8 = 64;

/// The shortest base64 that is taken for text in disguise: of random characters, fewer than one in ten
/// thousand of that length say text.
const MIN_DISGUISED: usize = 12;

/// The shortest row of hexadecimal digits that stays one; a shorter may be a word.
const MIN_HEX: usize = 8;

/// How deep disguises are taken off.
const MAX_DISGUISES: u8 = 3;

/// The claims of a signed token that say what it is (RFC 7519 §5, RFC 9068, and others): they stay.
const TYPES: &[&str] = &["typ", "cty", "alg", "token_type", "token_use", "tokenType"];

/// The key of a tape's pseudonyms. It is not shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Key([u8; KEY_BYTES]);

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(…)")
    }
}

/// Random numbers that a value and a key determine.
struct Stream(blake3::OutputReader);

/// Maps the strings of a token's claims.
struct Claims<'a> {
    key: &'a Key,
    round: u8,
}

impl Key {
    /// The key of these bytes, which must come from a source that nobody can guess.
    pub fn new(bytes: [u8; KEY_BYTES]) -> Key {
        Key(bytes)
    }

    /// The key as 64 hexadecimal digits, for a file.
    pub fn to_hex(&self) -> String {
        blake3::Hash::from_bytes(self.0).to_hex().to_string()
    }

    /// The key that these hexadecimal digits write; `None` where they write none.
    pub fn from_hex(text: &str) -> Option<Key> {
        let digits: Option<Vec<u8>> = text
            .chars()
            .map(|c| c.to_digit(16).and_then(|d| u8::try_from(d).ok()))
            .collect();
        let digits = digits.filter(|digits| digits.len() == 2 * KEY_BYTES)?;
        let mut bytes = [0; KEY_BYTES];
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks(2)) {
            *byte = pair.iter().fold(0, |byte, digit| byte << 4 | digit);
        }
        Some(Key(bytes))
    }

    /// The pseudonym of a value: of the same length, a digit for a digit and a letter for a letter, and
    /// never the value itself.
    pub fn pseudonym(&self, value: &str) -> String {
        let made = |round| self.disguised(value, round, MAX_DISGUISES);
        let mut rounds = (0..MAX_ROUNDS).map(made);
        let other = rounds.find(|made| made != value);
        other.unwrap_or_else(|| {
            plain(
                value,
                &mut self.stream(value, MAX_ROUNDS),
                Punctuation::Changes,
            )
        })
    }

    fn disguised(&self, value: &str, round: u8, depth: u8) -> String {
        let mut stream = self.stream(value, round);
        if let Some(token) = self.signed(value, round, &mut stream) {
            return token;
        }
        if let Some((engine, text)) = disguise(value).filter(|_| depth > 0) {
            return engine.encode(&self.disguised(&text, round, depth - 1));
        }
        let made = plain(value, &mut stream, Punctuation::Stays);
        if is_padded(value) {
            padded(&made, value, &mut stream)
        } else {
            made
        }
    }

    fn stream(&self, value: &str, round: u8) -> Stream {
        let mut hasher = blake3::Hasher::new_keyed(&self.0);
        hasher.update(&[round]).update(value.as_bytes());
        Stream(hasher.finalize_xof())
    }

    /// A JSON Web Token (RFC 7519) with its header, its times and its types; other claims that are
    /// strings, and the signature, become others.
    fn signed(&self, value: &str, round: u8, stream: &mut Stream) -> Option<String> {
        let fields: Vec<&str> = value.split('.').collect();
        let (header, rest) = fields.split_first()?;
        let decoded = URL_SAFE_NO_PAD.decode(header).ok()?;
        let is_header = std::str::from_utf8(&decoded)
            .ok()?
            .trim_start()
            .starts_with('{');
        if !is_header || !(2..=5).contains(&fields.len()) {
            return None;
        }
        let mut out = vec![(*header).to_owned()];
        for field in rest {
            let claims = URL_SAFE_NO_PAD.decode(field).ok()?;
            out.push(match String::from_utf8(claims) {
                Ok(json) if json.trim_start().starts_with('{') => {
                    let new = json::edit(&json, &mut Claims { key: self, round });
                    URL_SAFE_NO_PAD.encode(new.unwrap_or(json))
                }
                Ok(text) => URL_SAFE_NO_PAD.encode(stream.octets(text.len())),
                Err(error) => URL_SAFE_NO_PAD.encode(stream.octets(error.as_bytes().len())),
            });
        }
        Some(out.join("."))
    }
}

impl Leaves for Claims<'_> {
    fn name(&mut self, _: Cow<'_, str>) -> Option<String> {
        None
    }

    fn string(&mut self, at: &At<'_>, text: Cow<'_, str>) -> Option<String> {
        let name = at.name().unwrap_or_default();
        let kept = text.is_empty() || TYPES.contains(&name.as_ref());
        (!kept).then(|| {
            let mut stream = self.key.stream(&text, self.round);
            plain(&text, &mut stream, Punctuation::Stays)
        })
    }

    fn number(&mut self, _: &At<'_>, _: &str) -> Option<String> {
        None
    }
}

impl Stream {
    fn octets(&mut self, count: usize) -> Vec<u8> {
        let mut octets = vec![0; count];
        self.0.fill(&mut octets);
        octets
    }

    /// A number below `bound`.
    fn below(&mut self, bound: u32) -> u32 {
        let mut octets = [0; 8];
        self.0.fill(&mut octets);
        // Of eight octets the rest is even enough.
        u32::try_from(u64::from_le_bytes(octets) % u64::from(bound.max(1))).unwrap_or_default()
    }

    fn between(&mut self, first: char, last: char) -> char {
        let (first, last) = (u32::from(first), u32::from(last));
        let number = first + self.below(last - first + 1);
        char::from_u32(number).unwrap_or(char::REPLACEMENT_CHARACTER)
    }
}

/// What becomes of characters that are neither letters nor digits.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Punctuation {
    Stays,
    Changes,
}

/// Each character for one of its kind, and of as many bytes.
fn plain(value: &str, stream: &mut Stream, punctuation: Punctuation) -> String {
    let is_hex = is_hex(value);
    let uuid = is_uuid(value);
    let numeric = value
        .chars()
        .all(|c| c.is_ascii_digit() || "-+.".contains(c));
    let mut first_digit = numeric;
    let mut out = String::with_capacity(value.len());
    for (place, c) in value.chars().enumerate() {
        let new = match c {
            // The version and the variant (RFC 9562 §4).
            _ if uuid && matches!(place, 14 | 19) => c,
            // What is a number without a zero before it stays so.
            '1'..='9' if first_digit => stream.between('1', '9'),
            '0'..='9' => stream.between('0', '9'),
            'a'..='f' if is_hex => stream.between('a', 'f'),
            'A'..='F' if is_hex => stream.between('A', 'F'),
            'a'..='z' => stream.between('a', 'z'),
            'A'..='Z' => stream.between('A', 'Z'),
            '!'..='~' if punctuation == Punctuation::Changes => {
                // These may stand in cookies and header fields as they are.
                let safe = ['!', '*', '-', '.', '_', '~'];
                let others: Vec<char> = safe.into_iter().filter(|other| *other != c).collect();
                let at = stream.below(u32::try_from(others.len()).unwrap_or_default());
                others.get(at as usize).copied().unwrap_or('_')
            }
            '\0'..='\x7f' | '\u{80}'..='\u{bf}' => c,
            _ => match c.len_utf8() {
                2 => stream.between('à', 'ö'),
                3 => stream.between('一', '龥'),
                _ => stream.between('\u{20000}', '\u{2a6d6}'),
            },
        };
        first_digit &= !c.is_ascii_digit();
        out.push(new);
    }
    out
}

fn is_hex(value: &str) -> bool {
    let letters: Vec<char> = value.chars().filter(char::is_ascii_alphabetic).collect();
    let digits = value.chars().filter(char::is_ascii_digit).count();
    let of_hex = letters.iter().all(char::is_ascii_hexdigit);
    let one_case = letters.iter().all(char::is_ascii_lowercase)
        || letters.iter().all(char::is_ascii_uppercase);
    let ascii = value.is_ascii();
    ascii && of_hex && one_case && digits > 0 && letters.len() + digits >= MIN_HEX
}

fn is_uuid(value: &str) -> bool {
    let lengths: Vec<usize> = value.split('-').map(str::len).collect();
    lengths == [8, 4, 4, 4, 12] && value.chars().all(|c| c == '-' || c.is_ascii_hexdigit())
}

/// A way to write octets in base64.
#[derive(Clone, Copy)]
enum Engine {
    Standard,
    StandardBare,
    Url,
    UrlBare,
}

impl Engine {
    fn encode(self, text: &str) -> String {
        match self {
            Engine::Standard => STANDARD.encode(text),
            Engine::StandardBare => STANDARD_NO_PAD.encode(text),
            Engine::Url => URL_SAFE.encode(text),
            Engine::UrlBare => URL_SAFE_NO_PAD.encode(text),
        }
    }

    fn decode(self, text: &str) -> Option<Vec<u8>> {
        match self {
            Engine::Standard => STANDARD.decode(text),
            Engine::StandardBare => STANDARD_NO_PAD.decode(text),
            Engine::Url => URL_SAFE.decode(text),
            Engine::UrlBare => URL_SAFE_NO_PAD.decode(text),
        }
        .ok()
    }
}

/// The text that a value says in base64.
fn disguise(value: &str) -> Option<(Engine, String)> {
    if value.len() < MIN_DISGUISED {
        return None;
    }
    let engines = [
        Engine::Standard,
        Engine::StandardBare,
        Engine::Url,
        Engine::UrlBare,
    ];
    engines.into_iter().find_map(|engine| {
        let text = String::from_utf8(engine.decode(value)?).ok()?;
        let printable = text.chars().all(|c| !c.is_control());
        printable.then_some((engine, text))
    })
}

fn is_padded(value: &str) -> bool {
    value.ends_with('=')
        && STANDARD
            .decode(value)
            .or_else(|_| URL_SAFE.decode(value))
            .is_ok()
}

/// Base64 whose last character says no more bits than there are (RFC 4648 §3.5), so that it is read.
fn padded(made: &str, value: &str, stream: &mut Stream) -> String {
    let body = made.trim_end_matches('=');
    let Some((last, before)) = body
        .chars()
        .next_back()
        .map(|last| (last, body.len() - last.len_utf8()))
    else {
        return made.to_owned();
    };
    let endings = match (value.ends_with("=="), last) {
        (true, 'a'..='z') => "gw",
        (true, _) => "AQ",
        (false, '0'..='9') => "048",
        (false, 'a'..='z') => "cgkosw",
        (false, _) => "AEIMQUY",
    };
    let at = stream.below(u32::try_from(endings.len()).unwrap_or_default()) as usize;
    let ending = endings.get(at..=at).unwrap_or_default();
    let padding = made.get(body.len()..).unwrap_or_default();
    format!(
        "{}{ending}{padding}",
        body.get(..before).unwrap_or_default()
    )
}
