//! A party of a comparison: a process of its own that ends with its value.
//!
//! It measures nothing but the memory that the process holds.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

/// How long a party may take until it listens: to load the largest tape, and no longer.
const PATIENCE: Duration = Duration::from_secs(180);

/// How often a port is tried until somebody answers there.
const TRY: Duration = Duration::from_millis(5);

/// How long a program may take to end that was asked to.
const GRACE: Duration = Duration::from_secs(5);

/// A process that listens.
pub(crate) struct Party {
    child: Child,
    end: End,
    /// `ADDR:PORT`.
    pub(crate) address: String,
    /// The same of the admin API, where there is one.
    pub(crate) admin: Option<String>,
}

/// How a party is ended.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    /// At once: it is all there is of it.
    Killed,
    /// By asking it, so that it ends the processes that it has started itself.
    Asked,
}

impl Party {
    /// Starts the built antiphon, to listen on free ports. `Err` where it does not come up in time.
    pub(crate) fn antiphon(arguments: &[&str]) -> Result<Party, String> {
        let mut command = Command::new(env!("CARGO_BIN_EXE_antiphon"));
        command.args(arguments).args(["--listen", "127.0.0.1:0"]);
        Party::announced(&mut command, "admin on http://")
    }

    /// Starts a server of this bench: what `conversation party …` runs.
    pub(crate) fn own(arguments: &[&str]) -> Party {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.arg("party").args(arguments);
        Party::announced(&mut command, "").unwrap()
    }

    /// Starts a program that listens on the port that it is told.
    pub(crate) fn told(command: impl FnOnce(u16) -> Command) -> Result<Party, String> {
        let free = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = free.local_addr().unwrap().port();
        drop(free);
        let mut command = command(port);
        command.stdout(Stdio::null()).stderr(Stdio::null());
        let child = command.spawn().map_err(|error| error.to_string())?;
        let party = Party {
            child,
            end: End::Asked,
            address: format!("127.0.0.1:{port}"),
            admin: None,
        };
        let end = Instant::now() + PATIENCE;
        while TcpStream::connect(&party.address).is_err() {
            if Instant::now() > end {
                return Err("nobody listens at the port that it was told".to_owned());
            }
            std::thread::sleep(TRY);
        }
        Ok(party)
    }

    /// Starts a program that says where it listens in its first line, and its admin port in the next.
    fn announced(command: &mut Command, admin: &str) -> Result<Party, String> {
        command.current_dir(env!("CARGO_TARGET_TMPDIR"));
        command.stdin(Stdio::null()).stdout(Stdio::piped());
        command.stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let (sender, lines) = mpsc::channel();
        std::thread::spawn(move || {
            for line in stdout.lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        let mut party = Party {
            child,
            end: End::Killed,
            address: String::new(),
            admin: None,
        };
        let end = Instant::now() + PATIENCE;
        let line = |prefix: &str| {
            let left = end.saturating_duration_since(Instant::now());
            let line = lines.recv_timeout(left).map_err(|_| {
                format!(
                    "it did not listen within {} s, or ended",
                    PATIENCE.as_secs()
                )
            })?;
            let address = line.strip_prefix(prefix).map(str::to_owned);
            address.ok_or_else(|| format!("it said {line:?}"))
        };
        party.address = line("listening on http://")?;
        if !admin.is_empty() {
            party.admin = Some(line(admin)?);
        }
        Ok(party)
    }

    /// How many bytes of memory the process holds.
    pub(crate) fn memory(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()));
        let status = status.unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kilobytes = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
        kilobytes.map_or(0, |kilobytes: u64| kilobytes * 1024)
    }
}

impl Drop for Party {
    fn drop(&mut self) {
        // It may have ended by itself, and then there is nothing to end.
        if self.end == End::Asked {
            let id = self.child.id().to_string();
            let _ = Command::new("kill").args(["-TERM", &id]).status();
            let begin = Instant::now();
            while matches!(self.child.try_wait(), Ok(None)) && begin.elapsed() < GRACE {
                std::thread::sleep(TRY);
            }
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Where a program is, if it is installed.
pub(crate) fn installed(name: &str) -> Option<std::path::PathBuf> {
    let path = std::env::var_os("PATH")?;
    let mut places = std::env::split_paths(&path).map(|place| place.join(name));
    places.find(|place| place.is_file())
}

/// nginx as a reverse proxy with connections that are kept, where it is installed.
pub(crate) fn nginx(upstream: &str, folder: &Path) -> Result<Party, String> {
    let program = installed("nginx").ok_or("not installed")?;
    Party::told(|port| {
        let folder_name = folder.display();
        let settings = format!(
            "daemon off; pid {folder_name}/nginx.pid; error_log {folder_name}/nginx.log;\n\
             worker_processes 2;\nevents {{ worker_connections 1024; }}\n\
             http {{ access_log off; keepalive_requests 100000000;\n\
             proxy_buffers 16 8k; proxy_max_temp_file_size 0;\n\
             client_body_temp_path {folder_name}/body; proxy_temp_path {folder_name}/proxy;\n\
             fastcgi_temp_path {folder_name}/f; uwsgi_temp_path {folder_name}/u;\n\
             scgi_temp_path {folder_name}/s;\n\
             upstream service {{ server {upstream}; keepalive 128; keepalive_requests 100000000; }}\n\
             server {{ listen 127.0.0.1:{port}; location / {{ proxy_pass http://service;\n\
             proxy_http_version 1.1; proxy_set_header Connection \"\"; }} }} }}\n"
        );
        let file = folder.join("nginx.conf");
        fs::write(&file, settings).unwrap();
        let mut command = Command::new(program);
        command.arg("-c").arg(file).arg("-p").arg(folder);
        command
    })
}
