//! The columns of the timeline: a clock, and a lane for each session.
//!
//! It knows what a row is and how wide; what the rows say is decided in `timeline`.

use crate::exchange::Micros;

/// The narrowest lane that still says something. Where the sessions' lanes would be narrower, they
/// share one and each event names its session.
const MIN_LANE: usize = 26;

/// The widest that a session's name becomes where each event names it.
const MAX_NAME: usize = 24;

/// What stands between two columns.
const RULE: &str = " │ ";

/// One line of the picture.
pub(super) struct Row {
    /// When, on the first line of an event.
    pub(super) at: Option<Micros>,
    /// Whose lane it stands in; across all of them where it is nobody's.
    pub(super) session: Option<String>,
    /// What stands there.
    pub(super) text: String,
}

/// Where the columns are.
pub(super) struct Grid {
    sessions: Vec<String>,
    lanes: Lanes,
    lane_width: usize,
    clock: Clock,
    clock_width: usize,
}

/// How the sessions share the width.
enum Lanes {
    /// Each has a lane.
    Apart,
    /// All share one, and a column of this width names the session.
    Shared(usize),
}

/// How times are written, in milliseconds.
#[derive(Clone, Copy)]
enum Clock {
    Whole,
    Thousandths,
}

impl Clock {
    fn show(self, at: Micros) -> String {
        match self {
            Clock::Whole => (at.0 / 1000).to_string(),
            Clock::Thousandths => format!("{}.{:03}", at.0 / 1000, at.0 % 1000),
        }
    }
}

impl Grid {
    /// The columns for these sessions and times, in at most `width`.
    pub(super) fn new(
        sessions: Vec<String>,
        times: impl Iterator<Item = Micros>,
        width: usize,
    ) -> Self {
        let times: Vec<Micros> = times.collect();
        let clock = if times.iter().all(|at| at.0 % 1000 == 0) {
            Clock::Whole
        } else {
            Clock::Thousandths
        };
        let longest_time = times.iter().map(|at| clock.show(*at).len()).max();
        let clock_width = longest_time.unwrap_or_default().max("ms".len());
        let rule = RULE.chars().count();
        let room = width.saturating_sub(clock_width);
        let apart = (room / sessions.len().max(1)).saturating_sub(rule);
        let (lanes, lane_width) = if apart >= MIN_LANE || sessions.len() < 2 {
            (Lanes::Apart, apart)
        } else {
            let longest_name = sessions.iter().map(|name| name.chars().count()).max();
            let names = longest_name
                .unwrap_or_default()
                .clamp("session".len(), MAX_NAME);
            let shared = room.saturating_sub(rule + names + rule);
            (Lanes::Shared(names), shared)
        };
        Grid {
            sessions,
            lanes,
            lane_width,
            clock,
            clock_width,
        }
    }

    /// How wide the text of a row may be.
    pub(super) fn lane_width(&self) -> usize {
        self.lane_width
    }

    /// The names of the columns, and the rule under them.
    pub(super) fn head(&self) -> [String; 2] {
        let names = match self.lanes {
            Lanes::Apart => self.sessions.clone(),
            Lanes::Shared(_) => vec!["session".into(), String::new()],
        };
        let mut rule = "─".repeat(self.clock_width + 1);
        for width in self.widths() {
            rule.push('┼');
            rule.push_str(&"─".repeat(width + 2));
        }
        rule.pop(); // the last column needs no room after it
        [self.cells("ms", &names), rule]
    }

    /// One row.
    pub(super) fn line(&self, row: &Row) -> String {
        let time = row.at.map(|at| self.clock.show(at)).unwrap_or_default();
        let Some(session) = &row.session else {
            return self.across(&time, &row.text);
        };
        let cells: Vec<String> = match self.lanes {
            Lanes::Apart => {
                let own = |name: &String| name == session;
                let cell = |name| own(name).then(|| row.text.clone());
                let cells = self.sessions.iter().map(cell);
                cells.map(Option::unwrap_or_default).collect()
            }
            Lanes::Shared(_) => {
                let name = row.at.map(|_| session.clone());
                vec![name.unwrap_or_default(), row.text.clone()]
            }
        };
        self.cells(&time, &cells)
    }

    fn across(&self, time: &str, text: &str) -> String {
        let rule = RULE.chars().count();
        let room: usize = self.widths().iter().map(|width| width + rule).sum();
        let text = fit(text, room.saturating_sub(rule));
        format!("{time:>width$}{RULE}{text}", width = self.clock_width)
    }

    fn widths(&self) -> Vec<usize> {
        match self.lanes {
            Lanes::Apart => vec![self.lane_width; self.sessions.len()],
            Lanes::Shared(names) => vec![names, self.lane_width],
        }
    }

    fn cells(&self, time: &str, cells: &[String]) -> String {
        let mut line = format!("{time:>width$}", width = self.clock_width);
        for (cell, width) in cells.iter().zip(self.widths()) {
            let text = fit(cell, width);
            line.push_str(RULE);
            line.push_str(&text);
            line.extend(std::iter::repeat_n(
                ' ',
                width.saturating_sub(text.chars().count()),
            ));
        }
        line
    }
}

/// The text, or as much of its beginning as `width` columns hold with a `…` after it.
pub(super) fn fit(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    let mut out: String = text.chars().take(width.saturating_sub(1)).collect();
    if width > 0 {
        out.push('…');
    }
    out
}
