//! A running `antiphon record`, a raw client of it, and a raw upstream behind it.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

use crate::support::{PATIENCE, peak, signal};

/// A running `antiphon record`, which ends with this value.
pub(super) struct Recording {
    child: Child,
    pub(super) address: SocketAddr,
    pub(super) admin: String,
    folder: TempDir,
}

impl Recording {
    /// Starts one in front of `upstream`.
    pub(super) fn start(upstream: SocketAddr, arguments: &[&str]) -> Recording {
        let command = Command::new(env!("CARGO_BIN_EXE_antiphon"));
        Recording::start_by(command, upstream, arguments)
    }

    /// Starts one whose tape can't grow beyond so many blocks of 512 or 1024 bytes, which fails as
    /// a disk that is full does.
    pub(super) fn on_full_disk(upstream: SocketAddr, blocks: u32) -> Recording {
        let mut command = Command::new("sh");
        let limit = format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$@\"");
        command.args(["-c", &limit, "sh", env!("CARGO_BIN_EXE_antiphon")]);
        Recording::start_by(command, upstream, &[])
    }

    pub(super) fn start_by(
        command: Command,
        upstream: SocketAddr,
        arguments: &[&str],
    ) -> Recording {
        Recording::start_in(TempDir::new().unwrap(), command, upstream, arguments)
    }

    /// Starts another where this one was, which has ended.
    pub(super) fn again(mut self, upstream: SocketAddr, arguments: &[&str]) -> Recording {
        let folder = std::mem::replace(&mut self.folder, TempDir::new().unwrap());
        let command = Command::new(env!("CARGO_BIN_EXE_antiphon"));
        Recording::start_in(folder, command, upstream, arguments)
    }

    fn start_in(
        folder: TempDir,
        mut command: Command,
        upstream: SocketAddr,
        arguments: &[&str],
    ) -> Recording {
        let mut child = command
            .args(["record", "--listen", "127.0.0.1:0", "-o", "t.tape"])
            .args(["--upstream", &format!("http://{upstream}")])
            .args(arguments)
            .current_dir(folder.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut after = |prefix: &str| {
            let line = lines.next().expect("a line on stdout").unwrap();
            let rest = line.strip_prefix(prefix);
            rest.unwrap_or_else(|| panic!("{line}")).to_owned()
        };
        let address = after("listening on http://").parse().unwrap();
        let admin = after("admin on ");
        Recording {
            child,
            address,
            admin,
            folder,
        }
    }

    /// A raw connection.
    pub(super) fn connect(&self) -> Client {
        Client::connect(self.address)
    }

    /// What comes back for these bytes, to the end of the connection.
    pub(super) fn exchange(&self, request: &str) -> String {
        let mut client = self.connect();
        client.send(request);
        client.rest()
    }

    /// What the process has in memory at most so far, in KiB.
    pub(super) fn peak(&self) -> u64 {
        peak(&self.child).unwrap()
    }

    /// Sends it a signal.
    pub(super) fn signal(&self, name: &str) {
        signal(&self.child, name);
    }

    /// Waits for its end; its exit code.
    pub(super) fn wait(&mut self) -> Option<i32> {
        self.child.wait().unwrap().code()
    }

    /// The tape's file as it is now.
    pub(super) fn tape(&self) -> PathBuf {
        self.folder.path().join("t.tape")
    }

    /// Ends it at once.
    pub(super) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Ends it; its exit code.
    pub(super) fn end(&mut self) -> Option<i32> {
        signal(&self.child, "-TERM");
        self.child.wait().unwrap().code()
    }

    /// Ends it, and shows what is on the tape.
    pub(super) fn finish(mut self) -> Value {
        assert_eq!(self.end(), Some(0));
        self.show()
    }

    /// Ends it; the events on the tape.
    pub(super) fn events(mut self) -> Vec<Value> {
        assert_eq!(self.end(), Some(0));
        self.written()
    }

    /// The events that are on the tape now.
    pub(super) fn written(&self) -> Vec<Value> {
        let tape = std::fs::read_to_string(self.tape()).unwrap();
        let lines = tape.lines().map(|line| serde_json::from_str(line).unwrap());
        let events = lines
            .filter(|event: &Value| !matches!(event["kind"].as_str(), Some("header" | "trailer")));
        events.collect()
    }

    /// What is on the tape.
    pub(super) fn show(&self) -> Value {
        let shown = Command::new(env!("CARGO_BIN_EXE_antiphon"))
            .args(["show", "--json"])
            .arg(self.tape())
            .output()
            .unwrap();
        serde_json::from_slice(&shown.stdout).unwrap()
    }
}

