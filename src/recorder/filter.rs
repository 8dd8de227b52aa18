//! Which operations a recording keeps, by method, path and content type.
//!
//! It judges operations only: notifications and facts stay, since it is for them that a recording is
//! made. Only an exception for every path turns the recording off.

use std::fmt;
use std::str::FromStr;

use crate::exchange::{Form, Operation, OperationId};
use crate::tape::Event;

use super::pattern::{PathPattern, matches};

/// What one `--only` or `--except` names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rule {
    /// A method: `POST`. Compared as it is written (RFC 9110 §9.1).
    Method(String),
    /// A pattern of paths: `/api/**`.
    Path(PathPattern),
    /// A content type, or a pattern of them: `image/*`. It is that of the response, else that of
    /// the request.
    ContentType(String),
}

/// A text that names neither a method, nor a path, nor a content type.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no rule: expected a method (POST), a path (/api/**) or a content type (image/*)")]
pub struct RuleError(String);

impl FromStr for Rule {
    type Err = RuleError;

    fn from_str(text: &str) -> Result<Self, RuleError> {
        let token = |text: &str| {
            let mark = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
            !text.is_empty() && text.chars().all(mark)
        };
        match text.split_once('/') {
            Some(("", _)) => text
                .parse()
                .map(Rule::Path)
                .map_err(|_| RuleError(text.to_owned())),
            Some((main, sub)) if token(main) && token(sub) => {
                Ok(Rule::ContentType(text.to_ascii_lowercase()))
            }
            None if token(text) => Ok(Rule::Method(text.to_owned())),
            Some(_) | None => Err(RuleError(text.to_owned())),
        }
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Rule::Method(text) | Rule::ContentType(text) => f.write_str(text),
            Rule::Path(pattern) => pattern.fmt(f),
        }
    }
}

/// Which operations are kept: of each kind of rule in `only`, one must fit; of those in `except`,
/// none may.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// What alone is kept; empty: everything.
    pub only: Vec<Rule>,
    /// What is left out of that.
    pub except: Vec<Rule>,
}

/// Whether an operation is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It goes on the tape.
    Keep,
    /// It does not.
    LeaveOut,
}

/// Whether anything that passes can come on the tape.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// It can.
    Some,
    /// Nothing can: the recording is off.
    Nothing,
}

impl Filter {
    /// Whether the filter leaves anything to record: not where it excepts every path.
    pub fn reach(&self) -> Reach {
        let every = |rule: &Rule| matches!(rule, Rule::Path(pattern) if pattern.is_every());
        if self.except.iter().any(every) {
            Reach::Nothing
        } else {
            Reach::Some
        }
    }

    /// Judges an operation.
    pub fn judge(&self, operation: &Operation) -> Verdict {
        if self.only.is_empty() && self.except.is_empty() {
            return Verdict::Keep;
        }
        let subject = Subject::of(operation);
        let wanted = |kind: fn(&Rule) -> bool| {
            let mut rules = self.only.iter().filter(|rule| kind(rule)).peekable();
            rules.peek().is_none() || rules.any(|rule| subject.fits(rule))
        };
        let keep = wanted(|rule| matches!(rule, Rule::Method(_)))
            && wanted(|rule| matches!(rule, Rule::Path(_)))
            && wanted(|rule| matches!(rule, Rule::ContentType(_)))
            && !self.except.iter().any(|rule| subject.fits(rule));
        if keep {
            Verdict::Keep
        } else {
            Verdict::LeaveOut
        }
    }
}

/// What rules are held against.
struct Subject<'a> {
    method: &'a str,
    path: &'a str,
    content_type: Option<String>,
}

impl<'a> Subject<'a> {
    fn of(operation: &'a Operation) -> Self {
        let target = operation.request.target.as_str();
        let response = operation.response.headers.get("content-type");
        let value = response.or_else(|| operation.request.headers.get("content-type"));
        Subject {
            method: &operation.request.method,
            path: target.split('?').next().unwrap_or(target),
            content_type: value.map(|value| {
                let text = String::from_utf8_lossy(value);
                let essence = text.split(';').next().unwrap_or_default();
                essence.trim().to_ascii_lowercase()
            }),
        }
    }

