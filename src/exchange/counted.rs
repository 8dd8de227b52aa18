//! Numbers of things in words, for people. Words whose plural takes more than an s are not for it.

use std::fmt;

/// `1 gap`, `2 gaps`.
#[must_use]
pub fn counted<N>(number: N, word: &str) -> String
where
    N: Copy + fmt::Display + PartialEq + From<u8>,
{
    let plural = if number == N::from(1) { "" } else { "s" };
    format!("{number} {word}{plural}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_of_something_has_no_plural() {
        assert_eq!(counted(0_usize, "gap"), "0 gaps");
        assert_eq!(counted(1_u64, "gap"), "1 gap");
        assert_eq!(counted(21_u64, "gap"), "21 gaps");
    }
}
