//! Where the authority is kept, and how it comes there: made on first use, whole or not at all.
//!
//! A folder with both files is made under a name of its own and then renamed. Of many programs that
//! do so at once, one succeeds, and the others take what it made.

use std::ffi::OsString;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rcgen::KeyPair;

use super::authority::{self, Authority};
use super::pem;
use super::{TrustError, random};

/// The folder of the authority, under that of the installation.
const FOLDER: &str = "ca";

/// The certificate, which is for everybody.
const CERTIFICATE: &str = "ca.pem";

/// The private key, which is for nobody else.
const KEY: &str = "ca-key.pem";

/// Tells the day, in UTC.
pub type Clock = Arc<dyn Fn() -> jiff::civil::Date + Send + Sync>;

/// Where this installation keeps its files: `$ANTIPHON_HOME`, else `$XDG_DATA_HOME/antiphon`, else
/// `~/.local/share/antiphon` (XDG Base Directory Specification, which has relative paths ignored).
pub fn home(variable: impl Fn(&str) -> Option<OsString>) -> Result<PathBuf, TrustError> {
    let set = |name: &str| variable(name).filter(|value| !value.is_empty());
    let absolute = |name: &str| {
        let path = set(name).map(PathBuf::from);
        path.filter(|path| path.is_absolute())
    };
    if let Some(home) = set("ANTIPHON_HOME") {
        return Ok(home.into());
    }
    absolute("XDG_DATA_HOME")
        .or_else(|| absolute("HOME").map(|home| home.join(".local/share")))
        .map(|data| data.join("antiphon"))
        .ok_or(TrustError::Homeless)
}

impl Authority {
    /// The authority of the installation at `home`, made now if there is none.
    pub fn open(home: &Path, clock: &Clock) -> Result<Authority, TrustError> {
        let folder = home.join(FOLDER);
        if !folder.is_dir() {
            make(home, &folder, clock)?;
        }
        load(&folder)
    }
}

fn load(folder: &Path) -> Result<Authority, TrustError> {
    let (certificate, key) = (folder.join(CERTIFICATE), folder.join(KEY));
    let text = pem::content(&certificate)?;
    let text = String::from_utf8(text).map_err(|_| pem::fault(&certificate, "it is no text"))?;
    let chain = pem::certificates(&certificate)?;
    let secret = pem::content(&key)?;
    let mode = fs::metadata(&key).map_or(0, |known| known.mode());
    if mode & 0o077 != 0 {
        let fault = format!(
            "others may read this private key (mode {:03o}); `chmod 600` it",
            mode & 0o777
        );
        return Err(pem::fault(&key, &fault));
    }
    let secret = String::from_utf8_lossy(&secret);
    let pair = KeyPair::from_pem(&secret)
        .map_err(|error| pem::fault(&key, &format!("it is no private key: {error}")))?;
    Authority::of(certificate, text, chain, pair, &key)
}

/// Makes the folder of the authority, unless somebody else is faster.
fn make(home: &Path, folder: &Path, clock: &Clock) -> Result<(), TrustError> {
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |source| TrustError::Write { path, source }
    };
    let mut private = DirBuilder::new();
    private.mode(0o700).recursive(true);
    private.create(home).map_err(failed(home))?;
    let (certificate, key) = authority::make(clock())?;
    let name = u64::from_le_bytes(random()?);
    let draft = home.join(format!(".{FOLDER}-{name:016x}"));
    private
        .recursive(false)
        .create(&draft)
        .map_err(failed(&draft))?;
    let made = write(&draft.join(CERTIFICATE), 0o644, &certificate)
        .and_then(|()| write(&draft.join(KEY), 0o600, &key))
        .and_then(|()| File::open(&draft)?.sync_all())
        .and_then(|()| fs::rename(&draft, folder));
    let result = match made {
        Ok(()) => File::open(home).and_then(|home| home.sync_all()),
        Err(error) => {
            // Nothing is lost if it stays, but it holds a key that nobody needs.
            let _ = fs::remove_dir_all(&draft);
            if folder.is_dir() { Ok(()) } else { Err(error) }
        }
    };
    result.map_err(failed(folder))
}

fn write(path: &Path, mode: u32, text: &str) -> io::Result<()> {
    let mut options = OpenOptions::new();
    let mut file = options.write(true).create_new(true).mode(mode).open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clock() -> Clock {
        Arc::new(|| jiff::civil::date(2026, 3, 1))
    }

    #[test]
    fn where_an_installation_keeps_its_files() {
        type Variables = &'static [(&'static str, &'static str)];
        let cases: &[(Variables, Option<&str>)] = &[
            (&[("ANTIPHON_HOME", "a"), ("HOME", "/h")], Some("a")),
            (
                &[("XDG_DATA_HOME", "/d"), ("HOME", "/h")],
                Some("/d/antiphon"),
            ),
            (
                &[
                    ("ANTIPHON_HOME", ""),
                    ("XDG_DATA_HOME", "d"),
                    ("HOME", "/h"),
                ],
                Some("/h/.local/share/antiphon"),
            ),
            (&[("HOME", "h")], None),
            (&[], None),
        ];
        for (variables, expected) in cases {
            let variable = |name: &str| {
                let found = variables.iter().find(|(known, _)| *known == name);
                found.map(|(_, value)| OsString::from(value))
            };
            let found = home(variable).ok();
            assert_eq!(found.as_deref(), expected.map(Path::new), "{variables:?}");
        }
    }

    #[test]
    fn many_at_once_make_one_authority() {
        let folder = tempfile::tempdir().unwrap();
        let home = folder.path().join("deep/home");
        let start = std::sync::Barrier::new(8);
        let open = || {
            start.wait();
            Authority::open(&home, &clock()).unwrap().pem().to_owned()
        };
        let found: Vec<String> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8).map(|_| scope.spawn(open)).collect();
            threads
                .into_iter()
                .map(|thread| thread.join().unwrap())
                .collect()
        });
        assert!(found.iter().all(|pem| *pem == found[0]));
        let left: Vec<_> = fs::read_dir(&home).unwrap().collect();
        assert_eq!(left.len(), 1, "no draft stays: {left:?}");
        let mode = |path: &str| fs::metadata(home.join(path)).unwrap().mode() & 0o777;
        assert_eq!(
            (mode(""), mode("ca"), mode("ca/ca-key.pem")),
            (0o700, 0o700, 0o600)
        );
    }

    #[test]
    fn files_that_do_not_fit_are_named() {
        let folder = tempfile::tempdir().unwrap();
        let open = || Authority::open(folder.path(), &clock());
        open().unwrap();
        let said = || match open() {
            Ok(_) => panic!("it opened"),
            Err(error) => error.to_string(),
        };
        let key = folder.path().join("ca/ca-key.pem");
        let (_, other) = authority::make(clock()()).unwrap();
        fs::write(&key, other).unwrap();
        assert!(said().ends_with("ca-key.pem do not fit"), "{}", said());
        fs::write(&key, "x").unwrap();
        assert!(
            said().contains("ca-key.pem: it is no private key"),
            "{}",
            said()
        );
        let mut mode = fs::metadata(&key).unwrap().permissions();
        std::os::unix::fs::PermissionsExt::set_mode(&mut mode, 0o640);
        fs::set_permissions(&key, mode).unwrap();
        assert!(said().contains("mode 640"), "{}", said());
        fs::remove_file(&key).unwrap();
        assert!(said().contains("cannot read"), "{}", said());
        fs::write(folder.path().join("ca/ca.pem"), "x").unwrap();
        assert!(said().contains("no PEM certificate"), "{}", said());
    }
}
