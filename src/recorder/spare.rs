//! The memory of heads that are on the tape, for those that come next. The threads that carry the traffic take it and
//! the writer gives it back: where each made its own and the writer freed it, they would wait for one another in the
//! allocator.

use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::exchange::{Headers, Operation};

use super::tap::Head;

/// How many heads of each kind are kept: as many as are under way at one time, as a rule.
const MAX_KEPT: usize = 256;

/// How many bytes a head has at most whose memory is kept.
const MAX_BYTES: usize = 4 * 1024;

/// Heads whose memory is free.
#[derive(Debug, Default)]
pub(super) struct Spares(Mutex<Heads>);

/// Heads that are over.
#[derive(Debug, Default)]
pub(super) struct Heads {
    requests: Vec<Head>,
    responses: Vec<Headers>,
}

impl Spares {
    /// The head of a request, with this method and target, and whatever fields.
    pub(super) fn request(&self, method: &str, target: &str) -> Head {
        let spare = self.heads().requests.pop();
        let mut head = spare.unwrap_or_default();
        head.method.clear();
        head.method.push_str(method);
        head.target.clear();
        head.target.push_str(target);
        head
    }

    /// Whatever fields of a response.
    pub(super) fn response(&self) -> Headers {
        self.heads().responses.pop().unwrap_or_default()
    }

    /// Takes heads that are over, as many as there is room for.
    pub(super) fn take(&self, over: &mut Heads) {
        let mut heads = self.heads();
        move_some(&mut over.requests, &mut heads.requests);
        move_some(&mut over.responses, &mut heads.responses);
    }

    fn heads(&self) -> MutexGuard<'_, Heads> {
        // Whatever stands in a head is replaced.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Heads {
    /// Adds those of an operation.
    pub(super) fn add(&mut self, operation: Operation) {
        let (request, response) = (operation.request, operation.response);
        let head = Head {
            method: request.method,
            target: request.target,
            headers: request.headers,
        };
        let bytes = head.method.len() + head.target.len() + head.headers.length();
        if self.requests.len() < MAX_KEPT && bytes <= MAX_BYTES {
            self.requests.push(head);
        }
        if self.responses.len() < MAX_KEPT && response.headers.length() <= MAX_BYTES {
            self.responses.push(response.headers);
        }
    }
}

/// Moves as many as there is room for.
fn move_some<T>(from: &mut Vec<T>, to: &mut Vec<T>) {
    let room = MAX_KEPT.saturating_sub(to.len()).min(from.len());
    to.extend(from.drain(..room));
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;
    use crate::exchange::{Body, End, Form, Micros, OperationId, Request, Response, Session};

    type Fields = Vec<(String, String)>;

    fn fields() -> impl Strategy<Value = Fields> {
        vec(("[a-z]{0,9}", "[a-zé]{0,90}"), 0..12)
    }

    /// Heads of an exchange, in memory of these spares.
    fn heads(spares: &Spares, (method, target, asked, answered): &Said) -> (Head, Headers) {
        let lines = |spare: Headers, fields: &Fields| {
            spare.replaced(|| {
                let fields = fields.iter();
                fields.map(|(name, value)| (name.as_str(), value.as_bytes()))
            })
        };
        let mut head = spares.request(method, target);
        head.headers = lines(head.headers, asked);
        (head, lines(spares.response(), answered))
    }

    fn over((head, headers): (Head, Headers)) -> Operation {
        Operation {
            id: OperationId(1),
            session: Session::new("a"),
            at: Micros(0),
            answered: Micros(0),
            request: Request {
                method: head.method,
                target: head.target,
                headers: head.headers,
                body: Body::default(),
                trailers: Headers::new(),
            },
            response: Response {
                headers,
                ..Response::none()
            },
            end: End::Complete,
            form: Form::Exchange,
            repairs: Vec::new(),
        }
    }

    /// Method, target, and the fields of request and response.
    type Said = (String, String, Fields, Fields);

    proptest! {
        #[test]
        fn nothing_of_a_head_that_is_over_stands_in_the_next(
            exchanges in vec(("[A-Z]{1,9}", "/[a-z]{0,30}", fields(), fields()), 1..9),
        ) {
            let (spares, fresh) = (Spares::default(), Spares::default());
            let mut batch = Heads::default();
            for said in &exchanges {
                let now = heads(&spares, said);
                let (head, headers) = heads(&fresh, said);
                prop_assert_eq!((&now.0.method, &now.0.target), (&head.method, &head.target));
                prop_assert_eq!((&now.0.headers, &now.1), (&head.headers, &headers));
                batch.add(over(now));
                spares.take(&mut batch);
                prop_assert_eq!(spares.heads().requests.len(), 1);
            }
        }
    }

    #[test]
    fn what_is_kept_is_bounded() {
        let spares = Spares::default();
        let mut batch = Heads::default();
        let said = |long: usize| {
            let field = vec![("a".to_owned(), "b".repeat(long))];
            ("GET".to_owned(), "/".to_owned(), field.clone(), field)
        };
        for long in [MAX_BYTES, 1] {
            for _ in 0..2 * MAX_KEPT {
                batch.add(over(heads(&Spares::default(), &said(long))));
            }
            let kept = if long == 1 { MAX_KEPT } else { 0 };
            assert_eq!((batch.requests.len(), batch.responses.len()), (kept, kept));
        }
        spares.take(&mut batch);
        assert_eq!((batch.requests.len(), batch.responses.len()), (0, 0));
        batch.add(over(heads(&Spares::default(), &said(1))));
        spares.take(&mut batch);
        let kept = spares.heads();
        assert_eq!(
            (kept.requests.len(), kept.responses.len()),
            (MAX_KEPT, MAX_KEPT)
        );
        assert_eq!((batch.requests.len(), batch.responses.len()), (1, 1));
    }
}
