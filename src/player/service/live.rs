//! Live requests as they are compared: hyper's in other words, each in the memory of one before it, since as many
//! come as can be answered. What they mean is not known here.

use std::cell::Cell;

use bytes::Bytes;
use http::request::Parts;
use http::uri::PathAndQuery;

use crate::exchange::{Body, Headers, Request};
use crate::player::fields;

/// The memory of a request that is larger is not kept for the next: few are.
const MAX_KEPT: usize = 8 * 1024;

thread_local! {
    /// A request of this thread that is over.
    static OVER: Cell<Option<Request>> = const { Cell::new(None) };
}

/// A live request as it is compared.
pub(super) fn read(head: &Parts, content: Bytes, trailers: Headers) -> Request {
    let target = head.uri.path_and_query().map_or("/", PathAndQuery::as_str);
    let mut live = OVER.take().unwrap_or_else(nothing);
    live.method.clear();
    live.method.push_str(head.method.as_str());
    live.target.clear();
    live.target.push_str(target);
    live.headers = live.headers.replaced(|| fields::lines(&head.headers));
    live.body = Body::new(content);
    live.trailers = trailers;
    live
}

/// Takes back a request that is over.
pub(super) fn over(mut live: Request) {
    live.body = Body::default();
    live.trailers = Headers::new();
    if live.method.len() + live.target.len() + live.headers.length() <= MAX_KEPT {
        OVER.set(Some(live));
    }
}

fn nothing() -> Request {
    Request {
        method: String::new(),
        target: String::new(),
        headers: Headers::new(),
        body: Body::default(),
        trailers: Headers::new(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    fn head((method, target, fields): &(String, String, Vec<(String, String)>)) -> Parts {
        let mut request = http::Request::builder().method(method.as_str()).uri(target);
        for (name, value) in fields {
            request = request.header(name, value);
        }
        request.body(()).unwrap().into_parts().0
    }

    proptest! {
        #[test]
        fn nothing_of_a_request_that_is_over_stands_in_the_next(
            heads in vec(("[A-Z]{1,9}", "/[a-z]{0,30}", vec(("x-[a-z]{1,9}", "[a-z]{0,5000}"), 0..5)), 1..5),
        ) {
            for one in &heads {
                let (head, content) = (head(one), Bytes::from(one.0.clone()));
                let trailers: Headers = [("t", one.1.as_str())].into_iter().collect();
                let live = read(&head, content.clone(), trailers.clone());
                let plain = Request {
                    method: one.0.clone(),
                    target: one.1.clone(),
                    headers: fields::sent(&head.headers),
                    body: Body::new(content),
                    trailers,
                };
                prop_assert_eq!(&live, &plain);
                over(live);
            }
        }
    }
}
