//! The command line: parses the words, wires the modules together, and turns what comes of it into
//! an exit code. What a command does stands in the module that owns it.
//!
//! stdout carries data and stderr carries words.

mod ca;
mod config;
mod diff;
mod exit;
mod format;
mod forward;
mod import;
mod normalize;
mod output;
mod record;
mod redact;
mod redaction;
mod replay;
mod serve;
mod show;
mod tapes;
mod tls;
mod verify;

use std::env;
use std::process::ExitCode;

use clap::error::{ContextKind, ContextValue};
use clap::{Parser, Subcommand};

/// Record the conversations of notification-driven HTTP services, and replay them.
#[derive(Debug, Parser)]
#[command(version, about, max_term_width = 100, after_help = EXAMPLES)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

const EXAMPLES: &str = "\
Examples:
  antiphon record --upstream http://HOST     write what passes between clients and a service
  antiphon replay                            serve the conversation that antiphon carries in itself
  antiphon normalize sample.txt              make exact JSON of a sample that Python printed
  antiphon import page.txt -o chat.tape      make a tape of an API page
  antiphon verify chat.tape                  play a tape to itself: is it the same each time?
  antiphon diff monday.tape tuesday.tape     find what two recordings differ in
  antiphon redact --check chat.tape          find what looks secret on a tape
  antiphon show chat.tape                    see who said what, and because of what
  antiphon ca                                have clients trust what --tls shows them

Exit codes: 0 done; 1 a difference, a miss or an unreadable sample; 2 wrong usage or
configuration; 3 a tape that cannot be read; 4 I/O or bind trouble.";

#[derive(Debug, Subcommand)]
enum Command {
    Normalize(normalize::Normalize),
    Import(import::Import),
    Show(show::Show),
    Format(format::Format),
    Diff(diff::Diff),
    Record(Box<record::Record>),
    Redact(redact::Redact),
    Replay(Box<replay::Replay>),
    Verify(verify::Verify),
    Ca(ca::Ca),
}

/// The variable whose value is wrong, where that is no flag's on the command line. The message has the flag only.
fn variable(error: &clap::Error) -> Option<String> {
    let ContextValue::String(flag) = error.get(ContextKind::InvalidArg)? else {
        return None;
    };
    let name = flag.strip_prefix("--")?.split_whitespace().next()?;
    // One flag with a variable has a short form, too.
    let is_given = env::args_os().any(|argument| {
        let argument = argument.to_str().unwrap_or_default();
        let long = argument
            .strip_prefix("--")
            .map(|given| given.split('=').next());
        long == Some(Some(name)) || (name == "output" && argument.starts_with("-o"))
    });
    let variable = config::variable(name);
    (!is_given && env::var_os(&variable).is_some()).then_some(variable)
}

/// Runs the command line of this process.
pub fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            // Whoever cannot be told by this cannot be told at all.
            let _ = error.print();
            if let Some(variable) = variable(&error) {
                output::say(&format!("the value comes from {variable}"));
            }
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(u8::MAX));
        }
    };
    replay::log();
    let result = match arguments.command {
        Command::Normalize(command) => command.run(),
        Command::Import(command) => command.run(),
        Command::Show(command) => command.run(),
        Command::Format(command) => command.run(),
        Command::Diff(command) => command.run(),
        Command::Record(command) => command.run(),
        Command::Redact(command) => command.run(),
        Command::Replay(command) => command.run(),
        Command::Verify(command) => command.run(),
        Command::Ca(command) => command.run(),
    };
    match result {
        Ok(outcome) => outcome.code(),
        Err(failure) => {
            output::say(&format!("error: {failure}"));
            failure.code()
        }
    }
}
