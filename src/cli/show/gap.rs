//! A gap of a tape in the picture: across all lanes, since nobody knows whose it was.

use crate::exchange::Gap;

use super::grid::Row;
use super::timeline::clean;

/// The line of a gap.
pub(super) fn gap_row(gap: &Gap) -> Row {
    Row {
        at: Some(gap.at),
        session: None,
        text: format!("⚠ {}", clean(&words(gap))),
    }
}

/// `gap of 1.5 s: 3 events and 1 exchange (2000 bytes) are missing: no space left`.
fn words(gap: &Gap) -> String {
    let span = gap.until.since(gap.at).0;
    let (seconds, tenths) = (span / 1_000_000, span / 100_000 % 10);
    let what = [
        (gap.events, "events missing"),
        (gap.exchanges, "exchanges missing"),
        (gap.bytes, "bytes of them"),
        (gap.uncertain, "events before it uncertain"),
    ];
    let what: Vec<String> = what
        .into_iter()
        .filter(|(number, _)| *number > 0)
        .map(|(number, what)| format!("{what}: {number}"))
        .collect();
    format!(
        "gap of {seconds}.{tenths} s ({}): {}",
        what.join(", "),
        gap.why
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exchange::Micros;

    #[test]
    fn a_gap_says_how_long_how_much_and_why() {
        let gap = Gap {
            at: Micros(1_000_000),
            until: Micros(3_520_000),
            events: 3,
            exchanges: 1,
            bytes: 2000,
            uncertain: 0,
            why: "no space\u{7}".into(),
        };
        let row = gap_row(&gap);
        assert_eq!((row.at, row.session), (Some(Micros(1_000_000)), None));
        assert_eq!(
            row.text,
            "⚠ gap of 2.5 s (events missing: 3, exchanges missing: 1, bytes of them: 2000): \
             no space\\u{7}"
        );
    }
}
