//! The target of a request, made whole: its API root, the identifier that a placeholder stands for,
//! and what follows from it for the channel of the notifications and for the Bayeux endpoint.

use std::collections::BTreeSet;

use serde_json::Value;

/// The path that a Bayeux server listens on below the API root.
const NOTIFICATIONS: &str = "notifications";

/// The API root of a service whose pages name none.
const USUAL_ROOT: &str = "/api/v2";

/// A target that lacks the API root, with the root of the page's own URL: `/me/chats/{id}` where
/// that is `/api/v2/me/chats/{id}`. `None` where it has one already or the page does not tell.
pub(super) fn with_root(target: &str, url: Option<&str>) -> Option<String> {
    let url = url?;
    let first = target.strip_prefix('/')?.split(['/', '?']).next()?;
    let at = url.find(&format!("/{first}"))?;
    let behind = url.get(at + 1 + first.len()..)?;
    let is_segment = behind.is_empty() || behind.starts_with(['/', '?']);
    let root = url
        .get(..at)
        .filter(|root| !root.is_empty() && is_segment)?;
    Some(format!("{root}{target}"))
}

/// The placeholders in a target, each with the collection before it: `{id}` of `chats`.
pub(super) fn placeholders(target: &str) -> Vec<(String, String)> {
    let path = target.split('?').next().unwrap_or_default();
    let segments = || path.split('/');
    segments()
        .zip(segments().skip(1))
        .filter(|(_, segment)| is_name(segment))
        .map(|(collection, segment)| (collection.to_owned(), segment.to_owned()))
        .collect()
}

/// Whether a path is another one with names in braces for some of its segments.
pub(super) fn generalises(path: &str, other: &str) -> bool {
    path.contains('{')
        && path.split('/').count() == other.split('/').count()
        && path
            .split('/')
            .zip(other.split('/'))
            .all(|(one, other)| one == other || is_name(one))
}

/// The identifiers of a collection's members that samples hold: those in URIs below the collection,
/// and the `id` of objects under its singular.
pub(super) fn identifiers(collection: &str, samples: &[&str]) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let singular = collection.strip_suffix('s').unwrap_or(collection);
    for sample in samples {
        if let Ok(value) = serde_json::from_str(sample) {
            collect(&value, collection, singular, &mut found);
        }
    }
    found
}

/// The channel of the notifications about what a target names: `/v2/me/chats` for
/// `/api/v2/me/chats/{id}`.
pub(super) fn channel(target: &str) -> Channel {
    let path = target.split('?').next().unwrap_or_default();
    let segments: Vec<&str> = path
        .split('/')
        .filter(|segment| !segment.is_empty())
        .collect();
    let version = segments
        .iter()
        .copied()
        .find(|segment| is_version(segment))
        .unwrap_or("v2");
    let me = segments.iter().position(|segment| *segment == "me");
    if let Some(below) = me.and_then(|me| segments.get(me + 1)) {
        return Channel::Named(format!("/{version}/me/{below}"));
    }
    let after_root = segments
        .iter()
        .copied()
        .find(|segment| *segment != "api" && *segment != "me" && !is_version(segment));
    Channel::Guessed(match after_root {
        Some(segment) => format!("/{version}/me/{segment}"),
        None => format!("/{version}/me"),
    })
}

/// The channel that a target leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Channel {
    /// The segment behind `/me/` names it.
    Named(String),
    /// There is no such segment; this is the nearest channel.
    Guessed(String),
}

/// The path of the Bayeux endpoint beside what a target names.
pub(super) fn endpoint(target: &str) -> String {
    let root = target
        .match_indices('/')
        .map(|(at, _)| target.split_at(at))
        .find_map(|(root, rest)| {
            let last = root.rsplit('/').next()?;
            (is_version(last) && !rest.is_empty()).then_some(root)
        });
    format!("{}/{NOTIFICATIONS}", root.unwrap_or(USUAL_ROOT))
}

