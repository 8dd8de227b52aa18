//! `--upstream-insecure`: it works, and nobody can overlook it.

use super::harness::{Installation, Maker, Service, When, self_signed, server, text};
use crate::proxy::harness::field;

const WORDS: &str = "the certificate of the service is not checked";

#[test]
fn a_recording_from_anybody_is_marked() {
    let service = Service::start(server(&self_signed("elsewhere"), None));
    let installation = Installation::new();
    let recording = installation.record(&service.origin(), &["--upstream-insecure"]);
    assert!(recording.get("/").starts_with("HTTP/1.1 200 "));
    let (code, said) = recording.end();
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(said.matches(WORDS).count(), 2, "at start and end: {said}");
    let shown = installation.show(&[]);
    assert!(shown.contains("certificate not checked"), "{shown}");
    let document: serde_json::Value =
        serde_json::from_str(&installation.show(&["--json"])).unwrap();
    assert_eq!(document["insecure"], true);
    assert_eq!(document["operations"].as_array().unwrap().len(), 1);
}

#[test]
fn a_tape_that_goes_on_from_anybody_is_marked_too() {
    let maker = Maker::new("good");
    let service = Service::start(server(&maker.sign("127.0.0.1", When::Always), None));
    let installation = Installation::new();
    let ca = text(&installation.file("test-ca.pem", &maker.pem));
    let steps: [(&[&str], bool); 4] = [
        (&["--upstream-ca", &ca], false),
        (&["--append", "--upstream-ca", &ca], false),
        (&["--append", "--upstream-insecure"], true),
        // Once marked, it stays so.
        (&["--append", "--upstream-ca", &ca], true),
    ];
    for (number, (arguments, marked)) in steps.iter().enumerate() {
        let recording = installation.record(&service.origin(), arguments);
        assert!(recording.get("/").starts_with("HTTP/1.1 200 "));
        assert_eq!(recording.end().0, Some(0));
        let shown: serde_json::Value =
            serde_json::from_str(&installation.show(&["--json"])).unwrap();
        assert_eq!(shown["insecure"] == true, *marked, "{arguments:?}");
        assert_eq!(shown["operations"].as_array().unwrap().len(), number + 1);
        let format = installation.command().args(["format", "t.tape"]).output();
        let said = String::from_utf8(format.unwrap().stderr).unwrap();
        assert!(!said.contains("notice"), "it is sealed: {said}");
    }
}

#[test]
fn misses_go_on_to_a_service_over_tls() {
    let maker = Maker::new("good");
    let service = Service::start(server(&maker.sign("127.0.0.1", When::Always), None));
    let installation = Installation::new();
    let ca = text(&installation.file("test-ca.pem", &maker.pem));
    let forward = format!("forward={}", service.origin());
    let cases: [(&[&str], &str); 3] = [
        (&["--upstream-ca", &ca], "HTTP/1.1 200 "),
        (&["--upstream-insecure"], "HTTP/1.1 200 "),
        (
            &[
                "--upstream-ca",
                &text(&installation.file("o", &Maker::new("o").pem)),
            ],
            "HTTP/1.1 502 ",
        ),
    ];
    for (arguments, status) in cases {
        let mut all = vec!["--tls", "--allow-unplayed", "--on-miss", &forward];
        all.extend(arguments);
        let replay = installation.replay(&all);
        let response = replay.get_by_tls("/not-on-the-tape");
        assert!(response.starts_with(status), "{arguments:?}: {response}");
        if status.contains("200") {
            // Both sides are on TLS: the cookie stays, and the URL names the replay.
            assert_eq!(
                field(&response, "set-cookie").unwrap(),
                "a=1; Secure; SameSite=None; Path=/"
            );
            assert_eq!(
                field(&response, "location").unwrap(),
                "https://localhost:1/there"
            );
        }
        let (_, said) = replay.end();
        let expected = if arguments.len() == 1 { 2 } else { 0 };
        assert_eq!(said.matches(WORDS).count(), expected, "{said}");
    }
}
