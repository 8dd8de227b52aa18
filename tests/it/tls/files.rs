//! Certificates and keys from files: which are taken, and what is said of those that are not.

use super::harness::{
    Installation, Maker, When, client, connect, exchange, get, self_signed, text,
};

#[test]
fn a_certificate_from_files_is_shown() {
    let maker = Maker::new("good");
    let pair = maker.sign("desk.example", When::Always);
    let installation = Installation::new();
    let files = installation.files(&pair, "tls");
    let arguments: Vec<&str> = files.iter().map(String::as_str).collect();
    let replay = installation.replay(&arguments);
    assert!(replay.origin.starts_with("https://"), "{}", replay.origin);
    let connection = connect(
        replay.address,
        "desk.example",
        client(&maker.pem, &["http/1.1"]),
    )
    .unwrap();
    let response = exchange(connection, &get("/nothing"));
    assert!(response.starts_with("HTTP/1.1 404 "), "{response}");
    assert!(connect(replay.address, "localhost", client(&maker.pem, &[])).is_err());
    // No authority is made where none is needed.
    assert!(!installation.folder.path().join("home").exists());
}

#[test]
fn files_that_are_no_good_are_named() {
    let installation = Installation::new();
    let (one, two) = (self_signed("a"), self_signed("b"));
    let certificate = text(&installation.file("one.pem", &one.certificate));
    let key = text(&installation.file("one.key", &one.key));
    let other = text(&installation.file("two.key", &two.key));
    let torn = &one.certificate[..one.certificate.len() / 2];
    let torn = text(&installation.file("torn.pem", torn));
    let noise = "-----BEGIN CERTIFICATE-----\n????\n-----END CERTIFICATE-----\n";
    let noise = text(&installation.file("noise.pem", noise));
    let not_der = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    let not_der = text(&installation.file("not-der.pem", not_der));
    let locked =
        "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n";
    let locked = text(&installation.file("locked.key", locked));
    let https = ["--upstream", "https://127.0.0.1:9"];
    let cases: &[(&[&str], &str)] = &[
        (
            &["--tls-cert", &certificate, "--tls-key", &other],
            "two.key do not fit",
        ),
        (&["--tls-cert", "none.pem", "--tls-key", &key], "none.pem"),
        (
            &["--tls-cert", &torn, "--tls-key", &key],
            "torn.pem: it ends before",
        ),
        (
            &["--tls-cert", &noise, "--tls-key", &key],
            "noise.pem: it is no PEM",
        ),
        (&["--tls-cert", &not_der, "--tls-key", &key], "not-der.pem"),
        (
            &["--tls-cert", &key, "--tls-key", &key],
            "one.key: there is no PEM certificate",
        ),
        (
            &["--tls-cert", &certificate, "--tls-key", &certificate],
            "one.pem: there is no PEM private key",
        ),
        (
            &["--tls-cert", &certificate, "--tls-key", &locked],
            "locked.key: the private key in it is encrypted",
        ),
        (&["--tls-cert", &certificate], "--tls-key"),
        (&["--upstream-ca", "none.pem"], "none.pem"),
        (
            &["--upstream-ca", &key],
            "one.key: there is no PEM certificate",
        ),
        (&["--upstream-ca", &not_der], "not-der.pem"),
        (
            &[
                "--upstream-ca",
                &certificate,
                "--upstream-cert",
                &certificate,
                "--upstream-key",
                &other,
            ],
            "two.key do not fit",
        ),
        (&["--upstream-cert", &certificate], "--upstream-key"),
        (
            &["--upstream-ca", &certificate, "--upstream-insecure"],
            "cannot be used with",
        ),
        (
            &["--upstream-http2"],
            "--upstream-http2 is for a service without TLS",
        ),
    ];
    for (arguments, words) in cases {
        let output = installation
            .command()
            .args(["record", "--listen", "127.0.0.1:0"])
            .args(https)
            .args(*arguments)
            .output()
            .unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {said}");
        assert!(said.contains(words), "{arguments:?}: {said}");
    }
    assert!(!installation.folder.path().join("recordings").exists());
}

#[test]
fn flags_without_effect_are_refused() {
    let installation = Installation::new();
    let cases: [(&[&str], &str); 3] = [
        (
            &[
                "record",
                "--upstream",
                "http://127.0.0.1:9",
                "--upstream-insecure",
            ],
            "--upstream-insecure needs a service of https://",
        ),
        (
            &["replay", "--upstream-insecure"],
            "needs --on-miss forward=URL",
        ),
        (
            &[
                "replay",
                "--on-miss",
                "forward=http://127.0.0.1:9",
                "--upstream-ca",
                "x",
            ],
            "--upstream-ca needs a service of https://",
        ),
    ];
    for (arguments, words) in cases {
        let output = installation.command().args(arguments).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.contains(words), "{said}");
    }
}
