//! Puts live values in the places of recorded ones, and leaves every other byte as it is.

use bytes::Bytes;

use super::Bound;
use super::echoes::Echo;

/// The bytes with the live values in their places; `None` where no choice that stands there is
/// bound, or what comes again of it cannot be spelled there.
pub(super) fn bytes(recorded: &Bytes, echoes: &[Echo], bound: &Bound) -> Option<Bytes> {
    let mut spliced = Vec::new();
    let mut done = 0;
    for Echo {
        range,
        choice,
        spelling,
    } in echoes
    {
        let Some(text) = bound.0.get(choice).and_then(|text| spelling.of(text)) else {
            continue;
        };
        spliced.extend_from_slice(recorded.get(done..range.start)?);
        spliced.extend_from_slice(text.as_bytes());
        done = range.end;
    }
    if done == 0 {
        return None;
    }
    spliced.extend_from_slice(recorded.get(done..)?);
    Some(spliced.into())
}

/// As [`bytes()`], for a text.
pub(super) fn text(recorded: &str, echoes: &[Echo], bound: &Bound) -> Option<String> {
    let spliced = bytes(&Bytes::copy_from_slice(recorded.as_bytes()), echoes, bound)?;
    String::from_utf8(spliced.into()).ok()
}

/// Whether anything that stands there is bound.
pub(super) fn is_any_bound(echoes: &[Echo], bound: &Bound) -> bool {
    echoes.iter().any(|echo| bound.0.contains_key(&echo.choice))
}

#[cfg(test)]
mod tests {
    use super::super::ChoiceId;
    use super::*;
    use crate::matcher::Spelling;

    fn echo(range: std::ops::Range<usize>, choice: usize, spelling: Spelling) -> Echo {
        Echo {
            range,
            choice,
            spelling,
        }
    }

    #[test]
    fn live_values_stand_where_the_recorded_ones_stood() {
        let recorded = Bytes::from_static(br#"{"a":"old","b":"old and 12345"}"#);
        let echoes = [
            echo(6..9, 0, Spelling::String),
            echo(16..19, 0, Spelling::String),
            echo(24..29, 1, Spelling::String),
        ];
        let mut bound = Bound::default();
        assert_eq!(bytes(&recorded, &echoes, &bound), None);
        bound.bind(ChoiceId(0), "n\"w".into());
        assert_eq!(
            bytes(&recorded, &echoes, &bound).unwrap(),
            r#"{"a":"n\"w","b":"n\"w and 12345"}"#
        );
        bound.bind(ChoiceId(1), "6".into());
        assert_eq!(
            bytes(&recorded, &echoes, &bound).unwrap(),
            r#"{"a":"n\"w","b":"n\"w and 6"}"#
        );
    }

    #[test]
    fn substituted_text_is_not_looked_at_again() {
        let mut bound = Bound::default();
        bound.bind(ChoiceId(0), "b".into());
        bound.bind(ChoiceId(1), "c".into());
        let echoes = [
            echo(1..2, 0, Spelling::Plain),
            echo(3..4, 1, Spelling::Plain),
        ];
        assert_eq!(text("-a-b-", &echoes, &bound).unwrap(), "-b-c-");
    }
}
