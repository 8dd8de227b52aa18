//! The title of a page, which recurs on its sheets.

use std::collections::BTreeMap;

use super::is_plain;
use crate::importer::heading::{recognise, undecorated};
use crate::importer::line::Line;

/// The title of the page: what stands above its first section, and best what recurs.
pub(in crate::importer) fn title(lines: &[Line]) -> Option<String> {
    let first_section = lines
        .iter()
        .position(|line| is_section(line.trimmed()))
        .unwrap_or(lines.len());
    let above: Vec<&str> = lines
        .iter()
        .take(first_section)
        .map(Line::trimmed)
        .filter(|text| !text.is_empty())
        .collect();
    let marked = above.iter().find(|text| {
        text.starts_with("# ")
            || (text.starts_with("= ") || text.starts_with('=')) && text.ends_with('=')
    });
    if let Some(marked) = marked {
        return Some(undecorated(marked).to_owned());
    }
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for line in lines {
        *counts.entry(line.trimmed()).or_default() += 1;
    }
    let titles = || above.iter().copied().filter(|text| is_title(text));
    let recurring = titles().find(|text| counts.get(text).is_some_and(|count| *count > 1));
    let beside_prose = || {
        let pairs = above.iter().zip(above.iter().skip(1));
        pairs
            .filter(|(text, next)| is_title(text) && next.starts_with("This operation"))
            .map(|(text, _)| *text)
            .next()
    };
    recurring
        .or_else(beside_prose)
        .or_else(|| titles().next())
        .map(str::to_owned)
}

/// Where the first section of a page begins.
fn is_section(text: &str) -> bool {
    let lower = undecorated(text).to_lowercase();
    lower == "overview" || lower.starts_with("request url") || recognise(text).is_some()
}

fn is_title(text: &str) -> bool {
    is_plain(text)
        && text.len() <= 60
        && !text.ends_with(['.', '!', '?'])
        && text.starts_with(|c: char| c.is_uppercase())
        && !text.to_lowercase().starts_with("jump to")
        && text != "Contents"
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::importer::line::lines;

    #[test]
    fn the_title_is_found() {
        for (text, expected) in [
            (
                "Legal words here.\nMuteCall\nWeb Book\n1/2/2020\nMuteCall\nThis operation is\nOverview",
                "MuteCall",
            ),
            ("Accept\nThis operation is part.\nOverview", "Accept"),
            (
                "Jump to: navigation, search\n\nAccept\nWhen a chat is offered.\nRequest URL /x",
                "Accept",
            ),
            ("nav\n# Mute Call\nText\n## Overview", "Mute Call"),
            ("== Mute ==\nRequest\n", "Mute"),
        ] {
            assert_eq!(title(&lines(text)).as_deref(), Some(expected), "{text}");
        }
        assert_eq!(title(&lines("Request\nPOST /x")), None);
    }
}
