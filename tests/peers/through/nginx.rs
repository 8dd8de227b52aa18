//! nginx behind the recorder, and once before it too; curl, nghttp and h2load as clients.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write as _;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::programs::need;
use crate::server::{PATIENCE, Server};

use super::INSTALL;

/// How often a port is asked whether somebody listens there by now.
const GLANCE: Duration = Duration::from_millis(10);

/// The sizes of nginx's files: around what fits into one read, one frame and one buffer.
const SIZES: [usize; 7] = [0, 1, 1_460, 16_384, 65_537, 1 << 20, 16 << 20];

/// Fields that are each connection's or each moment's own.
const OWN: &[&str] = &[
    "date",
    "connection",
    "keep-alive",
    "transfer-encoding",
    "via",
];

/// A running nginx, which ends with this value.
struct Nginx {
    child: Child,
    origin: String,
    folder: TempDir,
}

impl Nginx {
    /// Starts it with this content of its `server` block.
    fn start(server: &str) -> Nginx {
        let folder = tempfile::tempdir().unwrap();
        // Nobody else here takes a port that was just free.
        let port = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = port.local_addr().unwrap();
        drop(port);
        let here = folder.path().display();
        let temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .map(|kind| format!("{kind}_temp_path {here}/{kind};"))
            .join(" ");
        let configuration = format!(
            "daemon off; master_process off; pid {here}/pid; error_log stderr warn;
            events {{ worker_connections 1024; }}
            http {{
                access_log off; client_max_body_size 64m; {temporary}
                server {{ listen {address}; root {here}; {server} }}
            }}"
        );
        let path = folder.path().join("nginx.conf");
        fs::write(&path, configuration).unwrap();
        let child = Command::new("nginx")
            .arg("-c")
            .arg(&path)
            .arg("-p")
            .arg(folder.path())
            .stdout(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| panic!("nginx: {error}: {INSTALL}"));
        let nginx = Nginx {
            child,
            origin: format!("http://{address}"),
            folder,
        };
        let end = Instant::now() + PATIENCE;
        while TcpStream::connect(address).is_err() {
            assert!(Instant::now() < end, "nginx does not listen");
            thread::sleep(GLANCE);
        }
        nginx
    }

    /// One that has files of all sizes, takes uploads, and answers in a few other ways.
    fn with_files() -> Nginx {
        Nginx::with_files_and("")
    }

    /// One that also speaks TLS on a further port, by these protocols of nginx; with its origin there.
    fn with_tls(protocols: &str, certificate: &Path, key: &Path) -> (Nginx, String) {
        let port = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = port.local_addr().unwrap();
        drop(port);
        let nginx = Nginx::with_files_and(&format!(
            "listen {address} {protocols}; ssl_certificate {}; ssl_certificate_key {};",
            certificate.display(),
            key.display()
        ));
        (nginx, format!("https://{address}"))
    }

