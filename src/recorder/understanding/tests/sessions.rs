//! Whose exchanges are whose, and what their sessions are called.

use super::*;

#[test]
fn a_login_by_form_names_the_session_and_takes_what_came_before() {
    expect(
        r"
        1 c1 GET /login
        1 200 +Set-Cookie:PRE=7f3a9c01
        2 c1 POST /login +Cookie:PRE=7f3a9c01 username=alice&password=x
        2 302 +Set-Cookie:SID=b81d02e7 +Location:/
        3 c2 GET / +Cookie:PRE=7f3a9c01;~SID=b81d02e7
        3 200
        ",
        r"
        client1: #1 GET /login 200
        alice: was client1
        alice: #2 POST /login 302
        alice: #3 GET / 200
        ",
    );
}

#[test]
fn a_client_that_goes_on_before_the_login_is_over_is_the_one_that_logged_in() {
    expect(
        "
        1 c1 POST /login user=alice&password=x
        2 c2 GET /me +Cookie:SID=f00dcafe1234abcd
        2 200
        1 302 +Set-Cookie:SID=f00dcafe1234abcd +Location:/
        3 c3 GET /more +Cookie:SID=f00dcafe1234abcd
        3 200
        ",
        "
        client1: #2 GET /me 200
        alice: was client1
        alice: #1 POST /login 302
        alice: #3 GET /more 200
        ",
    );
}

#[test]
fn two_clients_may_share_a_pool_of_connections() {
    expect(
        r"
        1 c1 POST /login username=alice&password=x
        1 302 +Set-Cookie:SID=aa0101 +Set-Cookie:lang=en
        2 c1 POST /login username=bob&password=x
        2 302 +Set-Cookie:SID=bb0202 +Set-Cookie:lang=en
        3 c1 POST /api/ready +Cookie:lang=en;~SID=aa0101
        4 c2 POST /api/ready +Cookie:lang=en;~SID=bb0202
        4 200
        3 200
        5 c2 GET /api/me +Cookie:SID=aa0101
        5 200
        ",
        r"
        alice: #1 POST /login 302
        bob: #2 POST /login 302
        bob: #4 POST /api/ready 200
        alice: #3 POST /api/ready 200
        alice: #5 GET /api/me 200
        ",
    );
}

#[test]
fn a_refused_login_names_nobody() {
    expect(
        r#"
        1 c1 POST /login username=mallory&password=x
        1 401 +Set-Cookie:SID=aa0101
        2 c1 POST /login +Cookie:SID=aa0101 username=carol&password=x
        2 302 +Location:/login?error
        3 c1 POST /login +Cookie:SID=aa0101 {"userName":"alice","password":"x"}
        3 200 {"statusCode":0}
        "#,
        r"
        client1: #1 POST /login 401
        client1: #2 POST /login 302
        alice: was client1
        alice: #3 POST /login 200
        ",
    );
}

#[test]
fn a_bearer_token_is_known_again_where_the_login_gave_it() {
    expect(
        r#"
        1 c1 POST /oauth/login {"user":"alice","password":"x"}
        1 200 {"key":"k3y0f4l1ce"}
        2 c2 POST /oauth/login {"user":"bob","password":"x"}
        2 200 {"access_token":"t0k3n0fb0b"}
        3 c3 GET /api/me +Authorization:Bearer~t0k3n0fb0b +X-Api-Key:4pp11cat10n
        3 200
        4 c3 GET /api/me +Authorization:Bearer~k3y0f4l1ce +X-Api-Key:4pp11cat10n
        4 200
        "#,
        r"
        alice: #1 POST /oauth/login 200
        bob: #2 POST /oauth/login 200
        bob: #3 GET /api/me 200
        alice: #4 GET /api/me 200
        ",
    );
}

#[test]
fn a_basic_user_is_one_client_whatever_else_changes() {
    expect(
        r"
        1 c1 GET /api/me
        1 401
        2 c1 GET /api/me +Authorization:Basic~YWxpY2U6eA==
        2 200 +Set-Cookie:JSESSIONID=a1b2c3d4
        3 c2 GET /api/me +Authorization:Basic~Ym9iOng=
        3 200 +Set-Cookie:JSESSIONID=e5f6a7b8
        4 c2 POST /api/me +Cookie:JSESSIONID=a1b2c3d4
        4 200
        5 c2 POST /api/me +Authorization:Basic~YWxpY2U6eA==
        5 200
        6 c1 POST /api/me +Cookie:JSESSIONID=a1b2c3d4 +Authorization:Basic~Ym9iOng=
        6 200
        ",
        r"
        client1: #1 GET /api/me 401
        alice: was client1
        alice: #2 GET /api/me 200
        bob: #3 GET /api/me 200
        alice: #4 POST /api/me 200
        alice: #5 POST /api/me 200
        bob: #6 POST /api/me 200
        ",
    );
}

