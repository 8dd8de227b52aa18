//! Runs of small tapes, step by step.

use super::*;
use crate::player::plan::tests::{plan, tape};

/// Everything that is due now, in the order of the lanes.
fn due(run: &mut Run, plan: &Plan, now: u64) -> Vec<usize> {
    run.settle(Micros(now), plan, Absent::Nobody);
    drain(run, plan, now)
}

fn drain(run: &mut Run, plan: &Plan, now: u64) -> Vec<usize> {
    let mut found = Vec::new();
    for lane in 0..plan.lanes.len() {
        while let Some(notification) = run.due(Micros(now), lane) {
            run.take(lane);
            found.push(notification);
        }
    }
    found
}

#[test]
fn a_notification_waits_for_all_its_causes_and_for_those_before_it() {
    let plan = plan(&[tape("a:op1@0-0 a:op2@0-0 b:n1@0<1,2 b:n2@0<1")]);
    let mut run = Run::new(&plan, Pace::Instant);
    run.receive(Micros(5), &plan, 0);
    run.answer(Micros(5), &plan, 0);
    assert_eq!(due(&mut run, &plan, 5), [0; 0]);
    run.receive(Micros(6), &plan, 1);
    assert_eq!(due(&mut run, &plan, 6), [0; 0]);
    run.answer(Micros(6), &plan, 1);
    assert_eq!(due(&mut run, &plan, 6), [0, 1]);
    assert_eq!(due(&mut run, &plan, 7), [0; 0]);
}

#[test]
fn a_notification_that_came_before_the_answer_waits_for_the_request_alone() {
    let plan = plan(&[tape("a:op1@10-90 a:n1@50<1 a:n2@90<1")]);
    let mut run = Run::new(&plan, Pace::Instant);
    run.receive(Micros(1), &plan, 0);
    assert_eq!(due(&mut run, &plan, 1), [0]);
    run.answer(Micros(2), &plan, 0);
    assert_eq!(due(&mut run, &plan, 2), [1]);
}

#[test]
fn recorded_gaps_pass_at_the_asked_pace() {
    let plan = plan(&[tape("a:op1@0-100 a:n1@300<1 a:n2@400")]);
    let mut run = Run::new(&plan, Pace::Times(2.0));
    run.answer(Micros(1000), &plan, 0);
    assert_eq!(due(&mut run, &plan, 1099), [0; 0]);
    assert_eq!(run.next_due(), Some(Micros(1100)));
    assert_eq!(due(&mut run, &plan, 1100), [0]);
    assert_eq!(run.next_due(), Some(Micros(1150)));
    assert_eq!(due(&mut run, &plan, 1150), [1]);
}

#[test]
fn a_time_that_has_passed_since_the_run_was_settled_is_still_named() {
    let plan = plan(&[tape("a:op1@0-0 a:n1@100<1")]);
    let mut run = Run::new(&plan, Pace::Recorded);
    run.answer(Micros(1000), &plan, 0);
    assert_eq!(due(&mut run, &plan, 1050), [0; 0]);
    assert_eq!(run.next_due(), Some(Micros(1100)));
    assert_eq!(due(&mut run, &plan, 1200), [0]);
    assert_eq!(run.next_due(), None);
}

#[test]
fn unsolicited_notifications_begin_when_the_client_comes() {
    let plan = plan(&[tape("a:n1@20 a:n2@50")]);
    let mut run = Run::new(&plan, Pace::Recorded);
    assert_eq!(due(&mut run, &plan, 1000), [0; 0]);
    run.begin(Micros(1000), 0);
    assert_eq!(due(&mut run, &plan, 1019), [0; 0]);
    assert_eq!(due(&mut run, &plan, 1020), [0]);
    assert_eq!(due(&mut run, &plan, 1050), [1]);
}

#[test]
fn operations_of_an_absent_session_happen_when_all_before_them_is_done() {
    let plan = plan(&[tape(
        "a:op1@0-0 b:n1@0<1 b:op2@0-0 a:n2@0<2 a:op3@0-0 b:n3@0<3",
    )]);
    let mut run = Run::new(&plan, Pace::Instant);
    let absent = |session| session == 1;
    assert_eq!(run.settle(Micros(1), &plan, Absent::Those(&absent)), [0; 0]);
    run.answer(Micros(2), &plan, 0);
    assert_eq!(run.settle(Micros(2), &plan, Absent::Those(&absent)), [1]);
    assert_eq!(drain(&mut run, &plan, 2), [1, 0]);
    run.answer(Micros(3), &plan, 2);
    assert_eq!(run.settle(Micros(3), &plan, Absent::Those(&absent)), [0; 0]);
    assert_eq!(drain(&mut run, &plan, 3), [2]);
}

