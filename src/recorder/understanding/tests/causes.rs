//! Which operation caused which notification.

use super::*;

/// Two agents log in and listen: `a` and `b` are their cookies, KA and KB their Bayeux clients.
const TWO_AGENTS: &str = r#"
    901 c1 POST /login username=ann&password=x
    901 302 +Set-Cookie:SID=a0a0a0
    902 c2 POST /login username=ben&password=x
    902 302 +Set-Cookie:SID=b0b0b0
    903 c1 GET /api/v2/me +Cookie:SID=a0a0a0
    903 200 {"user":{"id":"ca11ab1e01","uri":"http://h/api/v2/users/ca11ab1e01","dn":"5001"}}
    904 c2 GET /api/v2/me +Cookie:SID=b0b0b0
    904 200 {"user":{"id":"de5c0de702","uri":"http://h/api/v2/users/de5c0de702","dn":"5002"}}
    905 c1 shake +Cookie:SID=a0a0a0
    905 shaken KA
    906 c2 shake +Cookie:SID=b0b0b0
    906 shaken KB
"#;

/// The notifications' lines of a conversation by the two agents; their operations begin at #5.
fn pushed(conversation: &str) -> Vec<String> {
    let lines = understood(&format!(
        "{TWO_AGENTS}{}",
        conversation
            .replace("+A", "+Cookie:SID=a0a0a0")
            .replace("+B", "+Cookie:SID=b0b0b0")
    ));
    let causes = lines.iter().filter_map(|line| {
        let (before, cause) = line.split_once(" <- ")?;
        let (session, rest) = before.split_once(": ")?;
        let (_, data) = rest.split_once(' ')?;
        let mark = data.rsplit("\"n\":").next()?.trim_end_matches('}');
        Some(format!("{session} {mark} {cause}"))
    });
    causes.collect()
}

#[test]
fn a_call_with_a_timer_belongs_to_who_made_it_until_somebody_acts_on_it() {
    let pushed = pushed(
        r#"
        1 c1 poll KA +A
        2 c3 POST /api/v2/me/calls +A {"destination":"+14085550199"}
        2 200 {"statusCode":0}
        1 push /v2/me/calls {"call":{"id":"00c9f1aa01","state":"Dialing","user":"http://h/api/v2/users/ca11ab1e01"},"n":1}
        3 c1 poll KA +A
        4 c3 POST /api/v2/me/ready +A {"operationName":"Ready"}
        4 200 {"statusCode":0}
        3 push /v2/me {"user":{"id":"ca11ab1e01","state":"Ready"},"n":2}
        5 c1 poll KA +A
        5 push /v2/me/calls {"call":{"id":"00c9f1aa01","state":"Established","user":"http://h/api/v2/users/ca11ab1e01"},"n":3}
        6 c1 poll KA +A
        7 c3 POST /api/v2/me/calls/00c9f1aa01 +A {"operationName":"Hold"}
        7 200 {"statusCode":0}
        6 push /v2/me/calls {"call":{"id":"00c9f1aa01","state":"Held"},"n":4}
        "#,
    );
    assert_eq!(
        pushed,
        [
            "ann 1 #5 session",
            "ann 2 #7 session",
            "ann 3 #5 00c9f1aa01",
            "ann 4 #10 00c9f1aa01"
        ]
    );
}

#[test]
fn a_text_without_identifiers_belongs_to_who_said_it_and_not_to_who_hears_it() {
    let pushed = pushed(
        r#"
        1 c1 poll KA +A
        2 c2 poll KB +B
        3 c4 POST /api/v2/me/state +B {"operationName":"Ready"}
        3 200 {"statusCode":0}
        4 c3 POST /api/v2/room +A {"text":"is anybody there"}
        2 push /v2/room {"text":"is anybody there","n":1}
        1 push /v2/room {"text":"is anybody there","n":2}
        4 200 {"statusCode":0}
        5 c2 poll KB +B
        5 push /v2/room {"text":"somebody else came","n":3}
        "#,
    );
    assert_eq!(
        pushed,
        [
            "ben 1 #6 is anybody there",
            "ann 2 #6 session",
            "ben 3 #5 session",
        ]
    );
}

#[test]
fn a_notification_may_come_before_the_answer_and_reach_another_agent() {
    let pushed = pushed(
        r#"
        1 c1 poll KA +A
        2 c2 poll KB +B
        3 c4 POST /api/v2/me/ready +B {"operationName":"Ready"}
        3 200 {"statusCode":0}
        4 c3 POST /api/v2/me/calls +A {"destination":"5002"}
        2 push /v2/me/calls {"call":{"id":"00c9f1aa01","state":"Ringing","dnis":"5002"},"n":1}
        1 push /v2/me/calls {"call":{"id":"00c9f1aa01","state":"Dialing","dnis":"5002"},"n":2}
        4 200 {"call":{"id":"00c9f1aa01"}}
        5 c2 poll KB +B
        6 c4 POST /api/v2/me/calls/00c9f1aa01 +B {"operationName":"Answer"}
        5 push /v2/me/calls {"call":{"id":"00c9f1aa01","state":"Established"},"n":3}
        6 200 {"statusCode":0}
        "#,
    );
    assert_eq!(
        pushed,
        [
            "ben 1 #6 5002",
            "ann 2 #6 00c9f1aa01",
            "ben 3 #9 00c9f1aa01"
        ]
    );
}

