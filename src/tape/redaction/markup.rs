//! Secrets in markup (HTML, XML): attributes and elements that have a secret's name, and the values of fields
//! that are named like one.
//!
//! It reads tags as they come and builds no tree, so that the half of a page is read as well. Text between tags
//! is the business of [`super::text`].

use std::ops::Range;

use crate::exchange::secret::{Names, is_value};

use super::spans::Span;
use super::spelling::Spelling;

/// The attributes that name what another attribute, or the text of the element, says.
const NAMING: &[&str] = &["name", "id", "property", "key", "itemprop", "type"];

/// The attributes that say it.
const SAYING: &[&str] = &["value", "content"];

/// The elements whose text is the value of what an attribute names: that of others is for people.
const HOLDING: &[&str] = &["textarea", "property", "entry", "setting"];

/// How the text of an element begins where it is written without references (XML 1.0 §2.7), and ends.
const LITERAL: (&str, &str) = ("<![CDATA[", "]]>");

/// How many attributes of a tag are read: more than tags have.
const MAX_ATTRIBUTES: usize = 100;

/// How long a tag is read, and how long a literal text: so that one that never ends costs little.
const MAX_TAG: usize = 4 * 1024;

/// How many tags that never end are tried.
const MAX_UNFINISHED: usize = 1_000;

/// Why there is no tag at a place.
enum NoTag {
    /// It is something else.
    Other,
    /// It does not end.
    Unfinished,
}

/// A tag that opens an element.
struct Tag<'a> {
    /// Its name without a prefix.
    name: &'a str,
    attributes: Vec<Attribute<'a>>,
    /// Where it ends.
    end: usize,
}

struct Attribute<'a> {
    name: &'a str,
    value: Range<usize>,
}

/// The secrets in a text that is markup, in their order; none where it has no tags.
pub(super) fn find(names: &Names, text: &str) -> Vec<Span> {
    let mut spans = Vec::new();
    let mut at = 0;
    let mut unfinished = 0;
    while unfinished < MAX_UNFINISHED
        && let Some(open) = text.get(at..).and_then(|rest| rest.find('<'))
    {
        let start = at + open;
        at = start + 1;
        match tag(window(text, start), start) {
            Ok(tag) => {
                at = tag.end;
                values(names, text, &tag, &mut spans);
            }
            Err(NoTag::Unfinished) => unfinished += 1,
            Err(NoTag::Other) => {}
        }
    }
    spans
}

/// The text up to where a tag that begins here must have ended.
fn window(text: &str, start: usize) -> &str {
    let last = start.saturating_add(MAX_TAG).min(text.len());
    let end = (start..=last).rev().find(|end| text.is_char_boundary(*end));
    end.and_then(|end| text.get(..end)).unwrap_or(text)
}

/// The tag that begins here, if one does.
fn tag(text: &str, start: usize) -> Result<Tag<'_>, NoTag> {
    let rest = text.get(start + 1..).unwrap_or_default();
    if !rest.starts_with(|c: char| c.is_ascii_alphabetic()) {
        return Err(NoTag::Other);
    }
    let length = rest.find(|c: char| c.is_whitespace() || "/><\"'=".contains(c));
    let length = length.ok_or(NoTag::Unfinished)?;
    let name = rest.get(..length).unwrap_or_default();
    let mut tag = Tag {
        name: name.rsplit(':').next().unwrap_or(name),
        attributes: Vec::new(),
        end: start + 1 + length,
    };
    loop {
        let rest = text.get(tag.end..).unwrap_or_default();
        let inner = rest.trim_start_matches(|c: char| c.is_whitespace() || c == '/');
        tag.end += rest.len() - inner.len();
        match inner.chars().next() {
            None => return Err(NoTag::Unfinished),
            Some('>') => {
                tag.end += 1;
                return Ok(tag);
            }
            Some('<') => return Err(NoTag::Other),
            Some(_) if tag.attributes.len() >= MAX_ATTRIBUTES => return Err(NoTag::Unfinished),
            Some(_) => {
                let end = attribute(text, tag.end, &mut tag.attributes);
                tag.end = end.ok_or(NoTag::Unfinished)?;
            }
        }
    }
}

/// Reads the attribute that begins here; where it ends.
fn attribute<'a>(text: &'a str, start: usize, into: &mut Vec<Attribute<'a>>) -> Option<usize> {
    let rest = text.get(start..)?;
    let first = rest.chars().next()?.len_utf8();
    let more = rest.get(first..)?;
    let length = first + more.find(|c: char| c.is_whitespace() || "/><=".contains(c))?;
    let name = rest.get(..length)?;
    let after = rest.get(length..)?;
    let Some(value) = after.trim_start().strip_prefix('=') else {
        return Some(start + length);
    };
    let value = value.trim_start();
    let begin = start + rest.len() - value.len();
    let first = value.chars().next()?;
    let (value, end) = if matches!(first, '"' | '\'') {
        let length = value.get(1..)?.find(first)?;
        (begin + 1..begin + 1 + length, begin + length + 2)
    } else {
        let length = value.find(|c: char| c.is_whitespace() || c == '>')?;
        (begin..begin + length, begin + length)
    };
    into.push(Attribute { name, value });
    Some(end)
}

