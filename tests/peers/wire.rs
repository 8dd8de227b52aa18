//! HTTP/1.1 by hand: an upstream and a client whose every byte a test knows.

use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;

/// One end of a connection.
pub(crate) struct Wire(BufReader<TcpStream>);

/// A message: its first line, and its content.
pub(crate) struct Message {
    pub(crate) line: String,
    pub(crate) length: u64,
}

impl Wire {
    pub(crate) fn connect(origin: &str) -> io::Result<Wire> {
        let address = origin.strip_prefix("http://").unwrap();
        Ok(Wire(BufReader::new(TcpStream::connect(address)?)))
    }

    pub(crate) fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.get_mut().write_all(bytes)
    }

    /// Reads the head of a message, whose content has a length; an error at the end of the connection.
    pub(crate) fn head(&mut self) -> io::Result<Message> {
        let mut line = String::new();
        let mut length = 0;
        let mut read = || -> io::Result<String> {
            let mut line = String::new();
            if self.0.read_line(&mut line)? == 0 || !line.ends_with('\n') {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            Ok(line.trim_end().to_owned())
        };
        loop {
            let next = read()?;
            if next.is_empty() && !line.is_empty() {
                return Ok(Message { line, length });
            }
            if line.is_empty() {
                line = next;
            } else if let Some((name, value)) = next.split_once(": ")
                && name.eq_ignore_ascii_case("content-length")
            {
                length = value.parse().map_err(io::Error::other)?;
            }
        }
    }

    /// Reads so much content to its end.
    pub(crate) fn content(&mut self, length: u64) -> io::Result<String> {
        let mut content = String::new();
        let read = (&mut self.0).take(length).read_to_string(&mut content)?;
        if u64::try_from(read).unwrap() == length {
            Ok(content)
        } else {
            Err(io::ErrorKind::UnexpectedEof.into())
        }
    }

    /// Reads so much content to its end, and gives it to nobody; its digest.
    pub(crate) fn digest(&mut self, length: u64) -> io::Result<blake3::Hash> {
        let mut hasher = blake3::Hasher::new();
        let read = io::copy(&mut (&mut self.0).take(length), &mut hasher)?;
        if read == length {
            Ok(hasher.finalize())
        } else {
            Err(io::ErrorKind::UnexpectedEof.into())
        }
    }
}

/// An upstream that serves each connection so, as long as it likes; its origin. Its threads end with
/// the tests.
pub(crate) fn upstream(
    serve: impl Fn(&mut Wire) -> io::Result<()> + Send + Sync + 'static,
) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address: SocketAddr = listener.local_addr().unwrap();
    let serve = Arc::new(serve);
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let serve = Arc::clone(&serve);
            // Whoever is killed breaks its connections off: that is what the tests are about.
            thread::spawn(move || serve(&mut Wire(BufReader::new(stream))));
        }
    });
    format!("http://{address}")
}
