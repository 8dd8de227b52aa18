//! Certificates and keys in PEM files (RFC 7468), as users have them.
//!
//! What is wrong with a file is said in words that name it; whether a certificate is a good one is
//! seen by those to whom it is shown.

use std::fs;
use std::path::Path;

use rustls::pki_types::pem::{self, PemObject as _};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::TrustError;

/// The largest file that is read: a system's whole bundle of authorities has a few hundred KiB.
const MAX_FILE: u64 = 16 * 1024 * 1024;

/// A certificate with its private key, and the files that they are from.
pub(super) struct Pair {
    pub(super) chain: Vec<CertificateDer<'static>>,
    pub(super) key: PrivateKeyDer<'static>,
}

impl Pair {
    /// Reads the certificate, with those that stand behind it, and the key.
    pub(super) fn read(certificate: &Path, key: &Path) -> Result<Pair, TrustError> {
        Ok(Pair {
            chain: certificates(certificate)?,
            key: private_key(key)?,
        })
    }
}

/// The certificates of a file, of which there is at least one.
pub(super) fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TrustError> {
    let text = content(path)?;
    let read = CertificateDer::pem_slice_iter(&text).collect::<Result<Vec<_>, _>>();
    let found = read.map_err(|error| fault(path, &words(&error)))?;
    if found.is_empty() {
        return Err(fault(path, "there is no PEM certificate in it"));
    }
    Ok(found)
}

/// The first private key of a file.
#[allow(clippy::wildcard_enum_match_arm)] // the library may know more of them at any time
fn private_key(path: &Path) -> Result<PrivateKeyDer<'static>, TrustError> {
    let text = content(path)?;
    PrivateKeyDer::from_pem_slice(&text).map_err(|error| match error {
        pem::Error::NoItemsFound if is_encrypted(&text) => fault(
            path,
            "the private key in it is encrypted; `openssl pkey` writes it without a passphrase",
        ),
        pem::Error::NoItemsFound => fault(path, "there is no PEM private key in it"),
        error => fault(path, &words(&error)),
    })
}

/// The content of a file that is not too large.
pub(super) fn content(path: &Path) -> Result<Vec<u8>, TrustError> {
    let unreadable = |source| TrustError::Read {
        path: path.to_owned(),
        source,
    };
    if fs::metadata(path).map_err(unreadable)?.len() > MAX_FILE {
        return Err(fault(path, "it is too large to be a PEM file"));
    }
    fs::read(path).map_err(unreadable)
}

/// What is wrong with a file.
pub(super) fn fault(path: &Path, fault: &str) -> TrustError {
    TrustError::Pem {
        path: path.to_owned(),
        fault: fault.to_owned(),
    }
}

fn is_encrypted(text: &[u8]) -> bool {
    memchr::memmem::find(text, b"ENCRYPTED").is_some()
}

/// The library's own words show lines as lists of numbers.
#[allow(clippy::wildcard_enum_match_arm)] // the library may know more of them at any time
fn words(error: &pem::Error) -> String {
    let line = |line: &[u8]| String::from_utf8_lossy(line).trim_end().to_owned();
    match error {
        pem::Error::MissingSectionEnd { end_marker } => {
            format!("it ends before {:?}", line(end_marker))
        }
        pem::Error::IllegalSectionStart { line: start } => {
            format!("{:?} begins no PEM section", line(start))
        }
        error => format!("it is no PEM: {error}"),
    }
}
