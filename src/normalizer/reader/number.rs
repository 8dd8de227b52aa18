//! Numbers as Python and JSON5 write them, to numbers as JSON has them. Integers stay exact at any
//! size; floats are written as `json.dumps` writes them.

use std::borrow::Cow;

use super::{Dialect, Fault, Read, Reader};

/// How many decimal digits a hexadecimal, octal or binary integer may come to. The conversion takes
/// time by the square of them, and `CPython` stops at the same number for the same reason.
const CONVERTED_DIGITS_LIMIT: usize = 4300;

/// A number as JSON, and as a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Number {
    pub(super) json: String,
    /// As `json.dumps` writes it as a key.
    pub(super) key: String,
    /// The same for all numbers that are equal in Python.
    pub(super) identity: String,
}

/// What a number is spelled like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Spelling {
    Json,
    /// JSON5 and Python have it too.
    Json5,
    Python,
}

impl Reader<'_> {
    /// Reads a number as a value.
    #[inline]
    pub(super) fn number(&mut self) -> Read<()> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let length = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let plain = rest.first() != Some(&b'0') || length == 1;
        let long = usize::from(matches!(rest.get(length), Some(b'l' | b'L')));
        if plain && length > 0 && !continues_number(rest.get(length + long).copied()) {
            self.out.push_str(self.slice(self.at, self.at + length));
            self.at += length + long;
            if long > 0 {
                self.dialects.only_python();
            }
            return Ok(());
        }
        let number = self.any_number()?;
        self.out.push_str(&number.json);
        Ok(())
    }

    /// Reads a number of any spelling, with its sign.
    pub(super) fn any_number(&mut self) -> Read<Number> {
        let start = self.at;
        let sign = self.peek().filter(|byte| matches!(byte, b'-' | b'+'));
        let mut open = 0_usize;
        if sign.is_some() {
            self.at += 1;
            if sign == Some(b'+') {
                self.dialects.rule_out(Dialect::Json);
            }
            let body = self.at;
            self.blank()?;
            while self.peek() == Some(b'(') {
                open += 1;
                self.at += 1;
                self.blank()?;
            }
            if self.at > body {
                self.dialects.only_python();
            }
        }
        self.expect_number(start)?;
        let body = number_token(self.rest());
        let (number, spelling) =
            convert(body, sign == Some(b'-')).map_err(|message| Fault::new(self.at, message))?;
        match spelling {
            Spelling::Json => {}
            Spelling::Json5 => self.dialects.rule_out(Dialect::Json),
            Spelling::Python => self.dialects.only_python(),
        }
        self.at += body.len();
        for _ in 0..open {
            self.blank()?;
            if self.peek() != Some(b')') {
                return self.fault(format!("expected `)`, found {}", self.found()));
            }
            self.at += 1;
        }
        Ok(number)
    }

    /// After a sign only a number may follow.
    fn expect_number(&self, start: usize) -> Read<()> {
        match self.peek() {
            Some(b'0'..=b'9' | b'.') => Ok(()),
            Some(b'-' | b'+' | b'~') => Err(Fault::new(
                start,
                format!(
                    "`{}` is an operator, and nothing is evaluated",
                    self.slice(start, start + 1)
                ),
            )),
            _ => {
                let name = super::word::name_at(self.rest());
                if name.is_empty() {
                    return self.fault(format!("expected a number, found {}", self.found()));
                }
                Err(Fault::new(start, super::word::refused_name(name)))
            }
        }
    }
}

