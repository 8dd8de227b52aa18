//! What was mended in a tape, below the picture: where, why, and what it was before.

use crate::exchange::{Repair, counted};
use crate::tape::{Subject, Walk};

use super::Seen;
use super::grid::fit;
use super::timeline::clean;
use crate::cli::output::Unwritten;

/// The lines of all repairs, below the picture; none where nothing was mended.
pub(super) fn lines(tape: &Walk<Seen>, width: usize) -> Result<Vec<String>, Unwritten> {
    let mut repairs: Vec<(Subject, Repair)> = Vec::new();
    for step in tape.steps.iter().filter(|step| step.kept.repairs > 0) {
        let event = step.event()?;
        let own = event.repairs().iter().cloned();
        repairs.extend(own.map(|repair| (step.subject, repair)));
    }
    if repairs.is_empty() {
        return Ok(Vec::new());
    }
    let mut lines = vec![
        String::new(),
        format!(
            "{} of {}",
            counted(repairs.len(), "repair"),
            clean(&tape.header.source)
        ),
    ];
    let place = |repair: &Repair| format!("{}:{}", repair.line, repair.column);
    let margin = repairs
        .iter()
        .map(|(_, repair)| place(repair).len())
        .max()
        .unwrap_or_default()
        + 2;
    let room = width.saturating_sub(margin + 2);
    for (subject, repair) in &repairs {
        let first = format!(
            "{:>margin$}  {subject}: {}",
            place(repair),
            clean(&repair.why)
        );
        lines.push(first);
        lines.push(format!("{:margin$}  {}", "", change(repair, room)));
    }
    Ok(lines.iter().map(|line| fit(line, width)).collect())
}

/// What stood there and what it became, side by side; where that is too wide, from shortly before
/// the first difference on.
fn change(repair: &Repair, room: usize) -> String {
    const CONTEXT: usize = 8;
    let (was, became) = (clean(&repair.was), clean(&repair.became));
    let whole = format!("\"{was}\" → \"{became}\"");
    if whole.chars().count() <= room {
        return whole;
    }
    let same = was
        .chars()
        .zip(became.chars())
        .take_while(|(a, b)| a == b)
        .count();
    let half = room.saturating_sub("\"\" → \"\"".chars().count()) / 2;
    let part = |text: &str| match same.saturating_sub(CONTEXT) {
        0 => fit(text, half),
        skipped => {
            let rest: String = text.chars().skip(skipped).collect();
            format!("…{}", fit(&rest, half.saturating_sub(1)))
        }
    };
    format!("\"{}\" → \"{}\"", part(&was), part(&became))
}
