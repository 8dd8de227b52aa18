//! The authority of an installation: made once, kept to itself, and told of by `antiphon ca`.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Command, Stdio};

use super::harness::Installation;

#[test]
fn eight_processes_at_once_make_one_authority() {
    let installation = Installation::new();
    let children: Vec<_> = (0..8)
        .map(|_| {
            let mut command = installation.command();
            command.args(["ca", "--pem"]).stdout(Stdio::piped());
            command.spawn().unwrap()
        })
        .collect();
    for child in children {
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success());
        let pem = String::from_utf8(output.stdout).unwrap();
        assert_eq!(pem, installation.authority());
    }
    let home = installation.folder.path().join("home");
    let mode = |path: &str| {
        let known = fs::metadata(home.join(path)).unwrap();
        known.permissions().mode() & 0o777
    };
    assert_eq!((mode("."), mode("ca")), (0o700, 0o700));
    assert_eq!((mode("ca/ca.pem"), mode("ca/ca-key.pem")), (0o644, 0o600));
    let left: Vec<_> = fs::read_dir(&home).unwrap().collect();
    assert_eq!(left.len(), 1, "{left:?}");
}

#[test]
fn its_path_is_data_and_the_lines_for_clients_are_words() {
    let installation = Installation::new();
    let output = installation.command().arg("ca").output().unwrap();
    assert!(output.status.success());
    let path = String::from_utf8(output.stdout).unwrap();
    assert_eq!(
        fs::read_to_string(path.trim_end()).unwrap(),
        installation.authority()
    );
    let words = String::from_utf8(output.stderr).unwrap();
    for line in [
        "curl --cacert ",
        "NODE_EXTRA_CA_CERTS=",
        "SSL_CERT_FILE=",
        "REQUESTS_CA_BUNDLE=",
        "keytool -importcert ",
        "certutil -d sql:$HOME/.pki/nssdb -A -t C,, ",
        "update-ca-certificates",
    ] {
        assert!(words.contains(line), "{line}: {words}");
    }
    assert!(!words.contains("PRIVATE"), "{words}");
}

#[test]
fn it_is_where_the_system_keeps_such_data() {
    let folder = tempfile::tempdir().unwrap();
    let run = |variables: &[(&str, &str)]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_antiphon"));
        command.current_dir(folder.path()).arg("ca");
        for name in ["ANTIPHON_HOME", "XDG_DATA_HOME", "HOME"] {
            command.env_remove(name);
        }
        for (name, path) in variables {
            command.env(name, folder.path().join(path));
        }
        command.output().unwrap()
    };
    let path = |variables: &[(&str, &str)]| {
        let output = run(variables);
        let path = String::from_utf8(output.stdout).unwrap();
        let inside = std::path::Path::new(path.trim_end());
        let inside = inside.strip_prefix(folder.path()).unwrap();
        inside.to_str().unwrap().to_owned()
    };
    assert_eq!(path(&[("HOME", "h")]), "h/.local/share/antiphon/ca/ca.pem");
    let both = [("HOME", "h"), ("XDG_DATA_HOME", "d")];
    assert_eq!(path(&both), "d/antiphon/ca/ca.pem");
    let homeless = run(&[]);
    assert_eq!(homeless.status.code(), Some(2));
    fs::write(folder.path().join("file"), "").unwrap();
    let blocked = run(&[("ANTIPHON_HOME", "file/under")]);
    assert_eq!(blocked.status.code(), Some(4));
}

#[test]
fn a_key_that_others_may_read_or_that_does_not_fit_is_refused() {
    let installation = Installation::new();
    let ca = || installation.command().arg("ca").output().unwrap();
    assert!(ca().status.success());
    let key = installation.folder.path().join("home/ca/ca-key.pem");
    fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).unwrap();
    let output = ca();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(
        said.contains("ca-key.pem") && said.contains("chmod 600"),
        "{said}"
    );
    fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
    fs::write(&key, rcgen::KeyPair::generate().unwrap().serialize_pem()).unwrap();
    let output = ca();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("do not fit"), "{said}");
}
