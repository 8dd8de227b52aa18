//! Certificates made for a test, a server that is reached by TLS, and the built binary between them.

use std::fs;
use std::io::{BufRead as _, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    date_time_ymd,
};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::server::WebPkiClientVerifier;
use rustls::{
    ClientConfig, ClientConnection, RootCertStore, ServerConfig, ServerConnection, StreamOwned,
};
use serde_json::Value;
use tempfile::TempDir;

use crate::proxy::harness::field;
use crate::support::{PATIENCE, signal};

/// A certificate with its key, as PEM.
#[derive(Clone)]
pub(super) struct Pair {
    pub(super) certificate: String,
    pub(super) key: String,
}

/// When a certificate holds.
#[derive(Clone, Copy)]
pub(super) enum When {
    Always,
    Past,
    Future,
}

/// An authority made for a test.
pub(super) struct Maker {
    issuer: Issuer<'static, KeyPair>,
    pub(super) pem: String,
}

impl When {
    fn hold(self, certificate: &mut CertificateParams) {
        let (from, to) = match self {
            When::Always => (2000, 2500),
            When::Past => (2000, 2001),
            When::Future => (2400, 2500),
        };
        certificate.not_before = date_time_ymd(from, 1, 1);
        certificate.not_after = date_time_ymd(to, 1, 1);
    }
}

impl Maker {
    pub(super) fn new(name: &str) -> Maker {
        let key = KeyPair::generate().unwrap();
        let mut own = CertificateParams::new(Vec::new()).unwrap();
        own.distinguished_name.push(DnType::CommonName, name);
        own.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let pem = own.self_signed(&key).unwrap().pem();
        Maker {
            issuer: Issuer::new(own, key),
            pem,
        }
    }

    /// A certificate for this name or address.
    pub(super) fn sign(&self, name: &str, when: When) -> Pair {
        let key = KeyPair::generate().unwrap();
        let mut leaf = CertificateParams::new(vec![name.to_owned()]).unwrap();
        leaf.extended_key_usages = vec![
            ExtendedKeyUsagePurpose::ServerAuth,
            ExtendedKeyUsagePurpose::ClientAuth,
        ];
        when.hold(&mut leaf);
        Pair {
            certificate: leaf.signed_by(&key, &self.issuer).unwrap().pem(),
            key: key.serialize_pem(),
        }
    }
}

/// A certificate that nobody but itself has signed.
pub(super) fn self_signed(name: &str) -> Pair {
    signed_by_itself(name, When::Always, IsCa::NoCa)
}

/// Such a certificate, as an authority's too: that is what `openssl req -x509` makes.
pub(super) fn signed_by_itself(name: &str, when: When, authority: IsCa) -> Pair {
    let key = KeyPair::generate().unwrap();
    let mut own = CertificateParams::new(vec![name.to_owned()]).unwrap();
    own.is_ca = authority;
    when.hold(&mut own);
    Pair {
        certificate: own.self_signed(&key).unwrap().pem(),
        key: key.serialize_pem(),
    }
}

fn chain(pem: &str) -> Vec<CertificateDer<'static>> {
    let read = CertificateDer::pem_slice_iter(pem.as_bytes());
    read.collect::<Result<_, _>>().unwrap()
}

fn roots(pem: &str) -> RootCertStore {
    let mut roots = RootCertStore::empty();
    for certificate in chain(pem) {
        roots.add(certificate).unwrap();
    }
    roots
}

fn provider() -> Arc<rustls::crypto::CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

/// The settings of a server with this certificate; it wants one of `clients`, if that is given.
pub(super) fn server(pair: &Pair, clients: Option<&Maker>) -> ServerConfig {
    let settings = ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .unwrap();
    let settings = match clients {
        None => settings.with_no_client_auth(),
        Some(maker) => {
            let roots = Arc::new(roots(&maker.pem));
            let verifier = WebPkiClientVerifier::builder_with_provider(roots, provider());
            settings.with_client_cert_verifier(verifier.build().unwrap())
        }
    };
    let key = PrivateKeyDer::from_pem_slice(pair.key.as_bytes()).unwrap();
    settings
        .with_single_cert(chain(&pair.certificate), key)
        .unwrap()
}

/// The settings of a client that trusts this certificate and offers these protocols.
pub(super) fn client(trusted: &str, protocols: &[&str]) -> ClientConfig {
    let mut settings = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots(trusted))
        .with_no_client_auth();
    settings.alpn_protocols = protocols
        .iter()
        .map(|name| name.as_bytes().to_vec())
        .collect();
    settings
}

/// A client's connection to a server, which it calls by this name.
pub(super) type Connection = StreamOwned<ClientConnection, TcpStream>;