/// Whether a segment is a name in braces, which stands for an identifier.
fn is_name(segment: &str) -> bool {
    segment.len() > 2 && segment.starts_with('{') && segment.ends_with('}')
}

fn is_version(segment: &str) -> bool {
    segment
        .strip_prefix('v')
        .is_some_and(|digits| !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()))
}

fn collect(value: &Value, collection: &str, singular: &str, found: &mut BTreeSet<String>) {
    match value {
        Value::String(text) => {
            let below = format!("/{collection}/");
            if let Some((_, rest)) = text.split_once(&below) {
                let id = rest.split(['/', '?', '#']).next().unwrap_or_default();
                if !id.is_empty() && !id.contains(char::is_whitespace) && !id.starts_with('{') {
                    found.insert(id.to_owned());
                }
            }
        }
        Value::Array(items) => {
            for item in items {
                collect(item, collection, singular, found);
            }
        }
        Value::Object(members) => {
            for (key, member) in members {
                if key == singular
                    && let Some(Value::String(id)) = member.get("id")
                {
                    found.insert(id.clone());
                }
                collect(member, collection, singular, found);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_root_is_taken_from_the_url_of_the_page() {
        let url = Some("/api/v2/me/chats/{id}");
        assert_eq!(
            with_root("/me/chats/{id}", url).as_deref(),
            Some("/api/v2/me/chats/{id}")
        );
        assert_eq!(with_root("/me?x=1", url).as_deref(), Some("/api/v2/me?x=1"));
        assert_eq!(with_root("/api/v2/me/chats/1", url), None);
        assert_eq!(with_root("/contacts/1", url), None);
        assert_eq!(with_root("/me/chats/1", None), None);
    }

    #[test]
    fn identifiers_come_from_uris_and_objects() {
        assert_eq!(
            placeholders("/api/v2/me/chats/{id}/users/{userId}?x={y}"),
            [
                ("chats".into(), "{id}".into()),
                ("users".into(), "{userId}".into())
            ]
        );
        let samples = [
            r#"{"chatUri":"http://h/api/v2/chats/A1","chat":{"id":"A1"}}"#,
            r#"{"u":["http://h/chats/A1/users/B"],"user":{"id":7}}"#,
        ];
        let found = |collection| Vec::from_iter(identifiers(collection, &samples));
        assert_eq!(found("chats"), ["A1"]);
        assert_eq!(found("users"), ["B"]);
        assert!(found("calls").is_empty());
    }

    #[test]
    fn names_in_braces_generalise() {
        for (path, other, expected) in [
            ("/chats/{id}", "/chats/7", true),
            ("/chats/{id}/x/{b}", "/chats/7/x/8", true),
            ("/chats/{id}", "/calls/7", false),
            ("/chats/{id}", "/chats/7/x", false),
            ("/chats/8", "/chats/7", false),
            ("/chats/7", "/chats/7", false),
        ] {
            assert_eq!(generalises(path, other), expected, "{path} {other}");
        }
    }

    #[test]
    fn channels_and_endpoints_follow_from_the_target() {
        for (target, expected, at) in [
            (
                "/api/v2/me/chats/1",
                Channel::Named("/v2/me/chats".into()),
                "/api/v2/notifications",
            ),
            (
                "/api/v3/me/calls?x=/y",
                Channel::Named("/v3/me/calls".into()),
                "/api/v3/notifications",
            ),
            (
                "/me/chats/{id}",
                Channel::Named("/v2/me/chats".into()),
                "/api/v2/notifications",
            ),
            (
                "/api/v2/contacts/1",
                Channel::Guessed("/v2/me/contacts".into()),
                "/api/v2/notifications",
            ),
            (
                "/x/v1/me",
                Channel::Guessed("/v1/me/x".into()),
                "/x/v1/notifications",
            ),
        ] {
            assert_eq!(channel(target), expected, "{target}");
            assert_eq!(endpoint(target), at, "{target}");
        }
    }
}