    fn fits(&self, rule: &Rule) -> bool {
        match rule {
            Rule::Method(method) => method == self.method,
            Rule::Path(pattern) => pattern.matches(self.path),
            Rule::ContentType(pattern) => self
                .content_type
                .as_ref()
                .is_some_and(|content_type| matches(pattern, content_type)),
        }
    }
}

/// The operation that opened the stream to which an event belongs: what it is left out with.
pub(super) fn stream_of(event: &Event) -> Option<OperationId> {
    match event {
        Event::Operation(Operation {
            form: Form::Message(message),
            ..
        }) => Some(message.stream),
        Event::Notification(notification) => notification.carrier.stream(),
        Event::Fact(fact) => fact.what.stream(),
        Event::Operation(_) | Event::Contract(_) | Event::Gap(_) => None,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)] // a test may stop at the first thing that is not as it should be
mod tests {
    use super::*;
    use crate::exchange::{
        Body, End, Form, Headers, Micros, OperationId, Request, Response, Session,
    };

    fn operation(method: &str, target: &str, content_type: &str) -> Operation {
        let headers = |value: &str| match value {
            "" => Headers::new(),
            _ => [("Content-Type", value)].into_iter().collect(),
        };
        Operation {
            form: Form::Exchange,
            id: OperationId(1),
            session: Session::new("a"),
            at: Micros(0),
            answered: Micros(0),
            request: Request {
                method: method.into(),
                target: target.into(),
                headers: headers("application/x-www-form-urlencoded"),
                body: Body::default(),
                trailers: Headers::new(),
            },
            response: Response {
                status: 200,
                headers: headers(content_type),
                body: Body::default(),
                trailers: Headers::new(),
            },
            end: End::Complete,
            repairs: Vec::new(),
        }
    }

    #[test]
    fn rules_are_told_by_their_shape() {
        for (text, rule) in [
            ("POST", Some(Rule::Method("POST".into()))),
            ("/", "/".parse().ok().map(Rule::Path)),
            ("/api/**", "/api/**".parse().ok().map(Rule::Path)),
            ("image/*", Some(Rule::ContentType("image/*".into()))),
            ("Text/HTML", Some(Rule::ContentType("text/html".into()))),
            ("", None),
            ("two words", None),
            ("/a?b=1", None),
            ("text/html; charset=utf-8", None),
            ("a/b/c", None),
        ] {
            assert_eq!(text.parse::<Rule>().ok(), rule, "{text}");
        }
    }

    #[test]
    fn an_exception_for_every_path_leaves_nothing() {
        for (except, reach) in [
            ("/**", Reach::Nothing),
            ("/***", Reach::Nothing),
            ("/*", Reach::Some),
            ("/a**", Reach::Some),
            ("*/*", Reach::Some),
        ] {
            let filter = Filter {
                except: vec!["POST".parse().unwrap(), except.parse().unwrap()],
                ..Filter::default()
            };
            assert_eq!(filter.reach(), reach, "{except}");
        }
        assert_eq!(Filter::default().reach(), Reach::Some);
    }

    #[test]
    fn one_rule_of_each_kind_must_fit_and_no_exception() {
        let chat = operation(
            "POST",
            "/api/v2/me/chats?fields=*",
            "application/json; charset=utf-8",
        );
        let picture = operation("GET", "/logo.png", "image/png");
        let form = operation("POST", "/login", "");
        let kept = |only: &str, except: &str| {
            let rules = |text: &str| -> Vec<Rule> {
                let words = text.split(' ').filter(|word| !word.is_empty());
                words.map(|word| word.parse().unwrap()).collect()
            };
            let filter = Filter {
                only: rules(only),
                except: rules(except),
            };
            let keeps = |operation: &&Operation| filter.judge(operation) == Verdict::Keep;
            [&chat, &picture, &form].map(|operation| keeps(&operation))
        };
        assert_eq!(kept("", ""), [true, true, true]);
        assert_eq!(kept("POST", ""), [true, false, true]);
        assert_eq!(kept("post", ""), [false, false, false]);
        assert_eq!(kept("POST GET", ""), [true, true, true]);
        assert_eq!(kept("POST /api/**", ""), [true, false, false]);
        assert_eq!(kept("application/json", ""), [true, false, false]);
        assert_eq!(kept("application/*", ""), [true, false, true]);
        assert_eq!(kept("", "image/*"), [true, false, true]);
        assert_eq!(kept("POST", "/login"), [true, false, false]);
    }
}
