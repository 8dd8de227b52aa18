//! The flags for TLS, towards clients and towards a service, and what they mean.

use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context as _, anyhow};

use crate::listen;
use crate::proxy::{self, Origin};
use crate::tape::Trust;
use crate::trust::{self, Authority, Checked, Clock, Identity, Issuing, TrustError};

use super::exit::{Because as _, Failure, Trouble};

/// What is said where a service's certificate is not checked, at the start and in the end.
pub(super) const INSECURE: &str =
    "insecure: the certificate of the service is not checked (--upstream-insecure)";

/// TLS towards clients.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "TLS towards clients")]
pub(super) struct FrontFlags {
    /// Speak TLS, with certificates of this installation's own authority for whatever name a client
    /// asks for. `antiphon ca` tells how clients come to trust it.
    #[arg(long, env = "ANTIPHON_TLS")]
    tls: bool,

    /// Speak TLS with the certificate in this PEM file, and those that stand behind it there.
    #[arg(
        long,
        value_name = "FILE",
        requires = "tls_key",
        env = "ANTIPHON_TLS_CERT"
    )]
    tls_cert: Option<PathBuf>,

    /// The private key of --tls-cert, a PEM file.
    #[arg(
        long,
        value_name = "FILE",
        requires = "tls_cert",
        env = "ANTIPHON_TLS_KEY"
    )]
    tls_key: Option<PathBuf>,
}

/// TLS towards the service.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "TLS towards the service")]
#[allow(clippy::struct_field_names)] // each has the name of its flag
pub(super) struct ServiceFlags {
    /// Trust the certificates in this PEM file, of authorities or of the service itself, and not what
    /// this system trusts.
    #[arg(long, value_name = "FILE", env = "ANTIPHON_UPSTREAM_CA")]
    upstream_ca: Option<PathBuf>,

    /// Take any certificate, so that anybody may pose as the service. The tape and the summary say so.
    #[arg(
        long,
        conflicts_with = "upstream_ca",
        env = "ANTIPHON_UPSTREAM_INSECURE"
    )]
    upstream_insecure: bool,

    /// Show the service the certificate in this PEM file, should it want one.
    #[arg(
        long,
        value_name = "FILE",
        requires = "upstream_key",
        env = "ANTIPHON_UPSTREAM_CERT"
    )]
    upstream_cert: Option<PathBuf>,

    /// The private key of --upstream-cert, a PEM file.
    #[arg(
        long,
        value_name = "FILE",
        requires = "upstream_cert",
        env = "ANTIPHON_UPSTREAM_KEY"
    )]
    upstream_key: Option<PathBuf>,
}

/// What clients meet.
#[derive(Clone, Debug)]
pub(super) struct Front {
    pub(super) wire: listen::Wire,
    /// The certificate of the authority that they have to trust for it.
    authority: Option<PathBuf>,
}

/// A service, and how it is spoken to.
#[derive(Clone, Debug)]
pub(super) struct Service {
    pub(super) origin: Origin,
    pub(super) wire: proxy::Wire,
    pub(super) trust: Trust,
}

impl FrontFlags {
    /// What clients meet. Makes the authority, where it is wanted and there is none.
    pub(super) fn front(&self) -> Result<Front, Failure> {
        if let (Some(certificate), Some(key)) = (&self.tls_cert, &self.tls_key) {
            let settings = trust::from_files(certificate, key);
            let settings = settings
                .context("--tls-cert and --tls-key")
                .because(Trouble::Usage)?;
            let settings = move |_: IpAddr| Ok(Arc::clone(&settings));
            return Ok(Front {
                wire: listen::Wire::Tls(listen::Tls::new(settings)),
                authority: None,
            });
        }
        if !self.tls {
            return Ok(Front {
                wire: listen::Wire::Plain,
                authority: None,
            });
        }
        let authority = authority()?;
        let path = authority.path().to_owned();
        let issuing = Issuing::new(authority, clock());
        let settings = move |local: IpAddr| issuing.settings(local).map_err(std::io::Error::other);
        Ok(Front {
            wire: listen::Wire::Tls(listen::Tls::new(settings)),
            authority: Some(path),
        })
    }
}

