//! The page that is being read: its samples made JSON, with every place where it stands on the page.
//!
//! Which sample is what was decided before, in [`super::outline`].

use crate::exchange::Repair;
use crate::normalizer::{self, Layout, Mending, Options};

use super::block::Block;
use super::line::Place;
use super::outline::Sample;
use super::{ImportError, Notice};

/// The page that is being read.
pub(super) struct Source<'a> {
    pub(super) name: &'a str,
    pub(super) text: &'a str,
    pub(super) repairs: Vec<Repair>,
    pub(super) notices: Vec<Notice>,
}

/// A sample that was read.
pub(super) struct Json {
    pub(super) text: String,
    pub(super) repairs: Vec<Repair>,
}

impl Source<'_> {
    pub(super) fn notice(&mut self, place: Option<Place>, message: impl Into<String>) {
        let place = place.unwrap_or(Place { line: 1, column: 1 });
        self.notices.push(Notice {
            line: place.line,
            column: place.column,
            message: message.into(),
        });
    }

    /// Reads a sample, with every place moved to where it stands on the page.
    pub(super) fn read(&mut self, block: &Block) -> Result<Json, ImportError> {
        let options = Options {
            mending: Mending::Repair,
            layout: Layout::Compact,
        };
        match normalizer::normalize(&block.text(), options) {
            Ok(normalized) => {
                for notice in &normalized.notices {
                    let place = block.place(notice.line, notice.column);
                    self.notice(Some(place), notice.change());
                }
                let repairs = normalized.repairs.into_iter().map(|repair| {
                    let place = block.place(repair.line, repair.column);
                    Repair {
                        line: place.line,
                        column: place.column,
                        was: repair.was,
                        became: repair.became,
                        why: repair.why,
                    }
                });
                Ok(Json {
                    repairs: repairs.collect(),
                    text: normalized.json,
                })
            }
            Err(unreadable) => {
                let place = block.place(unreadable.line, unreadable.column);
                let text = self.text.lines().nth(place.line.saturating_sub(1));
                Err(ImportError::Unreadable {
                    page: self.name.to_owned(),
                    line: place.line,
                    column: place.column,
                    message: unreadable.message,
                    text: text.unwrap_or_default().to_owned(),
                })
            }
        }
    }

    /// The response that a sample shows: the first that tells of success, or else the first.
    pub(super) fn response(&mut self, sample: &Sample) -> Result<Option<Json>, ImportError> {
        let mut read = Vec::new();
        for block in &sample.responses {
            read.push((block.place, self.read(block)?));
        }
        let chosen = read.iter().position(|(_, json)| succeeds(&json.text));
        let chosen = chosen.unwrap_or_default();
        for (place, _) in read
            .iter()
            .enumerate()
            .filter(|(at, _)| *at != chosen)
            .map(|(_, read)| read)
        {
            self.notices.push(Notice {
                line: place.line,
                column: place.column,
                message: "a request has one response; this sample is left out".to_owned(),
            });
        }
        Ok(read.into_iter().nth(chosen).map(|(_, json)| json))
    }
}

/// Whether a response's `statusCode`, if it has one, says that all went well.
fn succeeds(json: &str) -> bool {
    #[derive(serde::Deserialize)]
    struct Status {
        #[serde(rename = "statusCode")]
        code: Option<u64>,
    }
    serde_json::from_str::<Status>(json).is_ok_and(|status| status.code.unwrap_or_default() == 0)
}
