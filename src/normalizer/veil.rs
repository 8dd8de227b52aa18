//! Damage that lies over whole lines: bold marks, table pipes, wiki-diff columns.

use super::finding::Read;
use super::reader::{self, Reading};

/// Reads a sample.
pub(super) fn read(text: &str) -> Read<Reading> {
    reader::read(text)
}