    fn with_files_and(more: &str) -> Nginx {
        let nginx = Nginx::start(&format!(
            "gzip on; gzip_min_length 20; gzip_types text/plain; gzip_proxied any;
            location = /nothing {{ return 204; }}
            location = /moved {{ return 302 $scheme://$http_host/size-1460; }}
            location = /spoken {{ return 200 \"$server_protocol $http_host\"; }}
            location /put/ {{ dav_methods PUT; create_full_put_path on; }}
            {more}"
        ));
        for size in SIZES {
            fs::write(nginx.path(&format!("size-{size}")), noise(size)).unwrap();
        }
        fs::write(
            nginx.path("page.txt"),
            "all work and no play\n".repeat(5_000),
        )
        .unwrap();
        nginx
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// So many bytes without a pattern, the same each time.
fn noise(size: usize) -> Vec<u8> {
    let mut bytes = vec![0; size];
    let mut hasher = blake3::Hasher::new();
    hasher.update(&size.to_le_bytes());
    hasher.finalize_xof().fill(&mut bytes);
    bytes
}

/// What curl got, but for what is each connection's own.
#[derive(Debug, PartialEq)]
struct Got {
    status: String,
    fields: BTreeSet<String>,
    content: Vec<u8>,
    connections: String,
}

/// Runs curl with these words, in which `@` is the origin.
fn curl(origin: &str, words: &str) -> Got {
    let folder = tempfile::tempdir().unwrap();
    let (head, content) = (folder.path().join("head"), folder.path().join("content"));
    let mut command = Command::new("curl");
    command.args([
        "--silent",
        "--show-error",
        "--noproxy",
        "*",
        "--max-time",
        "60",
    ]);
    command.args(["--write-out", "%{http_code} %{num_connects}\n"]);
    command.arg("--dump-header").arg(&head);
    for word in words.split_whitespace() {
        let word = word.replace('@', origin);
        command.arg(&word);
        if word.starts_with("http://") {
            command.arg("--output").arg(&content);
        }
    }
    let output = command.stdin(Stdio::null()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "curl {words}: {said}");
    let head = fs::read_to_string(&head).unwrap();
    let mut fields: BTreeSet<String> = BTreeSet::new();
    for line in head.lines().filter(|line| line.contains(": ")) {
        let (name, value) = line.split_once(": ").unwrap();
        let name = name.to_ascii_lowercase();
        if !OWN.contains(&name.as_str()) {
            fields.insert(format!("{name}: {}", value.replace(origin, "@")));
        }
    }
    let told = String::from_utf8(output.stdout).unwrap();
    let told: Vec<(&str, &str)> = told
        .lines()
        .filter_map(|line| line.split_once(' '))
        .collect();
    let content = if words.starts_with("--head ") {
        // What curl would write as content is the head once more.
        Vec::new()
    } else {
        fs::read(&content).unwrap_or_default()
    };
    Got {
        status: told.iter().map(|(status, _)| *status).collect(),
        fields,
        content,
        connections: told.iter().map(|(_, connections)| *connections).collect(),
    }
}

/// A recording of what passes to this origin, with the folder of its tape.
fn recording(upstream: &str) -> (Server, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    (
        Server::record(upstream, &folder.path().join("tape")),
        folder,
    )
}

#[test]
fn curl_gets_through_a_recorder_what_nginx_gives_it() {
    need("curl", INSTALL);
    let nginx = Nginx::with_files();
    let (recording, _tape) = recording(&nginx.origin);
    let mut requests: Vec<String> = SIZES.iter().map(|size| format!("@/size-{size}")).collect();
    for words in [
        "--head @/size-65537",
        "--range 10-99 @/size-65537",
        "--range -1 @/size-65537",
        "--range 99999- @/size-1460",
        "@/absent",
        "@/nothing",
        "@/moved",
        "--location @/moved",
        "--header Accept-Encoding:gzip @/page.txt",
        "--compressed @/page.txt",
        "--header If-None-Match:* @/page.txt",
        "--http1.0 @/page.txt",
        "--http1.0 --header Connection:keep-alive @/size-1460 @/size-1",
        "@/size-1460 @/size-0 @/nothing @/size-16384",
        "--request DELETE @/page.txt",
    ] {
        requests.push(words.to_owned());
    }
    for words in &requests {
        let directly = curl(&nginx.origin, words);
        let recorded = curl(&recording.origin, words);
        assert_eq!(recorded, directly, "curl {words}");
    }
    // Over HTTP/2 the connection is another, and the status line has another version.
    for size in SIZES {
        let words = format!("--http2-prior-knowledge @/size-{size}");
        assert_eq!(curl(&recording.origin, &words).content, noise(size));
    }
    recording.end_well();
}

#[test]
fn curl_uploads_through_a_recorder() {
    need("curl", INSTALL);
    let nginx = Nginx::with_files();
    let (recording, folder) = recording(&nginx.origin);
    for size in SIZES {
        let source = folder.path().join(format!("upload-{size}"));
        fs::write(&source, noise(size)).unwrap();
        for (way, words) in [
            ("length", ""),
            ("chunked", "--header Transfer-Encoding:chunked"),
            ("expected", "--header Expect:100-continue"),
            ("h2", "--http2-prior-knowledge"),
        ] {
            if way == "chunked" && size == 0 {
                // curl forgets the last chunk then, and nginx waits for it too.
                continue;
            }
            let target = format!("put/{way}-{size}");
            let got = curl(
                &recording.origin,
                &format!("{words} --upload-file {} @/{target}", source.display()),
            );
            assert_eq!(got.status, "201", "{target}");
            assert_eq!(
                fs::read(nginx.path(&target)).unwrap(),
                noise(size),
                "{target}"
            );
        }
    }
    recording.end_well();
}

#[test]
fn a_recorder_stands_between_two_nginx() {
    need("curl", INSTALL);
    let service = Nginx::with_files();
    let (recording, folder) = recording(&service.origin);
    let front = Nginx::start(&format!(
        "location / {{ proxy_pass {}; proxy_http_version 1.1; proxy_set_header Connection ''; }}",
        recording.origin
    ));
    for size in SIZES {
        let words = format!("@/size-{size}");
        assert_eq!(curl(&front.origin, &words).content, noise(size), "{size}");
        let source = folder.path().join("upload");
        fs::write(&source, noise(size)).unwrap();
        let words = format!("--upload-file {} @/put/{size}", source.display());
        assert_eq!(curl(&front.origin, &words).status, "201", "{size}");
        let stored = fs::read(service.path(&format!("put/{size}"))).unwrap();
        assert_eq!(stored, noise(size));
    }
    recording.end_well();
}

#[test]
fn nginx_is_reached_over_tls_by_what_it_speaks() {
    need("curl", INSTALL);
    let folder = tempfile::tempdir().unwrap();
    let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    let (certificate, key) = (folder.path().join("pem"), folder.path().join("key"));
    fs::write(&certificate, made.cert.pem()).unwrap();
    fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    for (protocols, version) in [("ssl http2", "HTTP/2.0"), ("ssl", "HTTP/1.1")] {
        let (nginx, origin) = Nginx::with_tls(protocols, &certificate, &key);
        let trusted = ["--upstream-ca", certificate.to_str().unwrap()];
        let tape = folder.path().join("tape");
        let recording = Server::record_on(&origin, &tape, &trusted);
        let spoken = curl(&recording.origin, "@/spoken").content;
        let host = origin.strip_prefix("https://").unwrap();
        let expected = format!("{version} {host}");
        assert_eq!(String::from_utf8(spoken).unwrap(), expected);
        for words in [
            "@/size-0 @/size-1460 @/size-16384",
            "--head @/size-65537",
            "--range 10-99 @/size-65537",
            "@/absent",
            "@/nothing",
            "--compressed @/page.txt",
        ] {
            let directly = curl(&nginx.origin, words);
            assert_eq!(
                curl(&recording.origin, words),
                directly,
                "{version} {words}"
            );
        }
        for size in SIZES {
            let words = format!("@/size-{size}");
            assert!(curl(&recording.origin, &words).content == noise(size));
            let source = folder.path().join("upload");
            fs::write(&source, noise(size)).unwrap();
            for (way, words) in [("length", ""), ("expected", "--header Expect:100-continue")] {
                let target = format!("put/{way}-{size}");
                let words = format!("{words} --upload-file {} @/{target}", source.display());
                assert_eq!(curl(&recording.origin, &words).status, "201", "{target}");
                assert!(
                    fs::read(nginx.path(&target)).unwrap() == noise(size),
                    "{target}"
                );
            }
        }
        recording.end_well();
    }
}

#[test]
fn nghttp_and_h2load_ask_for_many_things_at_once() {
    need("nghttp", INSTALL);
    need("h2load", INSTALL);
    let nginx = Nginx::with_files();
    let (recording, folder) = recording(&nginx.origin);
    let url = format!("{}/size-65537", recording.origin);
    let output = Command::new("nghttp").arg(&url).output().unwrap();
    assert!(output.stdout == noise(65_537), "nghttp got something else");
    let targets = folder.path().join("targets");
    let mut file = fs::File::create(&targets).unwrap();
    // All of it stands on a tape of at most a gibibyte.
    for size in &SIZES[..5] {
        writeln!(file, "{}/size-{size}", recording.origin).unwrap();
    }
    load(&targets, &["-n", "3000", "-c", "8", "-m", "50"], 3_000);
    load(&targets, &["-n", "3000", "-c", "8", "--h1"], 3_000);
    recording.end_well();
}

/// Lets h2load ask for these targets; all that it asks for must succeed.
fn load(targets: &Path, arguments: &[&str], count: usize) {
    let output = Command::new("h2load")
        .args(arguments)
        .arg("-i")
        .arg(targets)
        .output()
        .unwrap();
    let told = String::from_utf8(output.stdout).unwrap();
    let expected = format!(
        "requests: {count} total, {count} started, {count} done, {count} succeeded, 0 failed"
    );
    assert!(told.contains(&expected), "h2load {arguments:?}: {told}");
}