#[test]
fn an_absent_session_calls_what_its_own_notifications_before_the_answer_wait_for() {
    let plan = plan(&[tape(
        "b:n1@50<1 b:op2@60-70 b:n2@80<2 b:op1@10-90 a:n3@90<1",
    )]);
    let mut run = Run::new(&plan, Pace::Instant);
    let absent = |session| session == 0;
    assert_eq!(run.settle(Micros(1), &plan, Absent::Those(&absent)), [1, 0]);
    assert_eq!(drain(&mut run, &plan, 1), [0, 1, 2]);
}

#[test]
fn an_absent_session_goes_on_when_the_last_of_its_notifications_is_due() {
    let plan = plan(&[tape("a:op1@0-0 b:n1@10<1 b:n2@30 b:op2@30-30 a:n3@30<2")]);
    let mut run = Run::new(&plan, Pace::Recorded);
    let absent = |session| session == 1;
    run.answer(Micros(1000), &plan, 0);
    for (now, acted, next) in [
        (1000, &[][..], Some(1010)),
        (1010, &[], Some(1030)),
        (1030, &[1], None),
    ] {
        assert_eq!(
            run.settle(Micros(now), &plan, Absent::Those(&absent)),
            acted,
            "{now}"
        );
        assert_eq!(run.next_due(), next.map(Micros), "{now}");
    }
}

#[test]
fn a_session_may_turn_out_to_be_absent_later() {
    let plan = plan(&[tape("a:op1@0-0 b:n1@0<1")]);
    let mut run = Run::new(&plan, Pace::Instant);
    assert_eq!(due(&mut run, &plan, 1), [0; 0]);
    assert_eq!(
        run.settle(Micros(2), &plan, Absent::Those(&|session| session == 0)),
        [0]
    );
    assert_eq!(drain(&mut run, &plan, 2), [0]);
}

#[test]
fn what_never_arrived_is_put_back_in_order() {
    let plan = plan(&[tape("a:op1@0-0 a:n1@0<1 a:n2@0<1 a:n3@0<1")]);
    let mut run = Run::new(&plan, Pace::Instant);
    run.answer(Micros(1), &plan, 0);
    assert_eq!(due(&mut run, &plan, 1), [0, 1, 2]);
    for notification in [2, 1] {
        run.put_back(Micros(2), &plan, notification);
    }
    assert_eq!(due(&mut run, &plan, 2), [1, 2]);
}

#[test]
fn what_an_operation_released_can_come_again() {
    let plan = plan(&[tape("a:op1@0-0 a:n1@0<1 a:op2@0-0 a:n2@0<1,2")]);
    let mut run = Run::new(&plan, Pace::Instant);
    run.answer(Micros(1), &plan, 0);
    assert_eq!(due(&mut run, &plan, 1), [0]);
    run.release_again(Micros(2), &plan, 0);
    assert_eq!(due(&mut run, &plan, 2), [0]);
}

#[test]
fn tapes_are_independent_of_each_other() {
    let plan = plan(&[tape("a:op1@0-0 a:n1@0<1"), tape("a:op1@0-0 a:n1@0<1")]);
    let mut run = Run::new(&plan, Pace::Instant);
    run.answer(Micros(1), &plan, 1);
    assert_eq!(due(&mut run, &plan, 1), [1]);
    assert_eq!(plan.sessions().len(), 1);
}

#[test]
fn only_lanes_whose_next_notification_is_due_are_looked_at() {
    let plan = plan(&[tape("a:op1@0-0 b:n1@10<1 b:n2@30<1 c:n3@10<1 c:n4@10")]);
    let mut run = Run::new(&plan, Pace::Recorded);
    let open = |run: &Run| -> Vec<usize> {
        let next = |place: &usize| run.open_from(place + 1);
        std::iter::successors(run.open_from(0), next).collect()
    };
    for (now, expected) in [(0, &[][..]), (9, &[]), (10, &[1, 2])] {
        run.settle(Micros(now), &plan, Absent::Nobody);
        assert_eq!(open(&run), expected, "{now}");
        run.answer(Micros(0), &plan, 0);
    }
    run.take(1);
    assert_eq!(open(&run), [2]);
    run.take(2);
    assert_eq!(open(&run), [2], "the second was due with the first");
    run.take(2);
    assert_eq!(open(&run), [0; 0]);
    run.put_back(Micros(20), &plan, 2);
    run.settle(Micros(20), &plan, Absent::Nobody);
    assert_eq!(open(&run), [2]);
    assert_eq!(run.next_due(), Some(Micros(30)));
}