#[test]
fn without_cookies_a_client_id_tells() {
    expect(
        r#"
        1 c1 shake
        1 shaken K1
        2 c1 shake
        2 shaken K2
        3 c1 poll K1
        4 c2 poll K2
        4 push /v2/me {"n":1}
        3 push /v2/me {"n":2}
        "#,
        r#"
        client1: handshake /api/v2/notifications K1
        client2: handshake /api/v2/notifications K2
        client2: /v2/me {"n":1} <- unsolicited
        client1: /v2/me {"n":2} <- unsolicited
        "#,
    );
}

#[test]
fn a_client_that_was_forgotten_shakes_hands_again() {
    let expected = r#"
        client1: handshake /api/v2/notifications K1
        client1: subscribe /v2/me/*
        client1: handshake /api/v2/notifications K2
        client1: /v2/me {"n":1} <- unsolicited
    "#;
    for connection in ["c1", "c7"] {
        let conversation = format!(
            r#"
            1 c1 shake
            1 shaken K1
            2 c1 sub K1 /v2/me/*
            2 subbed /v2/me/*
            3 c1 poll K1
            3 forget
            4 {connection} shake
            4 shaken K2
            5 {connection} poll K2
            5 push /v2/me {{"n":1}}
            "#
        );
        expect(&conversation, expected);
    }
}

#[test]
fn a_second_browser_of_one_user_has_its_own_lane_and_a_second_login_has_not() {
    expect(
        r"
        1 c1 POST /login username=alice&password=x
        1 302 +Set-Cookie:SID=aa0101
        2 c2 POST /login username=alice&password=x
        2 302 +Set-Cookie:SID=aa0202
        3 c2 shake +Cookie:SID=aa0202
        3 shaken K1
        4 c2 poll K1 +Cookie:SID=aa0202
        5 c3 POST /login username=alice&password=x
        5 302 +Set-Cookie:SID=aa0303
        6 c3 GET / +Cookie:SID=aa0303
        6 200
        7 c4 GET / +Cookie:SID=aa0101
        7 200
        ",
        r"
        alice: #1 POST /login 302
        alice: #2 POST /login 302
        alice: handshake /api/v2/notifications K1
        alice-2: #3 POST /login 302
        alice-2: #4 GET / 200
        alice: #5 GET / 200
        ",
    );
}

#[test]
fn another_login_on_the_same_cookie_is_another_client() {
    expect(
        r"
        1 c1 POST /login username=alice&password=x
        1 302 +Set-Cookie:SID=aa0101
        2 c1 POST /login +Cookie:SID=aa0101 username=bob&password=x
        2 302
        3 c2 GET / +Cookie:SID=aa0101
        3 200
        ",
        r"
        alice: #1 POST /login 302
        bob: #2 POST /login 302
        bob: #3 GET / 200
        ",
    );
}

#[test]
fn the_user_may_choose_what_tells_clients_apart() {
    let by = |by: &str| Settings {
        session_by: Some(by.parse().unwrap()),
        ..Settings::default()
    };
    let conversation = r"
        1 c1 GET / +X-Agent:ann +Cookie:desk=one
        1 200
        2 c1 GET / +X-Agent:ben +Cookie:desk=one
        2 200
        3 c2 GET / +X-Agent:ann +Cookie:desk=two
        3 200
    ";
    let lanes = |settings| -> Vec<String> {
        let lines = understood_with(settings, conversation);
        lines
            .iter()
            .map(|line| line.split(':').next().unwrap().to_owned())
            .collect()
    };
    assert_eq!(lanes(by("header:X-Agent")), ["ann", "ben", "ann"]);
    assert_eq!(lanes(by("cookie:desk")), ["one", "one", "two"]);
}

#[test]
fn a_recording_goes_on_with_numbers_and_names() {
    let settings = Settings {
        last_number: 7,
        sessions: vec![Session::new("alice"), Session::new("client1")],
        ..Settings::default()
    };
    let lines = understood_with(
        settings,
        r"
        1 c1 GET /
        1 200
        2 c2 POST /login username=alice&password=x
        2 302 +Set-Cookie:SID=aa0101
        ",
    );
    assert_eq!(
        lines,
        ["client2: #8 GET / 200", "alice: #9 POST /login 302"]
    );
}

#[test]
fn of_more_clients_than_are_remembered_the_one_silent_the_longest_is_forgotten() {
    let lanes = |max_sessions| -> Vec<String> {
        let settings = Settings {
            max_sessions,
            ..Settings::default()
        };
        let lines = understood_with(
            settings,
            r"
            1 c1 GET / +X-Auth-Token:aaaa0000bbbb1111
            1 200
            2 c2 GET / +X-Auth-Token:cccc2222dddd3333
            2 200
            3 c3 GET / +X-Auth-Token:aaaa0000bbbb1111
            3 200
            ",
        );
        let lane = |line: &String| line.split(':').next().unwrap().to_owned();
        lines.iter().map(lane).collect()
    };
    assert_eq!(lanes(2), ["client1", "client2", "client1"]);
    assert_eq!(lanes(1), ["client1", "client2", "client3"]);
}
