//! The settings of TLS towards an upstream: what its certificate is held against, and the one that
//! it may ask for.

use std::path::PathBuf;
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, SignatureScheme};
use rustls_platform_verifier::Verifier;

use super::bundle::Bundle;
use super::pem::Pair;
use super::{TrustError, provider};

/// What an upstream's certificate is held against.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Checked {
    /// What this system trusts.
    #[default]
    ByPlatform,
    /// The certificates in this PEM file, and no others: of authorities, or of servers themselves.
    ByBundle(PathBuf),
    /// Nothing: anybody may be the upstream.
    Never,
}

/// The certificate with which an upstream is told who asks, and its key: PEM files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The certificate, and those that stand behind it.
    pub certificate: PathBuf,
    /// Its private key.
    pub key: PathBuf,
}

/// The settings. No protocol is offered in them: who connects knows which.
pub fn client(
    checked: &Checked,
    identity: Option<&Identity>,
) -> Result<Arc<ClientConfig>, TrustError> {
    let verifier: Arc<dyn ServerCertVerifier> = match checked {
        Checked::ByPlatform => Arc::new(Verifier::new(provider()).map_err(TrustError::Platform)?),
        Checked::ByBundle(path) => Arc::new(Bundle::read(path)?),
        Checked::Never => Arc::new(Anybody(provider())),
    };
    let settings = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()?
        .dangerous()
        .with_custom_certificate_verifier(verifier);
    let settings = match identity {
        None => settings.with_no_client_auth(),
        Some(Identity { certificate, key }) => {
            let pair = Pair::read(certificate, key)?;
            let with = settings.with_client_auth_cert(pair.chain, pair.key);
            with.map_err(|source| TrustError::Pair {
                certificate: certificate.clone(),
                key: key.clone(),
                source,
            })?
        }
    };
    Ok(Arc::new(settings))
}

/// Takes any certificate of anybody, who must have its key all the same.
#[derive(Debug)]
struct Anybody(Arc<CryptoProvider>);

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signed, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