/// Shakes hands.
pub(super) fn connect(
    address: SocketAddr,
    name: &str,
    settings: ClientConfig,
) -> std::io::Result<Connection> {
    let mut tcp = patient(TcpStream::connect(address)?);
    let name = ServerName::try_from(name.to_owned()).unwrap();
    let mut connection = ClientConnection::new(Arc::new(settings), name).unwrap();
    while connection.is_handshaking() {
        connection.complete_io(&mut tcp)?;
    }
    Ok(StreamOwned::new(connection, tcp))
}

pub(super) fn patient(tcp: TcpStream) -> TcpStream {
    tcp.set_read_timeout(Some(PATIENCE)).unwrap();
    tcp.set_write_timeout(Some(PATIENCE)).unwrap();
    tcp
}

/// What comes back for these bytes, up to the end of the connection.
pub(super) fn exchange(mut connection: Connection, request: &str) -> String {
    connection.write_all(request.as_bytes()).unwrap();
    let mut response = Vec::new();
    // What follows the last byte is not of interest.
    let _ = connection.read_to_end(&mut response);
    String::from_utf8(response).unwrap()
}

/// A GET after which the connection ends.
pub(super) fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: localhost:1\r\nConnection: close\r\n\r\n")
}

/// A service over TLS that answers each request with what it was sent.
pub(super) struct Service {
    pub(super) address: SocketAddr,
    /// What each connection has sent, when it is over.
    sent: Receiver<String>,
}

impl Service {
    pub(super) fn start(settings: ServerConfig) -> Service {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let settings = Arc::new(settings);
        let (sender, sent) = channel();
        thread::spawn(move || {
            for tcp in listener.incoming().map_while(Result::ok) {
                let (settings, sender) = (Arc::clone(&settings), sender.clone());
                thread::spawn(move || converse(patient(tcp), settings, &sender));
            }
        });
        Service { address, sent }
    }

    /// Its origin, by its address.
    pub(super) fn origin(&self) -> String {
        format!("https://{}", self.address)
    }

    /// What the next connection to end has sent.
    pub(super) fn sent(&self) -> String {
        self.sent.recv_timeout(PATIENCE).unwrap()
    }
}

fn converse(mut tcp: TcpStream, settings: Arc<ServerConfig>, sender: &Sender<String>) {
    let mut connection = ServerConnection::new(settings).unwrap();
    let mut sent = String::new();
    while connection.is_handshaking() {
        if connection.complete_io(&mut tcp).is_err() {
            // The client may have sent something all the same.
            let _ = connection.reader().read_to_string(&mut sent);
            let _ = sender.send(sent);
            return;
        }
    }
    let mut stream = BufReader::new(StreamOwned::new(connection, tcp));
    while stream.read_line(&mut sent).is_ok_and(|count| count > 0) {
        if sent.ends_with("\r\n\r\n") {
            let content = format!("heard {}", sent.lines().next().unwrap());
            let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n", content.len());
            let cookie = "Set-Cookie: a=1; Secure; SameSite=None; Path=/\r\n";
            let host = field(&sent, "host").unwrap_or_default();
            let location = format!("Location: https://{host}/there\r\n");
            let answer = format!("{head}{cookie}{location}\r\n{content}");
            if stream.get_mut().write_all(answer.as_bytes()).is_err() {
                break;
            }
        }
    }
    let _ = sender.send(sent);
}

/// The server's end of a connection that is open.
pub(super) type Accepted = BufReader<StreamOwned<ServerConnection, TcpStream>>;

/// A service over TLS that does with each connection what a function says, which is given its
/// number from 0. Unless the function says so, TLS has no end when the connection has.
pub(super) fn raw(
    settings: ServerConfig,
    serve: impl Fn(&mut Accepted, usize) + Send + Sync + 'static,
) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let origin = format!("https://{}", listener.local_addr().unwrap());
    let (settings, serve) = (Arc::new(settings), Arc::new(serve));
    thread::spawn(move || {
        for (number, tcp) in listener.incoming().map_while(Result::ok).enumerate() {
            let connection = ServerConnection::new(Arc::clone(&settings)).unwrap();
            let serve = Arc::clone(&serve);
            thread::spawn(move || {
                let mut stream = BufReader::new(StreamOwned::new(connection, patient(tcp)));
                serve(&mut stream, number);
            });
        }
    });
    origin
}

/// Reads a head; whether there is one.
pub(super) fn head(stream: &mut Accepted) -> bool {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if !stream.read_line(&mut head).is_ok_and(|count| count > 0) {
            return false;
        }
    }
    true
}

/// A running `antiphon`, in a folder that is also its home, which ends with this value.
pub(super) struct Running {
    child: Child,
    /// The first line of its stdout, but for `listening on `.
    pub(super) origin: String,
    pub(super) address: SocketAddr,
    pub(super) folder: Arc<TempDir>,
    stderr: Option<thread::JoinHandle<String>>,
}

