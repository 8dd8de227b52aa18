//! Which lines stand beside a line, and where the sheets end.

use crate::importer::line::Line;

/// The lines that are not blank, each with the one before and after it.
pub(super) struct Neighbours<'a> {
    lines: &'a [Line],
    /// The indices of the lines that are not blank, in order.
    filled: Vec<usize>,
    /// For each line, where in `filled` it stands or would stand.
    rank: Vec<usize>,
}

impl<'a> Neighbours<'a> {
    pub(super) fn new(lines: &'a [Line]) -> Self {
        let mut filled = Vec::new();
        let mut rank = Vec::with_capacity(lines.len());
        for (index, line) in lines.iter().enumerate() {
            rank.push(filled.len());
            if !line.is_blank() {
                filled.push(index);
            }
        }
        Neighbours {
            lines,
            filled,
            rank,
        }
    }

    pub(super) fn indices(&self) -> impl Iterator<Item = usize> + '_ {
        self.filled.iter().copied()
    }

    pub(super) fn text(&self, index: usize) -> &'a str {
        self.lines.get(index).map_or("", Line::trimmed)
    }

    /// The nearest lines before and after, leaving out blank ones.
    pub(super) fn around(&self, index: usize) -> impl Iterator<Item = usize> + '_ {
        let rank = self.rank.get(index).copied().unwrap_or_default();
        let before = rank.checked_sub(1);
        [before, Some(rank + 1)]
            .into_iter()
            .flatten()
            .filter_map(|rank| self.filled.get(rank).copied())
    }

    /// Whether a bare number would be a value between the lines around it.
    pub(super) fn may_be_value(&self, index: usize) -> bool {
        let mut before = "";
        let mut after = "";
        for other in self.around(index) {
            *(if other < index {
                &mut before
            } else {
                &mut after
            }) = self.text(other);
        }
        before.ends_with(':')
            || (before.ends_with(['[', '(', ',']) && after.starts_with([']', ')', ',']))
    }

    /// Whether it is the first or last line of a sheet that a form feed begins or ends.
    pub(super) fn at_sheet_edge(&self, index: usize) -> bool {
        let sheet = |index: usize| self.lines.get(index).map(|line| line.sheet);
        let last = self.lines.last().map(|line| line.sheet);
        let own = sheet(index);
        let rank = self.rank.get(index).copied().unwrap_or_default();
        let at = |rank: Option<usize>| {
            rank.and_then(|rank| self.filled.get(rank))
                .and_then(|index| sheet(*index))
        };
        let ends = own < last && at(Some(rank + 1)) != own;
        let begins = own > Some(0) && at(rank.checked_sub(1)) != own;
        ends || begins
    }
}
