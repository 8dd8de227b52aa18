//! TLS: towards clients, towards the service, and the authority of an installation.

mod authority;
mod files;
mod front;
mod harness;
mod insecure;
mod service;
