//! The flags of long recordings: when another segment begins, and what is kept.

use anyhow::{Context as _, bail};
use tokio::signal::unix::{SignalKind, signal};

use crate::cli::config::ConfigFlag;
use crate::cli::exit::{Because as _, Failure, Trouble};
use crate::cli::verify;
use crate::recorder::{Recorder, Rotate, Rotation};
use crate::tape::{Keep, Packing, Segment};

use super::settings::{RecordSettings, chosen};

/// A recording in segments.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Long recordings")]
pub(super) struct SegmentFlags {
    /// Make the tape a folder of segments, and begin another when one has this size (64MiB) or is this
    /// old (1h). SIGHUP begins another too; without --rotate it reopens the tape at its path [default: never].
    #[arg(long, value_name = "SIZE|DURATION|never", env = "ANTIPHON_ROTATE")]
    rotate: Option<String>,

    /// Keep only so many segments (10), the last of at most this size together (10GiB), or those of this
    /// time (7d); older ones are deleted. Without segments (--rotate) there is nothing to delete, and it is an
    /// error [default: all].
    #[arg(long, value_name = "N|SIZE|AGE|all", env = "ANTIPHON_KEEP")]
    keep: Option<String>,

    /// Compress what is written, in zstd frames that `zstd -d` reads too; `--compress=false` where
    /// antiphon.json5 says so and this recording shall not.
    #[arg(
        long,
        value_name = "true|false",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "true",
        hide_possible_values = true,
        env = "ANTIPHON_COMPRESS"
    )]
    compress: Option<bool>,
}

impl SegmentFlags {
    pub(super) fn packing(&self, file: &RecordSettings) -> Packing {
        if self.compress.unwrap_or(file.compress) {
            Packing::Zstd
        } else {
            Packing::Plain
        }
    }

    pub(super) fn rotation(
        &self,
        config: &ConfigFlag,
        file: &RecordSettings,
    ) -> anyhow::Result<Rotation> {
        let rotate = ("--rotate", self.rotate.as_ref());
        let keep = ("--keep", self.keep.as_ref());
        let rotate = chosen(config, rotate, ("record.rotate", file.rotate.as_ref()))?;
        // Whoever wants no segments does not ask the file which of them shall stay.
        let in_file = file.keep.as_ref().filter(|_| rotate != Some(Rotate::Never));
        let rotation = Rotation {
            rotate: rotate.unwrap_or_default(),
            keep: chosen(config, keep, ("record.keep", in_file))?.unwrap_or_default(),
        };
        if rotation.keep != Keep::All && rotation.rotate == Rotate::Never {
            let kept = config.pick(keep, ("record.keep", file.keep.clone()));
            let origin = kept.map(|setting| setting.origin).unwrap_or_default();
            bail!("{origin}: only segments can be kept: it wants --rotate (or record.rotate)");
        }
        Ok(rotation)
    }
}

/// The first segment of a recording that has a name of its own, if it is to have segments.
pub(super) fn first(rotation: Rotation) -> Option<Segment> {
    (rotation.rotate != Rotate::Never).then(|| Segment {
        recording: format!("{:016x}{:016x}", verify::any(), verify::any()),
        number: 1,
    })
}

/// Has the recording turn to another segment at each SIGHUP, for as long as it is polled.
pub(super) fn hangups(recorder: Recorder) -> Result<impl Future<Output = ()>, Failure> {
    let mut hangup = signal(SignalKind::hangup())
        .context("cannot hear SIGHUP")
        .because(Trouble::Io)?;
    Ok(async move {
        while hangup.recv().await.is_some() {
            recorder.reopen();
        }
    })
}
