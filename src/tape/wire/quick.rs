//! The line of an operation, read letter by letter in the very order in which capture writes it: most lines are
//! so, and there are many.
//!
//! Whatever is written otherwise is none of its business, and read as any JSON is. So it may refuse what is
//! right, and never takes what is wrong.

mod rest;

use std::borrow::Cow;

use bytes::Bytes;

use rest::Rest;

use super::field::{WireValue, headers};
use super::glance::{Before, Content, Fields, Glance, Likeness, NO_FIELDS, Same};
use super::slate::{self, Stays};
use crate::exchange::{Body, Form, Headers, Micros, Operation, OperationId};

/// The fields of a message that has none.
const NONE: Fields<'_> = Fields {
    asked: NO_FIELDS,
    given: NO_FIELDS,
    trailers: NO_FIELDS,
};

/// The line of an operation.
pub(super) struct Line<'a> {
    pub(super) head: Head<'a>,
    pub(super) behind: Behind<'a>,
}

/// What stands on a line up to the target.
pub(super) struct Head<'a> {
    pub(super) id: OperationId,
    pub(super) session: &'a str,
    pub(super) at: Micros,
    pub(super) answered: Micros,
    pub(super) method: &'a str,
    pub(super) target: &'a str,
}

/// What stands on a line behind the target.
pub(super) struct Behind<'a> {
    pub(super) fields: Fields<'a>,
    pub(super) status: Option<u16>,
    pub(super) contents: [Content<'a>; 2],
    pub(super) same: Same,
}

/// Looks at an operation; `None` where its line is not as most are. What is the same as in the one before was
/// read there.
pub(super) fn glance<'a>(line: &'a str, before: Option<&Before<'a>>) -> Option<Glance<'a>> {
    let mut rest = Rest(line);
    let head = rest.head()?;
    let behind = rest.0;
    let Behind {
        fields,
        status,
        contents,
        mut same,
    } = match before {
        Some(before) if before.behind == behind => Behind {
            fields: before.fields,
            status: before.status,
            contents: before.contents,
            same: Same::ALL,
        },
        Some(_) | None => rest.behind(before)?,
    };
    let is_alike =
        |before: &Before<'_>| before.form == Form::Exchange && before.method == head.method;
    if !before.is_some_and(is_alike) {
        same.head = Likeness::Unknown;
    }
    Some(Glance {
        text: line,
        id: head.id,
        session: Cow::Borrowed(head.session),
        at: head.at,
        answered: head.answered,
        form: Form::Exchange,
        method: Cow::Borrowed(head.method),
        target: Cow::Borrowed(head.target),
        fields,
        status,
        contents,
        same,
        behind,
    })
}

/// The line of an operation, perhaps with parts of one that was read before; `None` as above.
pub(super) fn line<'a>(text: &'a str, before: Option<&Before<'_>>) -> Option<Line<'a>> {
    let mut rest = Rest(text);
    Some(Line {
        head: rest.head()?,
        behind: rest.behind(before)?,
    })
}

/// The operation on a line; `None` as above.
pub(super) fn operation(text: &str) -> Option<Operation> {
    let mut operation = slate::blank();
    line(text, None)?.put(&mut operation, Stays::NOTHING)?;
    Some(operation)
}

/// Header fields that are a list; `None` where they are not.
pub(super) fn any_headers(text: &str) -> Option<Headers> {
    plain_headers(text).or_else(|| {
        let wire: Vec<(String, WireValue)> = serde_json::from_str(text).ok()?;
        Some(headers(&wire))
    })
}

/// Header fields that are a list of plain texts, and nothing behind them; `None` where they are not.
fn plain_headers(text: &str) -> Option<Headers> {
    let mut rest = Rest(text);
    let mut headers = Headers::new();
    let taken = rest.list(|rest| {
        let name = rest.plain()?;
        rest.skip(",")?;
        headers.push(name, rest.plain()?);
        Some(())
    });
    taken.filter(|()| rest.0.is_empty()).map(|()| headers)
}

impl Content<'_> {
    /// The body that it is; `None` where more must be read for that.
    pub(super) fn body(self) -> Option<Body> {
        match self {
            Content::None => Some(Body::default()),
            Content::Json(json) => Some(Body::new(Bytes::copy_from_slice(json.as_bytes()))),
            Content::Other => None,
        }
    }
}