impl Front {
    /// What the URLs of a server here begin with.
    pub(super) fn scheme(&self) -> &'static str {
        self.wire.scheme().name()
    }

    /// The certificate of the authority that clients have to trust, where it is this installation's.
    pub(super) fn authority(&self) -> Option<&PathBuf> {
        self.authority.as_ref()
    }
}

impl ServiceFlags {
    /// The service at this origin; `plain` is how it is spoken to without TLS, where that is asked
    /// for.
    pub(super) fn service(
        &self,
        origin: Origin,
        plain: Option<proxy::Wire>,
    ) -> anyhow::Result<Service> {
        let (wire, trust) = match (origin.scheme(), plain) {
            (proxy::Scheme::Http, plain) => {
                if let Some(flag) = self.given() {
                    return Err(anyhow!("{flag} needs a service of https://, not {origin}"));
                }
                (plain.unwrap_or_default(), Trust::Checked)
            }
            (proxy::Scheme::Https, Some(_)) => {
                return Err(anyhow!(
                    "--upstream-http2 is for a service without TLS; over TLS it chooses itself"
                ));
            }
            (proxy::Scheme::Https, None) => (proxy::Wire::Tls(self.client()?), self.trust()),
        };
        Ok(Service {
            origin,
            wire,
            trust,
        })
    }

    /// The first flag that is given, if any is.
    pub(super) fn given(&self) -> Option<&'static str> {
        let given = [
            ("--upstream-ca", self.upstream_ca.is_some()),
            ("--upstream-insecure", self.upstream_insecure),
            ("--upstream-cert", self.upstream_cert.is_some()),
        ];
        given
            .iter()
            .find(|(_, given)| *given)
            .map(|(flag, _)| *flag)
    }

    fn client(&self) -> anyhow::Result<Arc<rustls::ClientConfig>> {
        let checked = match &self.upstream_ca {
            _ if self.upstream_insecure => Checked::Never,
            Some(path) => Checked::ByBundle(path.clone()),
            None => Checked::ByPlatform,
        };
        let identity = self.upstream_cert.clone().zip(self.upstream_key.clone());
        let identity = identity.map(|(certificate, key)| Identity { certificate, key });
        trust::client(&checked, identity.as_ref()).context("TLS towards the service")
    }

    fn trust(&self) -> Trust {
        if self.upstream_insecure {
            Trust::Insecure
        } else {
            Trust::Checked
        }
    }
}

/// The authority of this installation, made now if there is none.
pub(super) fn authority() -> Result<Authority, Failure> {
    let home = trust::home(|name| std::env::var_os(name)).because(Trouble::Usage)?;
    let home = std::path::absolute(home).because(Trouble::Usage)?;
    let opened = Authority::open(&home, &clock());
    let trouble = match &opened {
        Err(TrustError::Read { .. } | TrustError::Write { .. } | TrustError::Random) => Trouble::Io,
        _ => Trouble::Usage,
    };
    opened.context("the certificate authority").because(trouble)
}

/// Who a request is from, for a proxy.
pub(super) fn caller(peer: &listen::Peer) -> proxy::Caller {
    proxy::Caller {
        connection: peer.connection,
        address: peer.address.ip(),
        scheme: scheme(peer.scheme),
    }
}

/// A scheme in the words of a proxy.
pub(super) fn scheme(scheme: listen::Scheme) -> proxy::Scheme {
    match scheme {
        listen::Scheme::Http => proxy::Scheme::Http,
        listen::Scheme::Https => proxy::Scheme::Https,
    }
}

fn clock() -> Clock {
    Arc::new(|| {
        let now = jiff::Timestamp::now();
        now.to_zoned(jiff::tz::TimeZone::UTC).date()
    })
}