/// The secrets that a tag says, or that stand behind it.
fn values(names: &Names, text: &str, tag: &Tag<'_>, spans: &mut Vec<Span>) {
    let is = |name: &str, list: &[&str]| list.iter().any(|one| name.eq_ignore_ascii_case(one));
    let said = |attribute: &Attribute<'_>| text.get(attribute.value.clone()).unwrap_or_default();
    let naming = tag
        .attributes
        .iter()
        .filter(|attribute| is(attribute.name, NAMING));
    let named = naming
        .map(said)
        .find(|name| names.is_secret(name))
        .map(str::to_owned);
    for attribute in &tag.attributes {
        let local = attribute.name.rsplit(':').next().unwrap_or_default();
        let name = if names.is_secret(local) {
            Some(local.to_owned())
        } else {
            named.clone().filter(|_| is(attribute.name, SAYING))
        };
        spans.extend(name.and_then(|name| span(text, attribute.value.clone(), &name)));
    }
    let name = if names.is_secret(tag.name) {
        Some(tag.name.to_owned())
    } else {
        named.filter(|_| is(tag.name, HOLDING))
    };
    let is_empty = text.get(..tag.end).is_some_and(|text| text.ends_with("/>"));
    if let Some(name) = name.filter(|_| !is_empty) {
        spans.extend(inside(text, tag.end, &name));
    }
}

/// The text of the element whose tag ends here, where it has nothing but text.
fn inside(text: &str, start: usize, name: &str) -> Option<Span> {
    let rest = text.get(start..)?;
    let (begins, ends) = LITERAL;
    let blank = rest.len() - rest.trim_start().len();
    if rest.trim_start().starts_with(begins) {
        let start = start + blank + begins.len();
        let literal = window(text, start).get(start..)?;
        let mut span = span(text, start..start + literal.find(ends)?, name)?;
        span.spelling = Spelling::Plain;
        return Some(span);
    }
    let length = rest.find('<').unwrap_or(rest.len());
    let closed = rest.get(length..)?;
    let trimmed = rest.get(..length)?.trim();
    let start = start + blank;
    (closed.is_empty() || closed.starts_with("</"))
        .then(|| span(text, start..start + trimmed.len(), name))
        .flatten()
}

fn span(text: &str, range: Range<usize>, name: &str) -> Option<Span> {
    is_value(text.get(range.clone())?).then(|| Span {
        range,
        name: Some(name.to_owned()),
        spelling: Spelling::Markup,
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)] // a test may stop at what is not as it should be
mod tests {
    use proptest::prelude::*;

    use super::super::{Redaction, Rules};
    use super::*;

    fn found(text: &str) -> Vec<&str> {
        let rules = Rules::new(&Redaction::default()).unwrap();
        let spans = find(rules.names(), text);
        spans.into_iter().map(|span| &text[span.range]).collect()
    }

    #[test]
    fn fields_and_elements_of_a_secret_name_are_found_in_any_order_of_attributes() {
        for (text, expected) in [
            (
                r#"<input type="hidden" name="_csrf" value="a&amp;b">"#,
                &["a&amp;b"][..],
            ),
            (
                "<INPUT value='x1'\n type=hidden name=csrf_token /><p>y",
                &["x1"],
            ),
            (r#"<meta content="m>1" name="csrf-token"/>"#, &["m>1"]),
            ("<input name=token value=abc><input value=d>", &["abc"]),
            (r#"<input type="password" name="x" value="p">"#, &["p"]),
            (
                "<a><wsse:Password Type=\"t\"> s 1 </wsse:Password></a>",
                &["s 1"],
            ),
            ("<secret><![CDATA[a<b]]></secret>", &["a<b"]),
            (r#"<db user="u" my:password = "pw"/>"#, &["pw"]),
            (
                r#"<property name="apiKey">k</property><textarea name="token">t</textarea>"#,
                &["k", "t"],
            ),
            (
                "<passwords><user>u</user></passwords><label for=\"password\">Password</label>",
                &[],
            ),
            (
                r#"<label id="password">Your password</label> 1 < 2 <token/> x <token>"#,
                &[],
            ),
            ("<token>cut of", &["cut of"]),
            ("<input name=\"token\" value=\"cut", &[]),
        ] {
            assert_eq!(found(text), expected, "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_fall_over(text in "[<>/=\"' a-cé!\\[\\]token\n]{0,60}") {
            let spans = find(Rules::new(&Redaction::default()).unwrap().names(), &text);
            for span in spans {
                prop_assert!(text.get(span.range).is_some());
            }
        }
    }
}
