//! Which request a sample shows: its method and its whole target.
//!
//! A page may leave out the API root, write `{id}`, or show no request line at all. What the rest of
//! the page tells beyond doubt is put in its place, as a repair; nothing else is.

use crate::exchange::Repair;

use super::line::Place;
use super::outline::{Sample, Section};
use super::source::Source;
use super::target;

/// The method and the target of a sample's request, and what was mended to have them. `shown` are
/// the samples around it.
pub(super) fn request(
    section: &Section,
    sample: &Sample,
    shown: &[&str],
    source: &mut Source<'_>,
) -> Option<(String, String, Vec<Repair>)> {
    let mut repairs = Vec::new();
    let (method, mut target, place) = if let Some(request) = &sample.request {
        let place = request.target_place;
        if let Some((was, why)) = &request.mended {
            repairs.push(repair(place, was, &request.target, why));
        }
        (request.method.clone(), request.target.clone(), place)
    } else {
        let (method, url) = (section.method.clone()?, section.url.clone()?);
        let place = sample.place().unwrap_or(Place { line: 1, column: 1 });
        source.notice(
            Some(place),
            format!("the page shows no request line; `{method} {url}` is taken from its table"),
        );
        (method, url, place)
    };
    if let Some(whole) = target::with_root(&target, section.url.as_deref()) {
        let why = "the page's Request URL has this API root";
        repairs.push(repair(place, &target, &whole, why));
        target = whole;
    }
    for (collection, placeholder) in target::placeholders(&target) {
        let found = target::identifiers(&collection, shown);
        let mut found = found.iter();
        match (found.next(), found.next()) {
            (Some(only), None) => {
                let was = format!("/{collection}/{placeholder}");
                let became = format!("/{collection}/{only}");
                let why = format!("the only member of {collection} in the samples");
                target = target.replacen(&was, &became, 1);
                repairs.push(repair(place, &was, &became, &why));
            }
            (None, _) => source.notice(
                Some(place),
                format!("no sample tells what {placeholder} stands for; it is kept as it is"),
            ),
            (Some(one), Some(other)) => source.notice(
                Some(place),
                format!(
                    "{placeholder} may stand for {one}, {other} or another; it is kept as it is"
                ),
            ),
        }
    }
    Some((method, target, repairs))
}

fn repair(place: Place, was: &str, became: &str, why: &str) -> Repair {
    Repair {
        line: place.line,
        column: place.column,
        was: was.to_owned(),
        became: became.to_owned(),
        why: why.to_owned(),
    }
}

/// The rows that a page lacks to make a request of.
pub(super) fn missing(section: Option<&Section>) -> &'static str {
    let has = |found: fn(&Section) -> bool| section.is_some_and(found);
    match (
        has(|section| section.url.is_some()),
        has(|section| section.method.is_some()),
    ) {
        (true, _) => "`HTTP Method` row",
        (_, true) => "`Request URL` row",
        _ => "`Request URL` and `HTTP Method` rows",
    }
}
