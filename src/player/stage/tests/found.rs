//! Faults that the property has found, each by itself.

use std::sync::Arc;

use crate::exchange::{Body, Micros};
use crate::player::cast::Identity;
use crate::player::plan::tests::{plan, tape};
use crate::player::settings::Settings;
use crate::tape::Event;

use super::super::{Answer, Stage};
use super::schedule::live;

#[test]
fn a_read_is_not_answered_by_the_same_request_that_notified_somebody() {
    // Operation 2 was under way while 3 came and went, so it stands behind it.
    let mut tape = tape("a:op1@0-1 a:n1@5<1 a:op3@20-30 a:op2@10-40");
    for event in &mut tape.events {
        if let Event::Operation(operation) = event
            && operation.id.0 != 3
        {
            operation.request.method = "GET".into();
            operation.request.target = "/thing".into();
            operation.request.body = Body::new("");
        }
    }
    let plan = Arc::new(plan(&[tape]));
    let mut stage = Stage::new(Arc::clone(&plan), Settings::default(), 0);
    let read = live(&plan, &plan.operations[0]);
    let mut digest = None;
    for expected in [0, 2, 2] {
        let (answer, _) = stage.operation(Micros(1), &Identity::default(), &read);
        assert!(
            matches!(answer, Answer::Recorded { operation, .. } if operation == expected),
            "{answer:?}"
        );
        let first = digest.get_or_insert_with(|| stage.journal().digest());
        assert_eq!(*first, stage.journal().digest());
    }
    assert_eq!(stage.journal().repeats().total(), 0);
}