fn continues_number(byte: Option<u8>) -> bool {
    matches!(
        byte,
        Some(b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' | b'_' | b'.' | 0x80..)
    )
}

/// Everything that a number could be made of.
fn number_token(rest: &str) -> &str {
    let bytes = rest.as_bytes();
    let radix = matches!(bytes.get(1), Some(b'x' | b'X'));
    let mut before = 0;
    let length = bytes
        .iter()
        .take_while(|&&byte| {
            let exponent_sign =
                matches!(byte, b'+' | b'-') && matches!(before, b'e' | b'E') && !radix;
            before = byte;
            exponent_sign || byte == b'.' || byte == b'_' || byte.is_ascii_alphanumeric()
        })
        .count();
    rest.get(..length).unwrap_or_default()
}

/// Converts a number without its sign.
fn convert(token: &str, negative: bool) -> Result<(Number, Spelling), String> {
    let (body, long) = match token.strip_suffix(['l', 'L']) {
        Some(body) => (body, true),
        None => (token, false),
    };
    let body = &*lowered(body);
    let wrong = || format!("`{token}` is no number");
    for (mark, radix) in [("0x", 16), ("0o", 8), ("0b", 2)] {
        if let Some(digits) = body.strip_prefix(mark) {
            let digits = without_underscores(digits.strip_prefix('_').unwrap_or(digits))
                .filter(|digits| digits.chars().all(|c| c.is_digit(radix)))
                .ok_or_else(wrong)?;
            let plain = radix == 16 && !long && !body.contains('_');
            let spelling = if plain {
                Spelling::Json5
            } else {
                Spelling::Python
            };
            let decimal = to_decimal(&digits, radix)?;
            return Ok((integer(&decimal, negative), spelling));
        }
    }
    if let Some(rest) = body.strip_suffix('j')
        && rest.starts_with(|c: char| c.is_ascii_digit() || c == '.')
    {
        return Err(format!("`{token}` is a complex number, which JSON has not"));
    }
    let tidy = without_underscores(body).ok_or_else(wrong)?;
    let underscores = tidy.len() != body.len();
    if tidy.bytes().all(|byte| byte.is_ascii_digit()) {
        let zeros = tidy.bytes().all(|byte| byte == b'0');
        if tidy.starts_with('0') && !zeros {
            return Err(format!(
                "`{token}` has a leading zero: an octal number or a decimal one"
            ));
        }
        let odd = underscores || long || (zeros && tidy.len() > 1);
        let spelling = if odd {
            Spelling::Python
        } else {
            Spelling::Json
        };
        return Ok((integer(&tidy, negative), spelling));
    }
    if long {
        return Err(wrong());
    }
    float(&tidy, negative, token).map(|(number, spelling)| {
        (
            number,
            if underscores {
                Spelling::Python
            } else {
                spelling
            },
        )
    })
}

fn lowered(token: &str) -> Cow<'_, str> {
    if token.bytes().any(|byte| byte.is_ascii_uppercase()) {
        Cow::Owned(token.to_ascii_lowercase())
    } else {
        Cow::Borrowed(token)
    }
}

/// A number without its underscores; `None` where one does not stand between two digits.
fn without_underscores(digits: &str) -> Option<Cow<'_, str>> {
    if !digits.contains('_') {
        return (!digits.is_empty()).then_some(Cow::Borrowed(digits));
    }
    let bytes = digits.as_bytes();
    let digit = |at: Option<usize>| {
        at.and_then(|at| bytes.get(at))
            .is_some_and(u8::is_ascii_hexdigit)
    };
    let sound = bytes
        .iter()
        .enumerate()
        .all(|(at, &byte)| byte != b'_' || (digit(at.checked_sub(1)) && digit(Some(at + 1))));
    sound.then(|| Cow::Owned(digits.replace('_', "")))
}

fn integer(digits: &str, negative: bool) -> Number {
    let trimmed = digits.trim_start_matches('0');
    let json = match (trimmed, negative) {
        ("", _) => "0".to_owned(),
        (digits, true) => format!("-{digits}"),
        (digits, false) => digits.to_owned(),
    };
    Number {
        key: json.clone(),
        identity: json.clone(),
        json,
    }
}

/// What a number of JSON is compared by: the same for all that are equal in Python.
pub(super) fn identity(json: &str) -> String {
    let (negative, body) = match json.strip_prefix('-') {
        Some(body) => (true, body),
        None => (false, json),
    };
    convert(body, negative).map_or_else(|_| json.to_owned(), |(number, _)| number.identity)
}