impl Drop for Recording {
    fn drop(&mut self) {
        // It may have ended already, which is as well.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// One end of a raw connection.
pub(crate) struct Client(BufReader<TcpStream>);

impl Client {
    pub(super) fn connect(address: SocketAddr) -> Client {
        Client::on(TcpStream::connect(address).unwrap())
    }

    pub(super) fn on(stream: TcpStream) -> Client {
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        stream.set_nodelay(true).unwrap();
        Client(BufReader::new(stream))
    }

    pub(super) fn send(&mut self, text: &str) {
        self.bytes(text.as_bytes()).unwrap();
    }

    pub(super) fn bytes(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.0.get_mut().write_all(bytes)
    }

    /// The connection, of which nothing has been read ahead.
    pub(super) fn into_stream(self) -> TcpStream {
        assert_eq!(self.0.buffer(), b"");
        self.0.into_inner()
    }

    /// Breaks the connection off.
    pub(super) fn reset(self) {
        let socket = self.into_stream();
        socket.set_nonblocking(true).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_io()
            .build()
            .unwrap();
        let _inside = runtime.enter();
        tokio::net::TcpStream::from_std(socket)
            .unwrap()
            .set_zero_linger()
            .unwrap();
    }

    /// So many bytes.
    pub(super) fn octets(&mut self, length: usize) -> Vec<u8> {
        let mut octets = vec![0; length];
        self.0.read_exact(&mut octets).unwrap();
        octets
    }

    /// Sends no more.
    pub(super) fn end(&mut self) {
        self.0.get_mut().shutdown(Shutdown::Write).unwrap();
    }

    /// The next head, up to and with its empty line; empty where the other side has ended.
    pub(super) fn head(&mut self) -> String {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            match self.0.read_line(&mut head) {
                Ok(0) | Err(_) => return String::new(),
                Ok(_) => {}
            }
        }
        head
    }

    /// The next line, with what ends it.
    pub(super) fn line(&mut self) -> String {
        let mut line = String::new();
        self.0.read_line(&mut line).unwrap();
        line
    }

    /// So many bytes of content.
    pub(super) fn content(&mut self, length: usize) -> String {
        String::from_utf8(self.octets(length)).unwrap()
    }

    /// A head with the content that its length tells of.
    pub(super) fn message(&mut self) -> (String, String) {
        let head = self.head();
        let length = field(&head, "content-length").map_or(0, |length| length.parse().unwrap());
        let content = self.content(length);
        (head, content)
    }

    /// All that comes until the other side ends.
    pub(super) fn rest(&mut self) -> String {
        let mut rest = Vec::new();
        self.0.read_to_end(&mut rest).unwrap();
        String::from_utf8(rest).unwrap()
    }

    /// Reads and forgets; how many bytes there were until the other side ended or broke off.
    pub(super) fn drain(&mut self) -> (usize, std::io::Result<()>) {
        let mut space = vec![0; 1 << 16];
        let mut count = 0;
        loop {
            match self.0.read(&mut space) {
                Ok(0) => return (count, Ok(())),
                Ok(more) => count += more,
                Err(error) => return (count, Err(error)),
            }
        }
    }
}

/// The value of a field of a head.
pub(crate) fn field(head: &str, name: &str) -> Option<String> {
    head.lines().skip(1).find_map(|line| {
        let (found, value) = line.split_once(':')?;
        found
            .eq_ignore_ascii_case(name)
            .then(|| value.trim().to_owned())
    })
}

/// An upstream that does with each connection what a function says.
pub(crate) struct Upstream {
    pub(crate) address: SocketAddr,
    connections: Arc<AtomicUsize>,
    heads: Arc<Mutex<Vec<String>>>,
}

impl Upstream {
    /// `serve` is given each connection, in a thread of its own, and its number from 0.
    pub(super) fn start(serve: impl Fn(Client, usize) + Send + Sync + 'static) -> Upstream {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let connections = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&connections);
        let serve = Arc::new(serve);
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let number = count.fetch_add(1, Ordering::SeqCst);
                let serve = Arc::clone(&serve);
                thread::spawn(move || serve(Client::on(stream), number));
            }
        });
        Upstream {
            address,
            connections,
            heads: Arc::default(),
        }
    }

    /// Answers each request that has content by its length, or none, with what `answer` makes of it.
    pub(crate) fn answering(
        answer: impl Fn(&str, &str) -> String + Send + Sync + 'static,
    ) -> Upstream {
        let heads: Arc<Mutex<Vec<String>>> = Arc::default();
        let seen = Arc::clone(&heads);
        let upstream = Upstream::start(move |mut client, _| {
            loop {
                let (head, content) = client.message();
                if head.is_empty() {
                    return;
                }
                seen.lock().unwrap().push(head.clone());
                client.send(&answer(&head, &content));
            }
        });
        Upstream { heads, ..upstream }
    }

    /// How many connections there were.
    pub(super) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    /// The heads of the requests so far.
    pub(crate) fn heads(&self) -> Vec<String> {
        self.heads.lock().unwrap().clone()
    }
}

/// A response with this content.
pub(crate) fn ok(content: &str) -> String {
    format!(
        "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{content}",
        content.len()
    )
}

/// A GET of this path.
pub(super) fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: front:1\r\n\r\n")
}

/// A port that takes no connection and refuses none; it does as long as the connections that crowd
/// it are there.
pub(super) fn crowded() -> (SocketAddr, (tokio::net::TcpListener, Vec<TcpStream>)) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let _inside = runtime.enter();
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let listener = socket.listen(1).unwrap();
    let address = listener.local_addr().unwrap();
    let mut crowd = Vec::new();
    while let Ok(stream) = TcpStream::connect_timeout(&address, Duration::from_millis(200)) {
        crowd.push(stream);
    }
    (address, (listener, crowd))
}
