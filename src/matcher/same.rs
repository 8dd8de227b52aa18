//! Whether two requests are the same to the letter, so that neither need be taken apart.

use crate::exchange::Request;

use super::rules::Rules;

/// The field that says how content is to be read.
const CONTENT_TYPE: &str = "content-type";

/// Whether two requests are the same to the letter in everything that is compared: each answers the other
/// then. That they are not says nothing.
pub fn is_same(one: &Request, other: &Request, rules: &Rules) -> bool {
    let field = |name: &str| one.headers.get(name) == other.headers.get(name);
    one.method == other.method
        && one.target == other.target
        && one.body.bytes() == other.body.bytes()
        && field(CONTENT_TYPE)
        && rules.headers.iter().all(|name| field(name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exchange::{Body, Headers};
    use crate::matcher::Key;

    fn request(method: &str, target: &str, headers: &[(&str, &str)], body: &str) -> Request {
        Request {
            method: method.into(),
            target: target.into(),
            headers: headers.iter().copied().collect(),
            body: Body::new(body.to_owned()),
            trailers: Headers::new(),
        }
    }

    #[test]
    fn what_is_compared_must_be_the_same_and_nothing_else() {
        let rules = Rules {
            headers: vec!["x-tenant".into()],
            ..Rules::default()
        };
        let json = ("content-type", "application/json");
        let one = request("POST", "/a?b=1", &[json, ("x-tenant", "a")], "{}");
        let tenant = |name| [json, ("X-Tenant", name), ("host", name)];
        for (other, same) in [
            (request("POST", "/a?b=1", &tenant("a"), "{}"), true),
            (request("POST", "/a?b=1", &tenant("b"), "{}"), false),
            (request("POST", "/a?b=1", &tenant("a")[1..], "{}"), false),
            (request("PUT", "/a?b=1", &tenant("a"), "{}"), false),
            (request("POST", "/a?b=2", &tenant("a"), "{}"), false),
            (request("POST", "/a?b=1", &tenant("a"), "{ }"), false),
        ] {
            assert_eq!(is_same(&one, &other, &rules), same, "{other:?}");
            let answers = Key::of(&one, &rules).is_answer_to(&Key::of(&other, &rules), &[]);
            assert!(answers || !same, "{other:?}");
        }
    }
}
