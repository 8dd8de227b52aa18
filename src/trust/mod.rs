//! Whom TLS trusts: the installation's own certificate authority, which clients are told to trust;
//! certificates and keys from files; and what the certificate of an upstream is held against.
//!
//! It makes settings for TLS. Connections are made and taken elsewhere.

mod authority;
mod bundle;
mod client;
mod pem;
mod server;
mod store;
mod validity;

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use rustls::crypto::CryptoProvider;
use thiserror::Error;

pub use authority::Authority;
pub use client::{Checked, Identity, client};
pub use server::{Issuing, from_files};
pub use store::{Clock, home};

/// What a server takes, the best first (RFC 7301).
const PROTOCOLS: [&[u8]; 2] = [b"h2", b"http/1.1"];

/// Why there can be no settings for TLS.
#[derive(Debug, Error)]
pub enum TrustError {
    /// Nothing tells where this installation's files are.
    #[error("no place for the certificate authority: set ANTIPHON_HOME, XDG_DATA_HOME or HOME")]
    Homeless,
    /// A file cannot be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file or folder cannot be written.
    #[error("cannot write {}", path.display())]
    Write {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file does not hold what it is named for.
    #[error("{}: {fault}", path.display())]
    Pem {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        fault: String,
    },
    /// A key is not that of its certificate, or is of a kind that is not known.
    #[error("{} and {} do not fit", certificate.display(), key.display())]
    Pair {
        /// The file of the certificate.
        certificate: PathBuf,
        /// The file of the key.
        key: PathBuf,
        /// Why.
        source: rustls::Error,
    },
    /// The authority cannot sign.
    #[error("cannot make a certificate")]
    Make(#[from] rcgen::Error),
    /// No random numbers are to be had.
    #[error("the system gives no random numbers")]
    Random,
    /// What the platform trusts is not known.
    #[error("cannot tell whom this system trusts")]
    Platform(#[source] rustls::Error),
    /// The library takes no such settings.
    #[error("cannot set up TLS")]
    Tls(#[from] rustls::Error),
}

/// The cryptography that all of it uses.
fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

/// So many random bytes.
fn random<const N: usize>() -> Result<[u8; N], TrustError> {
    let mut bytes = [0; N];
    let random = provider();
    random
        .secure_random
        .fill(&mut bytes)
        .map_err(|_| TrustError::Random)?;
    Ok(bytes)
}
