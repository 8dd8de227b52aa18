//! The answer to a request that is not let in, since it could not be recorded.
//!
//! Whether it is let in, the recorder says.

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};
use serde_json::json;

use crate::recorder::{Admission, Condition};

use super::relay::Download;

/// After how many seconds a client may ask again where the disk may be well again then.
const SOON: u16 = 5;

/// And where only a person can help.
const LATER: u16 = 60;

/// The refusal that the condition of the recording asks for; `None` where requests are let in.
pub(super) fn refusal(condition: &Condition) -> Option<Response<Download>> {
    let (message, again) = match condition.admission {
        Admission::Open => return None,
        Admission::Paused => (
            "the recording fails, and requests are not let in meanwhile",
            SOON,
        ),
        Admission::Ended => (
            "something is missing on the recording, and no more requests are let in; begin another",
            LATER,
        ),
    };
    let trouble = condition.trouble.as_ref();
    let document = json!({
        "error": "not-recording",
        "message": message,
        "trouble": trouble.map(|trouble| trouble.why.as_str()),
        "for_seconds": trouble.map(|trouble| trouble.lasting.as_secs()),
    });
    let mut response = Response::new(Download::whole(Bytes::from(document.to_string())));
    *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
    let fields = response.headers_mut();
    let json = HeaderValue::from_static("application/json");
    fields.insert(header::CONTENT_TYPE, json);
    fields.insert(header::RETRY_AFTER, HeaderValue::from(again));
    Some(response)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::recorder::{Loss, Trouble};

    #[test]
    fn a_refusal_says_when_to_ask_again() {
        let trouble = Trouble {
            why: "no space".into(),
            lasting: Duration::from_secs(3),
        };
        for (admission, again) in [
            (Admission::Open, None),
            (Admission::Paused, Some("5")),
            (Admission::Ended, Some("60")),
        ] {
            let condition = Condition {
                trouble: Some(trouble.clone()),
                loss: Loss::None,
                admission,
            };
            let response = refusal(&condition);
            let found = response.as_ref().map(|response| {
                assert_eq!(response.status(), 503);
                response
                    .headers()
                    .get("retry-after")
                    .and_then(|field| field.to_str().ok())
            });
            assert_eq!(found.flatten(), again);
        }
    }
}
