//! The bytes of methods and of the names of fields. Pure.

/// Whether this may be a method or the name of a field (RFC 9110 §5.6.2).
pub(super) fn is_token(text: &[u8]) -> bool {
    let good = |byte: &u8| TOKEN.get(usize::from(*byte)) == Some(&Standing::Good);
    !text.is_empty() && text.iter().all(good)
}

/// Whether a byte may stand somewhere.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Standing {
    Good,
    Bad,
}

/// The bytes of tokens: looked up, since every byte of every name is asked for.
#[allow(clippy::indexing_slicing)] // it is indexed when it is compiled, and what is wrong is found then
static TOKEN: [Standing; 256] = {
    let mut all = [Standing::Bad; 256];
    let good = b"!#$%&'*+-.^_`|~0123456789\
        ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let mut next = 0;
    while next < good.len() {
        all[good[next] as usize] = Standing::Good;
        next += 1;
    }
    all
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_has_letters_digits_and_some_marks() {
        for byte in 0..=u8::MAX {
            let good = byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
            assert_eq!(is_token(&[b'a', byte]), good, "{byte}");
        }
        assert!(!is_token(b""));
    }
}
