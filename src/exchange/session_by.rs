//! By what a user wants clients told apart.

use std::str::FromStr;

use super::Headers;
use super::credentials::{self, Credential, MAX_CREDENTIAL};

/// What a user chose to tell clients apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SessionBy {
    /// The value of the cookie of this name.
    Cookie(String),
    /// The value of the header field of this name.
    Header(String),
    /// The value of the field of this name in the content, JSON or a form.
    Field(String),
}

/// A text that says not by what clients are told apart.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is none of cookie:NAME, header:NAME and field:NAME")]
pub struct NoSessionBy(String);

impl SessionBy {
    /// The value by which a request with these header fields names its client; `field` finds one in
    /// the content.
    pub fn value(
        &self,
        headers: &Headers,
        field: impl FnOnce(&str) -> Option<String>,
    ) -> Option<String> {
        let value = match self {
            SessionBy::Cookie(name) => {
                let mut shown = credentials::shown(headers.iter()).into_iter();
                let cookie = |credential| match credential {
                    Credential::Cookie(other, value) if other == *name => Some(value),
                    Credential::Cookie(..) | Credential::Token(_) | Credential::User(_) => None,
                };
                shown.find_map(cookie)
            }
            SessionBy::Header(name) => {
                let value = headers.get(name)?;
                Some(std::str::from_utf8(value).ok()?.to_owned())
            }
            SessionBy::Field(name) => field(name),
        };
        let value = value?.trim().to_owned();
        (1..=MAX_CREDENTIAL).contains(&value.len()).then_some(value)
    }
}

impl FromStr for SessionBy {
    type Err = NoSessionBy;

    fn from_str(text: &str) -> Result<Self, NoSessionBy> {
        let (kind, name) = text.split_once(':').unwrap_or_default();
        match (kind, name.trim()) {
            (_, "") => Err(NoSessionBy(text.to_owned())),
            ("cookie", name) => Ok(SessionBy::Cookie(name.to_owned())),
            ("header", name) => Ok(SessionBy::Header(name.to_owned())),
            ("field", name) => Ok(SessionBy::Field(name.to_owned())),
            _ => Err(NoSessionBy(text.to_owned())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_tells_clients_apart_is_read_from_text() {
        let read = |text: &str| text.parse::<SessionBy>();
        assert_eq!(read("cookie:SID"), Ok(SessionBy::Cookie("SID".to_owned())));
        assert_eq!(
            read("header:X-Agent"),
            Ok(SessionBy::Header("X-Agent".to_owned()))
        );
        assert_eq!(read("field:user"), Ok(SessionBy::Field("user".to_owned())));
        for text in ["", "SID", "cookie:", "query:a"] {
            let refusal = read(text).unwrap_err().to_string();
            assert!(
                refusal.starts_with(&format!("{text:?} is none of")),
                "{refusal}"
            );
        }
    }

    #[test]
    fn a_request_names_its_client_by_what_was_chosen() {
        let headers: Headers = [("Cookie", "SID=7f3a; lang=de"), ("X-Agent", " kate ")]
            .into_iter()
            .collect();
        let value = |by: &str| {
            let by: SessionBy = by.parse().unwrap();
            by.value(&headers, |name| (name == "user").then(|| "bob".to_owned()))
        };
        assert_eq!(value("cookie:SID").as_deref(), Some("7f3a"));
        assert_eq!(value("header:x-agent").as_deref(), Some("kate"));
        assert_eq!(value("field:user").as_deref(), Some("bob"));
        for by in ["cookie:sid", "header:agent", "field:name"] {
            assert_eq!(value(by), None, "{by}");
        }
    }
}
