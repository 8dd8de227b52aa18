//! `antiphon import`: pages in, a tape out, and a word about everything that was changed or left out.

mod report;

use std::fs;
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow, ensure};

use crate::bayeux::Pattern;
use crate::exchange::counted;
use crate::importer::{self, MOST_BYTES, Page, Settings};
use crate::tape::{self, Layout};

use super::config::ConfigFlag;
use super::exit::{Because as _, Failure, Outcome, Trouble};
use super::{output, tapes};
use report::{closing, explain, report, summary};

/// Make a tape of pages of API documentation.
///
/// A page is plain text (as pdftotext makes it) or HTML. Its request, response and notifications
/// become the conversation on the tape, its parameter table the contract. Every repair of a damaged
/// sample is reported with its place on the page and kept on the tape.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Import {
    /// The pages, in the order in which they happen; `-` reads stdin.
    #[arg(required = true, value_name = "PAGE")]
    pages: Vec<PathBuf>,
    /// Where the tape goes; `-` is stdout [default: recordings/TITLE.tape].
    #[arg(short, long, value_name = "TAPE")]
    output: Option<PathBuf>,
    /// Replace a tape that is there and differs.
    #[arg(long)]
    force: bool,
    /// Refuse every repair: report them all and write nothing.
    #[arg(long)]
    strict: bool,
    /// Write a summary for programs to stdout.
    #[arg(long)]
    json: bool,
    /// The channel of notifications whose sample names none [default: by the URL, such as /v2/me/chats].
    #[arg(long, value_name = "CHANNEL", env = "ANTIPHON_CHANNEL")]
    channel: Option<String>,
    /// The path of the Bayeux endpoint [default: by the URL, such as /api/v2/notifications].
    #[arg(long, value_name = "PATH", env = "ANTIPHON_ENDPOINT")]
    endpoint: Option<String>,
    /// The tape's title [default: the pages' titles].
    #[arg(long)]
    title: Option<String>,
    /// Where the tape says that it came from [default: the pages' file names].
    #[arg(long)]
    source: Option<String>,
    #[command(flatten)]
    config: ConfigFlag,
}

const EXAMPLES: &str = "\
Examples:
  antiphon import page.txt                       write recordings/TITLE.tape
  antiphon import page.html -o chat.tape         an HTML page
  antiphon import invite.txt remove.txt -o -     one tape of two pages, to stdout
  pdftotext page.pdf - | antiphon import - --strict";

impl Import {
    pub(super) fn run(self) -> Result<Outcome, Failure> {
        let to_stdout = self.output.as_deref().is_some_and(tapes::is_piped);
        if to_stdout && self.json {
            return Err(anyhow!("the tape and the summary cannot both go to stdout"))
                .because(Trouble::Usage);
        }
        let settings = self.settings()?;
        let pages = self
            .pages
            .iter()
            .map(|path| Ok((tapes::name(path), content(path)?)))
            .collect::<Result<Vec<_>, Failure>>()?;
        let pages: Vec<Page<'_>> = pages
            .iter()
            .map(|(name, bytes)| Page { name, bytes })
            .collect();
        let imported = match importer::import(&pages, &settings) {
            Ok(imported) => imported,
            Err(error) => {
                explain(&error);
                return Ok(Outcome::Different);
            }
        };
        report(&imported);
        let repairs: usize = imported.remarks.iter().map(|page| page.repairs.len()).sum();
        if self.strict && repairs > 0 {
            let repairs = counted(repairs, "repair");
            output::say(&format!(
                "error: {repairs} refused by --strict; no tape was written"
            ));
            return Ok(Outcome::Different);
        }
        let path = self
            .output
            .unwrap_or_else(|| Path::new(FOLDER).join(file_name(&imported.tape.header.title)));
        let text = imported.tape.write(Layout::Pretty);
        if to_stdout {
            output::data(&text)?;
        } else {
            save(
                &path,
                &text,
                if self.force {
                    Existing::Replace
                } else {
                    Existing::Keep
                },
            )?;
        }
        output::say(&closing(&imported, &path));
        if self.json {
            let summary = serde_json::to_string(&summary(&imported, &path))
                .context("cannot write the summary")
                .because(Trouble::Io)?;
            output::data(&format!("{summary}\n"))?;
        }
        Ok(Outcome::Done)
    }

    /// What the flags and the settings file say of the pages.
    fn settings(&self) -> Result<Settings, Failure> {
        let file = self.config.read()?;
        let pick = |flag, value: &Option<String>, field, configured, check: Check| {
            let picked = self
                .config
                .pick((flag, value.as_ref()), (field, configured));
            picked
                .map(|picked| -> anyhow::Result<String> {
                    check(&picked.value).context(picked.origin)?;
                    Ok(picked.value)
                })
                .transpose()
                .because(Trouble::Usage)
        };
        Ok(Settings {
            channel: pick(
                "--channel",
                &self.channel,
                "channel",
                file.channel,
                check_channel,
            )?,
            endpoint: pick(
                "--endpoint",
                &self.endpoint,
                "endpoint",
                file.endpoint,
                check_endpoint,
            )?,
            title: self.title.clone(),
            source: self.source.clone(),
        })
    }
}

