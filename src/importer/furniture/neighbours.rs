//! Which lines stand beside a line, and where the sheets end.

use crate::importer::block::is_member;
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

    /// Whether a bare number would be a value between the lines around it: the one that a key still
    /// lacks, or the item of a list.
    pub(super) fn may_be_value(&self, index: usize) -> bool {
        let (before, after): (Vec<usize>, Vec<usize>) =
            self.around(index).partition(|other| *other < index);
        let before = before.first().map_or("", |before| self.text(*before));
        let after = after.first().map_or("", |after| self.text(*after));
        let ends = after.is_empty() || after.starts_with([']', ')', ',', '}']);
        (before.ends_with(':') && (ends || is_member(after)))
            || (before.ends_with(['[', '(', ',']) && ends)
    }

    /// Whether it is the last line of the page.
    pub(super) fn is_last(&self, index: usize) -> bool {
        self.filled.last() == Some(&index)
    }

    /// On which sheet a line stands, from 0.
    pub(super) fn sheet(&self, index: usize) -> usize {
        self.lines.get(index).map_or(0, |line| line.sheet)
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
