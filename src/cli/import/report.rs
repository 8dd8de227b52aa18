//! What `antiphon import` says of a tape that it has made, or of a page of which it cannot make one: to people,
//! and to programs.

use std::path::Path;

use serde::Serialize;

use crate::cli::{normalize, output};
use crate::exchange::{Repair, Session, counted};
use crate::importer::{ImportError, Imported};
use crate::normalizer;

/// What `--json` writes.
#[derive(Serialize)]
pub(super) struct Summary<'a> {
    title: &'a str,
    tape: String,
    operations: usize,
    notifications: usize,
    sessions: Vec<&'a str>,
    repairs: Vec<RepairLine<'a>>,
    notices: Vec<NoticeLine<'a>>,
}

#[derive(Serialize)]
struct RepairLine<'a> {
    page: &'a str,
    line: usize,
    column: usize,
    was: &'a str,
    became: &'a str,
    why: &'a str,
}

#[derive(Serialize)]
struct NoticeLine<'a> {
    page: &'a str,
    line: usize,
    column: usize,
    message: &'a str,
}

/// The change and its reason, written as `normalize` writes them.
fn change(repair: &Repair) -> String {
    let Repair {
        line,
        column,
        was,
        became,
        why,
    } = repair.clone();
    normalizer::Repair {
        line,
        column,
        was,
        became,
        why,
    }
    .change()
}

/// Says what was changed, and what was left out.
pub(super) fn report(imported: &Imported) {
    for remarks in &imported.remarks {
        let page = &remarks.page;
        for repair in &remarks.repairs {
            output::say(&format!(
                "{page}:{}:{}: {}",
                repair.line,
                repair.column,
                change(repair)
            ));
        }
        for notice in &remarks.notices {
            output::say(&format!(
                "{page}:{}:{}: notice: {}",
                notice.line, notice.column, notice.message
            ));
        }
    }
}

/// Says why there is no tape, and shows the place.
pub(super) fn explain(error: &ImportError) {
    output::say(&format!("error: {error}"));
    if let ImportError::Unreadable { text, column, .. } = error {
        let (shown, caret) = normalize::window(text, column.saturating_sub(1));
        output::say(&format!("  {shown}\n  {caret}^"));
    }
}

/// What the last line says.
pub(super) fn closing(imported: &Imported, path: &Path) -> String {
    let tape = &imported.tape;
    let repairs: usize = imported.remarks.iter().map(|page| page.repairs.len()).sum();
    format!(
        "{}, {} in {}, {} \u{2192} {}",
        counted(tape.operations().count(), "operation"),
        counted(tape.notifications().count(), "notification"),
        counted(sessions(imported).len(), "session"),
        counted(repairs, "repair"),
        path.display()
    )
}

fn sessions(imported: &Imported) -> Vec<&str> {
    imported.tape.sessions().map(Session::name).collect()
}

/// The same for programs.
pub(super) fn summary<'a>(imported: &'a Imported, path: &Path) -> Summary<'a> {
    let tape = &imported.tape;
    let pages = || imported.remarks.iter();
    Summary {
        title: &tape.header.title,
        tape: path.display().to_string(),
        operations: tape.operations().count(),
        notifications: tape.notifications().count(),
        sessions: sessions(imported),
        repairs: pages()
            .flat_map(|remarks| {
                remarks.repairs.iter().map(|repair| RepairLine {
                    page: &remarks.page,
                    line: repair.line,
                    column: repair.column,
                    was: &repair.was,
                    became: &repair.became,
                    why: &repair.why,
                })
            })
            .collect(),
        notices: pages()
            .flat_map(|remarks| {
                remarks.notices.iter().map(|notice| NoticeLine {
                    page: &remarks.page,
                    line: notice.line,
                    column: notice.column,
                    message: &notice.message,
                })
            })
            .collect(),
    }
}
