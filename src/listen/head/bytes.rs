//! The bytes of methods, of the names of fields, of targets and of hosts. Pure.

/// Where a byte may stand, a bit for each place. They are looked up, since every byte of every head is asked for.
#[derive(Clone, Copy)]
struct Places(u8);

const TOKEN: u8 = 1;
const TARGET: u8 = 2;
const HOST: u8 = 4;

/// Whether this may be a method or the name of a field (RFC 9110 §5.6.2).
pub(in crate::listen) fn is_token(text: &[u8]) -> bool {
    !text.is_empty() && token(text) == text.len()
}

/// How many bytes at the beginning of a text are those of a token.
pub(in crate::listen) fn token(text: &[u8]) -> usize {
    let other = text.iter().position(|byte| !may(*byte, TOKEN));
    other.unwrap_or(text.len())
}

/// Whether every byte of this may stand in a target: none is a space, a control character or the beginning of a
/// fragment.
pub(in crate::listen) fn are_of_target(text: &[u8]) -> bool {
    text.iter().all(|byte| may(*byte, TARGET))
}

/// Whether every byte of this is of the letters, digits and marks that names of hosts have in practice.
pub(in crate::listen) fn are_of_host(text: &[u8]) -> bool {
    text.iter().all(|byte| may(*byte, HOST))
}

fn may(byte: u8, place: u8) -> bool {
    let known = PLACES.get(usize::from(byte));
    known.is_some_and(|Places(places)| places & place != 0)
}

#[allow(clippy::indexing_slicing)] // it is indexed when it is compiled, and what is wrong is found then
static PLACES: [Places; 256] = {
    let mut all = [Places(0); 256];
    let mut byte = 0_u8;
    loop {
        let places = &mut all[byte as usize].0;
        let letter = byte.is_ascii_alphanumeric();
        if letter || is_one_of(byte, b"!#$%&'*+-.^_`|~") {
            *places |= TOKEN;
        }
        if !byte.is_ascii_control() && byte != b'#' && byte != b' ' {
            *places |= TARGET;
        }
        if letter || is_one_of(byte, b"-._~") {
            *places |= HOST;
        }
        if byte == u8::MAX {
            break all;
        }
        byte += 1;
    }
};

#[allow(clippy::indexing_slicing)] // as above
const fn is_one_of(byte: u8, some: &[u8]) -> bool {
    let mut next = 0;
    while next < some.len() {
        if some[next] == byte {
            return true;
        }
        next += 1;
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn which_bytes_may_stand_where() {
        for byte in 0..=u8::MAX {
            let letter = byte.is_ascii_alphanumeric();
            let token_mark = b"!#$%&'*+-.^_`|~".contains(&byte);
            assert_eq!(is_token(&[b'a', byte]), letter || token_mark, "{byte}");
            let in_target = byte > b' ' && byte != 0x7f && byte != b'#';
            assert_eq!(are_of_target(&[b'/', byte]), in_target, "{byte}");
            let in_host = letter || b"-._~".contains(&byte);
            assert_eq!(are_of_host(&[b'a', byte]), in_host, "{byte}");
        }
        assert!(!is_token(b""));
        assert_eq!(token(b"Host: a"), 4);
    }
}
