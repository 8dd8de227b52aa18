//! Checks that what comes in pieces is UTF-8 (RFC 3629), also where a character is cut in two.
//!
//! It keeps no text.

/// UTF-8 on its way.
#[derive(Debug, Default)]
pub(super) struct Utf8 {
    /// The beginning of a character whose end has not come.
    partial: [u8; 4],
    count: usize,
}

/// Not UTF-8.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NotUtf8;

impl Utf8 {
    /// Takes the next bytes.
    pub(super) fn push(&mut self, mut bytes: &[u8]) -> Result<(), NotUtf8> {
        while self.count > 0 {
            let Some((byte, rest)) = bytes.split_first() else {
                return Ok(());
            };
            *self.partial.get_mut(self.count).ok_or(NotUtf8)? = *byte;
            self.count += 1;
            bytes = rest;
            let character = self.partial.get(..self.count).unwrap_or_default();
            match std::str::from_utf8(character) {
                Ok(_) => self.count = 0,
                Err(error) if error.error_len().is_some() => return Err(NotUtf8),
                Err(_) => {}
            }
        }
        let valid = match std::str::from_utf8(bytes) {
            Ok(_) => return Ok(()),
            Err(error) if error.error_len().is_some() => return Err(NotUtf8),
            Err(error) => error.valid_up_to(),
        };
        let tail = bytes.get(valid..).unwrap_or_default();
        for (place, byte) in self.partial.iter_mut().zip(tail) {
            *place = *byte;
        }
        self.count = tail.len();
        Ok(())
    }

    /// There is no more.
    pub(super) fn end(&self) -> Result<(), NotUtf8> {
        if self.count == 0 {
            Ok(())
        } else {
            Err(NotUtf8)
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(bytes: &[u8], piece: usize) -> Result<(), NotUtf8> {
        let mut utf8 = Utf8::default();
        for piece in bytes.chunks(piece) {
            utf8.push(piece)?;
        }
        utf8.end()
    }

    #[test]
    fn characters_may_be_cut_anywhere() {
        let text = "aé€😀\u{10ffff}\0".repeat(3);
        for piece in 1..text.len() {
            assert_eq!(check(text.as_bytes(), piece), Ok(()), "{piece}");
        }
    }

    #[test]
    fn what_is_not_utf_8_is_found_in_any_pieces() {
        let faults: [&[u8]; 8] = [
            b"\xff",
            b"\xc3",
            b"\xc3(",
            b"a\x80",
            b"\xed\xa0\x80",
            b"\xf4\x90\x80\x80",
            b"\xc0\xaf",
            b"\xf0\x9f\x98",
        ];
        for fault in faults {
            for piece in 1..=fault.len() {
                assert_eq!(check(fault, piece), Err(NotUtf8), "{fault:x?} {piece}");
            }
        }
    }

    proptest! {
        #[test]
        fn it_agrees_with_the_standard_library(
            bytes in prop::collection::vec(prop_oneof![Just(0x61), Just(0xe2), Just(0x82), Just(0xac), any::<u8>()], 0..12),
            piece in 1..5_usize,
        ) {
            prop_assert_eq!(check(&bytes, piece).is_ok(), std::str::from_utf8(&bytes).is_ok());
        }
    }
}
