//! Times whose white space went elsewhere: `2014-02-1308: 20: 59.000-0800`.

use super::{Mend, Offset};

/// The fewest and the most characters that a time has without its white space:
/// `08:20:59` and `2014-02-13T08:20:59.123456789+00:00`.
const LENGTHS: std::ops::RangeInclusive<usize> = 8..=35;

/// The longest text that is looked at: a time with a space at every place.
const TEXT_LIMIT: usize = 80;

/// Below this a number of the year 2000 and later counts seconds, above it milliseconds.
const SECONDS_BELOW: i64 = 100_000_000_000;

/// A time that a string says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::normalizer) struct Moment {
    /// Milliseconds from 1970 as the clock on the wall showed it.
    wall: i64,
    /// The time zone, where it says one.
    zone_minutes: Option<i64>,
    /// The smallest step it can tell: 1 or 1000 milliseconds.
    step: i64,
}

/// How two sayings of a time agree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::normalizer) enum Agreement {
    Same,
    /// The string has no zone; the clocks of some zone agree.
    SameButZone,
    Different,
}

impl Moment {
    /// Compares this time with a number of milliseconds (or of seconds) since 1970.
    pub(in crate::normalizer) fn compared_with(self, number: i64) -> Agreement {
        let millis = if number.abs() < SECONDS_BELOW {
            number.saturating_mul(1000)
        } else {
            number
        };
        let (whole, step) = if millis == number {
            (millis, self.step)
        } else {
            (millis, 1000)
        };
        let coarse = |value: i64| value.div_euclid(step);
        match self.zone_minutes {
            Some(zone) if coarse(self.wall - zone * 60_000) == coarse(whole) => Agreement::Same,
            Some(_) => Agreement::Different,
            None => {
                // Zones lie between -12:00 and +14:00, by quarters of an hour.
                let apart = coarse(self.wall) - coarse(whole);
                let quarter = 900_000 / step;
                if apart % quarter == 0 && (-48..=56).contains(&(apart / quarter)) {
                    Agreement::SameButZone
                } else {
                    Agreement::Different
                }
            }
        }
    }
}

/// Mends a string that is a damaged time; `None` where it is no time or a sound one.
pub(super) fn mend(text: &str) -> Option<Mend> {
    if text.len() > TEXT_LIMIT || !text.trim_start().starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    let tight: String = text.split_whitespace().collect();
    if !LENGTHS.contains(&tight.len()) {
        return None;
    }
    let time = Time::read(&tight)?;
    let written = time.written(text);
    if written == text || is_sound(text, &time) {
        return None;
    }
    let Some(moment) = time.moment() else {
        return Some(Mend::Hopeless {
            offset: Offset::Start,
            message: format!("`{text}` looks like a damaged time, but there is no such time"),
        });
    };
    Some(Mend::Mended {
        text: written,
        why: match time.date {
            Some(_) => "a time has one space, between day and hour".into(),
            None => "a time of day has no space inside".into(),
        },
        moment: time.date.is_some().then_some(moment),
    })
}

/// The parts of a time, as text.
struct Time<'t> {
    date: Option<&'t str>,
    /// Between day and hour, where it is a letter.
    mark: Option<char>,
    /// Hours, minutes and, where they are said, seconds with their fraction.
    clock: &'t str,
    zone: &'t str,
}

impl<'t> Time<'t> {
    /// Reads a time that has no white space.
    fn read(tight: &'t str) -> Option<Self> {
        let date_length = DATES
            .iter()
            .find(|shape| has_shape(tight, shape))
            .map(|shape| shape.len());
        let (date, rest) = tight.split_at_checked(date_length.unwrap_or(0))?;
        let mark = rest
            .chars()
            .next()
            .filter(|c| date_length.is_some() && "Tt".contains(*c));
        let rest = rest.get(mark.map_or(0, char::len_utf8)..)?;
        let clock_length = if has_shape(rest, "00:00:00") {
            8
        } else if date_length.is_some() && has_shape(rest, "00:00") {
            5
        } else {
            return None;
        };
        let after = rest.get(clock_length..)?;
        let fraction = match after.strip_prefix(['.', ',']) {
            Some(digits) => 1 + digits.bytes().take_while(u8::is_ascii_digit).count(),
            None => 0,
        };
        let (clock, zone) = rest.split_at_checked(clock_length + fraction)?;
        let known = zone.is_empty()
            || zone.chars().all(|c| c.is_ascii_uppercase()) && zone.len() <= 5
            || ["+00:00", "-00:00", "+0000", "-0000", "+00", "-00"]
                .iter()
                .any(|shape| zone.len() == shape.len() && has_shape(zone, shape));
        (known && fraction != 1).then_some(Self {
            date: date_length.map(|_| date),
            mark,
            clock,
            zone,
        })
    }

