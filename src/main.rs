//! The `antiphon` binary: hands the command line to [`antiphon::cli`] and ends with its exit code.

use std::process::ExitCode;

fn main() -> ExitCode {
    antiphon::cli::main()
}
