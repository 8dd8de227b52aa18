//! Tokens in header fields and queries.
//!
//! Whose they are is the business of [`super::super::clients`].

use memchr::memchr;

use crate::exchange::Headers;
use crate::exchange::credentials::{self, MAX_CREDENTIAL};
use crate::exchange::secret::names_token;
use crate::recorder::understanding::identifier;

use super::MAX_CREDENTIALS;

/// The fewest bytes of a token that is made of letters only.
const MIN_OPAQUE: usize = 24;

/// What is looked for in the fields of a message, which are gone through once.
#[derive(Default)]
pub(super) struct Shown<'a> {
    pub(super) cookies: Vec<(String, String)>,
    /// The first value of the field.
    pub(super) authorization: Option<&'a [u8]>,
    pub(super) tokens: Vec<String>,
}

/// Goes through the fields of a message.
pub(super) fn shown(headers: &Headers) -> Shown<'_> {
    let mut shown = Shown::default();
    headers.iter().for_each(|(name, value)| {
        if name.eq_ignore_ascii_case("cookie") {
            shown.cookies.extend(credentials::cookies(value));
        } else if name.eq_ignore_ascii_case("authorization") {
            shown.authorization.get_or_insert(value);
        }
        shown.tokens.extend(header_token(name, value));
    });
    shown.cookies.truncate(MAX_CREDENTIALS);
    shown.tokens.truncate(MAX_CREDENTIALS);
    shown
}

/// The tokens in the query of a target.
pub(super) fn query_tokens(target: &str) -> impl Iterator<Item = String> {
    let shown = credentials::in_query(target).into_iter();
    let values = shown.map(|credential| credential.value().to_owned());
    values.filter(|value| is_token(value))
}

/// Whether a value can be a token: a header's *name*, as in `X-CSRF-HEADER`, or a word is none.
pub(super) fn is_token(value: &str) -> bool {
    value.len() <= MAX_CREDENTIAL
        && (identifier::is_minted(value)
            || value.len() >= MIN_OPAQUE && !identifier::has_space(value))
}

fn header_token(name: &str, value: &[u8]) -> Option<String> {
    // Few values may be tokens, so that few names are looked at.
    let may_be = match value {
        [first, .., last] if first.is_ascii_graphic() && last.is_ascii_graphic() => {
            let is_long = value.len() >= MIN_OPAQUE;
            let is_minted =
                || value.len() >= identifier::MIN_MINTED && identifier::has_digit(value);
            (is_long || is_minted()) && memchr(b' ', value).is_none()
        }
        _ => true,
    };
    (may_be && names_token(name)).then_some(())?;
    let value = std::str::from_utf8(value).ok()?.trim();
    is_token(value).then(|| value.to_owned())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_field_shows_a_token_where_its_name_and_all_of_its_value_say_so(
            name in "(X-)?(CSRF|Session|token|Ticket|api-key|Date|host|accept|\u{212a}){1,2}",
            value in prop_oneof![
                "[\u{b} ]?[a-z0-9]{0,30}[é \u{a0}\t]?", "[a-z0-9]{0,26} [a-z0-9]{0,26}", "[0-9.:]{0,20}",
            ],
            damage in prop_oneof![9 => Just(None), 1 => Just(Some(0xff))],
        ) {
            let mut bytes = value.clone().into_bytes();
            bytes.extend(damage);
            let trimmed = value.trim();
            let minted = identifier::is_minted(trimmed);
            let opaque = trimmed.len() >= 24 && !trimmed.contains(char::is_whitespace);
            let expected = damage.is_none() && names_token(&name) && (minted || opaque);
            let found = header_token(&name, &bytes);
            prop_assert_eq!(found.as_deref(), expected.then_some(trimmed));
        }
    }
}
