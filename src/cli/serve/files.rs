//! How many files a server may have open: each connection is one, and one more to the service.

use rustix::process::{Resource, getrlimit, setrlimit};

/// Takes all that the system allows. What a shell gives at first is mostly 1024, for the sake of programs
/// that wait for files by `select`; this one does not. Where it is refused, what there is has to do.
pub(super) fn allow() {
    let mut limit = getrlimit(Resource::Nofile);
    if limit.current != limit.maximum {
        limit.current = limit.maximum;
        if let Err(error) = setrlimit(Resource::Nofile, limit) {
            tracing::debug!("cannot raise the limit of open files: {error}");
        }
    }
}