#[test]
fn an_operation_that_names_the_receiver_reaches_him() {
    let pushed = pushed(
        r#"
        2 c2 poll KB +B
        4 c3 POST /api/v2/me/chats +A {"invite":"ben"}
        2 push /v2/me/chats {"chat":{"id":"00010a9FSGFP001F"},"n":1}
        4 200 {"statusCode":0}
        "#,
    );
    assert_eq!(pushed, ["ben 1 #5 ben"]);
}

#[test]
fn who_is_everywhere_says_little() {
    // The user's identifier comes with every message, the chat's with the chat's only.
    let pushed = pushed(
        r#"
        1 c1 poll KA +A
        2 c3 POST /api/v2/me/chats/00010a9FSGFP001F +A {"operationName":"Accept"}
        2 200 {"chat":{"id":"00010a9FSGFP001F","agent":"http://h/api/v2/users/ca11ab1e01"}}
        1 push /v2/me/chats {"chat":{"id":"00010a9FSGFP001F","agent":"http://h/api/v2/users/ca11ab1e01"},"n":1}
        3 c1 poll KA +A
        4 c3 POST /api/v2/users/ca11ab1e01 +A {"operationName":"NotReady"}
        4 200 {"statusCode":0}
        3 push /v2/me {"user":{"id":"ca11ab1e01"},"n":2} & /v2/me/chats {"chat":{"id":"00010a9FSGFP001F","agent":"http://h/api/v2/users/ca11ab1e01"},"n":3}
        5 c1 poll KA +A
        5 push /v2/me/chats {"chat":{"id":"00010a9FSGFP001F","agent":"http://h/api/v2/users/ca11ab1e01"},"n":4}
        "#,
    );
    assert_eq!(
        pushed[2..],
        ["ann 3 #5 00010a9FSGFP001F", "ann 4 #5 00010a9FSGFP001F"],
        "{pushed:?}"
    );
}

#[test]
fn of_two_operations_on_one_chat_the_one_whose_words_return() {
    let pushed = pushed(
        r#"
        1 c1 poll KA +A
        2 c2 poll KB +B
        3 c3 POST /api/v2/me/chats/00010a9FSGFP001F +A {"operationName":"SendMessage","text":"good morning"}
        4 c4 POST /api/v2/me/chats/00010a9FSGFP001F +B {"operationName":"SendMessage","text":"hello there"}
        1 push /v2/me/chats {"chatId":"00010a9FSGFP001F","messages":[{"text":"good morning"}],"n":1} & /v2/me/chats {"chatId":"00010a9FSGFP001F","messages":[{"text":"hello there"}],"n":2}
        2 push /v2/me/chats {"chatId":"00010a9FSGFP001F","messages":[{"text":"good morning"}],"n":3}
        3 200
        4 200
        5 c1 poll KA +A
        6 c3 POST /api/v2/me/chats/00010a9FSGFP001F +A {"operationName":"Leave"}
        6 200
        5 push /v2/me/chats {"chatId":"00010a9FSGFP001F","messages":[{"text":"good morning"},{"text":"hello there"}],"n":4}
        "#,
    );
    let chat = "00010a9FSGFP001F";
    assert_eq!(
        pushed,
        [
            format!("ann 1 #5 {chat}"),
            format!("ann 2 #6 {chat}"),
            format!("ben 3 #5 {chat}"),
            format!("ann 4 #10 {chat}"),
        ]
    );
}

#[test]
fn a_reference_tells_most_and_is_counted_by_each_client_for_itself() {
    let pushed = pushed(
        r#"
        1 c1 poll KA +A
        2 c2 poll KB +B
        3 c3 POST /api/v2/me/a +A {"operationName":"Search"}
        3 200 {"statusCode":0,"referenceId":20}
        4 c4 POST /api/v2/me/b +B {"operationName":"Search","referenceId":20}
        4 200 {"statusCode":0}
        5 c3 POST /api/v2/me/c +A {"operationName":"Other"}
        5 200 {"statusCode":0}
        6 c4 POST /api/v2/me/d +B {"operationName":"Other"}
        6 200 {"operation-id":"0a77f1e2b3"}
        1 push /v2/me {"referenceId":20,"n":1} & /v2/me {"operationId":"0a77f1e2b3","n":2} & /v2/me {"referenceId":21,"n":3}
        2 push /v2/me {"referenceId":20,"n":4}
        "#,
    );
    assert_eq!(
        pushed,
        [
            "ann 1 #5 reference 20",
            "ann 2 #8 reference 0a77f1e2b3",
            "ann 3 #7 session",
            "ben 4 #6 reference 20",
        ]
    );
}

