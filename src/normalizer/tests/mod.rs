//! Tables of samples for each class of text and damage, and properties that hold for all text: here what
//! all of them check by.

mod exact;
mod limits;
mod properties;
mod strings;
mod structure;

use super::{Layout, Mending, Normalized, Options, Unreadable, normalize};

const REPAIR: Options = Options {
    mending: Mending::Repair,
    layout: Layout::Compact,
};

const STRICT: Options = Options {
    mending: Mending::Refuse,
    layout: Layout::Compact,
};

fn read(text: &str) -> Normalized {
    normalize(text, REPAIR).unwrap_or_else(|error| panic!("{text:?}: {error}"))
}

fn refused(text: &str) -> Unreadable {
    match normalize(text, REPAIR) {
        Ok(normalized) => panic!("{text:?} was read as {}", normalized.json),
        Err(error) => error,
    }
}

/// Every text has this JSON, needs no repair and passes `--strict`.
fn exact(table: &[(&str, &str)]) {
    for (text, json) in table {
        let normalized = normalize(text, STRICT).unwrap_or_else(|e| panic!("{text:?}: {e}"));
        assert_eq!(&normalized.json, json, "{text:?}");
    }
}

/// Every text has this JSON after one repair, `LINE:COLUMN "was" -> "became"`, and fails `--strict`
/// at that place.
fn repaired(table: &[(&str, &str, &str)]) {
    for (text, json, change) in table {
        let normalized = read(text);
        assert_eq!(&normalized.json, json, "{text:?}");
        let [repair] = normalized.repairs.as_slice() else {
            panic!("{text:?}: {:?}", normalized.repairs);
        };
        let place = format!("{}:{}", repair.line, repair.column);
        let said = format!("{place} {:?} -> {:?}", repair.was, repair.became);
        assert_eq!(&said, change, "{text:?}");
        assert!(!repair.why.is_empty());
        let error = normalize(text, STRICT).unwrap_err();
        assert_eq!(
            format!("{}:{}", error.line, error.column),
            place,
            "{text:?}"
        );
    }
}

/// Every text is refused at this place with a message that says this.
fn refusals(table: &[(&str, &str, &str)]) {
    for (text, place, message) in table {
        let error = refused(text);
        assert_eq!(
            &format!("{}:{}", error.line, error.column),
            place,
            "{text:?}: {error}"
        );
        assert!(error.message.contains(message), "{text:?}: {error}");
    }
}
