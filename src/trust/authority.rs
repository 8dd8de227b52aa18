//! The installation's own certificate authority: what it is, and the certificates that it signs.
//!
//! Where it is kept stands in `store`; when which certificate is signed, in `server`.

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use jiff::ToSpan as _;
use jiff::civil::Date;
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, KeyUsagePurpose, SanType, SerialNumber, date_time_ymd,
};
use rustls::RootCertStore;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::sign::CertifiedKey;

use super::{TrustError, provider, random};

/// How many years the authority lasts; to make clients trust another one is work for people.
const AUTHORITY_YEARS: i32 = 10;

/// How many days a certificate of it lasts: less than the 398 that some clients take at most. A
/// server makes a new one long before.
const CERTIFICATE_DAYS: i32 = 90;

/// How many days before it is made a certificate holds, for clients whose clocks are behind.
const GRACE_DAYS: i32 = 2;

/// A certificate authority of this installation.
pub struct Authority {
    /// The file of its certificate.
    path: PathBuf,
    pem: String,
    issuer: Issuer<'static, KeyPair>,
    /// The key of all certificates that it signs in this process.
    leaf_key: KeyPair,
}

impl Authority {
    /// An authority from its files, whose certificate and key must fit.
    pub(super) fn of(
        path: PathBuf,
        pem: String,
        chain: Vec<CertificateDer<'static>>,
        key: KeyPair,
        key_path: &Path,
    ) -> Result<Authority, TrustError> {
        // Any day does: it is not said again how long the authority itself holds.
        let today = jiff::civil::date(2020, 1, 1);
        let authority = Authority {
            issuer: Issuer::new(own(today, &key)?, key),
            leaf_key: KeyPair::generate()?,
            pem,
            path,
        };
        let fits = authority.signs_for(chain, today);
        fits.map_err(|source| TrustError::Pair {
            certificate: authority.path.clone(),
            key: key_path.to_owned(),
            source,
        })?;
        Ok(authority)
    }

    /// The file of its certificate.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Its certificate.
    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// A certificate for a server of these names and addresses, with its key.
    pub(super) fn sign(
        &self,
        names: &[&str],
        addresses: &[IpAddr],
        today: Date,
    ) -> Result<Arc<CertifiedKey>, TrustError> {
        let names: Vec<String> = names.iter().map(ToString::to_string).collect();
        let mut leaf = CertificateParams::new(names)?;
        let addresses = addresses.iter().map(|address| SanType::IpAddress(*address));
        leaf.subject_alt_names.extend(addresses);
        leaf.distinguished_name = name("antiphon");
        leaf.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        leaf.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        leaf.use_authority_key_identifier_extension = true;
        // Without one it would be made of the key, and be the same for all: NSS refuses that.
        leaf.serial_number = Some(serial()?);
        let (from, to) = (days(today, -GRACE_DAYS), days(today, CERTIFICATE_DAYS));
        hold(&mut leaf, from, to);
        let certificate = leaf.signed_by(&self.leaf_key, &self.issuer)?;
        let key = PrivateKeyDer::try_from(self.leaf_key.serialize_der())
            .map_err(|words| TrustError::Tls(rustls::Error::General(words.to_owned())))?;
        let chain = vec![certificate.der().clone()];
        Ok(Arc::new(CertifiedKey::from_der(chain, key, &provider())?))
    }

    /// Whether a client that trusts these certificates takes what this authority signs.
    fn signs_for(
        &self,
        chain: Vec<CertificateDer<'static>>,
        today: Date,
    ) -> Result<(), rustls::Error> {
        let general = |error: TrustError| rustls::Error::General(error.to_string());
        let mut roots = RootCertStore::empty();
        for certificate in chain {
            roots.add(certificate)?;
        }
        let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider())
            .build()
            .map_err(|error| rustls::Error::General(error.to_string()))?;
        let leaf = self.sign(&["localhost"], &[], today).map_err(general)?;
        let host = ServerName::try_from("localhost")
            .map_err(|error| rustls::Error::General(error.to_string()))?;
        verifier
            .verify_server_cert(leaf.end_entity_cert()?, &[], &host, &[], noon(today))
            .map(|_| ())
    }
}

/// Makes an authority: its certificate and its private key, as PEM.
pub(super) fn make(today: Date) -> Result<(String, String), TrustError> {
    let key = KeyPair::generate()?;
    let certificate = own(today, &key)?.self_signed(&key)?;
    Ok((certificate.pem(), key.serialize_pem()))
}

/// What an authority with this key says of itself. Its name is made of the key, so that no two are
/// taken for one another.
fn own(today: Date, key: &KeyPair) -> Result<CertificateParams, TrustError> {
    let mut own = CertificateParams::new(Vec::new())?;
    let digest = blake3::hash(key.public_key_raw()).to_hex();
    let mark: String = digest.chars().take(8).collect();
    own.distinguished_name = name(&format!("antiphon local CA {mark}"));
    // It signs servers only, and no other authority.
    own.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    own.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    own.serial_number = Some(serial()?);
    let end = today.checked_add(AUTHORITY_YEARS.years()).unwrap_or(today);
    hold(&mut own, days(today, -GRACE_DAYS), end);
    Ok(own)
}

fn name(common: &str) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    name.push(DnType::OrganizationName, "antiphon");
    if common != "antiphon" {
        name.push(DnType::CommonName, common);
    }
    name
}

/// A random serial number (RFC 5280 §4.1.2.2: positive, at most 20 bytes).
fn serial() -> Result<SerialNumber, TrustError> {
    let mut bytes: [u8; 16] = random()?;
    if let Some(first) = bytes.first_mut() {
        *first = (*first & 0x7f) | 0x40;
    }
    Ok(SerialNumber::from_slice(&bytes))
}

fn days(from: Date, days: i32) -> Date {
    from.checked_add(days.days()).unwrap_or(from)
}

/// Says from when to when a certificate holds.
fn hold(certificate: &mut CertificateParams, from: Date, to: Date) {
    // Months and days are never negative.
    let midnight = |day: Date| {
        let (month, day_of_month) = (day.month().unsigned_abs(), day.day().unsigned_abs());
        date_time_ymd(i32::from(day.year()), month, day_of_month)
    };
    certificate.not_before = midnight(from);
    certificate.not_after = midnight(to);
}

fn noon(day: Date) -> UnixTime {
    let noon = day.at(12, 0, 0, 0).to_zoned(jiff::tz::TimeZone::UTC);
    let seconds = noon.map_or(0, |noon| noon.timestamp().as_second());
    UnixTime::since_unix_epoch(Duration::from_secs(seconds.unsigned_abs()))
}