    /// The time as it is written when it is whole; before the zone a space stays where one was.
    fn written(&self, text: &str) -> String {
        let mut written = String::new();
        if let Some(date) = self.date {
            written.push_str(date);
            written.push(self.mark.unwrap_or(' '));
        }
        written.push_str(self.clock);
        let before_zone = text.trim_end();
        let spaced = !self.zone.is_empty()
            && zone_start(before_zone, self.zone.len())
                .and_then(|start| before_zone.get(..start))
                .is_some_and(|before| before.ends_with(char::is_whitespace));
        if spaced {
            written.push(' ');
        }
        written.push_str(self.zone);
        written
    }

    fn moment(&self) -> Option<Moment> {
        let part = |text: Option<&str>| text.and_then(|text| text.parse::<i64>().ok());
        let (year, month, day) = match self.date {
            Some(date) => year_month_day(date)?,
            None => (1970, 1, 1),
        };
        let hour = part(self.clock.get(0..2))?;
        let minute = part(self.clock.get(3..5))?;
        let second = part(self.clock.get(6..8)).unwrap_or(0);
        let fraction: String = self
            .clock
            .chars()
            .skip(9)
            .chain("000".chars())
            .take(3)
            .collect();
        if hour > 23 || minute > 59 || second > 60 || day > days_in(year, month)? || day < 1 {
            return None;
        }
        let seconds =
            days_from_1970(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second;
        Some(Moment {
            wall: seconds * 1000 + fraction.parse::<i64>().ok()?,
            zone_minutes: self.zone_minutes(),
            step: if self.clock.len() > 8 { 1 } else { 1000 },
        })
    }

    fn zone_minutes(&self) -> Option<i64> {
        if matches!(self.zone, "Z" | "UTC" | "GMT") {
            return Some(0);
        }
        let sign = match self.zone.chars().next()? {
            '+' => 1,
            '-' => -1,
            _ => return None,
        };
        let digits = self.zone.replace(':', "");
        let hours: i64 = digits.get(1..3)?.parse().ok()?;
        let minutes: i64 = digits.get(3..5).map_or(Some(0), |text| text.parse().ok())?;
        Some(sign * (hours * 60 + minutes))
    }
}

/// Dates whose day, month and year are set apart; digits stand for any digit.
const DATES: [&str; 4] = ["0000-00-00", "0000/00/00", "00/00/0000", "00.00.0000"];

fn has_shape(text: &str, shape: &str) -> bool {
    text.len() >= shape.len()
        && text.bytes().zip(shape.bytes()).all(|(byte, model)| {
            if model == b'0' {
                byte.is_ascii_digit()
            } else {
                byte == model
            }
        })
}

/// Where a zone of so many characters begins in a text that ends with it, white space not counted.
fn zone_start(text: &str, length: usize) -> Option<usize> {
    text.char_indices()
        .rev()
        .filter(|(_, c)| !c.is_whitespace())
        .nth(length.checked_sub(1)?)
        .map(|(place, _)| place)
}

/// Whether white space stands only where times have it: between day and hour, and before the zone.
fn is_sound(text: &str, time: &Time<'_>) -> bool {
    let mut words = text.split([' ', '\t']).filter(|word| !word.is_empty());
    let clock_and_zone = format!("{}{}", time.clock, time.zone);
    let clock_sound = |clock: Option<&str>, zone: Option<&str>| match zone {
        None => clock == Some(clock_and_zone.as_str()),
        Some(zone) => clock == Some(time.clock) && zone == time.zone,
    };
    match (time.date, time.mark) {
        (Some(date), None) => {
            words.next() == Some(date)
                && clock_sound(words.next(), words.next())
                && words.next().is_none()
        }
        (Some(date), Some(mark)) => {
            let first = words.next().and_then(|word| word.strip_prefix(date));
            let clock = first.and_then(|word| word.strip_prefix(mark));
            clock_sound(clock, words.next()) && words.next().is_none()
        }
        (None, _) => clock_sound(words.next(), words.next()) && words.next().is_none(),
    }
}

/// Year, month and day of a date; none where day and month cannot be told apart.
fn year_month_day(date: &str) -> Option<(i64, i64, i64)> {
    let mut parts = date.split(['-', '/', '.']).map(str::parse::<i64>);
    let (first, second, third) = (
        parts.next()?.ok()?,
        parts.next()?.ok()?,
        parts.next()?.ok()?,
    );
    if date.contains('.') {
        Some((third, second, first))
    } else if date.find(['-', '/']) == Some(4) {
        Some((first, second, third))
    } else if first > 12 {
        Some((third, second, first))
    } else {
        Some((third, first, second))
    }
}

fn days_in(year: i64, month: i64) -> Option<i64> {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    Some(match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 if leap => 29,
        2 => 28,
        _ => return None,
    })
}

/// Days since 1970 in the Gregorian calendar, counted in years that begin in March.
fn days_from_1970(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let month = (month + 9) % 12;
    let day_of_year = (153 * month + 2) / 5 + day - 1;
    let leap_days = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    year * 365 + leap_days + day_of_year - 719_468
}