/// An installation of its own.
pub(super) struct Installation {
    pub(super) folder: Arc<TempDir>,
    variables: Vec<(String, PathBuf)>,
}

impl Installation {
    pub(super) fn new() -> Installation {
        Installation {
            folder: Arc::new(TempDir::new().unwrap()),
            variables: Vec::new(),
        }
    }

    /// Sets a variable to the path of a file.
    pub(super) fn with(mut self, variable: &str, path: PathBuf) -> Installation {
        self.variables.push((variable.to_owned(), path));
        self
    }

    /// A file in its folder.
    pub(super) fn file(&self, name: &str, content: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        fs::write(&path, content).unwrap();
        path
    }

    /// The files of a pair, by the flags that take them.
    pub(super) fn files(&self, pair: &Pair, prefix: &str) -> [String; 4] {
        let certificate = self.file(&format!("{prefix}.pem"), &pair.certificate);
        let key = self.file(&format!("{prefix}.key"), &pair.key);
        [
            format!("--{prefix}-cert"),
            text(&certificate),
            format!("--{prefix}-key"),
            text(&key),
        ]
    }

    pub(super) fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_antiphon"));
        command
            .current_dir(self.folder.path())
            .env("ANTIPHON_HOME", self.folder.path().join("home"))
            .env_remove("SSL_CERT_FILE")
            .env_remove("SSL_CERT_DIR")
            .envs(self.variables.iter().cloned());
        command
    }

    /// Starts a recording in front of this service.
    pub(super) fn record(&self, upstream: &str, arguments: &[&str]) -> Running {
        let mut command = self.command();
        command.args(["record", "-o", "t.tape", "--upstream", upstream]);
        Running::start(command.args(arguments), Arc::clone(&self.folder))
    }

    /// Starts a replay.
    pub(super) fn replay(&self, arguments: &[&str]) -> Running {
        let mut command = self.command();
        command.arg("replay");
        Running::start(command.args(arguments), Arc::clone(&self.folder))
    }

    /// The certificate of its authority.
    pub(super) fn authority(&self) -> String {
        fs::read_to_string(self.folder.path().join("home/ca/ca.pem")).unwrap()
    }

    /// What is on the tape.
    pub(super) fn show(&self, arguments: &[&str]) -> String {
        let mut command = self.command();
        let shown = command.args(["show", "t.tape"]).args(arguments).output();
        String::from_utf8(shown.unwrap().stdout).unwrap()
    }
}

impl Running {
    fn start(command: &mut Command, folder: Arc<TempDir>) -> Running {
        let mut child = command
            .args(["--listen", "127.0.0.1:0"])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stderr = child.stderr.take().unwrap();
        let stderr = thread::spawn(move || {
            let mut words = String::new();
            stderr.read_to_string(&mut words).unwrap();
            words
        });
        let mut line = String::new();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        stdout.read_line(&mut line).unwrap();
        // The other lines are for others; closed, stdout would end a program that writes to it.
        thread::spawn(move || std::io::copy(&mut stdout, &mut std::io::sink()));
        let Some(origin) = line.trim_end().strip_prefix("listening on ") else {
            panic!("{line:?}: {}", stderr.join().unwrap());
        };
        let (_, address) = origin.split_once("://").unwrap();
        Running {
            address: address.parse().unwrap(),
            origin: origin.to_owned(),
            child,
            folder,
            stderr: Some(stderr),
        }
    }

    /// What it answers to a GET, without TLS.
    pub(super) fn get(&self, path: &str) -> String {
        let mut tcp = patient(TcpStream::connect(self.address).unwrap());
        tcp.write_all(get(path).as_bytes()).unwrap();
        let mut response = String::new();
        tcp.read_to_string(&mut response).unwrap();
        response
    }

    /// What it answers to a GET over TLS, to a client that trusts its authority.
    pub(super) fn get_by_tls(&self, path: &str) -> String {
        let ca = self.folder.path().join("home/ca/ca.pem");
        let settings = client(&fs::read_to_string(ca).unwrap(), &["http/1.1"]);
        let connection = connect(self.address, "localhost", settings).unwrap();
        exchange(connection, &get(path))
    }

    /// Ends it; its exit code, and what it has said on stderr.
    pub(super) fn end(mut self) -> (Option<i32>, String) {
        signal(&self.child, "-TERM");
        let status = self.child.wait().unwrap();
        (status.code(), self.stderr.take().unwrap().join().unwrap())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended already, which is as well.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The status, and the document, of a refusal.
pub(super) fn refusal(response: &str) -> (String, Value) {
    let (head, content) = response.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().to_owned();
    (status, serde_json::from_str(content).unwrap())
}

pub(super) fn text(path: &Path) -> String {
    path.to_str().unwrap().to_owned()
}
