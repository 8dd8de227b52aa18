//! Bayeux as real clients and servers speak it.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;

use super::*;

#[test]
fn cometd_and_faye_are_read_as_they_were_captured() {
    // Shapes of a `cometd.js` that subscribes twice, of Faye's batch with a connect, and of replies
    // that carry several events, some of them twice.
    expect(
        r#"
        1 c1 POST /api/v2/notifications/handshake [{"id":"1","version":"1.0","minimumVersion":"1.0","channel":"/meta/handshake","supportedConnectionTypes":["long-polling","callback-polling"],"advice":{"timeout":60000,"interval":0}}]
        1 200 +Set-Cookie:BAYEUX_BROWSER=7446df9336e46daeafd872c528c71624e53873b7;~HttpOnly [{"id":"1","channel":"/meta/handshake","successful":true,"clientId":"0a1b8c7f662114406e91a89a8a7f70b13a27319d","version":"1.0","supportedConnectionTypes":["long-polling"],"advice":{"reconnect":"retry","timeout":1500,"interval":0}}]
        2 c1 POST /api/v2/notifications/ +Cookie:BAYEUX_BROWSER=7446df9336e46daeafd872c528c71624e53873b7 [{"id":"2","channel":"/meta/subscribe","subscription":"/v2/me/chats","clientId":"0a1b8c7f662114406e91a89a8a7f70b13a27319d"},{"id":"3","channel":"/meta/subscribe","subscription":"/v2/me/*","clientId":"0a1b8c7f662114406e91a89a8a7f70b13a27319d"}]
        2 200 [{"id":"2","channel":"/meta/subscribe","subscription":"/v2/me/chats","successful":true},{"id":"3","channel":"/meta/subscribe","subscription":"/v2/me/*","successful":true}]
        3 c2 POST /api/v2/notifications [{"channel":"/meta/connect","clientId":"d0a319edaa31af29ba68546cc05393b3ade92696","connectionType":"long-polling","id":"2","advice":{"timeout":0}},{"channel":"/meta/subscribe","clientId":"d0a319edaa31af29ba68546cc05393b3ade92696","subscription":"/v2/me/*","id":"3"}]
        3 200 [{"id":"2","channel":"/meta/connect","successful":true},{"id":"3","channel":"/meta/subscribe","subscription":"/v2/me/*","successful":true}]
        4 c1 POST /api/v2/notifications/connect +Cookie:BAYEUX_BROWSER=7446df9336e46daeafd872c528c71624e53873b7 [{"id":"8","channel":"/meta/connect","connectionType":"long-polling","clientId":"0a1b8c7f662114406e91a89a8a7f70b13a27319d"}]
        4 200 [{"channel":"/v2/me/chats","data":{"n":2}},{"channel":"/v2/me/chats","data":{"n":3}},{"channel":"/v2/me/chats","data":{"n":3}},{"id":"8","channel":"/meta/connect","successful":true}]
        5 c1 POST /api/v2/notifications/disconnect +Cookie:BAYEUX_BROWSER=7446df9336e46daeafd872c528c71624e53873b7 [{"id":"12","channel":"/meta/disconnect","clientId":"0a1b8c7f662114406e91a89a8a7f70b13a27319d"}]
        5 200 [{"id":"12","channel":"/meta/disconnect","successful":true}]
        "#,
        r#"
        client1: handshake /api/v2/notifications 0a1b8c7f662114406e91a89a8a7f70b13a27319d
        client1: subscribe /v2/me/chats
        client1: subscribe /v2/me/*
        client2: subscribe /v2/me/*
        client1: /v2/me/chats {"n":2} <- unsolicited
        client1: /v2/me/chats {"n":3} <- unsolicited
        client1: /v2/me/chats {"n":3} <- unsolicited
        client1: disconnect
        "#,
    );
}

#[test]
fn events_ride_on_any_reply_and_keep_their_bytes() {
    expect(
        r#"
        1 c1 shake
        1 200 [{"id":"1","channel":"/meta/handshake","successful":true,"clientId":"K","ext":{"ack":true}}]
        2 c1 sub K /a
        2 200 [{"channel":"/a","data":{"n": 1.10, "n":1E5}},{"id":"3","channel":"/meta/subscribe","successful":true,"subscription":["/a","/b"]},{"channel":"/b","data":null}]
        3 c1 POST /cometd [{"id":"5","channel":"/meta/unsubscribe","clientId":"K","subscription":"/b"}]
        3 200 [{"id":"5","channel":"/meta/unsubscribe","successful":true},{"channel":"/a","data":"é"}]
        4 c1 sub K /c
        4 200 [{"id":"3","channel":"/meta/subscribe","successful":false,"error":"403::no","subscription":"/c"}]
        "#,
        r#"
        client1: handshake /api/v2/notifications K
        client1: acknowledge
        client1: /a {"n": 1.10, "n":1E5} <- unsolicited
        client1: subscribe /a
        client1: subscribe /b
        client1: /b null <- unsolicited
        client1: unsubscribe /b
        client1: /a "é" <- unsolicited
        "#,
    );
}

#[test]
fn a_publish_is_an_operation_and_can_be_a_cause() {
    expect(
        r#"
        1 c1 shake
        1 shaken K
        2 c1 poll K
        3 c2 POST /api/v2/notifications [{"id":"7","channel":"/service/chat","clientId":"K","data":{"chatId":"00010a9FSGFP001F"}}]
        3 200 [{"id":"7","channel":"/service/chat","successful":true}]
        2 push /chat {"chatId":"00010a9FSGFP001F"}
        "#,
        r#"
        client1: handshake /api/v2/notifications K
        client1: #1 POST /api/v2/notifications 200
        client1: /chat {"chatId":"00010a9FSGFP001F"} <- #1 00010a9FSGFP001F
        "#,
    );
}

#[test]
fn callback_polling_is_read() {
    let message =
        |json: &str| -> String { form_urlencoded::byte_serialize(json.as_bytes()).collect() };
    let shake = message(r#"[{"id":"1","channel":"/meta/handshake"}]"#);
    let poll = message(r#"[{"id":"2","channel":"/meta/connect","clientId":"K"}]"#);
    let mut understanding = Understanding::default();
    let mut lines = Vec::new();
    for (number, (message, reply)) in [
        (
            shake,
            r#"f([{"id":"1","channel":"/meta/handshake","successful":true,"clientId":"K"}])"#,
        ),
        (poll, r#"/**/f([{"channel":"/a","data":{"n":1}}]);"#),
    ]
    .into_iter()
    .enumerate()
    {
        let passing = Passing(number as u64);
        lines.extend(understanding.observe(Observation::Request {
            passing,
            connection: Connection(1),
            at: Micros(0),
            request: Request {
                method: "GET".to_owned(),
                target: format!("/bayeux?jsonp=f&message={message}"),
                headers: Headers::new(),
                body: Body::default(),
                trailers: Headers::new(),
            },
        }));
        lines.extend(understanding.observe(Observation::Response {
            passing,
            at: Micros(1),
            response: Response {
                status: 200,
                headers: Headers::new(),
                body: Body::new(reply),
                trailers: Headers::new(),
            },
            end: End::Complete,
        }));
    }
    let lines: Vec<String> = lines.iter().map(told).collect();
    assert_eq!(
        lines,
        [
            "client1: handshake /bayeux K",
            r#"client1: /a {"n":1} <- unsolicited"#
        ]
    );
}

