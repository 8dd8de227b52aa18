//! Answers to single requests: which wait for a second word, and what stands in them.

use std::sync::Arc;

use crate::exchange::{Body, Micros};
use crate::player::cast::Identity;
use crate::player::plan::tests::{plan, tape};
use crate::player::settings::{OnExhausted, Settings};

use super::super::{Awaited, Stage};
use super::schedule::live;

#[test]
fn only_an_operation_that_releases_something_waits_until_its_answer_is_out() {
    let plan = Arc::new(plan(&[tape("a:op1@0-1 a:n1@5<1 a:op2@6-7")]));
    let mut stage = Stage::new(Arc::clone(&plan), Settings::default(), 0);
    for (place, expected) in [(0, Awaited::Yes), (1, Awaited::No)] {
        let request = live(&plan, &plan.operations[place]);
        let (answer, _) = stage.operation(Micros(1), &Identity::default(), &request);
        let (operation, awaited, response) = answer.recorded().unwrap();
        assert_eq!((operation, awaited), (place, expected));
        assert_eq!(*response, plan.played(&plan.operations[place]).response);
    }
}

#[test]
fn a_request_that_is_spelled_otherwise_is_found_beside_those_that_are_the_same_to_the_letter() {
    let mut tape = tape("a:op1@0-1 a:op2@2-3");
    let mut spelled = [r#"{"a":1,"b":2}"#, r#"{ "b": 2, "a": 1 }"#].into_iter();
    for event in &mut tape.events {
        if let crate::tape::Event::Operation(operation) = event {
            operation.request.target = "/thing".into();
            operation.request.body = Body::new(spelled.next().unwrap());
        }
    }
    let plan = Arc::new(plan(&[tape]));
    let settings = Settings {
        on_exhausted: OnExhausted::Last,
        ..Settings::default()
    };
    let mut stage = Stage::new(Arc::clone(&plan), settings, 0);
    // In recorded order, whichever spelling comes.
    let second = live(&plan, &plan.operations[1]);
    for expected in [0, 1, 1] {
        let (answer, _) = stage.operation(Micros(1), &Identity::default(), &second);
        let (operation, _, _) = answer.recorded().unwrap();
        assert_eq!(operation, expected);
    }
    assert_eq!(stage.journal().repeats().total(), 1);
}
