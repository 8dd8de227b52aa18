//! The rules of a page's parameter table, applied to a live request.

use crate::compare::Json;
use crate::exchange::{Contract, Parameter, Presence};

use super::key::Key;

/// A rule of a contract that a request breaks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Breach {
    /// The field that the rule is about.
    pub field: String,
    /// The rule, in words.
    pub rule: String,
}

/// The first rule of `contract` that `live` breaks; `None` where it keeps them all, or where the
/// contract does not govern it.
pub fn breach(contract: &Contract, live: &Key) -> Option<Breach> {
    if !governs(contract, live) {
        return None;
    }
    let body = live.json()?;
    contract.parameters.iter().find_map(|parameter| {
        broken_rule(parameter, body).map(|rule| Breach {
            field: parameter.name.clone(),
            rule,
        })
    })
}

/// Whether `contract` is about requests like this one.
pub(super) fn governs(contract: &Contract, live: &Key) -> bool {
    let named = match &contract.operation {
        Some(operation) => {
            let field = live.json().and_then(|body| body.get("operationName"));
            field.and_then(Json::as_str) == Some(operation)
        }
        None => true,
    };
    named
        && contract.method.eq_ignore_ascii_case(live.method())
        && fits(&contract.path, live.path())
}

/// Drops from both bodies the fields that name the same thing in the two ways that `contract`
/// allows: a URI in one field, or its path below the API's root in the other.
pub(super) fn without_agreed_alternatives(
    contract: &Contract,
    recorded: &Json,
    live: &Json,
) -> Option<(Json, Json)> {
    let root = contract
        .path
        .split("/me/")
        .next()
        .filter(|root| *root != contract.path)?;
    let agreed: Vec<&str> = contract
        .parameters
        .iter()
        .filter_map(|parameter| match &parameter.presence {
            Presence::Unless(other) => Some((parameter.name.as_str(), other.as_str())),
            Presence::Mandatory
            | Presence::Optional
            | Presence::OnlyWith(_)
            | Presence::Unstated => None,
        })
        .filter(|(one, other)| {
            let text = |body: &'_ Json, field: &str| {
                body.get(field).and_then(Json::as_str).map(str::to_owned)
            };
            let (Some(was), None) = (text(recorded, one), text(recorded, other)) else {
                return false;
            };
            let (Some(is), None) = (text(live, other), live.get(one)) else {
                return false;
            };
            same_resource(root, &was, &is) || same_resource(root, &is, &was)
        })
        .flat_map(|(one, other)| [one, other])
        .collect();
    (!agreed.is_empty()).then(|| (recorded.without(&agreed), live.without(&agreed)))
}

/// Whether the absolute `uri` is the resource at `path` below `root`.
fn same_resource(root: &str, uri: &str, path: &str) -> bool {
    let Some((_, rest)) = uri.split_once("://") else {
        return false;
    };
    let Some(at) = rest.find('/') else {
        return false;
    };
    let (Some(below), true) = (rest[at..].strip_prefix(root), path.starts_with('/')) else {
        return false;
    };
    below == path
}

/// Whether `path` has the shape of `template`, in which `{name}` stands for one segment.
fn fits(template: &str, path: &str) -> bool {
    let mut wanted = template.split('/');
    let mut given = path.split('/');
    loop {
        match (wanted.next(), given.next()) {
            (None, None) => return true,
            (Some(wanted), Some(given))
                if variable(wanted) && !given.is_empty() || wanted == given => {}
            _ => return false,
        }
    }
}

fn variable(segment: &str) -> bool {
    segment.starts_with('{') && segment.ends_with('}')
}

