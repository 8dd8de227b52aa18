//! Tells whoever started the server that clients can come, and that it ends: by a file, and by the
//! protocol of systemd (`sd_notify(3)`).

use std::env;
use std::ffi::OsStr;
use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};

use anyhow::Context as _;

use crate::cli::exit::{Because as _, Failure, Trouble};
use crate::cli::output;

use super::Ports;

/// Where systemd listens.
const SOCKET: &str = "NOTIFY_SOCKET";

/// How a server says that it is ready.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct ReadyFlag {
    /// Write the addresses to this file when clients can come, and remove it at the end.
    #[arg(long, value_name = "PATH", env = "ANTIPHON_READY_FILE")]
    ready_file: Option<PathBuf>,
}

/// The word that the server is ready, which is taken back when this is dropped.
#[derive(Debug)]
pub(in crate::cli) struct Ready(Option<PathBuf>);

impl ReadyFlag {
    /// Says that the server is ready.
    pub(in crate::cli) fn say(&self, ports: &Ports, scheme: &str) -> Result<Ready, Failure> {
        let words = ports.words(scheme);
        if let Some(path) = &self.ready_file {
            write(path, &words)
                .with_context(|| format!("--ready-file: cannot write {}", path.display()))
                .because(Trouble::Io)?;
        }
        let first = words.lines().next().unwrap_or_default();
        notify(&format!("READY=1\nSTATUS={first}\n"));
        Ok(Ready(self.ready_file.clone()))
    }
}

impl Ready {
    /// Says that the server takes no more clients and lets those end that are there.
    pub(in crate::cli) fn stopping() {
        notify("STOPPING=1\n");
    }
}

impl Drop for Ready {
    fn drop(&mut self) {
        if let Some(path) = &self.0 {
            // Somebody may have removed it already.
            let _ = fs::remove_file(path);
        }
    }
}

/// Writes a file in one step: whoever looks for it finds nothing or the whole.
fn write(path: &Path, words: &str) -> io::Result<()> {
    let name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?;
    let mut temporary = std::ffi::OsString::from(".");
    temporary.push(name);
    temporary.push(format!(".{}.tmp", std::process::id()));
    let temporary = path.with_file_name(temporary);
    let mut options = OpenOptions::new();
    let written = options
        .write(true)
        .create_new(true)
        .open(&temporary)
        .and_then(|mut file| file.write_all(words.as_bytes()))
        .and_then(|()| fs::rename(&temporary, path));
    if written.is_err() {
        let _ = fs::remove_file(&temporary);
    }
    written
}

/// Tells systemd, where it listens. A server that cannot be heard serves all the same.
fn notify(words: &str) {
    let Some(place) = env::var_os(SOCKET).filter(|place| !place.is_empty()) else {
        return;
    };
    if let Err(error) = send(&place, words) {
        let place = place.display();
        output::say(&format!("cannot tell systemd at {place}: {error}"));
    }
}

fn send(place: &OsStr, words: &str) -> io::Result<()> {
    let socket = UnixDatagram::unbound()?;
    // A receiver that does not read must not hold up the server.
    socket.set_nonblocking(true)?;
    match place.as_bytes().strip_prefix(b"@") {
        #[cfg(target_os = "linux")]
        Some(name) => {
            use std::os::linux::net::SocketAddrExt as _;
            let address = std::os::unix::net::SocketAddr::from_abstract_name(name)?;
            socket.send_to_addr(words.as_bytes(), &address)?;
        }
        _ => {
            socket.send_to(words.as_bytes(), Path::new(place))?;
        }
    }
    Ok(())
}