/// A poll of client K whose answer is `body` under `coding`.
fn polled(coding: &str, body: Vec<u8>, end: End) -> Vec<Event> {
    let mut understanding = Understanding::default();
    understanding.observe(observation("1 c1 poll K", Micros(0)));
    understanding.observe(Observation::Response {
        passing: Passing(1),
        at: Micros(1),
        response: Response {
            status: 200,
            headers: [("content-encoding", coding)].into_iter().collect(),
            body: Body::new(body),
            trailers: Headers::new(),
        },
        end,
    })
}

#[test]
fn a_packed_reply_is_read() {
    let mut packed = GzEncoder::new(Vec::new(), Compression::default());
    packed
        .write_all(br#"[{"channel":"/a","data":[1,  2]}]"#)
        .unwrap();
    let lines: Vec<String> = polled("gzip", packed.finish().unwrap(), End::Complete)
        .iter()
        .map(told)
        .collect();
    assert_eq!(lines, ["client1: /a [1,  2] <- unsolicited"]);
}

#[test]
fn a_reply_that_nobody_can_read_is_kept_whole() {
    let kept = polled("br", b"\x01\x02".to_vec(), End::Complete);
    let Event::Operation(operation) = &kept[0] else {
        panic!("{kept:?}");
    };
    assert_eq!(operation.response.body.bytes().as_ref(), b"\x01\x02");
    assert_eq!(polled("", b"[{\"chan".to_vec(), End::Truncated), []);
    assert_eq!(polled("", Vec::new(), End::Complete), []);
}