/// Says what is wrong with the value of a setting.
type Check = fn(&str) -> anyhow::Result<()>;

/// Refuses what no subscription can match, and patterns, which no event is sent on (Bayeux §2.2).
fn check_channel(channel: &str) -> anyhow::Result<()> {
    let is_channel = Pattern::parse(channel).is_some() && !channel.contains('*');
    ensure!(
        is_channel,
        "{channel:?} is no channel: it must begin with a slash, have no empty segment and no \
         wildcard, such as /v2/me/chats"
    );
    Ok(())
}

/// Refuses what cannot be the path of a request (RFC 9112 §3.2.1).
fn check_endpoint(endpoint: &str) -> anyhow::Result<()> {
    let is_path = endpoint.starts_with('/')
        && !endpoint.starts_with("//")
        && !endpoint.contains(|c: char| c.is_whitespace() || c.is_control() || "?#".contains(c));
    ensure!(
        is_path,
        "{endpoint:?} is no path: it must begin with one slash and have neither query nor blanks, \
         such as /api/v2/notifications"
    );
    Ok(())
}

/// The folder that tapes are kept in.
const FOLDER: &str = "recordings";

/// What becomes of a tape that is there already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Existing {
    Keep,
    Replace,
}

/// The bytes of a page. One byte more than the importer takes is enough to be refused by it.
fn content(path: &Path) -> Result<Vec<u8>, Failure> {
    let limit = u64::try_from(MOST_BYTES)
        .unwrap_or(u64::MAX)
        .saturating_add(1);
    let mut bytes = Vec::new();
    let read = if tapes::is_piped(path) {
        io::stdin().lock().take(limit).read_to_end(&mut bytes)
    } else {
        fs::File::open(path).and_then(|file| file.take(limit).read_to_end(&mut bytes))
    };
    read.with_context(|| format!("cannot read the page {}", path.display()))
        .because(Trouble::Io)?;
    Ok(bytes)
}

/// Writes the tape, unless another one stands there: a person may have edited it.
fn save(path: &Path, text: &str, existing: Existing) -> Result<(), Failure> {
    let present = fs::read(path).unwrap_or_default();
    if existing == Existing::Keep && !present.is_empty() && present != text.as_bytes() {
        return Err(anyhow!(
            "{} is there and differs; --force replaces it",
            path.display()
        ))
        .because(Trouble::Usage);
    }
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)
            .with_context(|| format!("cannot make the folder {}", folder.display()))
            .because(Trouble::Io)?;
    }
    let mut options = fs::OpenOptions::new();
    let options = tape::no_link(options.write(true).create(true).truncate(true));
    let written = options
        .open(path)
        .and_then(|mut file| file.write_all(text.as_bytes()));
    written
        .map_err(|error| {
            if tape::is_link(&error) {
                anyhow!("it is a symbolic link: name the file that it leads to")
            } else {
                error.into()
            }
        })
        .with_context(|| format!("cannot write the tape {}", path.display()))
        .because(Trouble::Io)
}

/// A title as the name of a file: `RemoveParticipant` is `remove-participant.tape`.
fn file_name(title: &str) -> String {
    let mut name = String::new();
    let mut before = ' ';
    for c in title.chars() {
        let begins_word = c.is_uppercase() && (before.is_lowercase() || before.is_ascii_digit());
        if (begins_word || !c.is_alphanumeric()) && !name.is_empty() && !name.ends_with('-') {
            name.push('-');
        }
        if c.is_alphanumeric() {
            name.extend(c.to_lowercase());
        }
        before = c;
    }
    let name = name.trim_matches('-');
    format!("{}.tape", if name.is_empty() { "page" } else { name })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn titles_become_names_of_files() {
        for (title, expected) in [
            (
                "RemoveParticipantFromConference",
                "remove-participant-from-conference.tape",
            ),
            ("Mute Call, Hold", "mute-call-hold.tape"),
            ("SendDTMF 2", "send-dtmf-2.tape"),
            ("../..", "page.tape"),
        ] {
            assert_eq!(file_name(title), expected);
        }
    }

    #[test]
    fn only_channels_and_paths_are_taken() {
        for (channel, expected) in [
            ("/v2/me/chats", true),
            ("foo", false),
            ("", false),
            ("/", false),
            ("/v2//me", false),
            ("/v2/*", false),
            ("/v2/**", false),
        ] {
            assert_eq!(check_channel(channel).is_ok(), expected, "{channel}");
        }
        for (endpoint, expected) in [
            ("/", true),
            ("/api/v2/notifications", true),
            ("/api/v2/notifications/", true),
            ("foo", false),
            ("", false),
            ("http://host/x", false),
            ("//host/x", false),
            ("/a b", false),
            ("/a?b", false),
            ("/a#b", false),
        ] {
            assert_eq!(check_endpoint(endpoint).is_ok(), expected, "{endpoint}");
        }
    }
}
