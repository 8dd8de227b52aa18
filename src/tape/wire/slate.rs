//! An operation that is read in the place of another: what both have to the letter stays as it is, and what else there
//! is takes the memory of the one before.
//!
//! What it reads is what is read without it.

use super::OPERATION;
use super::glance::{Before, Content, Fields, Likeness, NO_FIELDS};
use super::quick::{self, Line};
use crate::exchange::{
    Body, End, Form, Headers, Micros, Operation, OperationId, Request, Response, Session,
};

/// An operation in whose place the next may be read.
#[derive(Debug)]
pub struct Slate {
    operation: Operation,
    /// How the header fields of its request and of its response stand on the tape. Nothing is known of them where
    /// the line is not as capture writes it, or the operation was changed since.
    fields: Option<[String; 2]>,
}

/// What stays of the operation in whose place another is read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stays {
    /// The header fields of the request, and of the response.
    pub(super) fields: [Likeness; 2],
    pub(super) contents: [Likeness; 2],
}

impl Stays {
    /// Nothing.
    pub(super) const NOTHING: Stays = Stays {
        fields: [Likeness::Unknown; 2],
        contents: [Likeness::Unknown; 2],
    };
}

impl Default for Slate {
    fn default() -> Self {
        Slate {
            operation: blank(),
            fields: None,
        }
    }
}

impl Slate {
    /// The operation.
    pub fn operation(&self) -> &Operation {
        &self.operation
    }

    /// The operation, to be made another than stands on the tape.
    pub fn change(&mut self) -> &mut Operation {
        self.fields = None;
        &mut self.operation
    }

    /// Gives the operation to this session.
    pub fn rename(&mut self, session: &Session) {
        if self.operation.session != *session {
            self.operation.session.clone_from(session);
        }
    }

    /// Reads the operation that an object on a tape is in place of the one that is here; `None` where it is none, and
    /// then this is to be dropped. Whether the header fields of the request and of the response are those of the one
    /// before is told.
    pub(in crate::tape) fn read(&mut self, text: &str) -> Option<[Likeness; 2]> {
        let known = self.fields.take();
        if !text.starts_with(OPERATION) {
            return None;
        }
        if let Some(alike) = self.read_over(text, known) {
            return Some(alike);
        }
        self.operation = super::read_operation(text).ok()?;
        Some(Stays::NOTHING.fields)
    }

    /// The same for a line as capture writes it, where these are the fields of the operation that is here.
    fn read_over(&mut self, text: &str, known: Option<[String; 2]>) -> Option<[Likeness; 2]> {
        let before = known
            .as_ref()
            .map(|[asked, given]| before(&self.operation, asked, given));
        let line = quick::line(text, before.as_ref())?;
        let known = known.unwrap_or_default();
        let Fields { asked, given, .. } = line.behind.fields;
        let [old_asked, old_given] = &known;
        let stays = Stays {
            fields: [likeness(old_asked, asked), likeness(old_given, given)],
            contents: line.behind.same.contents,
        };
        line.put(&mut self.operation, stays)?;
        let [old_asked, old_given] = known;
        self.fields = Some([stored(old_asked, asked), stored(old_given, given)]);
        Some(stays.fields)
    }
}

/// An operation that says nothing.
pub(super) fn blank() -> Operation {
    Operation {
        id: OperationId(0),
        session: Session::new(""),
        at: Micros(0),
        answered: Micros(0),
        form: Form::Exchange,
        request: Request {
            method: String::new(),
            target: String::new(),
            headers: Headers::new(),
            body: Body::default(),
            trailers: Headers::new(),
        },
        response: Response {
            status: 0,
            headers: Headers::new(),
            body: Body::default(),
            trailers: Headers::new(),
        },
        end: End::Complete,
        repairs: Vec::new(),
    }
}

/// What a line is compared with on which this operation may stand again, with these header fields.
fn before<'a>(operation: &'a Operation, asked: &'a str, given: &'a str) -> Before<'a> {
    let (request, response) = (&operation.request, &operation.response);
    let content = |body: &'a Body| match body.text() {
        Some(json) if !json.is_empty() => Content::Json(json),
        Some(_) | None => Content::None,
    };
    Before {
        form: operation.form,
        method: &request.method,
        status: Some(response.status),
        fields: Fields {
            asked,
            given,
            trailers: NO_FIELDS,
        },
        contents: [content(&request.body), content(&response.body)],
        behind: "",
    }
}

fn likeness(one: &str, other: &str) -> Likeness {
    if one == other {
        Likeness::Same
    } else {
        Likeness::Unknown
    }
}

/// A text, in the memory of another.
fn stored(mut room: String, text: &str) -> String {
    if room != text {
        room.clear();
        room.push_str(text);
    }
    room
}