fn float(tidy: &str, negative: bool, token: &str) -> Result<(Number, Spelling), String> {
    let wrong = || format!("`{token}` is no number");
    let (mantissa, exponent) = match tidy.split_once('e') {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (tidy, None),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let power = exponent.map(|text| text.strip_prefix(['+', '-']).unwrap_or(text));
    if !digits(whole)
        || !digits(fraction)
        || (whole.is_empty() && fraction.is_empty())
        || power.is_some_and(|power| power.is_empty() || !digits(power))
    {
        return Err(wrong());
    }
    let sign = if negative { "-" } else { "" };
    let value: f64 = format!("{sign}{tidy}").parse().map_err(|_| wrong())?;
    if value.is_infinite() {
        return Err(format!("`{token}` is larger than any float"));
    }
    let json_like = !whole.is_empty()
        && (whole == "0" || !whole.starts_with('0'))
        && mantissa.contains('.') != fraction.is_empty();
    let spelling = match (json_like, whole.len() > 1 && whole.starts_with('0')) {
        (true, _) => Spelling::Json,
        (false, true) => Spelling::Python,
        (false, false) => Spelling::Json5,
    };
    let key = repr(value);
    let identity = if value.fract() == 0.0 {
        let whole = format!("{value:.0}");
        if whole == "-0" { "0".to_owned() } else { whole }
    } else {
        key.clone()
    };
    Ok((
        Number {
            json: key.clone(),
            key,
            identity,
        },
        spelling,
    ))
}

/// A float as Python's `repr` writes it: the fewest digits that name it, with an exponent below
/// 1e-4 and from 1e16 on.
fn repr(value: f64) -> String {
    let scientific = fewest_digits(value);
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let power: i32 = exponent.parse().unwrap_or(0);
    if !(-4..16).contains(&power) {
        let sign = if power < 0 { '-' } else { '+' };
        return format!("{mantissa}e{sign}{:02}", power.unsigned_abs());
    }
    let decimals = mantissa
        .split_once('.')
        .map_or(0, |(_, digits)| digits.len());
    let places = i32::try_from(decimals).unwrap_or(0) - power;
    format!("{value:.*}", usize::try_from(places).unwrap_or(0).max(1))
}

/// A float with the fewest digits that name it, as `d.ddde±d`. Where two texts of that length are
/// equally near, Rust takes the upper and Python the even one, which is what rounding to so many digits
/// gives.
fn fewest_digits(value: f64) -> String {
    let shortest = format!("{value:e}");
    let mantissa = shortest.split('e').next().unwrap_or_default();
    let decimals = mantissa
        .split_once('.')
        .map_or(0, |(_, digits)| digits.len());
    let rounded = format!("{value:.decimals$e}");
    let same = rounded.parse() == Ok(value);
    if same { rounded } else { shortest }
}

/// Converts digits of another base to decimal ones.
fn to_decimal(digits: &str, radix: u32) -> Result<String, String> {
    const LIMB: u64 = 1_000_000_000;
    let digits = digits.trim_start_matches('0');
    // One digit of any base comes to at most 1.21 decimal ones.
    if digits.len() > CONVERTED_DIGITS_LIMIT * 4 {
        return Err(too_long());
    }
    let mut limbs: Vec<u64> = vec![0];
    for digit in digits.chars().filter_map(|c| c.to_digit(radix)) {
        let mut carry = u64::from(digit);
        for limb in &mut limbs {
            let sum = *limb * u64::from(radix) + carry;
            *limb = sum % LIMB;
            carry = sum / LIMB;
        }
        if carry > 0 {
            limbs.push(carry);
        }
    }
    let groups: Vec<String> = limbs
        .iter()
        .rev()
        .map(|limb| format!("{limb:09}"))
        .collect();
    let decimal = groups.concat();
    let decimal = decimal.trim_start_matches('0');
    if decimal.len() > CONVERTED_DIGITS_LIMIT {
        return Err(too_long());
    }
    Ok(decimal.to_owned())
}

fn too_long() -> String {
    format!(
        "the integer comes to more than {CONVERTED_DIGITS_LIMIT} decimal digits, which is the limit"
    )
}
