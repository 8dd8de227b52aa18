//! From when to when a certificate holds (RFC 5280 §4.1.2.5): as much of DER as stands before that.
//!
//! Nothing is verified here, and nothing else of a certificate is read.

use jiff::civil::DateTime;
use jiff::tz::TimeZone;

const INTEGER: u8 = 0x02;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
const SEQUENCE: u8 = 0x30;
const VERSION: u8 = 0xa0;

/// The first and the last second, counted from 1970, in which a certificate holds; `None` where it
/// is not written as a certificate is.
pub(super) fn validity(certificate: &[u8]) -> Option<(i64, i64)> {
    let (certificate, _) = element(certificate, SEQUENCE)?;
    let (signed, _) = element(certificate, SEQUENCE)?;
    let rest = element(signed, VERSION).map_or(signed, |(_, rest)| rest);
    let (_serial, rest) = element(rest, INTEGER)?;
    let (_algorithm, rest) = element(rest, SEQUENCE)?;
    let (_issuer, rest) = element(rest, SEQUENCE)?;
    let (validity, _) = element(rest, SEQUENCE)?;
    let (from, rest) = time(validity)?;
    let (to, _) = time(rest)?;
    Some((from, to))
}

/// The content of the element with this tag at the front, and what follows it.
fn element(bytes: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (found, rest) = bytes.split_first()?;
    let (first, rest) = rest.split_first()?;
    let (length, rest) = match usize::from(*first) {
        length if length < 0x80 => (length, rest),
        // So many bytes of length follow; no certificate is longer than four of them tell.
        long => {
            let (digits, rest) = rest.split_at_checked(long - 0x80)?;
            if digits.is_empty() || digits.len() > 4 {
                return None;
            }
            let add = |sum: usize, digit: &u8| (sum << 8) | usize::from(*digit);
            (digits.iter().fold(0, add), rest)
        }
    };
    rest.split_at_checked(length).filter(|_| *found == tag)
}

/// The time at the front, and what follows it.
fn time(bytes: &[u8]) -> Option<(i64, &[u8])> {
    let short = element(bytes, UTC_TIME).map(|(text, rest)| {
        // A year of two digits is one from 1950 to 2049.
        let century = if text.first() >= Some(&b'5') {
            "19"
        } else {
            "20"
        };
        (format!("{century}{}", String::from_utf8_lossy(text)), rest)
    });
    let (text, rest) = short.or_else(|| {
        let (text, rest) = element(bytes, GENERALIZED_TIME)?;
        Some((String::from_utf8_lossy(text).into_owned(), rest))
    })?;
    let moment = DateTime::strptime("%Y%m%d%H%M%SZ", text).ok()?;
    let moment = moment.to_zoned(TimeZone::UTC).ok()?;
    Some((moment.timestamp().as_second(), rest))
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, KeyPair, date_time_ymd};

    use super::*;

    #[test]
    fn certificates_say_how_long_they_hold() {
        let seconds = |year| date_time_ymd(year, 1, 1).unix_timestamp();
        for (from, to) in [(1950, 1999), (2000, 2049), (2026, 2050), (2050, 4000)] {
            let mut made = CertificateParams::new(vec!["a".to_owned()]).unwrap();
            made.not_before = date_time_ymd(from, 1, 1);
            made.not_after = date_time_ymd(to, 1, 1);
            let made = made.self_signed(&KeyPair::generate().unwrap()).unwrap();
            assert_eq!(validity(made.der()), Some((seconds(from), seconds(to))));
            for end in 0..made.der().len() {
                // What is torn is not read, wherever that is.
                assert_eq!(validity(&made.der()[..end]), None, "{end}");
            }
        }
        for bad in [
            &b""[..],
            b"\x30",
            b"\x30\x80",
            b"\x30\x85\x01\x01\x01\x01\x01",
            b"\x02\x00",
        ] {
            assert_eq!(validity(bad), None);
        }
    }
}