impl<'a> Rest<'a> {
    /// What stands on a line up to the target.
    fn head(&mut self) -> Option<Head<'a>> {
        self.skip(r#"{"kind":"operation","id":"#)?;
        let id = OperationId(self.number()?);
        self.skip(r#","session":"#)?;
        let session = self.plain()?;
        self.skip(r#","at":"#)?;
        let at = Micros(self.number()?);
        self.skip(r#","answered":"#)?;
        let answered = Micros(self.number()?);
        self.skip(r#","request":{"method":"#)?;
        let method = self.plain()?;
        self.skip(r#","target":"#)?;
        let target = self.plain()?;
        Some(Head {
            id,
            session,
            at,
            answered,
            method,
            target,
        })
    }

    /// What stands behind the target, up to the end of the line.
    fn behind(&mut self, before: Option<&Before<'_>>) -> Option<Behind<'a>> {
        let (fields, [sent, got]) = before.map_or((NONE, [Content::None; 2]), |before| {
            (before.fields, before.contents)
        });
        self.skip(r#","headers":"#)?;
        let (asked, asked_likeness) = self.fields(fields.asked)?;
        let (sent, sent_likeness) = self.content(sent)?;
        self.skip(r#"},"response":{"status":"#)?;
        let status = self
            .number()
            .filter(|status| (100..=599).contains(status))?;
        let status = u16::try_from(status).ok();
        self.skip(r#","headers":"#)?;
        let (given, given_likeness) = self.fields(fields.given)?;
        let (got, got_likeness) = self.content(got)?;
        if self.0 != "}}" {
            return None;
        }
        let is_alike = before.is_some_and(|before| {
            before.status == status
                && before.fields.trailers == NO_FIELDS
                && [asked_likeness, given_likeness] == [Likeness::Same; 2]
        });
        let head = if is_alike {
            Likeness::Same
        } else {
            Likeness::Unknown
        };
        Some(Behind {
            fields: Fields {
                asked,
                given,
                trailers: NO_FIELDS,
            },
            status,
            contents: [sent, got],
            same: Same {
                head,
                contents: [sent_likeness, got_likeness],
            },
        })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)] // a test may stop at the first thing that is not as it should be
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::exchange::Stream;
    use crate::tape::wire::{Entry, read, read_operation};

    const LINE: &str = r#"{"kind":"operation","id":7,"session":"a","at":0,"answered":12,"request":{"method":"POST","target":"/a?b=1","headers":[["x","y"]],"body":{"json":{"a":[1,-2.5e3,"\u00e9\n",true,null,{}]}}},"response":{"status":200,"headers":[],"body":{"json":"z"}}}"#;

    #[test]
    fn a_line_as_capture_writes_it_is_taken_apart() {
        let glance = glance(LINE, None).unwrap();
        assert_eq!((glance.id.0, glance.at.0, glance.answered.0), (7, 0, 12));
        assert_eq!((&*glance.method, &*glance.target), ("POST", "/a?b=1"));
        assert_eq!(glance.fields.asked, r#"[["x","y"]]"#);
        assert_eq!(glance.contents[1], Content::Json("\"z\""));
        assert_eq!(operation(LINE).unwrap(), read_operation(LINE).unwrap());
        assert!(operation(&LINE.replace("/a?b=1", "/\\u0061")).is_none());
    }

    #[test]
    fn header_fields_are_fields() {
        let line = |fields: &str| LINE.replace(r#"[["x","y"]]"#, fields);
        for fields in ["[]", r#"[["x","y"],["x","\u00e9"]]"#] {
            assert_eq!(glance(&line(fields), None).unwrap().fields.asked, fields);
        }
        for fields in [
            "null",
            "{}",
            "[null]",
            r#"[["x"]]"#,
            r#"[["x","y",1]]"#,
            r#"[["x","y"],]"#,
        ] {
            assert!(glance(&line(fields), None).is_none(), "{fields}");
            assert!(Glance::at(&line(fields), None).is_none(), "{fields}");
        }
    }

    /// Whether what a glance says to be the same as before is the same.
    fn is_like(next: &Glance<'_>, before: &Glance<'_>) -> bool {
        let head = (&next.method, next.status, next.fields)
            == (&before.method, before.status, before.fields);
        let contents = next.contents.iter().zip(before.contents);
        let contents = contents.map(|(one, other)| *one == other);
        let said = [next.same.head].into_iter().chain(next.same.contents);
        let mut both = said.zip([head].into_iter().chain(contents));
        both.all(|(said, is)| is || said == Likeness::Unknown)
    }

    #[test]
    fn what_stands_there_again_is_known_to_be_the_same() {
        let first = glance(LINE, None).unwrap();
        let same = |line: &str, before: &Glance<'_>| {
            let Same { head, contents } = glance(line, before.before().as_ref()).unwrap().same;
            [head, contents[0], contents[1]].map(|likeness| likeness == Likeness::Same)
        };
        assert_eq!(same(LINE, &first), [true; 3]);
        assert_eq!(
            same(&LINE.replace("POST", "PUT"), &first),
            [false, true, true]
        );
        assert_eq!(
            same(&LINE.replace("\"z\"", "\"y\""), &first),
            [true, true, false]
        );
        let opened = Glance {
            form: Form::Opens(Stream::Socket),
            ..glance(LINE, None).unwrap()
        };
        assert_eq!(same(LINE, &opened), [false, true, true]);
    }

    proptest! {
        /// Whatever is changed on a line: it is taken only where it can be read as any JSON is, and then it means
        /// the same. What its header fields are is told where they are read.
        #[test]
        fn what_is_taken_can_be_read(
            place in any::<prop::sample::Index>(),
            taken in 0..3_usize,
            put in prop::sample::select(vec![
                "", "\"", "\\", "\\u12", "0", "-", ".", "e", "{", "}", "[", "]", ",", ":", " ", "\u{1}", "é",
                "null", "01", "1.", "[[]]", r#","id":8"#, r#","x":1"#,
            ]),
        ) {
            let place = place.index(LINE.len());
            let end = (place + taken).min(LINE.len());
            let changed = format!("{}{put}{}", &LINE[..place], &LINE[end..]);
            let alone = glance(&changed, None);
            let first = glance(LINE, None).unwrap();
            let next = glance(&changed, first.before().as_ref());
            prop_assert_eq!(alone.is_some(), next.is_some());
            if let (Some(glance), Some(next)) = (alone, next) {
                prop_assert!(is_like(&next, &first), "{next:?}");
                let same = Same::default();
                prop_assert_eq!(glance.same, same);
                prop_assert_eq!(format!("{glance:?}"), format!("{:?}", Glance { same, ..next }));
                prop_assert!(matches!(read(&changed), Ok((_, Entry::Event(_)))), "{}", changed);
                let whole = Glance { behind: glance.behind, ..Glance::by_json(&changed).unwrap() };
                prop_assert_eq!(format!("{glance:?}"), format!("{whole:?}"));
                if let Some(operation) = operation(&changed) {
                    prop_assert_eq!(operation, read_operation(&changed).unwrap());
                }
            }
        }
    }
}
