//! The page that is being read: its samples made JSON, with every place where it stands on the page.
//!
//! Which sample is what was decided before, in [`super::outline`].

use crate::exchange::Repair;
use crate::normalizer::{self, Layout, Mending, Options};

use super::assemble::OK;
use super::block::Block;
use super::envelope;
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

    /// The response that a sample shows: the first that shows no failure.
    pub(super) fn response(&mut self, sample: &Sample) -> Result<Option<Json>, ImportError> {
        let mut chosen = None;
        let mut failures = Vec::new();
        for block in &sample.responses {
            let json = self.read(block)?;
            if let Some(code) = failure(&json.text) {
                failures.push((block.place, code));
            } else if chosen.is_none() {
                chosen = Some(json);
            } else {
                self.notice(
                    Some(block.place),
                    "a request has one response; this sample is left out",
                );
            }
        }
        if sample.responses.is_empty() {
            self.notice(
                sample.place(),
                format!(
                    "the page shows no response; an empty one with status {} stands for it",
                    sample.status.unwrap_or(OK)
                ),
            );
        }
        let instead = match chosen {
            Some(_) => "",
            None => {
                "; the page shows no other response, and an empty one with status 200 stands for it"
            }
        };
        for (place, code) in failures {
            self.notice(
                Some(place),
                format!(
                    "the statusCode {code} shows a failure, so this sample is left out{instead}"
                ),
            );
        }
        Ok(chosen)
    }
}

/// The `statusCode` of a response that tells of a failure: any but 0.
fn failure(json: &str) -> Option<String> {
    let (_, code) = envelope::members(json)?
        .into_iter()
        .find(|(key, _)| key == "statusCode")?;
    let code = code.get();
    (!matches!(code, "0" | "\"0\"" | "null")).then(|| code.to_owned())
}
