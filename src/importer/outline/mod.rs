//! Walks down the lines of a page and sorts what stands there: the rows of its tables, and under
//! which heading each sample was found.
//!
//! Nothing is read here; a sample is still lines, and a heading has done no more than to say whose
//! it is. What it all becomes is decided in [`super::assemble`].

mod marks;
mod walk;

use super::Notice;
use super::block::Block;
use super::line::{Line, Place};
use super::request_line::RequestLine;

use walk::Walk;

/// What a page holds.
#[derive(Debug, Default)]
pub(super) struct Outline {
    /// Mostly one; a page may describe several operations one after the other.
    pub(super) sections: Vec<Section>,
    /// What was left out, and why.
    pub(super) notices: Vec<Notice>,
}

/// One operation as a page describes it, with its samples.
#[derive(Debug, Default)]
pub(super) struct Section {
    /// The URL of its requests.
    pub(super) url: Option<String>,
    /// Their method.
    pub(super) method: Option<String>,
    /// The lines of the parameter table.
    pub(super) table: Vec<Line>,
    /// The samples, in order.
    pub(super) samples: Vec<Sample>,
}

/// A request with what came of it.
#[derive(Debug, Default)]
pub(super) struct Sample {
    /// The session whose request it is, where the heading says so.
    pub(super) session: Option<String>,
    pub(super) request: Option<RequestLine>,
    /// The header fields under the request line.
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Option<Block>,
    /// The status, where the page shows one.
    pub(super) status: Option<u16>,
    /// The header fields of the response.
    pub(super) response_headers: Vec<(String, String)>,
    pub(super) responses: Vec<Block>,
    pub(super) notifications: Vec<Pushed>,
}

/// The sample of a notification.
#[derive(Debug)]
pub(super) struct Pushed {
    pub(super) block: Block,
    /// The session of its heading.
    pub(super) actor: Option<String>,
    pub(super) ordinal: Option<usize>,
    /// How many samples stand before it under the same heading.
    pub(super) nth: usize,
}

/// The outline of a page whose furniture is gone.
pub(super) fn outline(lines: &[Line], title: &str) -> Outline {
    let mut walk = Walk::new(title);
    let mut next = 0;
    let mut rest: Option<Line> = None;
    while let Some(line) = rest.take().or_else(|| {
        let line = lines.get(next).cloned();
        next += 1;
        line
    }) {
        (rest, next) = walk.step(line, lines, next);
    }
    walk.finish()
}

impl Sample {
    fn is_empty(&self) -> bool {
        self.request.is_none() && self.body.is_none() && !self.is_answered()
    }

    fn is_answered(&self) -> bool {
        !self.responses.is_empty() || !self.notifications.is_empty()
    }

    /// Where it begins.
    pub(super) fn place(&self) -> Option<Place> {
        let blocks = self.body.iter().chain(&self.responses);
        self.request
            .as_ref()
            .map(|request| request.place)
            .or_else(|| blocks.map(|block| block.place).next())
            .or_else(|| self.notifications.first().map(|pushed| pushed.block.place))
    }
}

#[cfg(test)]
mod tests {
    use super::super::line::lines;
    use super::*;

    /// What was found, in few words.
    fn drawn(text: &str) -> String {
        let outline = outline(&lines(text), "Mute");
        let mut drawn = Vec::new();
        for section in &outline.sections {
            let method = section.method.as_deref().unwrap_or("-");
            drawn.push(format!(
                "{method} {}",
                section.url.as_deref().unwrap_or("-")
            ));
            for sample in &section.samples {
                let request = sample.request.as_ref();
                let target = request.map_or("-", |request| &request.target);
                let body = sample.body.as_ref().map(Block::text).unwrap_or_default();
                drawn.push(format!(" > {target} {body}"));
                for response in &sample.responses {
                    drawn.push(format!(" < {}", response.text()));
                }
                for pushed in &sample.notifications {
                    let actor = pushed.actor.as_deref().unwrap_or("-");
                    let text = pushed.block.text();
                    drawn.push(format!(" ! {actor} {:?} {text}", pushed.ordinal));
                }
            }
        }
        for notice in &outline.notices {
            let Notice {
                line,
                column,
                message,
            } = notice;
            drawn.push(format!("{line}:{column} {message}"));
        }
        drawn.join("\n")
    }

