//! `antiphon ca`: the authority that signs the certificates of `--tls`, and how clients trust it.

use super::exit::{Failure, Outcome};
use super::{output, tls};

/// Print where the certificate authority of this installation is, and how clients come to trust it.
///
/// It is made if there is none: for this installation alone, with a private key that nobody else may
/// read.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Ca {
    /// Print the certificate itself.
    #[arg(long)]
    pem: bool,
}

const EXAMPLES: &str = "\
Examples:
  antiphon ca                                         its path, and lines for common clients
  curl --cacert \"$(antiphon ca)\" https://127.0.0.1:8080/
  antiphon ca --pem | docker exec -i web sh -c 'cat > /tmp/antiphon.pem'

The path goes to stdout and the lines to stderr. The authority is kept in $ANTIPHON_HOME, else in
$XDG_DATA_HOME/antiphon, else in ~/.local/share/antiphon. Remove its folder, `ca`, for another one.";

impl Ca {
    pub(super) fn run(&self) -> Result<Outcome, Failure> {
        let authority = tls::authority()?;
        if self.pem {
            output::data(authority.pem())?;
            return Ok(Outcome::Done);
        }
        let path = authority.path().display().to_string();
        output::say(&trusting(&output::quoted(&path)));
        output::data(&format!("{path}\n"))?;
        Ok(Outcome::Done)
    }
}

/// The lines that make clients trust the certificate at a path that is quoted for a shell.
fn trusting(path: &str) -> String {
    format!(
        "\
# curl
curl --cacert {path} https://127.0.0.1:8080/
# Node.js
export NODE_EXTRA_CA_CERTS={path}
# Python: ssl and urllib; requests
export SSL_CERT_FILE={path}
export REQUESTS_CA_BUNDLE={path}
# Java: a trust store, and the options that have it used
keytool -importcert -noprompt -alias antiphon -file {path} -keystore antiphon.p12 -storetype PKCS12 -storepass changeit
export JAVA_TOOL_OPTIONS='-Djavax.net.ssl.trustStore=antiphon.p12 -Djavax.net.ssl.trustStorePassword=changeit'
# Chromium and Chrome on Linux (libnss3-tools)
mkdir -p ~/.pki/nssdb
certutil -d sql:$HOME/.pki/nssdb -A -t C,, -n antiphon -i {path}
# Firefox, with the folder of its profile
certutil -d sql:PROFILE -A -t C,, -n antiphon -i {path}
# all of a Debian or Ubuntu system
sudo cp {path} /usr/local/share/ca-certificates/antiphon.crt && sudo update-ca-certificates"
    )
}
