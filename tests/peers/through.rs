//! Programs of others with `antiphon record` between them: what they get through it is what they get
//! without it. A browser gets it from a replay, too.

mod autobahn;
pub(crate) mod chromium;
mod grpc;
mod guarded;
mod nginx;
mod room;
mod sockets;
mod tls;

/// What installs the programs on Debian.
pub(crate) const INSTALL: &str = "apt-get install nginx-light nghttp2-client chromium curl nodejs python3 \
                       libnss3-tools default-jdk-headless";