fn broken_rule(parameter: &Parameter, body: &Json) -> Option<String> {
    let Parameter {
        name,
        presence,
        allowed,
        ..
    } = parameter;
    let given = |field: &str| body.get(field).is_some_and(|value| *value != Json::Null);
    let rule = match presence {
        Presence::Mandatory if !given(name) => Some(format!("{name} is mandatory")),
        Presence::Unless(other) if !given(name) && !given(other) => {
            Some(format!("{name} is mandatory if {other} is not specified"))
        }
        Presence::OnlyWith(other) if given(name) && !given(other) => {
            Some(format!("{name} must be provided together with {other}"))
        }
        Presence::Mandatory
        | Presence::Unless(_)
        | Presence::OnlyWith(_)
        | Presence::Optional
        | Presence::Unstated => None,
    };
    rule.or_else(|| {
        let value = body.get(name).filter(|value| **value != Json::Null)?;
        let fine = allowed.is_empty()
            || value
                .as_str()
                .is_some_and(|text| allowed.iter().any(|a| a == text));
        (!fine).then(|| format!("{name} must be {}, not {value}", allowed.join(" or ")))
    })
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::exchange::{Body, Headers, Request};
    use crate::matcher::Rules;

    pub(in crate::matcher) fn contract() -> Contract {
        let row = |name: &str, presence, allowed: &[&str]| Parameter {
            name: name.into(),
            presence,
            default: None,
            allowed: allowed.iter().map(|&a| a.to_owned()).collect(),
            text: String::new(),
        };
        Contract {
            method: "POST".into(),
            path: "/api/v2/me/chats/{id}".into(),
            operation: Some("Remove".into()),
            parameters: vec![
                row("operationName", Presence::Unstated, &[]),
                row("targetUri", Presence::Unless("targetPath".into()), &[]),
                row("targetPath", Presence::Unless("targetUri".into()), &[]),
                row("text", Presence::Optional, &[]),
                row("messageType", Presence::OnlyWith("text".into()), &[]),
                row(
                    "treatAs",
                    Presence::OnlyWith("text".into()),
                    &["Normal", "System"],
                ),
            ],
        }
    }

    fn rule(target: &str, body: &str) -> Option<String> {
        let request = Request {
            method: "POST".into(),
            target: target.into(),
            headers: Headers::new(),
            body: Body::new(body.to_owned()),
            trailers: Headers::new(),
        };
        let live = Key::of(&request, &Rules::default());
        breach(&contract(), &live).map(|breach| breach.rule)
    }

    #[test]
    fn each_rule_is_named_when_it_is_broken() {
        let on_chat = |body: &str| rule("/api/v2/me/chats/7", body);
        for (body, expected) in [
            (r#"{"operationName":"Remove","targetUri":"u"}"#, None),
            (
                r#"{"operationName":"Remove","targetPath":"/users/1"}"#,
                None,
            ),
            (
                r#"{"operationName":"Remove"}"#,
                Some("targetUri is mandatory if targetPath is not specified"),
            ),
            (
                r#"{"operationName":"Remove","targetUri":null}"#,
                Some("targetUri is mandatory if targetPath is not specified"),
            ),
            (
                r#"{"operationName":"Remove","targetUri":"u","messageType":"Text"}"#,
                Some("messageType must be provided together with text"),
            ),
            (
                r#"{"operationName":"Remove","targetUri":"u","treatAs":"System"}"#,
                Some("treatAs must be provided together with text"),
            ),
            (
                r#"{"operationName":"Remove","targetUri":"u","text":"t","treatAs":"Loud"}"#,
                Some("treatAs must be Normal or System, not \"Loud\""),
            ),
            (
                r#"{"operationName":"Remove","targetUri":"u","text":"t","treatAs":"System"}"#,
                None,
            ),
        ] {
            assert_eq!(on_chat(body).as_deref(), expected, "{body}");
        }
    }

    #[test]
    fn a_request_that_the_contract_does_not_govern_breaks_nothing() {
        assert_eq!(
            rule("/api/v2/me/chats/7", r#"{"operationName":"Add"}"#),
            None
        );
        assert_eq!(
            rule("/api/v2/me/chats", r#"{"operationName":"Remove"}"#),
            None
        );
        assert_eq!(
            rule("/api/v2/me/chats/7/8", r#"{"operationName":"Remove"}"#),
            None
        );
        assert_eq!(
            rule("/api/v2/me/chats/", r#"{"operationName":"Remove"}"#),
            None
        );
        assert_eq!(rule("/api/v2/me/chats/7", "not JSON"), None);
    }
}
