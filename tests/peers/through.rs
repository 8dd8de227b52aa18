//! Programs of others with `antiphon record` between them: what they get through it is what they get
//! without it.

mod chromium;
mod nginx;

/// What installs the programs on Debian.
const INSTALL: &str = "apt-get install nginx-light nghttp2-client chromium curl";