    #[test]
    fn a_page_in_order() {
        insta::assert_snapshot!(drawn("Mute\nRequest URL /api/v2/me/calls/{id}\nHTTP Method POST\nParameters\nParameter Value\nerror\nOptional.\nSample\nRequest\nPOST api/v2/me/calls/7\n{'a': 1}\nResponse\n{'statusCode': 0}\nNotification\nSuccessful\nAgent1 First Notification\n{'b': 1}\nAgent2 First Notification\n{'b': 2}\n{'b': 3}"), @r"
        POST /api/v2/me/calls/{id}
         > /api/v2/me/calls/7 {'a': 1}
         < {'statusCode': 0}
         ! agent1 Some(1) {'b': 1}
         ! agent2 Some(1) {'b': 2}
         ! agent2 Some(1) {'b': 3}
        ");
    }

    #[test]
    fn glued_headings_and_one_line_samples() {
        insta::assert_snapshot!(drawn("Request\nPOST /x { \"a\": { \"b\": 1 } }Response\n{ \"statusCode\": 0 }Notification{ \"c\": 1 }\nSupervisor First Notification: { \"d\": 1 }"), @r#"
        - -
         > /x { "a": { "b": 1 } }
         < { "statusCode": 0 }
         ! - None { "c": 1 }
         ! supervisor Some(1) { "d": 1 }
        "#);
    }

    #[test]
    fn failures_placeholders_and_alternatives_are_left_out() {
        insta::assert_snapshot!(drawn("HTTP Request\nPOST on /me/chats/{id}\n{'a': 1}\nor\n{'a': 2}\nHTTP Response\nSuccess\n{'statusCode': 0}\nFailure\n{'statusCode': an integer value above 0}\nCometD Response\nMissing\nNotification\nFailure\nAgent1 First Notification\n{'lost': 1}\nSecond Notification: { Missing }\n"), @r"
        - -
         > /me/chats/{id} {'a': 1}
         < {'statusCode': 0}
        5:1 the page offers this request instead of the one above; the tape holds the one above, since only one of them is sent
        10:1 this sample shows a failure and is left out
        12:1 `Missing` stands where a sample should be
        16:1 this sample shows a failure and is left out
        17:22 `Missing` stands where a sample should be
        ");
        insta::assert_snapshot!(drawn("Request\nPOST /x\n{'a': 1} or {'a': 2}\nResponse\n{}\nRequest\nPOST /y or POST /z\n{'b': 1}"), @r"
        - -
         > /x {'a': 1}
         < {}
         > /y {'b': 1}
        3:13 the page offers this request instead of the one above; the tape holds the one above, since only one of them is sent
        7:12 the page offers this request instead of the one above; the tape holds the one above, since only one of them is sent
        ");
    }

    #[test]
    fn several_samples_and_sections() {
        insta::assert_snapshot!(drawn("Request URL /a\nSample #1\nRequest\nGET /a\nResponse\nHTTP/1.1 202 Accepted\nX: y\n{'n': 1}\nSample #2\nRequest\nDELETE /a\nRequest URL /b\nPOST /b\n{'c': 1}\n{'statusCode': 0}\n{'d': 1}"), @r"
        - /a
         > /a 
         < {'n': 1}
         > /a 
        - /b
         > /b {'c': 1}
         < {'statusCode': 0}
         < {'d': 1}
        15:1 no heading stands above this sample; it is read as the response, since it holds a statusCode
        ");
    }

    #[test]
    fn prose_makes_no_requests() {
        insta::assert_snapshot!(drawn("| `POST /a` | starts over |\n* GET /b\nGET /c shows it.\nRequest\n| POST /d | more |\nThe words before.\nPOST to /e as follows\n{'a': 1}\nResponse\n{}\nGET /f to hear more\n\nDELETE /g"), @r"
        - -
         > /e {'a': 1}
         < {}
         > /g 
        2:3 `GET /b` stands in words and is no sample
        3:1 `GET /c` stands in words and is no sample
        11:1 `GET /f` stands in words and is no sample
        ");
    }

    #[test]
    fn values_in_the_place_of_samples_are_told() {
        insta::assert_snapshot!(drawn("Request\nPOST /x\n{'a': 1}\nResponse\n0\nNotification\n5\n'''Bold'''\nAgent2 First Notification\n 'text'\n-1.5L\nu\"x\"\n5 words\n{'b': 1}"), @r#"
        - -
         > /x {'a': 1}
         ! agent2 Some(1) {'b': 1}
        5:1 `0` is neither an object nor a list; it is left out
        7:1 `5` is neither an object nor a list; it is left out
        10:2 `'text'` is neither an object nor a list; it is left out
        11:1 `-1.5L` is neither an object nor a list; it is left out
        12:1 `u"x"` is neither an object nor a list; it is left out
        "#);
    }

    #[test]
    fn a_broken_target_goes_on() {
        assert!(
            drawn("Request\nPOST api/v2/me/chats/\n\n0001aF\n{'a': 1}")
                .contains(" > /api/v2/me/chats/0001aF {'a': 1}")
        );
        assert!(
            drawn("Request\nPOST api/v2/me/chats/\n{\n'a': 1}")
                .contains(" > /api/v2/me/chats/ {\n'a': 1}")
        );
    }
}