impl Line<'_> {
    /// Puts the operation of this line in place of another, of which this stays; `None` where it must be read in another
    /// way.
    pub(super) fn put(&self, operation: &mut Operation, stays: Stays) -> Option<()> {
        let Line { head, behind } = self;
        let (request, response) = (&mut operation.request, &mut operation.response);
        let ([asked, given], [sent, got]) = (stays.fields, stays.contents);
        if asked == Likeness::Unknown {
            request.headers = quick::any_headers(behind.fields.asked)?;
        }
        if given == Likeness::Unknown {
            response.headers = quick::any_headers(behind.fields.given)?;
        }
        let [sent_content, got_content] = behind.contents;
        if sent == Likeness::Unknown {
            request.body = sent_content.body()?;
        }
        if got == Likeness::Unknown {
            response.body = got_content.body()?;
        }
        response.status = behind.status?;
        for trailers in [&mut request.trailers, &mut response.trailers] {
            *trailers = Headers::new();
        }
        for (room, text) in [
            (&mut request.method, head.method),
            (&mut request.target, head.target),
        ] {
            room.clear();
            room.push_str(text);
        }
        if operation.session.name() != head.session {
            operation.session = Session::new(head.session);
        }
        operation.id = head.id;
        operation.at = head.at;
        operation.answered = head.answered;
        operation.form = Form::Exchange;
        operation.end = End::Complete;
        operation.repairs.clear();
        Some(())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)] // a test may stop at the first thing that is not as it should be
mod tests {
    use proptest::prelude::*;
    use proptest::sample::select;

    use super::super::read_operation;
    use super::*;

    /// Lines that differ in one thing or in several, and some that are not as capture writes them.
    fn line() -> impl Strategy<Value = String> {
        let fields = || {
            select(vec![
                "[]",
                r#"[["a","b"]]"#,
                r#"[["a","b"],["c","d"]]"#,
                r#"[["a","\u00e9"]]"#,
            ])
        };
        let body = || {
            select(vec![
                "",
                r#","body":{"json":{"a":1}}"#,
                r#","body":{"json":{"a":1},"layout":"spaced"}"#,
                r#","body":{"json":17}"#,
                r#","body":{"json":1}"#,
                r#","body":{"json":""}"#,
                r#","body":{"text":"{\"a\":1}"}"#,
            ])
        };
        let end = select(vec!["", r#","truncated":true"#, r#","form":"events""#]);
        let trailers = select(vec!["", r#","trailers":[["t","u"]]"#]);
        let names = (select(vec!["GET", "POST"]), select(vec!["a", "b"]));
        (names, (fields(), fields()), (body(), body()), end, trailers).prop_map(
            |((method, session), (asked, given), (sent, got), end, trailers)| {
                format!(
                    r#"{{"kind":"operation","id":7,"session":"{session}","at":1,"answered":2,"request":{{"method":"{method}","target":"/{session}","headers":{asked}{sent}{trailers}}},"response":{{"status":200,"headers":{given}{got}{trailers}}}{end}}}"#
                )
            },
        )
    }

    proptest! {
        #[test]
        fn what_is_read_in_the_place_of_another_is_what_is_read_alone(
            lines in proptest::collection::vec(line(), 1..6),
            changed in 0..6_usize,
        ) {
            let mut slate = Slate::default();
            for (place, line) in lines.iter().enumerate() {
                let alone = read_operation(line).ok();
                let headers = |slate: &Slate| {
                    let operation = slate.operation();
                    [operation.request.headers.clone(), operation.response.headers.clone()]
                };
                let before = headers(&slate);
                let Some(alike) = slate.read(line) else {
                    prop_assert_eq!(alone, None);
                    slate = Slate::default();
                    continue;
                };
                prop_assert_eq!(Some(slate.operation()), alone.as_ref(), "{}", line);
                for ((now, before), alike) in headers(&slate).iter().zip(&before).zip(alike) {
                    prop_assert!(now == before || alike == Likeness::Unknown, "{line}");
                }
                if place == changed {
                    let operation = slate.change();
                    operation.request.body = Body::new("else");
                    operation.response.headers.push("x", "else");
                }
            }
        }
    }

    #[test]
    fn what_stands_there_again_takes_no_memory_again() {
        const LINE: &str = r#"{"kind":"operation","id":7,"session":"a","at":1,"answered":2,"request":{"method":"POST","target":"/a","headers":[["a","b"]],"body":{"json":{"a":1}}},"response":{"status":200,"headers":[["c","d"]],"body":{"json":{}}}}"#;
        let mut slate = Slate::default();
        assert_eq!(slate.read(LINE), Some([Likeness::Unknown; 2]));
        let kept = |slate: &Slate| {
            let (request, response) = (&slate.operation().request, &slate.operation().response);
            let bodies = [&request.body, &response.body].map(|body| body.bytes().as_ptr());
            (bodies, request.headers.text().as_ptr())
        };
        let before = kept(&slate);
        assert_eq!(slate.read(LINE), Some([Likeness::Same; 2]));
        assert_eq!(kept(&slate), before);
        assert_eq!(slate.read("{}"), None);
    }
}
