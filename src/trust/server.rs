//! The settings of TLS for a server: with certificates from files, or with those that the
//! authority signs when a client asks for a name.

use std::collections::BTreeMap;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::civil::Date;
use rustls::ServerConfig;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::{CertifiedKey, SingleCertAndKey};

use super::authority::Authority;
use super::pem::Pair;
use super::store::Clock;
use super::{PROTOCOLS, TrustError, provider};

/// How many names have a certificate at hand; to sign one anew takes less than a millisecond, so
/// the limit costs little, and clients may ask for any number of names.
const MAX_CERTIFICATES: usize = 256;

/// How many local addresses have settings at hand. Few machines have more.
const MAX_ADDRESSES: usize = 64;

/// After how many days a certificate is signed anew, so that none runs out in a server that stays up.
const FRESH_DAYS: i32 = 30;

/// Gives servers certificates that the authority signs, for the name that a client asks for, or
/// else for this machine.
#[derive(Clone)]
pub struct Issuing(Arc<Shared>);

struct Shared {
    authority: Authority,
    clock: Clock,
    issued: Mutex<BTreeMap<Subject, Issued>>,
    settings: Mutex<BTreeMap<IpAddr, Arc<ServerConfig>>>,
}

/// For whom a certificate is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Subject {
    /// A name that a client asked for.
    Name(String),
    /// This machine, reached at this address.
    Machine(IpAddr),
}

struct Issued {
    on: Date,
    key: Arc<CertifiedKey>,
}

/// Finds the certificate for a connection that came in at an address.
struct Resolver {
    shared: Arc<Shared>,
    local: IpAddr,
}

impl Issuing {
    /// By this authority.
    pub fn new(authority: Authority, clock: Clock) -> Issuing {
        Issuing(Arc::new(Shared {
            authority,
            clock,
            issued: Mutex::default(),
            settings: Mutex::default(),
        }))
    }

    /// The settings for connections that come in at this address.
    pub fn settings(&self, local: IpAddr) -> Result<Arc<ServerConfig>, TrustError> {
        let local = local.to_canonical();
        let mut known = lock(&self.0.settings);
        if let Some(settings) = known.get(&local) {
            return Ok(Arc::clone(settings));
        }
        let resolver = Resolver {
            shared: Arc::clone(&self.0),
            local,
        };
        let settings = settings(Arc::new(resolver))?;
        if known.len() < MAX_ADDRESSES {
            known.insert(local, Arc::clone(&settings));
        }
        Ok(settings)
    }
}

/// The settings with this certificate, and those that stand behind it in its file, and this key.
pub fn from_files(certificate: &Path, key: &Path) -> Result<Arc<ServerConfig>, TrustError> {
    let pair = Pair::read(certificate, key)?;
    let certified = CertifiedKey::from_der(pair.chain, pair.key, &provider());
    let certified = certified.map_err(|source| TrustError::Pair {
        certificate: certificate.to_owned(),
        key: key.to_owned(),
        source,
    })?;
    settings(Arc::new(SingleCertAndKey::from(certified)))
}

fn settings(resolver: Arc<dyn ResolvesServerCert>) -> Result<Arc<ServerConfig>, TrustError> {
    let mut settings = ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_cert_resolver(resolver);
    settings.alpn_protocols = PROTOCOLS.map(<[u8]>::to_vec).to_vec();
    Ok(Arc::new(settings))
}

impl Shared {
    /// The certificate for a subject, signed now if there is none at hand.
    fn certificate(&self, subject: Subject) -> Result<Arc<CertifiedKey>, TrustError> {
        let today = (self.clock)();
        let mut issued = lock(&self.issued);
        let fresh = |known: &Issued| (today - known.on).get_days().abs() < FRESH_DAYS;
        if let Some(known) = issued.get(&subject).filter(|known| fresh(known)) {
            return Ok(Arc::clone(&known.key));
        }
        let key = match &subject {
            Subject::Name(name) if name != "localhost" => {
                self.authority.sign(&[name], &[], today)?
            }
            Subject::Name(_) | Subject::Machine(_) => {
                let mut addresses = vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()];
                if let Subject::Machine(local) = &subject
                    && !addresses.contains(local)
                {
                    addresses.push(*local);
                }
                self.authority.sign(&["localhost"], &addresses, today)?
            }
        };
        if issued.len() >= MAX_CERTIFICATES {
            // Which one goes hardly matters: it is signed anew when it is asked for.
            issued.pop_first();
        }
        let known = Issued {
            on: today,
            key: Arc::clone(&key),
        };
        issued.insert(subject, known);
        Ok(key)
    }
}

impl ResolvesServerCert for Resolver {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let subject = match hello.server_name() {
            Some(name) => Subject::Name(name.trim_end_matches('.').to_ascii_lowercase()),
            None => Subject::Machine(self.local),
        };
        let certificate = self.shared.certificate(subject);
        let failed = |error: &TrustError| tracing::debug!("no certificate for a client: {error}");
        certificate.inspect_err(failed).ok()
    }
}

impl fmt::Debug for Resolver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Resolver({})", self.local)
    }
}

/// What a mutex guards. A thread that panicked while it held the lock has left it whole.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicI8, Ordering};

    use super::*;

    #[test]
    fn certificates_are_signed_once_each_and_anew_before_they_run_out() {
        let folder = tempfile::tempdir().unwrap();
        let month = Arc::new(AtomicI8::new(3));
        let now = Arc::clone(&month);
        let clock: Clock = Arc::new(move || jiff::civil::date(2026, now.load(Ordering::SeqCst), 1));
        let authority = Authority::open(folder.path(), &clock).unwrap();
        let issuing = Issuing::new(authority, clock);
        let ask = |name: &str| {
            let subject = Subject::Name(name.to_owned());
            issuing.0.certificate(subject).unwrap()
        };
        let first = ask("a.example");
        assert!(Arc::ptr_eq(&first, &ask("a.example")));
        assert!(!Arc::ptr_eq(&first, &ask("b.example")));
        month.store(4, Ordering::SeqCst);
        let second = ask("a.example");
        assert!(!Arc::ptr_eq(&first, &second));
        for number in 0..2 * MAX_CERTIFICATES {
            ask(&format!("n{number}.example"));
        }
        assert_eq!(lock(&issuing.0.issued).len(), MAX_CERTIFICATES);
        let bad = issuing.0.certificate(Subject::Name("ü".to_owned()));
        assert!(bad.is_err());
    }

    #[test]
    fn settings_are_made_once_for_an_address() {
        let folder = tempfile::tempdir().unwrap();
        let clock: Clock = Arc::new(|| jiff::civil::date(2026, 3, 1));
        let authority = Authority::open(folder.path(), &clock).unwrap();
        let issuing = Issuing::new(authority, clock);
        let settings = |address: &str| issuing.settings(address.parse().unwrap()).unwrap();
        assert!(Arc::ptr_eq(
            &settings("127.0.0.1"),
            &settings("::ffff:127.0.0.1")
        ));
        for last in 0..=MAX_ADDRESSES {
            settings(&format!("10.0.0.{last}"));
        }
        assert_eq!(lock(&issuing.0.settings).len(), MAX_ADDRESSES);
    }
}