#[test]
fn small_numbers_name_what_the_path_says_they_count() {
    let pushed = pushed(
        r#"
        1 c1 poll KA +A
        2 c3 POST /tickets +A {"title":"printer"}
        2 201 {"id":17}
        3 c3 POST /orders +A {"title":"paper"}
        3 201 {"id":17}
        1 push /tickets {"ticket":{"id":17},"n":1}
        4 c1 poll KA +A
        5 c3 PUT /tickets/17 +A {"state":"open"}
        5 200
        6 c3 PUT /orders/17 +A {"state":"open"}
        6 200
        4 push /tickets {"ticket":{"id":17},"n":2} & /tickets {"id":17,"n":3} & /tickets {"ticketId":"17","n":4}
        "#,
    );
    assert_eq!(
        pushed[1..],
        [
            "ann 2 #8 ticket/17",
            "ann 3 #8 ticket/17",
            "ann 4 #8 ticket/17"
        ],
        "{pushed:?}"
    );
}

#[test]
fn what_was_refused_and_what_only_reads_causes_nothing() {
    let pushed = pushed(
        r#"
        1 c1 poll KA +A
        2 c3 POST /api/v2/me/chats/00010a9FSGFP001F +A {"operationName":"Accept"}
        2 200
        3 c3 POST /api/v2/me/chats/00010a9FSGFP001F +A {"operationName":"Transfer"}
        3 409
        4 c3 GET /api/v2/me/chats/00010a9FSGFP001F +A
        4 200
        1 push /v2/me/chats {"chatId":"00010a9FSGFP001F","n":1} & /v2/me {"n":2}
        "#,
    );
    assert_eq!(pushed, ["ann 1 #5 00010a9FSGFP001F", "ann 2 #5 session"]);
}

#[test]
fn a_cause_to_which_no_response_came_is_on_the_tape_all_the_same() {
    expect(
        r#"
        1 c1 shake
        1 shaken K1
        2 c1 poll K1
        3 c2 POST /chats/00010a9FSGFP001F
        4 c2 POST /other
        2 push /chats {"id":"00010a9FSGFP001F"}
        3 gone
        4 gone
        "#,
        r#"
        client1: handshake /api/v2/notifications K1
        client1: /chats {"id":"00010a9FSGFP001F"} <- #1 00010a9FSGFP001F
        client2: #1 POST /chats/00010a9FSGFP001F 499 broken off
        "#,
    );
}

#[test]
fn what_the_end_of_the_recording_cuts_off_is_on_the_tape_and_a_held_poll_is_not() {
    expect(
        r"
        1 c1 shake
        1 shaken K1
        2 c1 poll K1
        3 c2 POST /given/up
        4 c2 POST /cut
        3 gone
        ending
        4 gone
        ",
        r"
        client1: handshake /api/v2/notifications K1
        client2: #2 POST /cut 499 broken off
        ",
    );
}

#[test]
fn two_who_act_on_one_thing_at_once_are_told_by_what_they_gave() {
    let pushed = pushed(
        r#"
        1 c1 poll KA +A
        2 c3 POST /api/v2/me/calls/00c9f1aa01 +A {"operationName":"SendDtmf","digits":"7"}
        3 c4 POST /api/v2/me/calls/00c9f1aa01 +B {"operationName":"SendDtmf","digits":"3"}
        2 200
        3 200
        1 push /v2/me/calls {"call":{"id":"00c9f1aa01"},"digits":"3","n":1} & /v2/me/calls {"call":{"id":"00c9f1aa01"},"digits":"7","n":2}
        "#,
    );
    assert_eq!(pushed, ["ann 1 #6 00c9f1aa01", "ann 2 #5 00c9f1aa01"]);
}

#[test]
fn a_call_that_comes_in_long_after_is_nobodys_doing_and_a_consultation_is() {
    let held = r#"
        1 c1 poll KA +A
        2 c3 POST /api/v2/me/calls/00c9f1aa01 +A {"operationName":"Consult"}
        2 200
        1 push /v2/me/calls {"call":{"id":"00c9f1aa01","state":"Held"},"n":1}
        3 c1 poll KA +A
    "#;
    let new = r#"3 push /v2/me/calls {"call":{"id":"00c9f1aa02","state":"Ringing"},"n":2}"#;
    assert_eq!(
        pushed(&format!("{held}{new}")),
        ["ann 1 #5 00c9f1aa01", "ann 2 #5 session"]
    );
    assert_eq!(
        pushed(&format!("{held}…\n{new}")),
        ["ann 1 #5 00c9f1aa01", "ann 2 unsolicited"]
    );
}
