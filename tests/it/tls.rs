//! TLS: towards clients, towards the service, and the authority of an installation.

mod authority;
mod ends;
mod files;
mod front;
mod harness;
mod insecure;
mod service;
mod sockets;
