//! Mismatches as they may be told where some values must not be.

use crate::compare::{Difference, Json};

use super::Mismatch;

/// What is told instead of a string or a number at a place, if anything is.
type Instead<'a> = &'a dyn Fn(&str, &str) -> Option<String>;

impl Mismatch {
    /// The same mismatch with other words for the values in it, recorded and live. Each value that may
    /// have some is given with its JSON Pointer.
    #[must_use]
    pub fn told(&self, recorded: Instead<'_>, live: Instead<'_>) -> Mismatch {
        let pointer = &self.difference.pointer;
        let tell =
            |value: &Option<Json>, instead| value.as_ref().map(|value| of(value, pointer, instead));
        Mismatch {
            part: self.part,
            difference: Difference {
                pointer: pointer.clone(),
                recorded: tell(&self.difference.recorded, recorded),
                live: tell(&self.difference.live, live),
            },
        }
    }
}

fn of(json: &Json, pointer: &str, instead: Instead<'_>) -> Json {
    let told = |text: &str| instead(pointer, text).map(Json::String);
    match json {
        Json::Null | Json::Bool(_) => json.clone(),
        Json::String(text) => told(text).unwrap_or_else(|| json.clone()),
        Json::Number(number) => told(number.as_str()).unwrap_or_else(|| json.clone()),
        Json::Array(items) => {
            let items = items.iter().map(|item| of(item, pointer, instead));
            Json::Array(items.collect())
        }
        Json::Object(members) => {
            let member = |(name, value): &(String, Json)| {
                let below = format!("{pointer}/{name}");
                (name.clone(), of(value, &below, instead))
            };
            Json::Object(members.iter().map(member).collect())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::matcher::Part;

    fn mismatch(recorded: &str, live: Option<&str>) -> Mismatch {
        let json = |text: &str| Json::parse(text.as_bytes()).unwrap();
        Mismatch {
            part: Part::Body,
            difference: Difference {
                pointer: "/user".to_owned(),
                recorded: Some(json(recorded)),
                live: live.map(json),
            },
        }
    }

    #[test]
    fn values_are_told_in_other_words_by_their_places() {
        let mismatch = mismatch(
            r#"{"name":"Ann","pins":[1234,{"pin":77}],"on":true,"no":null}"#,
            Some("\"Bob\""),
        );
        let told = mismatch.told(
            &|pointer, text| pointer.contains("/pin").then(|| format!("{}!", text.len())),
            &|pointer, text| (pointer == "/user" && text == "Bob").then(|| "somebody".to_owned()),
        );
        assert_eq!(
            told.recorded().as_deref(),
            Some(r#"{"name":"Ann","pins":["4!",{"pin":"2!"}],"on":true,"no":null}"#)
        );
        assert_eq!(told.live().as_deref(), Some("\"somebody\""));
        assert_eq!(told.difference.pointer, "/user");
    }

    #[test]
    fn what_needs_no_other_words_and_what_is_missing_stay() {
        let mismatch = mismatch("12", None);
        let told = mismatch.told(&|_, _| None, &|_, _| Some("never".to_owned()));
        assert_eq!(told, mismatch);
    }
}
